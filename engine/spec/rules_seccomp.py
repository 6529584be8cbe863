"""What runc or libseccomp refuses in linux.seccomp."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.spec.diagnostics import Severity
from engine.spec.reading import Finding, Reading
from engine.spec.vocabulary import suggestion
from engine.spec.wordlists import WORDS
from engine.text import visible

_ERROR, _WARNING = Severity.ERROR, Severity.WARNING
_BASE = "/linux/seccomp"
_MAX_ERRNO = 4094  # libseccomp takes less than MAX_ERRNO
_BIG_ENDIAN = frozenset(
    f"SCMP_ARCH_{name}"
    for name in ("S390", "S390X", "PPC", "PPC64", "MIPS", "MIPS64", "MIPS64N32", "PARISC", "PARISC64")
)
_NEW_ARCHITECTURES = frozenset({"SCMP_ARCH_RISCV64", "SCMP_ARCH_PARISC", "SCMP_ARCH_PARISC64"})
_DEADLY = frozenset(
    f"SCMP_ACT_{name}" for name in ("KILL", "KILL_PROCESS", "KILL_THREAD", "TRAP", "ERRNO", "TRACE", "NOTIFY")
)
_FAILING = ("SCMP_ACT_ERRNO", "SCMP_ACT_TRACE")
"""What makes a call fail, and nothing more."""
_LATE = ("execve", "write", "close", "openat", "getdents64", "fstatfs")
_EARLY = (
    *(
        "read",
        "fstat",
        "newfstatat",
        "chdir",
        "prctl",
        "capget",
        "capset",
        "setgroups",
        "setgid",
        "setuid",
        "getppid",
        "getcwd",
    ),
)
"""What runc does itself after the filter is on: with noNewPrivileges that is just before execve, otherwise before it
lets go of its rights. Measured, one call refused at a time."""


def seccomp(reading: Reading) -> Iterator[Finding]:
    found = reading.members(_BASE)
    if not found:
        return
    if not found.get("defaultAction") and not found.get("syscalls"):
        message = "without a default action and rules there is no filter at all"
        yield Finding(_BASE, _WARNING, "no-filter", message)
        return
    yield from _whole(reading, found)
    default = found.get("defaultAction", "")
    for pointer, rule in reading.elements(f"{_BASE}/syscalls"):
        yield from _rule(pointer, rule, found)
    if default not in WORDS["seccomp_action"]:
        return
    if (place := _stops_start(reading, default, ("futex",))) is not None:
        message = "without futex runc, which waits for its own threads by it, starts the program only now and then"
        yield Finding(place[0], _WARNING, "stops-start", message, "Allow futex.")
    needed = _LATE if reading.at("/process/noNewPrivileges") else _LATE + _EARLY
    if place := _stops_start(reading, default, needed) or _stops_look(reading, default):
        pointer, name = place
        message = f"this filter lets no program start: it stops {name}, which runc needs for that"
        yield Finding(pointer, _ERROR, "stops-start", message, f"Allow {name}.")


def _whole(reading: Reading, found: dict[str, Any]) -> Iterator[Finding]:
    default = found.get("defaultAction", "")
    yield from _action(f"{_BASE}/defaultAction", default)
    if default == "SCMP_ACT_NOTIFY":
        message = "SCMP_ACT_NOTIFY cannot be the default: runc could not hand over the listener"
        yield Finding(f"{_BASE}/defaultAction", _ERROR, "notify", message)
    yield from _errno(f"{_BASE}/defaultErrnoRet", found.get("defaultErrnoRet"), default)
    if found.get("flags"):
        if not reading.new_runc:
            yield Finding(f"{_BASE}/flags", _ERROR, "newer", "runc 1.1 refuses every flag", "Leave flags out.")
        for pointer, flag in reading.elements(f"{_BASE}/flags"):
            if flag not in WORDS["seccomp_flag"]:
                hint = suggestion(flag, WORDS["seccomp_flag"])
                yield Finding(pointer, _ERROR, "unknown-word", f"there is no flag {visible(flag)[:60]!r}", hint)
    known = WORDS["seccomp_architecture"] - (frozenset() if reading.new_runc else _NEW_ARCHITECTURES)
    big = reading.facts is not None and reading.facts.platform.architecture in ("s390x", "ppc64")
    for pointer, name in reading.elements(f"{_BASE}/architectures"):
        if name not in known:
            message = f"there is no architecture {visible(name)[:60]!r}"
            yield Finding(pointer, _ERROR, "unknown-word", message, suggestion(name, known))
        elif reading.facts is not None and (name in _BIG_ENDIAN) != big:
            message = "one filter cannot cover machines of both byte orders"
            yield Finding(pointer, _ERROR, "byte-order", message)


def _rule(pointer: str, rule: dict[str, Any], found: dict[str, Any]) -> Iterator[Finding]:
    action, names = rule.get("action", ""), rule.get("names") or []
    yield from _action(f"{pointer}/action", action)
    if not names:
        yield Finding(f"{pointer}/names", _WARNING, "no-names", "this rule is about no system call")
        return
    for number, name in enumerate(names):
        if not name:
            yield Finding(f"{pointer}/names/{number}", _ERROR, "no-names", "the name of a system call is empty")
        elif name not in WORDS["system_call"]:
            message = f"there is no system call {visible(name)[:60]!r}; runc passes over it"
            near = suggestion(name, WORDS["system_call"])
            yield Finding(f"{pointer}/names/{number}", _WARNING, "unknown-word", message, near)
    if action == "SCMP_ACT_NOTIFY" and "write" in names:
        yield Finding(f"{pointer}/names", _ERROR, "notify", "SCMP_ACT_NOTIFY cannot be used for write")
    if action == "SCMP_ACT_NOTIFY" and not found.get("listenerPath"):
        message = "SCMP_ACT_NOTIFY needs the socket of a listener"
        yield Finding(f"{pointer}/action", _ERROR, "notify", message, "Set linux.seccomp.listenerPath.")
    yield from _errno(f"{pointer}/errnoRet", rule.get("errnoRet"), action)
    for index, condition in enumerate(rule.get("args") or ()):
        place = f"{pointer}/args/{index}"
        operator = condition.get("op", "")
        if operator not in WORDS["seccomp_operator"]:
            message = f"there is no operator {visible(operator)[:60]!r}" if operator else "the operator is missing"
            yield Finding(
                f"{place}/op", _ERROR, "unknown-word", message, suggestion(operator, WORDS["seccomp_operator"])
            )
        if condition.get("index", 0) > 5:
            yield Finding(f"{place}/index", _ERROR, "range", "system calls have six arguments, 0 to 5")


def _action(pointer: str, action: str) -> Iterator[Finding]:
    known = WORDS["seccomp_action"]
    if action not in known:
        message = f"there is no action {visible(action)[:60]!r}" if action else "the action is missing"
        yield Finding(pointer, _ERROR, "unknown-word", message, suggestion(action.upper(), known))


def _errno(pointer: str, number: int | None, action: str) -> Iterator[Finding]:
    if number is None:
        return
    if action == "SCMP_ACT_ERRNO" and number > _MAX_ERRNO:
        yield Finding(pointer, _ERROR, "range", f"an error number is at most {_MAX_ERRNO}")
    elif action not in ("SCMP_ACT_ERRNO", "SCMP_ACT_TRACE"):
        yield Finding(pointer, _WARNING, "no-effect", "this counts for SCMP_ACT_ERRNO and SCMP_ACT_TRACE alone")


def _stops_look(reading: Reading, default: str) -> tuple[str, str] | None:
    """As _stops_start, of the look whether there is a program: where the newer call fails runc takes the older one."""
    newer = _stops_start(reading, default, ("faccessat2",))
    if newer is None or reading.at("/process/noNewPrivileges"):
        return None
    action = reading.at(f"{_BASE}/defaultAction") if newer[0] == f"{_BASE}/defaultAction" else None
    if action is None:
        action = next((r.get("action") for p, r in reading.elements(f"{_BASE}/syscalls") if f"{p}/action" == newer[0]))
    return newer if action not in _FAILING else _stops_start(reading, default, ("faccessat",))


def _stops_start(reading: Reading, default: str, needed: tuple[str, ...]) -> tuple[str, str] | None:
    """The pointer of what keeps runc from a system call that it needs, and the call; None where nothing does."""
    named: set[str] = set()
    for pointer, rule in reading.elements(f"{_BASE}/syscalls"):
        names = rule.get("names") or ()
        stops = rule.get("action") in _DEADLY and not rule.get("args") and rule.get("action") != default
        for name in needed:
            if name in names and name not in named:
                if stops:
                    return f"{pointer}/action", name
                named.add(name)
    if default in _DEADLY:
        for name in needed:
            if name not in named:
                return f"{_BASE}/defaultAction", name
    return None
