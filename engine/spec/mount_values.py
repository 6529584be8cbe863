"""How mounts are spelt on the command line: -v, --mount, --tmpfs, by podman's rules."""

from __future__ import annotations

import posixpath
import re

import msgspec

from engine.spec.values import refuse
from engine.spec.vocabulary import suggestion

_TOGGLES = {"exec": "noexec", "suid": "nosuid", "dev": "nodev", "rw": "ro"}
PROPAGATION = frozenset({"private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable", "runbindable"})


class MountValue(msgspec.Struct, frozen=True):
    """A mount that was asked for: bind, volume, tmpfs or devpts, with options as mount(8) and podman spell them."""

    kind: str
    source: str
    destination: str
    options: tuple[str, ...]


_VOLUME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")


def volume(text: str, option: str) -> MountValue:
    """SOURCE:DESTINATION[:OPTIONS]; SOURCE is a path of this host or the name of a volume."""
    source, *rest = text.split(":")
    if len(rest) not in (1, 2):
        refuse(option, text, "SOURCE:DESTINATION[:OPTIONS] is wanted", "For example /srv/data:/data:ro.")
    kind = "bind"
    if not source.startswith(("/", "./", "../")) and source not in (".", ".."):
        if not _VOLUME.fullmatch(source):
            refuse(option, text, f"{source!r} is neither a path nor a volume's name", "Give an absolute path.")
        kind = "volume"
    options = mount_options(rest[1] if len(rest) == 2 else "", option, text, memory=False)
    return MountValue(kind, source, _destination(rest[0], option, text), options)


def tmpfs(text: str, option: str) -> MountValue:
    """DESTINATION[:OPTIONS]"""
    destination, _, options = text.partition(":")
    return MountValue(
        "tmpfs", "tmpfs", _destination(destination, option, text), mount_options(options, option, text, memory=True)
    )


def mount(text: str, option: str) -> MountValue:
    """type=bind|tmpfs|devpts,source=…,destination=…,OPTION[=VALUE]…"""
    kind, source, destination, options = "volume", "", "", []
    for part in text.split(","):
        key, equals, value = part.partition("=")
        match key:
            case "type":
                kind = value
            case "src" | "source":
                source = value
            case "dst" | "destination" | "target":
                destination = value
            case "ro" | "readonly":
                options.append("rw" if value in ("false", "0") else "ro")
            case "rw":
                options.append("ro" if value in ("false", "0") else "rw")
            case "bind-propagation":
                options.append(value)
            case "bind-nonrecursive":
                options.append("bind")
            case "tmpfs-size" | "tmpfs-mode":
                options.append(f"{key.removeprefix('tmpfs-')}={value}")
            case "relabel" | "consistency":
                continue  # without meaning here: there is no SELinux policy to apply, and no virtual machine between
            case _:
                options.append(part if equals else key)
    if kind not in ("bind", "volume", "tmpfs", "devpts"):
        refuse(option, text, f"type {kind!r} is not there", "The types are bind, volume, tmpfs and devpts.")
    if kind in ("bind", "volume") and not source:
        refuse(option, text, f"a {kind} mount needs source=")
    if kind == "volume" and not _VOLUME.fullmatch(source):
        refuse(option, text, f"{source!r} is not a volume's name")
    if kind not in ("bind", "volume") and source:
        refuse(option, text, f"a {kind} has no source")
    checked = mount_options(",".join(options), option, text, memory=kind not in ("bind", "volume"))
    return MountValue(kind, source or kind, _destination(destination, option, text), checked)


def _destination(text: str, option: str, whole: str) -> str:
    path = posixpath.normpath(text) if text else ""
    if not path.startswith("/"):
        refuse(option, whole, "the destination has to be an absolute path in the container")
    path = path.replace("//", "/", 1)
    if path == "/":
        refuse(option, whole, "the destination cannot be the container's root")
    return path


def mount_options(text: str, option: str, whole: str, *, memory: bool) -> tuple[str, ...]:
    """Check mount options by podman's rules: each known, none twice or against another."""
    seen: set[str] = set()
    options = [word for word in text.split(",") if word]
    for word in options:
        key, _, value = word.partition("=")
        group = _option_group(key, memory)
        if group is None:
            refuse(option, whole, f"unknown mount option {key!r}", suggestion(key, _OPTION_NAMES))
        if group in seen:
            refuse(option, whole, f"the option {key!r} is given twice, or against its opposite")
        seen.add(group)
        if key == "size" and value not in ("", "0") and not re.fullmatch(r"\d+[kmgtKMGT]?|\d{1,3}%", value):
            refuse(option, whole, f"{value!r} is not a size")
        if key == "mode" and not re.fullmatch(r"[0-7]{3,5}", value):
            refuse(option, whole, f"{value!r} is not an octal mode")
    return tuple(options)


def _option_group(key: str, memory: bool) -> str | None:
    for plain, opposite in _TOGGLES.items():
        if key in (plain, opposite):
            return plain
    if key in PROPAGATION:
        return "propagation"
    if memory:
        return {"tmpcopyup": "copy", "notmpcopyup": "copy"}.get(key, key if key in _MEMORY_OPTIONS else None)
    return {"bind": "bind", "rbind": "bind", "z": "z", "Z": "z"}.get(key)


_MEMORY_OPTIONS = frozenset({"size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "noatime", "ptmxmode", "max"})
_OPTION_NAMES = frozenset(
    {*_TOGGLES, *_TOGGLES.values(), *PROPAGATION, *_MEMORY_OPTIONS, "bind", "rbind", "tmpcopyup", "notmpcopyup", "z"}
)
