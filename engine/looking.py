"""Looking inside: the files of an image or a container, by layer, and out of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from engine.digest import Digest
from engine.disk import store_error
from engine.errors import CutawayError, PathUnknown, StoreError
from engine.jobs import CancelToken
from engine.layers import index, lower
from engine.layers.stacking import Change, Node, Tree
from engine.spec.users import names_in
from engine.store import Store
from engine.text import visible
from engine.views import FileEntry

_LINKS = 40  # symbolic links on one path, as the kernel allows (path_resolution(7))
_PIECE = 1 << 20
_MOST_NAMES = 4 << 20  # bytes of passwd or group that are looked at


@dataclass(frozen=True, slots=True)
class Owners:
    """Names of users and of groups by number. They may be hostile."""

    users: Mapping[int, str]
    groups: Mapping[int, str]

    def of(self, entry: FileEntry) -> str:
        """`root:adm`; a number where there is no name, "" where there is none at all."""
        user, group = self.users.get(entry.uid), self.groups.get(entry.gid)
        if user is None and group is None:
            return ""
        return f"{user if user is not None else entry.uid}:{group if group is not None else entry.gid}"


@dataclass(frozen=True, slots=True)
class Inside:
    """The merged tree of some layers, lowest first, and the directories that they are in."""

    tree: Tree
    roots: tuple[Path, ...]

    def entries(self, path: str) -> list[FileEntry]:
        """What is in a directory; of anything else it itself. Links on the way are followed, inside.

        Raises PathUnknown where there is nothing.
        """
        node = self.resolve(path)
        found = self.tree.children(node.path) if node.is_directory else [node]
        return [entry_of(each) for each in found]

    def names(self, path: str) -> list[tuple[str, bool]]:
        """What is in a directory, by name, and whether each is a directory itself. No link is followed."""
        return [(os.fsdecode(name), directory) for name, directory in self.tree.names(_raw(path))]

    def entry(self, path: str) -> FileEntry | None:
        """What shows at a path, no link followed."""
        node = self.tree.find(_raw(path))
        return None if node is None else entry_of(node)

    def paths(self) -> list[str]:
        """Every path that shows, the root apart, in no order."""
        return list(map(os.fsdecode, self.tree.paths()))

    def sizes(self) -> dict[str, int]:
        """Bytes of every path: of a file its own, of a directory those of all files below it."""
        return {os.fsdecode(path): size for path, size in self.tree.sizes().items()}

    def wasted(self) -> dict[str, int]:
        """Bytes of files that a higher layer hides, by path: they are in the image, and nobody sees them."""
        return {os.fsdecode(path): size for path, size in self.tree.wasted().items()}

    def changes(self, layer: int) -> list[FileEntry]:
        """What a layer (counted from 1) adds, changes and removes, by path."""
        return [entry_of(node) for node in self.tree.changes(layer)]

    def versions(self, path: str) -> list[FileEntry]:
        """The path in each layer that has something of that name itself, lowest first."""
        return [entry_of(node) for node in self.tree.versions(_raw(path))]

    def removal(self, path: str, layer: int) -> tuple[str, str] | None:
        """How a layer takes away what is below it at a path, "whiteout", "opaque" or "replaced", and where that mark
        is: at the path, or at a directory above it."""
        found = self.tree.removal(_raw(path), layer)
        return None if found is None else (found[0].value, os.fsdecode(found[1]))

    def is_opaque(self, path: str, layer: int) -> bool:
        """Whether a layer hides all that the layers below have in that directory."""
        return self.tree.is_opaque(_raw(path), layer)

    def attributes(self, entry: FileEntry) -> dict[str, bytes]:
        """The extended attributes of an entry, with their values."""
        return next((node.attributes for node in self.tree.versions(_raw(entry.path)) if node.layer == entry.layer), {})

    def up_to(self, layer: int) -> Inside:
        """The lowest so many layers alone."""
        return Inside(self.tree.up_to(layer), self.roots[:layer])

    def topped(self, directory: Path) -> Inside:
        """The same with an overlay's upper directory on top, as it is now. Raises StoreError."""
        return Inside(self.tree.topped(index.scan(directory)), (*self.roots, directory))

    def read(self, entry: FileEntry) -> BinaryIO:
        """A regular file's content as its layer has it, hidden by one above or not. Raises PathUnknown, StoreError."""
        for node in self.tree.versions(_raw(entry.path)):
            if node.layer == entry.layer and stat.S_ISREG(node.mode):
                return os.fdopen(self.descriptor(node), "rb")
        raise PathUnknown(f"{visible(entry.path)} is no regular file")

    def all(self, path: str) -> Iterator[FileEntry]:
        """All that is below a directory."""
        return map(entry_of, self.tree.below(self.resolve(path).path))

    def resolve(self, path: str, *, follow: bool = True) -> Node:
        """What a path leads to, links followed inside (the last one only if `follow`). Raises PathUnknown."""
        rest = list(reversed(os.fsencode(path).split(b"/")))
        real, links = b"", 0
        while rest:
            part = rest.pop()
            if part in (b"", b"."):
                continue
            if part == b"..":
                real = real.rpartition(b"/")[0]
                continue
            inner = real + b"/" + part if real else part
            node = self.tree.find(inner)
            if node is None:
                raise PathUnknown(f"there is no {visible(path)} in it")
            if stat.S_ISLNK(node.mode) and (follow or any(rest)):
                links += 1
                if links > _LINKS:
                    raise PathUnknown(f"too many symbolic links on the way to {visible(path)}")
                real = b"" if node.target.startswith(b"/") else real
                rest.extend(reversed(node.target.split(b"/")))
                continue
            real = inner
        found = self.tree.find(real)
        if found is None:
            raise PathUnknown("there is not even a root directory in it: no layer has a file")
        return found

    def owners(self) -> Owners:
        """Whose names the numbers are, as its own /etc/passwd and /etc/group say, looked up inside."""
        return Owners(self._names("/etc/passwd"), self._names("/etc/group"))

    def _names(self, path: str) -> dict[int, str]:
        try:
            with self.open(path) as file:
                return names_in(file.read(_MOST_NAMES))
        except (CutawayError, OSError):  # none, or something else in its place
            return {}

    def open(self, path: str) -> BinaryIO:
        """A regular file's content. Raises PathUnknown for anything else, StoreError."""
        node = self.resolve(path)
        if not stat.S_ISREG(node.mode):
            raise PathUnknown(f"{visible(path)} is no regular file", hint="cutaway files shows what it is.")
        return os.fdopen(self.descriptor(node), "rb")

    def descriptor(self, node: Node) -> int:
        """A file of one of the layers, opened without following a link; the caller closes it. Raises StoreError."""
        try:
            return lower.open_file(self.roots[node.layer - 1], node.path)
        except OSError as error:
            raise store_error(error, f"cannot read {visible(os.fsdecode(node.path))}") from error


