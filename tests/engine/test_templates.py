"""Lines made of a template: inspect --format."""

from __future__ import annotations

import functools

import pytest

from engine.cli.templates import at_path, filled
from engine.errors import UsageError

DOCUMENT = {
    "name": "web",
    "exit_code": None,
    "pid": 12,
    "mounted": True,
    "ports": ["8080:80"],
    "config": {"Env": ["A=1"], "User": "a\x1b[31mb"},
}


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("{{.name}}", "web"),
        ("{{ .Name }}\\t{{.Pid}}", "web\t12"),
        ("{{.ExitCode}}|{{.mounted}}", "|true"),
        ("{{json .exit_code}}", "null"),
        ("{{.ports.0}}", "8080:80"),
        ("{{.ports}}", '["8080:80"]'),
        ("{{.config.Env.0}} {{json .config.env}}", 'A=1 ["A=1"]'),
        ("{{.config.User}}", "a␛[31mb"),
        ("{{json .config.User}}", '"a\\u001b[31mb"'),
        ("no field", "no field"),
    ],
)
def test_fields_are_paths(template: str, line: str) -> None:
    assert filled(template, functools.partial(at_path, DOCUMENT)) == line


@pytest.mark.parametrize(
    ("template", "said", "there"),
    [
        ("{{name}}", "not a field", "a path"),
        ("{{range .ports}}", "not a field", "no range"),
        ("{{.name}} {{.pid", "without its", "a path"),
        ("{{.State.Status}}", "no 'State'", ".name, .exit_code"),
        ("{{.name.first}}", "no 'first'", "nothing below"),
        ("{{.ports.1}}", "no '1'", ".0"),
        ("{{.\x1b[2J}}", "no '␛[2J'", ".name"),
    ],
)
def test_what_is_not_there_is_told(template: str, said: str, there: str) -> None:
    with pytest.raises(UsageError) as caught:
        filled(template, functools.partial(at_path, DOCUMENT))
    assert said in caught.value.message
    assert there in caught.value.hint
