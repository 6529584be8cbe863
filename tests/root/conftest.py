"""What tests with real mounts and real containers share.

`data_root` is an empty data directory that afterwards must have left nothing on this machine; `rootfs_dir` a small
root filesystem of this host's own tools; `container` makes real containers of it; `stack` is of layers.
"""

from __future__ import annotations

import functools
import json
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from command_line import Cutaway
from demo_image import put_demo
from given import job
from layer_kit import Stack
from pilot import bench, drawn_when_looked_at

from engine import Workbench, rootfs
from engine.demo.programs import interpreter, libraries
from engine.digest import Digest
from engine.disk import DataRoot
from engine.host import HostFacts, probe
from engine.jobs import Job
from engine.layers import unpacking_ready
from engine.runtime import ContainerRecord, Containers, Runtime

__all__ = ["bench", "drawn_when_looked_at", "job"]

TOOLS = "sh cat echo ls sleep true false env head tail seq stty id mkdir rm dd touch tee yes wc kill date mv ln grep tr"
_DEPTH = 12  # names in the path of a cgroup that is looked at; a container may make a thousand within each other
_GRACE = 60.0  # seconds for conmon's clean-up to end after a test; long, because only a failure waits for all of it


@pytest.fixture(scope="session", autouse=True)
def unpacking() -> Iterator[None]:
    """What loads Python to unpack layers does so once."""
    with unpacking_ready():
        yield


@pytest.fixture(scope="session")
def rootfs_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root filesystem of this host's shell and core tools with the libraries they load. Not to be written to."""
    base = tmp_path_factory.mktemp("rootfs") / "diff"
    for name in ("bin", "etc", "proc", "sys", "dev", "tmp", "root"):
        (base / name).mkdir(parents=True)
    programs = [Path(found) for name in TOOLS.split() if (found := shutil.which(name))]
    needed: set[str] = set()
    for program in programs:
        shutil.copy2(program.resolve(), base / "bin" / program.name)
        loader = interpreter(str(program))
        needed |= {loader, *(library for _, library in libraries(str(program), loader))}
    for library in map(Path, needed):
        target = base / str(library).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(library.resolve(), target)
    (base / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (base / "etc/not-a-program").write_text("data\n")
    return base


@pytest.fixture
def data_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DataRoot]:
    """A prepared data directory. At the end no mount, process or cgroup of its containers may be there."""
    monkeypatch.setenv("CUTAWAY_RUN", str(tmp_path / "run"))
    root = DataRoot(tmp_path / "data")
    root.prepare()
    before = _empty_cgroups()
    yield root
    deadline = time.monotonic() + _GRACE
    _until_processes_are_gone(root, deadline)
    # The empty group of somebody else's container is one that is being made or taken away just now.
    while (left := list(_left_behind(root, before))) and time.monotonic() < deadline:
        time.sleep(0.05)
    if left:
        _sweep(root)
    assert not left, f"left behind: {left}"


def _left_behind(root: DataRoot, cgroups_before: set[str]) -> Iterator[str]:
    for pid, words in _processes(root):
        yield f"process {pid}: {' '.join(words)[:200]}"
    for path in rootfs.mounts_below(root.path):
        yield f"mount {path}"
    for state in root.run.glob("runc/*/state.json"):
        yield f"runc's state of {state.parent.name}"
    for path in sorted(_empty_cgroups() - cgroups_before):
        yield f"cgroup {path}"


def _until_processes_are_gone(root: DataRoot, deadline: float) -> None:
    """conmon, and the clean-up that it starts at its end: nothing else is to take away what a container was."""
    while found := [pid for pid, _ in _processes(root)]:
        for pid in found:
            with suppress(ProcessLookupError):
                handle = os.pidfd_open(pid)
                ended = select.select([handle], [], [], max(0.0, deadline - time.monotonic()))[0]
                os.close(handle)
                if not ended:
                    return


def _processes(root: DataRoot) -> Iterator[tuple[int, list[str]]]:
    """Processes that have the data directory in their command line."""
    marks = (str(root.path), str(root.run))
    as_bytes = tuple(map(os.fsencode, marks))
    for pid in os.listdir("/proc"):
        if pid.isdigit() and int(pid) != os.getpid():
            try:
                with open(f"/proc/{pid}/cmdline", "rb", buffering=0) as file:
                    said = file.read()
            except OSError:
                continue
            if not any(mark in said for mark in as_bytes):  # nearly all, and this is asked after each test
                continue
            words = said.decode(errors="replace").split("\0")
            # conmon and runc have the directory in an argument of its own; pytest's workers have it nowhere
            if any(word.removeprefix("k8s-file:").startswith(marks) for word in words):
                yield int(pid), words


