"""Containers of podman, docker and bare runc, adopted: from where they are to where they run under Cutaway."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import other_engines
import pytest
from command_line import Cutaway
from other_engines import Podman
from waiting import until

from engine import Job, Workbench
from engine.events import ignore
from engine.neighbours import Docker, Neighbours

pytestmark = [pytest.mark.interop("podman", "busybox"), pytest.mark.root]

LINE = "echo $SEED; hostname; id -u; cat /host/hostname; echo $(cat /etc/hostname); test -w /dev/shm && echo shm"


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    with other_engines.podman() as made:
        os.environ.update(made.environment)
        yield made
        for name in made.environment:
            del os.environ[name]


@pytest.fixture(scope="module")
def ended(podman: Podman) -> str:
    """A container of podman's that has run."""
    podman(
        *["run", "--name=ended", "--network=none", "--hostname=seed", "--env=SEED=from podman", "--user=ann"],
        *["--volume=/etc:/host:ro", "--memory=64m", "probe", "sh", "-c", LINE],
    )
    return "podman:ended"


def config_of(cutaway: Cutaway, name: str) -> tuple[dict[str, Any], dict[str, list[str]]]:
    folder = Path(cutaway.json("inspect", name)[0]["path"])
    return json.loads((folder / "config.json").read_text()), json.loads((folder / "provenance.json").read_text())


def test_podmans_container_runs_again_under_cutaway(cutaway: Cutaway, podman: Podman, ended: str) -> None:
    path = Path(podman("inspect", "--format={{.OCIConfigPath}}", "ended"))
    before = path.read_bytes()
    said = cutaway("adopt", ended, "--name=mine").stderr
    for told in (
        "/root/path: on the layers of podman's localhost/probe",
        "memory of its own on /dev/shm",
        "cgroupsPath",
    ):
        assert told in said
    assert cutaway.out("start", "--attach", "mine") == podman("logs", "ended")
    config, provenance = config_of(cutaway, "mine")
    assert provenance["/process/env/0"] == ["adopted", "podman's container ended, as it was"]
    assert provenance["/root/path"][0] == "host"
    shm = next(n for n, mount in enumerate(config["mounts"]) if mount["destination"] == "/dev/shm")
    assert provenance[f"/mounts/{shm}/type"][1].startswith("memory of its own")
    assert config["linux"]["resources"]["memory"]["limit"] == 64 << 20
    assert str(podman.home) not in json.dumps(config)
    assert path.read_bytes() == before
    cutaway("rm", "mine")


def test_one_that_runs_is_adopted_beside_it(cutaway: Cutaway, podman: Podman) -> None:
    podman("run", "--detach", "--name=busy", "--network=host", "probe", "sh", "-c", "echo here > /mark; sleep 60")
    notes = cutaway.json("adopt", "podman:busy", "--rm", "--json")
    assert notes["image"] == "containers-storage:localhost/probe:latest"
    assert any(note["pointer"] == "/linux/cgroupsPath" for note in notes["notes"])
    cutaway("start", notes["id"])
    both = [cutaway.json("ps", "--json")[0]["status"], podman("inspect", "--format={{.State.Status}}", "busy")]
    assert both == ["running", "running"]
    cutaway("rm", "--force", notes["id"])
    assert podman("inspect", "--format={{.State.Status}}", "busy") == "running"


def test_on_an_image_that_is_here(cutaway: Cutaway, podman: Podman, ended: str, tmp_path: Path) -> None:
    podman("push", "--quiet", "localhost/probe", f"oci:{tmp_path}/layout:probe")
    pulled = cutaway.out("pull", f"oci:{tmp_path}/layout")
    assert "which is here" in cutaway("adopt", ended, "--name=same").stderr
    (record,) = cutaway.json("inspect", "same")
    assert record["image"] in pulled or record["image"].startswith("localhost/layout")
    assert "from podman" in cutaway.out("start", "--attach", "same")
    assert "where they are" not in cutaway("adopt", ended, "--image", record["image"], "--name=named").stderr
    cutaway("rm", "same", "named")
    cutaway("rmi", record["image"])


