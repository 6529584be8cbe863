"""A container's config.json after it was made: reopened, compared, changed, put back, launched again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Cutaway

from engine import (
    Attachment,
    DifferenceKind,
    Job,
    RunOptions,
    Workbench,
    add_mount,
    differences,
    set_args,
    set_env,
    take_back,
)
from engine.disk import DataRoot
from engine.errors import ContainerState, SpecError, UsageError
from engine.events import ignore

pytestmark = pytest.mark.root
JOB = Job("test", ignore)


def output(workbench: Workbench, name: str, tmp_path: Path) -> str:
    with (tmp_path / "out").open("wb") as out:
        workbench.run(name, Attachment(None, out.fileno(), out.fileno()), JOB)
    return (tmp_path / "out").read_text()


def test_changed_and_launched_again(workbench: Workbench, rootfs_dir: Path, tmp_path: Path) -> None:
    image = f"rootfs:{rootfs_dir}"
    options = RunOptions(args=("sh", "-c", "echo $WORD"), env=("WORD=first",), name="again")
    made = workbench.create(workbench.draft(image, options, JOB), JOB)
    with pytest.raises(ContainerState, match="has not been started yet"):
        workbench.baseline("launched", workbench.reopen("again"), JOB)
    assert output(workbench, "again", tmp_path) == "first\n"

    draft = workbench.reopen("again")
    assert (draft.id, draft.name, draft.options.env) == (made.id, "again", ("WORD=first",))
    text = set_args(set_env(draft.text, "WORD=second").text, "sh -c 'echo $WORD $WORD'").text
    revised = workbench.revise(draft.with_text(add_mount(text, "/usr:/more:ro").text), JOB)
    assert revised.command == ("sh", "-c", "echo $WORD $WORD")
    draft = workbench.reopen("again")
    for what in ("launched", "generated"):  # they are the same until it starts again
        found = differences(workbench.baseline(what, draft, JOB), draft.text)
        assert {(d.kind, d.pointer.rstrip("0123456789")) for d in found} == {
            (DifferenceKind.CHANGED, "/process/args/"),
            (DifferenceKind.CHANGED, "/process/env/"),
            (DifferenceKind.ADDED, "/mounts/"),
        }
    assert {pointer for pointer, origin in draft.provenance.items() if origin.detail == "edited by hand"} >= {
        "/process/args/2",
        f"/mounts/{len(json.loads(draft.text)['mounts']) - 1}/source",
    }
    assert output(workbench, "again", tmp_path) == "second second\n"
    assert workbench.baseline("launched", draft, JOB) == draft.text

    back, generated = draft.text, workbench.baseline("generated", draft, JOB)
    for difference in differences(generated, draft.text):
        if "/env" in difference.pointer:
            back = take_back(draft.text, generated, difference)
    workbench.revise(draft.with_text(back), JOB)
    assert output(workbench, "again", tmp_path) == "first first\n"
    workbench.remove("again", JOB)


def test_one_that_runs_is_left_alone(workbench: Workbench, rootfs_dir: Path) -> None:
    options = RunOptions(args=("sleep", "60"), name="busy")
    workbench.create(workbench.draft(f"rootfs:{rootfs_dir}", options, JOB), JOB)
    workbench.start("busy", JOB)
    draft = workbench.reopen("busy")
    with pytest.raises(ContainerState, match="runs"):
        workbench.revise(draft.with_text(set_args(draft.text, "sleep 1").text), JOB)
    assert workbench.config("busy")[0] == draft.text
    workbench.stop("busy", JOB, timeout=0)
    with pytest.raises(SpecError, match="not JSON"):
        workbench.revise(draft.with_text("{"), JOB)
    workbench.revise(draft.with_text(set_args(draft.text, "sleep 1").text), JOB)
    assert workbench.container("busy").command == ("sleep", "1")
    workbench.remove("busy", JOB)


def test_what_a_draft_can_be_compared_with(workbench: Workbench, rootfs_dir: Path, tmp_path: Path) -> None:
    image = f"rootfs:{rootfs_dir}"
    draft = workbench.draft(image, RunOptions(args=("true",), env=("A=1",), memory="64m"), JOB)
    workbench.create(workbench.draft(image, RunOptions(args=("false",), name="other"), JOB), JOB)
    (tmp_path / "theirs.json").write_text(draft.text)
    labels = {each.what for each in workbench.baselines(draft)}  # other engines' containers may be here, too
    assert {label for label in labels if not label.startswith(("podman:", "docker:", "runc:"))} == {
        "generated",
        "bare",
        "podman",
        "docker",
        "container:other",
    }

    def pointers(what: str) -> set[str]:
        return {d.pointer for d in differences(workbench.baseline(what, draft, JOB), draft.text)}

    assert pointers("generated") == pointers(str(tmp_path / "theirs.json")) == set()
    podmans = pointers("podman")
    assert {"/linux/cgroupsPath", "/annotations", "/ociVersion"} <= podmans
    assert not [p for p in podmans if p.startswith(("/process/args", "/process/capabilities", "/linux/namespaces"))]
    assert {"/linux/resources/pids", "/process/user/umask"} <= pointers("docker")
    assert not any(pointer.startswith("/process/args") for pointer in pointers("docker"))
    assert "/process/args/0" in pointers("container:other")
    assert "/process/args/0" in pointers("bare")  # a bare directory names no command
    with pytest.raises(UsageError, match="no file"):
        pointers("nonsense")
    workbench.remove("other", JOB)


def test_on_the_command_line(data_root: DataRoot, rootfs_dir: Path, tmp_path: Path) -> None:
    cutaway = Cutaway(data_root.path, tmp_path / "run")
    image = [f"rootfs:{rootfs_dir}", "true"]
    found = cutaway.json("config", "--against=docker", "--json", "-e", "A=1", *image)
    gone = [each["before"] for each in found if each["kind"] == "removed"]
    assert gone.count("CAP_NET_RAW") == 3
    assert not any("A=1" in str(each) for each in found)
    lines = cutaway.out("config", "--against=docker", *image).splitlines()
    assert any(line.startswith("+ /linux/resources/pids") for line in lines)
    assert any(line.startswith("- /process/capabilities/bounding/") for line in lines)
    done = cutaway("config", "--against=podman", *image)
    assert '"container=podman" -> "container=cutaway"' in done.stdout
    assert "what podman 4.3 would write" in done.stderr
    assert "say one of them" in cutaway("config", "--against=podman", "--explain", *image, code=2).stderr


def test_files_of_its_own_that_are_damaged_or_gone(cutaway: Cutaway, rootfs_dir: Path) -> None:
    """What needs them says which, and what to do; the rest works."""
    id = cutaway.out("create", "--name=one", "--network=none", "--rootfs", str(rootfs_dir), "true")
    home = cutaway.root / "containers" / id
    (home / "provenance.json").rename(home / "away")
    for words in (
        ("update", "--pids-limit=9", "one"),
        ("edit", "one"),
        ("create", "--network=none", "--volumes-from=one", "--rootfs", str(rootfs_dir), "true"),
    ):
        said = cutaway.ended(*words).stderr
        assert "where the values of one's config.json come from cannot be read (provenance.json: No such file" in said
    cutaway("start", "one")
    (home / "away").rename(home / "provenance.json")
    (home / "config.json").write_text("{")
    assert cutaway.json("inspect", "one")[0]["config"] is None
    assert "That is in the config.json, line 1." in cutaway("start", "one", code=125).stderr
    assert "Mend that first" in cutaway("update", "--pids-limit=9", "one", code=125).stderr
    (home / "config.json").unlink()
    assert cutaway.json("inspect", "one")[0]["config"] is None
    assert "Put one into" in cutaway("update", "--pids-limit=9", "one", code=125).stderr
    cutaway("rm", "one")
