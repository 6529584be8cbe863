"""The Config tab: reads what `ConfigPane` shows, and keeps what is written in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual import on
from textual.widget import Widget

from engine import CutawayError, visible
from tui.bench import Bench
from tui.panes.config.analysis import Analysis, analyse
from tui.panes.config.editor import ConfigEditor
from tui.panes.config.pane import ConfigPane
from tui.panes.config.text_view import TextView
from tui.panes.tab import MainTab
from tui.subjects import OfContainer, OfDraft, OfImage, OfNeighbour, OfRevision, Subject

if TYPE_CHECKING:
    from engine import Provenance


class ConfigTab(MainTab):
    """An image's configuration, a draft to write in, or a config.json that is in force."""

    tab_id = "config"
    title = "Config"

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.pane = ConfigPane(id="config-pane")
        self._provenance: Provenance | None = None
        self._wanted: str | None = None
        """Where the cursor is to go once the text has been looked at."""

    def compose(self) -> Iterable[Widget]:
        yield self.pane

    @property
    def analysis(self) -> Analysis | None:
        """What is known of the text in the editor."""
        return self.pane.view.analysis

    @property
    def summary(self) -> str:
        return self.pane.summary

    @property
    def copyable(self) -> tuple[str, str]:
        return self.pane.copyable

    def take_focus(self) -> None:
        self.pane.take_focus()

    def search(self) -> bool:
        if self.pane.shows_text:
            self.pane.view.action_find()
        return True

    def fill(self, subject: Subject) -> None:
        match subject:
            case OfImage(reference):
                self.pane.say("reading…")
                self.bench.later(self._read_card(subject, reference))
            case OfDraft() | OfRevision():
                if (writing := self.writing) is not None:
                    writing.port = self
                    self.pane.show_text(writing.text, writable=True, writing=writing.typing, original=writing.original)
                    writing.typing = False
            case OfNeighbour():
                self.pane.say(self.theirs)
            case OfContainer(id):
                container = self.container
                if container is not None and container.working:
                    self.pane.say(
                        "A working container has no config.json: nothing runs in it.\n\n"
                        f"Its root filesystem is in {visible(str(container.merged))}"
                    )
                else:
                    self.pane.say("reading…")
                    self.bench.later(self._read_config(subject, id))

    async def _read_card(self, subject: Subject, reference: str) -> None:
        document = await self.bench.desk.ask(lambda workbench: workbench.inspect(reference))
        if self.subject == subject:
            self.pane.show_card(document, "enter")

    async def _read_config(self, subject: Subject, id: str) -> None:
        try:
            text, self._provenance = await self.bench.desk.ask(lambda workbench: workbench.config(id))
        except CutawayError as error:
            if self.subject == subject:
                self.pane.say(f"✗ {visible(error.message)}\n\n{visible(error.hint)}")
            return
        if self.subject == subject:
            had_focus = self.has_focus_within
            self.pane.show_text(text, writable=False)
            if had_focus:
                self.take_focus()

    def settle(self) -> None:
        if self.writing is not None and self.pane.writing:
            self._write(self.pane.view.editor.text)

    def _write(self, text: str) -> None:
        """The draft's text is this now."""
        writing = self.writing
        if writing is not None and text != writing.text:
            before, writing.text = writing.edited, text
            self.bench.conductor.drafts.changed(writing, was_edited=before)

    def change_to(self, text: str) -> None:
        self.pane.view.change_to(text, follow=True)

    def write(self) -> None:
        self.pane.view.write()

    def look_again(self, pointer: str) -> None:
        self._wanted = pointer
        self._look()

    def leave(self) -> None:
        if self.writing is not None:
            self.writing.port = None

    @on(ConfigEditor.Copy)
    def _copy(self, event: ConfigEditor.Copy) -> None:
        self.bench.copy(event.text, "the selection")

    @on(TextView.Edited)
    def _edited(self, event: TextView.Edited) -> None:
        event.stop()
        self._write(event.text)

    @on(TextView.Stale)
    def _text_changed(self, event: TextView.Stale) -> None:
        event.stop()
        self._look()

    def _look(self) -> None:
        self.bench.later(self._analyse(self.subject, self.pane.view.editor.text))

    async def _analyse(self, subject: Subject, text: str) -> None:
        writing = self.writing
        draft = writing.draft if writing is not None else None
        provenance = draft.provenance if draft is not None else self._provenance
        if provenance is None:
            return
        known, before = provenance, writing.original if writing is not None else ""
        failure = writing.failure if writing is not None else None
        analysis = await self.bench.desk.ask(lambda workbench: analyse(workbench, text, known, draft, before, failure))
        if self.subject == subject:
            if writing is not None:
                writing.analysis = analysis
            self.pane.view.take(analysis)
            if self._wanted is not None and self.pane.view.go_to(self._wanted):
                self._wanted = None
                if self.has_focus_within:  # who has gone elsewhere stays there
                    self.take_focus()

    @on(TextView.Refused)
    def _refused(self, event: TextView.Refused) -> None:
        event.stop()
        self.bench.say(event.why)

    @on(ConfigPane.Asked)
    def _asked(self, event: ConfigPane.Asked) -> None:
        event.stop()
        match self.subject:
            case OfImage(reference):
                self.bench.conductor.drafts.open(reference, typing=True)
            case OfContainer(id) if self.container is not None and not self.container.working:
                self.bench.later(self.bench.conductor.drafts.reopen(id))

    @on(TextView.Summary)
    def _summary(self, event: TextView.Summary) -> None:
        event.stop()
        self.post_message(self.Changed())
