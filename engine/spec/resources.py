"""The `linux.resources` part of a config.json, and the devices: how much of this machine the container gets."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.errors import UsageError
from engine.spec import values
from engine.spec.builder import Builder
from engine.spec.defaults import Profile
from engine.spec.options import RunOptions
from engine.spec.provenance import default, option
from engine.text import visible

_PERIOD = 100_000  # microseconds; the kernel's default of cpu.cfs_period_us


def resources(spec: Builder, options: RunOptions, profile: Profile, memory: int = 0) -> None:
    """Memory, CPU, number of processes, block I/O; 0 of most of them is no limit, as podman has it.

    `memory` is the limit in bytes that holds where the options name none. Raises UsageError where two options
    contradict each other.
    """
    _memory(spec, options, memory)
    _cpu(spec, options)
    if options.pids_limit is not None:
        limit = options.pids_limit if options.pids_limit > 0 else -1
        spec.put("/linux/resources/pids/limit", limit, option(f"--pids-limit {options.pids_limit}"))
    elif profile.pids_limit is not None:
        spec.put("/linux/resources/pids/limit", profile.pids_limit, default(profile.detail))
    if options.blkio_weight is not None:
        spec.put(
            "/linux/resources/blockIO/weight", options.blkio_weight, option(f"--blkio-weight {options.blkio_weight}")
        )


def _memory(spec: Builder, options: RunOptions, limit: int) -> None:
    shown = f"the limit of memory, {limit} bytes"
    if options.memory is not None:
        limit, shown = values.size(options.memory, "--memory"), f"--memory {options.memory}"
        if limit:
            spec.put("/linux/resources/memory/limit", limit, option(shown))
    if options.memory_reservation is not None:
        low = values.size(options.memory_reservation, "--memory-reservation")
        origin = option(f"--memory-reservation {options.memory_reservation}")
        if options.memory is not None and 0 < limit < low:
            raise UsageError(f"--memory-reservation {options.memory_reservation} is more than {shown}")
        if low:
            spec.put("/linux/resources/memory/reservation", low, origin)
    if options.memory_swap is not None:
        swap = values.size_or_unlimited(options.memory_swap, "--memory-swap")
        if not limit and swap >= 0:
            raise UsageError("--memory-swap needs --memory", hint="It is the limit of memory and swap together.")
        if 0 < swap < limit:
            raise UsageError(
                f"--memory-swap {options.memory_swap} is less than {shown}",
                hint="It is the limit of memory and swap together.",
            )
        if limit:
            spec.put("/linux/resources/memory/swap", swap or 2 * limit, option(f"--memory-swap {options.memory_swap}"))
    elif options.memory is not None and limit:
        origin = option(f"{shown}: with as much swap again, as podman and docker do")
        spec.put("/linux/resources/memory/swap", 2 * limit, origin)


def _cpu(spec: Builder, options: RunOptions) -> None:
    if options.cpus is not None:
        if options.cpu_period is not None or options.cpu_quota is not None:
            raise UsageError("--cpus cannot stand with --cpu-period or --cpu-quota: it sets both")
        if quota := values.cpus(options.cpus, "--cpus"):
            origin = option(f"--cpus {options.cpus}")
            spec.put("/linux/resources/cpu/quota", quota, origin)
            spec.put("/linux/resources/cpu/period", _PERIOD, origin)
    for key, name in (("shares", "cpu_shares"), ("period", "cpu_period"), ("quota", "cpu_quota")):
        number = getattr(options, name)
        if number:
            spec.put(f"/linux/resources/cpu/{key}", number, option(f"--{name.replace('_', '-')} {number}"))
    for key, name in (("cpus", "cpuset_cpus"), ("mems", "cpuset_mems")):
        text = getattr(options, name)
        if text is not None:
            spec.put(f"/linux/resources/cpu/{key}", text, option(f"--{name.replace('_', '-')} {text}"))


def devices(spec: Builder, options: RunOptions, profile: Profile) -> None:
    """linux.devices and the rules of the devices cgroup. Raises UsageError for what is no device of this host."""
    rules = "/linux/resources/devices"
    if options.privileged:
        spec.append(rules, {"allow": True, "access": "rwm"}, option("--privileged"))
        for path in _all_devices():
            spec.append("/linux/devices", _device(path, str(path), path.lstat()), option("--privileged"))
        return
    spec.append(rules, {"allow": False, "access": "rwm"}, default(profile.detail))
    for text in options.devices:
        asked = values.device(text, "--device")
        origin = option(f"--device {visible(text)}")
        for path, destination in _found(asked, text):
            status = path.stat()
            entry = _device(path, destination, status)
            spec.append("/linux/devices", entry, origin)
            rule = {"allow": True, "type": entry["type"], "major": entry["major"], "minor": entry["minor"]}
            spec.append(rules, {**rule, "access": asked.access}, origin)


def _found(asked: values.Device, text: str) -> Iterator[tuple[Path, str]]:
    """The device that was asked for, or all those below the directory that was."""
    source = Path(asked.source)
    try:
        mode = source.stat().st_mode
    except OSError as error:
        raise UsageError(f"--device {visible(text)}: {error.strerror}") from error
    if _is_device(mode):
        yield source, asked.destination
        return
    if not stat.S_ISDIR(mode):
        raise UsageError(f"--device {visible(text)}: it is not a device")
    below = [path for path in sorted(source.iterdir()) if _is_device(path.lstat().st_mode)]
    if not below:
        raise UsageError(f"--device {visible(text)}: there are no devices in that directory")
    for path in below:
        yield path, f"{asked.destination.rstrip('/')}/{path.name}"


def _is_device(mode: int) -> bool:
    return stat.S_ISCHR(mode) or stat.S_ISBLK(mode)


def _device(path: Path, destination: str, status: os.stat_result) -> dict[str, Any]:
    return {
        "path": destination,
        "type": "c" if stat.S_ISCHR(status.st_mode) else "b",
        "major": os.major(status.st_rdev),
        "minor": os.minor(status.st_rdev),
        "fileMode": stat.S_IMODE(status.st_mode),
        "uid": status.st_uid,
        "gid": status.st_gid,
    }


_NOT_SHARED = frozenset({"pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev", "console"})
"""Entries of /dev that belong to one namespace or one session, and that the container has of its own."""


def _all_devices(directory: Path = Path("/dev")) -> Iterator[Path]:
    try:
        entries = sorted(directory.iterdir())
    except OSError:
        return
    for path in entries:
        if path.name in _NOT_SHARED:
            continue
        try:
            mode = path.lstat().st_mode
        except OSError:
            continue
        if stat.S_ISDIR(mode):
            yield from _all_devices(path)
        elif _is_device(mode):
            yield path
