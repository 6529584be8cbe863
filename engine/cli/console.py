"""Talking to people and to other programs: tables and JSON on stdout, narration and progress on stderr."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

import click

from engine import (
    CutawayError,
    Event,
    Job,
    LayerPhase,
    LayerProgress,
    Problem,
    human_size,
    visible,
)

if TYPE_CHECKING:  # it is among what the façade loads
    from engine import ImageSummary

T = TypeVar("T")


def complain(message: str, hint: str = "") -> None:
    """One line on stderr: what failed, and what to do. Control characters in it are shown, not sent."""
    line = f"cutaway: {message.rstrip('.')}" + (f". {hint}" if hint else "")
    click.echo(visible(line), err=True)


def warn(problems: Iterable[Problem]) -> None:
    """A line on stderr for each, as `complain` has it."""
    for problem in problems:
        complain(problem.message, problem.hint)


def narrate(text: str) -> None:
    """A line for people, on stderr, so that stdout stays data."""
    click.echo(visible(text), err=True)


def print_json(data: Any) -> None:
    """Data for programs. ASCII only, so no control sequence gets through."""
    click.echo(json.dumps(data, indent=2))


def print_table(
    titles: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[int] = (), heading: bool = True
) -> None:
    """Columns as wide as their contents; the numbers of the columns in `right` are right-aligned."""
    lines = [list(titles)] * heading + [[visible(cell) for cell in row] for row in rows]
    widths = [max((len(line[n]) for line in lines), default=0) for n in range(len(titles))]
    for line in lines:
        cells = [
            cell.rjust(width) if n in right else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        click.echo("  ".join(cells).rstrip())


class Progress:
    """The sink of the command line: a block of lines that is redrawn on a terminal, a line per change elsewhere."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._lock = threading.Lock()
        self._latest: dict[int, LayerProgress] = {}
        self._drawn = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, Problem):
            complain(event.message, event.hint)
        elif isinstance(event, LayerProgress) and not self._quiet:
            with self._lock:
                before = self._latest.get(event.number)
                self._latest[event.number] = event
                if self._live:
                    self._redraw()
                elif event.phase is not LayerPhase.COPYING and event.phase is not (
                    before.phase if before else LayerPhase.WAITING
                ):
                    click.echo(_line(event), err=True)

    def _redraw(self) -> None:
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        lines = [_line(event) for _, event in sorted(self._latest.items())]
        click.echo(up + "".join(f"\r\x1b[K{line}\n" for line in lines), err=True, nl=False)
        self._drawn = len(lines)


def _line(event: LayerProgress) -> str:
    if event.phase is LayerPhase.COPYING:
        of = f" of {human_size(event.total)}, {100 * event.done // event.total} %" if event.total else ""
        return f"copying  {human_size(event.done)}{of}"
    size = human_size(event.total or event.done)
    text = f"layer {event.number}/{event.count}  {event.digest.short}  {size:>8}  {event.phase.value}"
    if event.phase not in (LayerPhase.WAITING, LayerPhase.DONE, LayerPhase.PRESENT) and event.total:
        text += f" {100 * event.done // event.total} %"
    return text


def how_large(image: ImageSummary) -> str:
    """`3 layers, 5.1 MB`."""
    return f"{image.layers} layer{'s' * (image.layers != 1)}, {human_size(image.size)}"


class Session:
    """What a command works with: the façade, and jobs that Ctrl-C cancels."""

    def __init__(self, root: Path | None, *, quiet: bool = False) -> None:
        from engine import Workbench  # all of the engine: not for --help, nor before the screen is painted

        self.workbench = Workbench(root, sink=Progress(quiet=quiet))

    def do(self, title: str, work: Callable[[Job], T]) -> T:
        """Do `work` as a job. The first Ctrl-C (TERM, or HUP of a lost terminal) cancels it; a second one ends the
        program at once."""
        previous: dict[int, Any] = {}

        def prepare(job: Job) -> None:
            def cancel(number: int, frame: FrameType | None) -> None:
                # Of a lost terminal the shell tells, and then the kernel: that is one.
                signal.signal(number, signal.SIG_IGN if number == signal.SIGHUP else signal.SIG_DFL)
                # Not in this frame: a callback of the token may want a lock that the interrupted code holds.
                threading.Thread(target=job.cancel, daemon=True).start()

            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # as nohup(1) has it
                    previous[number] = signal.signal(number, cancel)

        try:
            return self.workbench.jobs.run(title, work, prepare=prepare)
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def session(*, quiet: bool = False, recover: bool = True) -> Session:
    """The session for the command that runs.

    What was left behind in a crash is cleared first, and told, so that what follows of containers is true. Those that
    are about images and files alone do without (`recover`): it costs them time, and what is left harms them not.
    """
    given = click.get_current_context().find_root().obj
    made = Session(given["root"], quiet=quiet)
    if recover and not given["read_only"]:
        for line in made.workbench.recover():
            narrate(line)
    return made


def each(names: Sequence[str], act: Callable[[str], None]) -> None:
    """Do the same to several things; a failure of one does not keep the others from their turn.

    The last error is raised after every one has been told.
    """
    failed: CutawayError | None = None
    for name in names:
        try:
            act(name)
        except CutawayError as error:
            if failed is not None:
                complain(failed.message, failed.hint)
            failed = error
    if failed is not None:
        raise failed
