"""Changes to an image's configuration in a Dockerfile's words: `CMD`, `ENV`, `LABEL` and their like.

Written as podman and docker take them for `commit --change`: `CMD ["sh", "-c", "x"]`, `ENV A=1 B=2`, `USER=me`.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from typing import Any

from engine.errors import UsageError
from engine.spec.values import signal_name
from engine.text import visible

Settings = dict[str, Any]
"""The `config` part of an image configuration (image-spec config.md), as JSON has it."""

_PORT = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?(?:/(tcp|udp|sctp))?")


def apply(settings: Settings, instruction: str) -> None:
    """Carry one instruction out. Raises UsageError for one that is not known or malformed."""
    match = re.fullmatch(r"\s*([A-Za-z]+)(?:\s*=\s*|\s+)(.+?)\s*", instruction, re.DOTALL)
    act = _INSTRUCTIONS.get(match[1].upper()) if match else None
    if match is None or act is None:
        raise UsageError(
            f"not a change: {visible(instruction)[:80]!r}",
            hint=f"Begin with one of {', '.join(_INSTRUCTIONS)}, e.g. --change 'CMD [\"/bin/sh\"]'.",
        )
    try:
        act(settings, match[2])
    except ValueError as error:
        raise UsageError(f"{match[1].upper()}: {error}: {visible(match[2])[:80]!r}") from error


def _command(text: str) -> list[str]:
    """The list form, or the shell form, which a shell reads."""
    if text.startswith("["):
        try:
            words = json.loads(text)
        except (ValueError, RecursionError):
            words = None
        if isinstance(words, list) and all(isinstance(word, str) and "\0" not in word for word in words):
            return words
        raise ValueError("not a list of strings")
    return ["/bin/sh", "-c", text]


def _pairs(text: str) -> list[tuple[str, str]]:
    """`A=1 B="2 3"`, or the old form `A 1`."""
    words = shlex.split(text)
    if words and "=" not in words[0]:
        key, _, value = text.partition(" ")
        if not value.strip():
            raise ValueError("a name without a value")
        return [(key, value.strip())]
    pairs = [(key, value) for key, sign, value in (word.partition("=") for word in words) if key and sign]
    if len(pairs) != len(words):
        raise ValueError("not NAME=VALUE")
    return pairs


def _cmd(settings: Settings, text: str) -> None:
    settings["Cmd"] = _command(text)


def _entrypoint(settings: Settings, text: str) -> None:
    settings["Entrypoint"] = _command(text)


def _env(settings: Settings, text: str) -> None:
    found = dict(line.partition("=")[::2] for line in settings.get("Env") or [])
    found.update(_pairs(text))
    settings["Env"] = [f"{name}={value}" for name, value in found.items()]


def _label(settings: Settings, text: str) -> None:
    settings["Labels"] = {**(settings.get("Labels") or {}), **dict(_pairs(text))}


def _user(settings: Settings, text: str) -> None:
    if not re.fullmatch(r"[^\s:]+(:[^\s:]+)?", text):
        raise ValueError("not USER[:GROUP]")
    settings["User"] = text


def _workdir(settings: Settings, text: str) -> None:
    """A relative one continues the one before, as in a Dockerfile."""
    before = settings.get("WorkingDir") or "/"
    settings["WorkingDir"] = text if text.startswith("/") else f"{before.rstrip('/')}/{text}"


def _expose(settings: Settings, text: str) -> None:
    ports = dict(settings.get("ExposedPorts") or {})
    for word in text.split():
        match = _PORT.fullmatch(word)
        if match is None or not 0 < int(match[1]) <= int(match[2] or match[1]) < 65536:
            raise ValueError("not PORT[-PORT][/tcp|udp|sctp]")
        ports |= {f"{port}/{match[3] or 'tcp'}": {} for port in range(int(match[1]), int(match[2] or match[1]) + 1)}
    settings["ExposedPorts"] = ports


def _volume(settings: Settings, text: str) -> None:
    paths = _command(text) if text.startswith("[") else text.split()
    if not all(path.startswith("/") for path in paths):
        raise ValueError("not an absolute path")
    settings["Volumes"] = {**(settings.get("Volumes") or {}), **{path: {} for path in paths}}


def _stop_signal(settings: Settings, text: str) -> None:
    """Of the signals that there are alone: no container could be made of an image with another."""
    signal_name(text, "STOPSIGNAL")
    settings["StopSignal"] = text


_INSTRUCTIONS: dict[str, Callable[[Settings, str], None]] = {
    "CMD": _cmd,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "LABEL": _label,
    "STOPSIGNAL": _stop_signal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _workdir,
}
