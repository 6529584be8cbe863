"""Mutants that the kernel judges: user namespaces, limits, control groups, parameters, filters; hooks; odd texts."""

from __future__ import annotations

from spec_mutants_kit import ALL_IDS, GONE, Config, mapped

_TEN = [{"containerID": 0, "hostID": 0, "size": 10}]


def _limit(kind: str, number: int) -> Config:
    return {"/process/rlimits": [{"type": f"RLIMIT_{kind}", "soft": number, "hard": number}]}


EDITS: dict[str, Config] = {
    # User namespaces.
    "user namespace by path": {"/linux/namespaces/-": {"type": "user", "path": "/proc/1/ns/user"}},
    "user namespace, uid not mapped": mapped(_TEN, __process__user__uid=1000),
    "user namespace, gid not mapped": mapped(_TEN, __process__user__gid=1000),
    "user namespace, group not mapped": mapped(_TEN, __process__user__additionalGids=[500]),
    "user namespace, uid mapped": mapped([{"containerID": 0, "hostID": 0, "size": 2000}], __process__user__uid=1000),
    "user namespace, a gap": mapped(
        [{"containerID": 0, "hostID": 0, "size": 10}, {"containerID": 20, "hostID": 20, "size": 10}],
        __process__user__uid=15,
    ),
    "user namespace, only users mapped": {
        "/linux/namespaces/-": {"type": "user"},
        "/linux/uidMappings": ALL_IDS,
    },
    "user namespace, size beyond 32 bits": mapped([{"containerID": 0, "hostID": 0, "size": 2**32}]),
    "user namespace, size to the end": mapped([{"containerID": 0, "hostID": 0, "size": 2**32 - 1}]),
    "user namespace, range past the end": mapped([{"containerID": 0, "hostID": 2**32 - 10, "size": 100}]),
    "user namespace, many ranges": mapped([{"containerID": n * 10, "hostID": n * 10, "size": 10} for n in range(300)]),
    "user namespace, too many ranges": mapped(
        [{"containerID": n * 10, "hostID": n * 10, "size": 10} for n in range(400)]
    ),
    "user namespace, a capability that we lack": mapped(
        __process__capabilities={
            kind: ["CAP_SYS_RESOURCE", "CAP_KILL"] for kind in ("bounding", "permitted", "effective")
        }
    ),
    "user namespace with a network": mapped(
        __linux__namespaces=[{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "user", "network")]
    ),
    "user namespace, host's uts and hostname gone": mapped(
        __linux__namespaces=[{"type": kind} for kind in ("pid", "ipc", "mount", "user", "network")], __hostname=GONE
    ),
    "user namespace, sysctl of ipc": mapped(__linux__sysctl={"kernel.msgmax": "8192"}),
    "user namespace, oom_score_adj": mapped(__process__oomScoreAdj=500),
    "user namespace, tmpfs with an unmapped uid": mapped(
        _TEN,
        **{"__mounts__-": {"destination": "/mnt", "type": "tmpfs", "source": "tmpfs", "options": ["uid=500"]}},
    ),
    # Limits that leave no room to start.
    "rlimit NOFILE 0": _limit("NOFILE", 0),
    "rlimit NOFILE 3": _limit("NOFILE", 3),
    "rlimit NOFILE 16": _limit("NOFILE", 16),
    "rlimit AS 4096": _limit("AS", 4096),
    "rlimit AS 8 GiB": _limit("AS", 8 << 30),
    "rlimit DATA 4096": _limit("DATA", 4096),
    "rlimit STACK 4096": _limit("STACK", 4096),
    "rlimit NPROC 0": _limit("NPROC", 0),
    "rlimit FSIZE 0": _limit("FSIZE", 0),
    "rlimit CPU 1": _limit("CPU", 1),
    "rlimit MEMLOCK 0": _limit("MEMLOCK", 0),
    "rlimit SIGPENDING 0": _limit("SIGPENDING", 0),
    # Control groups.
    "cpu realtime runtime": {"/linux/resources/cpu": {"realtimeRuntime": 1000}},
    "cpu realtime period": {"/linux/resources/cpu": {"realtimePeriod": 1000000}},
    "cpu realtime of 0": {"/linux/resources/cpu": {"realtimeRuntime": 0, "realtimePeriod": 0}},
    "cpu quota huge": {"/linux/resources/cpu": {"quota": 2**62}},
    "cpu quota large": {"/linux/resources/cpu": {"quota": 10**12}},
    "cpu period 0": {"/linux/resources/cpu": {"period": 0}},
    "cpus empty": {"/linux/resources/cpu": {"cpus": ""}},
    "cpus with a comma at its end": {"/linux/resources/cpu": {"cpus": "0,"}},
    "cpus with spaces": {"/linux/resources/cpu": {"cpus": " 0 "}},
    "cpus of an even step": {"/linux/resources/cpu": {"cpus": "0-1:1/2"}},
    "cpus all": {"/linux/resources/cpu": {"cpus": "all"}},
    "cpus twice": {"/linux/resources/cpu": {"cpus": "0,0"}},
    "cpus negative": {"/linux/resources/cpu": {"cpus": "-1"}},
    "cpus with a line break": {"/linux/resources/cpu": {"cpus": "0\n1"}},
    "cpus with a NUL": {"/linux/resources/cpu": {"cpus": "0\0"}},
    "memory limit of 2^62": {"/linux/resources/memory": {"limit": 2**62}},
    "memory swap -1": {"/linux/resources/memory": {"limit": 64 << 20, "swap": -1}},
    "memory swap -1 alone": {"/linux/resources/memory": {"swap": -1}},
    "memory limit -1, swap set": {"/linux/resources/memory": {"limit": -1, "swap": 64 << 20}},
    "memory swap 0": {"/linux/resources/memory": {"limit": 64 << 20, "swap": 0}},
    "memory reservation -1": {"/linux/resources/memory": {"reservation": -1}},
    "memory reservation above limit -1": {"/linux/resources/memory": {"limit": -1, "reservation": 64 << 20}},
    "memory useHierarchy": {"/linux/resources/memory": {"useHierarchy": True}},
    "memory kernelTCP": {"/linux/resources/memory": {"kernelTCP": 1 << 20}},
    "blockIO leafWeight": {"/linux/resources/blockIO": {"leafWeight": 500}},
    "blockIO weightDevice": {"/linux/resources/blockIO": {"weightDevice": [{"major": 254, "minor": 0, "weight": 500}]}},
    "blockIO weightDevice, leaf": {
        "/linux/resources/blockIO": {"weightDevice": [{"major": 254, "minor": 0, "leafWeight": 500}]}
    },
    "blockIO weightDevice without weight": {"/linux/resources/blockIO": {"weightDevice": [{"major": 254, "minor": 0}]}},
    "throttle of rate 0": {
        "/linux/resources/blockIO": {"throttleWriteIOPSDevice": [{"major": 254, "minor": 0, "rate": 0}]}
    },
    "throttle iops": {
        "/linux/resources/blockIO": {"throttleWriteIOPSDevice": [{"major": 254, "minor": 0, "rate": 100}]}
    },
    "throttle iops beyond 32 bits": {
        "/linux/resources/blockIO": {"throttleReadIOPSDevice": [{"major": 254, "minor": 0, "rate": 2**40}]}
    },
    "network priorities": {"/linux/resources/network": {"priorities": [{"name": "lo", "priority": 1}]}},
    "hugepage limits empty": {"/linux/resources/hugepageLimits": []},
    "rdma empty": {"/linux/resources/rdma": {}},
    "cgroupsPath with NUL": {"/linux/cgroupsPath": "/cutaway/a\0b"},
    "cgroupsPath with a long name": {"/linux/cgroupsPath": "/cutaway/" + "x" * 300},
    "cgroupsPath empty": {"/linux/cgroupsPath": ""},
    # Kernel parameters.
    "sysctl of the network with slashes": {
        "/linux/sysctl": {"net/ipv4/ip_forward": "1"},
        "/linux/namespaces/-": {"type": "network"},
    },
    "sysctl of the network, an interface": {
        "/linux/sysctl": {"net.ipv4.conf.lo.forwarding": "1"},
        "/linux/namespaces/-": {"type": "network"},
    },
    "sysctl of the network, an interface not there": {
        "/linux/sysctl": {"net.ipv4.conf.eth9.forwarding": "1"},
        "/linux/namespaces/-": {"type": "network"},
    },
    "sysctl of the network, out of range": {
        "/linux/sysctl": {"net.ipv4.ip_default_ttl": "5000"},
        "/linux/namespaces/-": {"type": "network"},
    },
    "sysctl of the network, too few numbers": {
        "/linux/sysctl": {"net.ipv4.ping_group_range": "0"},
        "/linux/namespaces/-": {"type": "network"},
    },
    "sysctl of the network, two numbers": {
        "/linux/sysctl": {"net.ipv4.ping_group_range": "0 0"},
        "/linux/namespaces/-": {"type": "network"},
    },
    "sysctl of the network, upwards": {
        "/linux/sysctl": {"net.ipv4/../../kernel/hostname": "x"},
        "/linux/namespaces/-": {"type": "network"},
    },
    "sysctl of the network, a directory": {
        "/linux/sysctl": {"net.ipv4": "1"},
        "/linux/namespaces/-": {"type": "network"},
    },
    "sysctl read-only": {
        "/linux/sysctl": {"net.netfilter.nf_conntrack_count": "1"},
        "/linux/namespaces/-": {"type": "network"},
    },
    "sysctl empty value": {"/linux/sysctl": {"kernel.msgmax": ""}},
    "sysctl negative": {"/linux/sysctl": {"kernel.msgmax": "-1"}},
    "sysctl kernel.sem": {"/linux/sysctl": {"kernel.sem": "250 32000 32 128"}},
    "sysctl kernel.sem of one": {"/linux/sysctl": {"kernel.sem": "250"}},
    "sysctl kernel.shmmax huge": {"/linux/sysctl": {"kernel.shmmax": "18446744073692774399"}},
    "sysctl mqueue too large": {"/linux/sysctl": {"fs.mqueue.msg_max": "99999999"}},
    "sysctl mqueue unknown": {"/linux/sysctl": {"fs.mqueue.nonsense": "1"}},
    "sysctl shm_rmid_forced 5": {"/linux/sysctl": {"kernel.shm_rmid_forced": "5"}},
    "sysctl hexadecimal": {"/linux/sysctl": {"kernel.msgmax": "0x2000"}},
    # Seccomp.
    "seccomp listenerMetadata": {
        "/linux/seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "listenerMetadata": "x", "syscalls": []}
    },
    "seccomp refuses write": {
        "/linux/seccomp": {
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["write"], "action": "SCMP_ACT_ERRNO"}],
        }
    },
    "seccomp refuses openat": {
        "/linux/seccomp": {
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["openat", "open"], "action": "SCMP_ACT_ERRNO"}],
        }
    },
    "seccomp refuses capset": {
        "/linux/seccomp": {
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["capset"], "action": "SCMP_ACT_ERRNO"}],
        }
    },
    "seccomp refuses prctl": {
        "/linux/seccomp": {
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["prctl"], "action": "SCMP_ACT_ERRNO"}],
        }
    },
    "seccomp refuses setuid": {
        "/linux/seccomp": {
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["setuid", "setgid", "setgroups"], "action": "SCMP_ACT_ERRNO"}],
        }
    },
    "seccomp refuses setuid, no new privileges": {
        "/process/noNewPrivileges": True,
        "/linux/seccomp": {
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["setuid", "setgid", "setgroups"], "action": "SCMP_ACT_ERRNO"}],
        },
    },
    "seccomp refuses chdir": {
        "/linux/seccomp": {
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["chdir"], "action": "SCMP_ACT_ERRNO"}],
        }
    },
    "seccomp allows execve alone": {
        "/linux/seccomp": {
            "defaultAction": "SCMP_ACT_ERRNO",
            "syscalls": [{"names": ["execve"], "action": "SCMP_ACT_ALLOW"}],
        }
    },
    "seccomp traces execve": {
        "/linux/seccomp": {
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["execve"], "action": "SCMP_ACT_TRACE"}],
        }
    },
    "seccomp logs everything": {"/linux/seccomp": {"defaultAction": "SCMP_ACT_LOG"}},
    "seccomp default trace": {"/linux/seccomp": {"defaultAction": "SCMP_ACT_TRACE"}},
    "seccomp errnoRet beyond 16 bits": {
        "/linux/seccomp": {
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["chmod"], "action": "SCMP_ACT_TRACE", "errnoRet": 70000}],
        }
    },
    "seccomp errnoRet 0": {
        "/linux/seccomp": {
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["chmod"], "action": "SCMP_ACT_ERRNO", "errnoRet": 0}],
        }
    },
    # Hooks and the rest.
    "hook args without a program's name": {"/hooks/createRuntime": [{"path": "/bin/true", "args": []}]},
    "hook env": {"/hooks/createRuntime": [{"path": "/bin/true", "env": ["A=1", "LONELY"]}]},
    "hook a directory": {"/hooks/createRuntime": [{"path": "/etc"}]},
    "hook with no format": {"/hooks/createRuntime": [{"path": "/etc/hostname"}]},
    "hook args with NUL": {"/hooks/createRuntime": [{"path": "/bin/true", "args": ["true", "a\0b"]}]},
    "hook null": {"/hooks/createRuntime": [None]},
    "hook path with NUL": {"/hooks/createRuntime": [{"path": "/bin/tr\0ue"}]},
    "hostname with NUL": {"/hostname": "a\0b"},
    "additionalGids very many": {"/process/user/additionalGids": list(range(70000))},
    "env very large": {"/process/env": ["PATH=/bin", "A=" + "x" * 200000]},
    "args very large": {"/process/args": ["true", "x" * 200000]},
    "args of many words": {"/process/args": ["true", *["x" * 1000] * 3000]},
    "intelRdt enableCMT": {"/linux/intelRdt": {"enableCMT": True}},
    "intelRdt memBwSchema": {"/linux/intelRdt": {"memBwSchema": "MB:0=20"}},
    "timeOffsets": {"/linux/timeOffsets": {"boottime": {"secs": 5}}},
    "mount namespace by path": {"/linux/namespaces": [{"type": "mount", "path": "/proc/1/ns/mnt"}]},
    "uts namespace by path": {
        "/linux/namespaces": [
            {"type": "pid"},
            {"type": "ipc"},
            {"type": "mount"},
            {"type": "uts", "path": "/proc/1/ns/uts"},
        ],
        "/hostname": GONE,
    },
}

