"""What is drawn, its colours and its places, beside what was drawn before.

`export_screenshot`'s picture, brought to lines of place, style and text, so that a difference can be read. Where a
change is meant: CUTAWAY_RECORD=1 .venv/bin/python -m pytest tests/tui/test_*pictures.py
"""

from __future__ import annotations

import difflib
import html
import os
import re
from pathlib import Path

RECORDED = Path(__file__).parent / "recorded" / "screens"


def compare(name: str, seen: list[str]) -> None:
    """Fail where it is not what was recorded."""
    path = RECORDED / name
    if os.environ.get("CUTAWAY_RECORD"):
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(seen) + "\n")
    before = path.read_text().splitlines()
    assert seen == before, "\n".join(difflib.unified_diff(before, seen, f"recorded {name}", "now", lineterm="", n=0))


def lines(svg: str) -> list[str]:
    """Row, column, style and text of each run of characters, and the ground that it stands on."""
    styles = {name: rule.strip() for name, rule in re.findall(r"\.terminal-\S*?-(r\d+) \{([^}]*)\}", svg)}
    found = []
    for color, x, y, width in re.findall(r'<rect fill="(#\w+)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"', svg):
        place = f"{round((float(y) - 1.5) / 24.4):3} {round(float(x) / 12.2):3}"
        found.append(f"{place} ground {color} {round(float(width) / 12.2)}")
    pattern = r'<text class="\S*?-(r\d+)" x="([\d.]+)" y="([\d.]+)"[^>]*>(.*?)</text>'
    for style, x, y, text in re.findall(pattern, svg):
        shown = html.unescape(text).replace("\xa0", " ").rstrip()
        if shown:
            found.append(f"{round((float(y) - 18.5) / 24.4):3} {round(float(x) / 12.2):3} {styles[style]} {shown}")
    return sorted(found)
