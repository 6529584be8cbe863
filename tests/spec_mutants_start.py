"""Mutants whose fault shows late: programs, and places in the root filesystem.

The bundle has for them, in bin/: `text` (no program), `orphan` (a script whose interpreter is not there), `foreign` (of
another machine), `unlinked` (its loader is not there), `private` (root's alone), `script` (a good one); the links
`to-etc` (to /etc) and `to-proc` (to /proc/sys) in the root, and `link` beside it, to the root.
"""

from __future__ import annotations

from typing import Any

from spec_mutants_kernel import mapped
from spec_mutants_linux import GONE, Config


def _bind(**changes: Any) -> Config:
    return {
        "/mounts/-": {"destination": "/mnt", "type": "bind", "source": "/etc", "options": ["rbind", "ro"]} | changes
    }


def _mount(kind: str, *options: str, **changes: Any) -> Config:
    return {"/mounts/-": {"destination": "/mnt", "type": kind, "source": kind, "options": list(options)} | changes}


def _args(*words: str) -> Config:
    return {"/process/args": list(words)}


def _device(path: str) -> Config:
    return {"/linux/devices": [{"path": path, "type": "c", "major": 1, "minor": 3}]}


def _sysctl(name: str, value: str) -> Config:
    return {"/linux/sysctl": {name: value}, "/linux/namespaces/-": {"type": "network"}}


