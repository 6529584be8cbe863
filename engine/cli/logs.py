"""The command that prints containers' output: logs. And how a moment is written."""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress
from datetime import datetime
from typing import Any

import click

from engine import Cancelled, CancelToken, ContainerSummary, CutawayError, LogLine, Stream, Workbench
from engine.cli.choosing import LATEST, ContainerCommand, one
from engine.cli.console import complain, narrate, session
from engine.cli.streams import writing

_SPAN = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:d|h|ms|m|s|us|µs|ns)"
_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def moment(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """A click callback: RFC 3339, seconds since the epoch, or a span (10m, 1h30m, 1.5h) as epoch seconds.

    As podman's, spans go back from now for --since and forward for --until.
    """
    import math
    import re

    if value is None:
        return None
    if re.fullmatch(f"(?:{_SPAN})+", value):
        parts = re.findall(r"([0-9.]+)([a-zµ]+)", value)
        span = sum(float(number) * _UNITS[unit] for number, unit in parts)
        return time.time() + (span if parameter.name == "until" else -span)
    with suppress(ValueError):
        if math.isfinite(seconds := float(value)):
            return seconds
    try:
        when = datetime.fromisoformat(value)
        return (when if when.tzinfo else when.astimezone()).timestamp()
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{value!r} is neither a time (2026-01-31T12:00:00Z) nor a span (10m)") from None


@click.command(cls=ContainerCommand)
@click.option("-f", "--follow", is_flag=True, help="Go on as more arrives, until the container ends.")
@click.option("--tail", type=click.IntRange(-1), help="The last N lines alone; -1 is all.")
@click.option("--since", callback=moment, help="From this time (RFC 3339, or a span back from now: 10m) on.")
@click.option("--until", callback=moment, help="Up to this time (RFC 3339, or a span ahead: 10s).")
@click.option("-t", "--timestamps", is_flag=True, help="Put the time before each line.")
@click.option("-n", "--names", "with_names", is_flag=True, help="Put the container's name before each line.")
@LATEST
@click.argument("names", metavar="[CONTAINER…]", nargs=-1)
def logs(names: tuple[str, ...], latest: bool, with_names: bool, timestamps: bool, **extent: Any) -> None:
    """Print containers' output: their stdout on stdout, their stderr on stderr.

    Of several, lines come as they are read; --names says whose they are.
    """
    if extent["tail"] == -1:
        extent["tail"] = None
    workbench = session().workbench
    containers = [workbench.container(name) for name in names or [one(workbench, None, latest)]]
    found = [container.name for container in containers]
    token = CancelToken()
    sys.stdout.flush()
    try:
        if len(found) == 1 and not with_names:
            stdout, stderr = sys.stdout.fileno(), sys.stderr.fileno()
            with writing():
                workbench.copy_logs(found[0], stdout, stderr, token, timestamps=timestamps, **extent)
        else:
            _side_by_side(workbench, found, token, with_names, timestamps, extent)
    except KeyboardInterrupt:
        token.cancel()
        raise
    finally:
        _tell_of_full_disks(containers)


def _tell_of_full_disks(containers: list[ContainerSummary]) -> None:
    """conmon goes on without what it cannot write, and nobody would know."""
    for container in containers:
        with suppress(OSError):
            if not os.statvfs(container.path).f_bavail:
                narrate(f"the disk is full that holds the output of {container.name}: lines may be missing")


def _side_by_side(
    workbench: Workbench,
    names: list[str],
    token: CancelToken,
    with_names: bool,
    timestamps: bool,
    extent: dict[str, Any],
) -> None:
    """Print the lines of several at the same time, each line whole."""
    turn = threading.Lock()
    failures: list[CutawayError | BrokenPipeError] = []

    def show(name: str) -> None:
        head = f"{name} " if with_names else ""
        try:
            for lines in workbench.logs(name, token, **extent):
                with turn:
                    for line in lines:
                        _print(line, head, timestamps)
                    sys.stdout.flush()
        except Cancelled:
            pass
        except (CutawayError, BrokenPipeError) as error:
            failures.append(error)
            if isinstance(error, BrokenPipeError):  # then nobody reads the others, either
                token.cancel()

    threads = [threading.Thread(target=show, args=(name,), daemon=True) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for failure in failures[:-1]:
        if isinstance(failure, CutawayError):
            complain(failure.message, failure.hint)
    if failures:
        raise failures[-1]


def _print(line: LogLine, head: str, timestamps: bool) -> None:
    when = datetime.fromtimestamp(line.time).astimezone().isoformat() + " " if timestamps else ""
    target = sys.stdout if line.stream is Stream.STDOUT else sys.stderr
    target.buffer.write(f"{head}{when}{line.text}\n".encode("utf-8", "surrogateescape"))
    target.buffer.flush()
