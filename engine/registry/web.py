"""HTTP as the registry client needs it: bounded, cancellable, without surprises.

`requests` does the talking; this module takes away what it does by itself that a registry client must
not do: sending credentials from ~/.netrc, keeping cookies, following redirects with headers meant for
another host, decoding bodies whose digest counts, and waiting for ever.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Protocol
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from engine.errors import RegistryError, RegistryUnreachable
from engine.jobs import CancelToken
from engine.registry.cancelling import cancellable
from engine.registry.certificates import Certificates
from engine.registry.patience import Patience
from engine.registry.response import NO_TLS, Response, reason
from engine.text import visible

_REDIRECTS = 5
_REDIRECT_CODES = frozenset({301, 302, 303, 307, 308})
_POOL = 16  # connections kept per host

# Told to the user in our own words; the library would write it on the terminal that the screen is drawn on.
urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)


class Content(Protocol):
    """What a request carries: of known length in bytes, and readable anew for each try."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[bytes]: ...


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
        body: Content | bytes | None = None,
        may_downgrade: bool = False,
    ) -> Response:
        """Send a request and return the answer once its headers are here; redirects are followed.

        `authorization` goes to the origin (scheme, host, port) of `url` alone, wherever a redirect leads.
        From https to http a redirect is followed only if it `may_downgrade`; a `form`, which may hold a
        secret, and a `body` are never sent on.
        Raises RegistryUnreachable, RegistryError, Cancelled.
        """
        origin = _origin(urlsplit(url))
        current = url
        for _ in range(_REDIRECTS + 1):
            parts = _checked(current)
            sent = {"User-Agent": "cutaway", "Accept-Encoding": "identity", **(headers or {})}
            if authorization and _origin(parts) == origin:
                sent["Authorization"] = authorization
            answer = self._send_once(method, current, token, sent, form if body is None else body)
            location = answer.headers.get("Location", "")
            if (
                answer.status_code not in _REDIRECT_CODES
                or not location
                or form is not None
                or method not in ("GET", "HEAD")
            ):
                host = visible(parts.netloc)
                redirected_to = "" if _origin(parts) == origin else host
                return Response(answer, host, redirected_to, self._patience.inactivity)
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
        content: Mapping[str, str] | Content | bytes | None,
    ) -> requests.Response:
        host = urlsplit(url).netloc
        data: Any = content if content is None or len(content) else b""  # an empty stream would go out chunked

        def send() -> requests.Response:
            try:
                return self._session.request(
                    method,
                    url,
                    headers=dict(headers),
                    data=data,
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


def _unreachable(host: str, error: BaseException) -> RegistryUnreachable:
    host = visible(host)
    why = reason(error)
    if why == NO_TLS:
        return RegistryUnreachable(
            f"{host} does not speak TLS",
            hint="If it is one that speaks plain http and you trust the way to it, use --tls-verify=false.",
        )
    if isinstance(error, requests.exceptions.SSLError):
        return RegistryUnreachable(
            f"no trusted connection with {host}: {why}",
            hint=f"Put its CA certificate into /etc/containers/certs.d/{host}/ca.crt,"
            " or use --tls-verify=false for one that you trust anyway.",
        )
    if isinstance(error, requests.exceptions.Timeout):
        return RegistryUnreachable(f"{host} does not answer: {why}", hint="Is its address right, and the network up?")
    if isinstance(error, requests.exceptions.ProxyError):
        return RegistryUnreachable(f"the proxy for {host} fails: {why}", hint="See HTTPS_PROXY and NO_PROXY.")
    return RegistryUnreachable(f"cannot reach {host}: {why}", hint="Is its address right, and the network up?")
