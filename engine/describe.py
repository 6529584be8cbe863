"""Records of the store and the runtime as the data that the façade hands out."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine.bundling import kept_options
from engine.runtime import ContainerRecord, Kind, LiveState, coming_back
from engine.store import ImageRecord, Store
from engine.views import ContainerSummary, HistoryStep, ImageSummary, LayerSummary


def image_summary(image: ImageRecord) -> ImageSummary:
    """An image in a line."""
    return ImageSummary(
        reference=image.name,
        id=image.config_digest.hex,
        digest=image.descriptor.digest,
        created=image.config.created or "",
        size=sum(layer.size for layer in image.manifest.layers),
        layers=len(image.manifest.layers),
    )


def layer_summaries(store: Store, image: ImageRecord) -> list[LayerSummary]:
    """An image's layers, lowest first, each with the step of its history that made it."""
    made_by = [step.created_by for step in image.config.history or [] if not step.empty_layer]
    found = []
    for n, (descriptor, chain_id) in enumerate(zip(image.manifest.layers, image.chain_ids, strict=True)):
        record = store.layer(chain_id)
        found.append(
            LayerSummary(
                digest=descriptor.digest,
                diff_id=image.config.rootfs.diff_ids[n],
                chain_id=chain_id,
                media_type=descriptor.media_type,
                size=record.size if record else 0,
                path=str(store.layer_path(chain_id)),
                created_by=made_by[n] if n < len(made_by) else "",
                blob_size=descriptor.size,
                files=record.files if record else 0,
            )
        )
    return found


def history_steps(image: ImageRecord) -> list[HistoryStep]:
    """How an image was made, oldest step first."""
    blobs = iter(image.manifest.layers)
    steps = []
    for step in image.config.history or []:
        blob = None if step.empty_layer else next(blobs, None)
        made = (blob.digest, blob.size) if blob else ("", 0)
        steps.append(HistoryStep(step.created, step.created_by, step.comment, *made))
    return steps


def image_document(store: Store, image: ImageRecord) -> dict[str, Any]:
    """All that is known of an image, as JSON data."""
    return {
        "reference": image.name,
        "id": image.config_digest.hex,
        "digest": image.descriptor.digest,
        "media_type": image.descriptor.media_type,
        "manifest": json.loads(store.read_blob(image.descriptor)),
        "config": json.loads(store.read_blob(image.manifest.config)),
        "layers": [str(store.layer_path(chain_id)) for chain_id in image.chain_ids],
    }


def container_summary(record: ContainerRecord, state: LiveState, path: Path, *, mounted: bool) -> ContainerSummary:
    """A container in a line, with the state that was just read."""
    return ContainerSummary(
        id=record.id,
        name=record.name,
        image=record.image,
        status=state.status,
        pid=state.pid,
        created=record.created,
        exit_code=state.exit_code,
        command=tuple(record.command),
        started=state.started,
        finished=state.finished,
        out_of_memory=state.out_of_memory,
        working=record.kind is Kind.WORKING,
        terminal=record.terminal,
        interactive=record.interactive,
        mounted=mounted,
        path=path,
        network=record.network,
        address=record.address,
        ports=tuple(map(str, record.ports)),
        logged=record.logged,
        passes=record.passes,
        restart=record.restart,
    )


def container_document(record: ContainerRecord, summary: ContainerSummary) -> dict[str, Any]:
    """All that is known of a container, as JSON data; null for a config.json that cannot be read."""
    config = None
    with suppress(OSError, ValueError, RecursionError):
        config = json.loads((summary.path / "config.json").read_bytes())
    return {
        "id": record.id,
        "name": record.name,
        "image": record.image,
        "image_digest": record.image_digest,
        "created": record.created,
        "status": summary.status.value,
        "pid": summary.pid,
        "exit_code": summary.exit_code,
        "out_of_memory": summary.out_of_memory,
        "started": summary.started,
        "finished": summary.finished,
        "network": record.network or None,
        "address": record.address or None,
        "ports": list(summary.ports),
        "exposed": list(kept_options(summary.path).expose),
        "restart": record.restart or None,
        "restarts": coming_back.restarts(summary.path) if record.restart else None,
        "layers": record.layers,
        "path": str(summary.path),
        "merged": str(summary.merged) if summary.mounted else None,
        "config": config,
    }
