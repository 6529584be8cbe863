"""A file of the Files tab, opened: on the screen, in a program of the user's, or copied out."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from engine import FileEntry, UsageError, visible
from tui import outside
from tui.bench import Bench
from tui.dialogs.form import Field, Form, Values
from tui.panes.files import highlight
from tui.panes.files.content import TextContent, read
from tui.panes.files.copying import copy_in
from tui.telling import refused
from tui.text import clip_start

if TYPE_CHECKING:
    from engine import ContainerSummary, Job, Workbench
    from tui.panes.files.tab import FilesTab

OUTSIDE_LIMIT = 100 << 20
"""Bytes of a file that are copied for a program of the user's."""


class Opening:
    """Knows the file that is open."""

    def __init__(self, bench: Bench, tab: FilesTab) -> None:
        self._bench, self._tab = bench, tab
        self._entry: FileEntry | None = None
        self._raw = False

    @property
    def title(self) -> str:
        """The path of the file that is open."""
        return clip_start(f"/{visible(self._entry.path)}", 40) if self._entry is not None else ""

    def close(self) -> None:
        """Nothing is open."""
        if self._entry is not None:
            self._entry = None
            self._tab.view.show(TextContent("", [], 0, True))

    # -- on the screen ---------------------------------------------------------------------------------

    def show(self, entry: FileEntry) -> None:
        """A file's content; of a symbolic link where it leads, in the tree."""
        if stat.S_ISLNK(entry.mode):
            self._follow(entry)
        elif stat.S_ISREG(entry.mode):
            self._raw = False
            self._bench.later(self._show(entry))
        else:
            self._bench.say(f"/{entry.path} is {_kind(entry.mode)}: it has no content here.")

    def turn_bytes(self) -> None:
        """The bytes of a text, or the text again."""
        if self._entry is not None:
            self._raw = not self._raw
            self._bench.later(self._show(self._entry))

    async def _show(self, entry: FileEntry) -> None:
        tab, opened, raw = self._tab, self._tab.opened, self._raw
        if opened is None:
            return
        content = await self._bench.desk.off_thread(
            lambda: read(opened.inside.read(entry), entry.path, entry.size, raw=raw)
        )
        if tab.opened is not opened:
            content.close()
            return
        self._entry = entry
        if entry == opened.inside.entry(entry.path):  # of what a higher layer hides no command tells
            self._bench.show_command(self._bench.desk.command("cat", opened.called, f"/{entry.path}"))
        tab.view.show(content)
        tab.front("view")
        if isinstance(content, TextContent) and content.lines:
            spans = await self._bench.desk.off_thread(lambda: highlight.spans(entry.path, content.lines))
            if tab.view.content is content:
                tab.view.colour(spans)

    def _follow(self, entry: FileEntry) -> None:
        opened = self._tab.opened
        if opened is None:
            return
        try:
            found = os.fsdecode(opened.inside.resolve(entry.path).path)
        except UsageError as error:
            self._bench.say(f"/{entry.path} leads to {entry.target}: {error.message}")
            return
        if not self._tab.tree_list.move_to(found):
            self._bench.say(f"It leads to /{found}, which is not among the files shown.")

    # -- in another program ----------------------------------------------------------------------------

    @property
    def _chosen(self) -> FileEntry | None:
        return self._entry if self._entry is not None else self._tab.tree_list.entry

    def outside(self, *, edit: bool) -> None:
        """Look at the file with a pager, or with an editor, which changes it where it is a container's."""
        entry = self._chosen
        if entry is None or self._tab.opened is None:
            return
        if not stat.S_ISREG(entry.mode):
            self._bench.say(f"/{entry.path} is {_kind(entry.mode)}: there is nothing to open.")
        elif entry.size > OUTSIDE_LIMIT:
            self._bench.say("That is a large file: copy it out with w, and open the copy.")
        else:
            self._bench.later(self._outside(entry, edit=edit))

    async def _outside(self, entry: FileEntry, *, edit: bool) -> None:
        opened = self._tab.opened
        assert opened is not None
        program = outside.editor() if edit else outside.pager()
        editing = edit and opened.container and not self._bench.state.read_only
        folder = Path(tempfile.mkdtemp(prefix="cutaway-"))
        path, left = folder / _safe_name(entry.path), False
        try:
            data = await self._bench.desk.off_thread(lambda: _copy(opened.inside.read(entry), path))
            path.chmod(0o600 if editing else 0o400)
            code = self._bench.at_terminal(lambda: outside.run(program, path))
            if editing and code:
                raise UsageError(
                    f"{program[0]} ended with {code}: what it wrote is not taken", hint="The file is as it was."
                )
            if edit and not editing and opened.container:
                self._bench.say("Nothing may be changed (--read-only): what you wrote is not taken.")
            elif edit and not editing:
                self._bench.say("An image's layers are never changed: mount it, or make a container, and edit there.")
            elif editing and path.is_file() and path.read_bytes() != data:
                left = True
                self._write_back(opened.name, opened.called, entry, path)
        finally:
            if not left:
                shutil.rmtree(folder)

    def _write_back(self, name: str, called: str, entry: FileEntry, path: Path) -> None:
        """What was edited goes into the container, with the owner and the mode that it had there."""
        os.chown(path, entry.uid, entry.gid)
        path.chmod(stat.S_IMODE(entry.mode))
        target = f"/{entry.path}"

        def work(workbench: Workbench, job: Job) -> None:
            try:
                workbench.copy_in(path, name, target, job, keep_owner=True)
            finally:
                shutil.rmtree(path.parent)

        line = self._bench.desk.command("cp", "--archive=false", str(path), f"{called}:{target}")
        self._bench.job(f"write {target}", work, line)

    # -- out of it -------------------------------------------------------------------------------------

    def extract(self) -> None:
        """Ask where to, and copy the file or directory there."""
        entry, opened = self._chosen, self._tab.opened
        if entry is not None and opened is not None and not refused(self._bench):
            self._bench.later(self._extract(entry, opened.name, opened.called))

    def copy_in(self, container: ContainerSummary) -> None:
        """Copy files into the directory under the cursor, or the one that the file there is in."""
        if refused(self._bench):
            return
        entry = self._tab.tree_list.entry
        path = "" if entry is None else entry.path if stat.S_ISDIR(entry.mode) else entry.path.rpartition("/")[0]
        self._bench.later(copy_in(self._bench, container, f"/{path}"))

    async def _extract(self, entry: FileEntry, name: str, called: str) -> None:
        def line(values: Values) -> str:
            return self._bench.desk.command("cp", f"{called}:/{entry.path}", values["target"] or "TARGET")

        given = await self._bench.put(
            Form(
                f"Copy /{visible(entry.path)} out of it",
                [
                    Field(
                        "target",
                        "to, on this host; names, modes and owners stay",
                        str(Path.cwd() / _safe_name(entry.path)),
                    )
                ],
                done="copy",
                line=line,
                wrong=lambda values: "" if values["target"] else "a path is needed",
            )
        )
        if given is None:
            return
        target = Path(given["target"]).expanduser()

        def work(workbench: Workbench, job: Job) -> None:
            workbench.extract(name, f"/{entry.path}", target, job)

        self._bench.job(f"copy out /{entry.path}", work, line(given))


def _copy(source: BinaryIO, path: Path) -> bytes:
    with source, path.open("xb") as target:
        data = source.read()
        target.write(data)
    return data


def _safe_name(path: str) -> str:
    """A name for a copy: the file's own, without what a terminal would obey."""
    name = os.fsencode(visible(path.rpartition("/")[2]))[:200].decode("utf-8", "replace")
    return name if name.strip(".") else "rootfs"


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a directory"
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    if stat.S_ISFIFO(mode):
        return "a pipe"
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "a device"
