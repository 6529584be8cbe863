"""The demo image: the same on the same host, small, and telling the truth about itself in a real container."""

from __future__ import annotations

import json
import shlex
import shutil
import stat
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Cutaway
from waiting import until

from engine import trace
from engine.demo import build_demo
from engine.disk import DataRoot
from engine.errors import Cancelled
from engine.jobs import Job
from engine.reference import BUILT_IN
from engine.store import ImageRecord, Store

pytestmark = pytest.mark.root


def built(folder: Path) -> tuple[Store, ImageRecord]:
    store = Store(DataRoot(folder))
    store.prepare()
    return store, build_demo(store, Job("demo", lambda event: None))


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="cutaway-", dir="/tmp"))  # short: there are sockets in it
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def demo(folder: Path) -> tuple[Store, ImageRecord]:
    return built(folder / "data")


@pytest.fixture(scope="module")
def cutaway(folder: Path, demo: object) -> Iterator[Cutaway]:
    made = Cutaway(folder / "data", folder / "run")
    yield made
    made.remove_everything()


def test_the_same_host_makes_the_same_image(tmp_path: Path, demo: tuple[Store, ImageRecord]) -> None:
    _, again = built(tmp_path / "another")
    assert again == demo[1]


def test_no_layer_tells_a_path_twice(demo: tuple[Store, ImageRecord]) -> None:
    """podman and docker refuse a layer that does."""
    store, image = demo
    for layer in image.manifest.layers:
        with tarfile.open(store.blob_path(layer.digest)) as archive:
            names = archive.getnames()
        assert len(names) == len(set(names))


def test_it_is_small_and_well_described(demo: tuple[Store, ImageRecord]) -> None:
    store, image = demo
    assert image.name == BUILT_IN == "localhost/cutaway/demo:latest"
    assert len(image.manifest.layers) == 3
    assert sum(layer.size for layer in image.manifest.layers) < 10_000_000
    records = [store.layer(chain_id) for chain_id in image.chain_ids]
    assert sum(record.size for record in records if record) < 15_000_000
    history = image.config.history or []
    assert len([step for step in history if not step.empty_layer]) == 3
    assert all(step.created and step.created_by for step in history)
    assert image.config.execution.cmd == ["/usr/local/bin/hello"]
    assert "org.opencontainers.image.title" in (image.config.execution.labels or {})


def test_its_journal_says_how_it_was_made(demo: tuple[Store, ImageRecord]) -> None:
    store, image = demo
    steps = trace.read(store.root.traces / f"{image.descriptor.digest.hex}.jsonl")
    assert [step.command.split()[0] for step in steps][:3] == ["tar"] * 3


def test_layer_3_deletes_replaces_and_empties(demo: tuple[Store, ImageRecord]) -> None:
    store, image = demo
    lower, top = store.layer_path(image.chain_ids[1]) / "srv", store.layer_path(image.chain_ids[2]) / "srv"
    assert sorted(path.name for path in (lower / "menu").iterdir()) == ["bread", "soup"]
    whiteout = (top / "draft").lstat()
    assert (stat.S_ISCHR(whiteout.st_mode), whiteout.st_rdev) == (True, 0)
    assert (lower / "greeting").read_text() != (top / "greeting").read_text()
    assert [path.name for path in (top / "menu").iterdir()] == ["cake"]


def test_nothing_in_it_gains_privileges(demo: tuple[Store, ImageRecord]) -> None:
    store, image = demo
    for chain_id in image.chain_ids:
        for path in store.layer_path(chain_id).rglob("*"):
            mode = path.lstat().st_mode
            assert not stat.S_ISREG(mode) or not mode & (stat.S_ISUID | stat.S_ISGID), path


def test_its_program_looks_around(cutaway: Cutaway) -> None:
    said = cutaway.out("run", "--rm", "demo")
    assert "Hello from inside a container." in said
    assert "uid=0(root)" in said
    assert "processes in sight: 1; process 1 is 'hello', and I am process 1" in said
    assert "Good evening from layer 3" in said
    assert "something is wrong" not in said
    assert "holds cake: layer 3 made it opaque" in said
    assert "written by process 1" in said
    assert max(map(len, said.splitlines())) < 100, "they fit a terminal"


def test_the_walk_through_shows_lines_that_do_the_same(cutaway: Cutaway) -> None:
    said = cutaway.out("demo")
    line = next(line for line in said.splitlines() if "$ cutaway config" in line)
    words = shlex.split(line.partition("$ cutaway")[2])
    assert "GREETING=hello from the demo" in cutaway.json(*words)["process"]["env"]
    assert "hello from the demo" in said


