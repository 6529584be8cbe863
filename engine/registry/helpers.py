"""Credential helpers: programs named docker-credential-NAME that keep secrets (docker-credential-helpers' protocol)."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

from engine.errors import RegistryError, ToolMissing
from engine.text import visible

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_TIMEOUT = 30.0  # seconds; one may ask its user for a passphrase
_TOKEN_USER = "<token>"  # noqa: S105 - the protocol's word for "the secret is an identity token"


def get(helper: str, server: str) -> tuple[str, str] | None:
    """The user name and secret that a helper keeps for `server`; None if it has none.

    Raises ToolMissing, RegistryError.
    """
    done = _run(helper, "get", server)
    if done.returncode != 0:
        if "credentials not found" in done.stdout:
            return None
        raise _failure(helper, "get", done)
    try:
        document = json.loads(done.stdout)
        user, secret = document["Username"], document["Secret"]
    except (ValueError, RecursionError, KeyError, TypeError):
        user = secret = None
    if not isinstance(user, str) or not isinstance(secret, str):
        raise RegistryError(f"docker-credential-{helper} answers with something that is no login")
    return user, secret


def is_identity_token(user: str) -> bool:
    """Whether what came with this user name is an identity token, not a password."""
    return user == _TOKEN_USER


def store(helper: str, server: str, user: str, secret: str) -> None:
    """Have a helper keep a login. Raises ToolMissing, RegistryError."""
    done = _run(helper, "store", json.dumps({"ServerURL": server, "Username": user, "Secret": secret}))
    if done.returncode != 0:
        raise _failure(helper, "store", done)


def erase(helper: str, server: str) -> None:
    """Have a helper forget a login. Raises ToolMissing, RegistryError."""
    done = _run(helper, "erase", server)
    if done.returncode != 0 and "credentials not found" not in done.stdout:
        raise _failure(helper, "erase", done)


def _run(helper: str, verb: str, said: str) -> subprocess.CompletedProcess[str]:
    if not _NAME.fullmatch(helper):
        raise RegistryError(f"not the name of a credential helper: {visible(helper)[:80]!r}")
    program = shutil.which(f"docker-credential-{helper}")
    if program is None:
        raise ToolMissing(
            f"docker-credential-{helper} is not installed, but the configuration names it",
            hint="Install it, or take credHelpers or credsStore out of auth.json or ~/.docker/config.json.",
        )
    try:
        # Secrets go through the pipe alone, never through arguments that `ps` shows.
        return subprocess.run(
            [program, verb], input=said, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RegistryError(f"docker-credential-{helper} {verb} fails: {type(error).__name__}") from error


def _failure(helper: str, verb: str, done: subprocess.CompletedProcess[str]) -> RegistryError:
    # What it says on stdout could hold the secret; failures are told there only by convention. Keep to its status.
    return RegistryError(
        f"docker-credential-{helper} {verb} fails with status {done.returncode}",
        hint=f"Try it by hand: docker-credential-{helper} list",
    )
