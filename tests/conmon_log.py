"""Logs as conmon writes them, without conmon."""

from __future__ import annotations

import time

START = 1_700_000_000


def as_conmon(writes: list[tuple[str, bytes]], start: int = START) -> bytes:
    """What conmon logs of these writes of a process: each read(2), at most 8 KiB, split at newlines."""
    log = bytearray()
    for number, (stream, data) in enumerate(writes):
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(start + number)).encode()
        for piece in (data[at : at + 8192] for at in range(0, len(data), 8192)):
            for line in _lines(piece):
                kind = b"F" if line.endswith(b"\n") else b"P"
                log += moment + b".000000000+00:00 %s %s " % (stream.encode(), kind) + line.removesuffix(b"\n") + b"\n"
    return bytes(log)


def _lines(piece: bytes) -> list[bytes]:
    """Split at newlines alone: bytes.splitlines also splits at carriage returns."""
    parts = piece.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + [part for part in parts[-1:] if part]
