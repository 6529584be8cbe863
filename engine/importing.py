"""Import: a root filesystem in a tar archive becomes an image of one layer."""

from __future__ import annotations

import bz2
import json
import lzma
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import Any, BinaryIO

from engine import instructions
from engine.committing import source_date
from engine.digest import Digest
from engine.disk import store_error
from engine.errors import ContentError
from engine.jobs import Job
from engine.layers.compress import BuiltLayer, compress
from engine.oci import CONFIG, LAYER_GZIP, MANIFEST, Descriptor, Manifest, Platform, encode, parse_config
from engine.pulling import pull
from engine.source import FetchedImage
from engine.store import ImageRecord, Store
from engine.text import human_size
from engine.trace import StepKind

_CHUNK = 1 << 20


def import_tar(
    store: Store,
    archive: BinaryIO,
    what: str,
    name: str,
    platform: Platform,
    job: Job,
    *,
    changes: tuple[str, ...] = (),
    message: str = "",
) -> ImageRecord:
    """Take an archive (plain, gzip, zstd, xz or bzip2; called `what`) in as the only layer of an image `name`.

    It is expanded as every layer is: what must not be unpacked is refused, and then nothing has that name.
    `changes` are instructions as in a Dockerfile. Raises UsageError, ContentError, LayerError, StoreError, Cancelled.
    """
    fixed = source_date()
    now = datetime.now(UTC) if fixed is None else datetime.fromtimestamp(fixed, UTC)
    settings: dict[str, Any] = {}
    for change in changes:
        instructions.apply(settings, change)
    with store.root.staging("import") as folder, job.step(StepKind.LAYER, f"gzip < {what}") as step:
        path = folder / "layer"
        try:
            with path.open("wb") as out:
                built = compress(_plain(archive), out, token=job.token)
        except (zlib.error, lzma.LZMAError, EOFError, ValueError) as error:
            raise ContentError(f"{what} is damaged: {error}") from error
        except OSError as error:
            raise store_error(error, f"cannot read {what}, or write {path}") from error
        step.detail = f"{human_size(built.diff_size)}, {human_size(built.size)} compressed"
        store.adopt_blob(path, Descriptor(LAYER_GZIP, built.digest, built.size))
    image = _image(built, settings, platform, what, message, now.strftime("%Y-%m-%dT%H:%M:%SZ"))
    return pull(_Imported(name, image), store, store.root, platform, job)


class _Imported:
    """The image as a source whose layer is in the store already (an engine.source.Source)."""

    def __init__(self, name: str, image: FetchedImage) -> None:
        self.name = name
        self._image = image

    def image(self, platform: Platform, job: Job) -> FetchedImage:
        return self._image

    def blob(self, descriptor: Descriptor, offset: int, job: Job) -> Iterator[bytes]:
        raise ContentError(f"the layer {descriptor.digest} is gone again", hint="Import it once more.")

    def close(self) -> None:
        """Nothing is held open."""


def _image(
    built: BuiltLayer, settings: dict[str, Any], platform: Platform, what: str, message: str, created: str
) -> FetchedImage:
    history = {"created": created, "created_by": f"IMPORT {what}", **({"comment": message} if message else {})}
    config: dict[str, Any] = {
        "created": created,
        "architecture": platform.architecture,
        "os": platform.os,
        **({"variant": platform.variant} if platform.variant else {}),
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": [built.diff_id]},
        "history": [history],
    }
    config_raw = json.dumps(config, separators=(",", ":")).encode()
    manifest = Manifest(
        schema_version=2,
        media_type=MANIFEST,
        config=Descriptor(CONFIG, Digest.of(config_raw), len(config_raw)),
        layers=[Descriptor(LAYER_GZIP, built.digest, built.size)],
    )
    raw = encode(manifest)
    return FetchedImage(
        Descriptor(MANIFEST, Digest.of(raw), len(raw)), raw, manifest, config_raw, parse_config(config_raw)
    )


def _plain(archive: BinaryIO) -> Iterator[bytes]:
    """The tar stream, by what the archive's first bytes are, whatever it is called."""
    first = archive.read(_CHUNK)
    chunks = chain([first], iter(lambda: archive.read(_CHUNK), b""))
    if first.startswith(b"\x1f\x8b"):
        return _members(chunks, lambda: zlib.decompressobj(31))
    if first.startswith(b"\xfd7zXZ\x00"):
        return _members(chunks, lzma.LZMADecompressor)
    if first.startswith(b"BZh"):
        return _members(chunks, bz2.BZ2Decompressor)
    if first.startswith(b"\x28\xb5\x2f\xfd"):
        import zstandard

        return _members(chunks, lambda: zstandard.ZstdDecompressor().decompressobj())
    return chunks


def _members(chunks: Iterator[bytes], make: Any) -> Iterator[bytes]:
    """All members of a compressed stream, one after the other. Raises EOFError where the last one is cut short."""
    reader: Any = None
    for chunk in chunks:
        data = chunk
        while data:
            reader = reader or make()
            yield reader.decompress(data)
            data = b""
            if reader.eof:
                data, reader = reader.unused_data, None
    if reader is not None:
        raise EOFError("it ends too early")
