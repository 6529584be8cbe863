"""What the workbench opens in front of itself: lists over the whole screen, pages, the palette."""

from __future__ import annotations

from tui.conductor import Conductor
from tui.desk import Desk
from tui.dialogs.page import Page
from tui.help import help_rows, host_rows
from tui.screens.services import Services
from tui.state import State
from tui.subjects import Subject
from tui.widgets.title_bar import TitleBar


class InFront(Services):
    """Actions that need nothing of the panes. What they open is given this screen as its `Bench`."""

    conductor: Conductor

    def __init__(self, desk: Desk, state: State) -> None:
        super().__init__(desk, state)
        self.title_bar = TitleBar("cutaway")

    def look(self, subject: Subject, *, go: str = "") -> None:
        raise NotImplementedError  # it is about panes

    def action_record(self) -> None:
        from tui.sheets.record import RecordSheet

        self.app.push_screen(RecordSheet(self))

    def action_jobs(self) -> None:
        from tui.sheets.jobs import JobsSheet

        self.app.push_screen(JobsSheet(self))

    def action_messages(self) -> None:
        from tui.sheets.messages import MessagesSheet

        self.app.push_screen(MessagesSheet(self))

    def action_host(self) -> None:
        self.show_command(self.desk.command("system", "info"))
        self.app.push_screen(Page("This host", host_rows(self.title_bar.place, self.state.problems)))

    def action_palette(self) -> None:
        self.app.action_command_palette()

    def action_help(self) -> None:
        self.app.push_screen(Page("Keys that work here", help_rows(self)))
