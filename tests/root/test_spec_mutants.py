"""The check says what runc will refuse: hundreds of changes to a good config.json, each given to the real runc.

Everything happens in mount, UTS and IPC namespaces of our own: a container without a mount namespace mounts on the
host itself.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from spec_kit import Identity
from spec_mutants import mutants

from engine.host import HostFacts, probe
from engine.oci import Execution
from engine.spec import RunOptions, Severity, blame, check, generate

pytestmark = pytest.mark.root

OWN_NAMESPACES = ["unshare", "--mount", "--uts", "--ipc", "--propagation", "private"]
PREFIX = f"cutaway-mutant-{os.getpid()}"
ALL = os.environ.get("CUTAWAY_MUTANTS") == "all"
"""Whether every mutant is tried; a quarter of them, spread over all subjects, takes a minute less."""


@pytest.fixture(scope="module")
def here() -> HostFacts:
    return probe()


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, here: HostFacts, rootfs_dir: Path) -> Iterator[Path]:
    """A bundle that starts. Its cgroups are taken away afterwards."""
    base = tmp_path_factory.mktemp("mutants")
    only_true = shutil.ignore_patterns(*(tool.name for tool in (rootfs_dir / "bin").iterdir() if tool.name != "true"))
    shutil.copytree(rootfs_dir, base / "merged", symlinks=True, ignore=only_true)
    _add_odd_programs(base)
    made = generate(
        Execution(cmd=["true"], env=["PATH=/bin"]),
        RunOptions(),
        facts=here,
        container=Identity(PREFIX, "mutant"),
        rootfs=base / "merged",
    )
    (base / "files").mkdir()
    for name, data in made.files.items():
        (base / "files" / name).write_bytes(data)
    config = json.loads(made.text)
    # The profile is most of the text, and of what runc does with it; test_spec_runs has all of it.
    config["linux"]["seccomp"] |= {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["uselib"], "action": "SCMP_ACT_ERRNO"}],
    }
    (base / "config.json").write_text(json.dumps(config))
    yield base
    for controller in (Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").iterdir()):
        for left in (*controller.glob(f"cutaway/{PREFIX}*"), *controller.glob(f"{PREFIX}*")):
            if left.is_dir():
                left.rmdir()


def _add_odd_programs(base: Path) -> None:
    """What the mutants of spec_mutants_start need."""
    root = base / "merged"
    program = bytearray((root / "bin/true").read_bytes())
    foreign = bytearray(program)
    foreign[18:20] = (0x00F3).to_bytes(2, "little")  # e_machine: RISC-V
    loader = re.search(rb"/lib[\w/.-]*ld[\w.-]*\0", program)
    assert loader is not None, "the host's true has no loader"
    unlinked = bytes(program).replace(loader[0], b"/nowhere/ld\0".ljust(len(loader[0]), b"\0"), 1)
    for name, content, mode in (
        ("text", b"just words\n", 0o755),
        ("orphan", b"#!/nowhere/sh\n", 0o755),
        ("foreign", bytes(foreign), 0o755),
        ("unlinked", unlinked, 0o755),
        ("private", bytes(program), 0o700),
        ("script", b"#!/bin/true -x\n", 0o755),
    ):
        (root / "bin" / name).write_bytes(content)
        (root / "bin" / name).chmod(mode)
    (root / "to-etc").symlink_to("/etc")
    (root / "to-proc").symlink_to("/proc/sys")


def refused(bundle: Path, name: str) -> tuple[bool, str]:
    """Whether runc refuses a bundle, and what it says."""
    command = [*OWN_NAMESPACES, "runc", "run", "--bundle", str(bundle), name]
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=60, check=False)
    finally:
        if Path("/run/runc", name).exists():
            subprocess.run(["runc", "delete", "--force", name], capture_output=True, check=False)
    return done.returncode != 0, done.stderr.decode(errors="replace")


def blamed_wrongly(name: str, said: str, text: str, pointers: list[str]) -> str:
    """Empty where runc's own message leads to a field that the check complains of, or to one above or below it."""
    if not said.strip():
        return ""  # it died without a word
    found = blame(said, text)
    if found is None:
        return f"not blamed: {name}: {pointers}: {said[-200:]}"
    for pointer in pointers:
        if f"{pointer}/".startswith(f"{found.pointer}/") or f"{found.pointer}/".startswith(f"{pointer}/"):
            return ""
    return f"blamed wrongly: {name}: {found.pointer} in place of {pointers}: {said[-200:]}"


def test_prediction_is_right_for_every_mutant(good: Path, here: HostFacts, tmp_path: Path) -> None:
    cases = list(mutants(json.loads((good / "config.json").read_text())))
    if not ALL:
        cases = cases[::4]
    assert len(cases) >= 150
    assert refused(good, PREFIX) == (False, "")

    def judge(numbered: tuple[int, tuple[str, str]]) -> str:
        number, (name, text) = numbered
        bundle = tmp_path / str(number)
        shutil.copytree(good / "files", bundle / "files")
        # Hard links: fast, and nothing writes to these files. What is made beside them is the mutant's own.
        shutil.copytree(good / "merged", bundle / "merged", symlinks=True, copy_function=os.link)
        (bundle / "link").symlink_to("merged")
        text = re.sub(rf"\b(mutant|cutaway-relative/mutant)\b|{PREFIX}", f"{PREFIX}-{number}", text)
        raw = text.encode("utf-8", "surrogatepass")
        (bundle / "config.json").write_bytes(raw)
        errors = [d for d in check(raw, facts=here, bundle=bundle) if d.severity is Severity.ERROR]
        wrong, said = refused(bundle, f"{PREFIX}-{number}")
        shutil.rmtree(bundle)
        if wrong == bool(errors):
            return blamed_wrongly(name, said, text, [d.pointer for d in errors]) if wrong else ""
        return f"missed: {name}: {said[-200:]}" if wrong else f"false alarm: {name}: {errors}"

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        wrong = [answer for answer in pool.map(judge, enumerate(cases)) if answer]
    assert not wrong, "\n".join(wrong)
