"""The words that a config.json is written in: capabilities, limits, namespaces, mount options."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile

from engine.spec.syscalls import SYSTEM_CALLS

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


_PROPAGATION = ("private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable", "runbindable")
_MOUNT_FLAGS = (
    "acl async atime bind defaults dev diratime dirsync exec iversion lazytime loud mand noacl noatime nodev"
    " nodiratime noexec noiversion nolazytime nomand norelatime nostrictatime nosuid nosymfollow rbind relatime"
    " remount ro rw silent strictatime suid sync symfollow"
)
_RECURSIVE_FLAGS = (
    "rro rrw rnosuid rsuid rnodev rdev rnoexec rexec rnodiratime rdiratime rrelatime rnorelatime rnoatime ratime"
    " rstrictatime rnostrictatime rnosymfollow rsymfollow"
)
_ACTIONS = "KILL KILL_PROCESS KILL_THREAD TRAP ERRNO TRACE ALLOW LOG NOTIFY"
_ARCHITECTURES = (
    "X86 X86_64 X32 ARM AARCH64 MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PPC PPC64 PPC64LE S390 S390X"
    " PARISC PARISC64 RISCV64"
)
_SCHEDULER_FLAGS = "RESET_ON_FORK RECLAIM DL_OVERRUN KEEP_POLICY KEEP_PARAMS UTIL_CLAMP_MIN UTIL_CLAMP_MAX"

WORDS: dict[str, frozenset[str]] = {
    "system_call": SYSTEM_CALLS,
    "capability": CAPABILITIES,
    "rlimit": RLIMITS,
    "namespace": NAMESPACES,
    "mount_option": frozenset((*_MOUNT_FLAGS.split(), *_RECURSIVE_FLAGS.split(), *_PROPAGATION, "tmpcopyup")),
    "propagation": frozenset(_PROPAGATION),
    "device_type": frozenset("cubp"),
    "device_rule": frozenset("abc"),
    "personality": frozenset({"LINUX", "LINUX32"}),
    "seccomp_action": frozenset(f"SCMP_ACT_{name}" for name in _ACTIONS.split()),
    "seccomp_architecture": frozenset(f"SCMP_ARCH_{name}" for name in _ARCHITECTURES.split()),
    "seccomp_operator": frozenset(f"SCMP_CMP_{name}" for name in ("NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ")),
    "seccomp_flag": frozenset(
        f"SECCOMP_FILTER_FLAG_{name}" for name in ("TSYNC", "LOG", "SPEC_ALLOW", "WAIT_KILLABLE_RECV")
    ),
    "io_class": frozenset(f"IOPRIO_CLASS_{name}" for name in ("RT", "BE", "IDLE")),
    "sched_policy": frozenset(f"SCHED_{name}" for name in ("OTHER", "FIFO", "RR", "BATCH", "ISO", "IDLE", "DEADLINE")),
    "sched_flag": frozenset(f"SCHED_FLAG_{name}" for name in _SCHEDULER_FLAGS.split()),
}
"""What a string of a config.json may be, by the name that the table of fields uses."""
