"""What an image says of itself, on a page."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from engine import human_size
from tui.text import plain

_FIELDS = (
    ("Entrypoint", "entrypoint"),
    ("Cmd", "command"),
    ("WorkingDir", "directory"),
    ("User", "user"),
    ("StopSignal", "stop signal"),
    ("ExposedPorts", "ports"),
    ("Volumes", "volumes"),
    ("Env", "environment"),
    ("Labels", "labels"),
)
_MOST = 40


def draw(document: dict[str, Any], next_key: str, muted: str) -> RenderableType:
    """The page; `document` is an image's `inspect`. Everything in it is hostile."""
    image = document.get("config") or {}
    execution = image.get("config") or {}
    layers = (document.get("manifest") or {}).get("layers") or []
    size = sum(layer.get("size", 0) for layer in layers)
    facts = [
        ("platform", [f"{image.get('os', '?')}/{image.get('architecture', '?')}"]),
        ("created", [str(image.get("created") or "the image does not say")]),
        ("layers", [f"{len(layers)}, {human_size(size)} compressed"]),
        ("digest", [str(document.get("digest", ""))]),
    ]
    asked = [(label, values) for key, label in _FIELDS if (values := _values(execution.get(key)))]
    if not asked:
        asked = [("nothing", ["every value of its config.json will be a default"])]
    key = Text("\n")
    key.append(next_key, "bold").append("   make a config.json of this, to look at, change and launch")
    return Group(
        plain(str(document.get("reference", "")), "bold"),
        Text(),
        _rows(facts, muted),
        Text("\nIt asks for", muted),
        _rows(asked, muted),
        key,
    )


def _values(value: Any) -> list[str]:
    if isinstance(value, list):
        return (
            [json.dumps(value, ensure_ascii=False)] if all("=" not in str(v) for v in value) else list(map(str, value))
        )
    if isinstance(value, dict):
        return [f"{key}={text}" if isinstance(text, str) and text else str(key) for key, text in value.items()]
    return [str(value)] if value else []


def _rows(rows: list[tuple[str, list[str]]], muted: str) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(min_width=11, no_wrap=True)
    table.add_column(overflow="fold")
    for label, values in rows:
        for number, value in enumerate(values[:_MOST]):
            text = plain(value)
            text.no_wrap = False
            table.add_row(Text(label if not number else "", muted), text)
        if len(values) > _MOST:
            table.add_row("", Text(f"and {len(values) - _MOST} more", muted))
    return table
