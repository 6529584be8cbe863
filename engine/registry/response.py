"""A registry's answer, read in bounded, cancellable steps."""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import Mapping

import requests
import urllib3

from engine.errors import ContentError, RegistryUnreachable
from engine.jobs import CancelToken
from engine.text import visible

CHUNK = 256 * 1024
"""Bytes read at a time at most."""

NO_TLS = "it does not speak TLS"
_NO_TLS_REASONS = frozenset({"WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"})
"""OpenSSL's words for an answer to its greeting that is not TLS."""

_TRICKLE = 1024
"""Fewer bytes than this within the time of inactivity count as none."""


class Interrupted(RegistryUnreachable):
    """The connection broke in the middle of an answer; what was read so far stands."""


class Response:
    """An answer whose body has not been read yet."""

    def __init__(self, response: requests.Response, host: str, redirected_to: str, inactivity: float) -> None:
        self._response = response
        self._inactivity = inactivity
        self._received = 0  # bytes, in
        self._waited = 0.0  # seconds of waiting for them
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.host = host
        """Who answered."""
        self.redirected_to = redirected_to
        """The same, where it is not the one that was asked; otherwise empty."""

    @property
    def length(self) -> int | None:
        """The Content-Length, where there is a usable one."""
        return _number(self.headers.get("Content-Length", ""))

    def interrupt(self) -> None:
        """Make a blocked `read` return. Safe in any thread, at any time."""
        with contextlib.suppress(ValueError, RuntimeError, OSError):
            self._response.raw.shutdown()

    def read(self, count: int, token: CancelToken) -> bytes:
        """What one system call brings of the body as it is on the wire: up to `count` bytes; empty at its end.

        Nothing that has come is kept back until more comes: it counts as progress, and is there after a crash.
        Raises Interrupted when the connection breaks or (nearly) stalls, Cancelled.
        """
        began = time.monotonic()
        try:
            data: bytes = self._response.raw.read1(count, decode_content=False)
            self._patience(len(data), time.monotonic() - began)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            token.check()  # after a shutdown errors are not worth telling, and what came is cut short
            raise Interrupted(f"the connection broke: {reason(error)}") from error
        token.check()
        return data

    def _patience(self, received: int, waited: float) -> None:
        """Raises TimeoutError where next to nothing came in the time of inactivity."""
        self._received += received
        self._waited += waited
        if self._waited > self._inactivity:
            if received and self._received < _TRICKLE:
                raise TimeoutError
            self._received, self._waited = 0, 0.0

    def read_all(self, limit: int, what: str, token: CancelToken) -> bytes:
        """The whole body, of at most `limit` bytes. Raises ContentError if it is longer, Interrupted, Cancelled."""
        parts: list[bytes] = []
        total = 0
        while max(total, self.length or 0) <= limit:  # what is announced as longer is not even begun
            data = self.read(min(CHUNK, limit + 1 - total), token)
            if not data:
                return b"".join(parts)
            parts.append(data)
            total += len(data)
        raise ContentError(f"{what} is over {limit} bytes", hint="The registry sends more than it should.")

    def close(self) -> None:
        """Give the connection back, or drop it if the body was not read to its end."""
        self._response.close()


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def reason(error: BaseException) -> str:
    """The innermost cause in a few words, without addresses: those may carry signatures."""
    seen = error
    for _ in range(8):
        inner = getattr(seen, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((arg for arg in seen.args if isinstance(arg, BaseException)), seen.__cause__)
        if inner is None:
            break
        seen = inner
    if isinstance(seen, ssl.SSLCertVerificationError):
        text = seen.verify_message
    elif isinstance(seen, ssl.SSLError) and seen.reason:
        text = NO_TLS if seen.reason in _NO_TLS_REASONS else seen.reason.replace("_", " ").lower()
    elif isinstance(seen, TimeoutError | urllib3.exceptions.TimeoutError):
        text = "timed out"
    elif isinstance(seen, OSError) and seen.strerror:
        text = seen.strerror
    elif isinstance(seen, urllib3.exceptions.IncompleteRead):
        text = "the answer ended too early"
    else:
        text = str(seen.args[0]) if seen.args and isinstance(seen.args[0], str) else type(seen).__name__
    return visible(text)[:200]
