"""Bringing a blob into a registry, however often the connection breaks (distribution-spec, "Pushing blobs")."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from urllib.parse import quote, urlencode

from engine.disk import store_error
from engine.errors import AccessDenied, RegistryError, RegistryUnreachable, StoreError
from engine.jobs import CancelToken, Job
from engine.oci import Descriptor
from engine.registry.busy import Busy
from engine.registry.patience import Patience
from engine.registry.response import CHUNK
from engine.registry.session import Answer, Ask, Session

PIECE = 64 * 1024 * 1024
"""Bytes sent in one request: below what proxies commonly let through. What is not larger goes in a single one."""

_LARGEST_PIECE = 4 * 1024**3
_OCTETS = {"Content-Type": "application/octet-stream"}
_RANGE = re.compile(r"(?:bytes=)?0-(\d{1,19})")
_LOST = frozenset({404, 416})
"""What is said to content for an upload that is not known (any more), or stands elsewhere than we think."""


class Sent(Enum):
    """How a blob came to be where it was pushed to."""

    THERE = "is there already"
    MOUNTED = "mounted from another repository"
    SENT = "sent"


@dataclass(slots=True)
class _Upload:
    """An upload under way: where to send the next bytes, and how many the registry has."""

    address: str
    done: int = 0
    piece: int = PIECE


class _Lost(RegistryError):
    """The registry knows nothing of the upload, or has it at another place."""


@dataclass(frozen=True, slots=True)
class FilePart:
    """`length` bytes of a file from `offset` on, as a request's content."""

    path: Path
    offset: int
    length: int
    report: Callable[[int], None]
    """Hears how much of the whole file has been handed to the connection."""
    token: CancelToken

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[bytes]:
        """Raises StoreError, Cancelled."""
        left = self.length
        try:
            with self.path.open("rb", buffering=0) as file:
                file.seek(self.offset)
                while left:
                    self.token.check()
                    data = file.read(min(left, CHUNK))
                    if not data:
                        raise StoreError(f"{self.path} is shorter than it should be", hint="cutaway system check")
                    left -= len(data)
                    yield data
                    self.report(self.offset + self.length - left)
        except OSError as error:
            raise store_error(error, f"cannot read {self.path}") from error


