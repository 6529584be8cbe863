"""The application: themes, the first paint, the one screen, the palette. Wiring only."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType

from engine import Event, Problem, Settings, Sink
from tui import themes
from tui.bridge import Bridge
from tui.collecting import Collecting
from tui.colourless import Colourless
from tui.desk import Desk
from tui.dialogs.page import Page
from tui.hangup import hung_up
from tui.in_turn import Behind, InTurn
from tui.palette import Actions, Things
from tui.panes.tabs import TABS
from tui.screens.empty_panes import EmptyPanes
from tui.screens.workbench import WorkbenchScreen
from tui.settings import keymap, layout, theme
from tui.state import State
from tui.telling import problem
from tui.widgets.remembered_styles import RememberedStyles
from tui.widgets.title_bar import TitleBar

if TYPE_CHECKING:
    from engine import Workbench


def make_workbench(root: Path | None, sink: Sink) -> Workbench:
    """The real engine; importing it takes time, so it is asked for after the first paint."""
    from engine import Workbench

    return Workbench(root, sink=sink)


class CutawayApp(App[None]):
    """Cutaway's screen on one data directory."""

    TITLE = "cutaway"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar[set[Callable[..., object]]] = {Actions, Things}  # type: ignore[assignment]
    # What is told stands above the two lowest lines, and takes no more room than it needs. Where there is none beside a
    # dialog but the highest line, the newest has that, as far as it goes: `M` lists all.
    CSS = """
    ToastRack { margin: 0 1 2 0; }
    Toast { width: 64; max-width: 90%; padding: 0 1; margin-top: 0; }
    Dialog.-short ToastRack { dock: top; margin: 0; scrollbar-size: 0 0; }
    Dialog.-short ToastHolder { display: none; &:last-child { display: block; } }
    Dialog.-short Toast { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+p", "command_palette", "palette", show=False, priority=True, id="app.palette"),
        Binding("ctrl+q", "screen.leave_from_anywhere", "quit", show=False, priority=True, id="app.quit"),
        Binding("ctrl+c", "interrupt", "copy or cancel", show=False, system=True, id="app.interrupt"),
    ]

    def __init__(
        self,
        root: Path | None = None,
        *,
        settings: Settings | None = None,
        read_only: bool = False,
        collecting: Collecting | None = None,
    ) -> None:
        """`settings` are read from no file here; `read_only`: nothing may be changed; `collecting`: the process is ours
        alone, so its garbage may be collected when it suits."""
        super().__init__()
        self._collecting = collecting
        self._settings = settings or Settings(Path("config.toml"))
        self._read_only = read_only
        self._root = root
        self._in_turn = InTurn(self)
        self._bridge: Bridge | None = None
        self._desk: Desk | None = None
        self._workbench: WorkbenchScreen | None = None
        own, wrong = themes.own(self._settings.path.parent / "themes")
        self._settings.problems += wrong
        for known in [*themes.shipped(), *own]:
            self.register_theme(known)
        for name in list(self.available_themes):
            if not name.startswith("cutaway-"):
                self.unregister_theme(name)
        chosen = theme(self._settings, self.available_themes, themes.DEFAULT)
        self.theme = themes.WITHOUT_COLOR if self.no_color else chosen
        self.stylesheet = RememberedStyles(variables=self.get_css_variables())  # this theme's, from the first paint
        if self.no_color:  # the library's own filter makes greys of colours
            self._filters = [Colourless()]

    def compose(self) -> ComposeResult:
        yield TitleBar("cutaway")
        yield EmptyPanes(self._settings.layout)

    def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ValueError, RuntimeError):  # not in the main thread: somebody else's signals
            loop.add_signal_handler(signal.SIGTERM, self._told_to_end, signal.SIGTERM)
            if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup(1) has it
                loop.add_signal_handler(signal.SIGHUP, self._hung_up)

    def on_ready(self) -> None:
        """Put the workbench in the place of the empty panes, which were there in no time."""
        self._bridge = Bridge(asyncio.get_running_loop(), self._deliver)
        self._desk = Desk(self._root, self._bridge.sink, make_workbench)
        self._desk.begin()
        keys = keymap(self._settings)
        self.set_keymap(keys)
        state = State(
            keys=keys,
            read_only=self._read_only,
            asks_neighbours=self._settings.neighbours,
            layout=layout(self._settings, {tab.tab_id: tab for tab in TABS}),
            flags=self._settings.flags,
        )
        self._workbench = screen = WorkbenchScreen(self._desk, state)
        self.push_screen(screen)
        for said in self._settings.problems:
            self.call_after_refresh(screen.complain, Problem("settings", f"{self._settings.path.name}: {said}"))
        if self._collecting is not None:
            self.set_interval(1.0, self._look_about)

    async def on_event(self, event: events.Event) -> None:
        if self._collecting is not None and isinstance(event, events.InputEvent):
            self._collecting.typed()
        if isinstance(event, (events.Key, events.Paste)) and not event.is_forwarded:
            await self._in_turn.carry_out(event, self._carry_out)
        else:
            await self._carry_out(event)

    async def _carry_out(self, event: events.Event) -> None:
        pressed = isinstance(event, (events.Key, events.MouseDown)) and not event.is_forwarded
        if pressed and self._workbench is not None:
            self._workbench.state.asked += 1
        await super().on_event(event)

    @on(Behind)
    def _behind(self, event: Behind) -> None:
        self._in_turn.came(event)

    def _look_about(self) -> None:
        """What is to be looked at now and then where the process is ours."""
        if self._collecting is not None:
            self._collecting.look()
        if hung_up():
            self._told_to_end(signal.SIGTERM)

    def _hung_up(self) -> None:
        """Somebody sent SIGHUP, or the terminal has gone: then nothing is left to be put back, and the library would
        wait for ever until it can write there."""
        if hung_up():
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGHUP)
        self._told_to_end(signal.SIGHUP)

    def _told_to_end(self, by: signal.Signals) -> None:
        """End as `q` does, without asking; so that the terminal is left as it was found."""
        if self._workbench is not None and self._workbench.is_mounted:
            self._workbench.looking.close()
        self.exit(return_code=128 + by)

    def _deliver(self, events: list[Event]) -> None:
        if self._workbench is not None and self._workbench.is_attached:
            try:
                self._workbench.conductor.deliver(events)
            except Exception as error:  # nobody else would hear of it
                self._workbench.complain(problem(error))

    @on(Page.Copy)
    def _copy_from_page(self, event: Page.Copy) -> None:
        if self._workbench is not None:  # a dialog's messages come here, not to the screen below it
            self._workbench.copy(event.text, event.what)

    def action_interrupt(self) -> None:
        """ctrl+c neither kills nor quits by accident."""
        self.notify("q quits; c cancels a pull in [1].", markup=False)

    async def on_unmount(self) -> None:
        if self._bridge is not None:
            self._bridge.close()
        if self._desk is not None:
            await asyncio.to_thread(self._desk.close)
