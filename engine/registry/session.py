"""A conversation with one registry about one repository (OCI distribution-spec).

Finds out whether the registry speaks https or http, answers its 401, waits when it is asked to, tries
again where that makes sense, journals every request, and turns what remains into the project's errors.
"""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

from engine.errors import AccessDenied, ContentError, NotInRegistry, RegistryError, RegistryUnreachable
from engine.jobs import CancelToken, Job, StepDraft
from engine.registry.auth import Authorizer
from engine.registry.challenge import parse_challenges
from engine.registry.hosts import Endpoint
from engine.registry.web import Interrupted, Patience, Response, Web
from engine.text import visible
from engine.trace import StepKind

_BUSY = frozenset({429, 500, 502, 503, 504})
_USABLE = frozenset({200, 206, 416})
_ERROR_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Ask:
    """A request below the repository: `path` is "manifests/latest". `peer` is the tool's line that does the same."""

    path: str
    accept: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    curl: str = ""
    """More of curl's options for the journal, such as where the answer goes."""
    peer: str = ""


class Answer:
    """An answer as far as its headers, and the draft of the step that its body is part of."""

    def __init__(self, response: Response, step: StepDraft, token: CancelToken) -> None:
        self.status = response.status
        self.headers = response.headers
        self.length = response.length
        self.step = step
        self._response = response
        self._token = token

    def read(self, count: int) -> bytes:
        """Up to `count` bytes; empty at the end. Raises Interrupted, Cancelled."""
        return self._response.read(count, self._token)

    def read_all(self, limit: int, what: str) -> bytes:
        """The whole body. Raises ContentError if it is over `limit` bytes, Interrupted, Cancelled."""
        return self._response.read_all(limit, what, self._token)


