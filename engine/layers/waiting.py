"""What a layer holds that only the layers below can decide: notes that unpacking leaves and settling reads.

They are JSON lines in a file beside the layer's directory, so that a person can read them and a layer with
millions costs no memory while it is unpacked. Names are text with surrogates for bytes that are not UTF-8.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import Enum
from typing import IO, TYPE_CHECKING

from engine.errors import LayerError
from engine.layers.limits import Limits

if TYPE_CHECKING:
    from pathlib import Path

FILE = "waiting.jsonl"


class Wait(Enum):
    """Why something waits."""

    WHITEOUT = "whiteout"  # path: hide it, if a lower layer has it
    OPAQUE = "opaque"  # path: hide all that lower layers have in this directory
    IMPLICIT = "implicit"  # path: a directory without an entry; a lower layer may have one, or a link there
    LINK = "link"  # path, target: a hard link to a file of a lower layer


class Notes:
    """Writes notes."""

    def __init__(self, file: IO[str], limits: Limits) -> None:
        self._file = file
        self._limits = limits
        self._count = 0

    def add(self, wait: Wait, path: bytes, target: bytes = b"") -> None:
        """Note one thing. Raises LayerError if there are too many."""
        self._count += 1
        if self._count > self._limits.waiting:
            raise LayerError(
                f"the layer has more than {self._limits.waiting} whiteouts, directories without an entry,"
                " and hard links to files of lower layers",
                hint=self._limits.hint("waiting"),
            )
        self._file.write(json.dumps([wait.value, text(path), text(target)]) + "\n")

    def close(self) -> None:
        self._file.close()


def read(path: Path) -> Iterator[tuple[Wait, bytes, bytes]]:
    """The notes in the order in which they were made."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            wait, name, target = json.loads(line)
            yield Wait(wait), raw(name), raw(target)


def text(name: bytes) -> str:
    """A name as notes have it: with surrogates for bytes that are not UTF-8."""
    return name.decode("utf-8", "surrogateescape")


def raw(name: str) -> bytes:
    """The opposite of `text`."""
    return name.encode("utf-8", "surrogateescape")