def test_it_copes_with_a_guest_and_a_read_only_root(cutaway: Cutaway) -> None:
    said = cutaway("run", "--rm", "--user", "guest", "--read-only", "-e", "GREETING=Hi.", "demo")
    assert said.stdout.startswith("Hi.\n")
    assert "uid=1000(guest) gid=1000(guest)" in said.stdout
    assert "Layer 2 wrote this, and nobody touched it since." in said.stdout
    assert "could not be written" in said.stdout
    assert said.stderr == ""


def test_every_program_of_the_host_runs_in_it(cutaway: Cutaway) -> None:
    """A library that is missing shows as 127 or a complaint of the loader."""
    script = """
    for name in $(cat /usr/share/cutaway-demo/programs); do
        "$name" --version > /tmp/said 2>&1 < /dev/null
        code=$?
        if [ $code = 127 ] || grep -q "shared librar" /tmp/said; then echo "$name: $(cat /tmp/said)"; fi
    done
    ls -l /usr/bin/sh /srv; id guest; ps -e; mount; head -n 1 /etc/passwd | cut -d: -f1 | tr a-z A-Z; date +%Y
    """
    said = cutaway.out("run", "--rm", "demo", "sh", "-c", script)
    assert "shared librar" not in said
    assert "not found" not in said
    assert "ROOT" in said


def test_building_can_be_cancelled_and_leaves_nothing(tmp_path: Path) -> None:
    store = Store(DataRoot(tmp_path / "data"))
    store.prepare()
    job = Job("demo", lambda event: None)
    job.cancel()
    with pytest.raises(Cancelled):
        build_demo(store, job)
    assert list(store.root.tmp.iterdir()) == []
    assert store.images() == []


@pytest.mark.interop("skopeo", "umoci")
def test_skopeo_and_umoci_take_it_as_it_is(demo: tuple[Store, ImageRecord], tmp_path: Path) -> None:
    store, _ = demo
    at = f"{store.root.images}:{BUILT_IN}"
    subprocess.run(["skopeo", "copy", "-q", f"oci:{at}", f"docker-archive:{tmp_path}/demo.tar"], check=True)
    subprocess.run(["umoci", "unpack", "--image", at, str(tmp_path / "bundle")], check=True)
    rootfs = tmp_path / "bundle/rootfs"
    assert not (rootfs / "srv/draft").exists()
    assert [path.name for path in (rootfs / "srv/menu").iterdir()] == ["cake"]
    done = subprocess.run(["chroot", str(rootfs), "/bin/ls", "/"], capture_output=True, text=True, check=True)
    assert "srv" in done.stdout.split()


def test_a_bare_directory_names_no_command(cutaway: Cutaway, tmp_path: Path) -> None:
    image = f"rootfs:{cutaway.out('mount', BUILT_IN)}"
    made = cutaway("config", image)
    assert "names no command" in made.stderr
    assert json.loads(made.stdout)["process"]["args"] == []
    assert "nothing to run" in cutaway("run", "--rm", image, code=2).stderr
    (tmp_path / "c.json").write_text(made.stdout.replace('"args": []', '"args": ["echo", "from the file"]', 1))
    assert cutaway.out("run", "--rm", f"--config={tmp_path / 'c.json'}", image) == "from the file"
    line = f"{shlex.join(cutaway.command('run', '--rm', '--config=-', image))} <{tmp_path / 'c.json'}"
    assert subprocess.check_output(line, shell=True, env=cutaway.environment, text=True) == "from the file\n"


def test_what_cannot_be_written_is_told(cutaway: Cutaway) -> None:
    cutaway("run", "--name=heard", BUILT_IN, "echo", "here")
    unheard = ["run", "--rm", "--name=unheard", BUILT_IN, "sh", "-c", "echo hi; sleep 1; exit 3"]
    for words, said in ((unheard, "unheard prints cannot be written"), (["logs", "heard"], "No space left")):
        line = f"{shlex.join(cutaway.command(*words))} >/dev/full"
        done = subprocess.run(line, shell=True, env=cutaway.environment, capture_output=True, text=True, check=False)
        assert (done.returncode, len(done.stderr.splitlines())) == (125, 1), done.stderr
        assert said in done.stderr
        until(lambda: "unheard" not in cutaway.out("ps", "-a", "--format={{.Names}}").split())  # it goes on to its end
    cutaway("rm", "heard")
