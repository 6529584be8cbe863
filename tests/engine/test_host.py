"""The tools found on this machine, good and broken."""

from pathlib import Path

import msgspec
import pytest

from engine.host import HostFacts, Tool, find_tool, probe


def tool(directory: Path, script: str, name: str = "runc") -> Tool:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return Tool(name, path)


@pytest.mark.parametrize(
    ("script", "trouble"),
    [
        ("echo runc version 1.3.4", ""),
        ("exit 3", "runc --version ended with 3 and said nothing"),
        ("kill -KILL $$", "runc --version was ended by SIGKILL and said nothing"),
        ("echo 'no such\033[1m library' >&2; exit 127", "runc --version ended with 127 and said no such␛[1m library"),
    ],
)
def test_a_tool_that_does_not_work(tmp_path: Path, script: str, trouble: str) -> None:
    found = tool(tmp_path, script)
    assert found.trouble == trouble
    assert found.version == ("" if trouble else "1.3.4")


def test_a_tool_is_never_one_of_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "cutaway-tool"
    here, there, last = (tmp_path / part for part in ("here", "there", "last"))
    for directory in (here, here / "bin", there, last):
        directory.mkdir(exist_ok=True)
        (directory / name).write_text("#!/bin/sh\n")
        (directory / name).chmod(0o755)
    (there / name).chmod(0o644)
    monkeypatch.chdir(here)
    monkeypatch.setenv("PATH", f":.:bin:/nowhere:{there}")
    assert find_tool(name) is None, "what is here is not meant, and what is there cannot be executed"
    assert find_tool(name, str(last)) == Tool(name, last / name)
    monkeypatch.setenv("PATH", f"::{last}:{there}")
    assert find_tool(name) == Tool(name, last / name)


def test_broken_tools_are_problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool(tmp_path, "echo runc version 1.3.4")
    tool(tmp_path, "exit 3", "conmon")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    facts: HostFacts = probe()
    broken = [problem for problem in facts.problems if problem.code == "tool-broken"]
    assert [problem.message for problem in broken] == [
        "conmon --version ended with 3 and said nothing: nothing can be started"
    ]
    assert str(tmp_path / "conmon") in broken[0].hint


@pytest.mark.parametrize(
    ("kernel", "takes"),
    [
        ("4.18.0-553.el8", False),
        ("5.9.16", False),
        ("5.10.0-34-amd64", True),
        ("6.1", True),
        ("10.0.1", True),
        ("", False),
    ],
)
def test_which_kernels_mount_an_overlay_volatile(kernel: str, takes: bool) -> None:
    assert msgspec.structs.replace(probe(), kernel=kernel).overlay_volatile is takes
