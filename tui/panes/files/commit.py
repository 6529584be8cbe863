"""What a container has changed, as a tree in which paths can be left out, and how the image of it is to be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input, Static, TextArea

from engine import CutawayError, human_size
from tui.dialogs.dialog import Dialog
from tui.panes.files.sources import Listed
from tui.panes.files.tree_list import TreeList
from tui.text import plain
from tui.widgets.toggle import Toggle

if TYPE_CHECKING:
    from engine import CommitOptions, FileEntry, Inside


@dataclass(frozen=True, slots=True)
class CommitWish:
    """The new image's name, and how it is made; `left_out` are absolute paths in the container."""

    reference: str
    message: str = ""
    author: str = ""
    changes: tuple[str, ...] = ()
    pause: bool = False
    squash: bool = False
    zstd: bool = False
    level: str = ""
    """As it was typed; "" for the compression's own."""
    docker: bool = False
    left_out: tuple[str, ...] = ()

    def wrong(self) -> str:
        """What a commit like this would be refused for, in words; "" where nothing is known."""
        if self.level and not (self.level.isascii() and self.level.isdecimal()):
            return f"{self.level!r} is no level of a compression"
        try:
            self.options().check()
        except CutawayError as error:
            return f"{error.message}. {error.hint}"
        return ""

    def options(self) -> CommitOptions:
        """The same for the engine."""
        from engine import CommitOptions

        return CommitOptions(
            changes=self.changes,
            message=self.message,
            author=self.author,
            pause=self.pause,
            squash=self.squash,
            docker=self.docker,
            compression="zstd" if self.zstd else "gzip",
            level=int(self.level) if self.level else None,
            leave_out=self.left_out,
        )


