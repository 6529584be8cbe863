"""How much one layer may be: bounds that no honest layer reaches, so that a hostile one cannot fill the machine."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import NamedTuple

from engine.errors import LayerError, UsageError
from engine.text import visible

VARIABLE = "CUTAWAY_LIMITS"

_NUMBER = re.compile(r"([1-9][0-9]{0,17})([KMGT]?)", re.IGNORECASE)
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


class Limits(NamedTuple):
    """Bounds for one layer; LayerError names the one that was reached.

    `entries` counts tar entries and the directories that they imply; `waiting` those that only the layers below can
    decide (whiteouts, implied directories, hard links to lower files), which are held in memory; `size` is bytes of
    the uncompressed tar stream, and of each file in it (sparse ones are longer than their data); `ratio` is
    uncompressed to compressed bytes, and is looked at once `ratio_from` bytes came out (gzip reaches 1032, real layers
    2 to 20); long runs of zeros, which take no room but time, count for it from `zeros` bytes of them on (sparse files
    without a sparse header: databases, disk images); `after_end` is bytes behind the archive's end, where writers pad
    to their record size.
    """

    entries: int = 5_000_000
    waiting: int = 500_000
    size: int = 1 << 40
    ratio: int = 300
    ratio_from: int = 1 << 30
    zeros: int = 64 << 30
    after_end: int = 64 << 20

    @classmethod
    def configured(cls, environment: Mapping[str, str] | None = None) -> Limits:
        """The bounds as CUTAWAY_LIMITS has them: words such as `size=2T` and `ratio=600` (K, M, G and T are binary).

        `environment` is this process's where it is None. Raises UsageError.
        """
        env = os.environ if environment is None else environment
        chosen: dict[str, int] = {}
        for word in env.get(VARIABLE, "").split():
            name, _, value = word.partition("=")
            match = _NUMBER.fullmatch(value)
            if name not in cls._fields or match is None:
                raise UsageError(
                    f"{VARIABLE}: {visible(word)[:100]!r} is no limit",
                    hint=f"Write NAME=NUMBER, with K, M, G or T behind it or not. Names: {', '.join(cls._fields)}.",
                )
            chosen[name] = int(match[1]) * _UNITS[match[2].upper()]
        return cls()._replace(**chosen)

    def hold(self, size: int, filled: int, taken: int) -> None:
        """Raises LayerError where so many bytes, `filled` of them no long runs of zeros, out of so many compressed ones
        are too many."""
        if size > self.size:
            raise LayerError(f"the layer unpacks to more than {self.size} bytes", hint=self.hint("size"))
        if filled > self.ratio_from and filled > self.ratio * taken:
            raise LayerError(f"the layer unpacks to more than {self.ratio} times its size", hint=self.hint("ratio"))
        if (zeros := size - filled) > self.zeros and zeros - self.zeros > self.ratio * taken:
            message = f"the layer is {self.zeros} bytes of zeros, and more of them than {self.ratio} times its size"
            raise LayerError(message, hint=self.hint("zeros"))

    def hint(self, name: str) -> str:
        """What to do where the limit `name` was reached."""
        return f"If you trust the image, raise the limit: set {VARIABLE}={name}={2 * getattr(self, name)}, for example."
