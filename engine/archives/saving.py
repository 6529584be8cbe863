"""Save: images of the store as one archive, or as an image layout in a directory."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path
from typing import BinaryIO

import msgspec

from engine.archives import docker
from engine.archives.writing import ArchiveWriter
from engine.digest import Digest
from engine.disk import DataRoot, store_error
from engine.errors import ContentError, StoreError, UsageError
from engine.events import LayerPhase, LayerProgress
from engine.jobs import Job
from engine.layers.stream import Counted, FileSource, decompressed
from engine.oci import INDEX, REF_NAME, Descriptor, Index, ManifestKind, encode, parse_index
from engine.pushing import manifest_as
from engine.reference import Reference, command_to_get
from engine.store import ImageRecord, Store
from engine.store.layout import FULL_NAME
from engine.text import human_size, visible
from engine.trace import StepKind

_PIECE = 1 << 20


class Form(Enum):
    """What an image is saved as; podman's words."""

    DOCKER_ARCHIVE = "docker-archive"
    OCI_ARCHIVE = "oci-archive"
    OCI_DIR = "oci-dir"


class Saving:
    """The images to save, each with the names that it has in the archive, and how that is written."""

    def __init__(self, store: Store, images: Sequence[tuple[ImageRecord, str]], job: Job) -> None:
        self._store = store
        self._images = images
        self._job = job
        blobs = [layer.digest for image, _ in images for layer in image.manifest.layers]
        for image, _ in images:
            for part in (image.manifest.config, *image.manifest.layers):
                if not store.has_blob(part.digest):
                    raise StoreError(
                        f"{image.name}: the blob {part.digest} is not here any more", hint=command_to_get(image.name)
                    )
        self._numbers = {digest: number for number, digest in enumerate(dict.fromkeys(blobs), 1)}

    @property
    def digest(self) -> str:
        """What names the first image in an OCI layout: its manifest's digest."""
        return Digest.of(manifest_as(self._store, self._images[0][0], ManifestKind.OCI)[0])

    def _typed(self, target: Path | BinaryIO, form: Form) -> list[str]:
        """The command that does the same: podman's, or where the image is called otherwise there, skopeo's."""
        image, called = self._images[0]
        if isinstance(target, Path) and len(self._images) == 1 and called != image.name:
            transport = "oci" if form is Form.OCI_DIR else form.value
            return ["skopeo", "copy", f"oci:{self._store.root.images}:{image.name}", f"{transport}:{target}:{called}"]
        out = ["-o", str(target)] if isinstance(target, Path) else []
        return ["podman", "save", "--format", form.value, *out, *(name for _, name in self._images)]

    def write(self, target: Path | BinaryIO, form: Form) -> None:
        """Write it: an archive as a whole or not at all. Raises UsageError, ContentError, StoreError, Cancelled."""
        with self._job.step(StepKind.STORE, shlex.join(self._typed(target, form))) as step:
            if form is Form.OCI_DIR:
                assert isinstance(target, Path)
                self._into_directory(target)
                return
            with _landing(target, self._store.root) as out:
                writer = ArchiveWriter(out)
                if form is Form.DOCKER_ARCHIVE:
                    self._docker(writer)
                else:
                    self._oci(writer)
                writer.end()
                step.detail = human_size(out.tell())

    # -- docker-archive --------------------------------------------------------------------------------

    def _docker(self, writer: ArchiveWriter) -> None:
        items: dict[Digest, docker.Item] = {}
        written = set()
        for image, name in self._images:
            item = items.get(image.config_digest)
            if item is None:
                diff_ids = image.config.rootfs.diff_ids
                for descriptor, diff_id in zip(image.manifest.layers, diff_ids, strict=True):
                    if diff_id not in written:
                        written.add(diff_id)
                        self._plain_layer(writer, descriptor, diff_id)
                config = f"{image.config_digest.hex}.json"
                writer.add(config, self._store.read_blob(image.manifest.config))
                item = docker.Item(config, [f"{diff_id.hex}.tar" for diff_id in diff_ids], [])
                items[image.config_digest] = item
            tag = _tag_of(name)
            if tag and item.repo_tags is not None and tag not in item.repo_tags:
                item.repo_tags.append(tag)
        writer.add(docker.MANIFEST_FILE, docker.encode(list(items.values())))

    def _plain_layer(self, writer: ArchiveWriter, descriptor: Descriptor, diff_id: Digest) -> None:
        """A layer's tar stream, held to its diff ID: docker wants it uncompressed, in a file of known size."""
        hasher = diff_id.hasher()
        with self._store.blob_path(descriptor.digest).open("rb", buffering=0) as file:
            source = Counted(FileSource(file.fileno()))
            with writer.open(f"{diff_id.hex}.tar") as out:
                for chunk in decompressed(source):
                    self._job.check()
                    hasher.update(chunk)
                    out.write(chunk)
                    self._tell(descriptor, source.taken)
        if not diff_id.names(hasher):
            raise ContentError(
                f"the layer {descriptor.digest} is not what its diff ID {diff_id.short} names",
                hint="It is damaged: cutaway system check --repair, then pull it again.",
            )
        self._tell(descriptor, descriptor.size)

    # -- OCI -------------------------------------------------------------------------------------------

    def _oci(self, writer: ArchiveWriter) -> None:
        writer.add("oci-layout", _MARKER)
        entries, blobs = self._manifests()
        for name, content in blobs.items():
            if isinstance(content, bytes):
                writer.add(name, content)
                continue
            with writer.open(name) as out:
                for chunk in self._verified(content):
                    out.write(chunk)
        writer.add("index.json", encode(Index(2, entries, INDEX)))

    def _manifests(self) -> tuple[list[Descriptor], dict[str, bytes | Descriptor]]:
        """The index's entries, and every blob by its name in a layout: small ones, and descriptors of layers."""
        entries: list[Descriptor] = []
        blobs: dict[str, bytes | Descriptor] = {}
        for image, name in self._images:
            raw, media_type = manifest_as(self._store, image, ManifestKind.OCI)
            digest = Digest.of(raw)
            notes = {REF_NAME: name, FULL_NAME: name} if _tag_of(name) else {REF_NAME: _with_digest(name, digest)}
            entries.append(Descriptor(media_type, digest, len(raw), notes))
            config = image.manifest.config
            blobs |= {_blob(layer.digest): layer for layer in image.manifest.layers}
            blobs |= {_blob(config.digest): self._store.read_blob(config), _blob(digest): raw}
        return entries, blobs

    def _verified(self, descriptor: Descriptor) -> Iterator[bytes]:
        """A blob's bytes, hashed on their way. Raises ContentError at the end where it is damaged."""
        hasher, done = descriptor.digest.hasher(), 0
        with self._store.blob_path(descriptor.digest).open("rb", buffering=0) as file:
            while chunk := file.read(_PIECE):
                self._job.check()
                hasher.update(chunk)
                done += len(chunk)
                yield chunk
                self._tell(descriptor, done)
        if not descriptor.digest.names(hasher):
            raise ContentError(
                f"the blob {descriptor.digest} is damaged", hint="cutaway system check --repair, then pull it again."
            )

    def _into_directory(self, target: Path) -> None:
        """Add the images to a layout, which is made where there is none; its other images stay."""
        try:
            if target.exists() and not (target / "oci-layout").is_file() and any(target.iterdir()):
                raise UsageError(f"{target} is there, and is no image layout", hint="Name a new directory.")
            entries, blobs = self._manifests()
            for algorithm in ("sha256", "sha512"):
                (target / "blobs" / algorithm).mkdir(parents=True, exist_ok=True)
            for name, content in blobs.items():
                if not (target / name).exists():
                    pieces = [content] if isinstance(content, bytes) else self._verified(content)
                    _replace(target / name, pieces)
            index = target / "index.json"
            before = parse_index(index.read_bytes(), str(index)).manifests if index.exists() else []
            names = {entry.ref_name for entry in entries}
            kept = [entry for entry in before if entry.ref_name not in names]
            _replace(index, [encode(Index(2, [*kept, *entries], INDEX))])
            _replace(target / "oci-layout", [_MARKER])
        except NotADirectoryError as error:
            raise UsageError(f"{target} is no directory") from error
        except OSError as error:
            raise store_error(error, f"cannot write {target}") from error

    def _tell(self, descriptor: Descriptor, done: int) -> None:
        phase = LayerPhase.DONE if done == descriptor.size else LayerPhase.PACKING
        number = self._numbers[descriptor.digest]
        self._job.emit(
            LayerProgress(self._job.id, descriptor.digest, number, len(self._numbers), phase, done, descriptor.size)
        )


