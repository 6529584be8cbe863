"""Changes that a person asks for by name, as the smallest edit of the text: a capability, a mount, a limit.

What is given is spelt as podman's option of that name has it, so that a form, a command line and the text agree. Where
a change makes something else impossible that goes with it, and is told.
"""

from __future__ import annotations

import posixpath
import shlex
from typing import Any, NamedTuple

from engine.errors import SpecError, UsageError
from engine.host import CgroupMode
from engine.spec import mount_values, mounts, process, resources, values
from engine.spec.builder import Builder
from engine.spec.comparing import DifferenceKind, differences, take_back
from engine.spec.defaults import PROFILES
from engine.spec.document import Document
from engine.spec.options import RunOptions
from engine.spec.provenance import Provenance, escape, tokens
from engine.spec.syscalls import own_profile
from engine.spec.updating import updated, without
from engine.spec.vocabulary import CAPABILITIES, NAMESPACES, RLIMITS, suggestion
from engine.text import visible

_LETTING = ("SCMP_ACT_ALLOW", "SCMP_ACT_LOG")

KINDS = ("bounding", "effective", "permitted", "inheritable", "ambient")

LIMITS: dict[str, tuple[str, ...]] = {
    "memory": ("memory/limit", "memory/swap"),
    "memory-swap": ("memory/swap",),
    "memory-reservation": ("memory/reservation",),
    "cpus": ("cpu/quota", "cpu/period"),
    "cpu-shares": ("cpu/shares",),
    "cpuset-cpus": ("cpu/cpus",),
    "cpuset-mems": ("cpu/mems",),
    "pids-limit": ("pids/limit",),
    "blkio-weight": ("blockIO/weight",),
}
"""The limits of control groups by podman's options, and what they set in linux.resources."""

_NUMBERS = frozenset({"cpu-shares", "pids-limit", "blkio-weight"})
_FIRST_RULE = "/linux/resources/devices"
_MAPPING = {"containerID": 0, "hostID": 100000, "size": 65536}
_GO_WITH = {"uts": ("/hostname",), "user": ("/linux/uidMappings", "/linux/gidMappings")}
_LATE_PARAMETERS = {
    "network": ("net.",),
    "ipc": ("fs.mqueue.", "kernel.msg", "kernel.sem", "kernel.shm"),
    "uts": ("kernel.domainname",),
}


class Change(NamedTuple):
    """A changed text, and in words what else had to change with it."""

    text: str
    said: tuple[str, ...] = ()


def set_capability(text: str, name: str, on: bool) -> Change:
    """Give a capability, or take it away; the prefix CAP_ and the case are free.

    A process that is not root gets it in the inheritable and ambient sets too, as it would lose it at its start.
    Raises UsageError for what is no capability, SpecError for what is no JSON.
    """
    name = values.capability(name, "capability")
    if name == "ALL":
        raise UsageError("ALL is no capability of its own: privileged is what gives all of them")
    document = Document(text)
    kinds = KINDS if not on or document.get("/process/user/uid") else KINDS[:3]
    for kind in kinds:
        pointer = f"/process/capabilities/{kind}"
        now = document.get(pointer)
        names = list(now) if isinstance(now, list) else []
        if on and name not in names:
            in_order = names == sorted(map(str, names))
            place = next((n for n, other in enumerate(names) if in_order and other > name), len(names))
            document = document.insert(f"{pointer}/{place}", name)
        elif not on and name in names:
            document = document.with_elements(pointer, [other for other in names if other != name])
    kept = _still_forbidden(document, name) if on else []
    shown = ", ".join(kept[:4]) + ("…" if len(kept) > 4 else "")
    return Change(document.text, (f"seccomp still forbids what it is for: {shown}",) if kept else ())


def _still_forbidden(document: Document, capability: str) -> list[str]:
    """The system calls that the default filter lets through with a capability alone, and that of this text does not."""
    given = document.get("/linux/seccomp")
    if not isinstance(given, dict) or given.get("defaultAction") in _LETTING:
        return []
    rules = given.get("syscalls")
    let = {
        name
        for rule in (rules if isinstance(rules, list) else [])
        if isinstance(rule, dict) and rule.get("action") in _LETTING and isinstance(rule.get("names"), list)
        for name in map(str, rule["names"])
    }
    wanted = [
        name
        for entry in own_profile()["syscalls"]
        if capability in (entry.get("includes", {}).get("caps") or ())
        for name in entry["names"]
    ]
    return [name for name in wanted if name not in let]


def capabilities(text: str) -> dict[str, bool]:
    """Every capability that Linux has, in its order, and whether the process has it."""
    given = Document(text).get("/process/capabilities/bounding")
    names = given if isinstance(given, list) else []
    return {name: name in names for name in sorted(CAPABILITIES)}


