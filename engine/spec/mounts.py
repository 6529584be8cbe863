"""The `mounts` part of a config.json: what every container needs, the engine's own files, and the user's over them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from engine.errors import UsageError
from engine.host import CgroupMode, HostFacts, find_tool
from engine.spec import mount_values, values
from engine.spec.builder import Builder
from engine.spec.defaults import SHM_SIZE, Profile
from engine.spec.options import RunOptions
from engine.spec.provenance import Origin, default, host, option
from engine.text import visible

FILES = {"hosts": "/etc/hosts", "hostname": "/etc/hostname", "resolv.conf": "/etc/resolv.conf"}
"""The engine's own files, below files/ in the bundle, and where they appear in the container."""

MARKER = "containerenv"
"""The name there of the file that tells a container by which engine it is."""

INIT = "/run/cutaway-init"
"""Where process 1 of --init appears in the container."""

_INITS = ("catatonit", "tini-static", "tini", "docker-init", "dumb-init")
_INIT_PLACES = "/usr/libexec/podman:/usr/libexec/catatonit:/usr/lib/podman:/usr/libexec/docker"


class Mount(msgspec.Struct, frozen=True):
    """One mount and where it comes from; `why` overrides that for single options."""

    destination: str
    kind: str
    source: str
    options: tuple[str, ...]
    origin: Origin
    why: tuple[tuple[str, Origin], ...] = ()


def mounts(
    spec: Builder,
    options: RunOptions,
    profile: Profile,
    facts: HostFacts,
    files: dict[str, bytes],
    volumes: Path | None = None,
    inherited: Iterable[Mount] = (),
) -> list[str]:
    """Put all mounts in, a parent before what lies below it, and return their places; adds to `files` what it binds.

    A mount of the user's takes the place of a default one at the same destination, and of an `inherited` one.
    Raises UsageError for a source that is not there, and for two mounts at one place.
    """
    chosen = {mount.destination: mount for mount in _defaults(options, profile, facts)}
    in_memory = options.read_only and options.read_only_tmpfs and profile.memory_beside_read_only
    if in_memory:
        for path in ("/run", "/tmp", "/var/tmp"):  # noqa: S108 - in the container
            chosen[path] = Mount(path, "tmpfs", "tmpfs", _memory_options(()), option("--read-only"))
    if options.init:
        origin = option("--init")
        chosen[INIT] = Mount(INIT, "bind", find_init(options), ("bind", "ro", "rprivate"), origin)
    for mount in _own_files(options, profile, files):
        if not (in_memory and mount.destination.startswith("/run/")):
            chosen[mount.destination] = mount
    chosen.update((mount.destination, mount) for mount in inherited)
    seen: dict[str, Origin] = {}
    for mount in _users(options, volumes):
        if mount.destination in seen:
            raise UsageError(
                f"{visible(mount.destination)} is mounted twice:"
                f" {seen[mount.destination].detail}, {mount.origin.detail}"
            )
        seen[mount.destination] = mount.origin
        chosen[mount.destination] = mount
    # Stable: what is equally deep keeps its order.
    ordered = sorted(chosen.values(), key=lambda m: m.destination.rstrip("/").count("/"))
    for mount in ordered:
        _put(spec, mount)
    _root_propagation(spec, ordered)
    return [mount.destination for mount in ordered]


def entry_of(mount: Mount) -> dict[str, Any]:
    """The mount as an element of the config.json's `mounts`."""
    entry = {"destination": mount.destination, "type": mount.kind, "source": mount.source}
    return {**entry, "options": list(mount.options)} if mount.options else entry


def _put(spec: Builder, mount: Mount) -> None:
    entry: dict[str, Any] = {"destination": mount.destination, "type": mount.kind, "source": mount.source}
    spec.append("/mounts", entry, mount.origin)
    why = dict(mount.why)
    for text in mount.options:
        spec.append_to_last("/mounts", "options", text, why.get(text, mount.origin))


