"""What runc refuses, or surely was not meant, in root, hostname, process and hooks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.spec.diagnostics import Severity
from engine.spec.process import may_raise_limits
from engine.spec.programs import is_executable, why_not_started
from engine.spec.reading import Finding, Reading
from engine.spec.vocabulary import CAPABILITIES, CAPABILITY_NUMBERS, RLIMITS, suggestion
from engine.text import visible

_ERROR, _WARNING = Severity.ERROR, Severity.WARNING
_HIGHEST_ID = 2**31 - 1
_UNLIMITED = 2**64 - 1
_MOST_GROUPS = 65536  # NGROUPS_MAX, setgroups(2)
_MOST_SECONDS = 2**63 // 10**9  # of a hook's timeout, which runc counts in nanoseconds


def root(reading: Reading) -> Iterator[Finding]:
    if reading.at("/root") is None:
        yield Finding("/root", _ERROR, "root-missing", "root must say where the root filesystem is")
        return
    path = reading.at("/root/path")
    if not path:
        yield Finding("/root/path", _ERROR, "root-missing", "root.path is empty: the bundle itself would be the root")
        return
    if "\0" in path:
        yield Finding("/root/path", _ERROR, "root-missing", "a path cannot hold a NUL character")
        return
    own = reading.own_root
    if own is not None and os.path.normpath(own.parent / path) != str(own):
        message = "this is not the container's own root filesystem: nothing of its image is in it, and diff, commit and"
        hint = f"Write {own.name!r} for its own, and a volume for a directory of this host."
        yield Finding("/root/path", _WARNING, "root-elsewhere", f"{message} rm do not know what is written there", hint)
    directory = reading.file_in_root()
    if directory is not None and reading.facts is not None and not os.path.isdir(directory):
        what = "is not a directory" if os.path.exists(directory) else "is not there"
        yield Finding("/root/path", _ERROR, "root-missing", f"the root filesystem {visible(path)} {what}")
    elif directory is not None and reading.facts is not None:
        # runc compares the path, from the bundle's own place on, with the one without links.
        bundle = os.path.realpath(reading.bundle or "/")
        if os.path.normpath(os.path.join(bundle, path)).replace("//", "/", 1) != (real := os.path.realpath(directory)):
            message = "this path leads through a symbolic link, and runc refuses that"
            yield Finding("/root/path", _ERROR, "root-link", message, f"Write {visible(real)[:200]!r}.")


def hostname(reading: Reading) -> Iterator[Finding]:
    name = reading.at("/hostname")
    if not name:
        return
    if len(name.encode("utf-8", "replace")) > 64:
        yield Finding("/hostname", _ERROR, "hostname", "a host name has at most 64 bytes (sethostname(2))")
    elif not all(letter.isascii() and (letter.isalnum() or letter in "-.") for letter in name):
        yield Finding(
            "/hostname", _WARNING, "hostname", "a host name is made of letters, digits, - and dots (RFC 1123)"
        )
    if reading.namespace("uts") is None:
        message = "a host name of its own needs a UTS namespace of its own"
        yield Finding("/hostname", _ERROR, "hostname", message, 'Add {"type": "uts"} to linux.namespaces.')


def process(reading: Reading) -> Iterator[Finding]:
    if reading.at("/process") is None:
        yield Finding("/process", _ERROR, "process-missing", "process must say what runs")
        return
    yield from _args(reading)
    yield from _env(reading)
    for pointer, number in [
        *((f"/process/user/{key}", reading.at(f"/process/user/{key}")) for key in ("uid", "gid")),
        *reading.elements("/process/user/additionalGids"),
    ]:
        if number is not None and number > _HIGHEST_ID:
            yield Finding(pointer, _ERROR, "id-range", f"runc takes users and groups up to {_HIGHEST_ID}")
    if len(reading.elements("/process/user/additionalGids")) > _MOST_GROUPS:
        message = f"a process has at most {_MOST_GROUPS} groups"
        yield Finding("/process/user/additionalGids", _ERROR, "range", message)
    umask = reading.at("/process/user/umask")
    if umask is not None and umask > 0o777:
        yield Finding(
            "/process/user/umask", _WARNING, "umask", "only the lowest nine bits count: 18 is 0022, 63 is 0077"
        )
    yield from _score(reading)
    yield from _labels(reading)


def _args(reading: Reading) -> Iterator[Finding]:
    args = reading.at("/process/args")
    if not args:
        yield Finding("/process/args", _ERROR, "args", "nothing to run is given", 'For example "args": ["sh"].')
        return
    if not args[0]:
        yield Finding("/process/args/0", _ERROR, "args", "the program's name is empty")
    for pointer, word in reading.elements("/process/args"):
        if "\0" in word:
            yield Finding(pointer, _ERROR, "nul", "an argument cannot hold a NUL character")


def _env(reading: Reading) -> Iterator[Finding]:
    seen: set[str] = set()
    for pointer, entry in reading.elements("/process/env"):
        name, equals, _ = entry.partition("=")
        if not equals:
            yield Finding(
                pointer, _ERROR, "env", "a variable is written NAME=VALUE", f'Write "{visible(entry)[:40]}=".'
            )
        elif not name:
            yield Finding(pointer, _ERROR, "env", "this variable has no name")
        elif "\0" in entry:
            yield Finding(pointer, _ERROR, "nul", "a variable cannot hold a NUL character")
        elif name in seen:
            yield Finding(pointer, _WARNING, "env", f"{visible(name)[:60]} is set twice; the last counts")
        seen.add(name)
    args = reading.at("/process/args") or []
    if "PATH" not in seen and args and args[0] and "/" not in args[0]:
        message = f"{visible(args[0])[:60]!r} cannot be found: the environment has no PATH"
        yield Finding("/process/args/0", _ERROR, "no-path", message, "Set PATH in process.env, or give a whole path.")


def _score(reading: Reading) -> Iterator[Finding]:
    score, pointer = reading.at("/process/oomScoreAdj"), "/process/oomScoreAdj"
    if score is None:
        return
    if not -1000 <= score <= 1000:
        yield Finding(pointer, _ERROR, "range", "it goes from -1000 to 1000")
    elif reading.facts is not None and not may_raise_limits(reading.facts) and score < _own_score():
        yield Finding(pointer, _ERROR, "range", f"this process may not go below its own {_own_score()}")


def _own_score() -> int:
    try:
        return int(Path("/proc/self/oom_score_adj").read_text())
    except (OSError, ValueError):
        return 0


def _labels(reading: Reading) -> Iterator[Finding]:
    if reading.facts is None:
        return
    for pointer in ("/process/selinuxLabel", "/linux/mountLabel"):
        if reading.at(pointer) and not os.path.exists(Path("/sys/fs/selinux/enforce")):
            yield Finding(pointer, _ERROR, "selinux", "this host has no SELinux", "Leave the label out.")
    if reading.at("/process/apparmorProfile"):
        try:
            enabled = Path("/sys/module/apparmor/parameters/enabled").read_text().strip() == "Y"
        except OSError:
            enabled = False
        if not enabled:
            message = "this host has no AppArmor"
            yield Finding("/process/apparmorProfile", _ERROR, "apparmor", message, "Leave the profile out.")


def capabilities(reading: Reading) -> Iterator[Finding]:
    base = "/process/capabilities"
    sets: dict[str, set[str]] = {}
    for kind in ("bounding", "effective", "permitted", "inheritable", "ambient"):
        found: set[str] = set()
        for pointer, name in reading.elements(f"{base}/{kind}"):
            if name not in CAPABILITIES:
                yield _unknown_capability(pointer, name)
            elif name in found:
                yield Finding(pointer, _WARNING, "duplicate", f"{name} is listed twice")
            found.add(name)
        sets[kind] = found & CAPABILITIES
    joined = reading.namespace("user")
    if reading.facts is not None and (joined is None or joined.get("path")):  # a new one has all of them
        ours = {name for name, number in CAPABILITY_NUMBERS.items() if number in reading.facts.bounding}
        for kind in ("permitted", "inheritable"):
            for name in sorted(sets[kind] - ours):
                message = f"this process does not have {name} itself, so runc cannot give it"
                yield Finding(_place(reading, base, kind, name), _ERROR, "capability", message)
    for kind, within in (("effective", "permitted"), ("inheritable", "bounding")):
        for name in sorted(sets[kind] - sets[within]):
            message = f"{name} cannot be {kind} without being {within}"
            yield Finding(_place(reading, base, kind, name), _ERROR, "capability", message)
    for name in sorted(sets["ambient"] - (sets["permitted"] & sets["inheritable"])):
        message = f"{name} has no effect here: an ambient capability must be permitted and inheritable too"
        yield Finding(_place(reading, base, "ambient", name), _WARNING, "capability", message)


def _place(reading: Reading, base: str, kind: str, name: str) -> str:
    return next(pointer for pointer, found in reading.elements(f"{base}/{kind}") if found == name)


def _unknown_capability(pointer: str, name: str) -> Finding:
    upper = name.upper()
    upper = upper if upper.startswith("CAP_") else f"CAP_{upper}"
    return Finding(
        pointer,
        _WARNING,
        "unknown-word",
        f"there is no capability {visible(name)[:60]!r}; runc passes over it",
        suggestion(upper, CAPABILITIES),
    )


def rlimits(reading: Reading) -> Iterator[Finding]:
    seen: set[str] = set()
    for pointer, limit in reading.elements("/process/rlimits"):
        kind, soft, hard = limit.get("type", ""), limit.get("soft", 0), limit.get("hard", 0)
        if kind not in RLIMITS:
            upper = "RLIMIT_" + kind.upper().removeprefix("RLIMIT_")
            message = f"there is no limit {visible(kind)[:60]!r}" if kind else "the type is missing"
            hint = suggestion(upper, RLIMITS) if kind else ""
            yield Finding(f"{pointer}/type", _ERROR, "unknown-word", message, hint)
            continue
        if kind in seen:
            yield Finding(f"{pointer}/type", _WARNING, "duplicate", f"{kind} is set twice; the last counts")
        seen.add(kind)
        if soft > hard:
            yield Finding(f"{pointer}/soft", _ERROR, "range", "the soft limit is above the hard one")
        elif kind == "RLIMIT_CPU" and hard == 0:
            yield Finding(f"{pointer}/hard", _ERROR, "no-room", "without any CPU time the kernel kills it at once")
        elif soft < _least(reading, kind):
            message = f"with less than {_least(reading, kind)} runc itself cannot start the process"
            yield Finding(f"{pointer}/soft", _ERROR, "no-room", message)
        elif kind == "RLIMIT_AS" and soft < _CAREFUL:
            message = "runc itself takes more than a gigabyte of addresses: it may not be able to start the process"
            yield Finding(f"{pointer}/soft", _WARNING, "no-room", message)
        elif reading.facts is not None and not may_raise_limits(reading.facts):
            ceiling = reading.facts.rlimits.get(kind, (-1, -1))[1]
            if ceiling != -1 and hard > ceiling:
                said = "unlimited" if hard == _UNLIMITED else str(hard)
                message = f"this process may not raise {kind} above its own {ceiling}, and {said} is asked for"
                yield Finding(f"{pointer}/hard", _ERROR, "range", message)


_LEAST = {"RLIMIT_STACK": 8192}
_LEAST_WITH_FILTER = {"RLIMIT_NOFILE": 11, "RLIMIT_AS": 512 << 20, "RLIMIT_DATA": 64 << 20}
"""What runc 1.1 needs under its own limits before it becomes the program; more of it where it makes a filter of system
calls. Measured: below these it failed every time."""

_CAREFUL = 2 << 30  # bytes of RLIMIT_AS; between this and the least it depends on chance


def _least(reading: Reading, kind: str) -> int:
    filtered = bool(reading.members("/linux/seccomp").get("defaultAction"))
    return (_LEAST_WITH_FILTER if filtered else {}).get(kind, _LEAST.get(kind, 0))


_HOOKS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")


def hooks(reading: Reading) -> Iterator[Finding]:
    for kind in _HOOKS:
        # What fails after the container's end stops nothing any more.
        severity = _WARNING if kind == "poststop" else _ERROR
        for pointer, hook in reading.elements(f"/hooks/{kind}"):
            yield from _hook(reading, kind, pointer, hook, severity)
    if reading.at("/hooks/prestart"):
        message = "prestart hooks are deprecated in favour of createRuntime, createContainer and startContainer"
        yield Finding("/hooks/prestart", Severity.INFO, "deprecated", message)


def _hook(reading: Reading, kind: str, pointer: str, hook: dict[str, Any], severity: Severity) -> Iterator[Finding]:
    path, timeout = hook.get("path", ""), hook.get("timeout")
    if timeout is not None and timeout <= 0:
        yield Finding(f"{pointer}/timeout", severity, "range", "a time of 0 or less is over before the hook can run")
    elif timeout is not None and timeout > _MOST_SECONDS:
        message = "runc counts nanoseconds, and so many overflow: the hook may be stopped at once"
        yield Finding(f"{pointer}/timeout", _WARNING, "range", message)
    for key in ("args", "env"):
        for number, word in enumerate(hook.get(key) or ()):
            if "\0" in word:
                yield Finding(f"{pointer}/{key}/{number}", severity, "nul", "this cannot hold a NUL character")
    if not path.startswith("/"):
        yield Finding(f"{pointer}/path", severity, "hook", "a hook is named by an absolute path")
        return
    if reading.facts is None:
        return
    base = Path("/")
    if kind == "startContainer":
        inside = reading.file_in_root()
        if inside is None:
            return
        base = inside
    if not is_executable(base / path.lstrip("/")):
        yield Finding(f"{pointer}/path", severity, "hook", f"there is no program {visible(path)[:80]}")
    elif why := why_not_started(
        base / path.lstrip("/"),
        reading.facts.platform.architecture,
        lambda name: os.path.exists(base / name.lstrip("/")) if name.startswith("/") else None,
    ):
        yield Finding(f"{pointer}/path", severity, "hook", f"{visible(path)[:80]} cannot be started: {why}")
