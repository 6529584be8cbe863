"""Mutants of all parts that look right to a person, or wrong, and surprise: forms, edges, what goes together."""

from __future__ import annotations

from typing import Any

from spec_mutants_kit import GONE, Config, bind, device, mapped, mount, seccomp, sysctl

_KINDS = ("pid", "ipc", "uts", "mount")


def _without(kind: str, **changes: Any) -> Config:
    return {
        "/linux/namespaces": [{"type": each} for each in _KINDS if each != kind],
        **{key.replace("__", "/"): value for key, value in changes.items()},
    }


def _joined(kind: str, path: str) -> Config:
    kept = [{"type": each} for each in _KINDS if each != kind]
    return {"/linux/namespaces": [*kept, {"type": kind, "path": path}]}


def _limits(*kinds: str, soft: int = 1, hard: int = 1) -> Config:
    return {"/process/rlimits": [{"type": f"RLIMIT_{kind}", "soft": soft, "hard": hard} for kind in kinds]}


def _rule(*names: str, **changes: Any) -> Config:
    return {"names": list(names), "action": "SCMP_ACT_ERRNO"} | changes


def _rules(*rules: tuple[Any, ...]) -> Config:
    names = ("allow", "type", "major", "minor", "access")
    return {"/linux/resources/devices": [dict(zip(names, (*rule, "rwm"), strict=False)) for rule in rules]}


def _pages(size: str, limit: int = 0) -> Config:
    return {"/linux/resources/hugepageLimits": [{"pageSize": size, "limit": limit}]}


def _memory(**found: int) -> Config:
    return {"/linux/resources/memory": found}


def _hook(kind: str = "createRuntime", **changes: Any) -> Config:
    return {f"/hooks/{kind}": [{"path": "/bin/true"} | changes]}