def _root_propagation(spec: Builder, mounts: list[Mount]) -> None:
    """Mounts can be passed on between host and container only below a root that does so too."""
    for wanted, kinds in (("shared", {"shared", "rshared"}), ("rslave", {"slave", "rslave"})):
        asking = [mount for mount in mounts if kinds & set(mount.options)]
        if asking:
            spec.put("/linux/rootfsPropagation", wanted, asking[0].origin)
            return


def _defaults(options: RunOptions, profile: Profile, facts: HostFacts) -> Iterable[Mount]:
    usual = default(profile.detail)
    rights, why = ("rw", option("--privileged")) if options.privileged else ("ro", usual)
    yield Mount("/proc", "proc", "proc", ("nosuid", "noexec", "nodev"), usual)
    yield Mount("/dev", "tmpfs", "tmpfs", profile.dev, usual)
    system: tuple[str, ...] = ("nosuid", "noexec", "nodev", rights)
    if options.privileged:
        system = ("rprivate", *system)
    mapped = bool(options.uidmap or options.gidmap)
    hosts_sys = mapped and options.network != "none"
    if hosts_sys:
        # The kernel mounts sysfs only for the owner of the network namespace (fs/sysfs/mount.c).
        because = host("a user namespace may not mount /sys anew: its network was made outside of it")
        yield Mount("/sys", "bind", "/sys", ("rprivate", "nosuid", "noexec", "nodev", rights, "rbind"), because)
    else:
        yield Mount("/sys", "sysfs", "sysfs", system, usual, ((rights, why), ("rprivate", why)))
    pts = ("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5")
    yield Mount("/dev/pts", "devpts", "devpts", pts, usual)
    yield Mount("/dev/mqueue", "mqueue", "mqueue", ("nosuid", "noexec", "nodev"), usual)
    if options.ipc == "host":
        shm = "/dev/shm"  # noqa: S108 - the host's, as asked
        yield Mount(shm, "bind", shm, ("bind", "rprivate", "nosuid", "noexec", "nodev"), option("--ipc host"))
    elif options.ipc != "none":
        yield _shared_memory(options, usual)
    if facts.cgroups is not CgroupMode.NONE and not hosts_sys:
        flags = (*profile.cgroup, rights)
        yield Mount("/sys/fs/cgroup", "cgroup", "cgroup", flags, usual, ((rights, why),))


def find_init(options: RunOptions) -> str:
    """The program of --init on this host. Raises UsageError where there is none."""
    if options.init_path is not None:
        if not os.access(options.init_path, os.X_OK) or os.path.isdir(options.init_path):
            raise UsageError(f"--init-path {visible(options.init_path)}: there is no such program on this host")
        return options.init_path
    found = next(filter(None, (find_tool(name, _INIT_PLACES) for name in _INITS)), None)
    if found is None:
        raise UsageError(
            f"--init: none of {', '.join(_INITS)} is installed",
            hint="Debian, Ubuntu: apt install tini (or catatonit); or name one with --init-path.",
        )
    return os.path.abspath(found.path)


def _shared_memory(options: RunOptions, usual: Origin) -> Mount:
    size, why = SHM_SIZE, usual
    if options.shm_size is not None:
        size, why = str(values.size(options.shm_size, "--shm-size")), option(f"--shm-size {options.shm_size}")
    text = f"size={size}"
    return Mount(
        "/dev/shm",  # noqa: S108 - in the container
        "tmpfs",
        "shm",
        ("nosuid", "noexec", "nodev", "mode=1777", text),
        usual,
        ((text, why),),
    )


def _own_files(options: RunOptions, profile: Profile, files: dict[str, bytes]) -> Iterable[Mount]:
    flags: tuple[str, ...] = ("bind", "rprivate")
    read_only = ("ro", "nosuid", "noexec", "nodev")
    if options.read_only:
        flags += read_only
    why = tuple((flag, option("--read-only")) for flag in read_only)
    marked = {MARKER: profile.marker} if profile.marker else {}
    files |= dict.fromkeys(marked, b"")
    for name, destination in {**FILES, **marked}.items():
        if name in files:
            origin = host(f"written by Cutaway for this container: files/{name}")
            yield Mount(destination, "bind", f"files/{name}", flags, origin, why)


