"""The façade's part about what is done with images that are here: their names, looking inside, making new ones."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from engine import spec
from engine.bundling import mapping
from engine.container_desk import ContainerDesk
from engine.describe import history_steps, image_summary, layer_summaries
from engine.digest import Digest
from engine.errors import CommandNotFound, ContainerUnknown, ImageInUse, UsageError
from engine.events import ContainersChanged, ImagesChanged, Problem, ignore
from engine.jobs import Job
from engine.journalling import keep
from engine.oci import Platform
from engine.reference import Transport, copied_name, own_name, place_within
from engine.store import ImageRecord, Store
from engine.trace import StepKind
from engine.views import FileEntry, HistoryStep, ImageSummary, LayerSummary, OverlayView, Written

if TYPE_CHECKING:  # what not every command needs is loaded where it is used
    from engine.committing import CommitOptions
    from engine.layers.stacking import LayerChanges
    from engine.looking import Inside
    from engine.reaching import Reacher
    from engine.rootfs import IdMapping
    from engine.runtime import ContainerRecord

ROOTFS = "rootfs:"
"""Before a directory that takes an image's place, as `run --rootfs` has it."""


class ImageDesk(ContainerDesk):
    """The images of one data directory on this host; made as a ContainerDesk is.

    Each method that takes the name of an image raises ImageUnknown, and UsageError where it can mean several.
    """

    @cached_property
    def _store(self) -> Store:
        return Store(self.root)

    def images(self) -> list[ImageSummary]:
        """Every image of the store, by name; `damaged_images` tells what is left out. Raises StoreError."""
        return [image_summary(image) for image in self._store.images()]

    def damaged_images(self) -> list[Problem]:
        """The images that `images` leaves out, since they cannot be read. Raises StoreError."""
        return self._store.unreadable_images()

    def history(self, name: str) -> list[HistoryStep]:
        """How an image was made, oldest step first."""
        return history_steps(self._store.find(name))

    def layers(self, name: str) -> list[LayerSummary]:
        """An image's layers, lowest first."""
        return layer_summaries(self._store, self._store.find(name))

    def tag(self, name: str, new: str, job: Job) -> None:
        """Give an image a further name. Raises UsageError, ImageUnknown, StoreError."""
        reference, image = own_name(new), self._store.find(name)
        command = ["umoci", "tag", "--image", f"{self.root.images}:{image.name}", reference]
        with job.step(StepKind.STORE, shlex.join(command)) as step:
            self._store.tag(reference, image.descriptor)
            step.detail = f"{reference} is {image.descriptor.digest}"
        job.emit(ImagesChanged())

    def untag(self, name: str, job: Job, *, force: bool = False) -> list[str]:
        """Take a name away, and with an image's last name its content; returns what went.

        Raises ImageInUse while a container stands on it (with `force` the name goes, the layers stay).
        """
        image = self._store.find(name)
        users = [record.name for record in self._containers.certain() if record.image_digest == image.descriptor.digest]
        last = not any(
            other.descriptor.digest == image.descriptor.digest and other.name != image.name
            for other in self._store.images()
        )
        if users and last and not force:
            raise ImageInUse(
                f"{image.name} is used by {', '.join(users)}", hint="Remove the containers first, or use --force."
            )
        names = [other.name for other in self._store.images() if other.config_digest == image.config_digest]
        if len(names) > 1 and image.config_digest.hex.startswith(name.removeprefix("sha256:")):
            raise UsageError(f"{name} has several names: {', '.join(names)}", hint="Say which of them to take away.")
        with job.step(StepKind.STORE, shlex.join(["cutaway", "rmi", image.name])):
            swept = self._store.remove(image.name, self._in_use)
        job.emit(ImagesChanged())
        return [f"untagged: {image.name}", *(f"deleted: {digest}" for digest in (*swept.layers, *swept.blobs))]

    def _in_use(self) -> Iterator[Digest]:
        for record in self._containers.certain():
            yield Digest.parse(record.image_digest)
            yield from map(Digest.parse, record.layers)

    def commit(self, name: str, image: str, job: Job, options: CommitOptions | None = None) -> ImageSummary:
        """Make what a container has changed a layer on top of its image, and call the result `image`.

        Empty files and directories that runc made for mounts to stand on are not taken; what is left out is as in the
        image, squashed or not. With SOURCE_DATE_EPOCH the same changes make the same image. Owners are those that the
        container's user namespace has.
        Raises ContainerUnknown, UsageError, LayerError, StoreError, Cancelled.
        """
        from engine.committing import CommitOptions, commit
        from engine.layers.capture import Capture
        from engine.leaving_out import as_below, mount_points, named

        options = options or CommitOptions()
        record = self._find(name)
        reference = own_name(image)
        self.facts.need_root("read a container's files")
        with self._store.holding(job.token), self._launcher.still(record, job, pause=options.pause) as merged:
            home = self._containers.path(record.id)
            upper = home / "upper"
            leave_out = named(upper, options.leave_out) | mount_points(home / "config.json", upper)
            numbers = mapping(home / "config.json")
            capture = Capture(
                merged if options.squash else upper,
                overlay=not options.squash,
                merged=merged,
                leave_out=frozenset(leave_out),
                owner=numbers.inside if numbers else None,
                below=self._launcher.plan(record).lower,
                restored=frozenset(as_below(upper, leave_out) if options.squash else ()),
            )
            made_by = shlex.join(record.command) or "cutaway commit"
            base = self._base(record, job)
            made = commit(self._store, base, capture, reference, made_by, options, job)
            keep(self.root.traces / f"{made.descriptor.digest.hex}.jsonl", job.steps, job)
        job.emit(ImagesChanged())
        return image_summary(made)

    def _base(self, record: ContainerRecord, job: Job) -> ImageRecord:
        """The image that a container stands on, in our store: one that is used in place in podman's is copied."""
        if not record.in_place:
            return self._store.of_digest(Digest.parse(record.image_digest))
        if not record.image.startswith(Transport.CONTAINERS_STORAGE.value):
            raise UsageError(
                f"{record.name} stands on a directory: there is no image below to commit on",
                hint="cutaway import DIRECTORY IMAGE makes one of it.",
            )
        from engine.archives.storage import storage_source
        from engine.pulling import bring

        text = record.image.removeprefix(Transport.CONTAINERS_STORAGE.value)
        if [str(path) for path in self._expanded(record.image, job).in_place] != list(record.in_place):
            raise UsageError(
                f"{record.image} is another image now than when {record.name} was made",
                hint=f"cutaway diff {record.name} shows what it has changed; make it anew on the image of now.",
            )
        image, _ = bring(storage_source(text, self._store), self._store, self.facts.platform, job)
        return self._store.of_digest(image.descriptor.digest)

    # -- looking inside --------------------------------------------------------------------------------

    def inside(self, name: str, job: Job | None = None) -> Inside:
        """The files of an image, or of a container with what it has written, to look at.

        Raises ImageUnknown, StoreError, UsageError, Cancelled.
        """
        from engine.looking import look

        try:
            record = self._find(name)
        except ContainerUnknown:
            image = self._expanded(name, job or Job("look", ignore))
            return look(self._store, image.chain_ids, image.in_place)
        layers = [Digest.parse(chain_id) for chain_id in record.layers]
        in_place = [Path(path) for path in record.in_place]
        return look(self._store, layers, in_place, self._containers.path(record.id) / "upper")

    def image_shell(self, name: str) -> list[str]:
        """The command of the best shell that an image has. Raises CommandNotFound, ImageUnknown, StoreError."""
        inside = self.inside(name)

        def is_there(path: str) -> bool:
            try:
                return stat.S_ISREG(inside.resolve(path).mode)
            except UsageError:
                return False

        found = spec.best_shell(is_there)
        if found is None:
            raise CommandNotFound(
                f"{name} has no shell: none of {', '.join(spec.SHELLS)}", hint="It can still be started as it is."
            )
        return found

    def layer_files(self, name: str, layer: int) -> list[FileEntry]:
        """What a layer (counted from 1, the lowest; a container's own is the last) adds, changes and removes.

        Raises UsageError where there is no such layer, StoreError.
        """
        from engine.looking import entry_of

        inside = self.inside(name)
        if not 1 <= layer <= len(inside.roots):
            raise UsageError(f"{name} has no layer {layer}", hint=f"It has 1 to {len(inside.roots)}.")
        return [entry_of(node) for node in inside.tree.changes(layer)]

    def layer_changes(self, name: str) -> list[LayerChanges]:
        """What each layer does, in numbers, lowest first. Raises StoreError."""
        inside = self.inside(name)
        return [inside.tree.summary(number) for number in range(1, len(inside.roots) + 1)]

    def open_file(self, name: str, path: str) -> BinaryIO:
        """The content of a regular file in an image or a container; links are followed inside it.

        Raises UsageError for anything else, StoreError.
        """
        return self.inside(name).open(path)

    def diff(self, name: str, other: str | None, job: Job) -> list[FileEntry]:
        """What a container has changed, as `commit` would take it; with `other`, in what that image or container
        differs from the first. Raises StoreError, Cancelled."""
        from engine.leaving_out import mount_points
        from engine.looking import compare, entry_of

        if other is not None:
            return list(compare(self.inside(name, job), self.inside(other, job), job.token))
        home = self._containers.path(self._find(name).id)
        left_out = mount_points(home / "config.json", home / "upper")
        inside = self.inside(name, job)
        if not _root_was_changed(inside, mapping(home / "config.json")):
            left_out.add(b"")
        return [entry_of(node) for node in inside.tree.changes(len(inside.roots)) if node.path not in left_out]

    def overlay(self, name: str) -> OverlayView:
        """The overlay mount of a container. Raises ContainerUnknown."""
        record = self._find(name)
        plan, mounted = self._launcher.plan(record), self._containers.is_mounted(record.id)
        assert plan.writable is not None  # every container's is
        upper, work = plan.writable.upper, plan.writable.work
        return OverlayView(plan.lower, upper, work, plan.merged, mounted, plan.command())

    def written(self, name: str, below: Inside) -> Written:
        """What a container has changed up to now, as `diff` has it; `below` is what its image has, from `inside`.

        Only its own directory is read, so that it can be asked again and again. Raises ContainerUnknown, StoreError.
        """
        from engine.leaving_out import mount_points
        from engine.looking import entry_of

        record = self._find(name)
        home, started = self._containers.path(record.id), self._runtime.state(record).started
        left_out = {b"", *mount_points(home / "config.json", home / "upper")}
        inside = below.topped(home / "upper")
        nodes = [node for node in inside.tree.changes(inside.tree.depth) if node.path not in left_out]
        fresh = [node.path for node in nodes if started is not None and _changed(home / "upper", node.path) >= started]
        return Written(tuple(map(entry_of, nodes)), frozenset(map(os.fsdecode, fresh)))

    # -- copying ---------------------------------------------------------------------------------------

    def extract(
        self,
        name: str,
        path: str,
        target: Path | str,
        job: Job,
        *,
        overwrite: bool = False,
        replace: bool = False,
        devices: bool = False,
    ) -> int:
        """Copy a file or a directory out of an image or a container; returns how many files that were.

        Owners, modes, times, links and attributes stay. Of a container that runs it is what its processes see, volumes
        too. A `target` that is a directory gets it inside; `path` may end with `/.` for a directory's content alone.
        Without `replace` no file takes another's place. `devices` are for a target that nobody but root gets at:
        otherwise they are left out. Raises UsageError, StoreError, MountError, Cancelled.
        """
        command = shlex.join(["cutaway", "cp", f"{name}:{path}", str(target)])
        with self._store.holding(job.token), job.step(StepKind.STORE, command):
            found: ContainerRecord | ImageRecord
            try:
                found = self._find(name)
            except ContainerUnknown:
                found = self._expanded(name, job)
            return self._reacher.copy_out(
                found, path, target, job, overwrite=overwrite, replace=replace, devices=devices
            )

    def copy_in(
        self, source: Path | str, name: str, path: str, job: Job, *, keep_owner: bool = False, overwrite: bool = False
    ) -> int:
        """Copy a file or a directory of this host into a container, running or not; returns how many files that were.

        They become its user's, unless `keep_owner`. As with cp, a directory that is there gets it inside, and a
        `source` that ends with `/.` gives its content. Nothing outside of the container is reached, whatever links are
        in it. Raises ContainerUnknown, UsageError, MountError, Cancelled.
        """
        record = self._find(name)
        with job.step(StepKind.STORE, shlex.join(["cutaway", "cp", str(source), f"{name}:{path}"])):
            count = self._reacher.copy_in(source, record, path, job, keep_owner=keep_owner, overwrite=overwrite)
        job.emit(ContainersChanged((record.id,)))
        return count

    def copy(self, source: str, target: str, job: Job, *, keep_owner: bool = False, overwrite: bool = False) -> int:
        """What `cp` does: each is a path of this host or a NAME:PATH, of a container, or as `source` of an image, too.

        Returns how many files that were. A file takes another's place. Raises as `extract` and `copy_in` do.
        """
        origin, place = place_within(source), place_within(target)
        if origin and place:
            self.root.prepare()
            with self.root.staging("cp") as folder:
                name = copied_name(origin[1])
                inner = f"{folder}/{name or 'content'}"
                self.extract(*origin, inner, job, devices=True)
                inner += "" if name else "/."
                return self.copy_in(inner, *place, job, keep_owner=keep_owner, overwrite=overwrite)
        if place:
            return self.copy_in(source, *place, job, keep_owner=keep_owner, overwrite=overwrite)
        if origin:
            return self.extract(*origin, target, job, overwrite=overwrite, replace=True)
        raise UsageError("neither is in a container", hint="Write one like NAME:/etc/passwd.")

    @cached_property
    def _reacher(self) -> Reacher:
        from engine.reaching import Reacher  # no other command needs it

        return Reacher(self.root, self.facts, self._containers, self._runtime, self._launcher)

    def _expanded(self, name: str, job: Job) -> ImageRecord:
        """An image with all its layers expanded: one that skopeo or umoci put into the store is not yet."""
        if name.startswith(Transport.CONTAINERS_STORAGE.value):
            from engine.store import podman_image

            return podman_image(name.removeprefix(Transport.CONTAINERS_STORAGE.value))
        if name.startswith(ROOTFS):
            from engine.store import directory_image

            return directory_image(Path(name.removeprefix(ROOTFS)), self.facts.platform)
        image = self._store.find(name)
        if all(self._store.layer(chain_id) for chain_id in image.chain_ids):
            return image
        from engine.pulling import bring
        from engine.store import LayoutSource

        self.facts.need_root("expand layers")
        bring(LayoutSource(self.root.images, image.name), self._store, self._platform(None), job)
        return image

    def _platform(self, text: str | None) -> Platform:
        return Platform.parse(text) if text else self.facts.platform


def _root_was_changed(inside: Inside, numbers: IdMapping | None) -> bool:
    """Whether a container has given its root directory another mode, owner or attributes than the image's has."""
    *_, below, top = [None, None, *inside.tree.versions(b"")]
    if below is None or top is None:
        return False
    owner = numbers.inside(top.uid, top.gid) if numbers else (top.uid, top.gid)
    return (top.mode, owner, top.attributes) != (below.mode, (below.uid, below.gid), below.attributes)


def _changed(upper: Path, path: bytes) -> float:
    """When a path of an upper directory, or the whiteout there, was last changed; 0 where there is none."""
    try:
        return os.lstat(os.path.join(os.fsencode(upper), path)).st_ctime
    except OSError:
        return 0.0
