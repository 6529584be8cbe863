"""What directories get at the end: adding to them changes their times, and two things must not reach their children."""

from __future__ import annotations

import json
import os
from typing import IO

from engine.layers import names, xattrs
from engine.layers.waiting import raw, text

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Times:
    """Remembers, in a file, directories' modification times, and what new files in them would inherit: set-group-ID
    bits and default ACLs (inode(7), acl(5))."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._written = 0
        self._removed: dict[bytes, int] = {}  # path -> how many notes had been written when it went

    def add(self, path: bytes, mtime: int, mode: int | None, default_acl: bytes) -> None:
        """Note a directory: `mtime` in nanoseconds, `mode` where it has special bits."""
        self._file.write(json.dumps([text(path), mtime, mode, default_acl.hex()]) + "\n")
        self._written += 1

    def removed(self, path: bytes) -> None:
        """A directory went, with all below it: what was noted of them holds no longer."""
        self._removed[path] = self._written

    def apply(self) -> None:
        """Give every noted directory that is still there what was noted last. Raises OSError."""
        self._file.seek(0)
        for number, line in enumerate(self._file):
            name, mtime, mode, default_acl = json.loads(line)
            path = raw(name)
            if self._removed and self._is_gone(path, number):
                continue
            place = path or b"."
            if mode is not None or default_acl:
                handle = os.open(place, _OPEN)
                try:
                    if mode is not None:
                        os.fchmod(handle, mode)
                    if default_acl:
                        xattrs.apply(handle, {xattrs.DEFAULT_ACL: bytes.fromhex(default_acl)})
                finally:
                    os.close(handle)
            os.utime(place, ns=(mtime, mtime), follow_symlinks=False)

    def _is_gone(self, path: bytes, number: int) -> bool:
        while path:
            if self._removed.get(path, -1) > number:
                return True
            path = names.split(path)[0]
        return False
