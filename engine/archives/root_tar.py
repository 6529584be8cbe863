"""Import: a root filesystem, in a tar archive or in a directory, becomes an image of one layer."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from engine import instructions
from engine.committing import source_date
from engine.digest import Digest
from engine.disk import store_error
from engine.errors import ContentError
from engine.jobs import Job
from engine.layers.capture import Capture
from engine.layers.compress import BuiltLayer, compress
from engine.layers.foreign import plain
from engine.layers.pack import build_layer
from engine.layers.stream import FileSource
from engine.oci import CONFIG, LAYER_GZIP, MANIFEST, Descriptor, Manifest, Platform, encode, parse_config
from engine.pulling import pull
from engine.source import FetchedImage
from engine.store import ImageRecord, Store
from engine.text import human_size
from engine.trace import StepKind


def import_root(
    store: Store,
    found: BinaryIO | Path,
    what: str,
    name: str,
    platform: Platform,
    job: Job,
    *,
    changes: tuple[str, ...] = (),
    message: str = "",
) -> ImageRecord:
    """Take an archive (plain, gzip, zstd, xz or bzip2; called `what`) or a directory in as the only layer of an image
    `name`.

    It is expanded as every layer is: what must not be unpacked is refused, and then nothing has that name. With
    SOURCE_DATE_EPOCH a directory makes the same image every time. `changes` are instructions as in a Dockerfile.
    Raises UsageError, ContentError, LayerError, StoreError, Cancelled.
    """
    fixed = source_date()
    now = datetime.now(UTC) if fixed is None else datetime.fromtimestamp(fixed, UTC)
    settings: dict[str, Any] = {}
    for change in changes:
        instructions.apply(settings, change)
    command = f"tar -C {shlex.quote(str(found))} -c . | gzip" if isinstance(found, Path) else f"gzip < {what}"
    with store.root.staging("import") as folder, job.step(StepKind.LAYER, command) as step:
        path = folder / "layer"
        try:
            with path.open("wb") as out:
                if isinstance(found, Path):
                    capture = Capture(found, overlay=False)
                    if fixed is not None:
                        capture = replace(capture, latest=fixed * 10**9)
                    built = build_layer(capture.entries(), out, token=job.token)
                else:
                    built = compress(plain(FileSource(found.fileno()), what), out, token=job.token)
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
