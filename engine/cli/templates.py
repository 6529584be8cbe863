"""Lines made of a template, as podman's --format has them: `{{.Names}} {{.Status}}`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from engine import UsageError, visible
from engine.cli.console import print_table

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


def field(words: str, fields: Mapping[str, Callable[[], str]], document: Any) -> str:
    """What stands at `words` in one line: one of `fields`, by podman's names, or what `at_path` finds in the document
    that --json prints. Raises UsageError."""
    value = fields.get(words.removeprefix(".")) if words.startswith(".") else None
    if value is not None:
        return visible(value())
    try:
        return at_path(document, words)
    except UsageError as error:
        raise UsageError(error.message, hint=f"There: .{', .'.join(fields)}, and what --json has.") from None


def print_filled(form: str, lines: Sequence[Callable[[str], str]], *, heading: bool) -> None:
    """A line of each; with `table ` before the template in columns, which its tabs divide, with titles."""
    template, as_table = form.removeprefix("table ").replace("\\t", "\t"), form.startswith("table ")
    columns = template.split("\t") if as_table else [template]
    rows = [[filled(column, line) for column in columns] for line in lines]
    if not as_table:
        for (line,) in rows:
            click.echo(line)
        return
    titles = [filled(column, lambda words: words.removeprefix("json ").removeprefix(".").upper()) for column in columns]
    print_table(titles, rows, heading=heading)


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