def _empty_cgroups() -> set[str]:
    """Cgroups named like containers of ours in which there is no process: somebody forgot them."""
    found, places = set(), ["/sys/fs/cgroup"]
    while places:
        with suppress(OSError):  # another's, which goes meanwhile
            if os.stat(place := places.pop()).st_nlink <= 2:
                continue  # none below, which are always directories: its files are not to be looked through
            for entry in os.scandir(place):
                if entry.is_dir(follow_symlinks=False) and entry.path.count("/") < _DEPTH:
                    places.append(entry.path)
                    if re.search(r"(?<!libpod-)\b[0-9a-f]{12,}$", entry.name):
                        with suppress(OSError):
                            if not (Path(entry) / "cgroup.procs").read_text():
                                found.add(entry.path)
    return found


def _sweep(root: DataRoot) -> None:
    """Clear up after a failed test, so that it fails alone: its containers, and then whoever still holds one."""
    for directory in root.run.glob("runc/*"):
        subprocess.run(["runc", "--root", directory.parent, "delete", "--force", directory.name], check=False)
    deadline = time.monotonic() + 2
    while any(_processes(root)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid, _ in _processes(root):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for path in reversed(rootfs.mounts_below(root.path)):
        subprocess.run(["umount", "-l", path], check=False)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """Layers in a directory beside which there is a victim: nothing outside of theirs may change."""
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "hello").write_text("untouched")
    (tmp_path / "inner").mkdir()
    yield Stack(tmp_path / "inner")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inner", "victim"]
    assert [path.name for path in victim.iterdir()] == ["hello"]
    assert (victim / "hello").read_text() == "untouched"
    assert (victim / "hello").stat().st_nlink == 1


@pytest.fixture(scope="session")
def host_facts() -> HostFacts:
    return probe()


@functools.cache
def _runc_spec() -> str:
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(["runc", "spec"], cwd=directory, check=True)
        return (Path(directory) / "config.json").read_text()


def runc_config(*args: str, terminal: bool = False, **process: Any) -> dict[str, Any]:
    """What `runc spec` writes, with another command, a writable root called merged, and its own cgroup left to runc."""
    config: dict[str, Any] = json.loads(_runc_spec())
    config["process"].update(args=list(args), terminal=terminal, rlimits=[], **process)
    config["root"] = {"path": "merged", "readonly": False}
    return config


@pytest.fixture
def workbench(data_root: DataRoot) -> Iterator[Workbench]:
    """The façade on the data directory."""
    made = Workbench(data_root.path)
    yield made
    made.close()


@pytest.fixture
def demo(data_root: DataRoot) -> str:
    """The built-in image, in the data directory: its name."""
    return put_demo(data_root.path)


@pytest.fixture
def cutaway(data_root: DataRoot) -> Iterator[Cutaway]:
    """The command line on the data directory, with the demo image in it; its containers go at the end."""
    made = Cutaway(data_root.path, Path(os.environ["CUTAWAY_RUN"]))
    put_demo(data_root.path)
    yield made
    made.remove_everything()


@dataclass
class Running:
    """A real container and what moves it."""

    record: ContainerRecord
    containers: Containers
    runtime: Runtime
    job: Job
    root: DataRoot
    path: Path = field(init=False)

    def __post_init__(self) -> None:
        self.path = self.containers.path(self.record.id)

    def create(self) -> None:
        rootfs.mount(rootfs.plan(self.root, [Digest.parse(layer) for layer in self.record.layers], self.path), self.job)
        self.runtime.create(self.record, self.job)

    def start(self) -> None:
        self.create()
        self.runtime.start(self.record, self.job)

    def away(self) -> None:
        self.runtime.delete(self.record, True, self.job)
        rootfs.unmount(self.path / "merged", self.job)


MakeContainer = Callable[..., Running]


@pytest.fixture
def container(data_root: DataRoot, rootfs_dir: Path, host_facts: HostFacts, job: Job) -> Iterator[MakeContainer]:
    """A function that makes containers on disk: `container("sh", "-c", "…", terminal=…, **fields of the record)`.

    `config` changes the config.json before it is written. All are taken away at the end.
    """
    layer = Digest.of(b"the test's only layer")
    (data_root.layers / layer.hex).mkdir()
    (data_root.layers / layer.hex / "diff").symlink_to(rootfs_dir)
    containers, runtime = Containers(data_root), Runtime(data_root, host_facts)
    made: list[Running] = []

    def make(
        *args: str,
        config: Callable[[dict[str, Any]], None] = lambda config: None,
        name: str | None = None,
        **fields: Any,
    ) -> Running:
        identity = containers.reserve(name, "example.org/tools:1")
        document = runc_config(*args, terminal=fields.get("terminal", False))
        document["hostname"] = identity.name
        document["linux"]["cgroupsPath"] = f"/cutaway-test/{identity.id}"
        config(document)
        record = ContainerRecord(
            id=identity.id,
            name=identity.name,
            image="example.org/tools:1",
            image_digest=Digest.of(b"manifest"),
            layers=[layer],
            created="2026-11-23T00:00:00Z",
            command=list(args),
            **fields,
        )
        containers.add(record, {"config.json": json.dumps(document).encode()})
        made.append(Running(record, containers, runtime, job, data_root))
        return made[-1]

    yield make
    for running in made:
        if running.path.exists():
            running.away()
