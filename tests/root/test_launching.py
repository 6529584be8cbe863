"""Launching by one method: made, started, and not kept where it cannot be."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from command_line import Cutaway
from deep import nest
from waiting import until

from engine import Attachment, Job, RunOptions, RuntimeFailed, Status, Workbench
from engine.disk import DataRoot
from engine.events import ignore
from engine.walking import remove_tree

pytestmark = pytest.mark.root

DEMO = "localhost/cutaway/demo:latest"


def test_a_signal_reaches_what_runs_in_the_foreground(cutaway: Cutaway) -> None:
    line = "trap 'echo told; exit 5' TERM; for n in ALRM CONT TSTP; do trap \"echo $n\" $n; done"
    line += "; echo ready; while :; do sleep 0.05; done"
    with cutaway.start("run", "--name=web", DEMO, "sh", "-c", line) as running:
        assert running.line() == "ready\n"
        for number in (signal.SIGALRM, signal.SIGCONT, signal.SIGTSTP):
            running.send_signal(number)
            assert running.line() == f"{number.name.removeprefix('SIG')}\n"
        running.send_signal(signal.SIGTERM)
        out, said = running.communicate(timeout=60)
    assert (running.returncode, out) == (5, "told\n"), said


def test_a_start_with_its_streams_connects_to_one_that_runs(cutaway: Cutaway) -> None:
    cutaway("run", "-d", "--name=one", DEMO, "sh", "-c", "until [ -e /go ]; do sleep 0.05; done; echo seen; exit 6")
    with cutaway.start("start", "-a", "one") as running:
        until(lambda: len(cutaway.json("ps", "--json")) == 1)
        cutaway("exec", "one", "sh", "-c", "sleep 0.3; : > /go")
        out, said = running.communicate(timeout=60)
    assert (running.returncode, out) == (6, "seen\n"), said


def test_a_start_that_fails_leaves_the_last_run_as_it_was(cutaway: Cutaway) -> None:
    cutaway("run", "--name=one", DEMO, "sh", "-c", "echo hello; rm /bin/sh; exit 3", code=3)
    before = cutaway.json("inspect", "one")[0]
    for verb in ("start", "restart"):
        cutaway(verb, "one", code=125)
        after = cutaway.json("inspect", "one")[0]
        assert {key: after[key] for key in ("status", "exit_code", "started", "finished")} == {
            **{key: before[key] for key in ("started", "finished")},
            **{"status": "exited", "exit_code": 3},
        }
    assert cutaway.out("wait", "one") == "3"
    assert cutaway.out("logs", "one") == "hello"


def test_where_who_starts_it_ignores_the_end_of_children(cutaway: Cutaway) -> None:
    """What is ignored stays so in who is started; nobody could be told then how runc has ended."""
    cutaway("run", "-d", "--name=one", DEMO, "sleep", "600")
    for words, code in (
        (("run", "--rm", DEMO, "sh", "-c", "exit 3"), 3),
        (("exec", "one", "sh", "-c", "exit 4"), 4),
        (("update", "--memory=1k", "one"), 125),
    ):
        ignoring = ["sh", "-c", "trap '' CHLD; exec \"$@\"", "sh", *cutaway.command(*words)]
        done = subprocess.run(ignoring, env=cutaway.environment, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr


def test_what_run_cannot_start_stays_to_be_looked_at(cutaway: Cutaway) -> None:
    """As podman's: the container is there, created, and with --rm it is not."""
    cutaway("run", "-d", "--name=broken", DEMO, "no-such-program", code=127)
    assert [each["name"] for each in cutaway.json("ps", "--all", "--json")] == ["broken"]
    cutaway("run", "--name=mended", DEMO, "/etc", code=126)
    cutaway("run", "--rm", DEMO, "no-such-program", code=127)
    assert {each["name"] for each in cutaway.json("ps", "--all", "--json")} == {"broken", "mended"}


def test_a_root_filesystem_that_is_not_the_containers_own_is_told_of(cutaway: Cutaway, tmp_path: Path) -> None:
    config, file = json.loads(cutaway.out("config", "--network=none", DEMO, "true")), tmp_path / "c.json"
    for path, told in (("merged", False), ("/srv/else", True)):
        file.write_text(json.dumps({**config, "root": {"path": path}}))
        said = cutaway("run", "--rm", f"--config={file}", DEMO).stderr
        assert ("root.path in that file is not used" in said) is told
        cutaway("create", "--name=it", "--network=none", DEMO, "true")
        said = cutaway("edit", f"--config={file}", "it").stderr
        assert ("not the container's own root filesystem" in said) is told
        cutaway("rm", "it")


