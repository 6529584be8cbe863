"""The options of `run` as words of a command line: for `run`, `create`, `config` and their like, and for options that
are kept or typed elsewhere.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import click

from engine.errors import UsageError
from engine.spec.options import RunOptions

Command = TypeVar("Command", bound=Callable[..., Any])

_BYTES = "SIZE"

_OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    # What runs.
    (("--name",), {"help": "Name the container; a made-up name otherwise."}),
    (("--rm", "auto_remove"), {"is_flag": True, "help": "Remove the container when it ends."}),
    (("-t", "--tty", "terminal"), {"is_flag": True, "help": "Give it a terminal."}),
    (("-i", "--interactive"), {"is_flag": True, "help": "Keep its standard input open."}),
    (("--entrypoint",), {"metavar": "WORD|JSON", "help": "Run this in place of the image's entrypoint; '' for none."}),
    (("-e", "--env"), {"multiple": True, "metavar": "NAME[=VALUE]", "help": "Set a variable; without value, ours."}),
    (("--env-file", "env_files"), {"multiple": True, "metavar": "FILE", "help": "Set variables from lines of a file."}),
    (("-w", "--workdir"), {"metavar": "DIR", "help": "Working directory in the container."}),
    (("-u", "--user"), {"metavar": "USER[:GROUP]", "help": "A user of the image, or a number."}),
    (("--group-add", "groups"), {"multiple": True, "metavar": "GROUP", "help": "A supplementary group."}),
    (("--umask",), {"metavar": "OCTAL", "help": "File mode mask."}),
    (("--init",), {"is_flag": True, "help": "A small init (catatonit, tini) as process 1, that buries the dead."}),
    (("--init-path",), {"metavar": "PATH", "help": "The program for --init, on this host."}),
    (
        ("--restart",),
        {
            "metavar": "no|on-failure[:N]|always|unless-stopped",
            "help": "Start it again when it has ended by itself (no).",
        },
    ),
    (
        ("--log-driver",),
        {
            "metavar": "k8s-file|none|passthrough",
            "help": "Whether what it prints is kept, in a file of conmon's form (k8s-file); passthrough: it has the"
            " streams of who starts it itself, and no terminal.",
        },
    ),
    (
        ("--log-opt", "log_opts"),
        {
            "multiple": True,
            "metavar": "max-size=SIZE",
            "help": "Its output begins anew at this size; all of it is kept without.",
        },
    ),
    (("--stop-signal",), {"metavar": "SIGNAL", "help": "What `stop` sends."}),
    (("--stop-timeout",), {"type": int, "metavar": "SECONDS", "help": "How long `stop` waits before it kills."}),
    (("--annotation", "annotations"), {"multiple": True, "metavar": "KEY=VALUE", "help": "Add to annotations."}),
    (("-l", "--label", "labels"), {"multiple": True, "metavar": "KEY[=VALUE]", "help": "Add a label."}),
    # Files.
    (
        ("-v", "--volume", "volumes"),
        {"multiple": True, "metavar": "SRC:DST[:OPTS]", "help": "Bind a host directory or a named volume."},
    ),
    (
        ("--volumes-from",),
        {
            "multiple": True,
            "metavar": "CONTAINER[:ro|rw]",
            "help": "Bind what that container binds, at the same places.",
        },
    ),
    (("--mount", "mounts"), {"multiple": True, "metavar": "type=…,src=…,dst=…", "help": "Mount bind, tmpfs, devpts."}),
    (("--tmpfs",), {"multiple": True, "metavar": "DST[:OPTS]", "help": "Mount a directory in memory."}),
    (("--read-only",), {"is_flag": True, "help": "Make the root filesystem read-only."}),
    (
        ("--read-only-tmpfs",),
        {
            "type": bool,
            "default": True,
            "metavar": "true|false",
            "help": "With --read-only: /run, /tmp, /var/tmp stay writable, in memory (true).",
        },
    ),
    (("--shm-size",), {"metavar": _BYTES, "help": "Size of /dev/shm (64m)."}),
    (("--device", "devices"), {"multiple": True, "metavar": "DEV[:DST][:rwm]", "help": "Give it a device."}),
    # Network and names.
    (
        ("--network", "--net"),
        {
            "metavar": "bridge|host|none|container:NAME",
            "help": "Its network (bridge; host where neither netavark nor the CNI plugins are).",
        },
    ),
    (
        ("-p", "--publish"),
        {
            "multiple": True,
            "metavar": "[[IP:][PORT]:]PORT[/PROTO]",
            "help": "Make a port reachable by one of the host.",
        },
    ),
    (("-P", "--publish-all"), {"is_flag": True, "help": "Publish what the image exposes, by free ports of the host."}),
    (
        ("--expose",),
        {"multiple": True, "metavar": "PORT[-PORT][/PROTO]", "help": "A port that -P publishes beside the image's."},
    ),
    (("--ip",), {"metavar": "ADDRESS", "help": "Its address on the bridge; a free one otherwise."}),
    (("--mac-address",), {"metavar": "ADDRESS", "help": "Its card's address on the bridge."}),
    (("-h", "--hostname"), {"metavar": "NAME", "help": "Its host name."}),
    (("--add-host", "add_hosts"), {"multiple": True, "metavar": "NAME:ADDRESS", "help": "A line of its /etc/hosts."}),
    (("--no-hosts",), {"is_flag": True, "help": "Leave the image's own /etc/hosts."}),
    (("--dns",), {"multiple": True, "metavar": "ADDRESS", "help": "A name server."}),
    (("--dns-search",), {"multiple": True, "metavar": "DOMAIN", "help": "A search domain; a dot for none."}),
    (("--dns-option",), {"multiple": True, "metavar": "OPTION", "help": "An option of resolv.conf."}),
    # Rights.
    (("--cap-add",), {"multiple": True, "metavar": "CAPABILITY", "help": "Add a capability, or ALL."}),
    (("--cap-drop",), {"multiple": True, "metavar": "CAPABILITY", "help": "Take a capability away, or ALL."}),
    (("--privileged",), {"is_flag": True, "help": "Every capability and device, nothing masked, no seccomp."}),
    (
        ("--security-opt",),
        {
            "multiple": True,
            "metavar": "OPTION",
            "help": "no-new-privileges, seccomp=FILE|unconfined, apparmor=NAME, label=disable, mask=…, unmask=….",
        },
    ),
    (("--sysctl",), {"multiple": True, "metavar": "KEY=VALUE", "help": "A kernel parameter of its namespaces."}),
    (("--pid",), {"metavar": "host|private|ns:PATH", "help": "Whose processes it sees."}),
    (("--ipc",), {"metavar": "host|private|none|ns:PATH", "help": "Whose shared memory it sees; none has none."}),
    (("--uts",), {"metavar": "host|private|ns:PATH", "help": "Whose host name it has."}),
    (("--cgroupns",), {"metavar": "host|private|ns:PATH", "help": "Whose control groups it sees."}),
    (
        ("--userns",),
        {
            "metavar": "host|auto[:size=N]|private",
            "help": "User namespace (host); auto takes free numbers of /etc/subuid, private goes with --uidmap.",
        },
    ),
    (("--uidmap",), {"multiple": True, "metavar": "CONTAINER:HOST:SIZE", "help": "Users of a user namespace."}),
    (("--gidmap",), {"multiple": True, "metavar": "CONTAINER:HOST:SIZE", "help": "Groups of it; as --uidmap."}),
    # Limits.
    (("-m", "--memory"), {"metavar": _BYTES, "help": "Limit of memory, for example 512m."}),
    (("--memory-swap",), {"metavar": _BYTES, "help": "Limit of memory and swap together; -1 for none."}),
    (("--memory-reservation",), {"metavar": _BYTES, "help": "Memory it keeps when memory is short."}),
    (("--cpus",), {"metavar": "NUMBER", "help": "How many CPUs' worth of time, for example 0.5."}),
    (("-c", "--cpu-shares"), {"type": int, "metavar": "NUMBER", "help": "Weight beside other containers (1024)."}),
    (("--cpu-period",), {"type": int, "metavar": "MICROSECONDS", "help": "Length of a scheduling period."}),
    (("--cpu-quota",), {"type": int, "metavar": "MICROSECONDS", "help": "CPU time in each period."}),
    (("--cpuset-cpus",), {"metavar": "LIST", "help": "CPUs it may use: 0-3,5."}),
    (("--cpuset-mems",), {"metavar": "LIST", "help": "Memory nodes it may use."}),
    (("--blkio-weight",), {"type": int, "metavar": "10..1000", "help": "Share of block I/O."}),
    (("--pids-limit",), {"type": int, "metavar": "NUMBER", "help": "Most processes (2048); -1 for no limit."}),
    (("--ulimit", "--rlimit", "ulimits"), {"multiple": True, "metavar": "NAME=SOFT[:HARD]", "help": "A limit."}),
    (("--oom-score-adj",), {"type": int, "metavar": "-1000..1000", "help": "How soon it is killed without memory."}),
    (
        ("--profile",),
        {
            "default": "podman",
            "show_default": True,
            "type": click.Choice(["podman", "docker"]),
            "help": "Whose defaults to start from.",
        },
    ),
)


@functools.cache
def _option(row: int) -> click.Option:
    """The same object for every command that has it: to make all of them takes milliseconds."""
    names, settings = _OPTIONS[row]
    return click.Option(names, **settings)


def _add(command: Command, rows: Iterable[int]) -> Command:
    """As `click.option` does, the last first: decorators are carried out from below."""
    vars(command).setdefault("__click_params__", []).extend(map(_option, sorted(rows, reverse=True)))
    return command


def run_options(command: Command) -> Command:
    """Add the options to a command: its parameters are those of RunOptions, with its arguments as `args`."""
    return _add(command, range(len(_OPTIONS)))


LIMIT_OPTIONS = (
    *("--memory", "--memory-swap", "--memory-reservation", "--cpus", "--cpu-shares", "--cpu-period", "--cpu-quota"),
    *("--cpuset-cpus", "--cpuset-mems", "--blkio-weight", "--pids-limit"),
)
"""Those that `update` takes, too."""


def limit_options(command: Command) -> Command:
    """Those of the options that change what a container may use."""
    return _add(command, [row for row, (names, _) in enumerate(_OPTIONS) if set(LIMIT_OPTIONS).intersection(names)])


def parse_options(words: Sequence[str]) -> RunOptions:
    """The options of `run` that words say, as a person types them. Raises UsageError."""
    command = click.Command("run", params=[*map(_option, range(len(_OPTIONS)))])
    try:
        with command.make_context("run", list(words)) as context:
            return RunOptions(**context.params)
    except click.ClickException as error:
        raise UsageError(f"options of run: {error.format_message()}") from None
