"""The journal."""

from pathlib import Path

from engine.trace import Step, StepKind, append, read

ONE = Step(1.5, 0.25, StepKind.MOUNT, "mount -t overlay …", "3 layers", "buildah mount", "")
TWO = Step(2.0, 0.0, StepKind.RUNTIME, "runc start 'ä\n'", failure="no such file \udcff")


def test_steps_come_back_as_they_were(tmp_path: Path) -> None:
    journal = tmp_path / "trace.jsonl"
    append(journal, [ONE])
    append(journal, [])
    append(journal, [TWO])
    assert read(journal) == [ONE, TWO]
    assert len(journal.read_bytes().splitlines()) == 2


def test_no_journal_is_no_steps(tmp_path: Path) -> None:
    assert read(tmp_path / "none") == []
    append(tmp_path / "none", [])
    assert not (tmp_path / "none").exists()


def test_a_line_torn_by_a_crash_costs_only_itself(tmp_path: Path) -> None:
    journal = tmp_path / "trace.jsonl"
    append(journal, [ONE, TWO])
    for cut in range(1, 60):
        journal.write_bytes(b"")
        append(journal, [ONE, TWO])
        journal.write_bytes(journal.read_bytes()[:-cut])
        append(journal, [ONE])
        assert read(journal) in ([ONE, ONE], [ONE, TWO, ONE])  # the latter if only the line's end was missing


def test_what_is_no_step_is_left_out(tmp_path: Path) -> None:
    journal = tmp_path / "trace.jsonl"
    journal.write_bytes(b'null\n[1]\n{"kind":"mount"}\n{"kind":"nonsense"}\n\xff\xfe\n')
    append(journal, [ONE])
    assert read(journal) == [ONE]


def test_fields_of_a_later_version_are_left_out_not_the_step(tmp_path: Path) -> None:
    journal = tmp_path / "trace.jsonl"
    append(journal, [ONE])
    journal.write_bytes(journal.read_bytes().replace(b'{"time"', b'{"colour": "red", "time"'))
    assert read(journal) == [ONE]
