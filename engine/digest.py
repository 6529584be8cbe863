"""Digests: the names of content (OCI image-spec, descriptor.md, "Digests").

A digest reaches paths and URLs, so only the strict grammar of the registered algorithms gets through.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from engine.errors import ContentError
from engine.text import visible

if TYPE_CHECKING:
    from hashlib import _Hash
    from hashlib import sha256 as sha256
else:
    # For what is short the interpreter's own: hashlib loads OpenSSL, which takes longer than all that `ps` hashes.
    try:
        from _sha2 import sha256
    except ImportError:
        try:
            from _sha256 import sha256  # Python 3.11
        except ImportError:
            from hashlib import sha256

_LONG = 1 << 19
"""Bytes for which OpenSSL, which is several times as fast, is worth its loading."""
_GRAMMAR = re.compile(r"sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128}")


class Digest(str):
    """A checked `algorithm:hex`. Make one with `parse` or `of`, so that every Digest in the program is valid."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Check `text`. Raises ContentError if it is not a sha256 or sha512 digest in canonical form."""
        if not isinstance(text, str) or not _GRAMMAR.fullmatch(text):
            raise ContentError(
                f"not a digest: {visible(str(text))[:100]!r}",
                hint="A digest is sha256: and 64 hexadecimal digits in lower case.",
            )
        return cls(text)

    @classmethod
    def of(cls, data: bytes) -> Digest:
        """The sha256 digest of `data`."""
        hasher = _openssl("sha256", data) if len(data) >= _LONG else sha256(data)
        return cls(f"sha256:{hasher.hexdigest()}")

    @property
    def algorithm(self) -> str:
        """What it was made by: `sha256`."""
        return self.partition(":")[0]

    @property
    def hex(self) -> str:
        """Its digits alone."""
        return self.partition(":")[2]

    @property
    def short(self) -> str:
        """The first 12 hexadecimal digits, enough for people to tell two apart."""
        return self.hex[:12]

    def hasher(self) -> _Hash:
        """A fresh hash of this digest's algorithm."""
        return _openssl(self.algorithm)

    def names(self, content: bytes | _Hash) -> bool:
        """Whether this is the digest of `content`, or of what a `hasher` has been fed."""
        if isinstance(content, bytes):
            if self.algorithm == "sha256":
                return Digest.of(content) == self
            hasher = self.hasher()
            hasher.update(content)
            return self.names(hasher)
        return content.hexdigest() == self.hex


def _openssl(algorithm: str, data: bytes = b"") -> _Hash:
    import hashlib  # for what is long: faster, and other threads go on meanwhile

    return hashlib.new(algorithm, data)


def chain_ids(diff_ids: Iterable[Digest]) -> list[Digest]:
    """The chain ID of each layer: it names the layer on top of all below it (image-spec config.md, "Layer ChainID")."""
    chain: list[Digest] = []
    for diff_id in diff_ids:
        chain.append(Digest.of(f"{chain[-1]} {diff_id}".encode()) if chain else diff_id)
    return chain
