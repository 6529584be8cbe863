"""A server that asks to be left alone for a while (RFC 6585, section 4; RFC 9110, section 10.2.3)."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

from engine.errors import RegistryError
from engine.registry.response import Response

BUSY = frozenset({429, 500, 502, 503, 504})
"""The statuses after which asking again makes sense."""


class Busy(RegistryError):
    """Asking again may help. `asked` is how many seconds the server wants to be left alone, 0 if it did not say."""

    asked: float = 0.0

    @classmethod
    def told_by(cls, response: Response) -> Busy:
        """What an answer of 429 or 5xx says."""
        host = response.host
        if response.status == 429:
            made = cls(f"{host}: too many requests (429)", hint="Wait a while, or log in for a higher limit.")
        else:
            made = cls(f"{host}: the server fails ({response.status})", hint="Try again later.")
        made.asked = _retry_after(response.headers.get("Retry-After", ""))
        return made


def _retry_after(value: str) -> float:
    """Seconds that a Retry-After header asks for, 0 where it says nothing usable."""
    if value.isascii() and value.isdigit() and len(value) < 10:
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return 0.0
