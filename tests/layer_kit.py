"""Layers for tests: tar streams written by hand, so that they can be wrong; expanded, mounted, and read back."""

from __future__ import annotations

import ctypes
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

from engine.digest import Digest
from engine.jobs import CancelToken
from engine.layers import LayerStats, Limits, settle, unpack

END = bytes(1024)
MTIME = 1_700_000_000


def number(value: int, width: int) -> bytes:
    """A header's number: octal, or base-256 where that cannot hold it."""
    if 0 <= value < 8 ** (width - 1):
        return b"%0*o\0" % (width - 1, value)
    return (value % (1 << 8 * width) | 0x80 << 8 * (width - 1)).to_bytes(width, "big")


def block(
    name: bytes,
    kind: bytes = b"0",
    *,
    size: int = 0,
    mode: int = 0o644,
    uid: int = 0,
    gid: int = 0,
    mtime: int = MTIME,
    target: bytes = b"",
    device: tuple[int, int] = (0, 0),
    magic: bytes = b"ustar\x0000",
    prefix: bytes = b"",
    raw: dict[int, bytes] | None = None,
) -> bytes:
    """A header block with a right checksum; `raw` puts bytes over it first, by offset."""
    fields = [
        name.ljust(100, b"\0"),
        number(mode, 8),
        number(uid, 8),
        number(gid, 8),
        number(size, 12),
        number(mtime, 12),
        b" " * 8,
        kind,
        target.ljust(100, b"\0"),
        magic,
        bytes(64),
        number(device[0], 8),
        number(device[1], 8),
        prefix.ljust(167, b"\0"),
    ]
    made = bytearray(b"".join(fields))
    for offset, value in (raw or {}).items():
        made[offset : offset + len(value)] = value
    made[148:156] = b" " * 8
    made[148:156] = b"%06o\0 " % sum(made)
    assert len(made) == 512
    return bytes(made)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


def pax(records: dict[str, bytes] | list[tuple[str, bytes]], kind: bytes = b"x") -> bytes:
    """An extended header."""
    data = b""
    for key, value in records.items() if isinstance(records, dict) else records:
        rest = b" " + key.encode() + b"=" + value + b"\n"
        length = len(rest) + 1
        while len(b"%d" % length) + len(rest) != length:
            length += 1
        data += b"%d" % length + rest
    return block(b"PaxHeader", kind, size=len(data)) + padded(data)


def file(name: str | bytes, content: bytes = b"", *, records: dict[str, bytes] | None = None, **fields: Any) -> bytes:
    raw = name.encode() if isinstance(name, str) else name
    if len(raw) > 100:
        records = {"path": raw, **(records or {})}
        raw = raw[:100]
    if len(fields.get("target", b"")) > 100:
        records = {"linkpath": fields["target"], **(records or {})}
        fields["target"] = fields["target"][:100]
    return (pax(records) if records else b"") + block(raw, size=len(content), **fields) + padded(content)


def directory(name: str, mode: int = 0o755, **fields: Any) -> bytes:
    return file(name, kind=b"5", mode=mode, **fields)


def symlink(name: str, target: str, **fields: Any) -> bytes:
    return file(name, kind=b"2", target=target.encode(), mode=0o777, **fields)


def link(name: str, target: str, **fields: Any) -> bytes:
    return file(name, kind=b"1", target=target.encode(), **fields)


def expand(
    blob: Path,
    staging: Path,
    *,
    diff_id: Digest,
    lower: Sequence[Path],
    on_progress: Callable[[int], None],
    token: CancelToken,
    limits: Limits | None = None,
) -> LayerStats:
    """`unpack` and `settle` in one: for a single layer whose lower ones are there."""
    unpacked = unpack(blob, staging, diff_id=diff_id, on_progress=on_progress, token=token, limits=limits)
    return settle(unpacked, staging, lower=lower, token=token)


