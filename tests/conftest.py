"""What a test needs that this machine may not have, decided in one place.

A test says it by a marker: `root` (real mounts, real runc), `interop` (peers; by name as arguments, all of them
without), `screen` (tmux). Where it is not to be had the test is skipped with a line that says why, and where
nothing may be skipped (CUTAWAY_NO_SKIP=1, or CI=true as CI sets it) it fails with that line. Cases that come from
outside of the project are the exception: where their folder is not, their tests are skipped everywhere.
"""

from __future__ import annotations

import functools
import gc
import os
import shutil
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.host import probe

PEERS = ("docker-registry", "podman", "skopeo", "buildah", "umoci", "curl")
CAP_SYS_ADMIN = 21
OUTSIDE = "cases from outside"
"""In the reason of every skip for want of the outside cases."""

os.environ["CUTAWAY_NETWORK"] = "host"
"""A bridge takes its time, and rules of this host's firewall: tests that are about one ask for it."""
os.environ["PATH"] = f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin"

os.environ.pop("REGISTRY_AUTH_FILE", None)  # of who runs them

signal.signal(signal.SIGHUP, signal.SIG_DFL)
"""Under nohup it is ignored, and so it would be in every program that a test starts."""

gc.set_threshold(50_000, 20, 100)
"""As the program itself has it. With pytest's thousands of items a fifth of the screen's tests was collections."""


def pytest_collection_finish(session: pytest.Session) -> None:
    if not any(item.get_closest_marker("bench") for item in session.items):
        # runc, podman and their like live for moments. A tenth of what podman takes is garbage collected for nobody,
        # and threads for processors that other tests have. A measurement has them as they are.
        os.environ |= {"GOGC": "1000", "GOMAXPROCS": "1"}
    gc.freeze()  # what is there now stays


def nothing_may_be_skipped() -> bool:
    said = os.environ.get("CUTAWAY_NO_SKIP", os.environ.get("CI", ""))
    return said.lower() not in ("", "0", "false", "no")


def may_mount() -> bool:
    """Root of an unprivileged Docker container is not enough: mount(2) wants CAP_SYS_ADMIN."""
    status = Path("/proc/self/status").read_text()
    effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
    return os.geteuid() == 0 and bool(int(effective, 16) >> CAP_SYS_ADMIN & 1)


@functools.cache
def is_here(program: str) -> bool:
    if program == "netavark":  # it is in no PATH
        return probe().netavark is not None
    return shutil.which(program) is not None


def missing(item: pytest.Item) -> str:
    """What this machine lacks for a test, in words; empty if nothing."""
    if item.get_closest_marker("root") and not may_mount():
        return "needs root with CAP_SYS_ADMIN, for real mounts and containers"
    programs: list[str] = []
    if item.get_closest_marker("root"):
        programs += ["runc", "conmon"]
    if (interop := item.get_closest_marker("interop")) is not None:
        programs += interop.args or PEERS
    if item.get_closest_marker("screen"):
        programs.append("tmux")
    absent = [program for program in programs if not is_here(program)]
    return (
        f"needs {', '.join(absent)}, not installed here (make test installs what this system's packages have)"
        * bool(absent)
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if why := missing(item):
            item.add_marker(pytest.mark.skip(reason=why))


def _refuse_skip(report: Any) -> None:
    if report.skipped and not hasattr(report, "wasxfail") and nothing_may_be_skipped():
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        if OUTSIDE in str(why):
            return
        report.outcome = "failed"
        report.longrepr = f"{why}\nNothing may be skipped here (CUTAWAY_NO_SKIP or CI is set)."


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _refuse_skip(report)
    return report


def mounts_below(path: Path) -> list[str]:
    """The mount points below a path (proc_pid_mountinfo(5): blanks are written as \\040)."""
    lines = Path("/proc/self/mountinfo").read_bytes().decode(errors="surrogateescape").split("\n")[:-1]
    points = (line.split(" ")[4].replace("\\040", " ") for line in lines)
    return [point for point in points if f"{point}/".startswith(f"{path}/")]


@pytest.fixture(autouse=True)
def _nothing_stays_mounted(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that mounts takes it away again, whatever became of it."""
    if "tmp_path" not in request.fixturenames or not request.node.get_closest_marker("root"):
        yield
        return
    tmp_path: Path = request.getfixturevalue("tmp_path")
    yield
    left = mounts_below(tmp_path)
    assert not left, f"still mounted after the test: {left}"