class Picking(TreeList):
    """Changes with a box each: `[x]` is taken, `[ ]` is left out, `[-]` stands for some of both."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "pick", "take or leave out", id="commit.pick")]

    def __init__(self) -> None:
        super().__init__(empty="it has changed no file", id="changes")
        self._out: set[str] = set()

    def leave_out(self, paths: Iterable[str]) -> None:
        """These are left out, with all below them."""
        self._out = {below for path in paths for below in self._listed.below(path)}

    @property
    def left_out(self) -> tuple[str, ...]:
        """The uppermost paths that are left out, with all below them."""
        out = self._out
        return tuple(sorted(path for path in out if not any(above in out for above in _above(path))))

    @property
    def taken(self) -> int:
        """How many changes are taken."""
        return len(self._listed.entries) - len(self._out)

    @property
    def _listed(self) -> Listed:
        assert isinstance(self.source, Listed)
        return self.source

    def mark(self, path: str) -> str:
        if not self._out:
            return "[x] "
        boxes = {inner in self._out for inner in self._listed.below(path)}
        return "[-] " if len(boxes) > 1 else "[ ] " if True in boxes else "[x] "

    def action_pick(self) -> None:
        """Take the path under the cursor with all below it, or leave it out."""
        path = self.path
        if path is None:
            return
        below = set(self._listed.below(path))
        if below <= self._out:
            # A file is nothing without the directories that it is in.
            self._out -= below | {above for above in _above(path) if above in self._out}
        else:
            self._out |= below
        self.settle()
        self.post_message(self.Reordered())


class CommitDialog(Dialog[CommitWish | None]):
    """Shows first what would be committed."""

    DEFAULT_CSS = """
    CommitDialog {
        & > #box { width: 110; height: 90%; padding: 0 1; }
        & #changes { height: 1fr; min-height: 3; border-bottom: solid $border-blurred; }
        & .field { height: 1; & Static { width: 11; color: $text-muted; } & Input { width: 1fr; height: 1; } }
        & #instructions { height: 3; border: none; padding: 0; width: 1fr; }
        & #zstd { width: 19; } & #level-word { width: 6; } & #level { width: 8; margin: 0 1 0 0; }
        & .high { height: 3; & Static { width: 11; color: $text-muted; } }
        & Input { border: none; padding: 0; &:focus { border: none; background: $boost; } }
        & .command, & #wrong { margin: 0; max-height: 3; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "commit", "commit", priority=True, id="commit.done"),
    ]

    heading = "Commit: what it changed becomes a layer"
    hint = "space takes or leaves out · tab next field · ctrl+s commit · esc leave"

    def __init__(
        self, container: str, wish: CommitWish, entries: Sequence[FileEntry], below: Inside, command: Callable[..., str]
    ) -> None:
        """`wish` is what it begins with; `command` makes a command line of Cutaway's from words."""
        super().__init__()
        self._container, self._begin, self._entries, self._below = container, wish, entries, below
        self._command = command
        self.picking = Picking()

    def compose_box(self) -> Iterable[Widget]:
        yield self.picking
        for label, name, text, said in (
            ("image", "reference", self._begin.reference, "name[:tag]"),
            ("message", "message", self._begin.message, "a comment for the history"),
            ("author", "author", self._begin.author, "who made it"),
        ):
            yield _field(label, name, text, said)
        # Instructions have a line each; a Dockerfile's words, so that nothing new is to be learned.
        yield Horizontal(
            Static("changes"),
            TextArea(
                "\n".join(self._begin.changes),
                id="instructions",
                compact=True,
                tab_behavior="focus",
                placeholder='CMD ["program"]   ENV A=b',
            ),
            classes="high",
        )
        yield Horizontal(
            Toggle("freeze it, if it runs (--pause)", self._begin.pause, id="pause"),
            Toggle("one layer of all (--squash)", self._begin.squash, id="squash"),
            classes="field",
        )
        yield Horizontal(
            Toggle("zstd, not gzip", self._begin.zstd, id="zstd"),
            Static("level", id="level-word"),
            Input(self._begin.level, placeholder="its own", id="level", compact=True, select_on_focus=False),
            Toggle("Docker's format", self._begin.docker, id="docker"),
            classes="field",
        )
        yield Static("", id="wrong", markup=False)
        yield Static("", id="line", classes="command", markup=False)

    def on_mount(self) -> None:
        self.picking.begin(Listed(self._entries, self._below))
        self.picking.leave_out(path.lstrip("/") for path in self._begin.left_out)
        self.picking.open_few()
        self.picking.focus()
        self._show_line()

    def _value(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()

    @property
    def _wish(self) -> CommitWish:
        written = self.query_one("#instructions", TextArea).text.splitlines()
        return CommitWish(
            self._value("reference"),
            self._value("message"),
            self._value("author"),
            tuple(line.strip() for line in written if line.strip()),
            self.query_one("#pause", Toggle).on,
            self.query_one("#squash", Toggle).on,
            self.query_one("#zstd", Toggle).on,
            self._value("level"),
            self.query_one("#docker", Toggle).on,
            tuple(f"/{path}" for path in self.picking.left_out),
        )

    @on(Input.Changed)
    @on(TextArea.Changed)
    @on(Toggle.Turned)
    @on(TreeList.Reordered)
    def _show_line(self) -> None:
        wrong = self._wish.wrong()
        self.query_one("#wrong", Static).update(plain(f"✗ {wrong}"))
        self.query_one("#wrong").display = bool(wrong)
        line = plain(f"$ {self._command(*words(self._container, self._wish))}")
        line.no_wrap = False
        self.query_one("#line", Static).update(line)
        size = human_size(self.picking.source.size(""))
        all_of_them = len(self._entries)
        taken = self.picking.taken
        told = f"{taken:,} of {all_of_them:,}" if taken < all_of_them else f"{all_of_them:,}"
        self.query_one("#box").border_title = Text(f"Commit {told} changes, {size}", end="")

    @on(TreeList.Chosen)
    def _chosen(self) -> None:
        self.picking.action_pick()

    @on(Input.Submitted)
    def action_commit(self) -> None:
        if not self._value("reference"):
            self.query_one("#reference", Input).focus()
        elif not self._wish.wrong():
            self.dismiss(self._wish)


def _field(label: str, name: str, text: str, said: str) -> Widget:
    """One line of text; `said` is shown while it is empty."""
    line = Input(text, placeholder=said, id=name, compact=True, select_on_focus=False)
    return Horizontal(Static(label), line, classes="field")


def words(container: str, wish: CommitWish) -> list[str]:
    """The command line's words for a commit."""
    found = ["commit"]
    for change in wish.changes:
        found += ["--change", change]
    for flag, value in (("--message", wish.message), ("--author", wish.author)):
        found += [flag, value] if value else []
    found += ["--pause"] * wish.pause + ["--squash"] * wish.squash + ["--format", "docker"] * wish.docker
    found += ["--compression-format", "zstd"] * wish.zstd
    found += ["--compression-level", wish.level] if wish.level else []
    for path in wish.left_out:
        found += ["--leave-out", path]
    return [*found, container, wish.reference or "IMAGE"]


def _above(path: str) -> Iterable[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
