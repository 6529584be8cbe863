"""How much one layer may be: bounds that no honest layer reaches, so that a hostile one cannot fill the machine."""

from __future__ import annotations

from dataclasses import dataclass

RAISE_LIMIT = "If you trust the image, raise that limit."


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds for one layer; LayerError names the one that was reached.

    `entries` counts tar entries and the directories that they imply; `waiting` those that only the layers below can
    decide (whiteouts, implied directories, hard links to lower files), which are held in memory; `size` is bytes of
    the uncompressed tar stream, and of each file in it (sparse ones are longer than their data); `ratio` is
    uncompressed to compressed bytes and is looked at once `ratio_from` bytes came out (gzip reaches 1032, real layers
    2 to 20); `after_end` is bytes behind the archive's end, where writers pad to their record size.
    """

    entries: int = 5_000_000
    waiting: int = 500_000
    size: int = 1 << 40
    ratio: int = 300
    ratio_from: int = 1 << 30
    after_end: int = 64 << 20
