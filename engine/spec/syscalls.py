"""Cutaway's own seccomp profile, for hosts without containers-common's.

What ordinary programs need is allowed. What reaches into the kernel as a whole is allowed only to a container that has
the capability for it and otherwise answers EPERM. Whatever is not known here answers ENOSYS, so that a C library that
tries something new falls back to something old. Which call does what: syscalls(2).
"""

from __future__ import annotations

from typing import Any

_EPERM, _EINVAL, _ENOSYS = 1, 22, 38

_ALLOWED = {
    "files": """
        access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2
        fadvise64 fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64
        fdatasync flock fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents
        getdents64 inotify_add_watch inotify_init inotify_init1 inotify_rm_watch ioctl lchown lchown32 link linkat
        _llseek lseek lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2 pread64
        preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv rename renameat renameat2
        rmdir sendfile sendfile64 splice stat stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range syncfs
        tee truncate truncate64 umask unlink unlinkat utime utimensat utimensat_time64 utimes write writev
        fanotify_mark""",
    "extended attributes": """
        fgetxattr flistxattr fremovexattr fsetxattr getxattr lgetxattr listxattr llistxattr lremovexattr lsetxattr
        removexattr setxattr""",
    "memory": """
        brk get_mempolicy madvise mbind membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mmap2
        mprotect mremap msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_mrelease
        remap_file_pages set_mempolicy set_mempolicy_home_node""",
    "processes": """
        capget capset clone clone3 execve execveat exit exit_group fork getegid getegid32 geteuid geteuid32 getgid
        getgid32 getgroups getgroups32 getpgid getpgrp getpid getppid getpriority getresgid getresgid32 getresuid
        getresuid32 getrlimit getrusage getsid gettid getuid getuid32 get_robust_list get_thread_area ioprio_get
        ioprio_set kill landlock_add_rule landlock_create_ruleset landlock_restrict_self pidfd_getfd pidfd_open
        pidfd_send_signal prctl prlimit64 process_vm_readv process_vm_writev ptrace rseq sched_getaffinity sched_getattr
        sched_getparam sched_get_priority_max sched_get_priority_min sched_getscheduler sched_rr_get_interval
        sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield
        seccomp set_robust_list setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setns
        setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32
        setrlimit setsid set_thread_area set_tid_address setuid setuid32 tgkill times tkill ugetrlimit uname unshare
        vfork wait4 waitid waitpid""",
    "signals and time": """
        adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
        clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep pause restart_syscall rt_sigaction
        rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64
        rt_tgsigqueueinfo setitimer sigaction sigaltstack signal signalfd signalfd4 sigpending sigprocmask sigreturn
        sigsuspend time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime
        timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64""",
    "waiting and talking": """
        accept accept4 bind connect epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2
        epoll_wait epoll_wait_old eventfd eventfd2 futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake
        getpeername getsockname getsockopt io_cancel io_destroy io_getevents io_setup io_submit ipc listen mq_getsetattr
        mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink msgctl
        msgget msgrcv msgsnd _newselect pipe pipe2 poll ppoll ppoll_time64 pselect6 pselect6_time64 recv recvfrom
        recvmmsg recvmmsg_time64 recvmsg select semctl semget semop semtimedop semtimedop_time64 send sendmmsg sendmsg
        sendto setsockopt shmat shmctl shmdt shmget shutdown socketcall socketpair""",
    "this machine": "getcpu getrandom sysinfo syslog",
    "mounts in a namespace of one's own": """
        fsconfig fsmount fsopen fspick mount mount_setattr move_mount open_tree pivot_root umount umount2""",
}
"""Calls that every container may make; those that need a capability are still judged by the kernel itself."""

_BY_ARCHITECTURE = {
    ("amd64",): "arch_prctl modify_ldt",
    ("386",): "modify_ldt",
    ("arm", "arm64"): "arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2",
    ("ppc64le",): "sync_file_range2 swapcontext",
    ("s390x",): "s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr",
    ("riscv64",): "riscv_flush_icache riscv_hwprobe",
}

_BY_CAPABILITY = {
    "CAP_DAC_READ_SEARCH": "open_by_handle_at",
    "CAP_SYS_ADMIN": "bpf fanotify_init lookup_dcookie perf_event_open quotactl quotactl_fd setdomainname sethostname",
    "CAP_SYS_BOOT": "reboot",
    "CAP_SYS_CHROOT": "chroot",
    "CAP_SYS_MODULE": "delete_module finit_module init_module",
    "CAP_SYS_PACCT": "acct",
    "CAP_SYS_PTRACE": "kcmp process_madvise",
    "CAP_SYS_RAWIO": "ioperm iopl",
    "CAP_SYS_TIME": "clock_settime clock_settime64 settimeofday stime",
    "CAP_SYS_TTY_CONFIG": "vhangup",
}

