"""What a screen does for everything on it: tell, ask, copy, give the terminal away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from textual.app import SuspendNotSupported
from textual.screen import ModalScreen
from textual.widget import Widget

from engine import Event, Job, Problem, UsageError, visible
from tui.clipboard import copied
from tui.desk import Desk
from tui.dialogs.question import Question
from tui.state import Message, State
from tui.telling import guarded
from tui.widgets.command_line import CommandLine
from tui.widgets.repainted import Repainted

if TYPE_CHECKING:
    from textual.worker import Worker

    from engine import Workbench

T = TypeVar("T")

FRESH = 1.0
"""Seconds in which what was said is about what is done just now, and not about what was looked at before."""


class Services(Repainted[None]):
    """The part of `Bench` that does not depend on which panes there are."""

    def __init__(self, desk: Desk, state: State) -> None:
        super().__init__()
        self.desk, self.state = desk, state
        self.command_line = CommandLine()
        self.listeners: list[Callable[[Event], None]] = []
        self.focused_for = 0  # by which key (`State.asked`) what has the focus got it
        self._asked: dict[asyncio.Task[Any] | None, int] = {}  # by the task that does it
        # No ContextVar: a widget that work has mounted would have the number of that work for all keys of its life.
        self.said_at = 0.0
        """When something was said last, by the monotonic clock."""

    def complain(self, problem: Problem) -> None:
        text = visible(problem.message) + (f"\n{visible(problem.hint)}" if problem.hint else "")
        self.state.messages.append(Message(time.time(), text, grave=True))
        self._tell(text, timeout=8, grave=True)

    def say(self, text: str) -> None:
        self.state.messages.append(Message(time.time(), visible(text)))
        self._tell(visible(text), timeout=5)

    def _tell(self, text: str, *, timeout: float, grave: bool = False) -> None:
        self.said_at = time.monotonic()
        self.notify(text[:400], severity="error" if grave else "information", timeout=timeout, markup=False)

    def hush(self) -> None:
        """Something else is looked at: what was said of the last thing would lie over it. M has it still."""
        if time.monotonic() - self.said_at > FRESH:
            self.app.clear_notifications()

    @property
    def asked(self) -> int:
        """The number of the key that what is done now is done for (`State.asked`), be that long ago."""
        return self._asked.get(asyncio.current_task(), self.state.asked)

    async def settled(self) -> None:
        """Give what is about to be done a second: nobody is asked for that."""
        deadline = time.monotonic() + 1
        while self.state.begun and time.monotonic() < deadline:
            await asyncio.sleep(0.02)

    def set_focus(self, widget: Widget | None, scroll_visible: bool = True, from_app_focus: bool = False) -> None:
        """As the library's. What it tells comes later, and is no work of anybody's then."""
        self.focused_for = self.asked
        super().set_focus(widget, scroll_visible, from_app_focus)

    def later(self, work: Coroutine[Any, Any, None], asked: int | None = None) -> Worker[None]:
        number = self.asked if asked is None else asked

        async def numbered() -> None:
            task = asyncio.current_task()
            self._asked[task] = number
            try:
                await guarded(work, self.complain)
            finally:
                del self._asked[task]

        return self.run_worker(numbered())

    async def put(self, dialog: ModalScreen[T]) -> T | None:
        answer: T | None = await self.app.push_screen_wait(dialog)
        return answer

    async def ask(self, question: str, *, detail: str = "", command: str = "", yes: str = "Yes") -> bool:
        answer = await self.put(Question(question, detail=detail, command=command, yes=yes))
        return answer is True

    def job(self, title: str, work: Callable[[Workbench, Job], object], command: str) -> Job:
        return self.desk.job(title, work, command)

    async def result(
        self,
        title: str,
        work: Callable[[Workbench, Job], T],
        command: str,
        *,
        begun: Callable[[Job], object] = lambda job: None,
    ) -> T | None:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T | None] = loop.create_future()

        def settle(value: T | None) -> None:
            if not answer.done():
                answer.set_result(value)

        def act(workbench: Workbench, job: Job) -> None:
            value = None
            try:
                value = work(workbench, job)
            finally:
                with suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(settle, value)

        begun(self.job(title, act, command))
        return await answer

    def show_command(self, command: str, outcome: str = "", *, good: bool = True) -> None:
        self.command_line.show(command, outcome, good=good)

    def copy(self, text: str, what: str) -> None:
        def to_terminal(raw: str) -> None:
            self.app.call_from_thread(self.app.copy_to_clipboard, raw)

        async def work() -> None:
            self.say(await copied(text, what, self.desk.off_thread, to_terminal))

        self.later(work())

    def at_terminal(self, work: Callable[[], T]) -> T:
        # In the loop's own thread: nothing may be drawn while somebody else has the terminal.
        results: list[T] = []
        failure: BaseException | None = None
        try:
            with self.app.suspend():
                try:  # the screen comes back from a block that does not raise, and from no other
                    results.append(work())
                except BaseException as error:
                    failure = error
        except SuspendNotSupported:
            raise UsageError("this screen has no terminal to give away") from None
        finally:
            self.refresh(layout=True)
        if failure is not None:
            raise failure
        if not results:
            raise UsageError("this screen has no terminal to give away")
        return results[0]
