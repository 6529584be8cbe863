"""Commands that show how it works: demo, tour, trace."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TypeVar

import click

from engine import CancelToken, Job, Page, RunOptions, Step, Tour, Workbench, human_size, shortened, visible
from engine.cli.console import how_large, narrate, print_json, session
from engine.cli.options import as_json
from engine.cli.streams import writing

T = TypeVar("T")


@click.command()
@as_json
@click.option("--script", is_flag=True, help="Print a shell script that makes the container again, without Cutaway.")
@click.argument("name")
def trace(name: str, as_json: bool, script: bool) -> None:
    """Show each step that made a container or an image, with its equivalent shell command."""
    if script:
        click.echo(session(recover=False).workbench.script(name), nl=False)
        return
    steps = session(recover=False).workbench.trace(name)
    if as_json:
        print_json([_as_data(step) for step in steps])
        return
    for step in steps:
        when = datetime.fromtimestamp(step.time).strftime("%H:%M:%S")
        result = f"failed: {step.failure}" if step.failure else step.detail
        click.echo(visible(f"{when}  {duration(step.duration):>7}  {step.kind.value:8} {result}"))
        click.echo(visible(f"    {step.command}"))
        if step.peer:
            click.echo(visible(f"    # {step.peer}"))


def _as_data(step: Step) -> dict[str, object]:
    keys = ("time", "duration", "command", "detail", "peer", "failure")
    return {"kind": step.kind.value, **{key: getattr(step, key) for key in keys}}


def duration(seconds: float) -> str:
    """A span as people read it: `18 ms`, `1.42 s`."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


@click.command()
def demo() -> None:
    """Do the whole path on the built-in image, step by step: layers, mount, config.json, runc."""
    workbench = session(quiet=True).workbench
    workbench.facts.need_root("run the demo")
    _Demo(workbench).run()


class _Demo:
    """Tells what it does on stdout: here the narration is the data."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench = workbench
        self._shown = 0

    def run(self) -> None:
        """Leaves the image, and nothing else."""
        workbench = self._workbench
        for problem in workbench.problems():
            self._say(f"! {problem.message}. {problem.hint}")
        self._say(f"  $ ROOT={shlex.quote(str(workbench.root.path))}")
        self._title("An image is a stack of layers and a configuration. This one is made of this host's own tools.")
        image = self._do("demo", workbench.demo)
        self._say(f"{image.reference}: {how_large(image)}, digest {image.digest[:19]}…")
        for number, layer in enumerate(workbench.layers(image.reference), 1):
            self._say(f"  {number}  {human_size(layer.size):>8}  {layer.files} entries  {layer.created_by}")
            self._say(f"     {self._short(layer.path)}")

        self._title("A container's files: the layers below, a directory of its own on top, merged by overlayfs.")
        working = self._do("mount", lambda job: workbench.mount(image.reference, job))
        inside = ", ".join(sorted(path.name for path in working.merged.iterdir()))
        self._say(f"merged at {self._short(str(working.merged))}: {inside}")
        self._do("umount", lambda job: workbench.umount(working.id, job))

        self._title("config.json tells runc what to start. Three sources make it: the image, the defaults, you.")
        options = RunOptions(env=("GREETING=hello from the demo",))
        draft = workbench.jobs.run("draft", lambda job: workbench.draft(image.reference, options, job))
        # The journal has a variable's name alone, since its value may be a secret; this one is the demo's own.
        typed = ["cutaway", "config", image.reference, "-e", options.env[0]]
        self._say(f"  $ {shlex.join(typed)}")
        rows = workbench.explain(draft)
        for source in ("image", "default", "host", "user"):
            mine = [row for row in rows if row.source.value == source]
            example = next((row for row in mine if row.pointer.startswith("/process")), mine[0] if mine else None)
            told = f", e.g. {example.pointer} ({example.detail})" if example else ""
            self._say(f"  {len(mine):4} value{'s' * (len(mine) != 1)} from {source}{told}")

        self._title("runc starts it, conmon holds it. Its output:")
        sys.stdout.flush()
        made = self._do("create", lambda job: workbench.create(draft, job))
        try:
            self._do("start", lambda job: workbench.start(made.id, job))
            self._say(f"  $ tail -f {self._short(str(workbench.root.containers / made.id / 'output.log'))}")
            sys.stdout.flush()
            token = CancelToken()
            with writing():
                workbench.copy_logs(made.id, sys.stdout.fileno(), sys.stderr.fileno(), token, follow=True)
            code = workbench.wait(made.id, token)
        finally:
            workbench.jobs.run("rm", lambda job: workbench.remove(made.id, job, force=True))
        self._say("")
        self._say(f"The container ended with exit code {code}, and was removed.")
        self._say("To do it again:  cutaway run --rm " + shlex.quote(image.reference))
        if code:
            raise click.exceptions.Exit(code)

    def _do(self, title: str, work: Callable[[Job], T]) -> T:
        def traced(job: Job) -> T:
            result = work(job)
            for step in job.steps:
                self._say(f"  $ {self._short(step.command)}")
            return result

        return self._workbench.jobs.run(title, traced)

    def _short(self, text: str) -> str:
        """Paths below the data directory by the variable that was told at the start: the lines can still be run."""
        return shortened(text, self._workbench.root.path, "$ROOT")

    def _title(self, text: str) -> None:
        self._shown += 1
        click.echo("")
        click.echo(f"{self._shown}. {text}")

    def _say(self, text: str) -> None:
        click.echo(f"   {visible(text)}" if text else "")


@click.command()
@click.option("--keep", is_flag=True, help="Leave what the tour has made, to look at it.")
@click.argument("image", required=False)
def tour(image: str | None, keep: bool) -> None:
    """How a container comes to be, in seven steps that are really done. On IMAGE, or the built-in one.

    On a terminal it waits after each: enter goes on, b back, q ends. What it made is removed at the end.
    """
    console = session(quiet=True)
    console.workbench.facts.need_root("take the tour")
    guide = Tour(console.workbench, image)
    number = 0
    try:
        while number < len(Tour.TITLES):
            _tell(number, console.do(Tour.TITLES[number], partial(guide.page, number)))
            number = max(0, number + (_turn() if number + 1 < len(Tour.TITLES) else 1))
    finally:
        for line in console.do("end the tour", lambda job: guide.end(job, keep=keep)):
            narrate(line)


def _tell(number: int, page: Page) -> None:
    click.echo(f"\n{number + 1}. {page.title}\n")
    click.echo(click.wrap_text(page.text, width=100, initial_indent="   ", subsequent_indent="   "))
    click.echo("")
    for command in page.commands:
        click.echo(f"   $ {visible(command)}")
    for line in page.seen:
        click.echo(f"     {line}")
    for path in page.paths:
        click.echo(f"   see {visible(str(path))}")


def _turn() -> int:
    """How far to go on: 1, back -1, or past the end, as the next key says; on without a terminal to ask."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return 1
    while True:
        click.echo("\n   enter: on   b: back   q: end ", err=True, nl=False)
        key = click.getchar()
        click.echo("", err=True)
        if key in ("q", "\x1b", "\x03", "\x04"):
            return len(Tour.TITLES)
        if key in ("b", "\x1b[D", "h"):
            return -1
        if key in ("\r", "\n", " ", "\x1b[C", "l"):
            return 1