TEXTS = {
    "text with -0": ('"umask": 18', '"umask": -0'),
    "text with a long number": ('"umask": 18', '"umask": ' + "1" * 5000),
    "text with raw bytes that are not UTF-8": ('"ociVersion": "', '"ociVersion": "\ud800'),
    "text with a sharp s": ('"process": {', '"proceß": {'),
    "text with a long s": ('"process": {', '"proceſs": {'),
    "text with a Kelvin sign": ('"maskedPaths"', '"masKedPaths"'),
    "text with process twice, then null": ('"root": {', '"process": null, "root": {'),
    "text with root null before": ('"ociVersion"', '"root": null, "ociVersion"'),
    "text with umask twice, then null": ('"umask": 18', '"umask": 18, "umask": null'),
    "text with cwd twice, then null": ('"cwd":', '"cwd": "/tmp", "cwd": null, "CWD":'),
    "text with linux twice": ('"linux": {', '"linux": {"resources": {"memory": {"limit": -2}}}, "linux": {'),
    "text with linux twice, bad pids": ('"linux": {', '"linux": {"resources": {"pids": {"limit": "x"}}}, "linux": {'),
    "text with linux twice, in pieces": ('"linux": {', '"linux": {"resources": {"cpu": {"shares": 1}}}, "linux": {'),
}
