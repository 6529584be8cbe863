"""The tour: seven steps that are really done, each with what it is, its commands, and where to look."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from engine import CutawayError, shortened, visible
from tui.bench import Bench
from tui.sheets.whole import WholeScreen
from tui.widgets.frame import Frame, Tab

if TYPE_CHECKING:
    from engine import Job, Tour, Workbench
    from engine import Page as TourPage


class _Body(Frame):
    def __init__(self) -> None:
        super().__init__(id="tour")
        self.page = Static("", id="tour-page", markup=False)

    def compose_body(self) -> ComposeResult:
        with VerticalScroll(id="tour-scroll", can_focus=True):
            yield self.page


class TourScreen(WholeScreen[None]):
    """A step is done when it is first gone to. What was made goes at the end, unless it is to stay."""

    DEFAULT_CSS = """
    TourScreen #tour-page { padding: 1 2; height: auto; }
    TourScreen #tour-scroll { scrollbar-size-vertical: 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,right,n,l", "turn(1)", "on", id="tour.on"),
        Binding("left,b,h", "turn(-1)", "back", id="tour.back", key_display="b"),
        Binding("down,j", "scroll(1)", "down", show=False, id="tour.down"),
        Binding("up,k", "scroll(-1)", "up", show=False, id="tour.up"),
        Binding("y", "copy", "copy the commands", id="tour.copy"),
        Binding("K", "keep", "keep what was made", id="tour.keep"),
    ]

    def __init__(self, bench: Bench, image: str | None = None) -> None:
        """On the built-in image, unless one is named."""
        self._page = _Body()
        super().__init__(bench, self._page)
        self._image = image
        self._tour: Tour | None = None
        self._step: Job | None = None  # under way, or the last that was
        self._pages: list[TourPage] = []
        self._number = -1
        self._busy = False
        self._keep = self._left = False

    def on_mount(self) -> None:
        self.body.take_focus()
        self.action_turn(1)

    def action_turn(self, steps: int) -> None:
        """To another step; one that was not done yet is done now."""
        from engine import Tour

        wanted = self._number + steps
        if self._busy or not wanted >= 0:
            return
        if wanted == len(Tour.TITLES):
            self.action_leave()
        elif wanted < len(self._pages):
            self._show(wanted)
        else:
            self._busy = True
            self._say(wanted, Text(f"doing it…\n\n{'It can be left at any time with esc.' if not wanted else ''}"))
            self.bench.later(self._go(wanted))

    async def _go(self, number: int) -> None:
        from engine import Tour

        if self._tour is None:
            image = self._image
            self._tour = await self.bench.desk.ask(lambda workbench: Tour(workbench, image))
        if self._left:
            return
        tour = self._tour
        title = f"tour, step {number + 1}"
        why = "it ended without a word; M in the workbench shows what was said"

        def work(workbench: Workbench, job: Job) -> TourPage:
            nonlocal why
            try:
                return tour.page(number, job)
            except CutawayError as error:
                why = visible(f"{error.message}\n{error.hint}".strip(), keep="\n")
                raise

        page = await self.bench.result(title, work, "", begun=self._begun)
        if self._left:
            return
        self._busy = False
        if page is not None:
            self._pages.append(page)
            self._show(number)
        else:
            self._say(number, Text(f"This step could not be done.\n\n✗ {why}\n\nenter tries again · esc ends the tour"))

    def _begun(self, step: Job) -> None:
        self._step = step

    def _show(self, number: int) -> None:
        self._number = number
        page = self._pages[number]
        text = Text()
        text.append(f"{page.title}\n\n", "bold").append(f"{page.text}\n\n")
        root = self.bench.desk.workbench.root.path
        commands = [shortened(command, root, "$ROOT") for command in page.commands]
        if commands != list(page.commands):
            text.append("$ ", "bold").append(f"ROOT={visible(str(root))}\n")
        for command in commands:
            text.append("$ ", "bold").append(f"{visible(command)}\n")
        text.append("\n")
        for line in page.seen:
            text.append(f"  {line}\n")
        if page.paths:
            text.append("\nLook at it yourself:\n", "bold")
        for path in page.paths:
            text.append(f"  {visible(str(path))}\n")
        self._say(number, text)

    def _say(self, number: int, text: Text) -> None:
        from engine import Tour

        self.body.edge.show([Tab("tour", f"Tour · step {number + 1} of {len(Tour.TITLES)}", active=True)], [])
        dots = " ".join("●" if n == number else "✓" if n < len(self._pages) else "○" for n in range(len(Tour.TITLES)))
        kept = "what was made stays" if self._keep else "what was made goes at the end · K keeps it"
        self.body.set_subtitle(f"{dots} · enter on · b back · {kept}")
        self._page.page.update(text)
        self.body.query_one("#tour-scroll", VerticalScroll).scroll_home(animate=False)

    def action_scroll(self, lines: int) -> None:
        self.body.query_one("#tour-scroll", VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_keep(self) -> None:
        """Whether what was made is to stay."""
        self._keep = not self._keep
        if self._number >= 0:
            self._show(self._number)

    def action_copy(self) -> None:
        if 0 <= self._number < len(self._pages):
            commands = self._pages[self._number].commands
            self.bench.copy("".join(f"{command}\n" for command in commands), "the commands of this step")

    def action_leave(self) -> None:
        """End it, at any time: a step under way is cancelled first."""
        self._left = True
        if self._tour is not None:
            if self._step is not None:
                self._step.cancel()
            self.bench.later(self._end(self._tour, self._step, keep=self._keep))
        self.dismiss(None)

    async def _end(self, tour: Tour, step: Job | None, *, keep: bool) -> None:
        if step is not None:
            await self.bench.desk.off_thread(step.join)
        for line in await self.bench.result("end the tour", lambda w, job: tour.end(job, keep=keep), "") or ():
            self.bench.say(line)