@pytest.mark.usefixtures("demo")
def test_what_cannot_be_launched_is_not_kept_and_can_be_mended(workbench: Workbench, tmp_path: Path, job: Job) -> None:
    draft = workbench.draft(DEMO, RunOptions(name="web", args=("sh", "-c", "exit 3")), job)
    broken = draft.with_text(draft.text.replace('"cwd": "/"', '"cwd": "here"'))
    with pytest.raises(RuntimeFailed):
        workbench.launch(broken, job)
    assert workbench.containers() == []
    with (tmp_path / "out").open("wb") as out:
        assert workbench.launch(draft, job, to=Attachment(None, out.fileno(), out.fileno())) == 3
    assert workbench.container("web").id == draft.id
    again = workbench.reopen("web")
    with pytest.raises(RuntimeFailed):
        workbench.launch(again.with_text(broken.text), job, revises=True)
    assert workbench.container("web").status is not Status.RUNNING
    workbench.launch(again.with_text(draft.text.replace("exit 3", "sleep 60")), job, revises=True)
    assert workbench.container("web").status is Status.RUNNING
    workbench.remove("web", job, force=True)
    assert workbench.launch(workbench.draft(DEMO, RunOptions(name="later"), job), job, start=False) is None
    assert workbench.container("later").status is Status.CREATED


def test_lines_of_ones_own_form(cutaway: Cutaway) -> None:
    """By podman's names and by those of --json, with titles where it is a table."""
    cutaway("create", "--network=none", "--name=web", DEMO, "sh", "-c", "true\tfalse")
    (made,) = cutaway.json("ps", "--all", "--json")

    def listed(*words: str) -> list[str]:
        return cutaway.out("ps", "--all", *words).splitlines()

    assert listed("--format={{.Names}} {{.ExitCode}}|{{.exit_code}} {{.State}}") == ["web | created"]
    assert json.loads(*listed("--format={{json .}}")) == made
    assert listed(r"--format={{.ID}}\t{{.status}}") == [f"{made['id']}\tcreated"]
    titles, line = listed(r"--format=table {{.ID}}\t{{.Names}}\t{{.Command}}")
    assert titles.split() == ["ID", "NAMES", "COMMAND"]
    assert line.index("web") == titles.index("NAMES")
    assert listed("--noheading", "--format=table {{.Names}}") == ["web"]
    for wrong in ("{{.Nothing}}", "{{range .Names}}", "{{.Names"):
        assert wrong.strip("{}").split()[0] in cutaway("ps", "--all", f"--format={wrong}", code=2).stderr


def test_what_they_are_called_bind_and_use(cutaway: Cutaway, tmp_path: Path) -> None:
    shape = ("--label=tier=front", "--label=bare", "-v", "data:/srv", "-v", f"{tmp_path}:/host", "--network=none")
    cutaway("run", "-d", "--name=web", *shape, DEMO, "sh", "-c", "echo 12345678 > /f; ln /f /g; exec sleep 60")
    cutaway("create", "--name=other", "--network=host", DEMO, "true")

    def found(*filters: str) -> list[str]:
        return cutaway.out("ps", "-a", "--format={{.Names}}", *(f"--filter={each}" for each in filters)).split()

    assert found("label=tier=front", "label=bare") == found("volume=data") == found("network=none") == ["web"]
    assert found("label=tier=back") == found("volume=data", "network=host") == found("label=bare=x") == []
    assert found(f"volume={tmp_path}:/host") == ["web"]
    assert found("network=host") == ["other"]

    (web, _) = cutaway.json("ps", "-a", "--size", "--json")
    upper = cutaway.root / "containers" / web["id"] / "upper"
    files = {path.stat().st_ino: path.stat().st_size for path in upper.rglob("*") if path.is_file()}
    assert web["size"] == sum(files.values()) >= 9
    assert web["virtual_size"] - web["size"] == cutaway.json("ps", "-as", "--json")[1]["virtual_size"] > 1_000_000
    shown = cutaway.out("ps", "-s").splitlines()
    assert shown[0].split()[-1] == "SIZE"
    assert shown[1].endswith(cutaway.out("ps", "--format={{.Size}}"))
    assert cutaway.out("ps", "--format={{.Labels}} {{.Mounts}}") == "tier=front,bare= /srv,/host"

    lines = cutaway.out("stats", "--no-stream", r"--format=table {{.Name}}\t{{.PIDs}}").splitlines()
    assert [line.split() for line in lines] == [["NAME", "PIDS"], ["web", "1"]]
    told = cutaway.out("stats", "--no-stream", "--format={{.ID}} {{.CPUPerc}} {{.memory}}", "web").split()
    assert (told[0], told[1][-1], int(told[2]) > 0) == (web["id"], "%", True)
    assert "Nope" in cutaway("stats", "--no-stream", "--format={{.Nope}}", code=2).stderr
    form = "--format={{.Name}} {{.PIDs}} {{.CPUPerc}}"
    assert cutaway.out("stats", form, "other") == "other 0 0.0%", "as podman's; and it does not wait for it to run"
    assert len(cutaway.out("stats", "--no-stream", form, "--all").splitlines()) == 2
    cutaway("rm", "-f", "-t0", "web")
    told = cutaway.out("events", "--no-stream", "--format={{.Name}} {{.Status}} {{.ContainerExitCode}}").splitlines()
    assert {"web create ", "web start ", "web died 137", "other create "} <= set(told)
    assert "Nope" in cutaway("events", "--no-stream", "--format={{.Nope}}", code=2).stderr


