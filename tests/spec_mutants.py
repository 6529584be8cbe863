"""Changes to a good config.json, each wrong in its own way or only looking so. Whether runc takes it is measured."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import spec_mutants_bundle as bundle
import spec_mutants_kernel as kernel
import spec_mutants_linux as linux
import spec_mutants_odd as odd
import spec_mutants_start as start
from spec_mutants_kit import Config


def mutants(good: Config) -> Iterator[tuple[str, str]]:
    """(name, text) of every mutant."""
    for name, edits in {**bundle.EDITS, **linux.EDITS, **start.EDITS, **kernel.EDITS, **odd.EDITS}.items():
        value = copy.deepcopy(good)
        for pointer, change in edits.items():
            _apply(value, pointer, change)
        yield name, json.dumps(value)
    text = json.dumps(good, indent=1)
    for name, change in {**_TEXTS, **{name: _replace(*pair) for name, pair in kernel.TEXTS.items()}}.items():
        yield name, change(text)


def _apply(value: Any, pointer: str, change: Any) -> None:
    *path, last = pointer.split("/")[1:]
    for token in path:
        value = value[int(token)] if isinstance(value, list) else value.setdefault(token, {})
    key: Any = last
    if isinstance(value, list):
        if last == "-":
            value.append(change)
            return
        key = int(last)
    if change is linux.GONE:
        del value[key]
    else:
        value[key] = change


def _replace(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text, old
        return text.replace(old, new, 1)

    return change


_TEXTS: dict[str, Callable[[str], str]] = {
    "text empty": lambda text: "",
    "text null": lambda text: "null",
    "text a list": lambda text: "[]",
    "text a string": lambda text: '"config"',
    "text an empty object": lambda text: "{}",
    "text cut off": lambda text: text[: len(text) // 2],
    "text followed by more": lambda text: text + "\n}",
    "text followed by words": lambda text: text + "\nand so on",
    "text with a byte order mark": lambda text: "\ufeff" + text,
    "text with a comment": lambda text: "// good\n" + text,
    "text with a comma too many": lambda text: text.rstrip()[:-1] + ",}",
    "text with a missing comma": _replace(",\n", "\n"),
    "text with single quotes": lambda text: text.replace('"', "'"),
    "text with a bare key": _replace('"ociVersion"', "ociVersion"),
    "text with a raw line break": _replace('"ociVersion": "', '"ociVersion": "a\n'),
    "text with a raw tab": _replace('"ociVersion": "', '"ociVersion": "a\t'),
    "text with NaN": _replace('"umask": 18', '"umask": NaN'),
    "text with a plus": _replace('"umask": 18', '"umask": +18'),
    "text with a leading zero": _replace('"umask": 18', '"umask": 018'),
    "text with an exponent": _replace('"umask": 18', '"umask": 1e1'),
    "text with 18.0": _replace('"umask": 18', '"umask": 18.0'),
    "text with hexadecimal": _replace('"umask": 18', '"umask": 0x12'),
    "text with a key twice": _replace('"root": {', '"hostname": "twice", "root": {'),
    "text with cwd twice, bad first": _replace('"cwd":', '"cwd": 5, "cwd":'),
    "text with cwd twice, relative first": _replace('"cwd":', '"cwd": "tmp", "cwd":'),
    "text with a bad escape": _replace('"ociVersion": "', '"ociVersion": "\\x41'),
    "text with a lone surrogate": _replace('"ociVersion": "', '"ociVersion": "\\ud800'),
    "text True": _replace('"allow": false', '"allow": False'),
}
