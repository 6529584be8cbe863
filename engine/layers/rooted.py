"""Names opened below a directory that is somebody else's root: nothing leads out of it, whatever links say.

openat2(2) with RESOLVE_IN_ROOT (Linux 5.6) takes `/` and `..` in names and links as its own; it holds while
a hostile process renames directories under way.
"""

from __future__ import annotations

import ctypes
import errno
import os

from engine.libc import libc

_OPENAT2 = 437
_IN_ROOT, _NO_MAGIC = 0x10, 0x02
_TRIES = 100  # EAGAIN: a rename somewhere on the system came between


class _How(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def open_below(root: int, path: bytes, flags: int) -> int:
    """Open `path` as if the open directory `root` were `/`; `flags` are open(2)'s, and the descriptor closes on exec.

    Raises OSError.
    """
    how = _How(flags | os.O_CLOEXEC, 0, _IN_ROOT | _NO_MAGIC)
    number = 0
    for _ in range(_TRIES):
        handle = libc.syscall(_OPENAT2, root, path or b".", ctypes.byref(how), ctypes.sizeof(how))
        if handle >= 0:
            return int(handle)
        number = ctypes.get_errno()
        if number not in (errno.EAGAIN, errno.EINTR):
            break
    raise OSError(number, os.strerror(number), os.fsdecode(path))
