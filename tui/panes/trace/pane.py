"""What the engine did, in steps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static

from engine import Step, StepKind, visible
from tui.text import clip, counted, duration
from tui.widgets.item_list import Item, ItemList

_KINDS = {StepKind.REQUEST: "get", StepKind.RUNTIME: "runc", StepKind.NETWORK: "net"}


class TracePane(Vertical):
    """Steps, and below them the whole of the one under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("Y", "copy_all", "copy all", id="trace.copy-all")]

    class Details(Message):
        """A step is to be shown in full."""

        def __init__(self, title: str, rows: list[tuple[str, str]]) -> None:
            super().__init__()
            self.title = title
            self.rows = rows

    class Copy(Message):
        """Something is to be copied."""

        def __init__(self, text: str, what: str) -> None:
            super().__init__()
            self.text = text
            self.what = what

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._steps: list[Step] = []

    def compose(self) -> ComposeResult:
        yield ItemList(empty="reading…", id="steps")
        yield Static("", id="step", markup=False)

    @property
    def items(self) -> ItemList:
        return self.query_one("#steps", ItemList)

    @property
    def summary(self) -> str:
        count, seconds = len(self._steps), sum(step.duration for step in self._steps)
        if not count:
            return ""
        return f"{counted(count, 'step')} · {duration(seconds)} · enter shows all of it · y copy · Y copy all"

    @property
    def copyable(self) -> str:
        """The command of the step under the cursor."""
        step = self._at_cursor()
        return step.command if step is not None else ""

    def show(self, steps: list[Step], said: str) -> None:
        """`said` stands there if there are none; plain and safe."""
        self._steps = steps
        self.items.set_empty(said)
        self.items.set_items(
            [Item(str(n), f"{s.kind.value} {s.command} {s.detail}", line(s)) for n, s in enumerate(steps)]
        )
        self._show_step()

    def filter_with(self, text: str) -> None:
        self.items.set_filter(text)

    def action_copy_all(self) -> None:
        text = "".join(f"{step.command}\n" for step in self._steps)
        self.post_message(self.Copy(text, counted(len(self._steps), "command")))

    def _at_cursor(self) -> Step | None:
        key = self.items.key
        return self._steps[int(key)] if key is not None and int(key) < len(self._steps) else None

    def _show_step(self) -> None:
        step = self._at_cursor()
        text = Text()
        if step is not None:
            text.append("$ ", "bold").append(visible(step.command))
            if step.failure:
                text.append(f"\n✗ {visible(step.failure)}", "bold")
            elif step.detail:
                text.append(f"\n{visible(step.detail)}")
            if step.peer:
                text.append(f"\nalso: {visible(step.peer)}")
        self.query_one("#step", Static).update(text, layout=False)

    @on(ItemList.Moved)
    def _moved(self, event: ItemList.Moved) -> None:
        event.stop()
        self._show_step()

    @on(ItemList.Chosen)
    def _chosen(self, event: ItemList.Chosen) -> None:
        event.stop()
        step = self._at_cursor()
        if step is None:
            return
        self.post_message(self.Details(f"Step {int(event.key) + 1} of {len(self._steps)}", details(step)))


def details(step: Step) -> list[tuple[str, str]]:
    """All of a step, as label and text; the command first."""
    rows = [
        ("command", step.command),
        ("began", f"{datetime.fromtimestamp(step.time):%Y-%m-%d %H:%M:%S}"),
        ("took", duration(step.duration)),
        ("kind", step.kind.value),
    ]
    more = (("result", step.detail), ("failure", step.failure), ("with a peer", step.peer))
    return rows + [(label, text) for label, text in more if text]


def line(step: Step) -> Callable[[int], Text]:
    """A step in one line."""

    def draw(width: int) -> Text:
        head = f"{_KINDS.get(step.kind, step.kind.value):<7}"
        if width >= 60:
            head = f"{datetime.fromtimestamp(step.time):%H:%M:%S} {duration(step.duration):>8} {head}"
        detail = f"✗ {visible(step.failure)}" if step.failure else visible(step.detail)
        room = width - cell_len(head)
        detail = clip(detail, max(0, room // 3)) if room > 40 else ""
        command = clip(visible(step.command), max(1, room - cell_len(detail) - (2 if detail else 0)))
        text = Text(head, no_wrap=True, end="")
        text.append(command, "bold" if step.failure else "")
        text.append(" " * max(0, width - text.cell_len - cell_len(detail)))
        text.append(detail, "italic")
        return text

    return draw
