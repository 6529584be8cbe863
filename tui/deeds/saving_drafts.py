"""What is being written, to files: a config.json, or a bundle for runc."""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path

from engine import ContainerSummary, Job, Workbench
from tui.bench import Bench
from tui.deeds.deed import Offer
from tui.dialogs.form import Field, Form, Values
from tui.dialogs.page import Page
from tui.files_out import may_write, place, written, wrong_place
from tui.state import Writing


async def save(bench: Bench, offer: Offer[Writing]) -> None:
    """To the file that it was saved to before; asks for one the first time."""
    writing = offer.thing
    if writing.saved_to:
        await _write(bench, writing, Path(writing.saved_to))
    else:
        await save_as(bench, offer)


async def save_as(bench: Bench, offer: Offer[Writing]) -> None:
    """To a file that is asked for."""
    writing = offer.thing
    start = writing.saved_to or str(Path.cwd() / "config.json")
    form = Form(
        "Save the config.json",
        [Field("path", "File", start)],
        done="save",
        wrong=lambda values: wrong_place(values["path"]),
    )
    values = await bench.put(form)
    if values is None:
        return
    path = place(values["path"])
    if str(path) == writing.saved_to or await may_write(bench, path):
        await _write(bench, writing, path)


async def _write(bench: Bench, writing: Writing, path: Path) -> None:
    text = writing.text

    def write() -> None:
        with written(path) as file:
            file.write(text.encode("utf-8", "surrogateescape"))

    await bench.desk.off_thread(write)
    writing.saved_to = str(path)
    bench.show_command(writing.line(bench.desk.command, start=True, file=str(path)))
    bench.say(f"Saved to {path}.")


def bundle_words(writing: Writing, directory: str) -> list[str]:
    """The command line's; what was changed is in a file then, as `save` makes one. None for what was adopted: only as a
    container it has a command line, or as a config.json that was saved."""
    if writing.draft.made_by:
        return []
    edited = ["--config", writing.saved_to or "FILE"] if writing.edited else []
    return ["bundle", "-o", directory, *edited, *writing.base]


async def export(bench: Bench, offer: Offer[Writing]) -> None:
    """config.json and a mounted root filesystem, for runc alone."""
    writing = offer.thing
    start = str(Path.cwd() / f"{writing.draft.name}-bundle")

    def line(directory: str) -> str:
        words = bundle_words(writing, directory)
        return bench.desk.command(*words) if words else ""

    form = Form(
        "Export as a bundle",
        [Field("path", "Directory", start)],
        done="export",
        detail="The config.json as it is now, the files that it binds, and a working container as root filesystem.",
        line=lambda values: line(values["path"] or "DIRECTORY"),
        wrong=_wrong_directory,
    )
    values = await bench.put(form)
    if values is None:
        return
    directory = place(values["path"])
    draft = writing.result

    done = bench.conductor.from_thread(partial(_exported, bench, directory, draft.name))

    def work(workbench: Workbench, job: Job) -> None:
        done(*workbench.export(draft, directory, job))

    bench.job(f"export {draft.name}", work, line(str(directory)))


def _wrong_directory(values: Values) -> str:
    if not values["path"]:
        return "a directory's name is wanted"
    path = place(values["path"])
    if path.exists() and not path.is_dir():
        return "that is no directory"
    return "that directory has a config.json already" if (path / "config.json").exists() else ""


def _runc(directory: Path, name: str) -> str:
    return shlex.join(["runc", "run", "--bundle", str(directory), name])


def _exported(bench: Bench, directory: Path, name: str, made: ContainerSummary, said: list[str]) -> None:
    command = _runc(directory, name)
    bench.show_command(command)
    rows = [
        ("Run it", command),
        ("What had to be changed", "\n".join(said)),
        ("When it is done with", bench.desk.command("umount", made.name)),
    ]
    bench.later(_show(bench, Page(f"Exported to {directory}", rows, copies="the command")))


async def _show(bench: Bench, page: Page) -> None:
    await bench.put(page)
