"""Answering a registry's 401: Basic credentials, or a token fetched with them (distribution's token spec).

Credentials go to the registry's own host and to its token realm, never further; over plain http to the
registry's own host alone, and only if that is how the registry is spoken to. A registry can name any
realm, so that is judged before anything is sent there.
"""

from __future__ import annotations

import ipaddress
import json
import shlex
import threading
from collections.abc import Callable
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from engine.errors import AccessDenied, RegistryError, RegistryUnreachable
from engine.jobs import Job
from engine.registry.busy import BUSY, Busy
from engine.registry.cancelling import cancellable
from engine.registry.challenge import Challenge
from engine.registry.credentials import Login
from engine.registry.hosts import Endpoint
from engine.registry.response import Interrupted
from engine.registry.web import Web, is_loopback
from engine.text import visible
from engine.trace import StepKind

_TOKEN_LIMIT = 1024 * 1024
_USER_VARIABLE = '"$REGISTRY_USER:$REGISTRY_PASSWORD"'


class Authorizer:
    """Holds what one registry wants to see for one scope. May be used from several threads.

    `scope` is as in the token spec ("repository:library/debian:pull", several with a blank between them, may
    be empty); `find_login` is called at most once, when the registry first asks.
    """

    def __init__(self, endpoint: Endpoint, scope: str, web: Web, find_login: Callable[[], Login | None]) -> None:
        self._host = endpoint.host
        self._hint = endpoint.login_hint
        self._scope = scope
        self._web = web
        self._find_login = find_login
        self._lock = threading.Lock()
        self._login: Login | None = None
        self._looked = False
        self._header: str | None = None

    @property
    def authorization(self) -> str | None:
        """The Authorization header for the next request, as far as known."""
        return self._header

    def curl(self) -> list[str]:
        """curl's words for the same, with variables in place of secrets."""
        if self._header is None:
            return []
        if self._header.startswith("Basic "):
            return ["-u", _USER_VARIABLE]
        return ["-H", '"Authorization: Bearer $TOKEN"']

    def answer(self, challenges: list[Challenge], used: str | None, scheme: str, job: Job) -> None:
        """Have what the registry asks for, or raise AccessDenied; `used` is the header that it has refused.

        Raises RegistryError, Cancelled too.
        """
        with self._lock:
            if self._header != used:
                return  # another thread has just done it
            by_scheme = {challenge.scheme: challenge for challenge in reversed(challenges)}
            login = self._once(job)
            if bearer := by_scheme.get("bearer"):
                self._header = "Bearer " + self._fetch_token(bearer, login, scheme, job)
            elif "basic" not in by_scheme:
                raise AccessDenied(
                    f"{self._host} asks for a kind of login that is not known here",
                    hint="Known are Basic and Bearer.",
                )
            elif login is None or login.identity_token:
                raise AccessDenied(f"{self._host} asks for a user name and a password", hint=self._hint)
            elif used == login.basic:
                raise AccessDenied(f"{self._host} does not take the user name and password", hint=self._hint)
            else:
                self._header = login.basic

    def _once(self, job: Job) -> Login | None:
        if not self._looked:  # a helper program may take its time
            self._login = cancellable(self._find_login, lambda login: None, job.token)
            self._looked = True
        return self._login

    def _fetch_token(self, challenge: Challenge, login: Login | None, scheme: str, job: Job) -> str:
        realm = self._realm(challenge.parameters.get("realm", ""))
        if login is not None and not self._may_have_credentials(realm, scheme):
            login = None
        query = dict(parse_qsl(realm.query))
        if service := challenge.parameters.get("service"):
            query["service"] = service
        address = realm._replace(query="", fragment="").geturl()
        if login is not None and login.identity_token:
            return self._exchange(address, {**query, "scope": self._scope} if self._scope else query, login, job)
        if login is not None:
            query["account"] = login.user
        pairs = [pair for pair in query.items() if pair[0] != "scope" or not self._scope]
        pairs += [("scope", scope) for scope in self._scope.split()]  # repeated in a query, in one word in a form
        url = f"{address}?{urlencode(pairs)}" if pairs else address
        words = ["curl", "-fsSL", *(["-u", _USER_VARIABLE] if login else []), shlex.quote(url)]
        return self._request("GET", url, words, login.basic if login else None, None, job)

    def _exchange(self, address: str, query: dict[str, str], login: Login, job: Job) -> str:
        """OAuth2, for an identity token (distribution's "oauth2 token authentication")."""
        form = {**query, "grant_type": "refresh_token", "client_id": "cutaway"}
        words = ["curl", "-fsSL", *(f"-d {shlex.quote(f'{key}={value}')}" for key, value in form.items())]
        words += ["-d", '"refresh_token=$IDENTITY_TOKEN"', shlex.quote(address)]
        return self._request("POST", address, words, None, {**form, "refresh_token": login.identity_token}, job)

    def _request(
        self, method: str, url: str, words: list[str], basic: str | None, form: dict[str, str] | None, job: Job
    ) -> str:
        command = f"TOKEN=$({visible(' '.join(words))} | jq -r '.token // .access_token')"
        where = visible(urlsplit(url).netloc)
        with job.step(StepKind.REQUEST, command) as step:
            response = self._web.send(method, url, job.token, authorization=basic, form=form)
            try:
                with job.token.interrupting(response.interrupt):
                    if response.status in (400, 401, 403):
                        raise AccessDenied(
                            f"{where} gives no token for {self._scope or self._host} ({response.status})",
                            hint=f"Check the name. {self._hint}",
                        )
                    if response.status in BUSY:
                        raise Busy.told_by(response)
                    if response.status != 200:
                        raise RegistryError(f"{where} gives no token: it answers {response.status}")
                    raw = response.read_all(_TOKEN_LIMIT, f"the token from {where}", job.token)
            except Interrupted as error:  # whoever resumes a broken transfer must not take this for one
                raise RegistryUnreachable(f"{where}: {error.message}", hint=error.hint) from error
            finally:
                response.close()
            step.detail = f"a token for {self._scope or self._host}" + (" as a user" if basic or form else "")
            return _read_token(raw, where)

    def _realm(self, text: str) -> SplitResult:
        """Where the registry says that tokens are to be had. Raises RegistryError for what is no place for that."""
        try:
            realm = urlsplit(text)
            host = realm.hostname or ""
            usable = realm.scheme in ("http", "https") and host and "@" not in realm.netloc and text.isprintable()
            usable = usable and (realm.port or 1) > 0
        except ValueError:
            usable = False
        if not usable:
            raise RegistryError(f"{self._host} sends to no usable place for a token: {visible(text)[:100]!r}")
        own = _hostname(self._host)
        if host != own and _is_internal(host) and not _is_internal(own):
            raise RegistryError(
                f"{self._host} sends to {visible(host)} for a token, an address inside this machine or network",
                hint="A registry must not make clients talk to internal services. Do not trust it.",
            )
        return realm

    def _may_have_credentials(self, realm: SplitResult, scheme: str) -> bool:
        return realm.scheme == "https" or (scheme == "http" and realm.hostname == _hostname(self._host))


def _hostname(host: str) -> str:
    return urlsplit(f"//{host}").hostname or ""


def _is_internal(host: str) -> bool:
    """Whether it is this machine, or an address of a link alone, where clouds keep secrets (169.254.169.254)."""
    try:
        return is_loopback(host) or ipaddress.ip_address(host).is_link_local
    except ValueError:
        return False


def _read_token(raw: bytes, where: str) -> str:
    try:
        document = json.loads(raw)
        token = document.get("token") or document.get("access_token")
    except (ValueError, RecursionError, AttributeError):
        token = None
    # It goes into a header: nothing that could end one.
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or " " in token:
        raise RegistryError(f"{where} answers with something that is no token")
    return token
