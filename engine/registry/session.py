"""A conversation with one registry about one repository (OCI distribution-spec).

Finds out whether the registry speaks https or http, answers its 401, waits when it is asked to, tries
again where that makes sense, journals every request, and turns what remains into the project's errors.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from engine.errors import AccessDenied, ContentError, NotInRegistry, RegistryError, RegistryUnreachable
from engine.jobs import CancelToken, Job, StepDraft
from engine.registry.auth import Authorizer
from engine.registry.busy import BUSY, Busy
from engine.registry.challenge import parse_challenges
from engine.registry.hosts import Endpoint
from engine.registry.patience import Patience
from engine.registry.response import Interrupted, Response
from engine.registry.web import Content, Web
from engine.text import visible
from engine.trace import StepKind

_USABLE = frozenset({200, 206, 416})
_READS = frozenset({"GET", "HEAD"})
_ERROR_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Ask:
    """A request for `what` (in words): `path` stands below /v2/, as in "library/debian/manifests/12"."""

    path: str
    what: str
    accept: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    curl: str = ""
    """More of curl's options for the journal, such as where the answer goes."""
    peer: str = ""
    """skopeo's line that does the same."""
    elsewhere: str = ""
    """An address outside the registry to ask instead, without credentials."""
    method: str = "GET"
    usable: frozenset[int] = _USABLE
    """The statuses that the caller knows what to do with; any other is an error."""
    body: Content | bytes | None = None
    upload: str = ""
    """The address that the registry gave for an upload, in place of `path`; the journal calls it $LOCATION."""
    again: bool = True
    """Whether to send it once more by itself where it failed on its way: not if the caller has to look first how far
    it came."""


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

    def document(self, ask: Ask, limit: int, job: Job) -> tuple[bytes, Mapping[str, str]]:
        """A whole small answer and its headers. Raises RegistryError, ContentError, Cancelled."""
        failures = 0
        while True:
            try:
                with self.open(ask, job) as answer:
                    if answer.status != 200:
                        raise RegistryError(f"{ask.what}: {self.endpoint.host} answers {answer.status}, unasked")
                    raw = answer.read_all(limit, ask.what)
                    answer.step.detail = f"{len(raw)} bytes"
                    return raw, answer.headers
            except Interrupted:
                failures += 1
                if failures >= self._patience.attempts:
                    raise
                job.token.sleep(self._patience.wait(failures))

    @contextmanager
    def open(self, ask: Ask, job: Job) -> Iterator[Answer]:
        """The answer to a request, its body to be read inside the `with`. Its status is among those `usable`.

        Raises NotInRegistry, AccessDenied, RegistryUnreachable, RegistryError, Cancelled.
        """
        with ExitStack() as stack:
            yield self._obtain(ask, job, stack)

    def _obtain(self, ask: Ask, job: Job, stack: ExitStack) -> Answer:
        failures = 0
        authorized = False
        while True:
            scheme = self._scheme
            try:
                authorization = self._authorizer.authorization if self._is_own(ask) else None
                response, answer = self._attempt(ask, scheme, authorization, job, stack)
                if answer is not None:
                    return answer
                if authorized:
                    raise self._refusal(ask, response, "")
                challenges = parse_challenges(response.headers.get("WWW-Authenticate", ""))
                self._authorizer.answer(challenges, authorization, scheme, job)
                authorized = True
            except Busy as busy:
                failures += 1
                if failures >= self._patience.attempts or not ask.again:
                    raise
                self._rest(max(busy.asked, self._patience.wait(failures)), job)
            except RegistryUnreachable:
                if not self._reached and scheme == "https" and self.endpoint.insecure and not ask.elsewhere:
                    self._scheme = "http"  # as podman does; nothing secret has been sent yet
                    continue
                failures += 1
                if not self._reached or failures >= self._patience.attempts or not ask.again:
                    raise
                self._rest(self._patience.wait(failures), job)

    def _attempt(
        self, ask: Ask, scheme: str, authorization: str | None, job: Job, stack: ExitStack
    ) -> tuple[Response, Answer | None]:
        """Send it once. The answer is None where the registry itself asks who is there."""
        with ExitStack() as attempt:
            step = attempt.enter_context(job.step(StepKind.REQUEST, self._curl(ask, scheme), peer=ask.peer))
            response = self._send(ask, scheme, authorization, job.token)
            self._reached = True
            attempt.enter_context(_reading(response, job.token))
            if response.redirected_to:
                step.detail = f"from {response.redirected_to}"
            if response.status in ask.usable:
                stack.enter_context(attempt.pop_all())
                return response, Answer(response, step, job.token)
            # Another host's question is not the registry's: its answer would carry the registry's credentials.
            if response.status == 401 and not response.redirected_to and self._is_own(ask):
                step.command = self._curl(ask, scheme, question=True)
                step.detail = "401: it asks who is there"
                return response, None
            if response.status in BUSY:
                raise Busy.told_by(response)
            raise self._refusal(ask, response, _error_text(response, job.token))

    def _rest(self, seconds: float, job: Job) -> None:
        seconds = min(seconds, self._patience.longest_wait)
        with job.step(StepKind.REQUEST, f"sleep {seconds:.3g}") as step:
            step.detail = f"before asking {self.endpoint.host} again"
            job.token.sleep(seconds)

    def _send(self, ask: Ask, scheme: str, authorization: str | None, token: CancelToken) -> Response:
        headers = dict(ask.headers)
        if ask.accept:
            headers["Accept"] = ", ".join(ask.accept)
        return self._web.send(
            ask.method,
            self._url(ask, scheme),
            token,
            headers=headers,
            authorization=authorization,
            body=ask.body,
            may_downgrade=self.endpoint.insecure,
        )

    def _url(self, ask: Ask, scheme: str) -> str:
        return ask.elsewhere or ask.upload or self._own_url(ask, scheme)

    def _own_url(self, ask: Ask, scheme: str) -> str:
        return f"{scheme}://{self.endpoint.host}/v2/{ask.path}"

    def _is_own(self, ask: Ask) -> bool:
        """Whether the registry itself is asked: an upload may lead to a storage server, which gets no credentials."""
        if ask.elsewhere:
            return False
        return not ask.upload or urlsplit(ask.upload)[:2] == (self._scheme, self.endpoint.host)

    def upload_address(self, ask: Ask, location: str) -> str:
        """Where an upload goes on, from an answer's Location. Raises RegistryError where nothing may be sent to it."""
        try:
            url = urljoin(ask.upload or self._own_url(ask, self._scheme), location)
            parts = urlsplit(url)
        except ValueError:
            url, parts = location, urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or not url.isprintable():
            raise RegistryError(f"{self.endpoint.host} sends an upload to no usable place: {visible(url)[:100]!r}")
        if (self._scheme, parts.scheme) == ("https", "http") and not self.endpoint.insecure:
            raise RegistryError(
                f"{self.endpoint.host} sends an upload from https to http",
                hint="Content must not leave an encrypted connection. Tell who runs the registry.",
            )
        return url

    def _curl(self, ask: Ask, scheme: str, *, question: bool = False) -> str:
        """The request as a shell line; the token, if one is needed, stands there as a variable.

        As a `question` it shows the headers of the answer: with a 401 they say how to come in.
        """
        how = ["-sS", "-o", "/dev/null", "-D", "-"] if question else ["-fsSL"]
        words = ["curl", *how, *self._trust(scheme)]
        if ask.method != "GET":
            words += ["-I"] if ask.method == "HEAD" else ["-X", ask.method]
        if self._is_own(ask):
            words += self._authorizer.curl()
        if ask.accept:
            words += ["-H", shlex.quote("Accept: " + ", ".join(ask.accept))]
        if ask.curl and not question:
            words.append(ask.curl)
        if ask.upload:  # it carries the state of the upload, of any length; only what we add is worth reading
            return " ".join([*words, f'"$LOCATION{ask.path}"'])
        return " ".join([*words, shlex.quote(visible(self._url(ask, scheme)))])

    def _trust(self, scheme: str) -> list[str]:
        if scheme != "https":
            return []
        if self.endpoint.insecure:
            return ["-k"]
        return self._web.certificates.curl(self.endpoint.host)

    def _refusal(self, ask: Ask, response: Response, said: str) -> RegistryError:
        reads = ask.method in _READS
        verb = "get" if reads else "push"
        message = f"cannot {verb} {ask.what}: {response.host} answers {response.status}" + (f": {said}" if said else "")
        if response.status in (401, 403):
            return AccessDenied(message, hint=f"Check the name. {self.endpoint.login_hint}")
        if response.status == 404 and not reads:
            return NotInRegistry(message, hint="Does the registry know that repository, and take uploads at all?")
        if response.status == 404:
            return NotInRegistry(message, hint=f"See what is there: cutaway tags {self.endpoint.name}")
        return RegistryError(message)


@contextmanager
def _reading(response: Response, token: CancelToken) -> Iterator[None]:
    try:
        with token.interrupting(response.interrupt):
            yield
    finally:
        response.close()


def _error_text(response: Response, token: CancelToken) -> str:
    """What the registry says about a failure (distribution-spec, "Error Codes"), fit to be shown."""
    try:
        document = json.loads(response.read_all(_ERROR_LIMIT, "the error message", token))
        first = document["errors"][0]
        words = [str(first[key]) for key in ("code", "message") if first.get(key)]
    except (ContentError, Interrupted, ValueError, RecursionError, KeyError, IndexError, TypeError, AttributeError):
        return ""
    return visible(": ".join(words))[:300]
