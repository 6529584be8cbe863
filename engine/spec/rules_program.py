"""What runc or the kernel refuses when the program starts: where it is, what it is, how long its words are."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator

from engine.host import known_holes
from engine.spec.diagnostics import Severity
from engine.spec.process import leaks_descriptor, path_of_process
from engine.spec.programs import is_executable, why_not_started
from engine.spec.reading import Finding, Reading
from engine.spec.seeing import Seen, clean, is_bind, look, too_long
from engine.text import visible

_ERROR, _WARNING = Severity.ERROR, Severity.WARNING
_LONGEST_WORD = 128 * 1024  # bytes with the end; MAX_ARG_STRLEN of execve(2)
_LEAST_WORDS, _MOST_WORDS = 128 * 1024, 6 * 1024 * 1024  # bytes; ARG_MAX and three quarters of _STK_LIM (execve(2))
_POINTER = 8  # bytes


def directory(reading: Reading) -> Iterator[Finding]:
    """process.cwd: runc makes it where it is not there."""
    pointer, cwd = "/process/cwd", reading.at("/process/cwd")
    if reading.at("/process") is None:
        return
    if not cwd:
        yield Finding(pointer, _ERROR, "cwd", "the working directory is missing", 'For example "cwd": "/".')
    elif not cwd.startswith("/"):
        yield Finding(pointer, _ERROR, "cwd", "the working directory has to be an absolute path")
    elif "\0" in cwd:
        yield Finding(pointer, _ERROR, "nul", "a path cannot hold a NUL character")
    elif too_long(cwd):
        yield Finding(pointer, _ERROR, "too-long", "a name in this path is too long: 255 bytes are the most")
    elif leaks_descriptor(cwd):
        runc = reading.facts.runc if reading.facts else None
        leaks = runc is not None and any(cve == "CVE-2024-21626" for cve, _ in known_holes(runc))
        anywhere = path_of_process(cwd)
        what = "can be, by way of a process," if anywhere else "is"
        yield Finding(
            pointer,
            _WARNING if leaks or anywhere or clean(cwd).endswith("/fd") else _ERROR,
            "cwd-leak",
            f"this working directory {what} one of runc's own open files: with runc before 1.1.12 it can lie outside"
            " the container (CVE-2024-21626)",
            "Give a directory of the container.",
        )
    else:
        yield from _made(reading, pointer, cwd)


def _made(reading: Reading, pointer: str, cwd: str) -> Iterator[Finding]:
    seen = look(reading, cwd)
    kind = str((seen.mount or {}).get("type"))
    if seen.mount is not None and kind in ("devpts", "mqueue") and not is_bind(seen.mount):
        if clean(cwd) != clean(seen.mount.get("destination", "")):
            yield Finding(pointer, _ERROR, "cwd", f"no directory can be made in {kind}")
        return
    if not seen.known or seen.path is None:
        return
    if os.path.isdir(seen.path):
        return
    if any(os.path.lexists(path) and not os.path.isdir(path) for path in (seen.path, *seen.path.parents)):
        yield Finding(pointer, _ERROR, "cwd", "part of this path is a file in the container")
    elif seen.mount is not None and not is_bind(seen.mount):
        yield Finding(pointer, _ERROR, "cwd", f"it is not there, and cannot be made in {seen.mount.get('type')}")
    elif "ro" in seen.flags:
        where = visible(str(seen.mount.get("destination")))[:80] if seen.mount else ""
        yield Finding(pointer, _ERROR, "cwd", f"it is not there, and {where} is mounted read-only")


def program(reading: Reading) -> Iterator[Finding]:
    """Whether the program is there and can start, where its place can be seen."""
    args = reading.at("/process/args")
    base = reading.file_in_root()
    if reading.facts is None or not args or not args[0] or "\0" in args[0] or base is None or not os.path.isdir(base):
        return
    pointer, name = "/process/args/0", args[0]
    folders = _folders(reading)
    if "/" in name:
        cwd = reading.at("/process/cwd") or "/"
        candidates = [name if name.startswith("/") else f"{cwd}/{name}"]
    elif folders is None:
        return  # told of where the environment is judged
    else:
        candidates = [f"{folder}/{name}" for folder in folders]
    for candidate in candidates:
        if too_long(candidate):
            message = "a name in this path is too long: 255 bytes are the most"
            yield Finding(pointer, _ERROR, "too-long", message)
            return
        if not candidate.startswith("/"):
            place = look(reading, clean(f"{reading.at('/process/cwd') or '/'}/{candidate}"))
            if not place.known:
                return
            if place.path is not None and is_executable(place.path):
                message = f"PATH leads to {visible(name)[:60]!r} by a relative path, and runc refuses that"
                yield Finding(pointer, _ERROR, "not-found", message, "Make every part of PATH absolute.")
                return
            continue
        place = look(reading, candidate)
        if not place.known:
            return
        if _found(reading, candidate, place):
            yield from _startable(reading, pointer, name, place)
            return
    where = f" in {visible(':'.join(folders or ()))[:80] or 'an empty PATH'}" if "/" not in name else ""
    message = f"the root filesystem has no program {visible(name)[:60]!r}{where}"
    yield Finding(pointer, _ERROR, "not-found", message)


def _folders(reading: Reading) -> list[str] | None:
    """The parts of PATH; of several the last counts. None where there is none."""
    found = [entry for entry in reading.at("/process/env") or () if entry.startswith("PATH=")]
    if not found:
        return None
    value = found[-1].removeprefix("PATH=")
    return [folder or "." for folder in value.split(":")] if value else []


def _found(reading: Reading, candidate: str, place: Seen) -> bool:
    return (
        place.path is not None
        and not candidate.endswith("/")
        and is_executable(place.path)
        and not _masked(reading, candidate)
    )


def _masked(reading: Reading, candidate: str) -> bool:
    """Whether a path is hidden by linux.maskedPaths."""
    place = clean(candidate)
    for _, path in reading.elements("/linux/maskedPaths"):
        masked = clean(path)
        if path.startswith("/") and masked != "/" and (place == masked or place.startswith(masked.rstrip("/") + "/")):
            seen = look(reading, masked)
            if seen.path is not None and os.path.exists(seen.path):
                return True
    return False


def _startable(reading: Reading, pointer: str, name: str, place: Seen) -> Iterator[Finding]:
    said = visible(name)[:60]
    if "noexec" in place.flags:
        message = f"{said!r} lies on {visible(str((place.mount or {}).get('destination')))[:60]}, mounted with noexec"
        yield Finding(pointer, _ERROR, "not-executable", message)
        return

    def there(path: str) -> bool | None:
        found = look(reading, clean(path)) if path.startswith("/") else Seen(False)
        if not found.known:
            return None
        return found.path is not None and os.path.exists(found.path) and not _masked(reading, path)

    assert reading.facts is not None
    if place.path is not None and (why := why_not_started(place.path, reading.facts.platform.architecture, there)):
        yield Finding(pointer, _ERROR, "not-executable", f"{said!r} cannot be started: {why}")


def words(reading: Reading) -> Iterator[Finding]:
    """The kernel takes only so much for a program's arguments and environment."""
    total = 0
    longest = ("", 0)
    for base in ("/process/args", "/process/env"):
        for pointer, word in reading.elements(base):
            size = len(word.encode("utf-8", "replace")) + 1
            total += size + _POINTER
            longest = max(longest, (pointer, size), key=lambda each: each[1])
            if size > _LONGEST_WORD:
                message = f"this is too long for Linux: a word has at most {_LONGEST_WORD - 1} bytes"
                yield Finding(pointer, _ERROR, "too-long", message)
    if longest[1] <= _LONGEST_WORD and total > _room(reading):
        message = f"arguments and environment take {total} bytes together, and {_room(reading)} is the most"
        yield Finding(longest[0].rpartition("/")[0], _ERROR, "too-long", message)


def _room(reading: Reading) -> int:
    stack = resource.getrlimit(resource.RLIMIT_STACK)[0] if reading.facts is not None else -1
    for _, limit in reading.elements("/process/rlimits"):
        if limit.get("type") == "RLIMIT_STACK":
            stack = limit.get("soft", 0)
    return max(_LEAST_WORDS, min(_MOST_WORDS, stack // 4 if stack >= 0 else _MOST_WORDS))