def test_directories_deeper_than_a_path_stand_in_nobodys_way(cutaway: Cutaway) -> None:
    """They are looked into, copied and measured, they are written over, and they go; what podman 4.3 fails at."""
    cutaway("create", "--name=deep", "--network=none", DEMO, "true")
    (home,) = (cutaway.root / "containers").iterdir()
    for name in "ab":
        nest(home / "upper" / name, 2_100, b"12345678")
    assert cutaway.json("ps", "-as", "--json")[0]["size"] == 16
    lowest = "/a" + "/d" * 2_100 + "/file"
    assert cutaway.out("cat", "deep", lowest) == "12345678"
    assert f"A {lowest}\n" in cutaway("diff", "deep").stdout
    assert len(cutaway.out("diff", DEMO, "deep").splitlines()) == 4_204
    assert cutaway.json("files", "--json", "deep", lowest)[0]["size"] == 8
    cutaway("cp", "deep:/a", str(cutaway.root / "copy"))
    cutaway("cp", str(cutaway.root / "copy"), "deep:/again")
    assert f"A /again{lowest.removeprefix('/a')}\n" in cutaway("diff", "deep").stdout
    told = cutaway("commit", "deep", "localhost/deep", code=1).stderr
    assert "more than 255 directories within each other" in told
    assert "--leave-out" in told
    remove_tree(cutaway.root / "copy")
    (cutaway.root / "a").write_text("instead\n")
    cutaway("cp", "--overwrite", str(cutaway.root / "a"), "deep:/")
    assert (home / "upper/a").read_text() == "instead\n"
    assert (home / "upper/b/d/d").is_dir()
    cutaway("rm", "-f", "deep")
    assert list((cutaway.root / "tmp").iterdir()) == []
    done = cutaway("ps", "-a")
    assert "left-over" not in done.stderr
    assert "cannot remove" not in done.stderr


def test_a_carriage_return_in_a_path_is_a_letter_like_others(
    cutaway: Cutaway, rootfs_dir: Path, tmp_path: Path
) -> None:
    """The kernel lists it as it is among what is mounted, where it looks like the end of a line."""
    odd, bound = tmp_path / "root\rof\x0bit", tmp_path / "bound\r- here"
    shutil.copytree(rootfs_dir, odd, symlinks=True)
    bound.mkdir()
    (bound / "file").write_text("in it")
    cutaway("run", "-d", "--name=it", "--network=host", "-v", f"{bound}:/x", "--rootfs", str(odd), "sleep", "60")
    assert cutaway.json("ps", "--json")[0]["status"] == "running"
    cutaway("cp", "it:/x/file", str(tmp_path / "out"))
    assert (tmp_path / "out").read_text() == "in it"
    assert cutaway.json("system", "check", "--json") == []
    cutaway("rm", "-f", "-t0", "it")
    assert cutaway.json("ps", "-a", "--json") == []


def test_what_goes_at_its_end_is_not_brought_to_the_disk(
    workbench: Workbench, demo: str, data_root: DataRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def synced(*, goes: bool) -> set[str]:
        names: list[str] = []
        monkeypatch.setattr(os, "fsync", lambda handle: names.append(os.readlink(f"/proc/self/fd/{handle}")))
        options = RunOptions(args=("true",), network="host", auto_remove=goes)
        draft = workbench.draft(demo, options, Job("draft", ignore))
        with open(os.devnull, "wb") as nowhere:
            to = Attachment(None, nowhere.fileno(), nowhere.fileno())
            assert workbench.launch(draft, Job("run", ignore), to=to) == 0
        return {re.sub("-[0-9a-f]{12}", "-N", name.removeprefix(f"{data_root.path}/")) for name in names}

    synced(goes=False)  # and with it what the data directory has from the first start on
    placed = {"tmp/container-N", "tmp/container-N/container.json", "containers"}
    assert synced(goes=True) == placed
    assert "tmp/file-N" in synced(goes=False), "the config.json of its start, and its exit code"