class Session:
    """Asks one endpoint. May be used from several threads."""

    def __init__(self, endpoint: Endpoint, web: Web, authorizer: Authorizer, patience: Patience) -> None:
        self.endpoint = endpoint
        self._web = web
        self._authorizer = authorizer
        self._patience = patience
        self._scheme = "https"
        self._reached = False

    def document(self, ask: Ask, limit: int, what: str, job: Job) -> tuple[bytes, Mapping[str, str]]:
        """A whole small answer and its headers. Raises RegistryError, ContentError, Cancelled."""
        failures = 0
        while True:
            try:
                with self.open(ask, job) as answer:
                    if answer.length is not None and answer.length > limit:
                        raise ContentError(
                            f"{what} is over {limit} bytes", hint="The registry sends more than it should."
                        )
                    raw = answer.read_all(limit, what)
                    answer.step.detail = f"{len(raw)} bytes"
                    return raw, answer.headers
            except Interrupted:
                failures += 1
                if failures >= self._patience.attempts:
                    raise
                job.token.sleep(self._patience.wait(failures))

    @contextmanager
    def open(self, ask: Ask, job: Job) -> Iterator[Answer]:
        """The answer to a request, its body to be read inside the `with`. Status 200, 206 or 416.

        Raises NotInRegistry, AccessDenied, RegistryUnreachable, RegistryError, Cancelled.
        """
        with ExitStack() as stack:
            yield self._obtain(ask, job, stack)

    def _obtain(self, ask: Ask, job: Job, stack: ExitStack) -> Answer:
        failures = 0
        answered = False
        while True:
            scheme = self._scheme
            authorization = self._authorizer.authorization
            try:
                with ExitStack() as attempt:
                    step = attempt.enter_context(job.step(StepKind.REQUEST, self._curl(ask, scheme), peer=ask.peer))
                    response = self._send(ask, scheme, authorization, job.token)
                    self._reached = True
                    attempt.enter_context(_reading(response, job.token))
                    if response.redirected_to:
                        step.detail = f"from {visible(response.redirected_to)}"
                    if response.status in _USABLE:
                        stack.enter_context(attempt.pop_all())
                        return Answer(response, step, job.token)
                    if response.status == 401 and not answered:
                        step.detail = "401: it asks who is there"
                    elif response.status in _BUSY and failures + 1 < self._patience.attempts:
                        step.detail = f"{response.status}: it is busy"
                    else:
                        raise self._refusal(ask, response, job.token)
            except RegistryUnreachable:
                if not self._reached and scheme == "https" and self.endpoint.insecure:
                    self._scheme = "http"  # as podman does; nothing secret has been sent yet
                    continue
                failures += 1
                if not self._reached or failures >= self._patience.attempts:
                    raise
                self._rest(self._patience.wait(failures), job)
                continue
            if response.status == 401:
                answered = True
                challenges = parse_challenges(response.headers.get("WWW-Authenticate", ""))
                self._authorizer.answer(challenges, authorization, scheme, job)
            else:
                failures += 1
                self._rest(self._pause(response, failures), job)

    def _rest(self, seconds: float, job: Job) -> None:
        with job.step(StepKind.REQUEST, f"sleep {seconds:.3g}") as step:
            step.detail = f"before asking {self.endpoint.host} again"
            job.token.sleep(seconds)

    def _send(self, ask: Ask, scheme: str, authorization: str | None, token: CancelToken) -> Response:
        headers = dict(ask.headers)
        if ask.accept:
            headers["Accept"] = ", ".join(ask.accept)
        return self._web.send(
            "GET",
            self._url(ask, scheme),
            token,
            headers=headers,
            authorization=authorization,
            may_downgrade=self.endpoint.insecure,
        )

    def _url(self, ask: Ask, scheme: str) -> str:
        return f"{scheme}://{self.endpoint.host}/v2/{self.endpoint.repository}/{ask.path}"

    def _curl(self, ask: Ask, scheme: str) -> str:
        """The request as a shell line; the token, if one is needed, stands there as a variable."""
        words = ["curl", "-fsSL"]
        if self.endpoint.insecure and scheme == "https":
            words.append("-k")
        words += self._authorizer.curl()
        if ask.accept:
            words += ["-H", shlex.quote("Accept: " + ", ".join(ask.accept))]
        if ask.curl:
            words.append(ask.curl)
        return " ".join([*words, shlex.quote(self._url(ask, scheme))])

    def _pause(self, response: Response, failures: int) -> float:
        asked = _retry_after(response.headers.get("Retry-After", ""))
        return min(self._patience.longest_wait, max(asked, self._patience.wait(failures)))

    def _refusal(self, ask: Ask, response: Response, token: CancelToken) -> RegistryError:
        said = _error_text(response, token)
        where = f"{self.endpoint.host}: {self.endpoint.repository}"
        tail = f": {said}" if said else ""
        if response.status in (401, 403):
            return AccessDenied(
                f"{where}: access denied ({response.status}){tail}",
                hint=f"Check the name; if it is right, log in: cutaway login {self.endpoint.domain}",
            )
        if response.status == 404:
            return NotInRegistry(
                f"{where}: no {ask.path} there{tail}",
                hint=f"See what there is: cutaway tags {self.endpoint.domain}/{self.endpoint.repository}",
            )
        if response.status == 429:
            return RegistryError(
                f"{where}: too many requests{tail}", hint="Wait a while, or log in for a higher limit."
            )
        return RegistryError(f"{where}: the registry answers {response.status}{tail}")


@contextmanager
def _reading(response: Response, token: CancelToken) -> Iterator[None]:
    try:
        with token.interrupting(response.interrupt):
            yield
    finally:
        response.close()


def _retry_after(value: str) -> float:
    """Seconds that a Retry-After header asks for (RFC 9110, section 10.2.3), 0 where it says nothing usable."""
    if value.isascii() and value.isdigit() and len(value) < 10:
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _error_text(response: Response, token: CancelToken) -> str:
    """What the registry says about a failure (distribution-spec, "Error Codes"), fit to be shown."""
    try:
        document = json.loads(response.read_all(_ERROR_LIMIT, "the error message", token))
        first = document["errors"][0]
        words = [str(first[key]) for key in ("code", "message") if first.get(key)]
    except (ContentError, Interrupted, ValueError, RecursionError, KeyError, IndexError, TypeError, AttributeError):
        return ""
    return visible(": ".join(words))[:300]
