"""The process that `exec` adds to a container: what the container's own one is, with what the user says over it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from engine.errors import SpecError, UsageError
from engine.host import HostFacts
from engine.spec import values
from engine.spec.inside import NotAFile, read_file, real_path
from engine.spec.process import env_file_lines, leaks_descriptor, meant
from engine.spec.users import Accounts
from engine.spec.vocabulary import CAPABILITY_NUMBERS
from engine.text import visible

_SETS = ("bounding", "effective", "permitted", "inheritable", "ambient")
SHELLS = ("/bin/bash", "/usr/bin/bash", "/bin/sh", "/bin/ash", "/bin/busybox", "/usr/bin/sh")
"""In the order of liking."""
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True)
class ExecOptions:
    """The options of `exec`, as they were typed. Making one checks their spelling: UsageError."""

    args: tuple[str, ...]
    env: tuple[str, ...] = ()
    """NAME=VALUE; NAME alone takes the value from this process."""
    env_files: tuple[str, ...] = ()
    workdir: str | None = None
    user: str | None = None
    """USER[:GROUP], each a name in the container's own files or a number."""
    privileged: bool = False
    terminal: bool = False
    interactive: bool = False

    def __post_init__(self) -> None:
        if not self.args:
            raise UsageError("exec needs a command", hint="cutaway exec CONTAINER COMMAND [ARG…]")
        for field in fields(self):
            value = getattr(self, field.name)
            for text in value if isinstance(value, tuple) else (value,):
                if isinstance(text, str) and _NOT_STORABLE.search(text):
                    raise UsageError(f"{visible(text)[:80]!r} holds bytes that are not UTF-8, or a NUL")
        for entry in self.env:
            values.env(entry, "-e")
        if self.workdir is not None:
            values.absolute_path(self.workdir, "-w")


def exec_process(process: dict[str, Any], options: ExecOptions, *, facts: HostFacts, rootfs: Path) -> dict[str, Any]:
    """A runtime-spec `process` for `runc exec --process`, from the container's own and the options.

    `rootfs` is where the container's files can be read, for its users. The rules are podman's: the environment, the
    directory and the limits of the container; a user who is named has no capabilities in effect unless it is root.
    Raises UsageError, SpecError.
    """
    made = {**process, "args": list(options.args), "terminal": options.terminal}
    made.pop("consoleSize", None)
    home = _user(made, options, rootfs)
    if options.privileged:
        made["capabilities"] = {name: _all_capabilities(facts) for name in ("bounding", "effective", "permitted")}
    environment = dict(
        entry.partition("=")[::2] for entry in process.get("env", []) if isinstance(entry, str) and "=" in entry
    )
    if options.terminal:
        environment.setdefault("TERM", "xterm")
    for file in options.env_files:
        for where, line in env_file_lines(file):
            environment.update(meant(*values.env(line, f"{where}:")))
    for entry in options.env:
        environment.update(meant(*values.env(entry, "-e")))
    if home:
        environment.setdefault("HOME", home)
    made["env"] = [f"{name}={value}" for name, value in environment.items()]
    if options.workdir is not None:
        path = "/" + posixpath.normpath(options.workdir).lstrip("/")
        if leaks_descriptor(path) or leaks_descriptor(real_path(rootfs, path)):
            raise SpecError(
                f"the working directory {visible(path)} is, or can be, one of runc's own open files",
                hint="An old runc would put the process into a directory of the host there (CVE-2024-21626).",
            )
        made["cwd"] = path
    return made


def _user(made: dict[str, Any], options: ExecOptions, rootfs: Path) -> str:
    """Put the user that was named, and the rights that come with it; returns the home directory ("": not known)."""
    if options.user is None:
        return ""
    found = Accounts(rootfs).user(options.user)
    gids = list(dict.fromkeys([found.gid, *found.groups]))
    made["user"] = {"uid": found.uid, "gid": found.gid, "additionalGids": gids}
    bounding = (made.get("capabilities") or {}).get("bounding", [])
    made["capabilities"] = {
        name: bounding if name == "bounding" or (found.uid == 0 and name in ("effective", "permitted")) else []
        for name in _SETS
    }
    return found.home


def _all_capabilities(facts: HostFacts) -> list[str]:
    return sorted(name for name, number in CAPABILITY_NUMBERS.items() if number in facts.bounding)


def find_shell(rootfs: Path) -> list[str] | None:
    """The command of the best shell that a root filesystem has; None if there is none."""

    def is_there(path: str) -> bool:
        try:
            return bool(read_file(rootfs, path, 1))
        except NotAFile:
            return False

    return best_shell(is_there)


def best_shell(is_there: Callable[[str], bool]) -> list[str] | None:
    """The same, for what has another way to say which files there are."""
    path = next(filter(is_there, SHELLS), None)
    if path is None:
        return None
    return [path, "sh"] if path.endswith("busybox") else [path]
