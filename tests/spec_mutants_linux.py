"""Mutants of linux: by name, pointers and what is put there."""

from __future__ import annotations

from typing import Any

Config = dict[str, Any]


class Gone:
    """Marks a member that a mutant takes away."""


GONE = Gone()
BIG = 2**64


def _rule(**changes: Any) -> Config:
    return {"names": ["chmod"], "action": "SCMP_ACT_ERRNO"} | changes


def _filter(*rules: Config, **changes: Any) -> Config:
    return {"/linux/seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": list(rules)} | changes}


def _condition(**changes: Any) -> Config:
    return _filter(_rule(args=[{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"} | changes]))


def _device(**changes: Any) -> Config:
    return {"/linux/devices": [{"path": "/dev/mine", "type": "c", "major": 1, "minor": 3} | changes]}


EDITS: dict[str, Config] = {
    # Namespaces.
    "no linux": {"/linux": GONE},
    "linux null": {"/linux": None},
    "linux a string": {"/linux": "x"},
    "namespaces a map": {"/linux/namespaces": {}},
    "no namespaces": {"/linux/namespaces": GONE},
    "namespace unknown": {"/linux/namespaces/-": {"type": "nonsense"}},
    "namespace net": {"/linux/namespaces/-": {"type": "net"}},
    "namespace in capitals": {"/linux/namespaces/-": {"type": "Network"}},
    "namespace time": {"/linux/namespaces/-": {"type": "time"}},
    "namespace without a type": {"/linux/namespaces/-": {}},
    "namespace twice": {"/linux/namespaces/-": {"type": "pid"}},
    "namespace path not there": {"/linux/namespaces/-": {"type": "network", "path": "/run/netns/stale"}},
    "namespace path relative": {"/linux/namespaces/-": {"type": "network", "path": "netns"}},
    "namespace path of another kind": {"/linux/namespaces/-": {"type": "network", "path": "/proc/self/ns/uts"}},
    "namespace path no namespace": {"/linux/namespaces/-": {"type": "network", "path": "/etc/passwd"}},
    "network of our own": {"/linux/namespaces/-": {"type": "network"}},
    "network of the host by path": {"/linux/namespaces/-": {"type": "network", "path": "/proc/1/ns/net"}},
    "cgroup namespace": {"/linux/namespaces/-": {"type": "cgroup"}},
    "no mount namespace": {"/linux/namespaces": [{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}]},
    "no mount namespace, nothing masked": {
        "/linux/namespaces": [{"type": "pid"}, {"type": "uts"}],
        "/linux/maskedPaths": GONE,
        "/linux/readonlyPaths": GONE,
        "/mounts": [],
    },
    "no uts namespace": {"/linux/namespaces": [{"type": "pid"}, {"type": "ipc"}, {"type": "mount"}]},
    "no uts namespace, no hostname": {
        "/linux/namespaces": [{"type": "pid"}, {"type": "ipc"}, {"type": "mount"}],
        "/hostname": GONE,
    },
    "no pid namespace": {"/linux/namespaces": [{"type": "ipc"}, {"type": "uts"}, {"type": "mount"}]},
    "no ipc namespace": {"/linux/namespaces": [{"type": "pid"}, {"type": "uts"}, {"type": "mount"}]},
    "user namespace without mappings": {"/linux/namespaces/-": {"type": "user"}},
    "mappings without a user namespace": {"/linux/uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}]},
    "mappings empty, no user namespace": {"/linux/uidMappings": []},
    "user namespace": {
        "/linux/namespaces/-": {"type": "user"},
        "/linux/uidMappings": [{"containerID": 0, "hostID": 0, "size": 65536}],
        "/linux/gidMappings": [{"containerID": 0, "hostID": 0, "size": 65536}],
    },
    "user namespace without root": {
        "/linux/namespaces/-": {"type": "user"},
        "/linux/uidMappings": [{"containerID": 5, "hostID": 0, "size": 10}],
        "/linux/gidMappings": [{"containerID": 5, "hostID": 0, "size": 10}],
    },
    "user namespace with a mapping of size 0": {
        "/linux/namespaces/-": {"type": "user"},
        "/linux/uidMappings": [{"containerID": 0, "hostID": 0, "size": 0}],
        "/linux/gidMappings": [{"containerID": 0, "hostID": 0, "size": 0}],
    },
    "user namespace with overlapping mappings": {
        "/linux/namespaces/-": {"type": "user"},
        "/linux/uidMappings": [{"containerID": 0, "hostID": 0, "size": 9}, {"containerID": 5, "hostID": 50, "size": 9}],
        "/linux/gidMappings": [{"containerID": 0, "hostID": 0, "size": 9}],
    },
    # Paths.
    "maskedPaths a string": {"/linux/maskedPaths": "/proc/kcore"},
    "masked path relative": {"/linux/maskedPaths": ["proc/kcore"]},
    "masked path not there": {"/linux/maskedPaths": ["/nowhere"]},
    "masked path empty": {"/linux/maskedPaths": [""]},
    "readonly path relative": {"/linux/readonlyPaths": ["proc/sys"]},
    "readonly path not there": {"/linux/readonlyPaths": ["/nowhere"]},
    "readonly path empty": {"/linux/readonlyPaths": [""]},
    "readonly path below a file": {"/linux/readonlyPaths": ["/etc/passwd/x"]},
    "masked path below a file": {"/linux/maskedPaths": ["/etc/passwd/x"]},
    "masked path /": {"/linux/maskedPaths": ["/"]},
    "rootfsPropagation": {"/linux/rootfsPropagation": "rshared"},
    "rootfsPropagation unknown": {"/linux/rootfsPropagation": "sometimes"},
    "rootfsPropagation empty": {"/linux/rootfsPropagation": ""},
    "mountLabel": {"/linux/mountLabel": "system_u:object_r:container_file_t:s0"},
    # Kernel parameters.
    "sysctl a list": {"/linux/sysctl": ["a=b"]},
    "sysctl a number": {"/linux/sysctl": {"kernel.msgmax": 8192}},
    "sysctl of ipc": {"/linux/sysctl": {"kernel.msgmax": "8192"}},
    "sysctl of ipc with slashes": {"/linux/sysctl": {"kernel/msgmax": "8192"}},
    "sysctl of ipc, host's ipc": {
        "/linux/sysctl": {"kernel.msgmax": "8192"},
        "/linux/namespaces": [{"type": "pid"}, {"type": "uts"}, {"type": "mount"}],
    },
    "sysctl of mqueue": {"/linux/sysctl": {"fs.mqueue.msg_max": "20"}},
    "sysctl of the network, host's network": {"/linux/sysctl": {"net.ipv4.ip_forward": "1"}},
    "sysctl of the network": {
        "/linux/sysctl": {"net.ipv4.ip_forward": "1"},
        "/linux/namespaces/-": {"type": "network"},
    },
    "sysctl of the network, unknown": {
        "/linux/sysctl": {"net.ipv4.nonsense": "1"},
        "/linux/namespaces/-": {"type": "network"},
    },
    "sysctl of the network, value nonsense": {
        "/linux/sysctl": {"net.ipv4.ip_forward": "maybe"},
        "/linux/namespaces/-": {"type": "network"},
    },
    "sysctl of the network, joined host": {
        "/linux/sysctl": {"net.ipv4.ip_forward": "1"},
        "/linux/namespaces/-": {"type": "network", "path": "/proc/1/ns/net"},
    },
    "sysctl of the host": {"/linux/sysctl": {"vm.swappiness": "10"}},
    "sysctl empty name": {"/linux/sysctl": {"": "1"}},
    "sysctl kernel.hostname": {"/linux/sysctl": {"kernel.hostname": "x"}},
    "sysctl kernel.domainname": {"/linux/sysctl": {"kernel.domainname": "x"}},
    # Devices.
    "device": _device(),
    "device type unknown": _device(type="z"),
    "device type missing": {"/linux/devices": [{"path": "/dev/mine", "major": 1, "minor": 3}]},
    "device type u": _device(type="u"),
    "device FIFO": _device(type="p"),
    "device path relative": _device(path="dev/mine"),
    "device path missing": {"/linux/devices": [{"type": "c", "major": 1, "minor": 3}]},
    "device path elsewhere": _device(path="/mine"),
    "device path not below anything": _device(path="/new/deep/mine"),
    "device major negative": _device(major=-1),
    "device major a string": _device(major="1"),
    "device fileMode with type bits": _device(fileMode=0o20666),
    "device fileMode a string": _device(fileMode="0666"),
    "device twice": {"/linux/devices": [{"path": "/dev/mine", "type": "c", "major": 1, "minor": 3}] * 2},
    "device null again": _device(path="/dev/null"),
    "device null again, allowed": _device(path="/dev/null")
    | {"/linux/resources/devices/-": {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rwm"}},
    "device null again, only to be read": _device(path="/dev/null")
    | {"/linux/resources/devices/-": {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "r"}},
    # Resources.
    "resources a list": {"/linux/resources": []},
    "resources unknown": {"/linux/resources/memmory": {"limit": 1}},
    "no resources": {"/linux/resources": GONE},
    "rule without access": {"/linux/resources/devices": [{"allow": False}]},
    "rule with odd access": {"/linux/resources/devices": [{"allow": False, "access": "x"}]},
    "rule with access twice": {"/linux/resources/devices": [{"allow": False, "access": "rr"}]},
    "rule of an unknown type": {"/linux/resources/devices": [{"allow": True, "type": "z", "access": "r"}]},
    "rule of type p": {"/linux/resources/devices": [{"allow": True, "type": "p", "access": "r"}]},
    "rule of type a with numbers": {
        "/linux/resources/devices": [{"allow": True, "type": "a", "major": 1, "minor": 3, "access": "r"}]
    },
    "rule that allows all": {"/linux/resources/devices": [{"allow": True, "access": "rwm"}]},
    "rule with a negative major": {
        "/linux/resources/devices": [{"allow": True, "type": "c", "major": -5, "minor": 3, "access": "r"}]
    },
    "memory limit": {"/linux/resources/memory": {"limit": 64 << 20}},
    "memory limit tiny": {"/linux/resources/memory": {"limit": 4096}},
    "memory limit 0": {"/linux/resources/memory": {"limit": 0}},
    "memory limit -1": {"/linux/resources/memory": {"limit": -1}},
    "memory limit -2": {"/linux/resources/memory": {"limit": -2}},
    "memory limit a string": {"/linux/resources/memory": {"limit": "64m"}},
    "memory limit beyond 64 bits": {"/linux/resources/memory": {"limit": BIG}},
    "memory limit a fraction": {"/linux/resources/memory": {"limit": 1.5}},
    "memory swap": {"/linux/resources/memory": {"limit": 64 << 20, "swap": 128 << 20}},
    "memory swap below the limit": {"/linux/resources/memory": {"limit": 64 << 20, "swap": 32 << 20}},
    "memory swap alone": {"/linux/resources/memory": {"swap": 64 << 20}},
    "memory reservation": {"/linux/resources/memory": {"reservation": 64 << 20}},
    "memory reservation above the limit": {"/linux/resources/memory": {"limit": 64 << 20, "reservation": 128 << 20}},
    "swappiness": {"/linux/resources/memory": {"swappiness": 50}},
    "swappiness 101": {"/linux/resources/memory": {"swappiness": 101}},
    "swappiness negative": {"/linux/resources/memory": {"swappiness": -1}},
    "kernel memory": {"/linux/resources/memory": {"kernel": 1 << 20}},
    "disableOOMKiller": {"/linux/resources/memory": {"disableOOMKiller": True}},
    "cpu shares": {"/linux/resources/cpu": {"shares": 512}},
    "cpu shares 1": {"/linux/resources/cpu": {"shares": 1}},
    "cpu shares huge": {"/linux/resources/cpu": {"shares": 10**6}},
    "cpu shares negative": {"/linux/resources/cpu": {"shares": -5}},
    "cpu quota": {"/linux/resources/cpu": {"quota": 50000, "period": 100000}},
    "cpu quota without period": {"/linux/resources/cpu": {"quota": 50000}},
    "cpu quota tiny": {"/linux/resources/cpu": {"quota": 500}},
    "cpu quota -1": {"/linux/resources/cpu": {"quota": -1}},
    "cpu quota -5": {"/linux/resources/cpu": {"quota": -5}},
    "cpu period tiny": {"/linux/resources/cpu": {"period": 999}},
    "cpu period 1000": {"/linux/resources/cpu": {"period": 1000}},
    "cpu period huge": {"/linux/resources/cpu": {"period": 1000001}},
    "cpus": {"/linux/resources/cpu": {"cpus": "0"}},
    "cpus not there": {"/linux/resources/cpu": {"cpus": "900"}},
    "cpus nonsense": {"/linux/resources/cpu": {"cpus": "a-b"}},
    "cpus backwards": {"/linux/resources/cpu": {"cpus": "1-0"}},
    "cpus a number": {"/linux/resources/cpu": {"cpus": 0}},
    "mems": {"/linux/resources/cpu": {"mems": "0"}},
    "mems not there": {"/linux/resources/cpu": {"mems": "60"}},
    "cpu idle": {"/linux/resources/cpu": {"idle": 1}},
    "pids limit 0": {"/linux/resources/pids": {"limit": 0}},
    "pids limit -1": {"/linux/resources/pids": {"limit": -1}},
    "pids limit -5": {"/linux/resources/pids": {"limit": -5}},
    "pids limit 1": {"/linux/resources/pids": {"limit": 1}},
    "pids limit a string": {"/linux/resources/pids": {"limit": "10"}},
    "pids limit huge": {"/linux/resources/pids": {"limit": 2**62}},
    "blockIO weight": {"/linux/resources/blockIO": {"weight": 500}},
    "blockIO weight 5": {"/linux/resources/blockIO": {"weight": 5}},
    "blockIO weight 70000": {"/linux/resources/blockIO": {"weight": 70000}},
    "throttle": {"/linux/resources/blockIO": {"throttleReadBpsDevice": [{"major": 254, "minor": 0, "rate": 1048576}]}},
    "throttle of no device": {
        "/linux/resources/blockIO": {"throttleReadBpsDevice": [{"major": 250, "minor": 99, "rate": 1048576}]}
    },
    "hugepages of no such size": {"/linux/resources/hugepageLimits": [{"pageSize": "3MB", "limit": 0}]},
    "hugepages": {"/linux/resources/hugepageLimits": [{"pageSize": "2MB", "limit": 0}]},
    "network class": {"/linux/resources/network": {"classID": 1048577}},
    "rdma": {"/linux/resources/rdma": {"mlx5": {"hcaHandles": 3}}},
    "unified": {"/linux/resources/unified": {"memory.high": "1073741824"}},
    "unified empty": {"/linux/resources/unified": {}},
    "cgroupsPath relative": {"/linux/cgroupsPath": "cutaway-relative/mutant"},
    "cgroupsPath with dots": {"/linux/cgroupsPath": "/cutaway/../../mutant"},
    "cgroupsPath for systemd": {"/linux/cgroupsPath": "system.slice:runc:mutant"},
    "cgroupsPath a number": {"/linux/cgroupsPath": 1},
    "no cgroupsPath": {"/linux/cgroupsPath": GONE},
    "intelRdt": {"/linux/intelRdt": {"closID": "blue"}},
    "intelRdt closID with a slash": {"/linux/intelRdt": {"closID": "a/b"}},
    "intelRdt schema": {"/linux/intelRdt": {"l3CacheSchema": "L3:0=ff"}},
    "personality": {"/linux/personality": {"domain": "LINUX32"}},
    "personality unknown": {"/linux/personality": {"domain": "BSD"}},
    # Seccomp.
    "no seccomp": {"/linux/seccomp": GONE},
    "seccomp empty": {"/linux/seccomp": {}},
    "seccomp": _filter(_rule()),
    "seccomp default missing": {"/linux/seccomp": {"syscalls": [_rule()]}},
    "seccomp default unknown": _filter(defaultAction="SCMP_ACT_MAYBE"),
    "seccomp default in small letters": _filter(defaultAction="scmp_act_allow"),
    "seccomp default notify": _filter(defaultAction="SCMP_ACT_NOTIFY"),
    "seccomp refuses everything": _filter(defaultAction="SCMP_ACT_ERRNO"),
    "seccomp kills everything": _filter(defaultAction="SCMP_ACT_KILL_PROCESS"),
    "seccomp refuses execve": _filter(_rule(names=["execve"])),
    "seccomp action unknown": _filter(_rule(action="SCMP_ACT_REFUSE")),
    "seccomp action missing": _filter({"names": ["chmod"]}),
    "seccomp action notify": _filter(_rule(action="SCMP_ACT_NOTIFY")),
    "seccomp action notify for write": _filter(_rule(names=["write"], action="SCMP_ACT_NOTIFY")),
    "seccomp action as default": _filter(_rule(action="SCMP_ACT_ALLOW")),
    "seccomp unknown call": _filter(_rule(names=["make_coffee"])),
    "seccomp empty call": _filter(_rule(names=[""])),
    "seccomp empty call, default action": _filter(_rule(names=[""], action="SCMP_ACT_ALLOW")),
    "seccomp no names": _filter(_rule(names=[])),
    "seccomp names missing": _filter({"action": "SCMP_ACT_ERRNO"}),
    "seccomp names missing, action unknown": _filter({"action": "SCMP_ACT_REFUSE"}),
    "seccomp name, the old way": _filter({"name": "chmod", "action": "SCMP_ACT_ERRNO"}),
    "seccomp call twice": _filter(_rule(), _rule()),
    "seccomp call twice, differently": _filter(_rule(), _rule(action="SCMP_ACT_KILL")),
    "seccomp call with another errno": _filter(_rule(), _rule(errnoRet=38)),
    "seccomp errnoRet": _filter(_rule(errnoRet=38)),
    "seccomp errnoRet 5000": _filter(_rule(errnoRet=5000)),
    "seccomp errnoRet negative": _filter(_rule(errnoRet=-1)),
    "seccomp errnoRet with allow": _filter(_rule(action="SCMP_ACT_LOG", errnoRet=5)),
    "seccomp defaultErrnoRet": _filter(defaultErrnoRet=38),
    "seccomp architecture": _filter(_rule(), architectures=["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]),
    "seccomp architecture unknown": _filter(architectures=["SCMP_ARCH_Z80"]),
    "seccomp architecture new": _filter(architectures=["SCMP_ARCH_RISCV64"]),
    "seccomp architecture twice": _filter(architectures=["SCMP_ARCH_X86", "SCMP_ARCH_X86"]),
    "seccomp architecture foreign": _filter(_rule(), architectures=["SCMP_ARCH_AARCH64"]),
    "seccomp architecture big-endian": _filter(_rule(), architectures=["SCMP_ARCH_S390X"]),
    "seccomp flags": _filter(flags=["SECCOMP_FILTER_FLAG_LOG"]),
    "seccomp flags empty": _filter(flags=[]),
    "seccomp listener": _filter(listenerPath="/nowhere.sock"),
    "seccomp condition": _condition(),
    "seccomp operator unknown": _condition(op="SCMP_CMP_LIKE"),
    "seccomp operator missing": _condition(op=None),
    "seccomp index 6": _condition(index=6),
    "seccomp index 5": _condition(index=5),
    "seccomp index 99": _condition(index=99),
    "seccomp index negative": _condition(index=-1),
    "seccomp value negative": _condition(value=-1),
    "seccomp value beyond 64 bits": _condition(value=BIG),
    "seccomp masked": _condition(op="SCMP_CMP_MASKED_EQ", valueTwo=1),
    "seccomp two conditions on one argument": _filter(
        _rule(args=[{"index": 0, "value": 1, "op": "SCMP_CMP_GE"}, {"index": 0, "value": 5, "op": "SCMP_CMP_LE"}])
    ),
    "seccomp bad operator without names": _filter(_rule(names=[], args=[{"index": 0, "value": 1, "op": "X"}])),
}