def set_env(text: str, assignment: str) -> Change:
    """Set a variable, NAME=VALUE; NAME alone takes it away. Raises UsageError, SpecError."""
    name, value = values.env(assignment, "environment")
    document = Document(text)
    now = document.get("/process/env")
    entries = now if isinstance(now, list) else []
    place = next((n for n, entry in enumerate(entries) if str(entry).partition("=")[0] == name), None)
    if value is None:
        if place is None:
            raise UsageError(f"no variable {visible(name)[:60]} is set", hint="Write NAME=VALUE to set one.")
        return Change(document.remove(f"/process/env/{place}").text)
    return Change(document.set(f"/process/env/{'-' if place is None else place}", assignment).text)


def add_mount(text: str, said: str) -> Change:
    """Add a mount, spelt as for -v (SOURCE:DESTINATION[:OPTIONS]) or --mount (type=…,src=…,dst=…).

    It stands before the mounts that lie below it, and takes the place of one at the same destination. Raises
    UsageError for what is misspelt or not on this host, SpecError.
    """
    asked = mount_values.mount(said, "mount") if "=" in said.split(",")[0] else mount_values.volume(said, "mount")
    entry = mounts.entry_of(mounts.user_mount(asked, said))
    document = Document(text)
    found = document.get("/mounts")
    places = [
        posixpath.normpath(str(mount.get("destination"))) if isinstance(mount, dict) else ""
        for mount in (found if isinstance(found, list) else ())
    ]
    for number, place in enumerate(places):
        if place == asked.destination:
            was = f"it takes the place of what was mounted on {visible(place)}"
            return Change(document.set(f"/mounts/{number}", entry).text, (was,))
    for number, place in enumerate(places):
        if place.startswith(asked.destination + "/"):
            return Change(document.insert(f"/mounts/{number}", entry).text)
    return Change(document.set("/mounts/-", entry).text)


def add_device(text: str, said: str) -> Change:
    """Give it a device of this host, HOST[:CONTAINER][:rwm], and the right to use it. Raises UsageError, SpecError."""
    spec = Builder()
    resources.devices(spec, RunOptions(devices=(said,)), PROFILES["podman"])
    made = Document(spec.build()[0])
    document = Document(text)
    replaced: list[str] = []
    for device in made.get("/linux/devices"):
        now = document.get("/linux/devices")
        paths = [each.get("path") if isinstance(each, dict) else None for each in now] if isinstance(now, list) else []
        if device["path"] in paths:
            document = document.set(f"/linux/devices/{paths.index(device['path'])}", device)
            replaced.append(f"it takes the place of the device {visible(device['path'])}")
        else:
            document = document.set("/linux/devices/-", device)
    for rule in made.get(_FIRST_RULE)[1:]:
        rules = document.get(_FIRST_RULE)
        if isinstance(rules, list) and rules and rule not in rules:
            document = document.set(f"{_FIRST_RULE}/-", rule)
    return Change(document.text, tuple(replaced))


def set_limit(text: str, name: str, value: str) -> Change:
    """Set a limit, or take it away with the value "". `name` is one of LIMITS, with a value as podman's option of that
    name takes it, or one of getrlimit(2) ("nofile"), SOFT[:HARD]. Raises UsageError, SpecError.
    """
    document = Document(text)
    if name in LIMITS:
        if value:
            return Change(_with_limit(text, name, value))
        return Change(without(document, (f"/linux/resources/{below}" for below in LIMITS[name])).text)
    kind = "RLIMIT_" + name.upper().removeprefix("RLIMIT_")
    if kind not in RLIMITS:
        known = [*LIMITS, *(each.removeprefix("RLIMIT_").lower() for each in RLIMITS)]
        raise UsageError(f"there is no limit {visible(name)[:60]!r}", hint=suggestion(name.lower(), known))
    now = document.get("/process/rlimits")
    kinds = [each.get("type") if isinstance(each, dict) else None for each in now] if isinstance(now, list) else []
    if not value:
        return Change(document.remove(f"/process/rlimits/{kinds.index(kind)}").text if kind in kinds else text)
    limit = values.ulimit(f"{name}={value}", "limit")
    entry = process.limit_entry(limit)
    if kind not in kinds:
        return Change(document.set("/process/rlimits/-", entry).text)
    for key in ("soft", "hard"):
        document = document.set(f"/process/rlimits/{kinds.index(kind)}/{key}", entry[key])
    return Change(document.text)


def _with_limit(text: str, name: str, value: str) -> str:
    given: Any = value
    if name in _NUMBERS:
        if not value.strip().lstrip("-").isdecimal():
            raise UsageError(f"{name} {visible(value)[:60]}: a whole number is wanted")
        given = int(value)
    options = RunOptions(**{name.replace("-", "_"): given})
    return updated(text, Provenance({}), options, CgroupMode.NONE)[0]


def namespaces(text: str) -> dict[str, bool]:
    """Every kind of namespace, and whether the container has its own, or joins one, rather than share the host's."""
    return {kind: kind in _kinds(Document(text)) for kind in sorted(NAMESPACES)}


