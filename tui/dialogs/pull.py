"""Asks for the name of an image to pull."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input, Static

from engine import UsageError, check_name_to_pull, visible
from tui.dialogs.dialog import Dialog
from tui.text import plain
from tui.widgets.toggle import Toggle


@dataclass(frozen=True, slots=True)
class PullWish:
    """What to pull, and how."""

    name: str
    tls_verify: bool


class PullDialog(Dialog[PullWish | None]):
    """Asks for an image's name, and takes none that cannot be one."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "pull", "pull", id="pull-dialog.pull")]

    heading = "Pull an image"
    hint = "enter pull · tab option, space turns it · esc leave"

    def __init__(self, command: Callable[..., str], name: str = "", *, tls_verify: bool = True) -> None:
        """`command` makes a command line of Cutaway's from words."""
        super().__init__()
        self._line = command
        self._start, self._tls_verify = name, tls_verify

    def compose_box(self) -> Iterable[Widget]:
        yield Static(
            Text(
                "A name as podman and docker read it, or a layout on disk:\ndebian:12   quay.io/org/app   oci:DIR:TAG\n"
            )
        )
        yield Input(self._start, placeholder="name[:tag]", id="name")  # a name that is there already is typed over
        yield Toggle("verify the registry's certificate (TLS)", self._tls_verify, id="tls")
        yield Static("", id="wrong", markup=False)
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
        self._say_wrong("")
        wish = self._wish
        flags = [] if wish.tls_verify else ["--tls-verify=false"]
        line = self._line("pull", *flags, wish.name) if wish.name else self._line("pull", *flags) + " …"
        self.query_one("#line", Static).update(Text("$ ").append_text(plain(line)))

    def _say_wrong(self, text: str) -> None:
        self.query_one("#wrong", Static).update(Text(visible(text, keep="\n")))
        self.query_one("#wrong").display = bool(text)

    @on(Input.Submitted)
    def action_pull(self) -> None:
        wish = self._wish
        if not wish.name:
            return
        try:
            check_name_to_pull(wish.name)
        except UsageError as error:
            self._say_wrong(f"✗ {error.message}\n{error.hint}")
        else:
            self.dismiss(wish)