EDITS: dict[str, Config] = {
    # The root.
    "root path a link": {"/root/path": "link"},
    "root path through a link": {"/root/path": "merged/to-etc"},
    "root path through /proc": {"/root/path": "/proc/self/cwd/merged"},
    "root path with NUL": {"/root/path": "mer\0ged"},
    "root path a directory of it": {"/root/path": "merged/bin"},
    # Programs.
    "program with no format": _args("text"),
    "program with no interpreter": _args("orphan"),
    "program of another machine": _args("foreign"),
    "program with no loader": _args("unlinked"),
    "program a script": _args("script"),
    "program a directory": _args("/etc"),
    "program with a slash at its end": _args("/bin/true/"),
    "program relative to cwd": _args("bin/true"),
    "program relative to cwd, with a dot": _args("./bin/true"),
    "program by a link": _args("/to-etc/../bin/true"),
    "program below a file": _args("/bin/true/true"),
    "program with a long name": _args("/" + "x" * 300),
    "program root's alone, of a user": _args("private") | {"/process/user": {"uid": 1000, "gid": 1000}},
    "program root's alone, of root": _args("private"),
    "program on noexec": _bind(destination="/bin", source="merged/bin", options=["bind", "noexec"]),
    "program on a hidden directory": _mount("tmpfs", destination="/bin"),
    "program hidden by a mask": {"/linux/maskedPaths": ["/bin"]},
    "program itself masked": {"/linux/maskedPaths": ["/bin/true"]},
    "program read-only": {"/linux/readonlyPaths": ["/bin"]},
    "PATH empty": {"/process/env": ["PATH="]},
    "PATH relative": {"/process/env": ["PATH=bin"]},
    "PATH with an empty entry": {"/process/env": ["PATH=:/sbin"]},
    "PATH twice": {"/process/env": ["PATH=/nowhere", "PATH=/bin"]},
    "PATH twice, the last wrong": {"/process/env": ["PATH=/bin", "PATH=/nowhere"]},
    "PATH elsewhere": {"/process/env": ["PATH=/sbin:/usr/bin"]},
    "PATH missing, whole path": {"/process/env": []} | _args("/bin/true"),
    # The working directory.
    "cwd not in /proc": {"/process/cwd": "/proc/nowhere"},
    "cwd in /proc": {"/process/cwd": "/proc/1"},
    "cwd not in /sys": {"/process/cwd": "/sys/nowhere"},
    "cwd in /sys": {"/process/cwd": "/sys/kernel"},
    "cwd new in /dev": {"/process/cwd": "/dev/new"},
    "cwd a device": {"/process/cwd": "/dev/null"},
    "cwd by a link": {"/process/cwd": "/to-etc"},
    "cwd below a link": {"/process/cwd": "/to-etc/new"},
    "cwd new on a read-only bind": {"/process/cwd": "/mnt/new/place"} | _bind(),
    "cwd on a read-only bind": {"/process/cwd": "/mnt"} | _bind(),
    "cwd a file on a bind": {"/process/cwd": "/mnt/passwd"} | _bind(),
    "cwd with a long name": {"/process/cwd": "/" + "x" * 300},
    "cwd new, root read-only": {"/process/cwd": "/fresh", "/root/readonly": True},
    "cwd masked": {"/process/cwd": "/etc", "/linux/maskedPaths": ["/etc"]},
    # Mounts.
    "proc on a link": _mount("proc", destination="/to-etc"),
    "proc on a file": _mount("proc", destination="/bin/true"),
    "sysfs on a link": _mount("sysfs", destination="/to-etc"),
    "mqueue on a link": _mount("mqueue", destination="/to-etc"),
    "mqueue with an option": _mount("mqueue", "x"),
    "sysfs with an option": _mount("sysfs", "x"),
    "tmpfs on a file": _mount("tmpfs", destination="/bin/true"),
    "tmpfs by a link into /proc": _mount("tmpfs", destination="/to-proc"),
    "bind by a link into /proc": _bind(destination="/to-proc"),
    "devpts in /proc": _mount("devpts", destination="/proc/fs"),
    "mqueue in /proc": _mount("mqueue", destination="/proc/fs"),
    "bind of /proc on /proc": _bind(destination="/proc", source="/proc"),
    "overlay": _mount("overlay", "lowerdir=/etc:/usr"),
    "overlay of nothing": _mount("overlay", "lowerdir=/nowhere"),
    "overlay without lowerdir": _mount("overlay"),
    "overlay without work": _mount("overlay", "lowerdir=/etc", "upperdir=/tmp"),
    "overlay with an unknown option": _mount("overlay", "lowerdir=/etc:/usr", "shiny"),
    "ext4 of nothing": _mount("ext4", source="/dev/nowhere"),
    "ext4 of a directory": _mount("ext4", source="/etc"),
    "ext4 of a character device": _mount("ext4", source="/dev/null"),
    "ramfs": _mount("ramfs"),
    "cgroup2 elsewhere": _mount("cgroup2"),
    "tmpfs of size 0": _mount("tmpfs", "size=0"),
    "tmpfs of a size with a fraction": _mount("tmpfs", "size=1.5m"),
    "tmpfs of a size beyond 64 bits": _mount("tmpfs", "size=99999999999999999999"),
    "tmpfs of a negative size": _mount("tmpfs", "size=-1"),
    "tmpfs size without a value": _mount("tmpfs", "size="),
    "tmpfs size alone": _mount("tmpfs", "size"),
    "tmpfs mode of five digits": _mount("tmpfs", "mode=77777"),
    "tmpfs mode with 0o": _mount("tmpfs", "mode=0o700"),
    "tmpfs mode empty": _mount("tmpfs", "mode="),
    "tmpfs uid 2^32 - 1": _mount("tmpfs", "uid=4294967295"),
    "tmpfs uid 2^32": _mount("tmpfs", "uid=4294967296"),
    "tmpfs nr_inodes": _mount("tmpfs", "nr_inodes=1k"),
    "tmpfs nr_inodes nonsense": _mount("tmpfs", "nr_inodes=many"),
    "tmpfs nr_blocks a percentage": _mount("tmpfs", "nr_blocks=5%"),
    "tmpfs huge": _mount("tmpfs", "huge=never"),
    "tmpfs huge nonsense": _mount("tmpfs", "huge=sometimes"),
    "tmpfs mpol": _mount("tmpfs", "mpol=local"),
    "tmpfs mpol nonsense": _mount("tmpfs", "mpol=nearby"),
    "tmpfs inode64": _mount("tmpfs", "inode64"),
    "tmpfs inode64 with a value": _mount("tmpfs", "inode64=1"),
    "tmpfs noswap": _mount("tmpfs", "noswap"),
    "tmpfs with a gid": _mount("tmpfs", "gid=5", "uid=0"),
    "tmpfs option twice": _mount("tmpfs", "size=1m", "size=2m"),
    "tmpfs option with NUL": _mount("tmpfs", "size=1m\0"),
    "tmpfs very many options": _mount("tmpfs", *["size=1m"] * 600),
    "bind option with NUL": _bind(options=["bind", "a\0b"]),
    "devpts max": _mount("devpts", "max=10"),
    "devpts max nonsense": _mount("devpts", "max=few"),
    "devpts gid huge": _mount("devpts", "gid=99999999999"),
    "devpts newinstance with a value": _mount("devpts", "newinstance=1"),
    "devpts ptmxmode nonsense": _mount("devpts", "ptmxmode=rw"),
    "proc hidepid": _mount("proc", "hidepid=2"),
    "proc hidepid by name": _mount("proc", "hidepid=invisible"),
    "proc hidepid 9": _mount("proc", "hidepid=9"),
    "proc subset": _mount("proc", "subset=pid"),
    "proc subset nonsense": _mount("proc", "subset=all"),
    "proc gid a name": _mount("proc", "gid=root"),
    "proc unknown option with a value": _mount("proc", "color=red"),
    # Places that the kernel alone fills, and parameters of the whole host.
    "cwd new in mqueue": {"/process/cwd": "/dev/mqueue/new"},
    "cwd new in devpts": {"/process/cwd": "/dev/pts/new"},
    "cwd devpts": {"/process/cwd": "/dev/pts"},
    "device in devpts": _device("/dev/pts/9"),
    "device ptmx in devpts": _device("/dev/pts/ptmx"),
    "device in mqueue": _device("/dev/mqueue/x"),
    "device new in proc": _device("/proc/x"),
    "device there in proc": _device("/proc/version"),
    "device new in sys": _device("/sys/x"),
    "tmpfs on proc": _mount("tmpfs", destination="/proc"),
    "tmpfs on proc's self": _mount("tmpfs", destination="/proc/self"),
    "tmpfs new in proc": _mount("tmpfs", destination="/proc/1/x"),
    "tmpfs on a file in proc": _mount("tmpfs", destination="/proc/uptime"),
    "tmpfs on a directory in proc": _mount("tmpfs", destination="/proc/sys"),
    "proc's self masked": {"/linux/maskedPaths": ["/proc/self"]},
    "bind of a directory on a file in proc": _bind(destination="/proc/uptime"),
    "bind of a file in proc": _bind(destination="/proc/uptime", source="/etc/hostname"),
    "bind on proc's net/dev": _bind(destination="/proc/net/dev", source="/etc/hostname"),
    "tmpfs defaults": _mount("tmpfs", "defaults"),
    "proc defaults": _mount("proc", "defaults"),
    "bind defaults": _bind(options=["bind", "defaults"]),
    "tmpfs gid in hexadecimal": _mount("tmpfs", "gid=0x5"),
    "tmpfs uid in octal": _mount("tmpfs", "uid=017"),
    "tmpfs uid no octal": _mount("tmpfs", "uid=09"),
    "cgroup2 with an unknown option": _mount("cgroup2", "shiny"),
    "overlay with one directory for both": _mount("overlay", "lowerdir=/etc", "upperdir=/tmp", "workdir=/tmp"),
    "sysctl of net's memory": _sysctl("net.core.rmem_max", "212992"),
    "sysctl of tcp's memory": _sysctl("net.ipv4.tcp_mem", "1 2 3"),
    "sysctl of a network": _sysctl("net.core.somaxconn", "128"),
    "sysctl with a word after the number": {"/linux/sysctl": {"kernel.shmmni": "4096 x"}},
    "sysctl too large, with a word after": {"/linux/sysctl": {"kernel.shmmni": "99999 x"}},
    "sysctl a word": {"/linux/sysctl": {"kernel.shmmni": "x 4096"}},
    "rootfsPropagation unbindable": {"/linux/rootfsPropagation": "unbindable"},
    "rootfsPropagation runbindable": {"/linux/rootfsPropagation": "runbindable"},
    "rootfsPropagation private": {"/linux/rootfsPropagation": "private"},
    "weight too large": {"/linux/resources/blockIO": {"weight": 1001}},
    "cgroupsPath the host's own": {"/linux/cgroupsPath": "/"},
    "recursive read-only": _bind(options=["rbind", "rro"]),
    "recursive both ways": _bind(options=["rbind", "rro", "rrw"]),
    "recursive noatime": _bind(options=["rbind", "rnoatime"]),
    "recursive atime both ways": _bind(options=["rbind", "rnoatime", "rstrictatime"]),
    "recursive on tmpfs": _mount("tmpfs", "rro"),
    "remount": _bind(options=["bind", "remount"]),
    "remount of tmpfs": _mount("tmpfs", "remount"),
    "unbindable": _bind(options=["bind", "unbindable"]),
    "unbindable, then bound": {
        "/mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
            {"destination": "/mnt", "type": "tmpfs", "source": "tmpfs", "options": ["slave", "shared", "private"]},
        ]
    },
    "bind of a socket's place": _bind(source="/dev/null", destination="/run/thing"),
    "bind onto /dev/null": _bind(source="/dev/zero", destination="/dev/null", options=["bind"]),
    "bind of /dev": _bind(source="/dev", destination="/dev"),
    "no /dev": {"/mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}]},
    "dev read-only": {
        "/mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["ro"]},
        ]
    },
    "dev nodev": {
        "/mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nodev"]},
        ]
    },
    "destination with a long name": _mount("tmpfs", destination="/" + "x" * 300),
    "destination with dots": _mount("tmpfs", destination="/mnt/../mnt/./x"),
    "destination above the root": _mount("tmpfs", destination="/../../mnt"),
    "destination a dot": _mount("tmpfs", destination="."),
    "source missing, proc": {"/mounts/0/source": GONE},
    "type NUL": _mount("tm\0pfs"),
    "source NUL": _bind(source="/e\0tc"),
    # Paths.
    "readonly path /": {"/linux/readonlyPaths": ["/"]},
    "readonly path a link": {"/linux/readonlyPaths": ["/to-etc"]},
    "readonly path a file": {"/linux/readonlyPaths": ["/bin/true"]},
    "readonly path with a long name": {"/linux/readonlyPaths": ["/" + "x" * 300]},
    "readonly path with NUL": {"/linux/readonlyPaths": ["/e\0tc"]},
    "readonly path twice": {"/linux/readonlyPaths": ["/etc", "/etc"]},
    "masked path with a long name": {"/linux/maskedPaths": ["/" + "x" * 300]},
    "masked path with NUL": {"/linux/maskedPaths": ["/e\0tc"]},
    "masked path /proc": {"/linux/maskedPaths": ["/proc"]},
    "masked path /dev/null": {"/linux/maskedPaths": ["/dev/null"]},
    "masked path /dev": {"/linux/maskedPaths": ["/dev"]},
    "masked path a link": {"/linux/maskedPaths": ["/to-etc"]},
    "masked path twice": {"/linux/maskedPaths": ["/etc", "/etc"]},
    "masked path null": {"/linux/maskedPaths": [None]},
    # Devices.
    "device below a file": {"/linux/devices": [{"path": "/bin/true/x", "type": "c", "major": 1, "minor": 3}]},
    "device on a directory": {"/linux/devices": [{"path": "/etc", "type": "c", "major": 1, "minor": 3}]},
    "device on a file": {"/linux/devices": [{"path": "/bin/true", "type": "c", "major": 1, "minor": 3}]},
    "device major huge": {"/linux/devices": [{"path": "/dev/x", "type": "c", "major": 2**40, "minor": 3}]},
    "device with a long name": {"/linux/devices": [{"path": "/dev/" + "x" * 300, "type": "c", "major": 1, "minor": 3}]},
    "device with NUL": {"/linux/devices": [{"path": "/dev/x\0y", "type": "c", "major": 1, "minor": 3}]},
    "device by a link": {"/linux/devices": [{"path": "/to-etc/null", "type": "c", "major": 1, "minor": 3}]},
    "device uid huge": {"/linux/devices": [{"path": "/dev/x", "type": "c", "major": 1, "minor": 3, "uid": 2**32}]},
    "device b": {"/linux/devices": [{"path": "/dev/x", "type": "b", "major": 7, "minor": 0}]},
    "device fileMode huge": {
        "/linux/devices": [{"path": "/dev/x", "type": "c", "major": 1, "minor": 3, "fileMode": 2**31}]
    },
    "device ptmx": {"/linux/devices": [{"path": "/dev/ptmx", "type": "c", "major": 5, "minor": 2}]},
    "device in a user namespace": mapped(
        __linux__devices=[{"path": "/dev/zero", "type": "c", "major": 1, "minor": 5}],
        __linux__resources__devices=[{"allow": True, "access": "rwm"}],
    ),
    "device not on the host, in a user namespace": mapped(
        __linux__devices=[{"path": "/dev/mine", "type": "c", "major": 1, "minor": 3}]
    ),
}
