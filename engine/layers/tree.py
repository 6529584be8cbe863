"""Entries become files: below the process's root directory, through descriptors of the directories they are in.

The worker has changed its root to the layer's directory before this runs, so a path cannot name anything else,
whatever links the layer makes. Within it, names are resolved here: a parent that is a link of this layer leads
where it points inside the layer, and what is missing on the way is made.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable

from engine.errors import LayerError
from engine.layers import names, xattrs
from engine.layers.archive import Archive, Kind, Member
from engine.layers.directories import Directories, Directory
from engine.layers.limits import Limits
from engine.layers.names import shown
from engine.layers.times import Times
from engine.layers.waiting import Notes, Wait
from engine.walking import remove_tree

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LARGEST_MAJOR, _LARGEST_MINOR = (1 << 12) - 1, (1 << 20) - 1  # what the kernel's dev_t holds
_NO_NAMES = (b"", b".", b"..")
_FILE = Kind.FILE
_SPECIAL = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX


class Counts:
    """What was made: bytes of regular files, entries that are content, attributes that could not be kept; and noted:
    whiteouts, opaque ones too."""

    __slots__ = ("files", "size", "skipped_xattrs", "whiteouts")

    def __init__(self) -> None:
        self.size = self.files = self.skipped_xattrs = self.whiteouts = 0


class Tree:
    """Makes entries in the order they come. Times of directories wait until `finish`."""

    def __init__(self, notes: Notes, times: Times, limits: Limits) -> None:
        self.counts = Counts()
        self._notes = notes
        self._times = times
        self._limits = limits
        self._directories = Directories(self._implied)
        self._links_wait = False
        self._before: bytes | None = None  # all before the last slash of a name, and the clean path that it means
        self._parent = b""
        self._seen = 0
        self._implied(b"")

    def add(self, member: Member, archive: Archive) -> None:
        """Make one entry; the content is taken from the archive. Raises LayerError, StoreError, OSError."""
        self._count()
        parent, base = self._place_of(member.name)
        if base.startswith(names.WHITEOUT):
            self._whiteout(parent, base, member)
            return
        if parent.startswith(names.AUFS_PRIVATE):
            return
        self.counts.files += 1
        if not base:
            self._root(member)
        elif member.kind is _FILE:
            self._file(parent, base, member, archive)
        elif member.kind is Kind.DIRECTORY:
            self._directory(parent, base, member)
        elif member.kind is Kind.SYMLINK:
            self._symlink(parent, base, member)
        elif member.kind is Kind.LINK:
            self._link(parent, base, member)
        else:
            self._special(parent, base, member)

    def finish(self) -> None:
        """Give directories what adding to them would have changed."""
        self._directories.forget()
        self._times.apply()

    def _place_of(self, name: bytes) -> tuple[bytes, bytes]:
        """The clean path of the directory that an entry goes to, and its name in there ("" for the root itself).

        Entries of one directory follow each other, so the last one's is kept.
        """
        before, _, base = name.rpartition(b"/")
        if before == self._before and base not in _NO_NAMES and len(name) < names.PATH_MAX:
            return self._parent, base
        parent, last = names.split(names.clean(name))
        if last and last == base:
            self._before, self._parent = before, parent
        return parent, last

    def _count(self) -> None:
        self._seen += 1
        if self._seen > self._limits.entries:
            raise LayerError(
                f"the layer has more than {self._limits.entries} entries", hint=self._limits.hint("entries")
            )

    def _implied(self, path: bytes) -> None:
        self._count()
        os.setxattr(path or b".", xattrs.IMPLICIT, b"")
        self._notes.add(Wait.IMPLICIT, path)

    def _file(self, parent: bytes, base: bytes, member: Member, archive: Archive) -> None:
        directory = self._directories.get(parent)
        mode, mtime = member.mode, member.mtime
        try:
            handle = os.open(base, _CREATE, mode & 0o777, dir_fd=directory.handle)
        except FileExistsError:
            self._remove(directory, base)
            handle = os.open(base, _CREATE, mode & 0o777, dir_fd=directory.handle)
        try:
            if member.size:
                archive.copy(handle, member)
            if member.uid or member.gid:
                os.fchown(handle, member.uid, member.gid)
            if mode & _SPECIAL:
                os.fchmod(handle, mode)
            if member.xattrs:  # last: a change of owner or content takes capabilities away
                self._attributes(handle, member.xattrs)
            os.utime(handle, ns=(mtime, mtime))
        finally:
            os.close(handle)
        self.counts.size += member.size

    def _directory(self, parent: bytes, base: bytes, member: Member) -> None:
        directory = self._directories.get(parent)
        existed = False
        mode = member.mode & 0o777
        try:
            os.mkdir(base, mode, dir_fd=directory.handle)
        except FileExistsError:
            if stat.S_ISDIR(os.lstat(base, dir_fd=directory.handle).st_mode):
                existed = True
            else:
                self._remove(directory, base)
                os.mkdir(base, mode, dir_fd=directory.handle)
                # What it replaces had already taken the place of whatever lower layers have.
                self._notes.add(Wait.OPAQUE, names.join(directory.path, base))
        self._finish_directory(names.join(directory.path, base), member, existed)

    def _root(self, member: Member) -> None:
        if member.kind is not Kind.DIRECTORY:
            raise LayerError(
                f"an entry would replace the root directory by a {member.kind.value}: {shown(member.name)}"
            )
        self._finish_directory(b"", member, existed=True)

    def _finish_directory(self, path: bytes, member: Member, existed: bool) -> None:
        place = path or b"."
        if existed:
            os.chmod(place, member.mode & 0o777)
            for name in os.listxattr(place):
                if name == xattrs.IMPLICIT:
                    os.removexattr(place, name)
        if existed or member.uid or member.gid:
            os.chown(place, member.uid, member.gid, follow_symlinks=False)
        late = b""
        if member.xattrs:
            late = member.xattrs.pop(xattrs.DEFAULT_ACL, b"")
            self._attributes(place, member.xattrs)
        self._times.add(path, member.mtime, member.mode if member.mode & _SPECIAL else None, late)

    def _symlink(self, parent: bytes, base: bytes, member: Member) -> None:
        if not member.target:
            raise LayerError(f"a symbolic link that points nowhere: {shown(member.name)}")
        directory = self._directories.get(parent)
        self._place(directory, base, lambda at: os.symlink(member.target, base, dir_fd=at))
        if member.uid or member.gid:
            os.chown(base, member.uid, member.gid, dir_fd=directory.handle, follow_symlinks=False)
        if member.xattrs:
            self._attributes(names.join(directory.path, base), member.xattrs)
        os.utime(base, ns=(member.mtime, member.mtime), dir_fd=directory.handle, follow_symlinks=False)

    def _special(self, parent: bytes, base: bytes, member: Member) -> None:
        major, minor = member.device
        if not (0 <= major <= _LARGEST_MAJOR and 0 <= minor <= _LARGEST_MINOR):
            raise LayerError(f"a device that Linux cannot have, {major}:{minor}: {shown(member.name)}")
        if member.kind is Kind.CHARACTER and member.device == (0, 0):
            raise LayerError(
                f"a character device 0:0, which overlayfs takes for a whiteout: {shown(member.name)}",
                hint="Layers mark removed files by names that begin with .wh. (image-spec layer.md).",
            )
        kind = {Kind.CHARACTER: stat.S_IFCHR, Kind.BLOCK: stat.S_IFBLK, Kind.FIFO: stat.S_IFIFO}[member.kind]
        directory = self._directories.get(parent)
        device = os.makedev(major, minor)
        self._place(directory, base, lambda at: os.mknod(base, kind | member.mode & 0o777, device, dir_fd=at))
        if member.uid or member.gid:
            os.chown(base, member.uid, member.gid, dir_fd=directory.handle, follow_symlinks=False)
        if member.mode & _SPECIAL:
            os.chmod(base, member.mode, dir_fd=directory.handle)
        if member.xattrs:
            self._attributes(names.join(directory.path, base), member.xattrs)
        os.utime(base, ns=(member.mtime, member.mtime), dir_fd=directory.handle, follow_symlinks=False)

    def _link(self, parent: bytes, base: bytes, member: Member) -> None:
        """A hard link shares its target's metadata: what its own header says of that is not looked at (as GNU tar)."""
        target = names.clean(member.target)
        target_parent, target_base = names.split(target)
        if not target_base:
            raise LayerError(f"a hard link to the root directory: {shown(member.name)}")
        directory = self._directories.get(parent)
        source = names.join(self._directories.real(target_parent), target_base)
        place = names.join(directory.path, base)
        if source == place:
            if not os.path.lexists(place):
                self._wait_for_link(directory, base, target)
            return
        try:
            found = os.lstat(source)
        except (FileNotFoundError, NotADirectoryError):
            self._wait_for_link(directory, base, target)
            return
        if stat.S_ISDIR(found.st_mode):
            raise LayerError(f"a hard link to a directory: {shown(member.name)} to {shown(member.target)}")
        self._place(directory, base, lambda at: os.link(source, base, dst_dir_fd=at, follow_symlinks=False))
        if self._links_wait and xattrs.has(place, xattrs.WAITING):
            self._notes.add(Wait.LINK, place, target)

    def _wait_for_link(self, directory: Directory, base: bytes, target: bytes) -> None:
        """Its target may be in a lower layer: keep the place with an empty file that later entries can replace."""

        self._place(directory, base, lambda at: os.close(os.open(base, _CREATE, 0, dir_fd=at)))
        place = names.join(directory.path, base)
        os.setxattr(place, xattrs.WAITING, b"")
        self._links_wait = True
        self._notes.add(Wait.LINK, place, target)

    def _whiteout(self, parent: bytes, base: bytes, member: Member) -> None:
        self.counts.whiteouts += 1
        if base == names.OPAQUE:
            self._notes.add(Wait.OPAQUE, self._directories.get(parent).path)
        elif parent or not base.startswith(names.AUFS_PRIVATE):
            gone = names.hidden(base, member.name)
            self._notes.add(Wait.WHITEOUT, names.join(self._directories.real(parent), gone))

    def _attributes(self, target: int | bytes, wanted: dict[str, bytes]) -> None:
        wanted = {name: value for name, value in wanted.items() if xattrs.kept(name)}
        self.counts.skipped_xattrs += xattrs.apply(target, wanted)

    def _place(self, directory: Directory, base: bytes, make: Callable[[int], None]) -> None:
        """Make something under a name; what an earlier entry put there goes."""
        try:
            make(directory.handle)
        except FileExistsError:
            self._remove(directory, base)
            make(directory.handle)

    def _remove(self, directory: Directory, base: bytes) -> None:
        mode = os.lstat(base, dir_fd=directory.handle).st_mode
        if stat.S_ISDIR(mode):
            self._directories.forget(keep=directory)
            remove_tree(base, directory.handle)
            self._times.removed(names.join(directory.path, base))
        else:
            os.unlink(base, dir_fd=directory.handle)
            if stat.S_ISLNK(mode):
                self._directories.forget(keep=directory)
