"""Writing an image archive: regular files alone, the same bytes for the same content."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from engine.layers.header import BLOCK
from engine.layers.pack import plain_header


class ArchiveWriter:
    """A tar archive in a file that can be written at any place: a file's size may be known at its end alone."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def add(self, name: str, content: bytes) -> None:
        """A whole file. Raises OSError."""
        with self.open(name) as out:
            out.write(content)

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """A file, written inside. Raises OSError, and what the block raises."""
        header = self._out.tell()
        self._out.write(bytes(BLOCK))
        yield self._out
        end = self._out.tell()
        size = end - header - BLOCK
        self._out.write(bytes(-size % BLOCK))
        after = self._out.tell()
        self._out.seek(header)
        self._out.write(plain_header(name, size))
        self._out.seek(after)

    def end(self) -> None:
        """The archive's end. Raises OSError."""
        self._out.write(bytes(2 * BLOCK))
