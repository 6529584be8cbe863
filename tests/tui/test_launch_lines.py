"""The command lines that launch what is being written."""

from __future__ import annotations

import shlex

import msgspec
import pytest

from engine import Draft, Provenance, RunOptions
from tui.state import Writing

DRAFT = Draft(
    image="i",
    image_digest="",
    layers=(),
    id="1",
    name="web",
    options=RunOptions(),
    text="{}",
    provenance=Provenance({}),
    files={},
    steps=(),
)
ADOPTED = msgspec.structs.replace(DRAFT, image="docker-storage:i", made_by=("adopt", "docker:a b"))


def command(*words: str) -> str:
    return shlex.join(["cutaway", *words])


@pytest.mark.parametrize(
    ("draft", "edited", "revises", "lines"),
    [
        (DRAFT, False, False, ["create i", "run -d i", "run -i i"]),
        (DRAFT, True, False, ["create --config FILE i", "run -d --config FILE i", "run -i --config FILE i"]),
        (DRAFT, False, True, ["stop web", "restart web", "start -a web"]),
        (
            DRAFT,
            True,
            True,
            [
                "edit --config FILE web",
                "edit --config FILE --restart web",
                "start -a $(cutaway edit --config FILE web)",
            ],
        ),
        (
            ADOPTED,
            False,
            False,
            ["adopt 'docker:a b'"] + [f"{start} $(cutaway adopt 'docker:a b')" for start in ("start", "start -a")],
        ),
        (
            ADOPTED,
            True,
            False,
            ["edit --config FILE $(cutaway adopt 'docker:a b')"]
            + [
                f"{start} $(cutaway edit --config FILE $(cutaway adopt 'docker:a b'))"
                for start in ("start", "start -a")
            ],
        ),
    ],
)
def test_lines(draft: Draft, edited: bool, revises: bool, lines: list[str]) -> None:
    writing = Writing(draft, revises=revises)
    writing.text += "\n" * edited
    ways = [(False, False), (True, False), (True, True)]
    said = [writing.line(command, start=start, attached=attached) for start, attached in ways]
    assert said == [f"cutaway {line}" for line in lines]
    writing.saved_to = "/a/file"
    assert writing.line(command, start=True) == f"cutaway {lines[1]}".replace("FILE", "/a/file")
