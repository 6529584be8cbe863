"""Lines made of a template, as podman's --format has them: `{{.Names}} {{.Status}}`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from engine import UsageError, visible

_PLACE = re.compile(r"\{\{\s*(.*?)\s*\}\}")
_HINT = "What can stand there is a path, {{.name}}, or {{json .name}}; no range, if, or function."


def filled(template: str, field: Callable[[str], str]) -> str:
    """The template with `field(words)` in place of each `{{words}}`; `\\t` and `\\n` are what they are in Go's.

    Raises UsageError where a `{{` has no end.
    """
    if "{{" in _PLACE.sub("", template):
        raise UsageError(f"{visible(template)[:60]!r}: a {{{{ without its }}}}", hint=_HINT)
    return _PLACE.sub(lambda match: field(match[1]), template.replace("\\t", "\t").replace("\\n", "\n"))


def at_path(document: Any, words: str) -> str:
    """What stands in a JSON document at `.a.b`, as text, or with `json .a.b` as JSON.

    A name is found as podman writes it, too: `.ExitCode` is "exit_code". An item of a list is its number. Raises
    UsageError for what is not there.
    """
    as_json, path = words.startswith("json "), words.removeprefix("json ").strip()
    if not path.startswith("."):
        raise UsageError(f"not a field: {visible(words)[:40]!r}", hint=_HINT)
    value = document
    for name in filter(None, path.split(".")):
        known = _names(value)
        found = known.get(name, known.get(_plain(name)))
        if found is None:
            there = ", ".join(f".{key}" for key in _own_names(value)) or "nothing below it"
            raise UsageError(f"there is no {visible(path)[:60]!r}: no {visible(name)[:40]!r}", hint=f"There: {there}")
        value = value[found]
    if isinstance(value, str) and not as_json:
        return visible(value)
    if value is None and not as_json:
        return ""
    return json.dumps(value, ensure_ascii=True)


def _own_names(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value)
    return list(range(len(value))) if isinstance(value, list) else []


def _names(value: Any) -> dict[str, Any]:
    """Each name that a field can be asked for by, and its key or index."""
    own = _own_names(value)
    return {_plain(str(key)): key for key in reversed(own)} | {str(key): key for key in own}


def _plain(name: str) -> str:
    return name.replace("_", "").casefold()