def test_only_the_text(cutaway: Cutaway, ended: str, tmp_path: Path) -> None:
    printed = cutaway.out("adopt", ended, "--print")
    assert json.loads(printed)["hostname"] == "seed"
    cutaway("adopt", ended, "-o", str(tmp_path / "out.json"))
    assert json.loads((tmp_path / "out.json").read_text())["hostname"] == "seed"
    assert "cannot write" in cutaway("adopt", ended, "-o", str(tmp_path / "no/such"), code=2).stderr
    assert cutaway.json("ps", "--all", "--json") == []


def test_what_is_here_is_listed(cutaway: Cutaway, podman: Podman, ended: str) -> None:
    podman("create", "--name=fresh", "--network=none", "probe")
    podman("create", "--name=prepared", "--network=none", "probe")
    podman("container", "init", "prepared")
    podman("container", "cleanup", "prepared")  # as after a first start that failed: created again, with a config.json
    lines = {line["name"]: line for line in cutaway.json("adopt", "--json") if line["engine"] == "podman"}
    assert lines["ended"]["status"] == "exited"
    assert not lines["ended"]["why_not"]
    assert "first" in lines["fresh"]["why_not"]
    assert lines["prepared"]["status"] == lines["fresh"]["status"] == "created"
    assert not lines["prepared"]["why_not"]
    assert cutaway("adopt", "podman:prepared", "--print").returncode == 0
    assert "podman:ended" in cutaway.out("adopt")
    assert "podman init fresh" in cutaway("adopt", "podman:fresh", code=125).stderr


@pytest.mark.parametrize(
    ("what", "code", "told"),
    [
        ("podman:--help", 2, "not a container's name"),
        ("podman:", 2, "not a container's name"),
        ("podman:../../etc", 2, "not a container's name"),
        ("podman:nobody", 1, "no container 'nobody'"),
        ("docker:\x1b[31mred", 2, "not a container's name"),
        ("docker:nobody", 1, "no container 'nobody'"),
        ("runc:--root=x", 2, "not a container's name"),
        ("runc:nobody", 1, "no container 'nobody'"),
        ("lxc:web", 2, "no file 'lxc:web'"),
        ("/nowhere/config.json", 2, "cutaway adopt lists"),
    ],
)
def test_what_cannot_be_adopted(cutaway: Cutaway, podman: Podman, what: str, code: int, told: str) -> None:
    said = cutaway("adopt", what, code=code).stderr
    assert told in said
    assert "\x1b" not in said


