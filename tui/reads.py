"""Short questions to the engine, asked off the screen's own thread.

A few daemon threads, so that one blocked read neither stops the others nor delays the way out.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_THREADS = 3


class Reads:
    """Runs short blocking functions in threads of its own and awaits their results."""

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        for number in range(_THREADS):
            threading.Thread(target=self._serve, name=f"cutaway-read-{number}", daemon=True).start()

    async def ask(self, question: Callable[[], T]) -> T:
        """Call `question` in another thread; its result, or its exception, comes back here."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def settle(result: T | None, error: BaseException | None) -> None:
            if answer.done():  # nobody waits for it any more
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(result)  # type: ignore[arg-type]

        def work() -> None:
            result, failure = None, None
            try:
                result = question()
            except BaseException as error:  # whatever it was belongs to the one who asked
                failure = error
            try:
                loop.call_soon_threadsafe(settle, result, failure)
            except RuntimeError:  # the loop has ended
                pass

        self._work.put(work)
        return await answer

    def _serve(self) -> None:
        while True:
            self._work.get()()
