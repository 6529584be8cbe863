"""A config.json as runc reads it: Go's decoder takes keys in any case, the last of two, and null for nothing.

What it would refuse or pass over is collected on the way; the rules then judge what is left.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from engine.host import HostFacts
from engine.spec.diagnostics import Severity
from engine.spec.fields import Field, children, table
from engine.spec.provenance import escape, tokens
from engine.spec.vocabulary import suggestion
from engine.text import visible


class Finding(NamedTuple):
    """One thing that is wrong, at a pointer as runc reads it."""

    pointer: str
    severity: Severity
    code: str
    message: str
    hint: str = ""


class _MinusZero(int):
    """-0, which Go's decoder does not take for a number without a sign."""


def _integer(text: str) -> int:
    return _MinusZero(0) if text == "-0" else int(text)


class _Members(list[tuple[str, Any]]):
    """A JSON object with all its members, in order, twice given ones included."""


def nothing(path: str) -> bool:
    """No namespace is made before runc starts."""
    return False


@dataclass
class Reading:
    """The values that runc sees, by the runtime-spec's own names, and what was found while reading.

    `bundle` is the directory of the config.json where that is known; `facts` is None where nothing may depend on this
    machine. `spelt` maps a pointer of a renamed member to the pointer that the text has.
    """

    value: dict[str, Any] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    facts: HostFacts | None = None
    bundle: Path | None = None
    spelt: dict[str, str] = field(default_factory=dict)
    will_be_made: Callable[[str], bool] = nothing
    """Whether the namespace at a path is made before runc starts."""
    own_root: Path | None = None
    """The root filesystem of the container that the file is for; None where it is for none."""
    real_paths: dict[str, str] = field(default_factory=dict)
    under_files: dict[str, bool] = field(default_factory=dict)
    """What rules have seen on this host already, by path: it is one look, and each path is looked at once."""

    @property
    def new_runc(self) -> bool:
        """Whether the runc that will be used is 1.2 or later, which knows more of the spec."""
        runc = self.facts.runc if self.facts else None
        return runc is not None and runc.numbers >= (1, 2, 0)

    @property
    def runc_of_debian(self) -> bool:
        """Whether it is Debian's or Ubuntu's, which is built with a later runtime-spec than its own: it decodes what it
        then ignores."""
        runc = self.facts.runc if self.facts else None
        return runc is not None and "+ds" in runc.version

    def at(self, pointer: str) -> Any:
        """The value at a pointer; None where there is none."""
        value: Any = self.value
        for token in tokens(pointer):
            value = value.get(token) if isinstance(value, dict) else None
        return value

    def members(self, pointer: str) -> dict[str, Any]:
        """The object at a pointer; empty where there is none."""
        value = self.at(pointer)
        return value if isinstance(value, dict) else {}

    def elements(self, pointer: str) -> list[tuple[str, Any]]:
        """The elements of the array at a pointer, each with its pointer."""
        value = self.at(pointer)
        return [(f"{pointer}/{n}", v) for n, v in enumerate(value)] if isinstance(value, list) else []

    def namespace(self, kind: str) -> dict[str, Any] | None:
        """The entry of linux.namespaces of a kind; None where the container shares runc's own."""
        return next((entry for _, entry in self.elements("/linux/namespaces") if entry.get("type") == kind), None)

    def file_in_root(self) -> Path | None:
        """The root directory as a path of this host, where it can be known."""
        path = self.at("/root/path")
        if not isinstance(path, str) or not path or "\0" in path or (self.bundle is None and not path.startswith("/")):
            return None
        return (self.bundle or Path("/")) / path

    @cached_property
    def root_directory(self) -> Path | None:
        """The root directory, where it can be seen, and is there."""
        base = self.file_in_root()
        return base if base is not None and os.path.isdir(base) else None

    @cached_property
    def filesystems(self) -> frozenset[str] | None:
        """What this kernel can mount now; None where it does not say."""
        try:
            return frozenset(line.split()[-1] for line in Path("/proc/filesystems").read_text().splitlines())
        except OSError:
            return None

    def actual(self, pointer: str) -> str:
        """A pointer as the text spells it."""
        parts = pointer.split("/")
        for end in range(len(parts), 1, -1):
            known = self.spelt.get("/".join(parts[:end]))
            if known is not None:
                return "/".join([known, *parts[end:]])
        return pointer


