"""Unpack a layer in a worker process, and settle it on the layers below."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from engine import errors
from engine.digest import Digest
from engine.disk import store_error
from engine.jobs import CancelToken
from engine.layers.limits import Limits
from engine.layers.settling import LayerStats, Settler
from engine.layers.unpackers import unpacker

_FAILURES: dict[str, type[errors.CutawayError]] = {
    kind.code: kind for kind in (errors.LayerError, errors.ContentError, errors.StoreError, errors.NotPermitted)
}


class Unpacked(msgspec.Struct, frozen=True):
    """A layer whose own entries are in `staging`; what has to wait for the layers below is noted in a file there.

    `size` is bytes of regular files, `files` counts entries, `skipped_xattrs` attributes that the filesystem refused,
    `whiteouts` what the archive says to hide, some of which may hide nothing.
    """

    size: int
    files: int
    skipped_xattrs: int
    whiteouts: int


def unpack(
    blob: Path,
    staging: Path,
    *,
    diff_id: Digest,
    on_progress: Callable[[int], None],
    token: CancelToken,
    limits: Limits | None = None,
) -> Unpacked:
    """Unpack the layer in `blob` (plain, gzip or zstd, whatever it is called) into a new directory `staging/diff`.

    Needs no other layer, so several may run side by side, each in a process of its own. `on_progress` hears how many
    compressed bytes have been taken, every 50 ms at most, in this thread. Raises LayerError where the layer is damaged,
    is not what `diff_id` says or must not be unpacked; StoreError where the disk refuses; NotPermitted; Cancelled;
    UsageError where `limits` is None and the configured ones cannot be read.
    Whatever happened, `staging` is the caller's to remove.
    """
    try:
        source = os.open(blob, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise store_error(error, f"cannot read {blob}") from error
    try:
        target = os.open(staging, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            task = {"diff_id": diff_id, "limits": (limits or Limits.configured())._asdict()}
            return _run(task, source, target, on_progress, token)
        finally:
            os.close(target)
    except OSError as error:
        raise store_error(error, f"cannot unpack into {staging}") from error
    finally:
        os.close(source)


def settle(unpacked: Unpacked, staging: Path, *, lower: Sequence[Path], token: CancelToken | None = None) -> LayerStats:
    """Finish an unpacked layer on top of the finished ones below, `lower`, lowest first (their `diff` directories).

    Drops whiteouts that hide nothing, gives directories without an entry the metadata of those they continue, moves
    what lies below a lower layer's symbolic link to where that leads, copies up what hard links of this layer share.
    Raises LayerError, StoreError; Cancelled if there is a `token`.
    """
    try:
        with Settler(staging, lower, token or CancelToken()) as settler:
            whiteouts = settler.run()
    except OSError as error:
        raise store_error(error, f"cannot settle the layer in {staging}") from error
    return LayerStats(
        size=unpacked.size, files=unpacked.files, whiteouts=whiteouts, skipped_xattrs=unpacked.skipped_xattrs
    )


def _run(
    task: dict[str, Any], source: int, target: int, on_progress: Callable[[int], None], token: CancelToken
) -> Unpacked:
    with unpacker(task, source, target) as worker:
        with token.interrupting(worker.kill):
            for line in worker.told:
                message = json.loads(line)
                if "progress" in message:
                    on_progress(message["progress"])
                elif "done" in message:
                    return Unpacked(**message["done"])
                elif "refused" in message:
                    number = message["refused"]["errno"]
                    raise store_error(
                        OSError(number, os.strerror(number)), f"cannot write {message['refused']['what']}"
                    )
                else:
                    failure = message["error"]
                    raise _FAILURES[failure["code"]](failure["message"], hint=failure["hint"])
        token.check()
        said = worker.said()
        status = worker.wait()
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        raise errors.StoreError(
            f"the process that unpacked the layer {how}{': ' + said.splitlines()[-1] if said else ''}",
            hint="If memory ran out, the kernel's log says so: dmesg | grep -i kill." if status == -9 else "",
        )
