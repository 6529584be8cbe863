"""The filesystems that a config.json mounts, and the options of their own that the kernel takes."""

from __future__ import annotations

import re
from collections.abc import Callable

_WHOLE = re.compile(r"0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*").fullmatch


def _id(value: str) -> bool:
    """A user or a group, as kstrtouint of the kernel reads numbers: also octal and hexadecimal."""
    if not _WHOLE(value):
        return False
    base = 16 if value[1:2] in ("x", "X") else 8 if value.startswith("0") else 10
    return int(value[:25], base) < 2**32 - 1


_AMOUNT = r"(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*)[kKmMgGtTpPeE]?"  # memparse of the kernel
_SIZE = re.compile(_AMOUNT + "%?").fullmatch
_COUNT = re.compile(_AMOUNT).fullmatch
_OCTAL = re.compile(r"[0-7]+").fullmatch
_NUMBER = re.compile(r"\d+").fullmatch
_ANY = re.compile(r".*", re.DOTALL).fullmatch
_FLAG = None
"""An option without a value."""
_POLICY = re.compile(
    r"(?:default|local|(?:prefer|bind|interleave|weighted interleave)(?:=\w+)?(?::[\d,-]+)?)"
).fullmatch

DATA: dict[str, dict[str, Callable[[str], object] | None]] = {
    "tmpfs": {
        "size": _SIZE,
        "nr_blocks": _COUNT,
        "nr_inodes": _COUNT,
        "mode": _OCTAL,
        "uid": _id,
        "gid": _id,
        "huge": re.compile("never|always|within_size|advise|deny|force").fullmatch,
        "mpol": _POLICY,
        "inode32": _FLAG,
        "inode64": _FLAG,
        "noswap": _FLAG,
    },
    "devpts": {
        "uid": _id,
        "gid": _id,
        "mode": _OCTAL,
        "ptmxmode": _OCTAL,
        "newinstance": _FLAG,
        "max": _NUMBER,
    },
    "proc": {
        "hidepid": re.compile("[0124]|off|noaccess|invisible|ptraceable").fullmatch,
        "gid": _id,
        "subset": re.compile("pid(?::pid)*").fullmatch,
    },
    "sysfs": {},
    "cgroup2": {
        "nsdelegate": _FLAG,
        "favordynmods": _FLAG,
        "memory_localevents": _FLAG,
        "memory_recursiveprot": _FLAG,
        "memory_hugetlb_accounting": _FLAG,
        "pids_localevents": _FLAG,
    },
    "mqueue": {},
    "overlay": {
        "lowerdir": _ANY,
        "lowerdir+": _ANY,
        "datadir+": _ANY,
        "upperdir": _ANY,
        "workdir": _ANY,
        "default_permissions": _FLAG,
        "userxattr": _FLAG,
        "volatile": _FLAG,
        "override_creds": _FLAG,
        "nooverride_creds": _FLAG,
        "redirect_dir": re.compile("on|off|follow|nofollow").fullmatch,
        "index": re.compile("on|off").fullmatch,
        "nfs_export": re.compile("on|off").fullmatch,
        "metacopy": re.compile("on|off").fullmatch,
        "xino": re.compile("on|off|auto").fullmatch,
        "uuid": re.compile("on|off|null|auto").fullmatch,
        "verity": re.compile("on|off|require").fullmatch,
        "fsync": _ANY,
    },
}
"""What the kernel takes as a filesystem's own options (tmpfs(5), proc(5), Documentation/filesystems)."""

_ON_DEVICE_WORDS = "btrfs erofs exfat ext2 ext3 ext4 f2fs iso9660 msdos ntfs3 squashfs udf vfat xfs"
ON_DEVICES = frozenset(_ON_DEVICE_WORDS.split())
"""Filesystems that live on a block device."""

_COMMON_TYPE_WORDS = (
    "bind cgroup cgroup2 devpts mqueue proc sysfs tmpfs overlay ext4 xfs btrfs nfs nfs4 cifs fuse debugfs tracefs"
    " securityfs bpf hugetlbfs ramfs devtmpfs configfs vfat iso9660 squashfs"
)
COMMON_TYPES = frozenset(_COMMON_TYPE_WORDS.split())
"""What is mounted in containers now and then."""