def read(text: str, *, facts: HostFacts | None, bundle: Path | None) -> Reading:
    """Read a text that is JSON."""
    reading = Reading(facts=facts, bundle=bundle)
    value = json.JSONDecoder(object_pairs_hook=_Members, parse_int=_integer).raw_decode(text.lstrip(" \t\r\n"))[0]
    if isinstance(value, _Members):
        reading.value = _object(reading, value, "", "", "")
    else:
        reading.findings.append(
            Finding("", Severity.ERROR, "type", f"a config.json is an object, and this is {_called(value)}")
        )
    return reading


def _object(reading: Reading, members: _Members, pattern: str, pointer: str, text_pointer: str) -> dict[str, Any]:
    known = children().get(pattern, {})
    folded = {_folded(name): name for name in known}
    free = known.get("*")
    found: dict[str, Any] = {}
    seen: dict[str, str] = {}
    for key, value in members:
        name = key if key in known or free else folded.get(_folded(key), key)
        here, there = f"{pointer}/{escape(name)}", f"{text_pointer}/{escape(key)}"
        if here != there:
            reading.spelt[here] = there
        if name in seen:
            reading.findings.append(
                Finding(here, Severity.WARNING, "duplicate", f"{visible(key)!r} stands here twice; the last counts")
            )
        seen[name] = key
        entry = free or known.get(name)
        if entry is None:
            _unknown(reading, here, key, list(known))
            continue
        if name != key:
            reading.findings.append(
                Finding(
                    here,
                    Severity.WARNING,
                    "case",
                    f"{visible(key)!r} is spelt {name!r}; runc takes it, other tools do not",
                    f"Write {name!r}.",
                )
            )
        read_value = _value(reading, value, entry, here, there)
        if read_value is None:
            if value is None and free and entry.kind in ("object", "string"):
                found[name] = {} if entry.kind == "object" else ""  # Go's zero value
            elif value is None and entry.kind in ("object", "map", "array") and entry.pattern not in _NEVER_NULL:
                found.pop(name, None)  # a second one, null, takes the first away
            continue
        if isinstance(read_value, dict) and isinstance(found.get(name), dict):
            _merge(found[name], read_value)  # Go decodes into what is already there
        else:
            found[name] = read_value
    return found


_NEVER_NULL = frozenset({"/process/user"})
"""Objects that are part of their parent in Go, not behind a pointer."""

_GO_FOLDS = str.maketrans({"\u017f": "s", "\u212a": "k"} | {chr(n): chr(n + 32) for n in range(ord("A"), ord("Z") + 1)})


def _folded(key: str) -> str:
    """A key as Go's decoder compares it: ASCII letters in either case, and the two signs that fold to such."""
    return key.translate(_GO_FOLDS)


