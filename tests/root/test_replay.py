"""`trace --script`: without any container engine the script makes the same files, and the same output."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from isal import igzip
from layer_kit import END, directory, file, link, snapshot, symlink
from real_registry import docker_registry
from small_image import put_blob

from engine import Attachment, Job, RunOptions, UsageError, Workbench
from engine.digest import Digest
from engine.disk import DataRoot
from engine.errors import ContainerState
from engine.events import ignore
from engine.oci import CONFIG, INDEX, LAYER_GZIP, MANIFEST
from engine.rootfs import FEATURES

pytestmark = [pytest.mark.root, pytest.mark.interop("curl", "setfattr", "zstd", "skopeo")]

LIST = ("sh", "-c", "ls -lR /data; cat /data/* 2>/dev/null; echo done")


def archive(*members: bytes) -> bytes:
    return b"".join(members) + END


@dataclass(frozen=True)
class Case:
    """An image's layers above the tools, its configuration, and what is run in it."""

    name: str
    layers: tuple[bytes, ...] = ()
    config: dict[str, Any] | None = None
    options: RunOptions = field(default_factory=RunOptions)
    code: int = 0
    compress: str = "gzip"


CASES = [
    Case("output and exit code", options=RunOptions(args=("sh", "-c", "echo out; echo err >&2; exit 7")), code=7),
    Case(
        "whiteouts",
        (
            archive(directory("data/"), file("data/gone", b"1"), file("data/stays", b"2"), directory("data/dir/")),
            archive(file("data/.wh.gone"), file("data/.wh.dir"), file("data/new", b"3")),
        ),
        options=RunOptions(args=LIST),
    ),
    Case(
        "opaque, of zstd",
        (
            archive(directory("data/"), directory("data/menu/", mtime=5), file("data/menu/soup", b"1")),
            archive(directory("data/menu/"), file("data/menu/.wh..wh..opq"), file("data/menu/cake", b"2")),
        ),
        options=RunOptions(args=LIST),
        compress="zstd",
    ),
    Case(
        "directories without entries",
        (
            archive(directory("data/", mode=0o700, uid=7, mtime=9), directory("data/a/", mode=0o711, gid=8)),
            archive(file("data/a/b/c", b"1"), file("nowhere/d", b"2")),
        ),
        options=RunOptions(args=LIST),
    ),
    Case(
        "below a link, not compressed",
        (archive(directory("data/"), symlink("dada", "data")), archive(file("dada/file", b"1"))),
        options=RunOptions(args=LIST),
        compress="none",
    ),
    Case(
        "owners, modes, links, times",
        (
            archive(
                directory("data/", mode=0o1777, uid=1000, gid=100),
                file("data/program", b"1", mode=0o4755, uid=12, gid=34, mtime=77),
                link("data/same", "data/program"),
                symlink("data/link", "/etc/passwd"),
                file("data/fine", b"2", records={"mtime": b"1234.5678"}),
                file("data/labelled", b"3", records={"SCHILY.xattr.user.colour": b"blue"}),
            ),
        ),
        options=RunOptions(args=LIST),
    ),
    Case(
        "a user of the image",
        (archive(file("etc/passwd", b"root:x:0:0::/:/bin/sh\nann:x:12:34::/:/bin/sh\n"), directory("data/", uid=12)),),
        {"User": "ann", "Env": ["A=b c", "Q='\"$`"], "WorkingDir": "/data"},
        RunOptions(args=("sh", "-c", "id; pwd; echo $A $Q; touch mine; ls -l")),
    ),
    Case("limits and rights", options=RunOptions(args=("true",), memory="64m", cap_drop=("ALL",), read_only=True)),
    Case("no network, a name", options=RunOptions(args=("cat", "/etc/hosts"), network="none", hostname="box")),
    Case("what ends here-documents", options=RunOptions(args=("echo", "x\nEND\n$(touch /oops)"), env=("É=ü",))),
]


@cache  # the tools are every image's
def packed(raw: bytes, how: str) -> tuple[bytes, str]:
    if how == "zstd":
        done = subprocess.run(["zstd", "-qc"], input=raw, capture_output=True, check=True)
        return done.stdout, LAYER_GZIP.replace("gzip", "zstd")
    return (raw, LAYER_GZIP.removesuffix("+gzip")) if how == "none" else (igzip.compress(raw, 1), LAYER_GZIP)


