"""The façade: one method per thing a user can do. Both front ends hold one, and nothing else of the engine.

It takes and returns plain data and reports through events; methods that take a `Job` may run long, block,
and be cancelled through it. Methods are safe to call from several threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from engine import rootfs, trace
from engine.bundling import mapping
from engine.cleanup import Cleaner
from engine.describe import (
    container_document,
    image_document,
    image_summary,
)
from engine.digest import Digest
from engine.errors import ContainerState, ContainerUnknown, ImageUnknown, RegistryError, UsageError
from engine.events import ImagesChanged, Problem, ignore
from engine.image_desk import ROOTFS
from engine.jobs import Job
from engine.oci import Platform
from engine.reference import Transport, command_to_get
from engine.runtime import Kind
from engine.text import visible
from engine.trace import Step
from engine.transfer_desk import TransferDesk
from engine.views import ContainerSummary, Draft, ImageSummary, VolumeSummary
from engine.volumes import Volumes

if TYPE_CHECKING:
    from engine.runtime import Attachment, ContainerRecord
    from engine.store import Damage, Finding, Swept, Usage

_STRANGE = "It is left alone. Remove it if you do not know it either."
_CLEARED = "The next command that changes something clears it away; so does system check --repair."


class Workbench(TransferDesk):
    """Images, layers, config.json and containers of one data directory on this host; made as a ContainerDesk is."""

    # -- this host -------------------------------------------------------------------------------------

    def problems(self) -> list[Problem]:
        """What is missing or dangerous on this host, the gravest first."""
        return self.facts.problems

    def recover(self, job: Job | None = None) -> list[str]:
        """Clear what a crash left behind; returns what was done or could not be, in words. Front ends call it at start.

        Its steps are told by `job`, where there is one. Raises StoreError.
        """
        if not self.facts.is_root:
            return []
        if not self.root.path.exists():
            return []
        self._store.prepare()
        job = job or Job("recover", ignore)
        gone, stays = self.root.clear_leftovers(lambda path: rootfs.unmount(path, job))
        done = [f"cleared {len(gone)} left-overs of an interrupted run"] if gone else []
        return done + stays + Cleaner(self.root, self._containers, self._runtime, self._networks).sweep(job)

    # -- the store -------------------------------------------------------------------------------------

    def inspect(self, name: str) -> dict[str, Any]:
        """All that is known of a container or an image, as JSON data. Raises ContainerUnknown, ImageUnknown."""
        try:
            record = self._find(name)
        except ContainerUnknown:
            return image_document(self._store, self._store.find(name))
        return container_document(record, self._summary(record))

    def demo(self, job: Job) -> ImageSummary:
        """The built-in image, made from this host's own tools where it is not here yet.

        Raises NotPermitted, StoreError, Cancelled.
        """
        from engine.demo import build_demo  # no other command needs it

        self.facts.need_root("expand layers")
        with self._store.holding(job.token):
            record = build_demo(self._store, job)
        job.emit(ImagesChanged())
        return image_summary(record)

    def volumes(self) -> list[VolumeSummary]:
        """The named volumes, each with the containers that bind it."""
        return self._volumes.all()

    def remove_volume(self, name: str) -> None:
        """Take a named volume away with all that is in it. Raises UsageError where there is none, or one is bound."""
        self._volumes.remove(name)

    @cached_property
    def _volumes(self) -> Volumes:
        return Volumes(self.root)

    def usage(self) -> Usage:
        """What the store's images take, and what `prune` would free. Raises StoreError."""
        return self._store.usage(self._in_use)

    def sizes(self, name: str) -> tuple[int, int | None]:
        """How many bytes a container has written, and how many that is with its image; None where the image's layers
        are not in this store. Raises ContainerUnknown, StoreError."""
        record = self._find(name)
        own = rootfs.written_bytes(str(self._containers.path(record.id) / "upper"))
        layers = [self._store.layer(Digest.parse(chain_id)) for chain_id in record.layers]
        found = [layer.size for layer in layers if layer is not None]
        return own, own + sum(found) if len(found) == len(layers) and not record.in_place else None

    def prune(self, job: Job) -> Swept:
        """Remove blobs and layers that no image name and no container leads to, and what has come of transfers that
        were cut short. Raises StoreError."""
        swept = self._store.prune(self._in_use)
        job.emit(ImagesChanged())
        return swept

    def check_store(self, job: Job, *, repair: bool = False) -> list[Finding]:
        """Read everything in the store and say what is damaged, and what a crash left behind; `repair` takes that
        away, so that a pull brings it anew, where nothing stands on it. Takes its time. Raises StoreError, Cancelled.
        """
        from engine.examining import altered_layers, forged_images
        from engine.store import Finding

        self._store.prepare()
        behind = [*self._left_behind(), *self.damaged_containers()]
        stay = behind
        if repair:
            self.recover()
            stay = [*self._left_behind(), *self.damaged_containers()]
        told = [Finding.of(problem, mended=problem not in stay) for problem in behind]

        def further(used: frozenset[Digest] | None) -> Iterator[Damage]:
            yield from forged_images(self._store, job.token)
            if self.facts.is_root:
                yield from altered_layers(self._store, used, job.token)

        return told + self._store.check(self._in_use_if_known, job.token, repair=repair, further=further)

    def _left_behind(self) -> Iterator[Problem]:
        """What `recover` would clear away in the data directory."""
        left = self.root.leftovers()
        for path in left:
            yield Problem("left-over", f"{path} is left over from work that was cut short", _CLEARED)
        known = self._containers.ids()
        strange = [home for home in self.root.containers.iterdir() if home.name not in known]
        for home in strange:
            yield Problem("stranger", f"{visible(str(home))} is no container: it has no container.json", _STRANGE)
        for mounted in rootfs.mounts_below(self.root.path):
            if any(mounted.is_relative_to(place.resolve()) for place in (*left, *strange)):
                yield Problem("mount-dangling", f"{mounted} is mounted, and nothing that is here needs it", _CLEARED)

    def obtain(
        self, image: str, job: Job, *, policy: str = "missing", platform: str | None = None, tls_verify: bool = True
    ) -> str:
        """Have an image here and return the name to draft with. `policy` is podman's --pull: always, missing, never, or
        newer, which makes do with what is here where the registry cannot be asked.

        Raises ImageUnknown, UsageError where what is here is for another `platform`, and what `pull` raises.
        """
        if image.startswith((ROOTFS, Transport.CONTAINERS_STORAGE.value)):
            return image
        wanted = Platform.parse(platform) if platform else None
        other, unknown = "", None
        try:
            config = self._store.find(image).config
            theirs = Platform(config.architecture, config.os, config.variant)
            if wanted and wanted not in (theirs, Platform(theirs.architecture, theirs.os)):
                other = str(theirs)
            here = True
        except ImageUnknown as error:
            if policy == "never":
                raise
            here, unknown = False, error
        if policy == "never" or (policy == "missing" and here and not other):
            if other:
                raise UsageError(
                    f"{visible(image)} is here for {other}, not for {platform}", hint="Leave --pull never out."
                )
            return image
        try:
            return self.pull(image, job, tls_verify=tls_verify, platform=platform).reference
        except RegistryError:
            if policy == "newer" and here and not other:
                return image
            if unknown and command_to_get(image) == "cutaway demo":  # no registry has it, if one is there
                raise unknown from None
            raise

    # -- containers ------------------------------------------------------------------------------------

    def mount(self, image: str, job: Job, *, name: str | None = None) -> ContainerSummary:
        """A new working container of an image; its root filesystem is at `path / "merged"`.

        `image` may also be a container: a working one is mounted again where it is not (a reboot took the mount), of
        one that runs it is where its root filesystem is. Raises ImageUnknown, ContainerState, MountError.
        """
        with self._store.holding(job.token):
            try:
                found = self._expanded(image, job)
            except ImageUnknown:
                try:
                    record = self._find(image)
                except ContainerUnknown:
                    record = None
                if record is None or name is not None:
                    raise
                self._mounter.mount_again(record, job)
                return self._summary(record)
            return self._summary(self._mounter.make(found, name, job))

    def umount(self, name: str, job: Job) -> None:
        """Take a working container away, with what was changed in it. Raises ContainerState for one that runs."""
        record = self._find(name)
        if record.kind is not Kind.WORKING:
            raise ContainerState(
                f"{record.name} is no working container: it has a config.json", hint=f"Use: cutaway rm {record.name}"
            )
        self._launcher.remove(record, job, force=False)

    def create(self, draft: Draft, job: Job) -> ContainerSummary:
        """Make a draft a container on disk. It does not run yet.

        Raises ImageUnknown where its image is gone, SpecError or UsageError where nothing in it can run,
        ContainerState where its name is taken.
        """
        return self._summary(self._made(draft, job))

    def _made(self, draft: Draft, job: Job) -> ContainerRecord:
        with self._store.holding(job.token):
            if not all(self._store.layer(Digest.parse(chain_id)) for chain_id in draft.layers):
                raise ImageUnknown(
                    f"{draft.image} is gone since this config.json was drafted", hint=command_to_get(draft.image)
                )
            return self._maker.create(draft, job)

    def launch(
        self,
        draft: Draft,
        job: Job,
        *,
        start: bool = True,
        to: Attachment | None = None,
        revises: bool = False,
        keep: bool = False,
    ) -> int | None:
        """Make a draft a container, or give the one that it is a draft of (`revises`, see `reopen`) its config.json and
        stop it first; and `start` it: in the background, or with `to` in the foreground, as `run`.

        What is new and cannot be started goes, so that the draft can be mended and launched again, unless `keep`.
        Returns the exit code of one that was in the foreground until its end. Raises as `create`, `revise`, `run`.
        """
        if revises:
            self.stop(draft.id, job)
            self.revise(draft, job)
        record = self._find(draft.id) if revises else self._made(draft, job)
        return self._launcher.start(record, job, to, fleeting=not revises and not keep) if start else None

    def trace(self, name: str) -> list[Step]:
        """The steps that made a container (its image's first), or an image. Raises ContainerUnknown for neither."""
        try:
            return trace.read(self._containers.path(self._find(name).id) / "trace.jsonl")
        except ContainerUnknown:
            pass
        try:
            image = self._store.find(name)
        except ImageUnknown:
            raise ContainerUnknown(
                f"no container and no image {visible(name)!r} here",
                hint="cutaway ps -a and cutaway images list what there is.",
            ) from None
        return trace.read(self.root.traces / f"{image.descriptor.digest.hex}.jsonl")

    def script(self, name: str) -> str:
        """A POSIX shell script that makes a container again, from its image on, without any container engine.

        Raises ContainerUnknown, ImageUnknown where its image is gone, ContainerState where it cannot be told.
        """
        from engine.replay import script  # no other command needs it

        try:
            record = self._find(name)
        except ContainerUnknown:
            self._store.find(name)
            raise UsageError(
                f"{visible(name)} is an image, and a script makes a container", hint=f"cutaway create {visible(name)}"
            ) from None
        image = next((i for i in self._store.images() if i.descriptor.digest == record.image_digest), None)
        if image is None:
            raise ImageUnknown(
                f"{record.image}, which {record.name} was made of, is gone", hint=command_to_get(record.image)
            )
        if mapping(self._containers.path(record.id) / "config.json") is not None:
            raise ContainerState(
                f"{record.name} has a user namespace, whose mapped owners the script's mounts would lack",
                hint=f"cutaway trace {record.name} shows each step with its command.",
            )
        steps = trace.read(self.root.traces / f"{image.descriptor.digest.hex}.jsonl")
        return script(record, image, self._store, self._containers.path(record.id), steps, self._networks)

    def _in_use_if_known(self) -> list[Digest] | None:
        """None where the record of a container cannot be read, which may use anything."""
        return None if self._containers.damaged() else list(self._in_use())
