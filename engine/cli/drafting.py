"""What commands that draft a container have in common: where its config.json is from, and on what it stands."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from engine import MAX_CONFIG_BYTES, Draft, Job, RunOptions, UsageError
from engine.cli.console import Session

TAKES_A_COMMAND = {"allow_interspersed_args": False}
"""Options after IMAGE belong to the command in the container, as with podman."""

config_option = click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True),
    help="Take this config.json in place of a generated one; - reads it from stdin.",
)


rootfs_option = click.option(
    "--rootfs", is_flag=True, help="IMAGE is a directory with a root filesystem; it stays as it is."
)


def base(image: str, *, rootfs: bool) -> str:
    """The image's name as the engine has it, where a directory may stand in its place."""
    return f"rootfs:{image}" if rootfs else image


def read_config(path: Path) -> str:
    """A config.json, of stdin for "-". Raises UsageError."""
    try:
        with path.open("rb") if path != Path("-") else nullcontext(sys.stdin.buffer) as file:
            data = file.read(MAX_CONFIG_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    if len(data) > MAX_CONFIG_BYTES:
        raise UsageError(f"{path} is over {MAX_CONFIG_BYTES >> 20} MiB: that is no config.json")
    return data.decode("utf-8", "surrogateescape")


def draft_of(
    console: Session,
    image: str,
    config_file: Path | None,
    tls_verify: bool,
    flags: dict[str, Any],
    *,
    policy: str,
    platform: str | None,
) -> Draft:
    """Have the image here, and draft."""
    options = RunOptions(**flags)
    text = read_config(config_file) if config_file else None

    def work(job: Job) -> Draft:
        name = console.workbench.obtain(image, job, policy=policy, platform=platform, tls_verify=tls_verify)
        return console.workbench.draft(name, options, job, config=text)

    return console.do(f"config {image}", work)
