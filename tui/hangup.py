"""Whether the terminal has gone."""

from __future__ import annotations

import select


def hung_up() -> bool:
    """Mostly SIGHUP ends the process then. Where it is ignored, or the terminal was not the session's own, standard
    input would be read at its end for ever, with a processor to itself (poll(2), POLLHUP)."""
    poll = select.poll()
    poll.register(0, 0)
    return any(state & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, state in poll.poll(0))
