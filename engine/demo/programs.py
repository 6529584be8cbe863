"""Programs of this host with all that they need to run elsewhere: links on the way to them, interpreters, libraries.

In the image everything lies in the merged layout (`/bin -> usr/bin`, `/lib -> usr/lib`), whatever the host has.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import struct
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

MERGED = ("bin", "lib", "lib32", "lib64", "libx32", "sbin")
"""Directories of the root that are links into usr/."""

_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"  # the system's own: nothing that somebody put into /usr/local
_PT_INTERP = 3
_LISTED = re.compile(r"^\s*(?:(?P<soname>\S+) => )?(?P<path>/\S+) \(0x[0-9a-f]+\)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class HostFile:
    """A file of the host on its way into the image: `path` there without a leading slash.

    With a `target` it is a symbolic link, with a `twin` another name of the file at that path; otherwise its content
    is that of `source`.
    """

    path: str
    source: str
    size: int = 0
    executable: bool = False
    target: str = ""
    twin: str = ""


class _Unusable(Exception):
    """A program that cannot run elsewhere."""


class Collection:
    """Gathers programs as long as their files stay below `limit` bytes. They are looked for in `search`, as in PATH."""

    def __init__(self, limit: int, search: str = _PATH) -> None:
        self._limit = limit
        self._search = search
        self._files: dict[str, HostFile] = {}
        self.programs: list[str] = []

    @property
    def files(self) -> list[HostFile]:
        """All files, by path; what a hard link shares comes before it."""
        return sorted(self._files.values(), key=lambda file: (bool(file.twin), file.path))

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self._files.values())

    def add(self, names: Iterable[str]) -> None:
        """Add those of the programs that this host has, that can run elsewhere, and that do not make it too large."""
        for name in names:
            found = shutil.which(name, path=self._search)
            if found is None:
                continue
            trial = _Trial(self._files)
            try:
                trial.add(found)
            except (_Unusable, OSError):
                continue
            if self.size + trial.size <= self._limit:
                self._files.update(trial.new)
                self.programs.append(name)


class _Trial:
    """What one program adds to the files that are there already."""

    def __init__(self, known: dict[str, HostFile]) -> None:
        self.new: dict[str, HostFile] = {}
        self._known = known
        self._followed: set[str] = set()

    @property
    def size(self) -> int:
        return sum(file.size for file in self.new.values())

    def add(self, path: str) -> str:
        """Add the file at a path of the host; returns its path in the image. Raises _Unusable, OSError."""
        folder = os.path.realpath(os.path.dirname(path))
        source = os.path.join(folder, os.path.basename(path))
        place = in_image(source)
        if place in self._known or place in self.new:
            return place
        found = os.lstat(source)
        if stat.S_ISLNK(found.st_mode):
            if place in self._followed:
                raise _Unusable  # links in a circle
            self._followed.add(place)
            target = self.add(os.path.join(folder, os.readlink(source)))
            relative = os.path.relpath(target, os.path.dirname(place))
            self.new[place] = HostFile(place, source, target=relative)
        elif not stat.S_ISREG(found.st_mode):
            raise _Unusable
        elif twin := self._twin(found):
            self.new[place] = HostFile(place, source, twin=twin)
        else:
            self.new[place] = HostFile(place, source, found.st_size, bool(found.st_mode & 0o111))
            self._add_needed(source)
        return place

    def _twin(self, found: os.stat_result) -> str:
        """The path of a file that is the same on the host (programs with many names can be hard links)."""
        if found.st_nlink > 1:
            for file in (*self._known.values(), *self.new.values()):
                if not file.target and not file.twin and os.path.samestat(found, os.stat(file.source)):
                    return file.path
        return ""

    def _add_needed(self, path: str) -> None:
        with open(path, "rb") as file:
            head = file.read(4096)
        if head.startswith(b"#!"):
            words = head[2:].split(b"\n")[0].split()
            if not words or os.path.basename(words[0]) == b"env":
                raise _Unusable
            self.add(os.fsdecode(words[0]))
        elif loader := interpreter(path):
            self.add(loader)
            for soname, library in libraries(path, loader):
                self._add_library(soname, library)

    def _add_library(self, soname: str, library: str) -> None:
        """Add it; where the loader's cache alone finds it on the host, also a link beside the C library."""
        place = self.add(library)
        home = os.path.dirname(place)
        standard = next((os.path.dirname(path) for path in self._all() if _is_libc(path)), home)
        beside = os.path.join(standard, soname)
        if home != standard and not home.startswith(standard + "/glibc-hwcaps") and beside not in self._all():
            self.new[beside] = HostFile(beside, library, target=os.path.relpath(place, standard))

    def _all(self) -> dict[str, HostFile]:
        return {**self._known, **self.new}


def in_image(path: str) -> str:
    """A path of the host in the image's merged layout, without a leading slash."""
    bare = os.path.normpath(path).lstrip("/")
    return "usr/" + bare if bare.partition("/")[0] in MERGED else bare


def interpreter(path: str) -> str:
    """The loader that a dynamically linked program asks for (elf(5), PT_INTERP); "" for any other file."""
    with open(path, "rb") as file:
        head = file.read(64)
        if len(head) < 64 or head[:4] != b"\x7fELF" or head[4] not in (1, 2) or head[5] not in (1, 2):
            return ""
        try:
            return _interpreter(file, head, wide=head[4] == 2, order="<" if head[5] == 1 else ">")
        except (struct.error, ValueError, OverflowError):  # its headers lead nowhere
            return ""


def _interpreter(file: BinaryIO, head: bytes, *, wide: bool, order: str) -> str:
    number = order + ("Q" if wide else "I")
    (start,) = struct.unpack_from(number, head, 32 if wide else 28)
    size, count = struct.unpack_from(order + "HH", head, 54 if wide else 42)
    for index in range(count):
        file.seek(start + index * size)
        segment = file.read(size)
        if struct.unpack_from(order + "I", segment)[0] == _PT_INTERP:
            (offset,) = struct.unpack_from(number, segment, 8 if wide else 4)
            (length,) = struct.unpack_from(number, segment, 32 if wide else 16)
            file.seek(offset)
            return os.fsdecode(file.read(min(length, 4096)).rstrip(b"\0"))
    return ""


def libraries(path: str, loader: str) -> list[tuple[str, str]]:
    """What a program loads, as (soname, path): asked of its own loader, which is what ldd(1) does.

    Both glibc's and musl's know `--list`, and run nothing of the program. Raises _Unusable if one is missing.
    """
    environment = {"LC_ALL": "C", "PATH": _PATH}
    done = subprocess.run(
        [loader, "--list", path],
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=20,
    )
    if done.returncode != 0 or "not found" in done.stdout:
        raise _Unusable
    found = {match["path"]: match["soname"] or Path(match["path"]).name for match in _LISTED.finditer(done.stdout)}
    return sorted((os.path.basename(soname), library) for library, soname in found.items() if library != loader)


def _is_libc(path: str) -> bool:
    return os.path.basename(path).startswith(("libc.so.", "libc.musl-"))