EDITS: dict[str, Config] = {
    # The top.
    "ociVersion empty": {"/ociVersion": ""},
    "annotation an object": {"/annotations": {"a": {"b": "c"}}},
    "zos a string": {"/zos": "x"},
    "hostname of 33 umlauts": {"/hostname": "ä" * 33},
    "hostname with a line break": {"/hostname": "a\nb"},
    "hostname, uts of the host by path": _joined("uts", "/proc/1/ns/uts"),
    "domainname a number": {"/domainname": 5},
    "domainname without uts": _without("uts", __hostname=GONE, __domainname="example.org"),
    # The process.
    "consoleSize beyond 64 bits": {"/process/consoleSize": {"height": 2**64, "width": 80}},
    "consoleSize without width": {"/process/consoleSize": {"height": 24}},
    "user null": {"/process/user": None},
    "uid true": {"/process/user/uid": True},
    "umask 2^32": {"/process/user/umask": 2**32},
    "args of a blank": {"/process/args": [" "]},
    "args a shell line": {"/process/args": ["/bin/true -x"]},
    "args of a dot": {"/process/args": ["."]},
    "env with a line break": {"/process/env": ["PATH=/bin", "A=1\n2"]},
    "env path in small letters": {"/process/env": ["path=/bin"]},
    "env of runc's own": {"/process/env": ["PATH=/bin", "_LIBCONTAINER_INITPIPE=3", "NOTIFY_SOCKET=/x"]},
    "env GODEBUG": {"/process/env": ["PATH=/bin", "GODEBUG=madvdontneed=1", "GOMAXPROCS=1"]},
    "cwd a descriptor": {"/process/cwd": "/proc/self/fd/0"},
    "cwd a descriptor of runc": {"/process/cwd": "/proc/self/fd/7"},
    "cwd a descriptor that nobody has": {"/process/cwd": "/proc/self/fd/99"},
    "cwd the descriptors": {"/process/cwd": "/proc/self/fd"},
    "cwd self": {"/process/cwd": "/proc/self"},
    "cwd self's root": {"/process/cwd": "/proc/self/root"},
    "cwd 1's root": {"/process/cwd": "/proc/1/root"},
    "cwd not readable": {"/process/cwd": "/root", "/process/user": {"uid": 1000, "gid": 1000}},
    "capability null": {"/process/capabilities/bounding/-": None},
    "effective alone": {"/process/capabilities": {"effective": ["CAP_KILL"]}},
    "ambient alone": {"/process/capabilities": {"ambient": ["CAP_KILL"]}},
    "inheritable that we lack": {"/process/capabilities": {"inheritable": ["CAP_SYS_RESOURCE"]}},
    "oomScoreAdj -1": {"/process/oomScoreAdj": -1},
    # Limits.
    "rlimit soft -1": {"/process/rlimits": [{"type": "RLIMIT_CORE", "soft": -1, "hard": 0}]},
    "rlimit NICE 40": _limits("NICE", soft=40, hard=40),
    "rlimit CPU 0": _limits("CPU", soft=0, hard=0),
    "rlimit STACK 16384": _limits("STACK", soft=16384, hard=16384),
    "rlimit NPROC 0 of a user": _limits("NPROC", soft=0, hard=0) | {"/process/user": {"uid": 4242, "gid": 4242}},
    "rlimit NOFILE soft 0, hard enough": {"/process/rlimits": [{"type": "RLIMIT_NOFILE", "soft": 0, "hard": 1024}]},
    # Mounts.
    "mount options null": mount("tmpfs") | {"/mounts/-": {"destination": "/mnt", "type": "tmpfs", "options": None}},
    "mount option null": {"/mounts/-": {"destination": "/mnt", "type": "tmpfs", "options": [None]}},
    "mount of type none": bind(type="none"),
    "mount of type none, no bind": mount("none"),
    "mount of type rbind": bind(type="rbind", options=[]),
    "bind ro and rw": bind(options=["bind", "ro", "rw"]),
    "bind option idmap": bind(options=["bind", "idmap"]),
    "bind option size": bind(options=["bind", "size=1m"]),
    "bind of an absent part below a file": bind(source="/etc/passwd/x"),
    "bind with a trailing slash on a file": bind(source="/etc/passwd/", destination="/mnt/f"),
    "bind of the bundle's config": bind(source="config.json", destination="/mnt/c"),
    "bind to the root of the image": bind(destination="/mnt/.."),
    "bind to a link": bind(destination="/to-etc"),
    "bind under a masked path": bind() | {"/linux/maskedPaths": ["/mnt"]},
    "bind uidMappings a string": bind(uidMappings="0:1:1"),
    "tmpfs uidMappings": mount("tmpfs", uidMappings=[{"containerID": 0, "hostID": 1, "size": 1}]),
    "tmpfs size with a blank": mount("tmpfs", "size= 1m"),
    "tmpfs size in hexadecimal": mount("tmpfs", "size=0x100000"),
    "tmpfs size of 200 percent": mount("tmpfs", "size=200%"),
    "tmpfs mode 1999": mount("tmpfs", "mode=1999"),
    "tmpfs mode negative": mount("tmpfs", "mode=-1"),
    "tmpfs nr_inodes 0": mount("tmpfs", "nr_inodes=0"),
    "tmpfs quota": mount("tmpfs", "quota"),
    "tmpfs notmpcopyup": mount("tmpfs", "notmpcopyup"),
    "tmpfs tmpcopyup on a file": mount("tmpfs", "tmpcopyup", destination="/bin/true"),
    "tmpfs tmpcopyup on what is not there": mount("tmpfs", "tmpcopyup", destination="/fresh/dir"),
    "tmpfs remounted": {
        "/mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
            {"destination": "/mnt", "type": "tmpfs", "source": "tmpfs"},
            {"destination": "/mnt", "type": "tmpfs", "source": "tmpfs", "options": ["remount", "ro"]},
        ]
    },
    "bind remounted": {
        "/mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
            {"destination": "/mnt", "type": "bind", "source": "/etc", "options": ["bind"]},
            {"destination": "/mnt", "type": "bind", "source": "/etc", "options": ["bind", "remount", "ro"]},
        ]
    },
    "proc with rbind": {"/mounts/0": {"destination": "/proc", "type": "proc", "source": "proc", "options": ["rbind"]}},
    "proc at the end": {
        "/mounts": [
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
            {"destination": "/proc", "type": "proc", "source": "proc"},
        ]
    },
    "proc as procfs": {"/mounts/0": {"destination": "/proc", "type": "procfs", "source": "proc"}},
    "proc without its slash": {"/mounts/0": {"destination": "proc", "type": "proc", "source": "proc"}},
    "cgroup with an option": mount("cgroup", "nonsense"),
    "cgroup with its own namespace": {
        "/mounts/-": {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]},
        "/linux/namespaces/-": {"type": "cgroup"},
    },
    "cgroup on a file": mount("cgroup", destination="/bin/true"),
    "devpts over devpts": mount("devpts", destination="/dev/pts"),
    "devpts mode 999": mount("devpts", "mode=999"),
    "devpts max -1": mount("devpts", "max=-1"),
    "fuse": mount("fuse"),
    "nfs": mount("nfs", source="host:/export"),
    "ext4 on tmp": mount("ext4", source="tmp"),
    "debugfs": mount("debugfs"),
    "squashfs of a file": mount("squashfs", source="/etc/passwd"),
    "overlay with a relative lowerdir": mount("overlay", "lowerdir=merged:files"),
    "overlay of one lower": mount("overlay", "lowerdir=/etc"),
    "overlay empty lowerdir": mount("overlay", "lowerdir="),
    # Namespaces.
    "namespaces null": {"/linux/namespaces": None},
    "namespace null": {"/linux/namespaces/-": None},
    "namespace path empty": {"/linux/namespaces/-": {"type": "network", "path": ""}},
    "namespace path with a slash at its end": {"/linux/namespaces/-": {"type": "network", "path": "/proc/1/ns/net/"}},
    "namespace path of a process that is gone": {
        "/linux/namespaces/-": {"type": "network", "path": "/proc/4194303/ns/net"}
    },
    "ipc namespace by path, sysctl": _joined("ipc", "/proc/1/ns/ipc") | {"/linux/sysctl": {"kernel.msgmax": "8192"}},
    "pid namespace for children": _joined("pid", "/proc/1/ns/pid_for_children"),
    "cgroup namespace twice": {
        "/linux/namespaces": [*({"type": kind} for kind in _KINDS), {"type": "cgroup"}, {"type": "cgroup"}]
    },
    "user namespace, ping group not mapped": mapped(
        [{"containerID": 0, "hostID": 0, "size": 10}], __linux__sysctl={"net.ipv4.ping_group_range": "0 1000"}
    ),
    "user namespace, mapping null": mapped([None]),
    "user namespace, mappings twice": mapped([{"containerID": 0, "hostID": 0, "size": 10}] * 2),
    "user namespace, cwd new": mapped(__process__cwd="/fresh/place"),
    "user namespace, high ids": mapped([{"containerID": 0, "hostID": 100000, "size": 65536}]),
    "cgroup namespace in a user namespace": mapped(
        __linux__namespaces=[{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "network", "user", "cgroup")]
    ),
    # Paths.
    "masked path /sys": {"/linux/maskedPaths": ["/sys"]},
    "masked path /proc/1": {"/linux/maskedPaths": ["/proc/1"]},
    "masked path the program's directory by a link": {"/linux/maskedPaths": ["/to-etc/../bin"]},
    "masked path of the loader": {"/linux/maskedPaths": ["/lib64"]},
    "masked path with a slash at its end": {"/linux/maskedPaths": ["/bin/true/"]},
    "masked path tmp, cwd there": {"/linux/maskedPaths": ["/tmp"], "/process/cwd": "/tmp"},
    "readonly path /proc/self": {"/linux/readonlyPaths": ["/proc/self"]},
    "readonly path where cwd is made": {"/linux/readonlyPaths": ["/etc"], "/process/cwd": "/etc/fresh"},
    "rootfsPropagation with a blank": {"/linux/rootfsPropagation": " private"},
    # Kernel parameters.
    "sysctl value null": {"/linux/sysctl": {"kernel.msgmax": None}},
    "sysctl with a blank": {"/linux/sysctl": {"kernel.msgmax ": "8192"}},
    "sysctl of a dot": {"/linux/sysctl": {".": "1"}},
    "sysctl net alone": sysctl("net", "1"),
    "sysctl kernel.shmall": {"/linux/sysctl": {"kernel.shmall": "18446744073692774399"}},
    "sysctl kernel.shmall beyond": {"/linux/sysctl": {"kernel.shmall": "99999999999999999999999"}},
    "sysctl kernel.sem word": {"/linux/sysctl": {"kernel.sem": "250 x"}},
    "sysctl value with NUL": {"/linux/sysctl": {"kernel.msgmax": "8192\0"}},
    "sysctl value with a plus": {"/linux/sysctl": {"kernel.msgmax": "+8192"}},
    "sysctl value a fraction": {"/linux/sysctl": {"kernel.msgmax": "8192.5"}},
    "sysctl rp_filter 9": sysctl("net.ipv4.conf.all.rp_filter", "9"),
    "sysctl congestion": sysctl("net.ipv4.tcp_congestion_control", "cubic"),
    "sysctl congestion unknown": sysctl("net.ipv4.tcp_congestion_control", "telepathy"),
    "sysctl local_port_range": sysctl("net.ipv4.ip_local_port_range", "1024 65000"),
    "sysctl local_port_range backwards": sysctl("net.ipv4.ip_local_port_range", "65000 1024"),
    "sysctl local_port_range of one": sysctl("net.ipv4.ip_local_port_range", "1024"),
    "sysctl ping_group_range backwards": sysctl("net.ipv4.ping_group_range", "1 0"),
    "sysctl ping_group_range huge": sysctl("net.ipv4.ping_group_range", "0 4294967295"),
    "sysctl ping_group_range largest": sysctl("net.ipv4.ping_group_range", "0 2147483647"),
    "sysctl tcp_rmem": sysctl("net.ipv4.tcp_rmem", "4096 131072 6291456"),
    "sysctl tcp_rmem 0": sysctl("net.ipv4.tcp_rmem", "0 0 0"),
    "sysctl unprivileged_port_start huge": sysctl("net.ipv4.ip_unprivileged_port_start", "70000"),
    "sysctl somaxconn negative": sysctl("net.core.somaxconn", "-1"),
    "sysctl somaxconn huge": sysctl("net.core.somaxconn", "99999999999"),
    # Devices.
    "device null in the list": {"/linux/devices": [None]},
    "device type of two letters": device(type="cc"),
    "device FIFO without numbers": {"/linux/devices": [{"path": "/dev/mine", "type": "p"}]},
    "device FIFO with negative numbers": device(type="p", major=-1, minor=-1),
    "device the root": device(path="/"),
    "device empty path": device(path=""),
    "device on a tmpfs mount": mount("tmpfs") | device(path="/mnt/mine"),
    "device on a read-only bind": bind() | device(path="/mnt/mine"),
    "device console": device(path="/dev/console", major=5, minor=1),
    "device zero allowed": device(path="/dev/zero", minor=5)
    | {"/linux/resources/devices/-": {"allow": True, "type": "c", "major": 1, "minor": 5, "access": "rwm"}},
    # Resources.
    "rule null": {"/linux/resources/devices": [None]},
    "rule access in capitals": {"/linux/resources/devices": [{"allow": True, "access": "RWM"}]},
    "rule major huge": {
        "/linux/resources/devices": [{"allow": True, "type": "c", "major": 2**40, "minor": 0, "access": "r"}]
    },
    "rule that denies one": {
        "/linux/resources/devices": [{"allow": False, "type": "c", "major": 1, "minor": 3, "access": "rwm"}]
    },
    "rule that denies part after all are allowed": {
        "/linux/resources/devices": [
            {"allow": True, "access": "rwm"},
            {"allow": False, "type": "c", "major": 10, "access": "w"},
        ]
    },
    "rule that denies /dev/null": {
        "/linux/resources/devices/-": {"allow": False, "type": "c", "major": 1, "minor": 3, "access": "rwm"}
    },
    "memory limit of 1 MiB": _memory(limit=1 << 20),
    "memory limit of 3 MiB": _memory(limit=3 << 20),
    "memory limit of 8 MiB": _memory(limit=8 << 20),
    "memory limit of no whole page": _memory(limit=(64 << 20) + 5),
    "cpus commas alone": {"/linux/resources/cpu": {"cpus": ",,"}},
    "cpus caret": {"/linux/resources/cpu": {"cpus": "0,^1"}},
    "cpus N": {"/linux/resources/cpu": {"cpus": "N"}},
    "cpus 0-N": {"/linux/resources/cpu": {"cpus": "0-N"}},
    "mems of no number": {"/linux/resources/cpu": {"mems": " "}},
    "pids limit 2^22 + 1": {"/linux/resources/pids": {"limit": (1 << 22) + 1}},
    "throttle negative": {
        "/linux/resources/blockIO": {"throttleReadBpsDevice": [{"major": 254, "minor": 0, "rate": -1}]}
    },
    "hugepages 3M": _pages("3M"),
    "hugepages 2MB, some": _pages("2MB", 4 << 20),
    "hugepages path": _pages("../2MB"),
    "network class huge": {"/linux/resources/network": {"classID": 2**32}},
    "rdma null limit": {"/linux/resources/rdma": {"mlx5": None}},
    "unified a number": {"/linux/resources/unified": {"memory.high": 5}},
    "cgroupsPath a colon": {"/linux/cgroupsPath": "/cutaway/mutant:a"},
    "cgroupsPath two colons": {"/linux/cgroupsPath": "a:b:mutant"},
    "cgroupsPath three colons": {"/linux/cgroupsPath": "a:b:c:mutant"},
    # Not "." and "..": runc takes every empty group of this host away when it clears up after these.
    "cgroupsPath with a line break": {"/linux/cgroupsPath": "/cutaway/mutant\nx"},
    "intelRdt closID dots": {"/linux/intelRdt": {"closID": ".."}},
    "personality flags": {"/linux/personality": {"domain": "LINUX", "flags": ["X"]}},
    # Seccomp.
    "seccomp names null inside": seccomp(_rule() | {"names": [None]}),
    "seccomp execve in capitals": seccomp(_rule("EXECVE")),
    "seccomp execve on a condition": seccomp(_rule("execve", args=[{"index": 5, "value": 2**63, "op": "SCMP_CMP_EQ"}])),
    "seccomp fstat refused": seccomp(_rule("fstat", "newfstatat", "stat", "lstat")),
    "seccomp getpid refused": seccomp(_rule("getpid", "getppid", "gettid")),
    "seccomp fcntl refused": seccomp(_rule("fcntl")),
    "seccomp clone refused": seccomp(_rule("clone", "clone3")),
    "seccomp pipe2 refused": seccomp(_rule("pipe2", "pipe")),
    "seccomp access refused": seccomp(_rule("faccessat", "faccessat2", "access")),
    "seccomp errnoRet 4095": seccomp(_rule("chmod", errnoRet=4095)),
    "seccomp errnoRet 4096": seccomp(_rule("chmod", errnoRet=4096)),
    "seccomp defaultErrnoRet 5000": seccomp(defaultErrnoRet=5000),
    "seccomp defaultErrnoRet 5000 with errno": {
        "/linux/seccomp": {
            "defaultAction": "SCMP_ACT_ERRNO",
            "defaultErrnoRet": 5000,
            "syscalls": [{"names": ["execve"], "action": "SCMP_ACT_ALLOW"}],
        }
    },
    "seccomp flag TSYNC": seccomp(flags=["SECCOMP_FILTER_FLAG_TSYNC"]),
    "seccomp architecture not ours alone": seccomp(_rule("execve"), architectures=["SCMP_ARCH_ARM"]),
    "seccomp seven conditions": seccomp(
        _rule("chmod", args=[{"index": n % 6, "value": n, "op": "SCMP_CMP_EQ"} for n in range(7)])
    ),
    "seccomp condition null": seccomp(_rule("chmod", args=[None])),
    "seccomp same condition twice": seccomp(
        _rule("chmod", args=[{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]),
        _rule("chmod", args=[{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]),
    ),
    "seccomp with and without a condition": seccomp(
        _rule("chmod", args=[{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]), _rule("chmod")
    ),
    "seccomp includes of docker's": seccomp(_rule("chmod", includes={"caps": ["CAP_X"]}, comment="x", excludes={})),
    # Hooks.
    "hook args a string": _hook(args="true"),
    "hook timeout null": _hook(timeout=None),
    "hook by a link": _hook(path="/proc/self/exe"),
    # One thing after another.
    "rules: all, then not one of a kind": _rules((False, "a", -1, -1), (True, "c", -1, -1), (False, "c", 1, 3)),
    "rules: a kind, then not its making": _rules(
        (False, "a", -1, -1), (True, "b", 7, -1, "rw"), (False, "b", 7, 0, "m")
    ),
    "rules: all, then none of a kind": _rules((True, "a", -1, -1), (False, "c", -1, -1)),
    "rules: all, then no disks": _rules((True, "a", -1, -1), (False, "b", 8, -1)),
    "port start behind the local ports": sysctl("net.ipv4.ip_unprivileged_port_start", "40000"),
    "local ports below the port start": sysctl("net.ipv4.ip_local_port_range", "500 60000"),
    "congestion control reno": sysctl("net.ipv4.tcp_congestion_control", "reno"),
    "masked path /proc/1/fd": {"/linux/maskedPaths": ["/proc/1/fd"]},
    "masked path a file, with a slash": {"/linux/maskedPaths": ["/etc/passwd/"]},
    "readonly path a file, with a slash": {"/linux/readonlyPaths": ["/etc/passwd/"]},
    "device FIFO with numbers below -1": device(type="p", major=-5, minor=-5),
    "seccomp kills a look": seccomp(_rule("faccessat2", action="SCMP_ACT_KILL_PROCESS")),
    "seccomp refuses the newer look alone": seccomp(_rule("faccessat2")),
    "seccomp refuses fstatfs": seccomp(_rule("fstatfs")),
    "seccomp refuses getcwd": seccomp(_rule("getcwd")),
    "seccomp refuses getcwd, no new privileges": seccomp(_rule("getcwd")) | {"/process/noNewPrivileges": True},
    "rlimit CPU 0, some later": _limits("CPU", soft=0, hard=10),
}
