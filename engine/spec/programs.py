"""Whether the kernel can start a file: a program for this machine whose loader is there, or a script's interpreter."""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Callable
from pathlib import Path

from engine.text import visible

_HEADER = 4096  # bytes; an interpreter's line is at most 256 of them, the program headers follow the first 64
_MACHINES = {
    "amd64": {62, 3},
    "386": {3},
    "arm64": {183, 40},
    "arm": {40},
    "ppc64le": {21},
    "s390x": {22},
    "riscv64": {243},
}
"""e_machine (elf.h) of what runs on each architecture."""

_HELPERS = Path("/proc/sys/fs/binfmt_misc")
_PT_INTERP = 3


def is_executable(path: Path) -> bool:
    """Whether it is a file with a right to execute. Not by access(2): for root that goes by capabilities, which the
    container has fewer of."""
    try:
        mode = path.stat().st_mode
        return stat.S_ISREG(mode) and bool(mode & 0o111)
    except (OSError, ValueError):
        return False


def why_not_started(path: Path, architecture: str, there: Callable[[str], bool | None]) -> str:
    """Why execve(2) refuses an executable file; "" where it should not, or where that cannot be known.

    `there` says whether a program that it needs is where it will run; None for what cannot be known.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEADER)
    except OSError:
        return ""
    if head.startswith(b"#!"):
        words = head[2:].split(b"\n", 1)[0][:254].split()
        name = os.fsdecode(words[0]) if words else ""
        if not name:
            return "it is a script that names no interpreter"
        return f"it is a script, and its interpreter {visible(name)[:80]} is not there" if there(name) is False else ""
    if not head.startswith(b"\x7fELF"):
        return "" if _has_helpers() else "it is neither a program nor a script: it does not begin with #!"
    try:
        return _elf(head, architecture, there)
    except struct.error:
        return "" if _has_helpers() else "it is cut off: not a whole program"


def _elf(head: bytes, architecture: str, there: Callable[[str], bool | None]) -> str:
    order = ">" if head[5] == 2 else "<"
    wide = head[4] == 2
    (machine,) = struct.unpack_from(f"{order}H", head, 18)
    ours = _MACHINES.get(architecture)
    if ours is not None and machine not in ours:
        return "" if _has_helpers() else "it is a program for another kind of machine"
    start, size, count = (
        (*struct.unpack_from(f"{order}Q", head, 32), *struct.unpack_from(f"{order}HH", head, 54))
        if wide
        else (*struct.unpack_from(f"{order}I", head, 28), *struct.unpack_from(f"{order}HH", head, 42))
    )
    for number in range(count):
        place = start + number * size
        if place + size > len(head):
            break
        (kind,) = struct.unpack_from(f"{order}I", head, place)
        if kind == _PT_INTERP:
            offset, length = (
                struct.unpack_from(f"{order}Q16xQ", head, place + 8)
                if wide
                else (
                    struct.unpack_from(f"{order}I", head, place + 4)[0],
                    struct.unpack_from(f"{order}I", head, place + 16)[0],
                )
            )
            name = os.fsdecode(head[offset : offset + length].split(b"\0", 1)[0])
            if name and offset + length <= len(head) and there(name) is False:
                return f"it needs the loader {visible(name)[:80]}, which is not there"
    return ""


def _has_helpers() -> bool:
    """Whether this kernel hands what it does not know to helpers (binfmt_misc): emulators, for example."""
    try:
        return bool(set(os.listdir(_HELPERS)) - {"register", "status"})
    except OSError:
        return False