def _merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _value(reading: Reading, value: Any, entry: Field, pointer: str, text_pointer: str) -> Any:
    """The value as runc's decoder takes it; None for null and what it refuses."""
    if entry.foreign:
        _foreign(reading, value, entry, pointer)
        return None
    if entry.newer and not reading.new_runc:
        if entry.decoded_early and reading.runc_of_debian and value is not None and not _fits(value, entry):
            said = f"{entry.type_text} is wanted here, and this is {_called(value)}"
            reading.findings.append(Finding(pointer, Severity.ERROR, "type", said, _as_example(entry)))
            return None
        reading.findings.append(
            Finding(pointer, Severity.WARNING, "newer", "runc 1.1 does not know this field and ignores it")
        )
        return None
    if value is None:
        return None
    if not _fits(value, entry):
        low, high = entry.low, entry.high
        if entry.kind == "integer" and isinstance(value, int) and not isinstance(value, bool):
            said = f"{value} does not fit: it has to be between {low} and {high}"
        else:
            said = f"{entry.type_text} is wanted here, and this is {_called(value)}"
        reading.findings.append(Finding(pointer, Severity.ERROR, "type", said, _as_example(entry)))
        return None
    if isinstance(value, _Members):
        return _object(reading, value, entry.pattern, pointer, text_pointer)
    if isinstance(value, list):
        element = table()[entry.pattern + "/*"]
        return [
            _element(reading, item, element, f"{pointer}/{n}", f"{text_pointer}/{n}") for n, item in enumerate(value)
        ]
    return value


def _element(reading: Reading, value: Any, entry: Field, pointer: str, text_pointer: str) -> Any:
    found = _value(reading, value, entry, pointer, text_pointer)
    if found is not None:
        return found
    return {"object": {}, "string": "", "integer": 0}.get(entry.kind)  # Go's zero value


def _fits(value: Any, entry: Field) -> bool:
    match entry.kind:
        case "object" | "map":
            return isinstance(value, _Members)
        case "array":
            return isinstance(value, list) and not isinstance(value, _Members)
        case "string":
            return isinstance(value, str)
        case "bool":
            return isinstance(value, bool)
        case _:
            if not isinstance(value, int) or isinstance(value, bool):
                return False
            return entry.low <= value <= entry.high and (entry.low < 0 or not isinstance(value, _MinusZero))


def _foreign(reading: Reading, value: Any, entry: Field, pointer: str) -> None:
    # runc 1.1 does not know zos at all.
    decoded = entry.kind != "object" or entry.pattern != "/zos" or reading.new_runc or reading.runc_of_debian
    if decoded and value is not None and not _fits(value, entry):
        message = f"{entry.type_text} is wanted here, and this is {_called(value)}"
        reading.findings.append(Finding(pointer, Severity.ERROR, "type", message))
    else:
        reading.findings.append(Finding(pointer, Severity.INFO, "foreign", "this means nothing on Linux"))


def _unknown(reading: Reading, pointer: str, key: str, known: list[str]) -> None:
    reading.findings.append(
        Finding(
            pointer,
            Severity.WARNING,
            "unknown-field",
            f"the runtime-spec knows no {visible(key)[:60]!r} here; runc passes over it",
            suggestion(key, known),
        )
    )


def _called(value: Any) -> str:
    if isinstance(value, _Members):
        return "an object"
    if isinstance(value, list):
        return "an array"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    return "a number with a fraction or an exponent" if isinstance(value, float) else "a number"


def _as_example(entry: Field) -> str:
    return f"For example {json.dumps(entry.example)}."


def missing_required(reading: Reading) -> Iterator[Finding]:
    """Members that the runtime-spec requires, where their parent is there. runc minds only some of them."""
    for pattern, entry in table().items():
        if not entry.required or entry.newer:
            continue
        parent, _, name = pattern.rpartition("/")
        for pointer, value in _matching(reading.value, parent.split("/")[1:], ""):
            if isinstance(value, dict) and name not in value:
                yield Finding(
                    f"{pointer}/{name}", Severity.WARNING, "missing", f"the runtime-spec requires {name!r} here"
                )


def _matching(value: Any, pattern: list[str], pointer: str) -> Iterator[tuple[str, Any]]:
    if not pattern:
        yield pointer, value
        return
    head, *rest = pattern
    if isinstance(value, dict):
        for key in value if head == "*" else [head] if head in value else ():
            yield from _matching(value[key], rest, f"{pointer}/{escape(key)}")
    elif isinstance(value, list) and head == "*":
        for index, child in enumerate(value):
            yield from _matching(child, rest, f"{pointer}/{index}")
