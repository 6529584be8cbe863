"""The words that a config.json is written in: capabilities, limits, namespaces; and what a mistyped word may mean."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile

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


def capability_names(bits: int) -> list[str]:
    """The names, without CAP_, of a set of capabilities as the kernel writes it; a number for one without a name."""
    names = _CAPABILITY_WORDS.split()
    numbers = [number for number in range(bits.bit_length()) if bits >> number & 1]
    return sorted(names[number] if number < len(names) else str(number) for number in numbers)


RLIMITS = frozenset(f"RLIMIT_{word}" for word in _RLIMIT_WORDS.split())
"""getrlimit(2)"""

NAMESPACES = frozenset({"pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"})
"""namespaces(7), as the runtime-spec calls them."""


def suggestion(word: str, known: Iterable[str]) -> str:
    """ "Did you mean …?" or "" where nothing is near."""
    near = nearest(word, known)
    return f"Did you mean {near}?" if near else ""


_LONGEST = 40  # letters; no known word is longer


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that a misspelt one was meant to be, or "": at most one letter in three may be missing, too many,
    another or swapped with its neighbour, whatever the case; what all known words begin with (CAP_) does not count.
    """
    names = sorted(known)
    if not word or len(word) > _LONGEST or len(names) < 2:
        return names[0] if len(names) == 1 and names[0].lower() == word.lower() else ""
    shared = names[0][: _same_beginning(names[0], names[-1])]
    shared = shared[: shared.rfind("_") + 1]
    typed = word.lower().removeprefix(shared.lower())
    limit = max(1, len(typed) // 3)
    best = (limit + 1, 0, "")
    for name in names:
        there = name.lower().removeprefix(shared.lower())
        if (len(typed) == 1 or abs(len(there) - len(typed)) > limit) and there != typed:
            continue
        # The longer the common beginning, the nearer: it is seldom the first letter that is wrong.
        best = min(best, (_distance(typed, there), -_same_beginning(typed, there), name))
    return best[2]


def _same_beginning(one: str, other: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _distance(one: str, other: str) -> int:
    """How many letters are missing, too many, another, or swapped with their neighbour (Damerau and Levenshtein)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        now = [i]
        for j, letter_of_other in enumerate(other, 1):
            steps = min(row[j] + 1, now[j - 1] + 1, row[j - 1] + (letter != letter_of_other))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == letter_of_other:
                steps = min(steps, before[j - 2] + 1)
            now.append(steps)
        before, row = row, now
    return row[-1]
