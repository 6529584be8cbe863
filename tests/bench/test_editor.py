"""A key in the editor until it is on the screen: the whole program on a privileged config.json with its full seccomp
profile, beside Textual's own text area with the same text. Each in a pseudo-terminal of its own."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from pseudo_terminal import Program, program

from engine import Job, RunOptions, Workbench
from engine.events import ignore

pytestmark = [pytest.mark.bench, pytest.mark.root]

KEYS = 200
KEY = 0.030  # seconds until it is drawn, 99 of 100
CHECKOUT = Path(__file__).parent.parent.parent
PROFILE = Path("/usr/share/containers/seccomp.json")

KEEP = """
import sys
from pathlib import Path
from engine import Job, RunOptions, Workbench
workbench = Workbench(Path(sys.argv[1]))
options = RunOptions(privileged=True, security_opt=tuple(sys.argv[2:]))
draft = workbench.draft("localhost/cutaway/demo:latest", options, Job("draft", lambda event: None))
workbench.keep(draft, draft.text.replace('"args": [', '"args": [ ', 1))
"""

PLAIN = """
import sys
from textual.app import App
from textual.widgets import TextArea
import tree_sitter_json
from tree_sitter import Language
from tui.panes.config.editor import HIGHLIGHTS
class Plain(App):
    def compose(self):
        yield TextArea(show_line_numbers=True, soft_wrap=False)
    def on_mount(self):
        area = self.query_one(TextArea)
        area.register_language("json", Language(tree_sitter_json.language()), HIGHLIGHTS)
        area.language = "json"
        area.load_text(open(sys.argv[1]).read())
        area.focus()
Plain().run()
"""


def keys(screen: Program) -> tuple[list[float], list[float]]:
    """Seconds until each key is drawn, and of processor time for that; typed as people do: quickly, with a pause now
    and then, in which the text is looked at."""
    took, spent = [], []
    for number in range(1, KEYS + 1):
        before = screen.spent
        took.append(screen.answer(b"Q", b"Q" * (number % 20 or 20)))
        spent.append(screen.spent - before)
        if number % 20 == 0:  # a new word on a line of its own
            screen.press(b"\r")
        screen.idle(0.25 if number % 10 == 0 else 0.06)
    return took, spent


def test_a_key_is_on_the_screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUTAWAY_RUN", str(tmp_path / "run"))
    root = tmp_path / "data"
    workbench = Workbench(root)
    workbench.demo(Job("demo", ignore))
    filters = (f"seccomp={PROFILE}",) if PROFILE.exists() else ()
    options = RunOptions(privileged=True, security_opt=filters)
    text = workbench.draft("localhost/cutaway/demo:latest", options, Job("draft", ignore)).text
    (tmp_path / "config.json").write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    subprocess.run([sys.executable, "-c", KEEP, root, *filters], env=environment, check=True)

    with program([sys.executable, "-m", "tui", "--root", str(root)], environment) as screen:
        screen.wait(b"Unsaved work")
        screen.press(b"\r")
        screen.wait(b"ociVersion")
        screen.idle(3.0)
        screen.press(b"\x1b[B\x1b[F\r")  # down, to the end of the line, a new one
        screen.idle(1.0)
        ours = keys(screen)
    with program([sys.executable, "-c", PLAIN, str(tmp_path / "config.json")], environment) as screen:
        screen.wait(b"ociVersion")
        screen.idle(2.0)
        screen.press(b"\x1b[B\x1b[F\r")
        screen.idle(1.0)
        plain = keys(screen)

    lines = text.count("\n")
    for name, found in (("cutaway", ours), ("textual's own", plain)):
        for kind, seconds in zip(("until drawn", "processor"), found, strict=True):
            median, worst = statistics.median(seconds) * 1000, _p99(seconds) * 1000
            print(f"{name}, {lines} lines, {kind}: median {median:.1f} ms, p99 {worst:.1f} ms")
    assert statistics.median(ours[1]) < statistics.median(plain[1])
    assert _p99(ours[0]) < KEY


def _p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98]