class Uploader:
    """Sends blobs to the repository of one session. May be used from several threads."""

    def __init__(self, session: Session, patience: Patience, job: Job, *, peer: str, piece: int = PIECE) -> None:
        self._session = session
        self._repository = session.endpoint.repository
        self._patience = patience
        self._job = job
        self._peer = peer
        self._piece = piece

    def blob(
        self, descriptor: Descriptor, path: Path, tell: Callable[[int], None], mount_from: Sequence[str] = ()
    ) -> Sent:
        """See that the registry has the blob that lies at `path`; `tell` hears how many bytes are sent.

        Where the registry has it in one of the repositories `mount_from` it need not be sent.
        Raises RegistryError, StoreError, Cancelled.
        """
        if self._is_there(descriptor):
            return Sent.THERE
        upload = self._begin(descriptor, mount_from)
        if upload is None:
            return Sent.MOUNTED
        failures = 0
        while True:
            before = upload.done
            try:
                self._send(descriptor, path, upload, tell)
                return Sent.SENT
            except (RegistryUnreachable, Busy, _Lost) as error:
                failures = 1 if upload.done > before else failures + 1
                if failures >= self._patience.attempts:
                    raise
                asked = error.asked if isinstance(error, Busy) else 0.0
                self._job.token.sleep(min(max(asked, self._patience.wait(failures)), self._patience.longest_wait))
                if not self._found(upload, descriptor):
                    if self._is_there(descriptor):  # only the answer was lost
                        return Sent.SENT
                    fresh = self._begin(descriptor, ())
                    assert fresh is not None
                    upload = fresh

    def _is_there(self, descriptor: Descriptor) -> bool:
        ask = Ask(
            f"{self._repository}/blobs/{descriptor.digest}",
            f"blob {descriptor.digest.short}",
            method="HEAD",
            usable=frozenset({200, 404}),
            peer=self._peer,
        )
        with self._session.open(ask, self._job) as answer:
            found = answer.status == 200
            answer.step.detail = "is there already" if found else "not there yet"
            return found

    def _begin(self, descriptor: Descriptor, mount_from: Sequence[str]) -> _Upload | None:
        """Open an upload; None where the blob could be mounted instead."""
        for repository in mount_from[:1]:
            try:
                return self._post(descriptor, {"mount": descriptor.digest, "from": repository})
            except AccessDenied:  # the other repository is not ours to read
                break
        return self._post(descriptor, {})

    def _post(self, descriptor: Descriptor, query: dict[str, str]) -> _Upload | None:
        path = f"{self._repository}/blobs/uploads/"
        ask = Ask(
            f"{path}?{urlencode(query)}" if query else path,
            f"blob {descriptor.digest.short}",
            method="POST",
            usable=frozenset({202, 201}) if query else frozenset({202}),
            curl="-D - -o /dev/null",
            peer=self._peer,
        )
        with self._session.open(ask, self._job) as answer:
            if answer.status == 201:
                answer.step.detail = f"mounted from {query['from']}"
                return None
            answer.step.command = _into_variable(answer.step.command)
            answer.step.detail = "an upload is open"
            upload = _Upload(self._address(ask, answer), piece=self._piece)
            least = answer.headers.get("OCI-Chunk-Min-Length", "")
            if least.isascii() and least.isdigit() and len(least) < 12:
                upload.piece = min(max(upload.piece, int(least)), _LARGEST_PIECE)
            return upload

    def _send(self, descriptor: Descriptor, path: Path, upload: _Upload, tell: Callable[[int], None]) -> None:
        """Send all that is missing: in one PUT where it is little, in PATCHes before that where it is more."""
        while descriptor.size - upload.done > upload.piece:
            self._patch(descriptor, FilePart(path, upload.done, upload.piece, tell, self._job.token), upload)
        part = FilePart(path, upload.done, descriptor.size - upload.done, tell, self._job.token)
        sign = "&" if "?" in upload.address else "?"
        ask = Ask(
            f"{sign}digest={descriptor.digest}",
            f"blob {descriptor.digest.short}",
            method="PUT",
            usable=frozenset({201, 204}) | _LOST,
            headers=_OCTETS,
            body=part,
            upload=f"{upload.address}{sign}digest={quote(descriptor.digest)}",
            again=False,
            curl=_data(part),
            peer=self._peer,
        )
        with self._session.open(ask, self._job) as answer:
            _check_known(answer, ask)
            answer.step.detail = f"{part.length} bytes"

    def _patch(self, descriptor: Descriptor, part: FilePart, upload: _Upload) -> None:
        end = part.offset + part.length - 1
        ask = Ask(
            "",
            f"bytes {part.offset} to {end} of blob {descriptor.digest.short}",
            method="PATCH",
            usable=frozenset({202}) | _LOST,
            headers={**_OCTETS, "Content-Range": f"{part.offset}-{end}"},
            body=part,
            upload=upload.address,
            again=False,
            curl=f"-H 'Content-Range: {part.offset}-{end}' {_data(part)}",
            peer=self._peer,
        )
        with self._session.open(ask, self._job) as answer:
            _check_known(answer, ask)
            upload.address = self._address(ask, answer)
            upload.done = _received(answer, end + 1, end + 1)
            answer.step.command = _into_variable(answer.step.command)
            answer.step.detail = f"{part.length} bytes"

    def _found(self, upload: _Upload, descriptor: Descriptor) -> bool:
        """Ask how far the upload came; False where it has to begin anew."""
        ask = Ask("", f"the upload of blob {descriptor.digest.short}", upload=upload.address, usable=frozenset({204}))
        try:
            with self._session.open(ask, self._job) as answer:
                upload.done = _received(answer, 0, descriptor.size)
                if "Location" in answer.headers:
                    upload.address = self._address(ask, answer)
                answer.step.detail = f"{upload.done} bytes have arrived"
                return True
        except (RegistryUnreachable, AccessDenied):
            raise
        except RegistryError:
            return False

    def _address(self, ask: Ask, answer: Answer) -> str:
        location = answer.headers.get("Location", "")
        if not location:
            raise RegistryError(f"{self._session.endpoint.host} does not say where to send {ask.what}")
        return self._session.upload_address(ask, location)


def _check_known(answer: Answer, ask: Ask) -> None:
    if answer.status in _LOST:
        answer.step.detail = f"{answer.status}: the upload is lost"
        raise _Lost(f"cannot push {ask.what}: the registry forgets the upload again and again")


def _received(answer: Answer, default: int, most: int) -> int:
    """How many bytes the registry has. It says the last one's number, and 0-0 for none as for one."""
    match = _RANGE.fullmatch(answer.headers.get("Range", ""))
    if match is None:
        return default
    last = int(match[1])
    return min(last + 1, most) if last else 0


def _into_variable(command: str) -> str:
    return f"LOCATION=$({command} | sed -n 's/\\r$//; s/^[Ll]ocation: //p')"


def _data(part: FilePart) -> str:
    cut = f"tail -c +{part.offset + 1} {shlex.quote(str(part.path))} | head -c {part.length}"
    return f"-H 'Content-Type: application/octet-stream' --data-binary @<({cut})"
