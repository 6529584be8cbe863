"""Files of a container as a tar stream, and back: what `cp` does with `-`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from engine import layers
from engine.digest import Digest
from engine.disk import DataRoot, store_error
from engine.jobs import Job
from engine.layers.capture import Capture
from engine.layers.foreign import plain
from engine.layers.pack import write_layer
from engine.layers.stream import FileSource


def pack_tree(folder: Path, out: BinaryIO) -> None:
    """Write what is in a directory as a tar stream. Raises StoreError, LayerError, OSError of `out`."""
    entries = Capture(folder, overlay=False).entries()
    next(entries)  # the directory itself
    write_layer(entries, out)
    out.flush()


@contextmanager
def unpacked(archive: BinaryIO, what: str, root: DataRoot, job: Job) -> Iterator[Path]:
    """A directory with what is in a tar stream (compressed or not), while inside.

    It is read as layers are: nothing gets out of the directory, and names that mean removed files say nothing here.
    Raises ContentError, LayerError, StoreError, Cancelled.
    """
    root.prepare()
    with root.staging("cp") as folder:
        copy, hasher = folder / "stream", hashlib.sha256()
        try:
            with copy.open("wb") as file:
                for chunk in plain(FileSource(archive.fileno()), what):
                    job.check()
                    hasher.update(chunk)
                    file.write(chunk)
        except OSError as error:
            raise store_error(error, f"cannot keep a copy of {what}") from error
        found = layers.unpack(
            copy,
            folder,
            diff_id=Digest(f"sha256:{hasher.hexdigest()}"),
            on_progress=lambda done: None,
            token=job.token,
        )
        layers.settle(found, folder, lower=[], token=job.token)
        yield folder / "diff"
