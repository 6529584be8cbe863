"""What a person can say about a container before it is made: podman's options, by podman's names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from engine.errors import SpecError, UsageError
from engine.ports import Port, parse_port
from engine.spec import mount_values, values
from engine.text import as_json, storable, visible


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of `run`, `create` and `config`, as they were typed; None or empty means not given.

    Making one checks how each is spelt and raises UsageError with the option's name; what needs the image or this
    machine (users, devices, source directories) is checked by `generate`.
    """

    args: tuple[str, ...] = ()
    """Command and arguments: they take the place of the image's Cmd."""
    entrypoint: str | None = None
    """A program, or a JSON array of words; "" is none. The image's Cmd goes with the image's entrypoint."""
    env: tuple[str, ...] = ()
    """NAME=VALUE; NAME alone takes the value from this process; NAME* every variable that starts so."""
    env_files: tuple[str, ...] = ()
    workdir: str | None = None
    user: str | None = None
    """USER[:GROUP], each a name in the image's own files or a number."""
    groups: tuple[str, ...] = ()
    hostname: str | None = None
    network: str | None = None
    """bridge, host, none, container:NAME or ns:PATH; without one what `chosen_network` says."""
    publish: tuple[str, ...] = ()
    """[[IP:][HOST]:]CONTAINER[/PROTOCOL]"""
    publish_all: bool = False
    """What the image and `expose` say is listened on is published too, each by any free port of the host."""
    expose: tuple[str, ...] = ()
    """PORT[-PORT][/PROTOCOL], what the container listens on beside what its image says."""
    ip: str | None = None
    """Its address on the bridge."""
    mac_address: str | None = None
    """Its card's there."""
    volumes: tuple[str, ...] = ()
    """SOURCE:DESTINATION[:OPTIONS]"""
    volumes_from: tuple[str, ...] = ()
    """CONTAINER[:ro|rw]: what that one binds is bound at the same places."""
    mounts: tuple[str, ...] = ()
    """type=bind|tmpfs|devpts,KEY=VALUE…"""
    tmpfs: tuple[str, ...] = ()
    """DESTINATION[:OPTIONS]"""
    read_only: bool = False
    read_only_tmpfs: bool = True
    """With `read_only`: /run, /tmp and /var/tmp stay writable, in memory."""
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    privileged: bool = False
    security_opt: tuple[str, ...] = ()
    """no-new-privileges, seccomp=FILE|unconfined, apparmor=NAME, label=disable, mask=PATHS, unmask=PATHS|ALL"""
    devices: tuple[str, ...] = ()
    """HOST[:CONTAINER][:rwm]"""
    sysctl: tuple[str, ...] = ()
    ulimits: tuple[str, ...] = ()
    """NAME=SOFT[:HARD]; -1 is unlimited"""
    memory: str | None = None
    """Bytes, or a number with b, k, m, g."""
    memory_swap: str | None = None
    """Memory and swap together; -1 is unlimited."""
    memory_reservation: str | None = None
    cpus: str | None = None
    cpu_shares: int | None = None
    cpu_period: int | None = None
    cpu_quota: int | None = None
    cpuset_cpus: str | None = None
    cpuset_mems: str | None = None
    blkio_weight: int | None = None
    pids_limit: int | None = None
    """0 or -1 is unlimited."""
    oom_score_adj: int | None = None
    shm_size: str | None = None
    umask: str | None = None
    pid: str | None = None
    ipc: str | None = None
    uts: str | None = None
    cgroupns: str | None = None
    userns: str | None = None
    """host, auto[:size=NUMBER], or private, with a `uidmap`"""
    uidmap: tuple[str, ...] = ()
    """CONTAINER:HOST:SIZE; users that are not mapped are nobody"""
    gidmap: tuple[str, ...] = ()
    """As `uidmap`, which it follows where it is not given, and the other way round."""
    init: bool = False
    """A small program runs as process 1, hands signals on and buries processes that nobody waits for."""
    init_path: str | None = None
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_option: tuple[str, ...] = ()
    add_hosts: tuple[str, ...] = ()
    """NAME:ADDRESS"""
    no_hosts: bool = False
    """/etc/hosts is the image's own."""
    terminal: bool = False
    interactive: bool = False
    stop_signal: str | None = None
    log_driver: str | None = None
    """k8s-file, which is the usual one, none, or passthrough."""
    log_opts: tuple[str, ...] = ()
    """max-size=SIZE: how much of its output is kept; the newest."""
    stop_timeout: int | None = None
    """Seconds."""
    annotations: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    name: str | None = None
    auto_remove: bool = False
    restart: str | None = None
    """no, on-failure[:NUMBER], always or unless-stopped: whether it is started again when it has ended."""
    profile: str = "podman"
    """Whose defaults: podman or docker."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            for text in value if isinstance(value, tuple) else (value,):
                if isinstance(text, str) and not storable(text):
                    raise UsageError(
                        f"{flag(name)}: {visible(text)[:80]!r} holds bytes that are not UTF-8, or a NUL",
                        hint="config.json is UTF-8 text.",
                    )
        for name, parse in _PARSERS.items():
            value = getattr(self, name)
            for text in value if isinstance(value, tuple) else () if value is None else (value,):
                parse(text, flag(name))
        if self.profile not in ("podman", "docker"):
            raise UsageError(f"--profile {self.profile}: podman or docker")
        bridgeless = self.network is not None and values.network(self.network, "--network") != "bridge"
        if bridgeless and (given := self.needing_bridge()):
            raise UsageError(
                f"{given} cannot stand with --network {self.network}",
                hint="Ports are published by a bridge, and its containers alone have an address of their own.",
            )
        if self.auto_remove and self.comes_back:
            raise UsageError("--rm and --restart cannot stand together: it goes when it has ended, or comes back")
        if self.terminal and self.log_driver == "passthrough":
            raise UsageError(
                "-t and --log-driver passthrough cannot stand together: it has the streams of who starts it"
            )
        if self.no_hosts and self.add_hosts:
            raise UsageError("--no-hosts and --add-host cannot stand together")

    def needing_bridge(self) -> str:
        """The first of the options given that only a bridge can fulfil; "" for none."""
        for name in ("publish", "publish_all", "ip", "mac_address"):
            if getattr(self, name):
                return flag(name)
        return ""

    @property
    def log_size(self) -> int:
        """Bytes of output that are kept; 0 is all."""
        return max((values.log_option(text, "--log-opt") for text in self.log_opts), default=0)

    @property
    def mac(self) -> str:
        """The hardware address asked for, in colons and small letters, as the kernel writes it; "" for any."""
        return values.mac_address(self.mac_address, "--mac-address") if self.mac_address else ""

    @property
    def comes_back(self) -> str:
        """When it is started again, as --restart has it; "" for never."""
        policy = values.restart(self.restart or "", "--restart")[0]
        return "" if policy == "no" else str(self.restart)

    @property
    def ports(self) -> list[Port]:
        """What is published."""
        return [parse_port(text) for text in self.publish]

    def publishing(self, exposed: Iterable[str]) -> RunOptions:
        """The same with each port published by name that the image (`exposed`, PORT[/PROTOCOL]) or `expose` tells of,
        where that is asked for.

        Raises UsageError for what is no port.
        """
        if not self.publish_all:
            return self
        there = set().union(*(port.insides for port in self.ports))
        told = (*exposed, *(each for text in self.expose for each in values.exposed(text, "--expose")))
        missing = []
        for text in told:
            if not (inside := parse_port(text).insides) <= there:
                missing.append(text)
                there |= inside
        return msgspec.structs.replace(self, publish=(*self.publish, *missing), publish_all=False)

    def words(self) -> list[str]:
        """The options given, as words of a command line. Of variables only the names: a value may be a secret."""
        found: list[str] = []
        for name, value in self._given():
            if name == "args":
                continue
            for one in value if isinstance(value, tuple) else (value,):
                text = one.partition("=")[0] if name == "env" else str(one)
                found += [flag(name)] if one is True else [flag(name), text.lower() if one is False else text]
        return found

    def to_json(self) -> bytes:
        """The options given, to be kept; they hold what variables hold."""
        return as_json(dict(self._given())) + b"\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> RunOptions:
        """What `to_json` wrote. Raises SpecError, UsageError."""
        try:
            found: dict[str, Any] = {
                key: tuple(value) if isinstance(value, list) else value for key, value in json.loads(text).items()
            }
            return cls(**found)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise SpecError(f"the options that a container was made with cannot be read: {error}") from error

    def shaping(self) -> list[str]:
        """The options given that shape the config.json, as they are spelt; the others are about the container."""
        return [flag(name) for name, _ in self._given() if name not in _ABOUT_THE_CONTAINER]

    def _given(self) -> Iterator[tuple[str, Any]]:
        for name, default in zip(self.__struct_fields__, self.__struct_defaults__, strict=True):
            if (value := getattr(self, name)) != default:
                yield name, value


_ABOUT_THE_CONTAINER = frozenset(
    {"name", "auto_remove", "interactive", "stop_signal", "stop_timeout", "log_driver", "log_opts", "expose", "restart"}
)

_FLAGS = {
    "args": "the command",
    "publish": "-p",
    "publish_all": "-P",
    "env_files": "--env-file",
    "groups": "--group-add",
    "volumes": "-v",
    "mounts": "--mount",
    "devices": "--device",
    "ulimits": "--ulimit",
    "log_opts": "--log-opt",
    "add_hosts": "--add-host",
    "annotations": "--annotation",
    "labels": "--label",
    "terminal": "-t",
    "interactive": "-i",
    "env": "-e",
    "workdir": "-w",
    "user": "-u",
    "auto_remove": "--rm",
}


def flag(name: str) -> str:
    """The command-line spelling of a field of RunOptions."""
    return _FLAGS.get(name, "--" + name.replace("_", "-"))


_PARSERS: dict[str, Any] = {
    "entrypoint": values.entrypoint,
    "env": values.env,
    "workdir": values.absolute_path,
    "hostname": values.hostname,
    "volumes": mount_values.volume,
    "mounts": mount_values.mount,
    "tmpfs": mount_values.tmpfs,
    "cap_add": values.capability,
    "cap_drop": values.capability,
    "security_opt": values.security,
    "devices": values.device,
    "sysctl": values.pair,
    "ulimits": values.ulimit,
    "memory": values.size,
    "memory_swap": values.size_or_unlimited,
    "memory_reservation": values.size,
    "cpus": values.cpus,
    "cpuset_cpus": values.number_list,
    "cpuset_mems": values.number_list,
    "shm_size": values.size,
    "umask": values.umask,
    "log_driver": values.log_driver,
    "restart": values.restart,
    "log_opts": values.log_option,
    "network": values.network,
    "expose": values.exposed,
    "ip": values.own_address,
    "mac_address": values.mac_address,
    "volumes_from": values.volumes_from,
    "publish": lambda text, option: parse_port(text),
    "pid": values.own_or_host,
    "ipc": values.ipc,
    "uts": values.own_or_host,
    "cgroupns": values.own_or_host,
    "userns": values.userns,
    "uidmap": values.id_range,
    "gidmap": values.id_range,
    "init_path": values.absolute_path,
    "dns": values.address,
    "add_hosts": values.host_entry,
    "stop_signal": values.signal_name,
    "annotations": values.pair,
    "labels": values.label,
    "cpu_shares": values.shares,
    "cpu_period": values.between(0, 2**63 - 1),
    "cpu_quota": values.between(-1, 2**63 - 1),
    "blkio_weight": values.between(10, 1000),
    "pids_limit": values.between(-1, 2**63 - 1),
    "oom_score_adj": values.between(-1000, 1000),
    "stop_timeout": values.between(0, 2**31 - 1),
}
