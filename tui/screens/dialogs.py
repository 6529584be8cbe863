"""Dialogs: a question, a name to pull, a menu, a page to read. Each takes the keyboard until it is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from engine import visible
from tui.deeds import Deed, Verb
from tui.text import fill, plain
from tui.widgets.item_list import Item, ItemList
from tui.widgets.toggle import Toggle

T = TypeVar("T")


class Dialog(ModalScreen[T]):
    """A box in the middle; Escape leaves it without an answer."""

    DEFAULT_CSS = """
    Dialog {
        align: center middle;
        background: $background 60%;
        &:ansi { background: ansi_default; }
        & > #box {
            width: 78;
            max-width: 96%;
            height: auto;
            max-height: 90%;
            border: round $accent;
            border-title-color: $accent;
            border-title-style: bold;
            border-subtitle-color: $foreground;
            background: $surface;
            padding: 1 2;
        }
        & Static { width: 100%; height: auto; }
        & .command { color: $text-muted; margin: 1 0 0 0; }
        & #buttons { height: auto; align-horizontal: right; margin: 1 0 0 0; }
        & Input { border: tall $border-blurred; background: $surface; &:focus { border: tall $accent; } }
        & Button { margin: 0 0 0 2; min-width: 12; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "leave", priority=True),
        Binding("tab", "app.focus_next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", show=False, priority=True),
    ]

    heading: str = ""
    hint: str = ""

    def compose(self) -> ComposeResult:
        with Vertical(id="box") as box:
            # Text, not str: a str would be read as markup.
            box.border_title = Text(self.heading, end="")
            box.border_subtitle = Text(self.hint, end="")
            yield from self.compose_box()

    def compose_box(self) -> Iterable[Widget]:
        """What the dialog holds."""
        return ()

    def action_leave(self) -> None:
        self.dismiss(None)


class Question(Dialog[bool]):
    """Yes or no; no unless yes is said."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes"),
        Binding("n", "answer(False)", "no"),
        Binding("left,h", "app.focus_previous", show=False),
        Binding("right,l", "app.focus_next", show=False),
    ]

    hint = "y yes · n no · esc leave"

    def __init__(self, question: str, *, detail: str = "", command: str = "", yes: str = "Yes") -> None:
        """All of it plain and safe text."""
        super().__init__()
        self.heading = "Sure?"
        self._question, self._detail, self._command, self._yes = question, detail, command, yes

    def compose_box(self) -> Iterable[Widget]:
        yield Static(Text(self._question, "bold"))
        if self._detail:
            yield Static(Text(self._detail))
        if self._command:
            yield Static(plain(f"$ {self._command}"), classes="command")
        with Horizontal(id="buttons"):
            yield Button("No", id="no", compact=True)
            yield Button(self._yes, id="yes", compact=True)

    def on_mount(self) -> None:
        self.query_one("#no", Button).focus()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)

    def action_leave(self) -> None:
        self.dismiss(False)


@dataclass(frozen=True, slots=True)
class PullWish:
    """What to pull, and how."""

    name: str
    tls_verify: bool


class PullDialog(Dialog[PullWish | None]):
    """Asks for an image's name."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "pull", "pull")]

    heading = "Pull an image"
    hint = "enter pull · tab option, space turns it · esc leave"

    def __init__(self, command: Callable[..., str], name: str = "") -> None:
        """`command` makes a command line of Cutaway's from words."""
        super().__init__()
        self._line = command
        self._start = name

    def compose_box(self) -> Iterable[Widget]:
        yield Static(
            Text(
                "A name as podman and docker read it, or a layout on disk:\ndebian:12   quay.io/org/app   oci:DIR:TAG\n"
            )
        )
        yield Input(self._start, placeholder="name[:tag]", id="name", select_on_focus=False)
        yield Toggle("verify the registry's certificate (TLS)", True, id="tls")
        yield Static("", id="line", classes="command", markup=False)

    def on_mount(self) -> None:
        self.query_one("#name", Input).focus()
        self._show_line()

    @property
    def _wish(self) -> PullWish:
        return PullWish(self.query_one("#name", Input).value.strip(), self.query_one("#tls", Toggle).on)

    @on(Input.Changed)
    @on(Toggle.Turned)
    def _show_line(self) -> None:
        wish = self._wish
        flags = [] if wish.tls_verify else ["--tls-verify=false"]
        line = self._line("pull", *flags, wish.name) if wish.name else self._line("pull", *flags) + " …"
        self.query_one("#line", Static).update(Text("$ ").append_text(plain(line)))

    @on(Input.Submitted)
    def action_pull(self) -> None:
        if self._wish.name:
            self.dismiss(self._wish)


