"""What is loaded when, and who may import whom."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
DUMP = """
import atexit, sys
atexit.register(lambda: print("loaded:", *sorted(sys.modules), file=sys.stderr))
"""


def loaded_by(code: str) -> set[str]:
    """The top-level names of all modules that a fresh interpreter has after `code`."""
    done = subprocess.run(
        [sys.executable, "-c", DUMP + code], cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    names = done.stderr.rpartition("loaded:")[2].split()
    assert "sys" in names
    return {name.partition(".")[0] for name in names}


def test_the_engine_loads_neither_screen_nor_network() -> None:
    assert loaded_by("import engine") & {"textual", "rich", "requests", "click", "tui"} == set()


def test_the_facade_loads_neither_screen_nor_network() -> None:
    assert loaded_by("from engine import Workbench") & {"textual", "rich", "requests", "tui"} == set()


HELP = """
import runpy, sys
sys.argv = ["cutaway", *{words!r}]
try:
    runpy.run_module("tui", run_name="__main__")
except SystemExit as end:
    assert not end.code, end.code
"""


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["run", "--help"]])
def test_help_loads_neither_screen_nor_network(words: list[str]) -> None:
    assert loaded_by(HELP.format(words=words)) & {"textual", "rich", "requests"} == set()


LISTS = """
import runpy, sys
sys.argv = ["cutaway", "--root", {root!r}, "ps"]
try:
    runpy.run_module("tui", run_name="__main__")
except SystemExit as end:
    assert not end.code, end.code
"""
HEAVY = {
    "_hashlib",
    "_json",
    "concurrent",
    "dataclasses",
    "difflib",
    "random",
    "requests",
    "secrets",
    "shutil",
    "socket",
    "ssl",
    "tempfile",
}
"""Of the standard library and others, what takes milliseconds to load."""


LATER = "from engine import later; later.install(); "  # as both programs begin


def test_a_list_of_containers_loads_nothing_heavy(tmp_path: Path) -> None:
    assert loaded_by(LISTS.format(root=str(tmp_path))) & HEAVY == set()


def test_what_makes_and_starts_containers_loads_nothing_heavy() -> None:
    code = "import engine.cli.main, engine.cli.containers, engine.drafting, engine.launching, engine.spec.generate"
    assert loaded_by(LATER + code) & HEAVY == set()


def test_a_clean_up_loads_nothing_heavy() -> None:
    assert loaded_by(LATER + "import engine.cleanup") & (HEAVY | {"click"}) == set()


def test_contracts_of_import_linter_hold() -> None:
    pytest.importorskip("importlinter")
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-logo", "--no-cache"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_command_tree_loads_no_facade() -> None:
    """It is there before the screen is painted; the engine comes after."""
    heavy = {"engine.workbench", "engine.spec", "engine.store"}
    code = f"import engine.cli.main, sys; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, check=True)
