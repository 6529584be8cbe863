"""How conmon and runc are called, and how their words become errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.disk import DataRoot
from engine.errors import CommandNotExecutable, CommandNotFound, RuntimeFailed, UsageError
from engine.runtime import ContainerRecord, signal_number
from engine.runtime.monitor import Monitor
from engine.runtime.runc import environment, failure, plain
from engine.runtime.state import RuntimeFiles

FILES = RuntimeFiles(DataRoot(Path("/var/lib/cutaway")), "0123456789ab")


def arguments(**fields: Any) -> list[str]:
    record = ContainerRecord(
        id=FILES.id, name="name", image="i", image_digest="d", layers=[], created="", command=[], **fields
    )
    return Monitor(Path("/usr/bin/conmon"), Path("/usr/sbin/runc"), Path("/e/exit_command.py")).arguments(record, FILES)


def test_conmon_holds_the_container_and_clears_up() -> None:
    line = arguments()
    assert line[line.index("--bundle") + 1] == "/var/lib/cutaway/containers/0123456789ab"
    assert line[line.index("--log-path") + 1] == "k8s-file:/var/lib/cutaway/containers/0123456789ab/output.log"
    ends = [line[n + 1] for n, word in enumerate(line) if word == "--exit-command-arg"]
    run = str(FILES.root.run)
    assert ends == ["-P", "-S", "/e/exit_command.py", "/var/lib/cutaway", "0123456789ab", run]
    gone = arguments(auto_remove=True)
    shells = [gone[n + 1] for n, word in enumerate(gone) if word == "--exit-command-arg"]
    home = "/var/lib/cutaway/containers/0123456789ab"
    assert shells == ["-c", shells[1], home, line[line.index("--exit-command") + 1], *ends]
    runtime = [line[n + 1] for n, word in enumerate(line) if word == "--runtime-arg"]
    assert runtime[:2] == ["--root", str(FILES.runc_root)]


def test_streams() -> None:
    assert "--terminal" not in arguments()
    assert "--stdin" not in arguments()
    assert "--stdin" in arguments(interactive=True)
    both = arguments(interactive=True, terminal=True)
    assert "--terminal" in both
    assert "--stdin" not in both  # else conmon would close the terminal's input with the first who detaches


def test_no_secret_reaches_what_lives_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    monkeypatch.setenv("CUTAWAY_RUN", "/run/elsewhere")
    assert "AWS_SECRET_ACCESS_KEY" not in environment()
    assert environment()["CUTAWAY_RUN"] == "/run/elsewhere"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ('exec: "x": executable file not found in $PATH: unknown', CommandNotFound),
        ('exec: "/x": stat /x: no such file or directory: unknown', CommandNotFound),
        ('exec: "/etc": permission denied: unknown', CommandNotExecutable),
        ('exec: "/etc": is a directory', CommandNotExecutable),
        ("exec /x: exec format error", CommandNotExecutable),
        ('mount "/a" to rootfs: no such file or directory', RuntimeFailed),
        ("open /proc: permission denied", RuntimeFailed),
        ("", RuntimeFailed),
    ],
)
def test_what_runc_says(said: str, kind: type) -> None:
    assert type(failure(f"runc create failed: {said}\n", "cannot create")) is kind


def test_what_runc_logs_is_told_without_its_logger() -> None:
    logged = """
{"level":"warning","msg":"Setting back failed","time":"2026-01-01T00:00:00Z"}
{"level":"error","msg":"failed to write \\"9\\": numerical result out of range","time":"2026-01-01T00:00:00Z"}
"""
    assert plain(logged) == 'failed to write "9": numerical result out of range'
    assert plain(logged.splitlines()[1]) == "Setting back failed"
    assert plain("panic: help\n\n[1]\n" + logged).splitlines()[:2] == ["panic: help", "[1]"]


def test_hostile_words_are_shown_and_short() -> None:
    error = failure("\x1b]0;gotcha\x07\nsecond" + "x" * 10_000, "cannot create")
    assert "\x1b" not in error.message
    assert "\n" not in error.message
    assert len(error.message) < 3000


@pytest.mark.parametrize(
    ("name", "number"),
    [("TERM", 15), ("SIGTERM", 15), ("sigkill", 9), ("9", 9), ("RTMIN+3", 37), ("SIGRTMAX-1", 63), ("64", 64)],
)
def test_signals(name: str, number: int) -> None:
    assert signal_number(name) == number


@pytest.mark.parametrize("name", ["", "0", "65", "-9", "NO", "SIG", "RTMIN+99", "RTMAX-40", "\x1b", "９", "SIG_IGN"])
def test_what_is_no_signal(name: str) -> None:
    with pytest.raises(UsageError):
        signal_number(name)
