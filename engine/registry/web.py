"""HTTP as the registry client needs it: bounded, cancellable, without surprises.

`requests` does the talking; this module takes away what it does by itself that a registry client must
not do: sending credentials from ~/.netrc, keeping cookies, following redirects with headers meant for
another host, decoding bodies whose digest counts, and waiting for ever.
"""

from __future__ import annotations

import contextlib
import ipaddress
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from engine.errors import ContentError, RegistryError, RegistryUnreachable
from engine.jobs import CancelToken
from engine.registry.cancelling import cancellable
from engine.registry.certificates import Certificates
from engine.text import visible

CHUNK = 256 * 1024
"""Bytes read at a time: large enough that Python's overhead vanishes, small enough for lively progress."""

_REDIRECTS = 5
_REDIRECT_CODES = frozenset({301, 302, 303, 307, 308})
_POOL = 16  # connections kept per host

# Told to the user in our own words; the library would write it on the terminal that the screen is drawn on.
urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the client waits (seconds) and how often it tries again."""

    connect: float = 10.0
    inactivity: float = 30.0
    """Without a byte for so long, a connection counts as dead."""
    attempts: int = 5
    """In a row without progress."""
    first_wait: float = 0.5
    """Doubled from one failure to the next."""
    longest_wait: float = 60.0
    """Also the cap on what a Retry-After may ask for."""

    def wait(self, failures: int) -> float:
        """Seconds to wait after this many failures in a row."""
        return min(self.longest_wait, self.first_wait * 2.0 ** (failures - 1))


class Interrupted(RegistryUnreachable):
    """The connection broke in the middle of an answer; what was read so far stands."""


class Response:
    """An answer whose body has not been read yet."""

    def __init__(self, response: requests.Response, host: str, redirected_to: str) -> None:
        self._response = response
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.host = host
        """Who answered."""
        self.redirected_to = redirected_to
        """The same, where it is not the one that was asked; otherwise empty."""

    @property
    def length(self) -> int | None:
        """The Content-Length, where there is a usable one."""
        return _number(self.headers.get("Content-Length", ""))

    def interrupt(self) -> None:
        """Make a blocked `read` return. Safe in any thread, at any time."""
        with contextlib.suppress(ValueError, RuntimeError, OSError):
            self._response.raw.shutdown()

    def read(self, count: int, token: CancelToken) -> bytes:
        """Up to `count` bytes of the body as they are on the wire; empty at its end.

        Raises Interrupted when the connection breaks or stalls, Cancelled.
        """
        try:
            data: bytes = self._response.raw.read(count, decode_content=False)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            token.check()  # a shut down socket fails in many ways, none of them worth telling
            raise Interrupted(f"the connection broke: {_reason(error)}") from error
        token.check()  # after a shutdown, what comes may be cut short
        return data

    def read_all(self, limit: int, what: str, token: CancelToken) -> bytes:
        """The whole body, of at most `limit` bytes. Raises ContentError if it is longer, Interrupted, Cancelled."""
        parts: list[bytes] = []
        total = 0
        while total <= limit:
            data = self.read(min(CHUNK, limit + 1 - total), token)
            if not data:
                return b"".join(parts)
            parts.append(data)
            total += len(data)
        raise ContentError(f"{what} is over {limit} bytes", hint="The registry sends more than it should.")

    def close(self) -> None:
        """Give the connection back, or drop it if the body was not read to its end."""
        self._response.close()


class Web:
    """Sends requests over one pool of connections. May be used from several threads."""

    def __init__(self, certificates: Certificates, patience: Patience) -> None:
        self.certificates = certificates
        self._patience = patience
        self._session = _Session()
        self._session.trust_env = False  # no ~/.netrc; proxies are looked up below
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = _Adapter(certificates)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def send(
        self,
        method: str,
        url: str,
        token: CancelToken,
        *,
        headers: Mapping[str, str] | None = None,
        authorization: str | None = None,
        form: Mapping[str, str] | None = None,
        may_downgrade: bool = False,
    ) -> Response:
        """Send a request and return the answer once its headers are here; redirects are followed.

        `authorization` goes to the origin (scheme, host, port) of `url` alone, wherever a redirect leads.
        From https to http a redirect is followed only if it `may_downgrade`; a `form`, which may hold a
        secret, is never sent on.
        Raises RegistryUnreachable, RegistryError, Cancelled.
        """
        origin = _origin(urlsplit(url))
        current = url
        for _ in range(_REDIRECTS + 1):
            parts = _checked(current)
            sent = {"User-Agent": "cutaway", "Accept-Encoding": "identity", **(headers or {})}
            if authorization and _origin(parts) == origin:
                sent["Authorization"] = authorization
            answer = self._send_once(method, current, token, sent, form)
            location = answer.headers.get("Location", "")
            if answer.status_code not in _REDIRECT_CODES or not location or form is not None:
                host = visible(parts.netloc)
                return Response(answer, host, "" if _origin(parts) == origin else host)
            answer.close()
            target = _join(current, location)
            if parts.scheme == "https" and _checked(target).scheme != "https" and not may_downgrade:
                raise RegistryError(
                    f"{parts.netloc} redirects from https to http",
                    hint="An encrypted connection must not lead to one that is not. Tell who runs the registry.",
                )
            current = target
        raise RegistryError(f"{urlsplit(url).netloc} redirects more than {_REDIRECTS} times")

    def close(self) -> None:
        self._session.close()

    def _send_once(
        self,
        method: str,
        url: str,
        token: CancelToken,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None,
    ) -> requests.Response:
        host = urlsplit(url).netloc

        def send() -> requests.Response:
            try:
                return self._session.request(
                    method,
                    url,
                    headers=dict(headers),
                    data=form,
                    stream=True,
                    allow_redirects=False,
                    timeout=(self._patience.connect, self._patience.inactivity),
                    proxies=_proxies(url),
                )
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                raise _unreachable(host, error) from error

        return cancellable(send, requests.Response.close, token)


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None: `Web.send` follows redirects. By itself the library reads a redirect's whole body, of any size."""
        return None


