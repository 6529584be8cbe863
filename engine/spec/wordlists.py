"""Every word that a field of a config.json may hold, by the kind of field. Checks and completion have it, no start."""

from __future__ import annotations

from engine.spec.syscalls import SYSTEM_CALLS
from engine.spec.vocabulary import CAPABILITIES, NAMESPACES, RLIMITS

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