def layout(folder: Path, tools: bytes, case: Case) -> Path:
    """The case's image, as an image layout."""
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)

    put = partial(put_blob, blobs)
    raws = [tools, *case.layers]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": case.config or {},
        "rootfs": {"type": "layers", "diff_ids": [Digest.of(raw) for raw in raws]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": put(json.dumps(config).encode(), CONFIG),
        "layers": [put(*packed(raw, case.compress)) for raw in raws],
    }
    top = {**put(json.dumps(manifest).encode(), MANIFEST), "annotations": {"org.opencontainers.image.ref.name": "x"}}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [top]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return folder


@pytest.fixture(scope="module")
def tools(rootfs_dir: Path) -> bytes:
    """The lowest layer: this host's own tools."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.add(rootfs_dir, ".")
    return raw.getvalue()


@contextmanager
def merged(home: Path, layers: list[Path], bundle: Path) -> Iterator[Path]:
    """A container's files as they are after its end."""
    made = home / "seen"
    made.mkdir()
    for number, layer in enumerate([bundle / "upper", *reversed(layers)]):
        (home / str(number)).symlink_to(layer)
    lower = ":".join(str(number) for number in range(len(layers) + 1))
    subprocess.run(["mount", "-t", "overlay", "-o", f"ro,{FEATURES},lowerdir={lower}", "o", made], cwd=home, check=True)
    try:
        yield made
    finally:
        subprocess.run(["umount", made], check=True)


def files_of(home: Path, layers: list[Path], bundle: Path) -> dict[str, tuple[Any, ...]]:
    """Everything, with the times of what the image brought."""
    home.mkdir()
    with merged(home, layers, bundle) as seen:
        found = snapshot(seen)
    touched = {str(path.relative_to(bundle / "upper")) for path in [bundle / "upper", *(bundle / "upper").rglob("*")]}
    return {name: (*it[:3], None if name in touched else it[3], *it[4:]) for name, it in found.items()}


def originally(
    workbench: Workbench, options: RunOptions, image: str, tmp_path: Path
) -> tuple[str, int | None, str, str]:
    """Run it by Cutaway: the container's name, its exit code, stdout and stderr."""
    made = workbench.create(workbench.draft(image, options, Job("draft", ignore)), Job("create", ignore))
    with (tmp_path / "out").open("wb") as out, (tmp_path / "err").open("wb") as err:
        code = workbench.run(made.id, Attachment(None, out.fileno(), err.fileno()), Job("run", ignore))
    return made.name, code, (tmp_path / "out").read_text(), (tmp_path / "err").read_text()