class _Adapter(HTTPAdapter):
    """Verifies servers by the certificates that hold for each host, in place of requests' own bundle."""

    def __init__(self, certificates: Certificates) -> None:
        self._certificates = certificates
        super().__init__(pool_maxsize=_POOL, max_retries=0)

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        host_params, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        if host_params["scheme"] != "https":
            return host_params, {}
        return host_params, {"ssl_context": self._certificates.context(urlsplit(request.url or "").netloc)}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Nothing: the context has said it all."""


def _proxies(url: str) -> dict[str, str]:
    """The proxies of the environment for `url`; this machine itself is never reached through one (as in Go)."""
    if is_loopback(urlsplit(url).hostname or ""):
        return {}
    return requests.utils.get_environ_proxies(url, no_proxy=None)


def is_loopback(host: str) -> bool:
    """Whether a host name or address literal is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _checked(url: str) -> SplitResult:
    """Split a URL that a registry may have made up. Raises RegistryError unless it is plain http or https."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        _origin(parts)  # the port may be out of range
    except ValueError:
        usable = False
    if not usable:
        raise RegistryError(f"not a web address to go to: {visible(url.partition('?')[0])[:100]!r}")
    return parts


def _join(base: str, location: str) -> str:
    try:
        return urljoin(base, location)
    except ValueError as error:
        raise RegistryError(f"not a web address to go to: {visible(location.partition('?')[0])[:100]!r}") from error


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _reason(error: BaseException) -> str:
    """The innermost cause in a few words, without addresses: those may carry signatures."""
    seen = error
    for _ in range(8):
        inner = getattr(seen, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((arg for arg in seen.args if isinstance(arg, BaseException)), seen.__cause__)
        if inner is None:
            break
        seen = inner
    if isinstance(seen, ssl.SSLCertVerificationError):
        text = seen.verify_message
    elif isinstance(seen, TimeoutError | urllib3.exceptions.TimeoutError):
        text = "timed out"
    elif isinstance(seen, OSError) and seen.strerror:
        text = seen.strerror
    elif isinstance(seen, urllib3.exceptions.IncompleteRead):
        text = "the answer ended too early"
    else:
        text = str(seen.args[0]) if seen.args and isinstance(seen.args[0], str) else type(seen).__name__
    return visible(text)[:200]


def _unreachable(host: str, error: BaseException) -> RegistryUnreachable:
    host = visible(host)
    reason = _reason(error)
    if isinstance(error, requests.exceptions.SSLError):
        return RegistryUnreachable(
            f"no trusted connection with {host}: {reason}",
            hint=f"Put its CA certificate into /etc/containers/certs.d/{host}/ca.crt,"
            " or use --tls-verify=false for one that you trust anyway.",
        )
    if isinstance(error, requests.exceptions.Timeout):
        return RegistryUnreachable(
            f"{host} does not answer: {reason}", hint="Is its address right, and the network up?"
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return RegistryUnreachable(f"the proxy for {host} fails: {reason}", hint="See HTTPS_PROXY and NO_PROXY.")
    return RegistryUnreachable(f"cannot reach {host}: {reason}", hint="Is its address right, and the network up?")