def columns(store: Store, chain_id: Digest) -> index.Columns:
    """A layer's index: the kept one, or made anew and kept. Raises StoreError."""
    diff = store.layer_path(chain_id)
    path = diff.parent / index.FILE
    try:
        if (kept := index.decode(path.read_bytes())) is not None:
            return kept
    except OSError:
        pass
    if not diff.is_dir():
        raise StoreError(f"the layer {chain_id} is not expanded", hint="Pull the image again.")
    made = index.scan(diff)
    try:
        store.root.write(path, index.encode(made))
    except (StoreError, OSError):
        pass  # it can be looked at all the same
    return made


def look(store: Store, chain_ids: Sequence[Digest], in_place: Sequence[Path] = (), upper: Path | None = None) -> Inside:
    """The tree of expanded layers, or of directories `in_place` (whose index is not kept), and of a container's upper
    directory on top. Raises StoreError."""
    layers = [columns(store, chain_id) for chain_id in chain_ids]
    roots = [store.layer_path(chain_id) for chain_id in chain_ids]
    layers += map(index.scan, in_place)
    roots += in_place
    if upper is not None:
        layers.append(index.scan(upper))
        roots.append(upper)
    return Inside(Tree(layers), tuple(roots))


def compare(one: Inside, other: Inside, token: CancelToken) -> Iterator[FileEntry]:
    """What `other` has added, changed or removed against `one`, by path: metadata and content count, times do not.

    Raises StoreError, Cancelled.
    """
    before = {node.path: node for node in one.tree.below(b"")}
    after = {node.path: node for node in other.tree.below(b"")}
    for path in sorted({*before, *after}):
        token.check()
        old, new = before.get(path), after.get(path)
        if new is None and old is not None:
            yield msgspec.structs.replace(entry_of(old), change=Change.REMOVED.value)
        elif old is None and new is not None:
            yield msgspec.structs.replace(entry_of(new), change=Change.ADDED.value)
        elif old is not None and new is not None and not _same(one, old, other, new, token):
            yield msgspec.structs.replace(entry_of(new), change=Change.CHANGED.value)


def _same(one: Inside, old: Node, other: Inside, new: Node, token: CancelToken) -> bool:
    if (old.mode, old.uid, old.gid, old.target, old.device, old.attributes) != (
        new.mode,
        new.uid,
        new.gid,
        new.target,
        new.device,
        new.attributes,
    ):
        return False
    if not stat.S_ISREG(old.mode) or one.roots[old.layer - 1] == other.roots[new.layer - 1]:
        return True
    if old.size != new.size:
        return False
    with os.fdopen(one.descriptor(old), "rb") as left, os.fdopen(other.descriptor(new), "rb") as right:
        while piece := left.read(_PIECE):
            token.check()
            if piece != right.read(_PIECE):
                return False
    return True


def _raw(path: str) -> bytes:
    return os.fsencode(path.strip("/"))


def entry_of(node: Node) -> FileEntry:
    """A node as the façade hands it out."""
    return FileEntry(
        path=os.fsdecode(node.path),
        mode=node.mode,
        uid=node.uid,
        gid=node.gid,
        size=node.size,
        mtime=node.mtime_ns / 10**9,
        target=os.fsdecode(node.target),
        device=node.device,
        same_as=os.fsdecode(node.same_as),
        xattrs=tuple(sorted(node.attributes)),
        layer=node.layer,
        change=node.change.value,
        hides=node.hides,
    )