class Menu(Dialog[Verb | None]):
    """What can be done to a thing. What cannot be done now says why."""

    hint = "enter do it · esc leave"

    def __init__(self, title: str, deeds: Sequence[Deed]) -> None:
        super().__init__()
        self.heading = visible(title)
        self._deeds = list(deeds)

    def compose_box(self) -> Iterable[Widget]:
        items = ItemList(id="deeds")
        items.styles.height = len(self._deeds)
        yield items
        yield Static("", id="line", classes="command", markup=False)

    def on_mount(self) -> None:
        items = self.query_one("#deeds", ItemList)
        items.set_items([Item(deed.verb.value, deed.label, _deed_line(deed)) for deed in self._deeds])
        items.focus()

    def _find(self, verb: str) -> Deed:
        return next(deed for deed in self._deeds if deed.verb.value == verb)

    @on(ItemList.Moved)
    def _moved(self, event: ItemList.Moved) -> None:
        if event.key is not None:
            deed = self._find(event.key)
            said = f"not now: {deed.why_not}" if deed.why_not else f"$ {deed.command}" if deed.command else ""
            self.query_one("#line", Static).update(plain(said))

    @on(ItemList.Chosen)
    def _chosen(self, event: ItemList.Chosen) -> None:
        self._do(self._find(event.key))

    def on_key(self, event: object) -> None:
        key = getattr(event, "character", None) or getattr(event, "key", "")
        for deed in self._deeds:
            if deed.key in (key, getattr(event, "key", "")):
                self._do(deed)
                return

    def _do(self, deed: Deed) -> None:
        if deed.why_not:
            self.query_one("#line", Static).update(plain(f"not now: {deed.why_not}"))
        else:
            self.dismiss(deed.verb)


def _deed_line(deed: Deed) -> Callable[[int], Text]:
    def draw(width: int) -> Text:
        text = Text(no_wrap=True, end="")
        text.append(fill(deed.key, 8), "bold")
        text.append(deed.label, "dim" if deed.why_not else "")
        if deed.why_not:
            text.append(f"   ({deed.why_not})", "dim italic")
        return text

    return draw


class Page(Dialog[None]):
    """Rows of label and text to read; `y` copies the text of the first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "copy"),
        Binding("q,enter", "leave", "leave", show=False),
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
    ]

    class Copy(Message):
        """Something is to be copied."""

        def __init__(self, text: str, what: str) -> None:
            super().__init__()
            self.text = text
            self.what = what

    def __init__(self, title: str, rows: Sequence[tuple[str, str]], *, copies: str = "") -> None:
        """`rows` may be hostile. `copies` says what `y` copies: "the command"; "" for nothing."""
        super().__init__()
        self.heading = visible(title)
        self.hint = f"y copies {copies} · esc leave" if copies else "esc leave"
        self._rows = list(rows)
        self._copies = copies

    def compose_box(self) -> Iterable[Widget]:
        with VerticalScroll(id="page", can_focus=True) as scroll:
            scroll.styles.height = "auto"
            page = Text()
            for label, value in self._rows:
                if label:
                    page.append(f"{label}\n", "bold")
                page.append(visible(value, keep="\n") + "\n\n")
            page.right_crop(2)
            yield Static(page)

    def on_mount(self) -> None:
        self.query_one("#page").focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return bool(self._copies) if action == "copy" else True

    def action_copy(self) -> None:
        self.post_message(self.Copy(self._rows[0][1], self._copies))

    def action_scroll(self, lines: int) -> None:
        self.query_one("#page", VerticalScroll).scroll_relative(y=lines, animate=False)