def replay(script: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run the script, with nothing of Cutaway's environment."""
    (tmp_path / "replay.sh").write_text(script)
    return subprocess.run(
        ["sh", tmp_path / "replay.sh", tmp_path / "again"],
        env={"PATH": "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_script_makes_the_same_container(case: Case, tools: bytes, data_root: DataRoot, tmp_path: Path) -> None:
    workbench = Workbench(data_root.path)
    image = workbench.pull(f"oci:{layout(tmp_path / 'image', tools, case)}:x", Job("pull", ignore))
    name, code, out, err = originally(workbench, case.options, image.reference, tmp_path)
    again = replay(workbench.script(name), tmp_path)
    said = [line for line in again.stderr.splitlines(keepends=True) if not line.startswith("replay: ")]
    assert (again.returncode, again.stdout, "".join(said)) == (code, out, err)
    assert code == case.code

    home, theirs = workbench.container(name).path, tmp_path / "again"
    layers = [Path(layer.path) for layer in workbench.layers(image.reference)]
    ours = files_of(tmp_path / "ours", layers, home)
    remade = sorted((theirs / "layers").iterdir(), key=lambda path: int(path.name))
    assert files_of(tmp_path / "theirs", remade, theirs / "bundle") == ours

    config, copy = (json.loads((path / "config.json").read_text()) for path in (home, theirs / "bundle"))
    assert copy["linux"].pop("cgroupsPath") != config["linux"].pop("cgroupsPath")
    assert copy == config
    workbench.remove(name, Job("rm", ignore))


def test_blobs_come_from_the_registry_that_the_image_came_from(
    tools: bytes, data_root: DataRoot, tmp_path: Path
) -> None:
    case = CASES[1]
    (tmp_path / "registry").mkdir()
    with docker_registry(tmp_path / "registry") as host:
        source = f"oci:{layout(tmp_path / 'image', tools, case)}:x"
        copy = ["skopeo", "copy", "-q", "--dest-tls-verify=false", source, f"docker://{host}/a/image:1"]
        subprocess.run(copy, check=True)
        workbench = Workbench(data_root.path)
        image = workbench.pull(f"{host}/a/image:1", Job("pull", ignore), tls_verify=False)
        name, code, out, _ = originally(workbench, case.options, image.reference, tmp_path)
        script = workbench.script(name)
        workbench.remove(name, Job("rm", ignore))
        shutil.rmtree(data_root.path / "images")  # nothing is taken from here
        again = replay(script, tmp_path)
    assert (again.returncode, again.stdout) == (code, out), again.stderr


def test_a_damaged_blob_stops_the_script(tools: bytes, data_root: DataRoot, tmp_path: Path) -> None:
    workbench = Workbench(data_root.path)
    image = workbench.pull(f"oci:{layout(tmp_path / 'image', tools, CASES[0])}:x", Job("pull", ignore))
    made = workbench.create(workbench.draft(image.reference, CASES[0].options, Job("d", ignore)), Job("c", ignore))
    script = workbench.script(made.id)
    blob = data_root.images / "blobs/sha256" / workbench.layers(image.reference)[0].digest.removeprefix("sha256:")
    blob.write_bytes(blob.read_bytes()[:-1] + b"x")
    again = replay(script, tmp_path)
    assert again.returncode == 125
    assert "is not what its name promises" in again.stderr
    assert not (tmp_path / "again/bundle/config.json").exists()


def test_a_hostile_image_gets_no_file_out_of_its_directory(tools: bytes, data_root: DataRoot, tmp_path: Path) -> None:
    (tmp_path / "host").mkdir()
    hostile = (
        archive(symlink("a", "evil/deep")),
        archive(symlink("evil", str(tmp_path / "host")), file("a/file", b"1")),
    )
    workbench = Workbench(data_root.path)
    case = Case("hostile", hostile, options=RunOptions(args=("true",)))
    image = workbench.pull(f"oci:{layout(tmp_path / 'image', tools, case)}:x", Job("pull", ignore))
    made = workbench.create(workbench.draft(image.reference, case.options, Job("d", ignore)), Job("c", ignore))
    assert replay(workbench.script(made.id), tmp_path).returncode == 125
    assert list((tmp_path / "host").iterdir()) == []


def test_what_has_no_script(tools: bytes, data_root: DataRoot, tmp_path: Path) -> None:
    workbench = Workbench(data_root.path)
    image = workbench.pull(f"oci:{layout(tmp_path / 'image', tools, CASES[0])}:x", Job("pull", ignore))
    draft = workbench.draft(image.reference, RunOptions(args=("true",)), Job("d", ignore))
    config = json.loads(draft.text)
    config["linux"]["namespaces"].append({"type": "network", "path": "/run/netns/gone"})
    made = workbench.create(draft.with_text(json.dumps(config)), Job("c", ignore))
    with pytest.raises(ContainerState, match="network"):
        workbench.script(made.id)
    with pytest.raises(UsageError, match="is an image"):
        workbench.script(image.reference)


def test_no_control_sequence_gets_into_the_script(tools: bytes, data_root: DataRoot, tmp_path: Path) -> None:
    workbench = Workbench(data_root.path)
    case = Case("hostile", config={"Env": ["A=\x1b]0;x\x07\u202e\x9b"], "Labels": {"\x1b[31m": "\n"}})
    image = workbench.pull(f"oci:{layout(tmp_path / 'image', tools, case)}:x", Job("pull", ignore))
    options = RunOptions(args=("echo", "$(reboot)`reboot`'\""))
    made = workbench.create(workbench.draft(image.reference, options, Job("d", ignore)), Job("c", ignore))
    script = workbench.script(made.id)
    assert script.isascii()
    assert all(letter.isprintable() or letter in "\n\t" for letter in script)