class Stack:
    """Layers expanded one on the other below `base`."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.diffs: list[Path] = []
        self.stats: list[LayerStats] = []

    def add(self, *members: bytes, end: bytes = END, limits: Limits | None = None) -> Path:
        """Expand the layer that the members make on top of those before; returns its directory."""
        return self.add_tar(b"".join(members) + end, limits=limits)

    def add_tar(self, tar: bytes, blob: bytes | None = None, limits: Limits | None = None) -> Path:
        staging = self.base / f"layer{len(self.diffs)}"
        staging.mkdir()
        path = self.base / "blob"
        path.write_bytes(tar if blob is None else blob)
        stats = expand(
            path,
            staging,
            diff_id=Digest("sha256:" + hashlib.sha256(tar).hexdigest()),
            lower=self.diffs,
            on_progress=lambda taken: None,
            token=CancelToken(),
            limits=limits,
        )
        self.diffs.append(staging / "diff")
        self.stats.append(stats)
        assert [entry.name for entry in staging.iterdir()] == ["diff"]
        return staging / "diff"

    @contextmanager
    def mounted(self) -> Iterator[Path]:
        """What the kernel makes of the layers, read-only."""
        with overlay(self.base, self.diffs) as merged:
            yield merged

    def merged(self) -> dict[str, tuple[Any, ...]]:
        """A snapshot of what the kernel makes of the layers."""
        with self.mounted() as merged:
            return snapshot(merged)


@contextmanager
def overlay(base: Path, diffs: Sequence[Path]) -> Iterator[Path]:
    merged, empty = base / "merged", base / "empty"
    merged.mkdir(exist_ok=True)
    empty.mkdir(exist_ok=True)  # overlayfs wants two lower directories
    lower = ":".join(str(path.relative_to(base)) for path in [*reversed(diffs), empty])
    with mounted(merged, f"lowerdir={lower}", base):
        yield merged


@contextmanager
def mounted(place: Path, options: str, relative_to: Path = Path("/")) -> Iterator[None]:
    """An overlay, by the system calls alone."""
    libc = ctypes.CDLL(None, use_errno=True)

    def check(failed: int) -> None:
        if failed:
            raise OSError(ctypes.get_errno(), f"{os.strerror(ctypes.get_errno())}: {place}: {options}")

    with chdir(relative_to):
        check(libc.mount(b"overlay", os.fsencode(place), b"overlay", ctypes.c_ulong(0), os.fsencode(options)))
    try:
        yield
    finally:
        check(libc.umount2(os.fsencode(place), 0))


def snapshot(root: Path, *, times: bool = True) -> dict[str, tuple[Any, ...]]:
    """Everything below a directory by its path ("." is itself): kind and mode, owner, size or device, content or
    target, times, attributes, and which paths are one file."""
    found: dict[str, tuple[Any, ...]] = {}
    same: dict[tuple[int, int], str] = {}
    for name in _in_order(str(root)):
        path = f"{root}/{name}"
        status = os.lstat(path)
        content: Any = None
        if stat.S_ISREG(status.st_mode):
            with open(path, "rb", buffering=0) as file:
                content = file.read()
        elif stat.S_ISLNK(status.st_mode):
            content = os.readlink(path)
        elif stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
            content = (os.major(status.st_rdev), os.minor(status.st_rdev))
        first = name if stat.S_ISDIR(status.st_mode) else same.setdefault((status.st_dev, status.st_ino), name)
        attributes = {
            key: os.getxattr(path, key, follow_symlinks=False) for key in os.listxattr(path, follow_symlinks=False)
        }
        found[name] = (
            stat.filemode(status.st_mode),
            (status.st_uid, status.st_gid),
            content,
            status.st_mtime_ns if times else None,
            first,
            attributes,
        )
    return found


def _in_order(root: str, below: str = "") -> Iterator[str]:
    """The paths of a directory and of all in it, each directory before what is in it."""
    yield below or "."
    with os.scandir(f"{root}/{below}") as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            path = f"{below}/{entry.name}" if below else entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from _in_order(root, path)
            else:
                yield path


def names(diff: Path) -> list[str]:
    """The paths of everything in a layer's directory."""
    return sorted(str(path.relative_to(diff)) for path in diff.rglob("*"))


def is_whiteout(path: Path) -> bool:
    """Whether overlayfs takes this for the absence of a file."""
    status = path.lstat()
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def one_of_everything(path: Path) -> Path:
    """A directory with one of every kind of file."""
    (path / "sub/deep").mkdir(parents=True)
    (path / "sub/deep").chmod(0o2750)
    (path / "one").write_bytes(os.urandom(70_000))
    (path / "one").chmod(0o4711)
    os.setxattr(path / "one", "user.colour", b"red")
    (path / "link").symlink_to("sub/nowhere")
    os.mkfifo(path / "fifo")
    os.mknod(path / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    with (path / "sparse").open("wb") as file:
        file.seek(2_000_000)
        file.write(b"end")
        file.truncate(4_000_000)
    (path / "sub/naïve\n").write_text("x")
    os.utime(path / "one", ns=(1, 1_600_000_000_123_456_789))
    os.utime(path / "sub", ns=(1, 1_500_000_000_000_000_000))
    return path
