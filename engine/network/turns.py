"""Who changes this host's bridges and firewall rules when: one at a time.

iptables has no transactions: of two who look for a chain, do not find it and make it, the second one fails. That holds
for everybody in the same network namespace, whatever data directory or engine theirs is. podman takes turns by a file
of its own (netavark.lock, where containers.conf(5) has its network_config_dir), so that one is held, too.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.errors import HostError

LOCK = Path("/run/cutaway/network.lock")
PODMANS = Path("/etc/containers/networks/netavark.lock")

_PATIENCE = 10.0  # seconds for podman, which may hang; a clash is unlikely, and undone
_PAUSE = 0.01  # seconds


@contextmanager
def turn() -> Iterator[int]:
    """Have one's turn. Gives the descriptor that holds it: a child that inherits it has it on where this process is
    killed. Raises HostError where there can be no such file."""
    try:
        LOCK.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        held = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise HostError(f"cannot change this host's network in turn: {LOCK}: {error.strerror}") from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        with _podmans():
            yield held
    finally:
        os.close(held)


@contextmanager
def _podmans() -> Iterator[None]:
    """podman's lock, where there is podman; a lock of fcntl(2), as podman's is."""
    try:
        held = os.open(PODMANS, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        yield
        return
    try:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            with suppress(BlockingIOError):
                fcntl.lockf(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(_PAUSE)
        yield
    finally:
        os.close(held)
