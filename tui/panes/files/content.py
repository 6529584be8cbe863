"""What is in a file, to be looked at: text by lines, anything else as bytes. All of it is hostile."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from rich.text import Text

from engine import human_size, visible
from tui.text import counted

TEXT_LIMIT = 1 << 20
"""Bytes of a text that are read; the rest of a longer one is told."""

LONGEST = 4000
"""Characters of a line that are shown."""

_SAMPLE = 8192
_ROW = 16
_TAB = 4


class Content(Protocol):
    """Lines of a file; only those in sight are asked for."""

    @property
    def count(self) -> int:
        """How many lines."""

    @property
    def width(self) -> int:
        """Characters of the longest."""

    @property
    def said(self) -> str:
        """What it is, in a few plain words."""

    def line(self, index: int) -> Text:
        """One line, plain and safe."""

    def close(self) -> None:
        """It is not looked at any more."""


@dataclass
class TextContent:
    """A text. `spans` by line: from, to, and the kind of what is there."""

    name: str
    lines: list[str]
    size: int
    whole: bool
    spans: dict[int, list[tuple[int, int, str]]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return len(self.lines)

    @property
    def width(self) -> int:
        return max(map(len, self.lines), default=0)

    @property
    def said(self) -> str:
        words = f"text, {human_size(self.size)}, {counted(self.count, 'line')}"
        return words if self.whole else f"{words}: the first {human_size(TEXT_LIMIT)}"

    def line(self, index: int) -> Text:
        return Text(self.lines[index], no_wrap=True, end="")

    def close(self) -> None:
        pass


class BytesContent:
    """A file in hexadecimal, sixteen bytes a line; what is in sight is read when it is."""

    def __init__(self, file: BinaryIO, size: int, kind: str) -> None:
        self._file, self._size, self._kind = file, size, kind

    @property
    def count(self) -> int:
        return -(-self._size // _ROW)

    @property
    def width(self) -> int:
        return 8 + 2 + 3 * _ROW + 2 + _ROW

    @property
    def said(self) -> str:
        return f"{self._kind}, {self._size:,} bytes"

    def line(self, index: int) -> Text:
        start = index * _ROW
        try:
            data = os.pread(self._file.fileno(), _ROW, start)
        except (OSError, ValueError):
            return Text(f"{start:08x}  (cannot be read)", no_wrap=True, end="")
        left, right = data[:8].hex(" "), data[8:].hex(" ")
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data)
        return Text(f"{start:08x}  {left:<23}  {right:<23}  {shown}", no_wrap=True, end="")

    def close(self) -> None:
        self._file.close()


def read(file: BinaryIO, name: str, size: int, *, raw: bool = False) -> Content:
    """Look at a file; it is closed when its content is, or before. `raw` asks for the bytes of a text too."""
    sample = os.pread(file.fileno(), _SAMPLE, 0)
    if raw or not is_text(sample):
        return BytesContent(file, size, kind_of(sample) or ("bytes" if sample else "an empty file"))
    with file:
        data = file.read(TEXT_LIMIT)
        whole = not file.read(1)
    lines = [_shown(line) for line in data.decode("utf-8", "surrogateescape").split("\n")]
    if lines and not lines[-1]:
        lines.pop()
    return TextContent(name, lines, size, whole)


def is_text(sample: bytes) -> bool:
    """Whether bytes from the beginning of a file are a text: no NUL, and hardly anything that no text has."""
    if not sample:
        return True
    if b"\0" in sample:
        return False
    strange = sum(byte < 32 and byte not in b"\t\n\r\f\b\x1b" for byte in sample)
    try:
        sample[:-4].decode("utf-8") if len(sample) == _SAMPLE else sample.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.end < len(sample) - 4 or len(sample) < _SAMPLE:  # not a character that the sample's end cuts
            strange += sum(byte >= 127 for byte in sample)
    return strange * 20 <= len(sample)


def _shown(line: str) -> str:
    line = line.removesuffix("\r")
    if len(line) > LONGEST:
        line = line[:LONGEST] + "…"
    return visible(line, keep="\t").expandtabs(_TAB)


def kind_of(head: bytes) -> str:
    """What a file is by its first bytes: programs, archives, and pictures with their size. "" for what is unknown."""
    for look in (_elf, _png, _gif, _jpeg, _bmp):
        if found := look(head):
            return found
    for magic, words in _MAGICS:
        if head.startswith(magic):
            return words
    return ""


_MAGICS = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\0", "xz"),
    (b"BZh", "bzip2"),
    (b"PK\x03\x04", "zip archive"),
    (b"%PDF", "PDF document"),
    (b"SQLite format 3\0", "SQLite database"),
    (b"!<arch>\n", "ar archive (deb, .a)"),
    (b"\xcb\x0d\x0d\x0a", "compiled Python"),
    (b"\xde\x12\x04\x95", "message catalogue"),
    (b"\x95\x04\x12\xde", "message catalogue"),
    (b"TZif", "time zone"),
    (b"\xca\xfe\xba\xbe", "Java class"),
    (b"\0asm", "WebAssembly"),
    (b"OTTO", "OpenType font"),
    (b"\0\x01\0\0\0", "TrueType font"),
)

_MACHINES = {3: "x86", 8: "MIPS", 21: "POWER", 22: "S/390", 40: "Arm", 62: "x86-64", 183: "AArch64", 243: "RISC-V"}
_ELF_KINDS = {1: "object", 2: "program", 3: "program or library", 4: "core dump"}


def _elf(head: bytes) -> str:
    """The ELF header (elf(5))."""
    if not head.startswith(b"\x7fELF") or len(head) < 20:
        return ""
    order = ">" if head[5] == 2 else "<"
    kind, machine = struct.unpack_from(f"{order}HH", head, 16)
    bits = {1: 32, 2: 64}.get(head[4], "?")
    return f"ELF {bits}-bit {_ELF_KINDS.get(kind, 'file')} for {_MACHINES.get(machine, f'machine {machine}')}"


def _png(head: bytes) -> str:
    if not head.startswith(b"\x89PNG\r\n\x1a\n") or len(head) < 26:
        return ""
    width, height, depth, colour = struct.unpack_from(">IIBB", head, 16)
    kinds = {0: "grey", 2: "RGB", 3: "palette", 4: "grey and alpha", 6: "RGBA"}
    return f"PNG picture, {width} × {height}, {depth}-bit {kinds.get(colour, '?')}"


def _gif(head: bytes) -> str:
    if not head.startswith((b"GIF87a", b"GIF89a")) or len(head) < 10:
        return ""
    width, height = struct.unpack_from("<HH", head, 6)
    return f"GIF picture, {width} × {height}"


def _jpeg(head: bytes) -> str:
    """The first frame header among the segments (ITU-T T.81, B.2.2)."""
    if not head.startswith(b"\xff\xd8\xff"):
        return ""
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker, length = head[at + 1], int.from_bytes(head[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", head, at + 5)
            return f"JPEG picture, {width} × {height}"
        at += 2 + max(2, length)
    return "JPEG picture"


def _bmp(head: bytes) -> str:
    if not head.startswith(b"BM") or len(head) < 26 or head[14:18] != b"\x28\0\0\0":
        return ""
    width, height = struct.unpack_from("<ii", head, 18)
    return f"BMP picture, {width} × {abs(height)}"
