"""Not waiting for what cannot be interrupted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from engine.errors import Cancelled
from engine.jobs import CancelToken

T = TypeVar("T")


def cancellable(function: Callable[[], T], discard: Callable[[T], object], token: CancelToken) -> T:
    """Run `function` in a thread of its own, so that a cancellation need not wait for it.

    Looking up a name, connecting and waiting for headers cannot be interrupted from outside. After a
    cancellation the thread ends by its own time-outs and discards what it got.
    """
    lock = threading.Lock()
    ready = threading.Event()
    results: list[T] = []
    errors: list[BaseException] = []
    abandoned = False

    def work() -> None:
        try:
            result = function()
        except BaseException as error:
            errors.append(error)
        else:
            with lock:
                if not abandoned:
                    results.append(result)
            if not results:
                discard(result)
        ready.set()

    with token.interrupting(ready.set):
        threading.Thread(target=work, name="cutaway-request", daemon=True).start()
        ready.wait()
    with lock:
        abandoned = True
    if token.cancelled:
        for result in results:
            discard(result)
        raise Cancelled
    if errors:
        raise errors[0]
    return results[0]