def test_a_file(cutaway: Cutaway, tmp_path: Path) -> None:
    subprocess.run(["runc", "spec"], cwd=tmp_path, check=True)
    path = tmp_path / "config.json"
    assert "--image IMAGE" in cutaway("adopt", str(path), code=2).stderr
    other_engines.small_rootfs(tmp_path / "rootfs")
    config = json.loads(path.read_text())
    config["process"] |= {"terminal": False, "args": ["sh", "-c", "echo x > /new; cat /new /etc/hostname"]}
    config["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "hard": 2**62, "soft": 2**62}]
    config["root"]["readonly"] = False
    config["mounts"].append(
        {"destination": "/etc/hostname", "type": "bind", "source": "/etc/hostname", "options": ["bind"]}
    )
    path.write_text(json.dumps(config))
    said = cutaway("adopt", str(path), "--name=filed", "--rm").stderr
    assert f"on the directory {tmp_path}/rootfs" in said
    assert cutaway.out("start", "--attach", "filed") == f"x\n{Path('/etc/hostname').read_text().strip()}"
    assert not (tmp_path / "rootfs/new").exists()
    path.write_text("[1, 2")
    assert "not JSON" in cutaway("adopt", str(path), code=1).stderr


def test_runcs_own_container(cutaway: Cutaway, tmp_path: Path) -> None:
    other_engines.small_rootfs(tmp_path / "rootfs")
    subprocess.run(["runc", "spec"], cwd=tmp_path, check=True)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    config["process"] |= {"terminal": False, "args": ["sh", "-c", "echo bare runc; sleep 60"], "rlimits": []}
    config["linux"]["cgroupsPath"] = f"/cutaway-test/{uuid.uuid4().hex}"
    path.write_text(json.dumps(config))
    name = f"cutaway-test-{uuid.uuid4().hex[:8]}"
    with (tmp_path / "out").open("wb") as out:
        subprocess.run(
            ["runc", "run", "--detach", f"--bundle={tmp_path}", name], stdin=subprocess.DEVNULL, stdout=out, check=True
        )
    try:
        assert any(line["id"] == name and line["status"] == "running" for line in cutaway.json("adopt", "--json"))
        cutaway("adopt", f"runc:{name}", "--name=bare")
        cutaway("start", "bare")
        until(lambda: cutaway.out("logs", "bare") == "bare runc")
        # Edited before it is launched: what the screen shows as the command lines that do the same.
        workbench, job = Workbench(cutaway.root), Job("adopt", ignore)
        draft = workbench.adopt(f"runc:{name}", job, name="again").draft
        assert f"runc:{name}" in [each.what for each in workbench.baselines(draft)]
        saved = tmp_path / "saved.json"
        saved.write_text(draft.text.replace("echo bare runc; sleep 60", "echo edited"))
        made = cutaway.out("edit", "--config", str(saved), cutaway.out(*draft.made_by))
        assert cutaway.out("start", "-a", made) == "edited"
        cutaway("rm", "--force", "bare", "again")
    finally:
        subprocess.run(["runc", "delete", "--force", name], check=True)


def test_dockers_container(cutaway: Cutaway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUTAWAY_RUN", str(cutaway.run))
    with other_engines.docker(tmp_path) as docker:
        workbench = Workbench(cutaway.root)
        workbench._neighbours = Neighbours(workbench.facts, docker)
        (listed,) = [each for each in workbench.neighbours()[0] if each.engine == "docker"]
        assert (listed.name, listed.image, listed.status, listed.why_not) == ("web", "probe", "running", "")
        job = Job("adopt", ignore)
        adoption = workbench.adopt("docker:web", job, name="fromdocker")
        said = {note.done for note in adoption.notes}
        assert any("prestart hook" in done for done in said)
        assert any("files/hosts" in done for done in said)
        assert "on the layers of docker's probe, where they are" in said
        config = json.loads(adoption.draft.text)
        config["process"]["args"][-1] = config["process"]["args"][-1].replace(
            "sleep 30", "cat /host/hostname /etc/hosts"
        )
        workbench.create(adoption.draft.with_text(json.dumps(config)), job)
        lines = cutaway.out("start", "--attach", "fromdocker").splitlines()
        assert lines[:3] == ["docker says 1", "dock", Path("/etc/hostname").read_text().strip()]
        assert any(line.split()[1:] == ["dock", "fromdocker"] for line in lines if line.startswith("127.0.0.1"))
        cutaway("rm", "fromdocker")
        # One that does not run: by docker's record of it.
        workbench._neighbours = Neighbours(workbench.facts, Docker(docker.data, ()))
        (listed,) = [each for each in workbench.neighbours()[0] if each.engine == "docker"]
        assert not listed.why_not
        anew = workbench.adopt("docker:web", job, name="anew")
        assert any("wrote down" in note.done for note in anew.notes)
        argument = anew.draft.provenance["/process/args/0"]
        assert (argument.source.value, argument.detail.partition(":")[0]) == ("adopted", "docker's container web")
        workbench.create(anew.draft.with_text(anew.draft.text.replace("sleep 30", "true")), job)
        assert cutaway.out("start", "--attach", "anew").splitlines()[:2] == ["docker says 1", "dock"]
        cutaway("rm", "anew")