def set_namespace(text: str, kind: str, on: bool, *, path: str = "", like: str = "") -> Change:
    """Give the container a namespace of its own (or the one at `path`), or let it share the host's.

    With `like`, a text from before it was turned off, it is given back as it was there, with what went with it.
    Raises UsageError for an unknown kind, SpecError for the mount namespace, without which runc would mount on the
    host itself.
    """
    if kind not in NAMESPACES:
        raise UsageError(f"there is no namespace {visible(kind)[:40]!r}", hint=suggestion(kind.lower(), NAMESPACES))
    document = Document(text)
    kinds = _kinds(document)
    if not on:
        return _shared(document, kind, kinds)
    if like and not path and kind not in kinds:
        back = _given_back(text, like, kind)
        if back.said:
            return back
    entry = {"type": kind, "path": path} if path else {"type": kind}
    if kind in kinds:
        return Change(document.set(f"/linux/namespaces/{kinds.index(kind)}", entry).text)
    document = document.set("/linux/namespaces/-", entry)
    said: list[str] = []
    if kind == "user" and not path:
        for key in ("uidMappings", "gidMappings"):
            if not document.get(f"/linux/{key}"):
                document = document.set(f"/linux/{key}", [_MAPPING])
                said.append(f"linux.{key}: 65536 numbers from 100000 on, so that root in it is nobody on the host")
        if "network" not in kinds:
            document = _with_hosts_sys(document, said)
    return Change(document.text, tuple(said))


def _given_back(text: str, like: str, kind: str) -> Change:
    """The namespace as it was in `like`, and what needs it and has gone with it; nothing where it had none, either."""
    more: list[str] = []
    while True:
        for difference in differences(like, text):
            if difference.kind is DifferenceKind.REMOVED and _goes_with(kind, difference.old, difference.before):
                text = take_back(text, like, difference)
                if not difference.old.startswith("/linux/namespaces/"):
                    more.append(difference.old)
                break
        else:
            if kind not in _kinds(Document(text)):
                return Change(text)
            with_it = f", and with it {' and '.join(sorted(more))}" if more else ""
            return Change(text, (f"the {kind} namespace is back as it was{with_it}",))


def _goes_with(kind: str, pointer: str, value: Any) -> bool:
    if pointer.startswith("/linux/namespaces/"):
        return isinstance(value, dict) and value.get("type") == kind
    if pointer.startswith("/linux/sysctl/"):
        name = tokens(pointer)[-1].replace("/", ".")
        return name.startswith(_LATE_PARAMETERS.get(kind, ()))
    return pointer in _GO_WITH.get(kind, ())


def _with_hosts_sys(document: Document, said: list[str]) -> Document:
    """The host's /sys in place of a new one: only who owns the network namespace may mount that (fs/sysfs/mount.c)."""
    found = document.get("/mounts")
    entries = list(enumerate(found)) if isinstance(found, list) else []
    for number, mount in reversed(entries):
        if not isinstance(mount, dict):
            continue
        pointer = f"/mounts/{number}"
        if mount.get("type") == "sysfs":
            options = mount.get("options")
            flags = list(options) if isinstance(options, list) else []
            bound = {"type": "bind", "source": "/sys", "options": [*flags, "rbind"]}
            for key, value in bound.items():
                document = document.set(f"{pointer}/{key}", value)
            said.append("/sys is the host's own: a user namespace may not mount the host's network's anew")
        elif mount.get("type") in ("cgroup", "cgroup2"):
            document = document.remove(pointer)
            said.append(f"no mount on {visible(str(mount.get('destination')))}: the host's /sys has it")
    return document


def _kinds(document: Document) -> list[str]:
    found = document.get("/linux/namespaces")
    entries = found if isinstance(found, list) else []
    return [str(each.get("type")) if isinstance(each, dict) else "" for each in entries]


def _shared(document: Document, kind: str, kinds: list[str]) -> Change:
    if kind == "mount":
        raise SpecError(
            "a container shares the host's mount namespace at the host's cost: runc would mount on the host itself",
            hint="Leave it on.",
        )
    if kind not in kinds:
        return Change(document.text)
    document = document.remove(f"/linux/namespaces/{kinds.index(kind)}")
    said: list[str] = []
    gone = list(_GO_WITH.get(kind, ()))
    parameters = document.get("/linux/sysctl")
    for key in parameters if isinstance(parameters, dict) else ():
        if key.replace("/", ".").startswith(_LATE_PARAMETERS.get(kind, ())):
            gone.append(f"/linux/sysctl/{escape(key)}")
    for pointer in gone:
        if document.has(pointer):
            document = document.remove(pointer)
            said.append(f"{pointer} has gone: it needs a {kind} namespace of its own")
    return Change(document.text, tuple(said))


def args_line(text: str) -> str:
    """The command as a line that a shell would read so; "" where there is none."""
    args = Document(text).get("/process/args")
    return shlex.join(map(str, args)) if isinstance(args, list) else ""


def set_args(text: str, line: str) -> Change:
    """Set the command by a line as a shell reads it, quotes and all; nothing else of a shell is done.

    Raises UsageError where a quotation mark is not closed, or nothing is left, SpecError.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"the command line does not end: {str(error).lower()}") from error
    if not words:
        raise UsageError("there is nothing to run", hint="For example: sh -c 'echo hello'")
    return Change(Document(text).with_elements("/process/args", words).text)
