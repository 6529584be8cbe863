"""Changes of containers, told as they happen: by inotify(7) and pidfds, without looking at all of them again and again.
Of images it is told that there was a change, whichever process made it.

| what happens | how it is noticed |
| --- | --- |
| a container comes or goes | its directory in containers/ |
| runc makes or deletes one | its directory in runc's own root |
| one ends | conmon's exit file; its first process's pidfd, where conmon was killed |
| anything that Cutaway does, in whichever process | a line more in events.jsonl |
| an image comes or goes | another index.json in images/ |

What none of these tells (a freezer that somebody else turned, a watch that the kernel's limits refused) is found by a
look at all states, each `_ROUND` seconds, which reads some small files and starts no process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress

from engine.disk import DataRoot
from engine.errors import StoreError
from engine.events import Status
from engine.jobs import CancelToken
from engine.runtime.containers import Containers
from engine.runtime.happenings import Follower
from engine.runtime.record import is_id
from engine.runtime.state import RuntimeFiles, make_directory, read_state
from engine.runtime.waiting import (
    CREATED,
    DELETED,
    DELETED_SELF,
    MODIFIED,
    MOVED_AWAY,
    MOVED_HERE,
    MOVED_SELF,
    OVERFLOW,
    ProcessId,
    Watch,
    wait_readable,
)

_ROUND = 10.0  # seconds from one look at everything to the next
_COMING = 1.0  # seconds from one look for the data directory to the next, where it is not there yet
_TOGETHER = 0.03  # seconds in which what happens is told at once
_COMES_AND_GOES = CREATED | DELETED | MOVED_HERE | MOVED_AWAY | DELETED_SELF | MOVED_SELF

_State = tuple[Status, int, int | None]


class Watcher:
    """Watches the containers of one data directory and calls `tell` with the ids of those that have changed, and
    `tell_images` when there are other images."""

    def __init__(
        self, root: DataRoot, tell: Callable[[tuple[str, ...]], None], tell_images: Callable[[], None] = lambda: None
    ) -> None:
        self._root = root
        self._tell, self._tell_images = tell, tell_images
        self._index = self._index_now()
        self._containers = Containers(root)
        self._happenings = Follower(root)
        self._known: dict[str, _State] = {}
        self._ends: dict[str, int] = {}
        """pidfds of the containers that run."""

    def run(self, token: CancelToken) -> None:
        """Go on until `token` is cancelled, which raises Cancelled. What is there at the beginning is no change, but
        what Cutaway has done since this watcher was made is."""
        with suppress(StoreError):
            self._look_at(self._everything())
        try:
            while True:
                with suppress(StoreError):  # there is nothing to watch yet, or no watch to be had
                    self._follow(token)
                    continue
                token.sleep(_ROUND if self._root.containers.is_dir() else _COMING)
                with suppress(StoreError):
                    self._look(self._everything(), set())
                    self._look_at_images()
        finally:
            for handle in self._ends.values():
                os.close(handle)
            self._ends.clear()

    def _follow(self, token: CancelToken) -> None:
        """Tell of changes as long as the directories stay the same. Raises StoreError (no watch), Cancelled."""
        files = RuntimeFiles(self._root, "")
        for directory in (files.runc_root, files.exits):
            make_directory(directory)
        with Watch(self._root.path, MODIFIED | MOVED_HERE | DELETED_SELF | MOVED_SELF) as watch:
            for directory in (self._root.containers, files.runc_root, files.exits):
                watch.add(directory, _COMES_AND_GOES)
            if self._root.images.is_dir():
                watch.add(self._root.images, MOVED_HERE | DELETED_SELF | MOVED_SELF)
            self._look(self._everything(), self._done())  # what came before the watch did
            while True:
                self._look_at_images()
                ready = wait_readable([watch.fileno(), *self._ends.values()], token, _ROUND)
                if not ready:
                    self._look(self._everything(), set())
                    continue
                token.sleep(_TOGETHER)
                masks, names = 0, {name for name, handle in self._ends.items() if handle in ready}
                for mask, name in watch.read():
                    masks |= mask
                    names.add(name)
                done = self._done()
                names = self._everything() if masks & OVERFLOW else {name for name in names | done if is_id(name)}
                self._look(names, done)
                if masks & (DELETED_SELF | MOVED_SELF):
                    return  # a directory that was watched is another one now

    def _look(self, names: Iterable[str], done: set[str]) -> None:
        """Look at those containers and tell of the changed ones, and of those to which something was `done`."""
        if changed := self._look_at(names) | done:
            self._tell(tuple(sorted(changed)))

    def _done(self) -> set[str]:
        """To which containers something was done since it was asked last: to all, where that cannot be told."""
        done = self._happenings.ids()
        return self._everything() if done is None else done

    def _look_at_images(self) -> None:
        if (now := self._index_now()) != self._index:
            self._index = now
            self._tell_images()

    def _index_now(self) -> tuple[int, int]:
        """What tells one index of the images from the next: it is never written in place."""
        try:
            found = (self._root.images / "index.json").stat()
        except OSError:
            return 0, 0
        return found.st_ino, found.st_mtime_ns

    def _look_at(self, names: Iterable[str]) -> set[str]:
        changed = set()
        for name in names:
            before, now = self._known.get(name), self._state(name)
            if now != before:
                changed.add(name)
            if now is None:
                self._known.pop(name, None)
            else:
                self._known[name] = now
            self._expect_end(name, now)
        return changed

    def _state(self, name: str) -> _State | None:
        if not (self._root.containers / name).is_dir():
            return None
        state = read_state(RuntimeFiles(self._root, name))
        return state.status, state.pid, state.exit_code

    def _expect_end(self, name: str, now: _State | None) -> None:
        """Have a pidfd of the process that runs, and no other."""
        if (handle := self._ends.pop(name, None)) is not None:
            os.close(handle)
        if now is not None and now[1]:
            process = ProcessId.of(now[1])
            try:
                handle = os.pidfd_open(now[1])
            except OSError:  # it has just ended, or there are too many open files: the next round tells
                return
            if process is None or not process.alive:
                os.close(handle)
                return
            self._ends[name] = handle

    def _everything(self) -> set[str]:
        return self._containers.ids() | set(self._known)
