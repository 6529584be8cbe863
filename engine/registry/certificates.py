"""Whom to trust: the system's certificate authorities, and what certs.d says of single hosts.

containers-certs.d(5): below a folder named after the host (with its port), `*.crt` are authorities, and
`*.cert` with the `*.key` of the same name a client certificate. docker reads the same below /etc/docker.
"""

from __future__ import annotations

import os
import shlex
import ssl
import threading
from collections.abc import Iterable
from pathlib import Path

import requests

from engine.errors import RegistryError
from engine.text import visible

_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where distributions keep the system's authorities, for an interpreter that was built elsewhere."""


class Certificates:
    """TLS contexts by host, each made when first asked for. May be used from several threads.

    `folders` hold certs.d trees, the first that has something for a host counts. Without `verify` every
    server is believed.
    """

    def __init__(self, folders: Iterable[Path] = (), *, verify: bool = True) -> None:
        self._folders = tuple(folders)
        self._verify = verify
        self._lock = threading.Lock()
        self._contexts: dict[str, ssl.SSLContext] = {}

    def context(self, host: str) -> ssl.SSLContext:
        """The context to talk to `host` with. Raises RegistryError for certificates that cannot be read."""
        folder = self.folder(host)
        key = host if folder else ""
        with self._lock:
            if key not in self._contexts:
                self._contexts[key] = _make(folder, verify=self._verify)
            return self._contexts[key]

    def curl(self, host: str) -> list[str]:
        """curl's words for the certificates that hold for `host` beside the system's."""
        words = []
        folder = self.folder(host)
        for path in sorted(folder.iterdir()) if folder else ():
            if path.suffix == ".crt":
                words += ["--cacert", shlex.quote(str(path))]
            elif path.suffix == ".cert":
                words += ["--cert", shlex.quote(str(path)), "--key", shlex.quote(str(path.with_suffix(".key")))]
        return words

    def folder(self, host: str) -> Path | None:
        """The folder with certificates for `host`, if there is one."""
        return next((folder / host for folder in self._folders if _holds_something(folder / host)), None)


def _holds_something(folder: Path) -> bool:
    try:
        return any(entry.suffix in (".crt", ".cert") for entry in folder.iterdir())
    except OSError:
        return False


def _make(folder: Path | None, *, verify: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if verify:
        _load_system(context)
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    for path in sorted(folder.iterdir()) if folder else ():
        try:
            if path.suffix == ".crt":
                context.load_verify_locations(path)
            elif path.suffix == ".cert":
                # A key that asks for a passphrase must not make the library prompt on the terminal.
                context.load_cert_chain(path, path.with_suffix(".key"), password=_no_passphrase)
        except (OSError, ssl.SSLError, ValueError) as error:
            raise RegistryError(
                f"cannot use the certificate {visible(str(path))}: {visible(str(error))}",
                hint="It must be PEM, and beside NAME.cert there must be NAME.key without a passphrase.",
            ) from error
    return context


def _no_passphrase() -> str:
    raise ValueError("the key has a passphrase")


def _load_system(context: ssl.SSLContext) -> None:
    chosen = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    if chosen:
        try:
            if Path(chosen).is_dir():
                context.load_verify_locations(capath=chosen)
            else:
                context.load_verify_locations(cafile=chosen)
        except (OSError, ssl.SSLError) as error:
            raise RegistryError(
                f"cannot use the certificates in {visible(chosen)}: {visible(str(error))}",
                hint="REQUESTS_CA_BUNDLE names a file of certificates in PEM form.",
            ) from error
        return
    paths = ssl.get_default_verify_paths()
    if paths.cafile or (paths.capath and any(Path(paths.capath).iterdir())):
        context.load_default_certs()
        return
    for bundle in (*_BUNDLES, requests.utils.DEFAULT_CA_BUNDLE_PATH):
        if Path(bundle).is_file():
            context.load_verify_locations(cafile=bundle)
            return
