"""Commit: a container's upper directory becomes a layer on top of its image's, and the whole an image of its own."""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from engine import instructions
from engine.digest import Digest
from engine.disk import store_error
from engine.errors import UsageError
from engine.events import LayerPhase, LayerProgress
from engine.jobs import Job
from engine.layers.capture import Capture
from engine.layers.compress import BuiltLayer, Compression, check_level
from engine.layers.pack import build_layer
from engine.oci import CONFIG, LAYER_GZIP, LAYER_ZSTD, Descriptor, Manifest, ManifestKind, encode
from engine.store import ImageRecord, Store
from engine.text import human_size
from engine.trace import StepKind

_EVERY = 0.1  # seconds between two progress events
_UNKNOWN = Digest.of(b"")


@dataclass(frozen=True, slots=True)
class CommitOptions:
    """What a commit is to be like.

    `changes` are instructions as in a Dockerfile (`CMD`, `ENV`, …), carried out in order; `squash` makes one layer of
    the image's and the container's; `docker` asks for Docker's media types instead of OCI's; `level` is the
    compression's own (None: a quick one); `leave_out` holds absolute paths in the container that stay as in the image;
    `pause` freezes a running container meanwhile.
    """

    changes: tuple[str, ...] = ()
    message: str = ""
    author: str = ""
    pause: bool = False
    squash: bool = False
    docker: bool = False
    compression: str = "gzip"
    level: int | None = None
    leave_out: tuple[str, ...] = ()

    def check(self) -> None:
        """Raises UsageError for a level that there is not, and for a form that Docker's manifests have no word for."""
        kind = Compression(self.compression)
        check_level(kind, self.level)
        if self.docker and kind is Compression.ZSTD:
            raise UsageError("Docker's format has no layers compressed with zstd", hint="Take gzip, or the format oci.")


def source_date() -> int | None:
    """SOURCE_DATE_EPOCH in seconds (reproducible-builds.org/specs/source-date-epoch), None where it is not set.

    Raises UsageError where it is no number.
    """
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 11:
        raise UsageError(f"SOURCE_DATE_EPOCH is no time in seconds: {text!r}")
    return int(text)


def commit(
    store: Store, image: ImageRecord, capture: Capture, name: str, made_by: str, options: CommitOptions, job: Job
) -> ImageRecord:
    """Put what `capture` takes on top of `image` (or, squashed, in its place) and let `name` mean that.

    `made_by` is the history's line. With SOURCE_DATE_EPOCH the same content makes the same image, to the last bit.
    The caller is `Store.holding`. Raises UsageError, LayerError, StoreError, Cancelled.
    """
    options.check()
    kind = ManifestKind.DOCKER if options.docker else ManifestKind.OCI
    media_type = LAYER_GZIP if Compression(options.compression) is Compression.GZIP else LAYER_ZSTD
    fixed = source_date()
    capture = replace(capture, latest=None if fixed is None else fixed * 10**9)
    now = datetime.now(UTC) if fixed is None else datetime.fromtimestamp(fixed, UTC)
    config = json.loads(store.read_blob(image.manifest.config))
    _configure(config, options, now)  # what is wrong in it is told before the work
    built = _build(store, capture, options, job)
    _stack(config, image, built, options, made_by, now)
    raw = json.dumps(config, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "backslashreplace")
    below = [] if options.squash else image.manifest.layers
    manifest = Manifest(
        schema_version=2,
        media_type=kind.media_type,
        config=kind.of(store.put_blob(raw, CONFIG)),
        layers=[kind.of(layer) for layer in (*below, Descriptor(media_type, built.digest, built.size))],
    )
    command = f"skopeo inspect oci:{shlex.quote(f'{store.root.images}:{name}')}"
    with job.step(StepKind.STORE, command) as step:
        descriptor = store.put_blob(encode(manifest), kind.media_type)
        store.tag(name, descriptor)
        step.detail = f"{name} is {descriptor.digest}"
    return store.find(name)


def _build(store: Store, capture: Capture, options: CommitOptions, job: Job) -> BuiltLayer:
    kind = Compression(options.compression)
    command = f"tar --create --xattrs --numeric-owner --sort=name --directory={shlex.quote(str(capture.root))} ."
    with store.root.staging("commit") as folder, job.step(StepKind.LAYER, f"{command} | {kind.value}") as step:
        path = folder / "layer"
        try:
            with path.open("wb") as out:
                built = build_layer(
                    capture.entries(), out, kind=kind, level=options.level, on_progress=_teller(job), token=job.token
                )
        except OSError as error:
            raise store_error(error, f"cannot write {path}") from error
        step.detail = f"{human_size(built.diff_size)}, {human_size(built.size)} compressed"
        store.adopt_blob(path, Descriptor("", built.digest, built.size))
    job.emit(LayerProgress(job.id, built.digest, 1, 1, LayerPhase.DONE, built.diff_size, built.diff_size))
    return built


def _teller(job: Job) -> Callable[[int], None]:
    """Progress now and then; the layer's digest is not known before its end."""
    last = 0.0

    def tell(done: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _EVERY:
            last = now
            job.emit(LayerProgress(job.id, _UNKNOWN, 1, 1, LayerPhase.PACKING, done, 0))

    return tell


def _configure(config: dict[str, Any], options: CommitOptions, now: datetime) -> None:
    """Carry out the changes. What docker's own builder kept of its containers is not the image's: it goes."""
    settings = config.get("config")
    config["config"] = settings = dict(settings) if isinstance(settings, dict) else {}
    for change in options.changes:
        instructions.apply(settings, change)
    for key in ("container", "container_config"):
        config.pop(key, None)
    config["created"] = _stamp(now)
    if options.author:
        config["author"] = options.author


def _stack(
    config: dict[str, Any],
    image: ImageRecord,
    built: BuiltLayer,
    options: CommitOptions,
    made_by: str,
    now: datetime,
) -> None:
    """The new layer, and its line of history."""
    below = [] if options.squash else list(image.config.rootfs.diff_ids)
    config["rootfs"] = {"type": "layers", "diff_ids": [*below, built.diff_id]}
    history = list(config.get("history") or [])
    if options.squash:
        history = [{**step, "empty_layer": True} for step in history]
    line: dict[str, Any] = {"created": _stamp(now), "created_by": made_by}
    if options.author:
        line["author"] = options.author
    if options.message:
        line["comment"] = options.message
    config["history"] = [*history, line]


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
