"""What commands that draft a container have in common: where its config.json is from, and on what it stands."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec

from engine import Draft, Job, RunOptions, run_options
from engine.cli.console import Session
from engine.cli.options import platform_option, pull_option, tls_verify_option

TAKES_A_COMMAND = {"allow_interspersed_args": False}
"""Options after IMAGE belong to the command in the container, as with podman."""

config_option = click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True),
    help="Take this config.json in place of a generated one; - reads it from stdin.",
)


def text_of(config_file: Path) -> str:
    """A config.json, of stdin for "-". Raises UsageError."""
    from engine import config_text  # with all that reads and edits one

    return config_text(config_file if config_file != Path("-") else sys.stdin.buffer)


class Asked(msgspec.Struct, frozen=True):
    """What was asked for: `flags` are the fields of `RunOptions`."""

    image: str
    rootfs: bool
    config_file: Path | None
    policy: str
    platform: str | None
    tls_verify: bool
    flags: dict[str, Any]

    def draft(self, console: Session) -> Draft:
        """Have the image here, and draft."""
        image = f"rootfs:{self.image}" if self.rootfs else self.image
        options = RunOptions(**self.flags)
        text = text_of(self.config_file) if self.config_file else None

        def work(job: Job) -> Draft:
            name = console.workbench.obtain(
                image, job, policy=self.policy, platform=self.platform, tls_verify=self.tls_verify
            )
            return console.workbench.draft(name, options, job, config=text)

        return console.do(f"config {image}", work)


_OF_ALL = (
    config_option,
    tls_verify_option,
    pull_option,
    platform_option,
    click.option("--rootfs", is_flag=True, help="IMAGE is a directory with a root filesystem; it stays as it is."),
    run_options,
    click.argument("image"),
    click.argument("args", nargs=-1, type=click.UNPROCESSED),
)


def drafting(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options and arguments by which a container is drafted, and it them as `Asked`."""

    @functools.wraps(command)
    def with_asked(**given: Any) -> None:
        flags = {name: given.pop(name) for name in RunOptions.__struct_fields__ if name in given}
        own = {name: given.pop(name) for name in Asked.__struct_fields__ if name in given}
        command(Asked(**own, flags=flags), **given)

    return functools.reduce(lambda made, option: option(made), reversed(_OF_ALL), with_asked)
