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
    """Actions that need nothing of the panes."""

    conductor: Conductor

    def __init__(self, desk: Desk, state: State) -> None:
        super().__init__(desk, state)
        self.title_bar = TitleBar("cutaway")

    def look(self, subject: Subject, *, go: str = "") -> None:
        """Look at a thing; `go` is a pane, or a tab of the main area, to be in afterwards."""
        raise NotImplementedError

    @property
    def subject(self) -> Subject:
        """What the keys are about."""
        raise NotImplementedError

    def look_first(self, subject: Subject, *, go: str = "") -> None:
        """What to begin with; who has pressed something meanwhile stays where they went."""
        if not self.state.asked:
            self.look(subject, go=go)
        elif (own := self.subject or subject) is not None:
            self.look(own)

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
