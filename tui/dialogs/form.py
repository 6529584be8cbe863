"""A few values to fill in, with the command line that they make."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widget import Widget
from textual.widgets import Input, Static

from engine import visible
from tui.dialogs.dialog import Dialog
from tui.text import plain
from tui.widgets.toggle import Toggle

Values = Mapping[str, str]
"""By the names of the fields; of a toggle "yes" or ""."""


@dataclass(frozen=True, slots=True)
class Field:
    """One value. `words` are plain and safe; `value` is what it begins with; `hint` is shown while it is empty."""

    name: str
    words: str
    value: str = ""
    hint: str = ""
    toggle: bool = False
    secret: bool = False
    """Not to be read over a shoulder."""
    over: bool = False
    """What is typed takes the place of what it begins with."""


def _nothing_wrong(values: Values) -> str:
    return ""


def _no_line(values: Values) -> str:
    return ""


_WIDEST = 44
"""Cells for the words before a field; longer ones are wrapped."""


class Form(Dialog[Values | None]):
    """Asks for values; enter takes them where nothing is wrong with them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # Before the field that has the focus, so that a quick next key does not get into it.
        Binding("enter", "done", "do it", priority=True, id="form.done"),
        Binding("up", "app.focus_previous", "field before", show=False, id="form.up"),
        Binding("down", "app.focus_next", "next field", show=False, id="form.down"),
    ]

    DEFAULT_CSS = """
    Form {
        & #fields { height: auto; max-height: 12; }
        & .field { height: auto; }
        & Input { width: 1fr; height: 1; border: none; padding: 0 1; background: $boost; &:focus { border: none; } }
    }
    """

    def __init__(
        self,
        heading: str,
        fields: Sequence[Field],
        *,
        done: str,
        detail: str = "",
        line: Callable[[Values], str] = _no_line,
        wrong: Callable[[Values], str] = _nothing_wrong,
    ) -> None:
        """`done` says in a word what enter does; `line` gives the command line, `wrong` what is wrong ("" nothing)."""
        super().__init__()
        self.heading = visible(heading)
        toggles = any(field.toggle for field in fields)
        self.hint = (
            f"enter {done}{' · space turns' if toggles else ''}{' · ↑ ↓ move' if len(fields) > 1 else ''} · esc leave"
        )
        self._fields, self._detail = list(fields), detail
        self._line, self._wrong = line, wrong
        self._left: Widget | None = None

    def compose_box(self) -> Iterable[Widget]:
        if self._detail:
            yield Static(Text(visible(self._detail, keep="\n") + "\n"), id="detail")
        widest = max((cell_len(field.words) for field in self._fields if not field.toggle), default=0)
        widest = min(widest, _WIDEST)
        with VerticalScroll(id="fields", can_focus=False):
            for field in self._fields:
                if field.toggle:
                    yield Toggle(field.words, bool(field.value), id=f"field-{field.name}")
                else:
                    with Horizontal(classes="field"):
                        words = Static(Text(field.words))
                        words.styles.width = widest + 2
                        yield words
                        yield Input(
                            field.value,
                            placeholder=field.hint,
                            id=f"field-{field.name}",
                            select_on_focus=field.over,
                            compact=True,
                            password=field.secret,
                        )
        yield Static("", id="wrong", markup=False)
        yield Static("", id="line", classes="command", markup=False)

    def on_mount(self) -> None:
        self._widget(self._fields[0]).focus()
        self._show()

    def on_resize(self) -> None:
        """Where there is little room the fields and the command line come before the words above them."""
        room = self.size.height * 9 // 10 - 4
        for detail in self.query("#detail"):
            detail.display = room >= len(self._fields) + 7
        self.query_one("#fields").styles.max_height = max(3, min(12, room - 5))

    def _widget(self, field: Field) -> Widget:
        return self.query_one(f"#field-{field.name}")

    @property
    def _values(self) -> Values:
        values = {}
        for field in self._fields:
            widget = self._widget(field)
            on = isinstance(widget, Toggle) and widget.on
            values[field.name] = widget.value.strip() if isinstance(widget, Input) else "yes" if on else ""
        return values

    @on(Input.Changed)
    @on(Toggle.Turned)
    def _show(self) -> None:
        values = self._values
        wrong, line = self._wrong(values), self._line(values)
        self.query_one("#wrong", Static).update(plain(f"✗ {wrong}" if wrong else ""))
        self.query_one("#wrong").display = bool(wrong)
        self.query_one("#line", Static).update(plain(f"$ {line}" if line else ""))
        self.query_one("#line").display = bool(line)

    def action_done(self) -> None:
        """Take the values, once the field that has the focus has all that was typed before this key."""
        field, self._left = self.focused, self.focused
        self.set_focus(None)
        (field or self).call_later(self._finish)

    def _finish(self) -> None:
        if not self._wrong(self._values):
            self.dismiss(self._values)
        else:
            self.set_focus(self._left)
