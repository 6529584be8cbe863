"""Changes to a good config.json, each wrong in its own way or only looking so. Whether runc takes it is measured."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

Config = dict[str, Any]


class Gone:
    """Marks a member that a mutant takes away."""


GONE = Gone()
BIG = 2**64


def mutants(good: Config) -> Iterator[tuple[str, str]]:
    """(name, text) of every mutant."""
    for name, edits in _EDITS.items():
        value = copy.deepcopy(good)
        for pointer, change in edits.items():
            _apply(value, pointer, change)
        yield name, json.dumps(value)
    text = json.dumps(good, indent=1)
    for name, change in _TEXTS.items():
        yield name, change(text)


def _apply(value: Any, pointer: str, change: Any) -> None:
    *path, last = pointer.split("/")[1:]
    for token in path:
        value = value[int(token)] if isinstance(value, list) else value.setdefault(token, {})
    key: Any = last
    if isinstance(value, list):
        if last == "-":
            value.append(change)
            return
        key = int(last)
    if change is GONE:
        del value[key]
    else:
        value[key] = change


def _bind(**changes: Any) -> Config:
    return {"destination": "/mnt", "type": "bind", "source": "/etc", "options": ["rbind", "ro"]} | changes


def _tmpfs(*options: str, **changes: Any) -> Config:
    return {"destination": "/mnt", "type": "tmpfs", "source": "tmpfs", "options": list(options)} | changes


def _rule(**changes: Any) -> Config:
    return {"names": ["chmod"], "action": "SCMP_ACT_ERRNO"} | changes


def _filter(*rules: Config, **changes: Any) -> Config:
    return {"/linux/seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": list(rules)} | changes}


def _condition(**changes: Any) -> Config:
    return _filter(_rule(args=[{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"} | changes]))


def _limit(**changes: Any) -> Config:
    return {"/process/rlimits": [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0} | changes]}


def _hook(kind: str = "createRuntime", **changes: Any) -> Config:
    return {f"/hooks/{kind}": [{"path": "/bin/true"} | changes]}


def _device(**changes: Any) -> Config:
    return {"/linux/devices": [{"path": "/dev/mine", "type": "c", "major": 1, "minor": 3} | changes]}


_EDITS: dict[str, Config] = {
    "good": {},
    # The top.
    "no ociVersion": {"/ociVersion": GONE},
    "ociVersion nonsense": {"/ociVersion": "banana"},
    "ociVersion a number": {"/ociVersion": 1},
    "ociVersion null": {"/ociVersion": None},
    "unknown field at the top": {"/surprise": 1},
    "no root": {"/root": GONE},
    "root null": {"/root": None},
    "root a string": {"/root": "merged"},
    "root path missing": {"/root/path": GONE},
    "root path empty": {"/root/path": ""},
    "root path not there": {"/root/path": "nowhere"},
    "root path a file": {"/root/path": "config.json"},
    "root path with dots": {"/root/path": "./merged/../merged"},
    "root path with a slash at its end": {"/root/path": "merged/"},
    "root path a number": {"/root/path": 7},
    "root readonly a string": {"/root/readonly": "yes"},
    "root readonly 1": {"/root/readonly": 1},
    "root readonly": {"/root/readonly": True},
    "root Path": {"/root": {"Path": "merged"}},
    "hostname a number": {"/hostname": 5},
    "hostname empty": {"/hostname": ""},
    "hostname with a space": {"/hostname": "a b"},
    "hostname of 64": {"/hostname": "h" * 64},
    "hostname of 65": {"/hostname": "h" * 65},
    "hostname of 300": {"/hostname": "h" * 300},
    "domainname": {"/domainname": "example.org"},
    "annotations a list": {"/annotations": ["a"]},
    "annotation a number": {"/annotations": {"a": 1}},
    "annotation null": {"/annotations": {"a": None}},
    "annotations null": {"/annotations": None},
    "annotation for systemd": {"/annotations": {"org.systemd.property.X": "??"}},
    "windows section": {"/windows": {"layerFolders": []}},
    "windows section a string": {"/windows": "x"},
    # The process.
    "no process": {"/process": GONE},
    "process null": {"/process": None},
    "process a list": {"/process": []},
    "process empty": {"/process": {}},
    "Process": {"/process": GONE, "/Process": {"args": ["/bin/true"], "cwd": "/", "user": {"uid": 0, "gid": 0}}},
    "no args": {"/process/args": GONE},
    "args empty": {"/process/args": []},
    "args null": {"/process/args": None},
    "args a string": {"/process/args": "true"},
    "args with a number": {"/process/args": ["/bin/true", 1]},
    "args with null": {"/process/args": ["/bin/true", None]},
    "args with an empty word": {"/process/args": ["/bin/true", ""]},
    "args of an empty word": {"/process/args": [""]},
    "args with NUL": {"/process/args": ["/bin/true", "a\0b"]},
    "arg misspelt": {"/process/args": GONE, "/process/arg": ["/bin/true"]},
    "no cwd": {"/process/cwd": GONE},
    "cwd empty": {"/process/cwd": ""},
    "cwd relative": {"/process/cwd": "tmp"},
    "cwd missing in the image": {"/process/cwd": "/made/on/the/way"},
    "cwd a file": {"/process/cwd": "/bin/true"},
    "cwd with dots": {"/process/cwd": "/../.."},
    "CWD": {"/process/cwd": GONE, "/process/CWD": "/"},
    "CWD relative beside cwd": {"/process/CWD": "tmp"},
    "cwd a number": {"/process/cwd": 1},
    "cwd with NUL": {"/process/cwd": "/a\0b"},
    "env a map": {"/process/env": {"A": "b"}},
    "env without =": {"/process/env": ["PATH=/bin", "LONELY"]},
    "env with an empty name": {"/process/env": ["PATH=/bin", "=value"]},
    "env with NUL": {"/process/env": ["PATH=/bin", "A=b\0c"]},
    "env with an empty value": {"/process/env": ["PATH=/bin", "A="]},
    "env twice": {"/process/env": ["PATH=/bin", "A=1", "A=2"]},
    "env empty text": {"/process/env": ["PATH=/bin", ""]},
    "env null": {"/process/env": None},
    "terminal a string": {"/process/terminal": "true"},
    "terminal null": {"/process/terminal": None},
    "consoleSize without a terminal": {"/process/consoleSize": {"height": 24, "width": 80}},
    "consoleSize negative": {"/process/consoleSize": {"height": -1, "width": 80}},
    "noNewPrivileges": {"/process/noNewPrivileges": True},
    "noNewPrivileges a string": {"/process/noNewPrivileges": "true"},
    "apparmorProfile unknown": {"/process/apparmorProfile": "nobody-loaded-this"},
    "selinuxLabel": {"/process/selinuxLabel": "system_u:system_r:container_t:s0"},
    "oomScoreAdj high": {"/process/oomScoreAdj": 1001},
    "oomScoreAdj 500": {"/process/oomScoreAdj": 500},
    "oomScoreAdj low": {"/process/oomScoreAdj": -1001},
    "oomScoreAdj a fraction": {"/process/oomScoreAdj": 0.5},
    "scheduler": {"/process/scheduler": {"policy": "SCHED_NONSENSE"}},
    "scheduler a string": {"/process/scheduler": "x"},
    "commandLine": {"/process/commandLine": "x"},
    # The user.
    "no user": {"/process/user": GONE},
    "user a string": {"/process/user": "root"},
    "uid negative": {"/process/user/uid": -1},
    "uid a fraction": {"/process/user/uid": 0.0},
    "uid a string": {"/process/user/uid": "0"},
    "uid 2^32": {"/process/user/uid": 2**32},
    "uid 2^32 - 1": {"/process/user/uid": 2**32 - 1},
    "uid 2^31": {"/process/user/uid": 2**31},
    "uid 2^31 - 1": {"/process/user/uid": 2**31 - 1},
    "gid 2^31": {"/process/user/gid": 2**31},
    "gid null": {"/process/user/gid": None},
    "username": {"/process/user/username": "root"},
    "additionalGids": {"/process/user/additionalGids": [1, 2]},
    "additionalGids a number": {"/process/user/additionalGids": 1},
    "additionalGids with a string": {"/process/user/additionalGids": ["1"]},
    "additionalGids 2^31": {"/process/user/additionalGids": [2**31]},
    "umask": {"/process/user/umask": 18},
    "umask negative": {"/process/user/umask": -1},
    "umask large": {"/process/user/umask": 99999},
    # Capabilities.
    "capabilities a list": {"/process/capabilities": ["CAP_KILL"]},
    "no capabilities": {"/process/capabilities": GONE},
    "capability unknown": {"/process/capabilities/bounding/-": "CAP_NONSENSE"},
    "capability in small letters": {"/process/capabilities/bounding/-": "cap_kill"},
    "capability without CAP_": {"/process/capabilities/bounding/-": "KILL"},
    "capability twice": {"/process/capabilities/bounding/-": "CAP_KILL"},
    "capability a number": {"/process/capabilities/bounding/-": 5},
    "capability that we lack": {"/process/capabilities/bounding/-": "CAP_SYS_RESOURCE"},
    "permitted that we lack": {
        "/process/capabilities/permitted/-": "CAP_SYS_RESOURCE",
        "/process/capabilities/bounding/-": "CAP_SYS_RESOURCE",
    },
    "effective beyond permitted": {
        "/process/capabilities": {"bounding": ["CAP_KILL"], "permitted": [], "effective": ["CAP_KILL"]}
    },
    "permitted beyond bounding": {
        "/process/capabilities": {"bounding": [], "permitted": ["CAP_KILL"], "effective": ["CAP_KILL"]}
    },
    "inheritable beyond bounding": {"/process/capabilities": {"bounding": [], "inheritable": ["CAP_KILL"]}},
    "ambient without inheritable": {
        "/process/capabilities": {"bounding": ["CAP_KILL"], "permitted": ["CAP_KILL"], "ambient": ["CAP_KILL"]}
    },
    "ambient whole": {
        "/process/capabilities": {
            kind: ["CAP_KILL"] for kind in ("bounding", "permitted", "effective", "inheritable", "ambient")
        }
    },
    "capabilities empty": {"/process/capabilities": {}},
    "capabilities misspelt": {"/process/capabilities/efective": ["CAP_KILL"]},
    # Limits.
    "rlimits a map": {"/process/rlimits": {}},
    "rlimit": _limit(),
    "rlimit unknown": _limit(type="RLIMIT_NONSENSE"),
    "rlimit without RLIMIT_": _limit(type="CORE"),
    "rlimit in small letters": _limit(type="rlimit_core"),
    "rlimit without a type": _limit(type=None),
    "rlimit soft above hard": _limit(type="RLIMIT_NOFILE", soft=200, hard=100),
    "rlimit above ours": _limit(type="RLIMIT_NOFILE", soft=10**7, hard=10**7),
    "rlimit negative": _limit(hard=-1),
    "rlimit beyond 64 bits": _limit(hard=BIG),
    "rlimit a string": _limit(hard="1024"),
    "rlimit twice": {"/process/rlimits": [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}] * 2},
    "rlimit without soft": {"/process/rlimits": [{"type": "RLIMIT_CORE", "hard": 0}]},
    "rlimit null": {"/process/rlimits": [None]},
    # Mounts.
    "mounts a map": {"/mounts": {}},
    "no mounts": {"/mounts": GONE},
    "mount a string": {"/mounts/-": "/mnt"},
    "mount null": {"/mounts/-": None},
    "mount empty": {"/mounts/-": {}},
    "bind": {"/mounts/-": _bind()},
    "bind source not there": {"/mounts/-": _bind(source="/nowhere/at/all")},
    "bind source relative": {"/mounts/-": _bind(source="merged")},
    "bind source relative, not there": {"/mounts/-": _bind(source="nowhere")},
    "bind source empty": {"/mounts/-": _bind(source="")},
    "bind without source": {"/mounts/-": {"destination": "/mnt", "type": "bind", "options": ["bind"]}},
    "bind by type alone": {"/mounts/-": _bind(options=["ro"])},
    "bind by type alone, no options": {"/mounts/-": _bind(options=[])},
    "bind of a file onto a directory": {"/mounts/-": _bind(source="/etc/passwd", destination="/etc")},
    "bind of a directory onto a file": {"/mounts/-": _bind(destination="/etc/passwd")},
    "bind of a file": {"/mounts/-": _bind(source="/etc/passwd", destination="/mnt/passwd")},
    "destination relative": {"/mounts/-": _bind(destination="mnt")},
    "destination missing": {"/mounts/-": {"type": "bind", "source": "/etc", "options": ["bind"]}},
    "destination empty": {"/mounts/-": _bind(destination="")},
    "destination /": {"/mounts/-": _bind(destination="/")},
    "destination a number": {"/mounts/-": _bind(destination=1)},
    "destination with NUL": {"/mounts/-": _bind(destination="/a\0b")},
    "destination in a new directory": {"/mounts/-": _bind(destination="/new/place/deep")},
    "destination through a file": {"/mounts/-": _bind(destination="/etc/passwd/below")},
    "destination over /proc": {"/mounts/-": _bind(destination="/proc")},
    "destination in /proc": {"/mounts/-": _tmpfs(destination="/proc/sys")},
    "destination /proc/meminfo": {"/mounts/-": _bind(source="/etc/passwd", destination="/proc/meminfo")},
    "destination in /proc, bind": {"/mounts/-": _bind(destination="/proc/fs")},
    "destination in /sys": {"/mounts/-": _tmpfs(destination="/sys/firmware")},
    "destination twice": {"/mounts": [_tmpfs(), _tmpfs()]},
    "type unknown": {"/mounts/-": _tmpfs(type="nonsensefs")},
    "type empty": {"/mounts/-": _tmpfs(type="")},
    "type missing, bind option": {"/mounts/-": {"destination": "/mnt", "source": "/etc", "options": ["bind"]}},
    "type in capitals": {"/mounts/-": _tmpfs(type="TMPFS")},
    "type tmpfs with bind": {"/mounts/-": _bind(type="tmpfs")},
    "options a string": {"/mounts/-": _tmpfs() | {"options": "ro"}},
    "option unknown, tmpfs": {"/mounts/-": _tmpfs("nonsense")},
    "option unknown, bind": {"/mounts/-": _bind(options=["bind", "nonsense"])},
    "option unknown, proc": {"/mounts/0": {"destination": "/proc", "type": "proc", "source": "proc", "options": ["x"]}},
    "option in capitals": {"/mounts/-": _tmpfs("RO")},
    "option with a comma": {"/mounts/-": _tmpfs("ro,nosuid")},
    "option a number": {"/mounts/-": _tmpfs() | {"options": [1]}},
    "option empty": {"/mounts/-": _tmpfs("")},
    "tmpfs size": {"/mounts/-": _tmpfs("size=1m")},
    "tmpfs size percent": {"/mounts/-": _tmpfs("size=10%")},
    "tmpfs size nonsense": {"/mounts/-": _tmpfs("size=lots")},
    "tmpfs size unit": {"/mounts/-": _tmpfs("size=1MB")},
    "tmpfs mode nonsense": {"/mounts/-": _tmpfs("mode=rwx")},
    "tmpfs mode 999": {"/mounts/-": _tmpfs("mode=999")},
    "tmpfs uid": {"/mounts/-": _tmpfs("uid=7")},
    "tmpfs uid a name": {"/mounts/-": _tmpfs("uid=root")},
    "tmpfs tmpcopyup": {"/mounts/-": _tmpfs("tmpcopyup", destination="/etc")},
    "tmpfs without source": {"/mounts/-": {"destination": "/mnt", "type": "tmpfs"}},
    "bind with tmpcopyup": {"/mounts/-": _bind(options=["bind", "tmpcopyup"])},
    "devpts gid a name": {
        "/mounts/-": {"destination": "/mnt", "type": "devpts", "source": "devpts", "options": ["gid=tty"]}
    },
    "devpts mode": {
        "/mounts/-": {"destination": "/mnt", "type": "devpts", "source": "devpts", "options": ["mode=0620"]}
    },
    "mqueue elsewhere": {"/mounts/-": {"destination": "/mnt", "type": "mqueue", "source": "mqueue"}},
    "sysfs elsewhere": {"/mounts/-": {"destination": "/mnt", "type": "sysfs", "source": "sysfs"}},
    "proc elsewhere": {"/mounts/-": {"destination": "/mnt", "type": "proc", "source": "proc"}},
    "cgroup elsewhere": {"/mounts/-": {"destination": "/mnt", "type": "cgroup", "source": "cgroup"}},
    "propagation twice": {"/mounts/-": _bind(options=["bind", "private", "shared"])},
    "uidMappings of a mount": {
        "/mounts/-": _bind(uidMappings=[{"containerID": 0, "hostID": 1, "size": 1}]),
    },
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
    # Hooks.
    "hook": _hook(),
    "hook without a path": {"/hooks/createRuntime": [{"args": ["true"]}]},
    "hook not there": _hook(path="/nowhere/hook"),
    "hook path relative": _hook(path="true"),
    "hook timeout": _hook(timeout=5),
    "hook timeout 0": _hook(timeout=0),
    "hook timeout negative": _hook(timeout=-1),
    "hook timeout a string": _hook(timeout="5s"),
    "hook poststop not there": _hook("poststop", path="/nowhere/hook"),
    "hook poststart not there": _hook("poststart", path="/nowhere/hook"),
    "hook startContainer": _hook("startContainer"),
    "hook startContainer not there": _hook("startContainer", path="/nowhere/hook"),
    "hook createContainer not there": _hook("createContainer", path="/nowhere/hook"),
    "hook of an unknown kind": _hook("beforeEverything"),
    "hook not a list": {"/hooks/createRuntime": {"path": "/bin/true"}},
    "hooks a list": {"/hooks": []},
}


def _replace(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text, old
        return text.replace(old, new, 1)

    return change


_TEXTS: dict[str, Callable[[str], str]] = {
    "text empty": lambda text: "",
    "text null": lambda text: "null",
    "text a list": lambda text: "[]",
    "text a string": lambda text: '"config"',
    "text an empty object": lambda text: "{}",
    "text cut off": lambda text: text[: len(text) // 2],
    "text followed by more": lambda text: text + "\n}",
    "text followed by words": lambda text: text + "\nand so on",
    "text with a byte order mark": lambda text: "\ufeff" + text,
    "text with a comment": lambda text: "// good\n" + text,
    "text with a comma too many": lambda text: text.rstrip()[:-1] + ",}",
    "text with a missing comma": _replace(",\n", "\n"),
    "text with single quotes": lambda text: text.replace('"', "'"),
    "text with a bare key": _replace('"ociVersion"', "ociVersion"),
    "text with a raw line break": _replace('"ociVersion": "', '"ociVersion": "a\n'),
    "text with a raw tab": _replace('"ociVersion": "', '"ociVersion": "a\t'),
    "text with NaN": _replace('"umask": 18', '"umask": NaN'),
    "text with a plus": _replace('"umask": 18', '"umask": +18'),
    "text with a leading zero": _replace('"umask": 18', '"umask": 018'),
    "text with an exponent": _replace('"umask": 18', '"umask": 1e1'),
    "text with 18.0": _replace('"umask": 18', '"umask": 18.0'),
    "text with hexadecimal": _replace('"umask": 18', '"umask": 0x12'),
    "text with a key twice": _replace('"root": {', '"hostname": "twice", "root": {'),
    "text with cwd twice, bad first": _replace('"cwd":', '"cwd": 5, "cwd":'),
    "text with cwd twice, relative first": _replace('"cwd":', '"cwd": "tmp", "cwd":'),
    "text with a bad escape": _replace('"ociVersion": "', '"ociVersion": "\\x41'),
    "text with a lone surrogate": _replace('"ociVersion": "', '"ociVersion": "\\ud800'),
    "text True": _replace('"allow": false', '"allow": False'),
}
