"""The processes in a container, as `top` shows them: found by control group, looked at with psutil."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from engine.runtime.cgroups import processes_in
from engine.runtime.state import RuncState, RuntimeFiles


class ProcessSummary(msgspec.Struct, frozen=True):
    """One process in a container.

    `pid` and `ppid` are the numbers inside (`ppid` 0: its parent is outside), `host_pid` the one on this host; `user`
    a name of the container's passwd or a number; `cpu_percent` of one CPU, over its whole life; `elapsed` and
    `cpu_time` are seconds; `memory` is resident bytes, `virtual` those it could reach; `tty` is "" where it has none.
    `state` is the kernel's letter, `process_group` a number inside, `started` seconds since the epoch; `group` is as
    `user`, `groups` are the further ones, and the real ones are beside the effective. `host_user`, `host_group` and
    `host_groups` are the same as this host numbers and calls them. `label` is what a security module (SELinux,
    AppArmor) gives it, "?" where none does; `capabilities` are sets of bits: inheritable, permitted, effective,
    bounding, ambient. `command` and `name` are hostile text.
    """

    host_pid: int
    pid: int
    ppid: int
    user: str
    cpu_percent: float
    elapsed: float
    tty: str
    cpu_time: float
    memory: int
    command: str
    name: str = ""
    state: str = ""
    nice: int = 0
    process_group: int = 0
    virtual: int = 0
    started: float = 0.0
    group: str = ""
    real_user: str = ""
    real_group: str = ""
    seccomp: str = ""
    groups: tuple[str, ...] = ()
    host_user: str = ""
    host_group: str = ""
    host_groups: tuple[int, ...] = ()
    label: str = ""
    capabilities: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)


_SETS = ("Inh", "Prm", "Eff", "Bnd", "Amb")
_SECCOMP = {"0": "disabled", "1": "strict", "2": "filter"}
"""proc_pid_status(5), in podman's words."""


def processes(files: RuntimeFiles, users: Mapping[int, str], groups: Mapping[int, str]) -> list[ProcessSummary]:
    """The processes of a container, oldest first; `users` and `groups` are the names that its own files give. Some may
    have ended while this looked: they are left out."""
    import grp
    import pwd

    import psutil  # 15 ms to load

    try:
        state = files.runc_state()
    except ValueError:
        state = None
    if state is None:
        return []
    statuses: dict[int, dict[str, str]] = {}
    for pid in sorted(set(_pids(state))):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{pid}/status").read_bytes().decode(errors="replace").split("\n")
            statuses[pid] = dict(line.partition(":\t")[::2] for line in lines)
    found = []
    for pid, status in statuses.items():
        with contextlib.suppress(OSError, psutil.Error):
            process = psutil.Process(pid)
            with process.oneshot():
                used = process.cpu_times()
                elapsed = max(0.0, time.time() - process.create_time())
                parent = statuses.get(int(status["PPid"]))
                uids, gids = _Inside(pid, "uid_map", users), _Inside(pid, "gid_map", groups)
                real_uid, uid = map(int, status["Uid"].split()[:2])
                real_gid, gid = map(int, status["Gid"].split()[:2])
                others = tuple(map(int, status["Groups"].split()))
                inherited, permitted, effective, bounding, ambient = (int(status[f"Cap{s}"], 16) for s in _SETS)
                summary = ProcessSummary(
                    host_pid=pid,
                    pid=_inside(status),
                    ppid=_inside(parent) if parent else 0,
                    user=uids.name(uid),
                    cpu_percent=100 * (used.user + used.system) / elapsed if elapsed > 0 else 0.0,
                    elapsed=elapsed,
                    tty=(process.terminal() or "").removeprefix("/dev/"),
                    cpu_time=used.user + used.system,
                    memory=process.memory_info().rss,
                    virtual=process.memory_info().vms,
                    name=status["Name"],
                    state=status["State"][:1],
                    nice=process.nice(),
                    process_group=int(status["NSpgid"].split()[-1]),
                    started=process.create_time(),
                    group=gids.name(gid),
                    real_user=uids.name(real_uid),
                    real_group=gids.name(real_gid),
                    seccomp=_SECCOMP.get(status.get("Seccomp", ""), "?"),
                    groups=tuple(map(gids.name, others)),
                    host_user=_called(pwd.getpwuid, uid),
                    host_group=_called(grp.getgrgid, gid),
                    host_groups=others,
                    label=_label(pid),
                    capabilities=(inherited, permitted, effective, bounding, ambient),
                    command=" ".join(process.cmdline()) or f"[{process.name()}]",
                )
            found.append(summary)
    return found


class _Inside:
    """The numbers of a process's user namespace, by its map (user_namespaces(7)), and what they are called there."""

    def __init__(self, pid: int, map_name: str, names: Mapping[int, str]) -> None:
        lines = Path(f"/proc/{pid}/{map_name}").read_text().splitlines()
        self._map = [tuple(map(int, line.split())) for line in lines]
        self._names = names

    def name(self, number: int) -> str:
        """The name for a number of this host; the number inside where there is none."""
        inside = next((here + number - there for here, there, count in self._map if 0 <= number - there < count), None)
        return str(number) if inside is None else self._names.get(inside, str(inside))


def _called(look_up: Callable[[int], tuple[Any, ...]], number: int) -> str:
    """What this host calls a number: the first field of its entry in passwd or group."""
    try:
        return str(look_up(number)[0])
    except KeyError:
        return str(number)


def _label(pid: int) -> str:
    try:
        found = Path(f"/proc/{pid}/attr/current").read_text(errors="replace")
    except OSError:  # EINVAL: no module gives any
        return "?"
    return found.rstrip("\0\n") or "?"


def _inside(status: dict[str, str]) -> int:
    """The number in the innermost namespace (proc_pid_status(5))."""
    return int(status["NSpid"].split()[-1])


def _pids(state: RuncState) -> Iterator[int]:
    """All processes in the container's group and the groups below it (it may have made some)."""
    for controller in ("pids", "", "memory", "cpu", "devices"):
        group = Path(state.cgroup_paths.get(controller, ""))
        if group.is_absolute() and (group / "cgroup.procs").exists():
            yield from processes_in(group)
            return
