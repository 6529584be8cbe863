"""The options of the command line are those of RunOptions, all of them."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner
from spec_kit import parse_run, run_command

from engine.cli.main import cutaway
from engine.errors import UsageError
from engine.spec import RunOptions


def parsed(*words: str) -> RunOptions:
    return parse_run(*words)


def test_every_field_has_its_option() -> None:
    offered = {parameter.name for parameter in run_command.params} - {"image"}
    assert offered == set(RunOptions.__struct_fields__)


PODMANS = """
    -e --env-file -v --mount --tmpfs -w -u --group-add -p --network --hostname --dns --add-host --memory --memory-swap
    --cpus --cpu-shares --cpuset-cpus --pids-limit --blkio-weight --ulimit --read-only --cap-add --cap-drop --privileged
    --security-opt --device --sysctl --pid --ipc --uts --cgroupns --userns --init --entrypoint --stop-signal
    --stop-timeout --annotation --label --shm-size --rlimit -t -i --pull --platform --profile
    --env --volume --workdir --user --publish --tty --interactive --net -m -c -l -h
"""


@pytest.mark.parametrize("name", ["create", "run", "config"])
def test_podmans_names_in_every_command(name: str) -> None:
    command = cutaway.get_command(click.Context(cutaway), name)
    assert command is not None
    offered = {spelling for parameter in command.params for spelling in parameter.opts}
    assert set(PODMANS.split()) - offered == set()


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
    said = CliRunner().invoke(run_command, ["--help"]).output
    for parameter in run_command.params:
        if isinstance(parameter, click.Option):
            assert parameter.opts[-1] in said
            assert parameter.help


def test_malformed_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="--memory lots"):
        parsed("--memory", "lots", "image")
