"""The hosts file and the name servers of a network that several containers have: the very same files, as podman's.

Each container has them below `files/` in its directory, bound on /etc. Who shares another's network has links to that
one's there, so that each sees what any writes into them, and its own line in the hosts file for as long as it runs.
Containers write into these files: what is read there is theirs, and no lock is waited for that they may hold.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_HOSTS, _SHARED = "hosts", ("hosts", "resolv.conf")
_LIMIT = 1024 * 1024  # bytes; what is larger is no hosts file, and is left as it is
_HOST_NAME = 64  # bytes, sethostname(2)
_TRIES, _PAUSE = 20, 0.01  # seconds


def share_names(own: Path, theirs: Path, name: str) -> None:
    """Make the files in the directory `own` those in `theirs`, where both have them, and add the line of the container
    called `name`. Raises OSError."""
    for each in _SHARED:
        here, there = own / each, theirs / each
        with suppress(FileNotFoundError):
            before, wanted = here.lstat(), there.lstat()
            if not os.path.samestat(before, wanted) and stat.S_ISREG(wanted.st_mode):
                passing = own / f".{each}"
                passing.unlink(missing_ok=True)
                os.link(there, passing, follow_symlinks=False)
                os.rename(passing, here)
    _change(own, name, there=True)


def leave_names(own: Path, name: str) -> None:
    """Take the container's line out of the hosts file again. Does what it can."""
    with suppress(OSError):
        _change(own, name, there=False)


def _change(own: Path, name: str, *, there: bool) -> None:
    with suppress(FileNotFoundError), _opened(own / _HOSTS) as handle:
        with (own / "hostname").open("rb") as file:
            hostname = file.read(_HOST_NAME).split()[:1]
        line = b"127.0.0.1\t" + b" ".join(dict.fromkeys([*hostname, name.encode()]))
        text = os.pread(handle, _LIMIT + 1, 0)
        lines = text.splitlines()
        if len(text) > _LIMIT or (line in lines) == there:
            return
        if there:
            end = b"" if not text or text.endswith(b"\n") else b"\n"
            os.pwrite(handle, end + line + b"\n", len(text))
            return
        lines.remove(line)
        left = b"".join(each + b"\n" for each in lines)
        os.pwrite(handle, left, 0)
        os.ftruncate(handle, len(left))


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        for _ in range(_TRIES):
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:  # another one that starts or ends just now; or a container that holds it for ever
                time.sleep(_PAUSE)
        yield handle
    finally:
        os.close(handle)
