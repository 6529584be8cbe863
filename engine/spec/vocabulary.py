"""The words that a config.json is written in: capabilities, limits, namespaces, mount options."""

from __future__ import annotations

from collections.abc import Iterable

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

RLIMITS = frozenset(f"RLIMIT_{word}" for word in _RLIMIT_WORDS.split())
"""getrlimit(2)"""

NAMESPACES = frozenset({"pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"})
"""namespaces(7), as the runtime-spec calls them."""


def suggestion(word: str, known: Iterable[str]) -> str:
    """ "Did you mean …?" or "" where nothing is near."""
    import difflib  # for a mistake alone

    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"Did you mean {near[0]}?" if near else ""


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
