"""The words that a config.json is written in: capabilities, limits, namespaces, mount options."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

# One text each: a list of words, one a line, would hide them.
_CAPABILITY_WORDS = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE"
    " NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN"
    " SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE"
    " MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
)
_RLIMIT_WORDS = "AS CORE CPU DATA FSIZE LOCKS MEMLOCK MSGQUEUE NICE NOFILE NPROC RSS RTPRIO RTTIME SIGPENDING STACK"

CAPABILITY_NUMBERS = {f"CAP_{word}": number for number, word in enumerate(_CAPABILITY_WORDS.split())}
"""By name; the numbers are those of linux/capability.h (capabilities(7))."""

CAPABILITIES = frozenset(CAPABILITY_NUMBERS)

RLIMITS = frozenset(f"RLIMIT_{word}" for word in _RLIMIT_WORDS.split())
"""getrlimit(2)"""

NAMESPACES = frozenset({"pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"})
"""namespaces(7), as the runtime-spec calls them."""


def suggestion(word: str, known: Iterable[str]) -> str:
    """ "Did you mean …?" or "" where nothing is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"Did you mean {near[0]}?" if near else ""
