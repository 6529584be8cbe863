"""Makes a config.json out of its three sources: the image, the engine's defaults, the user's options.

Order: the image first, then the defaults where the image is silent, then the user over all.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol

import msgspec

from engine.errors import HostError, SpecError, UsageError
from engine.host import CgroupMode, HostFacts
from engine.oci import Execution
from engine.spec import mounts as mount_part
from engine.spec import process, resources, seccomp, values
from engine.spec.builder import Builder
from engine.spec.defaults import PROFILES, Profile
from engine.spec.netfiles import network_files
from engine.spec.networking import Network, chosen_network
from engine.spec.options import RunOptions
from engine.spec.provenance import Origin, Provenance, default, escape, host, image, option
from engine.spec.subids import numbers_asked
from engine.text import visible

OCI_VERSION = "1.0.2"
"""The version of the runtime-spec that every runc 1.x understands."""

ROOT_PATH = "merged"
"""root.path, relative to the bundle: the same config.json fits whatever container it is put into."""

STOP_SIGNAL = "org.opencontainers.image.stopSignal"
"""The annotation by which the image-spec (conversion.md) carries the stop signal into a config.json."""


class ContainerIdentity(Protocol):
    """Which container a config.json is for."""

    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...


class Generated(msgspec.Struct, frozen=True):
    """A config.json, where each of its values comes from, and the files that it binds, by their name below files/."""

    text: str
    provenance: Provenance
    files: Mapping[str, bytes]


def generate(
    execution: Execution,
    options: RunOptions,
    *,
    facts: HostFacts,
    container: ContainerIdentity,
    rootfs: Path,
    netns: Path | None = None,
    address: str = "",
    volumes: Path | None = None,
    numbers: tuple[int, int] | None = None,
    shared: Mapping[str, bytes] | None = None,
    inherited: Sequence[mount_part.Mount] = (),
) -> Generated:
    """The config.json of a container. `rootfs` is where the image's files can be read, for its users and groups;
    `netns` the file of the network namespace that it will have for --network bridge and container:NAME, and `address`
    its own there; `volumes` is where named volumes are kept; `numbers` are the first and how many of the
    host's that --userns auto gives it; `shared` are the files of the container whose network it has,
    `inherited` what --volumes-from means (`volumes_of`).

    Raises UsageError where an option cannot be had, SpecError where the image asks for what must not be.
    """
    profile = PROFILES[options.profile]
    spec = Builder()
    network = chosen_network(options, facts)
    options = msgspec.structs.replace(_mapped(options, facts, numbers), network=network.said)
    hostname, hostname_origin = _hostname(options, profile, facts, container, network)
    host_network = network.kind == "host"
    if network.kind == "none" and (options.dns or options.dns_search or options.dns_option):
        raise UsageError("--dns cannot stand with --network none: there is no name server to reach")
    if network.kind == "container" and (options.dns or options.dns_search or options.dns_option or options.add_hosts):
        raise UsageError(
            f"--dns and --add-host cannot stand with --network {network.said}: the container has that one's",
            hint="Give them to that container.",
        )
    files = network_files(
        options, hostname=hostname, name=container.name, host_network=host_network, address=address, shared=shared
    )

    spec.put("/ociVersion", OCI_VERSION, default("the runtime-spec that runc 1.x reads"))
    if options.terminal:
        spec.put("/process/terminal", True, option("-t"))
    user = process.user(spec, execution, options, profile, rootfs)
    process.arguments(spec, execution, options)
    process.environment(spec, execution, options, profile, home=user.home, hostname=hostname)
    process.working_directory(spec, execution, options, rootfs)
    bounding = process.capabilities(spec, options, profile, facts, as_root=user.uid == 0)
    process.rlimits(spec, options, profile, facts)
    _process_security(spec, options)
    spec.put("/root/path", ROOT_PATH, host("the container's own mount, beside this file"))
    if options.read_only:
        spec.put("/root/readonly", True, option("--read-only"))
    if options.uts != "host" or options.hostname is not None:
        spec.put("/hostname", hostname, hostname_origin)
    mounted = mount_part.mounts(spec, options, profile, facts, files, volumes, inherited)
    if options.workdir is not None and not profile.makes_workdir:
        process.need_directory(rootfs, options.workdir, mounted)
    _annotations(spec, execution, options)
    _sysctl(spec, options, profile)
    resources.devices(spec, options, profile)
    resources.resources(spec, options, profile)
    spec.put("/linux/cgroupsPath", cgroups_path(container), host("this container's own control group"))
    _namespaces(spec, options, profile, facts, network, netns)
    system_call_filter(spec, options, facts, bounding)
    protected_paths(spec, options, profile)
    text, provenance = spec.build()
    return Generated(text, provenance, files)


def cgroups_path(container: ContainerIdentity) -> str:
    """linux.cgroupsPath of a container."""
    return f"/cutaway/{container.id}"


def _hostname(
    options: RunOptions, profile: Profile, facts: HostFacts, container: ContainerIdentity, network: Network
) -> tuple[str, Origin]:
    if options.hostname is not None:
        if options.uts == "host":
            raise UsageError("--hostname cannot stand with --uts host: the host's own name would be changed")
        return options.hostname, option(f"--hostname {options.hostname}")
    if network.kind == "host":
        return facts.hostname, host(f"this host's name, as the container is in its network ({network.origin.detail})")
    if options.uts == "host":
        return facts.hostname, host("this host's name, as --uts is host")
    return container.id[:12], default(f"{profile.detail}: the first letters of the container's id")


def _process_security(spec: Builder, options: RunOptions) -> None:
    for text in options.security_opt:
        name, value = values.security(text, "--security-opt")
        origin = option(f"--security-opt {visible(text)}")
        if name == "no-new-privileges":
            spec.put("/process/noNewPrivileges", value == "true", origin)
        elif name == "apparmor" and value != "unconfined":
            spec.put("/process/apparmorProfile", value, origin)
    if options.oom_score_adj is not None:
        spec.put("/process/oomScoreAdj", options.oom_score_adj, option(f"--oom-score-adj {options.oom_score_adj}"))


def _annotations(spec: Builder, execution: Execution, options: RunOptions) -> None:
    found = {}
    if options.stop_signal is not None:
        name = values.signal_name(options.stop_signal, "--stop-signal")
        found[STOP_SIGNAL] = (name, option(f"--stop-signal {options.stop_signal}"))
    elif execution.stop_signal:
        found[STOP_SIGNAL] = (_images_signal(execution.stop_signal), image("StopSignal"))
    for text in options.labels:
        key, value = values.label(text, "--label")
        found[key] = (value, option(f"--label {visible(key)}"))
    for text in options.annotations:
        key, value = values.pair(text, "--annotation")
        found[key] = (value, option(f"--annotation {visible(key)}"))
    for key, (value, origin) in found.items():
        spec.put(f"/annotations/{escape(key)}", value, origin)


def _images_signal(text: str) -> str:
    try:
        return values.signal_name(text, "the image's StopSignal")
    except UsageError as error:
        raise SpecError(error.message, hint="Give another one with --stop-signal.") from error


def _sysctl(spec: Builder, options: RunOptions, profile: Profile) -> None:
    found = {}
    mapped = options.uidmap or options.gidmap
    kind = (options.network or "").partition(":")[0]
    # Another container's network is as that one has it, and may be the host's; with other users one that is made
    # outside is not its own.
    if kind == "none" or (kind not in ("host", "container") and not mapped):
        found = {key: (value, default(profile.detail)) for key, value in profile.sysctl}
    for text in options.sysctl:
        key, value = values.pair(text, "--sysctl")
        _refuse_hosts_parameter(key, options)
        found[key] = (value, option(f"--sysctl {visible(text)}"))
    for key, (value, origin) in found.items():
        spec.put(f"/linux/sysctl/{escape(key)}", value, origin)


def _refuse_hosts_parameter(key: str, options: RunOptions) -> None:
    for prefix, said, flag in (
        ("net.", options.network, "--network"),
        ("fs.mqueue.", options.ipc, "--ipc"),
        ("kernel.msg", options.ipc, "--ipc"),
        ("kernel.s", options.ipc, "--ipc"),
        ("kernel.domainname", options.uts, "--uts"),
    ):
        if key.startswith(prefix) and said == "host":
            raise UsageError(
                f"--sysctl {visible(key)}: the container shares the host's, as {flag} is host",
                hint=f"Give it its own: {flag} {'bridge' if flag == '--network' else 'private'}.",
            )


def _namespaces(
    spec: Builder, options: RunOptions, profile: Profile, facts: HostFacts, network: Network, netns: Path | None
) -> None:
    usual = default(profile.detail)
    for kind, said, flag in (
        ("pid", options.pid, "--pid"),
        ("network", network.said, "--network"),
        ("ipc", options.ipc, "--ipc"),
        ("uts", options.uts, "--uts"),
        ("mount", None, ""),
        ("cgroup", options.cgroupns or (None if facts.cgroups is CgroupMode.V2 else "host"), "--cgroupns"),
    ):
        if said == "host":
            continue
        origin = network.origin if kind == "network" else usual if said is None else option(f"{flag} {said}")
        entry = {"type": kind}
        if said is not None and said.startswith("ns:"):
            entry["path"] = posixpath.normpath(said.removeprefix("ns:"))
        elif kind == "network" and netns is not None:
            entry["path"] = str(netns)
        spec.append("/linux/namespaces", entry, origin)
    _user_namespace(spec, options)


def _mapped(options: RunOptions, facts: HostFacts, numbers: tuple[int, int] | None) -> RunOptions:
    """The options with the mapping of --userns auto. Raises UsageError, HostError without user namespaces."""
    asked = numbers_asked(options) is not None
    if asked and (options.uidmap or options.gidmap):
        raise UsageError("--userns auto cannot stand with --uidmap or --gidmap", hint="It chooses the numbers itself.")
    if facts.no_user_namespaces and (asked or options.uidmap or options.gidmap or options.userns == "private"):
        said = f"--userns {options.userns}" if options.userns else "--uidmap"
        raise HostError(
            f"{said}: {facts.no_user_namespaces}", hint="Leave it out: without it users are the host's own."
        )
    if not asked or numbers is None:
        return options
    return msgspec.structs.replace(options, uidmap=(f"0:{numbers[0]}:{numbers[1]}",))


def _user_namespace(spec: Builder, options: RunOptions) -> None:
    """linux.uidMappings and gidMappings; the one that is not given is as the other. Raises UsageError."""
    maps = {"uid": options.uidmap or options.gidmap, "gid": options.gidmap or options.uidmap}
    auto = numbers_asked(options) is not None
    if options.userns == "host" and maps["uid"]:
        raise UsageError("--userns host cannot stand with --uidmap or --gidmap")
    if options.userns == "private" and not maps["uid"]:
        raise UsageError(
            "--userns private: whose numbers are to be whose is not said",
            hint="Add --uidmap 0:100000:65536, for example.",
        )
    if not maps["uid"]:
        return
    said = "--uidmap" if options.uidmap else "--gidmap"
    whose = option(f"--userns {options.userns}: free ones of those that /etc/subuid gives to containers")
    spec.append("/linux/namespaces", {"type": "user"}, whose if auto else option(f"{said} {maps['uid'][0]}"))
    for kind, texts in maps.items():
        flag = f"--{kind}map" if getattr(options, f"{kind}map") else said
        for text in texts:
            first, outside, size = values.id_range(text, flag)
            entry = {"containerID": first, "hostID": outside, "size": size}
            spec.append(f"/linux/{kind}Mappings", entry, whose if auto else option(f"{flag} {text}"))


def system_call_filter(spec: Builder, options: RunOptions, facts: HostFacts, bounding: frozenset[str]) -> None:
    """linux.seccomp, for a process with these capabilities. Raises SpecError for a file that is no profile."""
    asked = [value for name, value in map(_security, options.security_opt) if name == "seccomp"]
    architecture = facts.platform.architecture
    if asked and asked[-1] != "unconfined":
        origin = option(f"--security-opt seccomp={visible(asked[-1])}")
        spec.put("/linux/seccomp", seccomp.profile_from(Path(asked[-1]), architecture, bounding), origin)
    elif not asked and not options.privileged:
        profile, where = seccomp.default_profile(architecture, bounding)
        spec.put("/linux/seccomp", profile, default(where))


def _security(text: str) -> tuple[str, str]:
    return values.security(text, "--security-opt")


def protected_paths(spec: Builder, options: RunOptions, profile: Profile) -> None:
    """linux.maskedPaths and readonlyPaths."""
    shown = [
        path for name, value in map(_security, options.security_opt) if name == "unmask" for path in value.split(":")
    ]
    hidden = [
        path for name, value in map(_security, options.security_opt) if name == "mask" for path in value.split(":")
    ]
    if not options.privileged:
        for pointer, paths in (("/linux/maskedPaths", profile.masked), ("/linux/readonlyPaths", profile.read_only)):
            for path in paths:
                if not _is_shown(path, shown):
                    spec.append(pointer, path, default(profile.detail))
    for path in hidden:
        spec.append("/linux/maskedPaths", path, option(f"--security-opt mask={visible(path)}"))


def _is_shown(path: str, patterns: list[str]) -> bool:
    """Patterns match one path component at a time, as Go's filepath.Match; ALL is everything."""
    return any(
        pattern.upper() == "ALL" or (pattern.count("/") == path.count("/") and fnmatchcase(path, pattern))
        for pattern in patterns
    )
