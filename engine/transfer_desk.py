"""The façade's part about images on their way: from and to registries, layouts, archives, podman's storage."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from engine.config_desk import ConfigDesk
from engine.describe import image_summary
from engine.errors import CutawayError, LayerError, UsageError
from engine.events import ImagesChanged
from engine.jobs import Job
from engine.oci import ManifestKind, Platform
from engine.reference import Reference, Transport, own_name, split_transport
from engine.text import visible
from engine.views import ImageSummary

if TYPE_CHECKING:  # what not every command needs is loaded where it is used
    from engine.source import Source
    from engine.store import ImageRecord

_ARCHIVES = {
    Transport.OCI: "oci-dir",
    Transport.OCI_ARCHIVE: "oci-archive",
    Transport.DOCKER_ARCHIVE: "docker-archive",
}
"""How an image is saved that is pushed there."""


class TransferDesk(ConfigDesk):
    """Images on their way; made as a ContainerDesk is."""

    def pull(self, name: str, job: Job, *, tls_verify: bool = True, platform: str | None = None) -> ImageSummary:
        """Bring an image here: `[docker://]REF` from a registry, `oci:DIR[:TAG]` from a layout on disk,
        `oci-archive:FILE[:NAME]` and `docker-archive:FILE[:NAME|:@N]` from an archive, `containers-storage:NAME` from
        podman's storage.

        Reports LayerProgress. Raises UsageError, RegistryError, ContentError, StoreError, NotPermitted, Cancelled.
        """
        from engine.pulling import pull

        self.facts.need_root("expand layers")
        wanted = self._platform(platform)
        with self._store.holding(job.token), self._source(name, job, tls_verify=tls_verify) as source:
            record = pull(source, self._store, self.root, wanted, job)
        job.emit(ImagesChanged())
        return image_summary(record)

    def tags(self, repository: str, job: Job, *, tls_verify: bool = True) -> Iterator[str]:
        """The tags that a registry has in a repository, as they arrive. Raises UsageError, RegistryError, Cancelled."""
        from engine.registry import RegistryHosts, tags

        hosts = RegistryHosts.load()
        return tags(hosts.candidates(repository)[0], job, tls_verify=tls_verify, hosts=hosts)

    def login(self, registry: str, user: str, password: str, job: Job, *, tls_verify: bool = True) -> str:
        """Try a login and keep it if it is good, for podman and skopeo too; returns where, in words.

        Raises UsageError, AccessDenied (not kept), RegistryError, ToolMissing, Cancelled.
        """
        from engine.registry import login

        return login(registry, user, password, job, tls_verify=tls_verify)

    def logout(self, registry: str) -> str:
        """Forget a login; returns where it was kept, in words. Raises UsageError, RegistryError, ToolMissing."""
        from engine.registry import logout

        return logout(registry)

    def load(self, archive: Path | BinaryIO, job: Job) -> list[ImageSummary]:
        """Bring every image of an oci-archive or a docker-archive here, plain or compressed, or of a directory with
        what is in one; a summary for each of their names. Reports LayerProgress.

        Raises UsageError, ContentError, LayerError, StoreError, NotPermitted, Cancelled.
        """
        from engine.archives.loading import load
        from engine.archives.opening import opened

        self.facts.need_root("expand layers")
        with self._store.holding(job.token), opened(archive, self.root, job) as folder:
            loaded = load(folder, self._store, self.facts.platform, job)
        job.emit(ImagesChanged())
        return [image_summary(record) for record in loaded]

    def save(self, names: Sequence[str], target: Path | BinaryIO, job: Job, *, form: str = "docker-archive") -> None:
        """Write images to one archive, `form` being `docker-archive` or `oci-archive`, or with `oci-dir` into an image
        layout, whose other images stay. A file that is there is replaced at the end. Reports LayerProgress.

        Raises ImageUnknown, UsageError, ContentError, StoreError, Cancelled.
        """
        with self._store.holding(job.token):
            self._save([(image, image.name) for image in map(self._store.find, names)], target, job, form)

    def _save(self, images: list[tuple[ImageRecord, str]], target: Path | BinaryIO, job: Job, form: str) -> str:
        from engine.archives.saving import Form, Saving

        saving = Saving(self._store, images, job)
        saving.write(target, Form(form))
        return saving.digest

    def push(
        self,
        name: str,
        job: Job,
        *,
        to: str | None = None,
        tls_verify: bool = True,
        kind: str | None = None,
    ) -> str:
        """Bring an image to a registry, `[docker://]REF` (None: by its own name), to `oci:DIR[:TAG]`, or into a new
        `oci-archive:FILE[:NAME]` or `docker-archive:FILE[:NAME]`; returns its digest there.

        `kind` is `oci` or `v2s2` for a manifest of that kind, None for the one it has. Reports LayerProgress.
        Raises ImageUnknown, UsageError, RegistryError, StoreError, Cancelled.
        """
        image = self._store.find(name)
        transport, rest = split_transport(to or image.name)
        if transport is Transport.DOCKER:
            return self._push(image, rest, job, tls_verify, kind)
        if transport is Transport.CONTAINERS_STORAGE:
            raise UsageError(
                "podman's storage is read, never written to",
                hint=f"cutaway save {image.name} | podman load",
            )
        if kind not in (None, "oci") or (transport is Transport.DOCKER_ARCHIVE and kind is not None):
            raise UsageError(f"{transport.value} has a kind of its own", hint="Leave --format out.")
        path, _, tag = rest.partition(":")
        if transport is Transport.DOCKER_ARCHIVE and tag:
            tag = str(Reference.parse(tag))
        with self._store.holding(job.token):
            return self._save([(image, tag or image.name)], Path(path), job, _ARCHIVES[transport])

    def _push(self, image: ImageRecord, rest: str, job: Job, tls_verify: bool, kind: str | None) -> str:
        from engine.pushing import push, sources
        from engine.registry import RegistryHosts, RegistryTarget

        hosts = RegistryHosts.load()
        destination = hosts.candidates(rest)[0]
        with self._store.holding(job.token):
            read_from = sources(self._store, image, destination)
            target = RegistryTarget(
                destination,
                job,
                read_from=read_from,
                tls_verify=tls_verify,
                hosts=hosts,
                layout=self.root.images.absolute(),
                name=image.name,
            )
            try:
                return push(self._store, image, target, destination, job, kind=ManifestKind(kind) if kind else None)
            finally:
                target.close()

    def import_root(
        self,
        source: BinaryIO | Path,
        image: str,
        job: Job,
        *,
        changes: tuple[str, ...] = (),
        message: str = "",
    ) -> ImageSummary:
        """Take a root filesystem in as an image of one layer: a directory, or a tar archive (compressed or not), by its
        path or as what is being read from stdin.

        Raises UsageError, ContentError, StoreError, NotPermitted, Cancelled.
        """
        from engine.archives.root_tar import import_root

        reference = own_name(image)
        self.facts.need_root("expand layers")
        with ExitStack() as stack:
            found, what = source, "stdin"
            if isinstance(source, Path):
                what = source.name
                if not source.is_dir():
                    try:
                        found = stack.enter_context(source.open("rb"))
                    except OSError as error:
                        raise CutawayError(f"cannot read {visible(str(source))}: {error.strerror}") from error
            stack.enter_context(self._store.holding(job.token))
            made = import_root(
                self._store, found, what, reference, self.facts.platform, job, changes=changes, message=message
            )
        job.emit(ImagesChanged())
        return image_summary(made)

    def extract_tar(self, name: str, path: str, out: BinaryIO, job: Job) -> None:
        """What `extract` copies into a directory, as a tar stream. Raises as that does."""
        from engine.archives.streams import pack_tree

        self.root.prepare()
        with self.root.staging("cp") as folder:
            self.extract(name, path, folder, job, devices=True)
            pack_tree(folder, out)

    def copy_in_tar(
        self, archive: BinaryIO, name: str, path: str, job: Job, *, keep_owner: bool = False, overwrite: bool = False
    ) -> int:
        """What `copy_in` does, with all that is in a tar stream, into a directory that is there.

        Raises as that does, and ContentError, LayerError for the stream.
        """
        from engine.archives.streams import unpacked

        with ExitStack() as stack:
            try:
                folder = stack.enter_context(unpacked(archive, "stdin", self.root, job))
            except LayerError as error:
                hint = error.hint or "What is copied from stdin has to be a tar archive, compressed or not."
                raise LayerError(f"stdin cannot be unpacked: {error.message}", hint=hint) from error
            where = path.rstrip("/") + "/."
            return self.copy_in(f"{folder}/.", name, where, job, keep_owner=keep_owner, overwrite=overwrite)

    @staticmethod
    def is_elsewhere(name: str) -> bool:
        """Whether a name has a transport, and so means an image that is not (yet) here."""
        return name.startswith(tuple(transport.value for transport in Transport))

    def images_at(self, place: str) -> list[ImageSummary]:
        """The images in podman's storage, `containers-storage:[[overlay@DIR]]`, each with the name by which `run`,
        `mount` and `pull` know it. Raises UsageError, StoreError.
        """
        from engine.store import podman_images

        prefix = Transport.CONTAINERS_STORAGE.value
        if not place.startswith(prefix):
            raise UsageError(f"cannot list {place!r}", hint=f"Leave it out, or write {prefix}")
        return [image_summary(image) for image in podman_images(place.removeprefix(prefix))]

    def inspect_at(
        self, name: str, job: Job, *, tls_verify: bool = True, platform: str | None = None
    ) -> dict[str, Any]:
        """What is known of an image elsewhere, by its name as `pull` takes it, without pulling it: as JSON data.

        `platforms` are those that are on offer there. Raises what `pull` raises of the registry and of its content.
        """
        from engine.archives.plain import PlainSource

        with self._source(name, job, tls_verify=tls_verify) as source:
            document: dict[str, Any] = {"reference": source.name}
            if isinstance(source, PlainSource):  # its manifest is made when it is pulled
                return document | {"id": source.id.hex, "config": json.loads(source.config)}
            image = source.image(self._platform(platform), job)
            own = Platform(image.config.architecture, image.config.os, image.config.variant)
            return document | {
                "id": image.manifest.config.digest.hex,
                "digest": image.descriptor.digest,
                "media_type": image.descriptor.media_type,
                "platforms": list(image.offers) or [str(own)],
                "manifest": json.loads(image.manifest_raw),
                "config": json.loads(image.config_raw),
            }

    @contextmanager
    def _source(self, name: str, job: Job, *, tls_verify: bool) -> Iterator[Source]:
        transport, rest = split_transport(name)
        if transport is Transport.DOCKER:
            from engine.registry import RegistryHosts, RegistrySource  # they load the HTTP client

            hosts = RegistryHosts.load()
            registry = RegistrySource(
                hosts.candidates(rest),
                tls_verify=tls_verify,
                hosts=hosts,
                held=self._store.held,
                layout=self.root.images.absolute(),
            )
            try:
                yield registry
            finally:
                registry.close()
        elif transport is Transport.OCI:
            path, _, tag = rest.partition(":")
            from engine.store import LayoutSource

            yield LayoutSource(Path(path), tag or None)
        elif transport is Transport.CONTAINERS_STORAGE:
            from engine.archives.storage import storage_source

            yield storage_source(rest, self._store)
        else:
            from engine.archives.loading import archived

            with archived(transport, rest, self._store, job) as source:
                yield source
