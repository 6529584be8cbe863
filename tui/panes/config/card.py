"""What an image says of itself, on a page."""

from __future__ import annotations

import json
from typing import Any

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


def draw(document: dict[str, Any], next_key: str, muted: str) -> Text:
    """The page; `document` is an image's `inspect`. Everything in it is hostile."""
    image = document.get("config") or {}
    execution = image.get("config") or {}
    manifest = document.get("manifest") or {}
    layers = manifest.get("layers") or []
    page = Text()
    page.append_text(plain(str(document.get("reference", "")), "bold")).append("\n\n")
    size = sum(layer.get("size", 0) for layer in layers)
    facts = [
        ("platform", f"{image.get('os', '?')}/{image.get('architecture', '?')}"),
        ("created", str(image.get("created") or "the image does not say")),
        ("layers", f"{len(layers)}, {human_size(size)} compressed"),
        ("digest", str(document.get("digest", ""))),
    ]
    for label, value in facts:
        _row(page, label, [value], muted)
    page.append("\nIt asks for\n", muted)
    asked = False
    for key, label in _FIELDS:
        values = _values(execution.get(key))
        if values:
            asked = True
            _row(page, label, values, muted)
    if not asked:
        page.append("nothing: every value of its config.json will be a default\n")
    page.append("\n")
    page.append(next_key, "bold")
    page.append("   make a config.json of this, to look at, change and launch")
    return page


def _values(value: Any) -> list[str]:
    if isinstance(value, list):
        return (
            [json.dumps(value, ensure_ascii=False)] if all("=" not in str(v) for v in value) else list(map(str, value))
        )
    if isinstance(value, dict):
        return [f"{key}={text}" if isinstance(text, str) and text else str(key) for key, text in value.items()]
    return [str(value)] if value else []


def _row(page: Text, label: str, values: list[str], muted: str) -> None:
    for number, value in enumerate(values[:_MOST]):
        page.append(f"{label if not number else '':<12}", muted)
        page.append_text(plain(value)).append("\n")
    if len(values) > _MOST:
        page.append(f"{'':<12}and {len(values) - _MOST} more\n", muted)
