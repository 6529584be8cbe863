"""Layers on top of each other: which one each file is from, and what each layer adds, changes, removes and hides."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from engine.layers.index import Columns

_LAYER = 32  # bits of a place that are its row; the rest is the layer's number
_ROW = (1 << _LAYER) - 1


class Change(Enum):
    """What a layer does to a path."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"
    NONE = ""
    """It names a directory that was there, as it was."""


@dataclass(frozen=True, slots=True)
class Node:
    """One path as a layer has it. `layer` counts from 1, the lowest; `change` is what that layer did; `hides` is the
    layer whose file it takes the place of, 0 for none. Sizes are bytes, `mtime_ns` nanoseconds since the epoch;
    `same_as` is another name of the same file, `device` (major, minor)."""

    path: bytes
    mode: int
    uid: int
    gid: int
    size: int
    mtime_ns: int
    target: bytes
    device: tuple[int, int]
    same_as: bytes
    attributes: dict[str, bytes]
    layer: int
    change: Change
    hides: int

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.mode)


@dataclass(frozen=True, slots=True)
class LayerChanges:
    """What one layer does: numbers of paths, and bytes. `wasted` is the size of files of lower layers that it hides:
    they are in the image, and nobody sees them."""

    added: int
    changed: int
    removed: int
    size: int
    wasted: int


def efficiency(layers: Sequence[LayerChanges]) -> float:
    """How much of the bytes in all layers can be seen from above, 0 to 1."""
    size = sum(layer.size for layer in layers)
    return 1 - sum(layer.wasted for layer in layers) / size if size else 1.0


class Mark(Enum):
    """How a layer takes away what is below it."""

    WHITEOUT = "whiteout"
    """A whiteout of that name."""

    OPAQUE = "opaque"
    """A directory that shows nothing of those below it."""

    REPLACED = "replaced"
    """Something else where a directory was."""