_MARKER = json.dumps({"imageLayoutVersion": "1.0.0"}, separators=(",", ":")).encode()


def _blob(digest: Digest) -> str:
    return f"blobs/{digest.algorithm}/{digest.hex}"


def _tag_of(name: str) -> str:
    """A name as docker's archives have it: with a tag; "" for one that is a digest's."""
    try:
        reference = Reference.parse(name)
    except UsageError:
        return ""
    return "" if reference.digest else str(reference)


def _with_digest(name: str, digest: Digest) -> str:
    """A name that has a digest with that of the manifest that is saved: the index by which it came is not in there."""
    try:
        reference = Reference.parse(name)
    except UsageError:
        return name
    return str(msgspec.structs.replace(reference, digest=digest)) if reference.digest else name


def _replace(target: Path, pieces: Sequence[bytes] | Iterator[bytes]) -> None:
    handle, name = tempfile.mkstemp(prefix=".cutaway-", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            for piece in pieces:
                file.write(piece)
            os.fchmod(file.fileno(), 0o644)
        os.rename(name, target)
    except BaseException:
        os.unlink(name)
        raise


@contextmanager
def _landing(target: Path | BinaryIO, root: DataRoot) -> Iterator[BinaryIO]:
    """A file to write to, at any place in it. At the end it takes `target`'s place, or its bytes go there.

    After a failure nothing is there that was not there before.
    """
    if isinstance(target, Path) and target.is_dir():
        raise UsageError(f"{target} is a directory", hint="Name a file, or use --format oci-dir.")
    try:
        if isinstance(target, Path) and (not target.exists() or stat.S_ISREG(target.stat().st_mode)):
            with suppress(FileNotFoundError):
                target = target.resolve(strict=True)  # through a link to the file that it means
            handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
            try:
                with os.fdopen(handle, "w+b") as out:
                    yield out
                    os.fchmod(handle, 0o666 & ~_umask())
                    out.flush()
                    os.fsync(handle)
                os.rename(name, target)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(name)
                raise
            return
        with root.staging("save") as folder, (folder / "archive").open("w+b") as out:
            yield out
            out.flush()
            out.seek(0)
            if isinstance(target, Path):
                with target.open("wb") as device:
                    shutil.copyfileobj(out, device, _PIECE)
            else:
                shutil.copyfileobj(out, target, _PIECE)
                target.flush()
    except OSError as error:
        raise store_error(
            error, f"cannot write {visible(str(target)) if isinstance(target, Path) else 'the archive'}"
        ) from error


def _umask() -> int:
    """This process's own; umask(2) can only be read by setting it, and threads would see that."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("Umask:"):
            return int(line.split()[1], 8)
    return 0o022
