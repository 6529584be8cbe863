"""What runc refuses, or surely was not meant, in root, hostname, process and hooks."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.host import HostFacts
from engine.spec.diagnostics import Severity
from engine.spec.process import leaks_descriptor
from engine.spec.reading import Finding, Reading
from engine.spec.rules_mounts import in_root
from engine.spec.vocabulary import CAPABILITIES, CAPABILITY_NUMBERS, RLIMITS, suggestion
from engine.text import visible

_ERROR, _WARNING = Severity.ERROR, Severity.WARNING
_HIGHEST_ID = 2**31 - 1
_UNLIMITED = 2**64 - 1


def root(reading: Reading) -> Iterator[Finding]:
    if reading.at("/root") is None:
        yield Finding("/root", _ERROR, "root-missing", "root must say where the root filesystem is")
        return
    path = reading.at("/root/path")
    if not path:
        yield Finding("/root/path", _ERROR, "root-missing", "root.path is empty: the bundle itself would be the root")
        return
    directory = reading.file_in_root()
    if directory is not None and reading.facts is not None and not directory.is_dir():
        what = "is not a directory" if directory.exists() else "is not there"
        yield Finding("/root/path", _ERROR, "root-missing", f"the root filesystem {visible(path)} {what}")


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
    yield from _cwd(reading)
    yield from _args(reading)
    yield from _env(reading)
    for pointer, number in [
        *((f"/process/user/{key}", reading.at(f"/process/user/{key}")) for key in ("uid", "gid")),
        *reading.elements("/process/user/additionalGids"),
    ]:
        if number is not None and number > _HIGHEST_ID:
            yield Finding(pointer, _ERROR, "id-range", f"runc takes users and groups up to {_HIGHEST_ID}")
    umask = reading.at("/process/user/umask")
    if umask is not None and umask > 0o777:
        yield Finding(
            "/process/user/umask", _WARNING, "umask", "only the lowest nine bits count: 18 is 0022, 63 is 0077"
        )
    yield from _score(reading)
    yield from _labels(reading)


def _cwd(reading: Reading) -> Iterator[Finding]:
    cwd = reading.at("/process/cwd")
    if not cwd:
        yield Finding("/process/cwd", _ERROR, "cwd", "the working directory is missing", 'For example "cwd": "/".')
    elif not cwd.startswith("/"):
        yield Finding("/process/cwd", _ERROR, "cwd", "the working directory has to be an absolute path")
    elif "\0" in cwd:
        yield Finding("/process/cwd", _ERROR, "nul", "a path cannot hold a NUL character")
    elif leaks_descriptor(cwd):
        runc = reading.facts.runc if reading.facts else None
        yield Finding(
            "/process/cwd",
            _WARNING if runc is not None and runc.numbers < (1, 1, 12) else _ERROR,
            "cwd-leak",
            "this working directory is one of runc's own open files: with runc before 1.1.12 it can lie outside the"
            " container (CVE-2024-21626)",
            "Give a directory of the container.",
        )
    elif (place := in_root(reading, cwd)) is not None and any(path.is_file() for path in (place, *place.parents)):
        yield Finding("/process/cwd", _ERROR, "cwd", "part of this path is a file in the container")


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


def program(reading: Reading) -> Iterator[Finding]:
    """Whether the program is there, where its place can be seen and no mount lies over it."""
    args = reading.at("/process/args")
    base = reading.file_in_root()
    if reading.facts is None or not args or not args[0] or "\0" in args[0] or base is None or not base.is_dir():
        return
    cwd = reading.at("/process/cwd") or "/"
    if "/" in args[0]:
        candidates = [args[0] if args[0].startswith("/") else f"{cwd}/{args[0]}"]
    else:
        found = [entry for entry in reading.at("/process/env") or () if entry.startswith("PATH=")]
        folders = found[-1].removeprefix("PATH=").split(":") if found else []
        candidates = [f"{folder}/{args[0]}" for folder in folders if folder.startswith("/")]
        if not candidates:
            return
    places = [in_root(reading, candidate) for candidate in candidates]
    if all(place is not None and not _executable(place) for place in places):
        where = f" in {visible(':'.join(folders))[:80]}" if "/" not in args[0] else ""
        message = f"the root filesystem has no program {visible(args[0])[:60]!r}{where}"
        yield Finding("/process/args/0", _ERROR, "not-found", message)


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


def may_raise_limits(facts: HostFacts) -> bool:
    """Whether this process has CAP_SYS_RESOURCE."""
    return facts.is_root and CAPABILITY_NUMBERS["CAP_SYS_RESOURCE"] in facts.bounding


def _labels(reading: Reading) -> Iterator[Finding]:
    if reading.facts is None:
        return
    for pointer in ("/process/selinuxLabel", "/linux/mountLabel"):
        if reading.at(pointer) and not Path("/sys/fs/selinux/enforce").exists():
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
    if reading.facts is not None:
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
        elif reading.facts is not None and not may_raise_limits(reading.facts):
            ceiling = reading.facts.rlimits.get(kind, (-1, -1))[1]
            if ceiling != -1 and hard > ceiling:
                said = "unlimited" if hard == _UNLIMITED else str(hard)
                message = f"this process may not raise {kind} above its own {ceiling}, and {said} is asked for"
                yield Finding(f"{pointer}/hard", _ERROR, "range", message)


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
    if not _executable(base / path.lstrip("/")):
        yield Finding(f"{pointer}/path", severity, "hook", f"there is no program {visible(path)[:80]}")


def _executable(path: Path) -> bool:
    """Not by access(2): for root it goes by capabilities, which the container has fewer of."""
    try:
        mode = path.stat().st_mode
        return stat.S_ISREG(mode) and bool(mode & 0o111)
    except (OSError, ValueError):
        return False
