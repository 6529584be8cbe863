"""Fetching a blob, however often the connection breaks (distribution-spec, "Pulling blobs"; RFC 9110, "Range")."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from engine.errors import ContentError
from engine.jobs import Job
from engine.oci import Descriptor
from engine.registry.session import Answer, Ask, Session
from engine.registry.web import CHUNK, Interrupted, Patience
from engine.text import visible

_PROGRESS = 64 * 1024
"""A connection that brought fewer bytes than this counts as a failure in a row."""

_CONTENT_RANGE = re.compile(r"bytes (?:(\d{1,19})-(\d{1,19})|\*)/(\d{1,19}|\*)")


@dataclass(slots=True)
class _Progress:
    position: int
    ranges: bool = True
    """False once the server has shown that it cannot do them."""


def fetch(
    session: Session, descriptor: Descriptor, offset: int, patience: Patience, job: Job, *, peer: str
) -> Iterator[bytes]:
    """The bytes of a blob from `offset` to its end, exactly as many as the descriptor says.

    Goes on where a broken connection ended, as long as there is progress. The digest is the consumer's to
    check. `peer` is the tool's line that does the same, for the journal.
    Raises RegistryError, ContentError (another size), Cancelled.
    """
    progress = _Progress(offset)
    failures = 0
    while progress.position < descriptor.size:
        before = progress.position
        try:
            yield from _run(session, descriptor, progress, job, peer)
        except Interrupted:
            failures = 1 if progress.position - before >= _PROGRESS else failures + 1
            if failures >= patience.attempts:
                raise
            job.token.sleep(patience.wait(failures))


def _run(session: Session, descriptor: Descriptor, progress: _Progress, job: Job, peer: str) -> Iterator[bytes]:
    """One request's worth of bytes; `progress` tells how far it came."""
    start = progress.position if progress.ranges else 0
    resume = f"-C {start} " if start else ""
    ask = Ask(
        f"{session.endpoint.repository}/blobs/{descriptor.digest}",
        f"blob {descriptor.digest.short}",
        headers={"Range": f"bytes={start}-"} if start else {},
        curl=f"{resume}--create-dirs -o blobs/{descriptor.digest.algorithm}/{descriptor.digest.hex}",
        peer=peer,
    )
    with session.open(ask, job) as answer:
        began = progress.position
        try:
            if answer.status == 206 and _fits(answer, start, descriptor):
                yield from _body(answer, descriptor, 0, progress)
            elif answer.status == 200:
                _check_length(answer.length, descriptor)
                yield from _body(answer, descriptor, progress.position, progress)
            elif progress.ranges:
                progress.ranges = False  # ask for the whole, and skip what is here
                answer.step.detail = f"{answer.status}, not the range that was asked for; again from the start"
                return
            else:
                raise ContentError(f"blob {descriptor.digest.short}: the registry answers {answer.status}, unasked")
        except GeneratorExit:
            answer.step.detail = "stopped by the reader"
            return
        finally:
            answer.step.detail = answer.step.detail or f"{progress.position - began} bytes"


def _body(answer: Answer, descriptor: Descriptor, skip: int, progress: _Progress) -> Iterator[bytes]:
    """Yield the body after its first `skip` bytes; stop at one byte more than the descriptor allows."""
    while skip:
        data = answer.read(min(CHUNK, skip))
        if not data:
            raise Interrupted("the connection broke: the answer ended too early")
        skip -= len(data)
    while True:
        data = answer.read(min(CHUNK, descriptor.size - progress.position + 1))
        if not data:
            break
        if progress.position + len(data) > descriptor.size:
            raise ContentError(f"blob {descriptor.digest.short} is larger than the {descriptor.size} bytes promised")
        progress.position += len(data)
        yield data
    if progress.position < descriptor.size:
        raise Interrupted("the connection broke: the answer ended too early")


def _fits(answer: Answer, start: int, descriptor: Descriptor) -> bool:
    """Whether a partial answer begins where it should. Raises ContentError for another total size."""
    match = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    if match and match[3] != "*" and int(match[3]) != descriptor.size:
        raise _other_size(int(match[3]), descriptor)
    return bool(start and match and match[1] and int(match[1]) == start)


def _check_length(length: int | None, descriptor: Descriptor) -> None:
    if length is not None and length != descriptor.size:
        raise _other_size(length, descriptor)


def _other_size(size: int, descriptor: Descriptor) -> ContentError:
    return ContentError(
        f"blob {visible(descriptor.digest.short)} has {size} bytes; the manifest promises {descriptor.size}",
        hint="What the registry holds is damaged or forged. Nothing of it was used.",
    )
