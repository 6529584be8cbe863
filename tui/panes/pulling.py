"""An image on its way, here or to a registry, on a page: each layer with its phase, the whole, and what went wrong."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static

from engine import human_size, visible
from tui.panes.layers.pane import progress_line
from tui.progress import Pull
from tui.text import plain
from tui.widgets.bars import bar


class PullView(Static, can_focus=True):
    """Draws one pull."""

    def __init__(self) -> None:
        super().__init__("", id="pulling", markup=False)

    def show(self, pull: Pull) -> None:
        width = max(20, self.size.width - 4) if self.size.width else 76
        page, again = Text(), "P in [1]" if pull.out else "p"
        how_far = pull.progress
        things, sent = ("blobs", "sent") if pull.out else ("layers", "loaded")
        page.append_text(plain(pull.name, "bold")).append("\n\n")
        if not how_far.layers and pull.problem is None and not pull.cancelled:
            page.append("asking the registry what it has…\n" if pull.out else "asking the registry for the manifest…\n")
        for number in sorted(how_far.layers):
            page.append_text(progress_line(how_far.layers[number], width)).append("\n")
        if how_far.layers:
            page.append(f"\n   {bar(how_far.fraction, min(40, width - 10))} {how_far.percent:>4}\n", "bold")
            page.append(f"   {how_far.settled} of {how_far.count} {things} · {human_size(how_far.downloaded)} {sent}")
            if how_far.speed and not pull.finished:
                page.append(f" · {human_size(int(how_far.speed))}/s")
            page.append("\n")
        page.append("\n" if how_far.layers else "")
        if pull.problem is not None:
            page.append(f"✗ {visible(pull.problem.message)}\n", "bold")
            page.append(f"{visible(pull.problem.hint)}\n" if pull.problem.hint else "")
            page.append(f"\n{again}   try again\nD   off the list")
        elif pull.cancelled:
            page.append(f"✗ cancelled; what was {sent} stays for the next try\n\n{again}   try again\nD   off the list")
        elif not pull.finished:
            page.append("c", "bold").append("   cancel")
        self.update(page)