_REFUSED = """
    add_key io_uring_enter io_uring_register io_uring_setup kexec_file_load kexec_load keyctl migrate_pages move_pages
    nfsservctl request_key swapoff swapon sysfs uselib userfaultfd ustat vm86 vm86old vmsplice"""
"""Calls that exist and that no container has business with: keys and rings are not kept apart by namespaces."""

_OTHERS = """
    afs_syscall atomic_barrier atomic_cmpxchg_32 bdflush break cachectl cachestat create_module file_getattr
    file_setattr ftime futex_requeue futex_wait futex_wake get_kernel_syms getpagesize getpmsg getxattrat gtty idle
    io_pgetevents io_pgetevents_time64 kern_features listmount listxattrat lock lsm_get_self_attr lsm_list_modules
    lsm_set_self_attr map_shadow_stack memory_ordering mpx mseal multiplexer nice oldfstat oldlstat oldolduname oldstat
    olduname open_tree_attr osf_syscall pciconfig_iobase pciconfig_read pciconfig_write prof profil putpmsg query_module
    readdir removexattrat rtas s390_guarded_storage s390_sthyi security setxattrat sgetmask spu_create spu_run ssetmask
    statmount stty subpage_prot switch_endian syscall sysmips sys_debug_setcontext _sysctl timerfd tuxcall ulimit
    uretprobe usr26 usr32 utrap_install vserver"""
"""Calls of other machines, of very old and of very new kernels (syscalls(2)); the profile says nothing of them."""

_GROUPS = (*_ALLOWED.values(), *_BY_ARCHITECTURE.values(), *_BY_CAPABILITY.values(), _REFUSED, _OTHERS)
SYSTEM_CALLS = frozenset(name for names in _GROUPS for name in names.split()) | {"personality", "socket"}
"""Every name that a filter may mean."""

_PERSONALITIES = (0x0, 0x0008, 0x20000, 0x20008, 0xFFFFFFFF)
"""PER_LINUX, PER_LINUX32, each with UNAME26, and the question which one it is (personality(2))."""

_AF_NETLINK, _NETLINK_AUDIT = 16, 9


def own_profile() -> dict[str, Any]:
    """The profile in the shared source format, with its conditions."""
    allowed = sorted(name for names in _ALLOWED.values() for name in names.split())
    rules: list[dict[str, Any]] = [
        _rule("SCMP_ACT_ALLOW", allowed),
        _rule("SCMP_ACT_ERRNO", sorted(_REFUSED.split()), _EPERM),
    ]
    for value in _PERSONALITIES:
        rules.append(_rule("SCMP_ACT_ALLOW", ["personality"]) | {"args": [_argument(0, value, "EQ")]})
    for architectures, names in _BY_ARCHITECTURE.items():
        rules.append(_rule("SCMP_ACT_ALLOW", names.split()) | {"includes": {"arches": list(architectures)}})
    for capability, names in _BY_CAPABILITY.items():
        rules.append(_rule("SCMP_ACT_ALLOW", names.split()) | {"includes": {"caps": [capability]}})
        rules.append(_rule("SCMP_ACT_ERRNO", names.split(), _EPERM) | {"excludes": {"caps": [capability]}})
    audit = {"excludes": {"caps": ["CAP_AUDIT_WRITE"]}}
    rules += [
        _rule("SCMP_ACT_ALLOW", ["socket"]) | {"includes": {"caps": ["CAP_AUDIT_WRITE"]}},
        _rule("SCMP_ACT_ALLOW", ["socket"]) | {"args": [_argument(0, _AF_NETLINK, "NE")]} | audit,
        _rule("SCMP_ACT_ALLOW", ["socket"]) | {"args": [_argument(2, _NETLINK_AUDIT, "NE")]} | audit,
        _rule("SCMP_ACT_ERRNO", ["socket"], _EINVAL)
        | {"args": [_argument(0, _AF_NETLINK, "EQ"), _argument(2, _NETLINK_AUDIT, "EQ")]}
        | audit,
    ]
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": _ENOSYS,
        "archMap": [
            {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
            {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
            {"architecture": "SCMP_ARCH_S390X", "subArchitectures": ["SCMP_ARCH_S390"]},
        ],
        "syscalls": rules,
    }


def _rule(action: str, names: list[str], errno: int | None = None) -> dict[str, Any]:
    return {"names": names, "action": action} | ({} if errno is None else {"errnoRet": errno})


def _argument(index: int, value: int, how: str) -> dict[str, Any]:
    return {"index": index, "value": value, "op": f"SCMP_CMP_{how}"}
