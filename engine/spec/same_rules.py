"""Which rule of a seccomp filter is which in another version of it: none has a name, and some have the same calls.

First those that are equal, then those of the same system calls, then of the rest those that do the same to system
calls of which some are the same; what is left has no fellow.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any


def same_rules(before: list[Any], after: list[Any]) -> dict[int, int]:
    """The index that a rule had, by the one that it has now."""
    pairs: dict[int, int] = {}
    for key in (_whole, _calls_and_arguments, _calls):
        _pair(before, after, pairs, key)
    taken = set(pairs.values())
    alike = sorted(
        (-share, now, was)
        for now, value in enumerate(after)
        if now not in pairs
        for was, other in enumerate(before)
        if was not in taken and _deed(other) == _deed(value) and (share := _shared(other, value))
    )
    for _, now, was in alike:
        if now not in pairs and was not in taken:
            pairs[now] = was
            taken.add(was)
    return pairs


def _pair(before: list[Any], after: list[Any], pairs: dict[int, int], key: Callable[[Any], str]) -> None:
    """Those of one key, in their order."""
    waiting: defaultdict[str, deque[int]] = defaultdict(deque)
    taken = set(pairs.values())
    for index, value in enumerate(before):
        if index not in taken:
            waiting[key(value)].append(index)
    for index, value in enumerate(after):
        if index not in pairs and (found := waiting.get(key(value))):
            pairs[index] = found.popleft()


def _whole(rule: Any) -> str:
    return json.dumps(rule, sort_keys=True)


def _calls(rule: Any) -> str:
    names = rule.get("names") if isinstance(rule, dict) else None
    return json.dumps(sorted(map(str, names))) if isinstance(names, list) and names else _whole(rule)


def _calls_and_arguments(rule: Any) -> str:
    return _calls(rule) + (_whole(rule.get("args")) if isinstance(rule, dict) else "")


def _deed(rule: Any) -> str:
    """What it does to its system calls."""
    return _whole({key: value for key, value in rule.items() if key != "names"}) if isinstance(rule, dict) else ""


def _shared(one: Any, other: Any) -> float:
    """How much of the system calls of both are those of each, from 0 to 1."""
    sides = [side.get("names") if isinstance(side, dict) else None for side in (one, other)]
    first, second = (set(map(str, side)) if isinstance(side, list) else set() for side in sides)
    return len(first & second) / max(len(first | second), 1)
