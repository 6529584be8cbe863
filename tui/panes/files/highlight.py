"""Colours for a text, found by another process that may take neither too long nor too much."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

LIMIT = 200_000
"""Characters of a text that are coloured."""

PATIENCE = 5.0
"""Seconds to wait for colours; a text goes without them then."""

_PROGRAM = Path(__file__).with_name("colouring.py")

Spans = dict[int, list[tuple[int, int, str]]]


def spans(name: str, lines: list[str]) -> Spans:
    """By line (from 0): from, to, and what is there. Nothing where the kind of text is unknown, or it takes long."""
    asked = json.dumps({"name": name.rpartition("/")[2], "text": "\n".join(lines)[:LIMIT]})
    try:
        done = subprocess.run(
            # No directory of ours in front of the module path, and nothing of the environment's.
            [sys.executable, "-P", "-E", str(_PROGRAM)],
            input=asked,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
        found: Spans = {}
        for line, start, end, kind in json.loads(done.stdout):
            found.setdefault(line, []).append((start, end, kind))
    except (OSError, subprocess.SubprocessError, ValueError):
        return {}
    return found
