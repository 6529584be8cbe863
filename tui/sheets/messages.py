"""What was said on the screen, to be read again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from rich.text import Text

from engine import Event
from tui.sheets.sheet import Row, Sheet
from tui.state import Message
from tui.text import clip


class MessagesSheet(Sheet[None]):
    """Each with its time."""

    heading = "What was said"
    what = "message"

    def hear(self, event: Event) -> None:
        self.call_later(self.fill)

    def fill(self) -> None:
        messages = self.bench.state.messages
        if len(messages) != len(self._rows):
            self.show([_row(number, message) for number, message in enumerate(messages)])


def _row(number: int, message: Message) -> Row:
    when = f"{datetime.fromtimestamp(message.time):%H:%M:%S}"
    label = f"{when}, something went wrong" if message.grave else when
    return Row(str(number), message.text, _line(when, message), message.text, [(label, message.text)])


def _line(when: str, message: Message) -> Callable[[int], Text]:
    def draw(width: int) -> Text:
        text = Text(f"{when} {'✗' if message.grave else ' '} ", no_wrap=True, end="")
        said = " ".join(message.text.split("\n"))
        return text.append(clip(said, max(1, width - text.cell_len)), "bold" if message.grave else "")

    return draw
