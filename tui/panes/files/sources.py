"""Where a tree's files come from: an image or a container as it is merged, or a list of what was changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from stat import S_ISDIR
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from engine import FileEntry, Inside


class Source(Protocol):
    """What a tree of files asks. Paths have no slash in front; "" is the root."""

    def names(self, path: str) -> Sequence[tuple[str, bool]]:
        """What is in a directory, by name, and whether each is a directory itself."""

    def entry(self, path: str) -> FileEntry | None:
        """What is known of a path."""

    def paths(self) -> Iterable[str]:
        """Every path."""

    def size(self, path: str) -> int:
        """Bytes of a file, or of all files below a directory."""


class Merged:
    """All files of an image, or of its layers up to one, or of a container."""

    def __init__(self, inside: Inside, sizes: Mapping[str, int]) -> None:
        self.inside, self._sizes = inside, sizes

    def names(self, path: str) -> Sequence[tuple[str, bool]]:
        return self.inside.names(path)

    def entry(self, path: str) -> FileEntry | None:
        return self.inside.entry(path)

    def paths(self) -> Iterable[str]:
        return self.inside.paths()

    def size(self, path: str) -> int:
        return self._sizes.get(path, 0)


class Listed:
    """Changes alone, with the directories on the way to them. `context` knows what those directories are."""

    def __init__(self, entries: Iterable[FileEntry], context: Inside | None = None) -> None:
        self.entries = {entry.path: entry for entry in entries}
        self._context = context
        found: dict[str, dict[str, bool]] = {"": {}}
        for path, entry in self.entries.items():
            directory = S_ISDIR(entry.mode)
            while path:
                parent, _, name = path.rpartition("/")
                among = found.setdefault(parent, {})
                if name in among and among[name] >= directory:
                    break
                among[name] = directory or among.get(name, False)
                path, directory = parent, True
        self._names = {path: sorted(among.items()) for path, among in found.items()}

    def names(self, path: str) -> Sequence[tuple[str, bool]]:
        return self._names.get(path, ())

    def entry(self, path: str) -> FileEntry | None:
        found = self.entries.get(path)
        if found is None and self._context is not None and (found := self._context.entry(path)) is not None:
            return msgspec.structs.replace(found, change="", hides=0)
        return found

    def paths(self) -> Iterable[str]:
        for parent, among in self._names.items():
            prefix = f"{parent}/" if parent else ""
            for name, _ in among:
                yield prefix + name

    def size(self, path: str) -> int:
        return self._sizes.get(path, 0)

    def below(self, path: str) -> Iterable[str]:
        """The changes at a path and below it."""
        waiting = [path]
        while waiting:
            here = waiting.pop()
            if here in self.entries:
                yield here
            waiting += [f"{here}/{name}" if here else name for name, _ in self._names.get(here, ())]

    @cached_property
    def _sizes(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for path, entry in self.entries.items():
            if entry.size and not entry.same_as:
                while True:
                    found[path] = found.get(path, 0) + entry.size
                    if not path:
                        break
                    path = path.rpartition("/")[0]
            else:
                found.setdefault(path, entry.size)
        return found