def _users(options: RunOptions, volumes: Path | None) -> Iterable[Mount]:
    for text in options.volumes:
        yield user_mount(mount_values.volume(text, "-v"), f"-v {text}", volumes)
    for text in options.mounts:
        yield user_mount(mount_values.mount(text, "--mount"), f"--mount {text}", volumes)
    for text in options.tmpfs:
        yield user_mount(mount_values.tmpfs(text, "--tmpfs"), f"--tmpfs {text}")


def user_mount(asked: mount_values.MountValue, said: str, volumes: Path | None = None) -> Mount:
    """A mount that was asked for in these words, with podman's habits; `volumes` is where named volumes are kept.

    Raises UsageError for a source that is not there.
    """
    origin = option(visible(said))
    if asked.kind == "tmpfs":
        return Mount(asked.destination, "tmpfs", "tmpfs", _memory_options(asked.options), origin)
    if asked.kind == "devpts":
        return Mount(asked.destination, "devpts", "devpts", asked.options, origin)
    if asked.kind == "volume":
        if volumes is None:
            raise UsageError(f"{visible(said)}: {asked.source} names a volume", hint="Give the path of a directory.")
        return _volume(asked, str(volumes / asked.source / "_data"), origin)
    source = os.path.abspath(asked.source)
    if not os.path.exists(source):
        raise UsageError(f"{visible(said)}: there is no {visible(source)} on this host", hint="Make it first.")
    given = tuple(word for word in asked.options if word not in ("z", "Z"))  # there is no SELinux label to set
    if not set(given) & {"rw", "ro"}:
        given += ("rw",)
    if not set(given) & mount_values.PROPAGATION:
        given += ("rprivate",)
    inherited = _flags_of(Path(source), given)
    why = tuple((flag, host(f"{visible(source)} lies on a {flag} filesystem")) for flag in inherited)
    given += inherited
    if not set(given) & {"bind", "rbind"}:
        given += ("rbind",)
    return Mount(asked.destination, "bind", source, given, origin, why)


def _volume(asked: mount_values.MountValue, source: str, origin: Origin) -> Mount:
    """A named volume, as podman binds it: no devices and no set-user-ID programs, unless asked for."""
    given = tuple(word for word in asked.options if word not in ("z", "Z"))
    given += () if set(given) & {"rw", "ro"} else ("rw",)
    given += () if set(given) & mount_values.PROPAGATION else ("rprivate",)
    given += () if set(given) & {"suid", "nosuid"} else ("nosuid",)
    given += () if set(given) & {"dev", "nodev"} else ("nodev",)
    given += () if set(given) & {"bind", "rbind"} else ("rbind",)
    return Mount(asked.destination, "bind", source, given, origin)


def _memory_options(given: tuple[str, ...]) -> tuple[str, ...]:
    """A tmpfs with podman's habits: writable, private, nosuid, nodev, with a copy of what lies below it."""
    flags = given
    if not set(given) & {"rw", "ro"}:
        flags += ("rw",)
    if not set(given) & mount_values.PROPAGATION:
        flags += ("rprivate",)
    if not set(given) & {"suid", "nosuid"}:
        flags += ("nosuid",)
    if not set(given) & {"dev", "nodev"}:
        flags += ("nodev",)
    if not set(given) & {"tmpcopyup", "notmpcopyup"}:
        flags += ("tmpcopyup",)
    return tuple(flag for flag in flags if flag != "notmpcopyup")  # runc has no word for the opposite


def _flags_of(source: Path, given: tuple[str, ...]) -> tuple[str, ...]:
    """The restrictions of the filesystem that a bind source lies on: a bind mount that lifts them may be refused."""
    bits = os.statvfs(source).f_flag
    return tuple(
        flag
        for flag, opposite, bit in (
            ("noexec", "exec", os.ST_NOEXEC),
            ("nosuid", "suid", os.ST_NOSUID),
            ("nodev", "dev", os.ST_NODEV),
        )
        if bits & bit and not {flag, opposite} & set(given)
    )
