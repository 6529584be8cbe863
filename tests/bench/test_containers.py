"""Containers: their start, their list, their logs; beside podman and bare runc in the same run."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from command_line import Cutaway
from measuring import Cost, compare, cost
from pseudo_terminal import program
from waiting import until_asleep

from engine import Attachment, Cancelled, CancelToken, Job, RunOptions, Workbench
from engine.events import ignore

if TYPE_CHECKING:
    from conftest import Podman

pytestmark = [pytest.mark.bench, pytest.mark.root, pytest.mark.interop("podman")]
LIMITS = ("--ulimit=nofile=1024:4096", "--ulimit=nproc=1024:4096")
LINES = 2_000_000
ROUNDS = 11


@pytest.fixture
def base(memory: Path) -> Path:
    """busybox as a root filesystem, beside the data directories."""
    place = memory / "base"
    for name in ("bin", "etc", "proc", "sys", "dev", "tmp"):
        (place / name).mkdir(parents=True)
    shutil.copy(shutil.which("busybox") or "busybox", place / "bin/busybox")
    for tool in ("sh", "echo", "true", "sleep", "seq"):
        (place / "bin" / tool).symlink_to("busybox")
    return place


def job() -> Job:
    return Job("bench", ignore)


@pytest.fixture
def workbench(cutaway: Cutaway, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    """The façade on the data directory of `cutaway`, in this process, as the screen has it."""
    monkeypatch.setenv("CUTAWAY_RUN", str(cutaway.run))
    bench = Workbench(cutaway.root)
    yield bench
    bench.close()


def made(bench: Workbench, base: Path, *args: str, count: int = 1) -> list[str]:
    options = RunOptions(args=args, network="host")
    return [bench.create(bench.draft(f"rootfs:{base}", options, job()), job()).id for _ in range(count)]


def ours(cutaway: Cutaway, *words: str) -> Cost:
    return cost(cutaway.command(*words), cutaway.environment)


def test_logs(cutaway: Cutaway, podman: Podman, base: Path) -> None:
    podman.cost(
        *("run", "--name=long", "--network=host", "--log-driver=k8s-file", *LIMITS, "--rootfs", str(base)),
        *("seq", str(LINES)),
    )
    ours(cutaway, "run", "--name=long", "--network=host", "--rootfs", str(base), "seq", str(LINES))
    medians = compare(
        f"logs of {LINES:,} lines",
        3,
        {"podman logs": lambda: podman.cost("logs", "long"), "cutaway logs": lambda: ours(cutaway, "logs", "long")},
    )
    podman.cost("rm", "long")
    assert 10 * medians["cutaway logs"].wall < medians["podman logs"].wall


def test_a_list_of_many(cutaway: Cutaway, workbench: Workbench, base: Path) -> None:
    """150 containers, 50 of them running; and what it costs to watch them while nothing happens."""
    for name in made(workbench, base, "sleep", "3000", count=50):
        workbench.start(name, job())
    made(workbench, base, "true", count=100)
    medians = compare(
        "150 containers, 50 running", 7, {name: lambda name=name: ours(cutaway, "ps", name) for name in ("-a", "-q")}
    )
    token = CancelToken()
    cpu = watching(workbench, token, 20.0)
    print(f"  watching them while nothing happens: {100 * cpu:.2f} % of a CPU")
    assert medians["-a"].wall < 0.3
    assert cpu <= 0.01


def watching(bench: Workbench, token: CancelToken, seconds: float) -> float:
    """The part of one CPU that the watcher's thread takes."""
    from engine.runtime import Watcher

    def watch() -> None:
        with suppress(Cancelled):
            Watcher(bench.root, lambda ids: None).run(token)

    thread = threading.Thread(target=watch)
    thread.start()
    assert thread.native_id
    until_asleep(thread.native_id)  # after its first look at everything

    def used() -> float:
        words = Path(f"/proc/self/task/{thread.native_id}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    before = used()
    time.sleep(seconds)
    spent = used() - before
    token.cancel()
    thread.join()
    return spent / seconds


def test_the_first_byte(workbench: Workbench, base: Path, memory: Path) -> None:
    """From the order to the first byte of output: by the façade, from a draft that is on the screen, and by runc."""
    bundle = memory / "bundle"
    bundle.mkdir()
    options = bare_bundle(workbench, base, bundle)
    numbers = iter(range(ROUNDS))

    def by_runc() -> float:
        line = ["runc", "--root", str(memory / "runc"), "run", "--bundle", str(bundle), f"bare{next(numbers)}"]
        return first_byte(lambda out: runc(line, out))

    def by_us() -> float:
        def run(out: int) -> None:
            fresh = workbench.create(workbench.draft(f"rootfs:{base}", options, job()), job())
            workbench.run(fresh.id, Attachment(None, out, out), job())

        return first_byte(run)

    times = [(by_runc(), by_us()) for _ in range(ROUNDS)]
    bare, whole = (statistics.median(column) for column in zip(*times, strict=True))
    print(f"\nfirst byte: runc run {bare * 1000:.0f} ms, engine {whole * 1000:.0f} ms, {whole / bare:.2f} times")
    assert whole < 3 * bare


def test_the_first_byte_after_a_key(cutaway: Cutaway, workbench: Workbench, base: Path, memory: Path) -> None:
    """From the key that starts a container in [4] until conmon has its first byte in the log, beside bare runc."""
    bundle = memory / "bundle"
    bundle.mkdir()
    (container,) = made(workbench, base, "echo", "here")
    log = cutaway.root / "containers" / container / "output.log"
    bare_bundle(workbench, base, bundle)
    bare, keys = [], []
    with program(cutaway.command(), cutaway.environment) as screen:
        screen.wait(b"created")
        screen.press(b"4")
        for number in range(ROUNDS):
            screen.idle(1.0)
            line = ["runc", "--root", str(memory / "runc"), "run", "--bundle", str(bundle), f"bare{number}"]
            bare.append(first_byte(lambda out, line=line: runc(line, out)))
            before = size(log)
            screen.press(b"r")
            begun = time.monotonic()
            while size(log) == before:
                assert time.monotonic() < begun + 10
                screen.read(0.0005)
            keys.append(time.monotonic() - begun)
            screen.wait(b"exited")
    told = statistics.median(keys) / statistics.median(bare)
    print(f"\nfirst byte: runc run {statistics.median(bare) * 1000:.0f} ms, by a key of the screen", end=" ")
    print(f"{statistics.median(keys) * 1000:.0f} ms, {told:.2f} times")
    assert told < 3


def size(path: Path) -> int:
    """Bytes; 0 of one that is not there yet."""
    return path.stat().st_size if path.exists() else 0


def runc(line: list[str], out: int) -> None:
    subprocess.run(line, stdout=out, stdin=subprocess.DEVNULL, check=True)


def bare_bundle(workbench: Workbench, base: Path, place: Path) -> RunOptions:
    """What runc is given by hand: the same config.json, on the base itself, without our files. Returns the options."""
    options = RunOptions(args=("echo", "here"), network="host", auto_remove=True)
    config = json.loads(workbench.draft(f"rootfs:{base}", options, job()).text)
    config["root"]["path"] = str(base)
    config["mounts"] = [mount for mount in config["mounts"] if mount["type"] != "bind"]
    (place / "config.json").write_text(json.dumps(config))
    return options


def first_byte(run: Callable[[int], object]) -> float:
    """Seconds from the beginning of `run`, which gets a descriptor to write to, until something is written."""
    reader, writer = os.pipe()
    begun = time.monotonic()
    thread = threading.Thread(target=run, args=(writer,))
    thread.start()
    assert os.read(reader, 1)
    took = time.monotonic() - begun
    thread.join()
    os.close(reader)
    os.close(writer)
    return took
