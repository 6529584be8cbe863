"""Fetching a blob, however often the connection breaks (distribution-spec, "Pulling blobs"; RFC 9110, "Range")."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.errors import ContentError, NotInRegistry
from engine.jobs import Job
from engine.oci import Descriptor
from engine.registry.patience import Patience
from engine.registry.response import CHUNK, Interrupted
from engine.registry.session import Answer, Ask, Session

_PROGRESS = 64 * 1024
"""A connection that brought fewer bytes than this counts as a failure in a row."""

_CONTENT_RANGE = re.compile(r"bytes (?:(\d{1,19})-(\d{1,19})|\*)/(\d{1,19}|\*)")


_FOREIGN = re.compile(r"\.foreign\.|\.nondistributable\.")
"""In media types: layers that registries need not hold, and that name addresses to have them from."""


@dataclass(slots=True)
class _Progress:
    """How far a transfer has come, and what is known of where it comes from."""

    position: int
    elsewhere: str = ""
    ranges: bool = True
    """False once the server has shown that it cannot do them."""


def fetch(
    session: Session, descriptor: Descriptor, offset: int, patience: Patience, job: Job, *, layout: Path, peer: str
) -> Iterator[bytes]:
    """The bytes of a blob from `offset` to its end, exactly as many as the descriptor says.

    Goes on where a broken connection ended, as long as there is progress. The digest is the consumer's to
    check. `layout` is where it goes and `peer` the tool's line that does the same, for the journal.
    Raises RegistryError, ContentError (another size), Cancelled.
    """
    progress = _Progress(offset)
    addresses = _foreign_addresses(descriptor)
    failures = 0
    while progress.position < descriptor.size:
        before = progress.position
        try:
            yield from _run(session, descriptor, progress, job, layout, peer)
        except NotInRegistry:
            if not addresses:
                raise
            progress = _Progress(progress.position, addresses.pop(0))
        except Interrupted:
            failures = 1 if progress.position - before >= _PROGRESS else failures + 1
            if failures >= patience.attempts:
                raise
            job.token.sleep(patience.wait(failures))


def _foreign_addresses(descriptor: Descriptor) -> list[str]:
    """Where else it may be had: of foreign layers alone, lest any manifest sends us where it likes."""
    if not _FOREIGN.search(descriptor.media_type):
        return []
    return [url for url in descriptor.urls or [] if url.startswith(("https://", "http://"))]


def _run(
    session: Session, descriptor: Descriptor, progress: _Progress, job: Job, layout: Path, peer: str
) -> Iterator[bytes]:
    """One request's worth of bytes; `progress` tells how far it came."""
    start = progress.position if progress.ranges else 0
    resume = f"-C {start} " if start else ""
    place = layout / "blobs" / descriptor.digest.algorithm / descriptor.digest.hex
    ask = Ask(
        f"{session.endpoint.repository}/blobs/{descriptor.digest}",
        f"blob {descriptor.digest.short}",
        headers={"Range": f"bytes={start}-"} if start else {},
        curl=f"{resume}--create-dirs -o {shlex.quote(str(place))}",
        peer=peer,
        elsewhere=progress.elsewhere,
    )
    with session.open(ask, job) as answer:
        began = progress.position
        first, total = _place(answer)
        if total is not None and total != descriptor.size:
            raise _other_size(f"has {total} bytes", descriptor)
        try:
            if answer.status == 206 and start and first == start:
                yield from _body(answer, descriptor, 0, progress)
            elif answer.status == 200:
                yield from _body(answer, descriptor, progress.position, progress)
            elif progress.ranges:
                progress.ranges = False  # ask for the whole, and skip what is here
                answer.step.detail = f"{answer.status}, not the range that was asked for; again from the start"
                return
            else:
                raise ContentError(f"{ask.what}: the registry answers {answer.status}, unasked")
        except GeneratorExit:
            answer.step.detail = "stopped by the reader"
            return
        answer.step.detail = ", ".join(filter(None, (answer.step.detail, f"{progress.position - began} bytes")))


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
            raise _other_size("goes on and on", descriptor)
        progress.position += len(data)
        yield data
    if progress.position < descriptor.size:
        raise Interrupted("the connection broke: the answer ended too early")


def _place(answer: Answer) -> tuple[int | None, int | None]:
    """The first byte of a partial answer, and the whole blob's size; None for what the server does not say."""
    if answer.status == 200:
        return 0, answer.length
    match = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    if match is None:
        return None, None
    return int(match[1]) if match[1] else None, int(match[3]) if match[3] != "*" else None


def _other_size(found: str, descriptor: Descriptor) -> ContentError:
    return ContentError(
        f"blob {descriptor.digest.short} {found}; the manifest promises {descriptor.size}",
        hint="What the registry holds is damaged or forged. Nothing of it was used.",
    )
