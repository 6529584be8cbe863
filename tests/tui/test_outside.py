"""Somebody's own editor and pager: which program, and what is said of one that cannot be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import UsageError
from tui import outside


def test_an_editor_is_visual_before_editor() -> None:
    assert outside.editor({"VISUAL": "code --wait", "EDITOR": "nano"}) == ["code", "--wait"]
    assert outside.editor({"VISUAL": " ", "EDITOR": "nano"}) == ["nano"]


def test_what_no_shell_could_read_is_told_with_its_variable() -> None:
    with pytest.raises(UsageError, match=r"\$PAGER"):
        outside.pager({"PAGER": "less '"})


def test_without_one_the_usual_are_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="no pager"):
        outside.pager({})
    (tmp_path / "more").touch(0o755)
    assert outside.pager({}) == [str(tmp_path / "more")]


def test_a_program_that_is_not_there_is_no_defect(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        outside.run([str(tmp_path / "nowhere")], tmp_path)


def test_a_signal_counts_as_a_shell_counts_it(tmp_path: Path) -> None:
    assert outside.run(["sh", "-c", "kill -TERM $$"], tmp_path) == 128 + 15


def test_what_a_failed_editor_wrote_is_not_taken() -> None:
    with pytest.raises(UsageError, match="ended with 3"):
        outside.edit("{}", ["sh", "-c", 'echo x > "$0"; exit 3'])
