"""Load: the images of an archive or a directory, of whichever kind it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.archives import docker
from engine.archives.opening import opened
from engine.archives.plain import PlainSource
from engine.errors import ContentError, UsageError
from engine.jobs import Job
from engine.oci import Platform
from engine.pulling import pull
from engine.reference import Transport
from engine.source import Directory, Folder, Source
from engine.store import ImageRecord, LayoutSource, Store
from engine.text import visible


def load(folder: Folder, store: Store, platform: Platform, job: Job) -> list[ImageRecord]:
    """Bring every image of an archive here, under all its names. An archive that is of both kinds is read as OCI's.

    The caller is `Store.holding`. Raises ContentError, LayerError, StoreError, Cancelled.
    """
    found = sources(folder, store)
    if not found:
        raise ContentError(f"{visible(str(folder.path))} has no images in it")
    loaded = []
    for source in found:
        job.steps.clear()  # each image has a journal of its own
        record = pull(source, store, store.root, platform, job)
        loaded.append(record)
        for name in source.more if isinstance(source, PlainSource) else ():
            store.tag(name, record.descriptor)
            loaded.append(store.find(name))
    return loaded


def sources(folder: Folder, store: Store) -> list[Source]:
    """The images of an archive. Raises ContentError, StoreError."""
    if folder.has("oci-layout") and folder.has("index.json"):
        return [LayoutSource(folder, name) for name in LayoutSource.names(folder)]
    if folder.has(docker.MANIFEST_FILE):
        return list(docker.sources(folder, store))
    raise ContentError(
        f"{visible(str(folder.path))} is no image archive: it has neither oci-layout nor manifest.json",
        hint="A root filesystem's archive becomes an image with: cutaway import FILE NAME",
    )


@contextmanager
def archived(transport: Transport, rest: str, store: Store, job: Job) -> Iterator[Source]:
    """The image that `oci-archive:FILE[:NAME]` or `docker-archive:FILE[:NAME|:@N]` means, while inside.

    Raises UsageError, ContentError, StoreError, ImageUnknown, Cancelled.
    """
    file, _, name = rest.partition(":")
    with opened(Path(file), store.root, job) as folder:
        if isinstance(folder, Directory):
            raise UsageError(f"{file} is a directory, no archive", hint=f"Use oci:{file}")
        if transport is Transport.DOCKER_ARCHIVE:
            yield docker.source(folder, name, store)
        else:
            yield LayoutSource(folder, name or None)
