"""The manual page, from the command tree: every command and option is in it, and roff takes it without a word."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from engine.cli.main import cutaway

CHECKOUT = Path(__file__).parents[2]


def test_all_of_it_is_told_and_roff_complains_of_nothing(tmp_path: Path) -> None:
    page = tmp_path / "man" / "cutaway.1"
    subprocess.run([sys.executable, CHECKOUT / "scripts" / "man.py", page], check=True)
    text = page.read_text()
    for name in cutaway.list_commands(None):  # type: ignore[arg-type]
        escaped = name.replace("-", r"\-")
        assert rf".SS \fB{escaped}" in text, name
    assert r"\-\-cap\-add" in text
    requests = {line.split()[0] for line in text.splitlines() if line.startswith((".", "'"))}
    assert requests <= {".TH", ".SH", ".SS", ".TP", ".B"}
    if groff := shutil.which("groff"):
        said = subprocess.run([groff, "-man", "-ww", "-z", page], capture_output=True, text=True, check=True).stderr
        assert said == ""
