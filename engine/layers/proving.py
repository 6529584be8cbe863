"""Whether a blob holds the tar stream that a diff ID names, without unpacking it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from engine.digest import Digest
from engine.disk import store_error
from engine.jobs import CancelToken
from engine.layers.limits import Limits
from engine.layers.stream import Counted, FileSource, guarded, unlike


def prove(
    blob: Path, diff_id: Digest, limits: Limits, token: CancelToken, on_progress: Callable[[int], None] | None = None
) -> None:
    """Decompress and hash the layer in `blob`; `on_progress` hears how many compressed bytes have been taken.

    Raises LayerError where it is damaged, beyond the limits, or another than `diff_id` says; StoreError; Cancelled.
    """
    hasher, progress = diff_id.hasher(), on_progress or (lambda taken: None)
    try:
        handle = os.open(blob, os.O_RDONLY | os.O_CLOEXEC)
        try:
            for _ in guarded(Counted(FileSource(handle)), hasher, limits, progress):
                token.check()
        finally:
            os.close(handle)
    except OSError as error:
        raise store_error(error, f"cannot read {blob}") from error
    if not diff_id.names(hasher):
        raise unlike(f"{diff_id.algorithm}:{hasher.hexdigest()}", diff_id)
