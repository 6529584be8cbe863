"""The Output tab: follows a container's log while it is looked at, or those of several as one."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget

from engine import ContainerSummary, Status, Stream, visible
from tui.bench import Bench
from tui.dialogs.choice import Choice
from tui.dialogs.form import Field, Form, Values
from tui.dialogs.page import Page
from tui.files_out import may_write, place, wrong_place
from tui.panes.output import saving
from tui.panes.output.pane import OutputPane
from tui.panes.output.saving import Limits
from tui.panes.output.sources import LogSource
from tui.panes.tab import MainTab
from tui.subjects import OfContainer, OfDraft, OfImage, OfNeighbour, Subject
from tui.telling import problem, refused
from tui.widgets.log_search import Pattern
from tui.widgets.log_source import Merged
from tui.widgets.log_view import LogView

if TYPE_CHECKING:
    from engine import CancelToken, Transcript

_SINCE: dict[str, tuple[str, float]] = {
    "1": ("the last minute", 60),
    "2": ("the last 5 minutes", 300),
    "3": ("the last 15 minutes", 900),
    "4": ("the last hour", 3600),
    "5": ("the last 24 hours", 86400),
}
_TAIL = 100


class OutputTab(MainTab):
    """What a container prints, while it prints it, or words on why there is nothing."""

    tab_id = "output"
    title = "Output"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("T", "since", "since 0–6", id="output.since"),
        Binding("0", "begin('0')", "everything again", show=False, id="output.everything"),
        Binding("m", "merge", "merge with", id="output.merge"),
        Binding("S", "save", "save", id="output.save"),
    ]

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.pane = OutputPane(id="output-pane")
        self._following: list[tuple[Transcript, CancelToken]] = []
        self._merged: list[str] = []  # ids of the containers whose output is shown beside the subject's
        self._limits = Limits()
        self._filter: Pattern | None = None  # what is shown of it when it comes merged with others

    def compose(self) -> Iterable[Widget]:
        yield self.pane

    @property
    def summary(self) -> str:
        return self.pane.summary

    @property
    def copyable(self) -> tuple[str, str]:
        return self.pane.log_view.copyable

    def take_focus(self) -> None:
        self.pane.take_focus()

    def search(self) -> bool:
        self.pane.action_ask("search")
        return True

    # -- what is followed ------------------------------------------------------------------------------

    def fill(self, subject: Subject) -> None:
        self.leave()
        match subject:
            case OfImage():
                self.pane.say(
                    "An image prints nothing: it is started as a container.\n\nPress enter in [1] to make one of it."
                )
            case OfDraft():
                self.pane.say("Not started yet.\n\nctrl+l in the Config tab launches it; its output comes here.")
            case OfNeighbour():
                self.pane.say(self.theirs)
            case OfContainer(id):
                container = self.container
                if container is not None and container.working:
                    self.pane.say("A working container prints nothing: nothing runs in it.")
                elif container is not None and container.passes:
                    self.pane.say("Made with --log-driver passthrough: it has the streams of who started it.")
                elif container is not None and not container.logged:
                    self.pane.say(
                        "Made with --log-driver none: what it prints is not kept.\n\nPress a in [4] to attach."
                    )
                elif container is not None and container.status is Status.CREATED:
                    self.pane.say("Created and not started yet: there is no output.\n\nPress r in [4] to start it.")
                else:
                    self.bench.later(self._follow([id, *self._merged]))

    def is_stale(self, container: ContainerSummary, before: Status | None) -> bool:
        """Follow the output again if it runs again."""
        return container.status is Status.RUNNING and before not in (Status.RUNNING, Status.PAUSED)

    def forget(self) -> None:
        super().forget()
        self._merged, self._limits, self._filter = [], Limits(), None

    def leave(self) -> None:
        for transcript, token in self._following:
            token.cancel()
            transcript.close()
        self._following.clear()

    async def _follow(self, ids: Sequence[str]) -> None:
        subject = self.subject
        found = await self.bench.desk.ask(lambda workbench: [workbench.transcript(id) for id in ids])
        if self.subject != subject or self._following:
            for transcript in found:
                transcript.close()
            return
        names = [self._name_of(id) for id in ids]
        sources = [LogSource(t, name if len(ids) > 1 else "") for t, name in zip(found, names, strict=True)]
        for transcript in found:
            token = self.bench.desk.follow(transcript, self.pane.log_view.grown, self._ended)
            self._following.append((transcript, token))
        self._limits = Limits()
        self.pane.show(sources[0] if len(ids) == 1 else Merged(sources), names if len(ids) > 1 else ())
        if self._filter is not None:
            self.pane.log_view.filter_with(self._filter)
            self._filter = None
        if self.has_focus_within:
            self.take_focus()

    def _ended(self, failure: Exception | None) -> None:
        self.pane.log_view.grown()
        if failure is not None:
            self.bench.complain(problem(failure))

    def _name_of(self, id: str) -> str:
        container = self.bench.state.containers.get(id)
        return container.name if container is not None else id

    # -- which part of it ------------------------------------------------------------------------------

    def action_since(self) -> None:
        if self._following:
            self.bench.later(self._ask_since())

    async def _ask_since(self) -> None:
        choices = [("0", "everything"), *((key, words) for key, (words, _) in _SINCE.items())]
        answer = await self.bench.put(Choice("Show the output of", [*choices, ("6", f"the last {_TAIL} lines")]))
        if answer is not None:
            self.action_begin(answer)

    def action_begin(self, choice: str) -> None:
        """Show everything (0), what came since a while ago (1 to 5), or the newest lines (6)."""
        view = self.pane.log_view
        if view.model is None or not self._following:
            return
        source = view.model.source
        if choice in _SINCE:
            since = time.time() - _SINCE[choice][1]
            said = datetime.fromtimestamp(since).astimezone().isoformat(timespec="seconds")
            self._limits = Limits(since=since, since_said=said)
            view.begin_at(source.at(since), f"since {datetime.fromtimestamp(since):%H:%M:%S}")
        elif choice == "6":
            self._limits = Limits(tail=_TAIL)
            view.begin_at(max(source.first, source.end - _TAIL), f"from the last {_TAIL} on")
        else:
            self._limits = Limits()
            view.begin_at(0, "")
        self._show_command()

    def _show_command(self) -> None:
        """The command line that prints what is shown here."""
        if isinstance(self.subject, OfContainer):
            names = [self._name_of(id) for id in (self.subject.id, *self._merged)]
            flags = ["-f", *(["--names"] if len(names) > 1 else []), *self._limits.words]
            self.bench.show_command(self.bench.desk.command("logs", *flags, *names))

    def action_merge(self) -> None:
        if self._following:
            self.bench.later(self._merge())

    async def _merge(self) -> None:
        own = self.container
        others = [
            c
            for c in sorted(self.bench.state.containers.values(), key=lambda c: c.name)
            if own is not None and c.id != own.id and not c.working and c.logged and c.status is not Status.CREATED
        ]
        if own is None or not others:
            self.bench.say("There is no other container with output.")
            return
        fields = [
            Field(c.id, f"{visible(c.name)}   {c.status.value}", "yes" if c.id in self._merged else "", toggle=True)
            for c in others
        ]
        wish = await self.bench.put(Form(f"Show {own.name} merged with", fields, done="show them by time"))
        if wish is not None and self.container is not None and self.container.id == own.id:
            self._merged, self._limits = [id for id, on in wish.items() if on], Limits()
            model = self.pane.log_view.model
            self._filter = model.filter.pattern if model is not None and model.filter is not None else None
            self.outdate()
            self._show_command()

    # -- taking it away --------------------------------------------------------------------------------

    def action_save(self) -> None:
        if self._following and not refused(self.bench):
            self.bench.later(self._save())

    async def _save(self) -> None:
        model, container = self.pane.log_view.model, self.container
        if model is None or container is None:
            return
        numbers = model.seen if model.filter is None else model.seen[:]
        pattern = model.filter.pattern if model.filter is not None else None
        several = len(self._following) > 1

        def line(values: Values) -> str:
            if several:
                return ""
            logs = self.bench.desk.command("logs", *self._limits.words, container.name)
            return saving.command(logs, pattern, values["path"])

        wish = await self.bench.put(
            Form(
                f"Save {len(numbers):,} lines",
                [Field("path", "to the file", f"{container.name}.log")],
                done="save",
                line=line,
                wrong=lambda values: wrong_place(values["path"]),
            )
        )
        if wish is not None and await may_write(self.bench, path := place(wish["path"])):
            self.bench.job(f"save {path.name}", lambda _, job: saving.save(model, numbers, path, job), line(wish))

    @on(LogView.Whole)
    def _whole(self, event: LogView.Whole) -> None:
        event.stop()
        line = event.line
        moment = datetime.fromtimestamp(line.time).isoformat(sep=" ", timespec="microseconds") if line.time else ""
        where = Stream.STDERR.value if line.other else Stream.STDOUT.value
        rows = [("the line, as it was written", line.text), ("when and where", f"{moment}  {where}  {line.label}")]
        self.app.push_screen(Page("One line of output", rows, copies="the line"))

    @on(OutputPane.Summary)
    def _summary(self, event: OutputPane.Summary) -> None:
        event.stop()
        self.post_message(self.Changed())
