"""The options of the command line are those of RunOptions, all of them."""

from __future__ import annotations

from typing import Any

import click
import pytest
from click.testing import CliRunner

from engine.cli.options import run_options, to_options
from engine.errors import UsageError
from engine.spec import RunOptions


@click.command(context_settings={"allow_interspersed_args": False})
@run_options
@click.argument("image")
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def parse(image: str, **flags: Any) -> RunOptions:
    return to_options(flags)


def parsed(*words: str) -> RunOptions:
    found = parse.main(list(words), standalone_mode=False)
    assert isinstance(found, RunOptions)
    return found


def test_every_field_has_its_option() -> None:
    offered = {parameter.name for parameter in parse.params} - {"image"}
    assert offered == set(RunOptions.__struct_fields__)


def test_nothing_given_is_nothing_said() -> None:
    assert parsed("x") == RunOptions()


def test_podmans_spellings() -> None:
    found = parsed(
        *("-it", "--rm", "-e", "A=1", "--env=B", "-w/srv", "-u", "1:2", "-v/a:/b", "-m", "1g", "-h", "web", "-l", "x"),
        *("--read-only", "--read-only-tmpfs=false", "--ulimit", "core=0", "--rlimit", "nproc=5", "-c", "512"),
        *("image", "sh", "-c", "--rm"),
    )
    assert found == RunOptions(
        terminal=True,
        interactive=True,
        auto_remove=True,
        env=("A=1", "B"),
        workdir="/srv",
        user="1:2",
        volumes=("/a:/b",),
        memory="1g",
        hostname="web",
        labels=("x",),
        read_only=True,
        read_only_tmpfs=False,
        ulimits=("core=0", "nproc=5"),
        cpu_shares=512,
        args=("sh", "-c", "--rm"),
    )


def test_help_tells_of_each() -> None:
    said = CliRunner().invoke(parse, ["--help"]).output
    for parameter in parse.params:
        if isinstance(parameter, click.Option):
            assert parameter.opts[-1] in said
            assert parameter.help


def test_malformed_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="--memory lots"):
        parsed("--memory", "lots", "image")