class Tree:
    """The layers, lowest first, merged as overlayfs does (overlayfs.rst, "whiteouts and opaque directories")."""

    def __init__(self, layers: Sequence[Columns]) -> None:
        self._layers = list(layers)
        self._merged: dict[bytes, int] = {}
        self._hides: list[dict[int, int]] = []
        self._unchanged: list[set[int]] = []
        self._removed: list[dict[bytes, int]] = []
        for number, columns in enumerate(layers, 1):
            self._stack(number, columns)

    def _stack(self, number: int, columns: Columns) -> None:
        merged, first = self._merged, number << _LAYER
        hides: dict[int, int] = {}
        unchanged: set[int] = set()
        removed: dict[bytes, int] = {}
        marks = set(columns.whiteouts)
        if merged:
            gone = {columns.paths[row] for row in columns.whiteouts}
            emptied = {columns.paths[row] for row in columns.opaque}
            for row, path in enumerate(columns.paths):
                place = merged.get(path)
                if place is None or row in marks:
                    continue
                below, there = self._layers[(place >> _LAYER) - 1], place & _ROW
                if stat.S_ISDIR(columns.modes[row]) and stat.S_ISDIR(below.modes[there]):
                    if _alike(columns, row, below, there):
                        unchanged.add(row)
                else:
                    if stat.S_ISDIR(below.modes[there]):
                        emptied.add(path)
                hides[row] = place
            removed = self._hide(gone, emptied)
        merged.update(zip(columns.paths, range(first, first + len(columns.paths)), strict=True))
        for row in columns.whiteouts:
            merged.pop(columns.paths[row], None)
        for path in [path for path in removed if path in merged]:
            del removed[path]
        self._hides.append(hides)
        self._unchanged.append(unchanged)
        self._removed.append(removed)

    def _hide(self, gone: set[bytes], emptied: set[bytes]) -> dict[bytes, int]:
        """Take paths away, and all below them or below those `emptied`; what it was."""
        merged = self._merged
        roots = {path for path in gone | emptied if path in merged and stat.S_ISDIR(self._mode(merged[path]))}
        found = [path for path in gone if path in merged]
        if roots:
            below = _below(merged, roots)
            found += [path for path in below if path not in gone]
        return {path: merged.pop(path) for path in found}

    def _mode(self, place: int) -> int:
        return self._layers[(place >> _LAYER) - 1].modes[place & _ROW]

    # -- what is asked ---------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._merged)

    def find(self, path: bytes) -> Node | None:
        """What shows at a path without leading slash ("" is the root)."""
        place = self._merged.get(path)
        return None if place is None else self._node(place)

    @property
    def depth(self) -> int:
        """How many layers."""
        return len(self._layers)

    def paths(self) -> list[bytes]:
        """Every path that shows, the root apart, in no order."""
        return [path for path in self._merged if path]

    def names(self, path: bytes) -> list[tuple[bytes, bool]]:
        """What is in a directory, by name, and whether it is a directory itself. Quick, where `children` is rich."""
        prefix, merged = path + b"/" if path else b"", self._merged
        return [(name, stat.S_ISDIR(self._mode(merged[prefix + name]))) for name in self._names.get(path, ())]

    def sizes(self) -> dict[bytes, int]:
        """Bytes of every path that shows: of a file its own, of a directory all files below it, of one with several
        names once."""
        found: dict[bytes, int] = {}
        sums: dict[bytes, int] = dict.fromkeys(self._names, 0)
        for path, place in self._merged.items():
            columns, row = self._layers[(place >> _LAYER) - 1], place & _ROW
            size = found[path] = columns.sizes[row]
            if size and row not in columns.links:
                sums[path.rpartition(b"/")[0]] += size
        for path in sorted(sums, key=lambda path: path.count(b"/"), reverse=True):
            if path and path.rpartition(b"/")[0]:
                sums[path.rpartition(b"/")[0]] += sums[path]
        sums[b""] = sum(size for path, size in sums.items() if b"/" not in path)
        return {**found, **sums}

    def wasted(self) -> dict[bytes, int]:
        """Bytes of hidden files by path: they are in the layers, and nobody sees them."""
        found: dict[bytes, int] = {}
        for hides, removed in zip(self._hides, self._removed, strict=True):
            for place in (*hides.values(), *removed.values()):
                columns, row = self._layers[(place >> _LAYER) - 1], place & _ROW
                if size := columns.sizes[row]:
                    found[columns.paths[row]] = found.get(columns.paths[row], 0) + size
        return found

    def up_to(self, number: int) -> Tree:
        """The lowest so many layers alone."""
        return Tree(self._layers[:number])

    def topped(self, columns: Columns) -> Tree:
        """The same with one layer more on top; this one stays as it is, and shares what it can."""
        made = Tree(())
        made._layers = [*self._layers, columns]
        made._merged = dict(self._merged)
        made._hides, made._unchanged, made._removed = [*self._hides], [*self._unchanged], [*self._removed]
        made._stack(made.depth, columns)
        return made

    def versions(self, path: bytes) -> list[Node]:
        """The path in each layer that has something of that name itself, lowest first."""
        return [
            self._node(number << _LAYER | row)
            for number, rows in enumerate(self._rows, 1)
            if (row := rows.get(path)) is not None and row not in self._marks[number - 1]
        ]

    def removal(self, path: bytes, number: int) -> tuple[Mark, bytes] | None:
        """How a layer takes away what is below it at a path, and where the mark is: there, or above it."""
        columns, rows, marks = self._layers[number - 1], self._rows[number - 1], self._marks[number - 1]
        here = path
        while True:
            row = rows.get(here)
            if row in marks:
                return Mark.WHITEOUT, here
            if here != path and row in columns.opaque:
                return Mark.OPAQUE, here
            if here != path and row is not None and not stat.S_ISDIR(columns.modes[row]):
                return Mark.REPLACED, here
            if not here:
                return None
            here = here.rpartition(b"/")[0]

    def is_opaque(self, path: bytes, number: int) -> bool:
        """Whether a layer hides all that the layers below have in that directory."""
        row = self._rows[number - 1].get(path)
        return row is not None and row in self._layers[number - 1].opaque

    @cached_property
    def _rows(self) -> list[dict[bytes, int]]:
        return [{path: row for row, path in enumerate(columns.paths)} for columns in self._layers]

    @cached_property
    def _marks(self) -> list[frozenset[int]]:
        return [frozenset(columns.whiteouts) for columns in self._layers]

    def children(self, path: bytes) -> list[Node]:
        """What is in a directory, by name."""
        prefix = path + b"/" if path else b""
        return [self._node(self._merged[prefix + name]) for name in self._names.get(path, ())]

    def below(self, path: bytes) -> Iterator[Node]:
        """All that is below a directory, parents first."""
        levels = [iter(self.children(path))]
        while levels:  # not by recursion: what a container made may be deeper than Python goes
            node = next(levels[-1], None)
            if node is None:
                levels.pop()
                continue
            yield node
            if node.is_directory:
                levels.append(iter(self.children(node.path)))

    def changes(self, number: int) -> Iterator[Node]:
        """What a layer adds, changes and removes, by path."""
        columns, removed = self._layers[number - 1], self._removed[number - 1]
        marks, unchanged = set(columns.whiteouts), self._unchanged[number - 1]
        rows: list[tuple[bytes, int | None]] = [
            (path, row)
            for row, path in enumerate(columns.paths)
            if row not in marks and row not in unchanged and not (path == b"" and number == 1)
        ]
        for path, row in sorted([*rows, *((path, None) for path in removed)]):
            if row is None:
                yield self._node(removed[path], Change.REMOVED, removed[path] >> _LAYER)
            else:
                yield self._node(number << _LAYER | row)

    def summary(self, number: int) -> LayerChanges:
        """The numbers of one layer."""
        columns, hides = self._layers[number - 1], self._hides[number - 1]
        removed, unchanged = self._removed[number - 1], self._unchanged[number - 1]
        changed = len(hides) - len(unchanged)
        covered = [*removed.values(), *hides.values()]
        return LayerChanges(
            added=len(columns.paths) - len(columns.whiteouts) - len(hides),
            changed=changed,
            removed=len(removed),
            size=sum(columns.sizes) - sum(columns.sizes[row] for row in columns.links),
            wasted=sum(self._layers[(place >> _LAYER) - 1].sizes[place & _ROW] for place in covered),
        )

    @cached_property
    def _names(self) -> dict[bytes, list[bytes]]:
        found: dict[bytes, list[bytes]] = {}
        for path in self._merged:
            if path:
                parent, _, name = path.rpartition(b"/")
                found.setdefault(parent, []).append(name)
        for names in found.values():
            names.sort()
        return found

    def _node(self, place: int, change: Change | None = None, hides: int = 0) -> Node:
        number, row = place >> _LAYER, place & _ROW
        columns = self._layers[number - 1]
        if change is None:
            hidden = self._hides[number - 1].get(row)
            hides = 0 if hidden is None else hidden >> _LAYER
            change = Change.CHANGED if hides else Change.ADDED
            if row in self._unchanged[number - 1]:
                change, hides = Change.NONE, 0
        first = columns.links.get(row)
        return Node(
            columns.paths[row],
            columns.modes[row],
            columns.uids[row],
            columns.gids[row],
            columns.sizes[row],
            columns.times[row],
            columns.targets.get(row, b""),
            columns.devices.get(row, (0, 0)),
            b"" if first is None else columns.paths[first],
            columns.attributes.get(row, {}),
            number,
            change,
            hides,
        )


def _alike(upper: Columns, row: int, below: Columns, there: int) -> bool:
    """Whether a directory is as it was, its time apart, which changes with what is in it."""
    return (
        upper.modes[row] == below.modes[there]
        and upper.uids[row] == below.uids[there]
        and upper.gids[row] == below.gids[there]
        and upper.attributes.get(row) == below.attributes.get(there)
    )


def _below(paths: Iterable[bytes], roots: set[bytes]) -> dict[bytes, None]:
    """Which of `paths`, where a directory comes before what is in it, are below one of the directories `roots`."""
    found: dict[bytes, None] = {}
    for path in paths:
        parent = path.rpartition(b"/")[0]
        if path and (parent in roots or parent in found):
            found[path] = None
    return found
