"""Whose descriptors a process's streams are to be connected with, and how that ends; `foreground` does it."""

from __future__ import annotations

from enum import Enum

import msgspec

DETACH_KEYS = "ctrl-p,ctrl-q"
"""podman's and docker's own."""


class Attachment(msgspec.Struct, frozen=True):
    """The caller's ends of a process's streams: file descriptors; a `stdin` of None is not connected.

    `detach_keys` are looked for where `stdin` is a terminal; from a file or a pipe they are data like any other.
    """

    stdin: int | None
    stdout: int
    stderr: int
    detach_keys: str = DETACH_KEYS


class Ending(Enum):
    """How an attachment came to its end."""

    ENDED = "ended"
    """The container has ended (or its monitor)."""
    DETACHED = "detached"
    """The detach keys were typed. The container goes on."""
    LOST = "lost"
    """What it prints cannot be written any more: nobody reads, or there is no room. The container goes on."""
