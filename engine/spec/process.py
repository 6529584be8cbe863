"""The `process` part of a config.json: what runs, as whom, with what environment and rights."""

from __future__ import annotations

import fnmatch
import os
import posixpath
import re
from collections.abc import Iterable
from pathlib import Path

from engine.errors import NotInImage, SpecError, UsageError
from engine.host import HostFacts
from engine.oci import Execution
from engine.spec import values
from engine.spec.builder import Builder
from engine.spec.defaults import Profile
from engine.spec.inside import directory_in, real_path
from engine.spec.mounts import INIT
from engine.spec.options import RunOptions
from engine.spec.provenance import Origin, SourceKind, default, host, image, option
from engine.spec.users import Accounts, User
from engine.spec.vocabulary import CAPABILITY_NUMBERS
from engine.text import visible

_ENV_FILE_LIMIT = 4 * 1024 * 1024


def arguments(spec: Builder, execution: Execution, options: RunOptions) -> None:
    """process.args: the user's entrypoint drops the image's Cmd; the user's arguments replace it.

    Where nothing is left to run it is an empty list: something may still be written into it, before the launch.
    """
    words: list[tuple[str, Origin]] = []
    if options.entrypoint is not None:
        for word in values.entrypoint(options.entrypoint, "--entrypoint"):
            words.append((word, option(f"--entrypoint {visible(options.entrypoint)[:60]}")))
    else:
        theirs = execution.entrypoint or []
        words += [(word, image(f"Entrypoint[{n}]")) for n, word in enumerate(theirs) if theirs != [""]]
    if options.args:
        words += [
            (word, Origin(SourceKind.USER, f"command line, argument {n + 1}")) for n, word in enumerate(options.args)
        ]
    elif options.entrypoint is None:
        words += [(word, image(f"Cmd[{n}]")) for n, word in enumerate(execution.cmd or [])]
    if options.init and words:
        if options.pid not in (None, "private"):
            raise UsageError(
                f"--init cannot stand with --pid {options.pid}: it has to be process 1",
                hint="Leave one of the two out.",
            )
        words = [(word, option("--init")) for word in (INIT, "--")] + words
    if not words:
        spec.put("/process/args", [], image("neither Entrypoint nor Cmd, and no command was given"))
    for word, origin in words:
        spec.append("/process/args", word, origin)


def environment(
    spec: Builder, execution: Execution, options: RunOptions, profile: Profile, *, home: str, hostname: str
) -> None:
    """process.env: the image's, then the defaults where the image is silent, then the user's over all."""
    found: dict[str, tuple[str, Origin]] = {}
    for number, entry in enumerate(execution.env or []):
        name, _, value = entry.partition("=")
        if name:
            found[name] = (value, image(f"Env[{number}]"))
    for name, value in profile.env:
        found.setdefault(name, (value, default(profile.detail)))
    for file in options.env_files:
        for where, line in env_file_lines(file):
            name, value_or_none = values.env(line, f"{where}:")
            _set(found, name, value_or_none, option(where))
    for entry in options.env:
        name, value_or_none = values.env(entry, "-e")
        _set(found, name, value_or_none, option(f"-e {visible(name)}"))
    if home:
        found.setdefault("HOME", (home, Origin(SourceKind.IMAGE, "the user's home in the image's /etc/passwd")))
    found.setdefault("HOSTNAME", (hostname, default(f"{profile.detail}: the container's hostname")))
    for name, (value, origin) in found.items():
        spec.append("/process/env", f"{name}={value}", origin)


def _set(found: dict[str, tuple[str, Origin]], name: str, value: str | None, origin: Origin) -> None:
    found.update({key: (text, origin) for key, text in meant(name, value).items()})


def meant(name: str, value: str | None) -> dict[str, str]:
    """The variables that NAME=VALUE, NAME or NAME* of the user's mean: without a value it is this process's own."""
    if value is not None:
        return {name: value}
    if name.endswith("*"):
        return {ours: os.environ[ours] for ours in sorted(fnmatch.filter(os.environ, name))}
    return {name: os.environ[name]} if name in os.environ else {}


def env_file_lines(name: str) -> list[tuple[str, str]]:
    """The lines of an --env-file that say something, each after the words that tell where it is. Raises UsageError."""
    lines = [line.strip("\r").lstrip() for line in _env_file(name)]
    return [
        (f"--env-file {name}, line {number}", line)
        for number, line in enumerate(lines, 1)
        if line and not line.startswith("#")
    ]


def _env_file(name: str) -> list[str]:
    try:
        with open(name, "rb") as file:
            return file.read(_ENV_FILE_LIMIT).decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"--env-file {name}: it is not UTF-8 text") from error
    except OSError as error:
        raise UsageError(f"--env-file {name}: {error.strerror}") from error


def working_directory(spec: Builder, execution: Execution, options: RunOptions, rootfs: Path) -> None:
    """process.cwd. Raises SpecError for one below /proc/*/fd, by links too (CVE-2024-21626)."""
    if options.workdir is not None:
        path, origin = options.workdir, option(f"-w {visible(options.workdir)}")
    elif execution.working_dir:
        path, origin = "/" + execution.working_dir, image("WorkingDir")
    else:
        path, origin = "/", default("no working directory is named anywhere")
    path = "/" + posixpath.normpath(path).lstrip("/")
    if leaks_descriptor(path) or leaks_descriptor(real_path(rootfs, path)):
        raise SpecError(
            f"the working directory {visible(path)} is, or can be, one of runc's own open files ({origin.detail})",
            hint="An old runc would put the process into a directory of the host there (CVE-2024-21626)."
            " Give another one with -w.",
        )
    spec.put("/process/cwd", path, origin)


def need_directory(rootfs: Path, workdir: str, mounted: Iterable[str]) -> None:
    """Raise NotInImage where a working directory that -w names is not there, as podman does; runc would make it.

    What lies below one of the `mounted` places is not the image's to have.
    """
    path = real_path(rootfs, workdir)
    places = (real_path(rootfs, place).rstrip("/") for place in mounted)
    if directory_in(rootfs, workdir) is None and not any(f"{path}/".startswith(f"{place}/") for place in places):
        is_something = os.path.lexists(rootfs / path.lstrip("/"))
        why = "is no directory in the image" if is_something else "is not in the image"
        raise NotInImage(
            f"the working directory {visible(workdir)[:80]} {why}",
            hint="Give one that is there with -w, or put a volume there.",
        )


def leaks_descriptor(path: str) -> bool:
    """Whether a working directory is, or may be, one of runc's own open files (CVE-2024-21626)."""
    if not posixpath.normpath(path).lstrip("/").startswith(("proc/", "dev/")):
        return False  # as nearly always, without a pattern to compile
    # /dev/fd is a link to /proc/self/fd that runc makes.
    return (
        _below_process("fd", path)
        or path_of_process(path)
        or bool(re.match("/+dev/+fd(?:/|$)", posixpath.normpath(path)))
    )


def path_of_process(path: str) -> bool:
    """Whether a path leads through the root or the working directory of a process: the kernel resolves these links
    itself, and no text tells whither."""
    return _below_process("root|cwd", path)


def _below_process(names: str, path: str) -> bool:
    return bool(re.match(rf"/+proc/+[^/]+/+(?:task/+[^/]+/+)?(?:{names})(?:/|$)", posixpath.normpath(path)))


def user(spec: Builder, execution: Execution, options: RunOptions, profile: Profile, rootfs: Path) -> User:
    """process.user, looked up in the image's own files. Raises SpecError where it is not there."""
    accounts = Accounts(rootfs)
    text = execution.user if options.user is None else options.user
    if options.user is not None:
        origin = option(f"-u {visible(options.user)}")
    elif text:
        origin = image(f"User {visible(text)[:60]}")
    else:
        origin = default("root, as neither the image nor an option names a user")
    found = accounts.user(text)
    spec.put("/process/user/uid", found.uid, origin)
    spec.put("/process/user/gid", found.gid, origin)
    if options.umask is not None:
        spec.put("/process/user/umask", values.umask(options.umask, "--umask"), option(f"--umask {options.umask}"))
    elif profile.umask is not None:
        spec.put("/process/user/umask", profile.umask, default(profile.detail))
    # The order is podman's: the primary group where a user was named, the added ones, the user's own.
    listed = {found.gid: origin} if text or profile.always_grouped else {}
    for name in options.groups:
        listed.setdefault(accounts.group(name), option(f"--group-add {visible(name)}"))
    for gid in found.groups:
        listed.setdefault(gid, origin)
    for gid, why in listed.items():
        spec.append("/process/user/additionalGids", gid, why)
    return found


def capabilities(
    spec: Builder, options: RunOptions, profile: Profile, facts: HostFacts, *, as_root: bool
) -> frozenset[str]:
    """process.capabilities; returns the bounding set.

    A process that is not root gets what was asked for by name, as ambient capabilities, and nothing else (the way
    of podman since CVE-2022-27651: no inheritable capabilities otherwise).
    Raises UsageError for what contradicts itself or this process cannot give.
    """
    ours = own_capabilities(facts)
    added = {values.capability(text, "--cap-add") for text in options.cap_add}
    dropped = {values.capability(text, "--cap-drop") for text in options.cap_drop}
    if both := sorted(added & dropped):
        raise UsageError(f"{both[0]} is both added and dropped")
    origins: dict[str, Origin] = {}
    if options.privileged:
        origins = dict.fromkeys(ours, option("--privileged"))
    else:
        if "ALL" in added:
            origins = dict.fromkeys(ours, option("--cap-add ALL"))
        elif "ALL" not in dropped:
            origins = dict.fromkeys(ours & set(profile.capabilities), default(profile.detail))
        for name in dropped - {"ALL"}:
            origins.pop(name, None)
        for name in added - {"ALL"}:
            if name not in ours:
                raise UsageError(
                    f"--cap-add {name}: this process does not have it itself, so it cannot give it",
                    hint="It is missing from the bounding set here (see capsh --print).",
                )
            origins.setdefault(name, option(f"--cap-add {name.removeprefix('CAP_')}"))
    by_name = dict(sorted(origins.items()))
    # Of what is asked for with names or ALL, a process that is not root keeps what was added explicitly.
    explicit = ours if "ALL" in added else added & ours
    for kind in ("bounding", "effective", "permitted") if as_root else ("bounding",):
        _put_set(spec, kind, by_name)
    if not as_root:
        kept = {name: option(f"--cap-add {name.removeprefix('CAP_')}") for name in sorted(explicit)}
        for kind in ("effective", "inheritable", "permitted", "ambient"):
            if kept:
                _put_set(spec, kind, kept)
    return frozenset(by_name)


def own_capabilities(facts: HostFacts) -> set[str]:
    """Those that this process has in its bounding set, and so can give."""
    return {name for name, number in CAPABILITY_NUMBERS.items() if number in facts.bounding}


def _put_set(spec: Builder, kind: str, names: dict[str, Origin]) -> None:
    pointer = f"/process/capabilities/{kind}"
    if not names:
        spec.put(pointer, [], option("--cap-drop"))
    for name, origin in names.items():
        spec.append(pointer, name, origin)


def rlimits(spec: Builder, options: RunOptions, profile: Profile, facts: HostFacts) -> None:
    """process.rlimits: no higher than this process may set them (it may lower the hard limit, not raise it)."""
    wanted: dict[str, tuple[int, int, Origin]] = {
        name: (number, number, default(profile.detail)) for name, number in profile.rlimits
    }
    for text in options.ulimits:
        limit = values.ulimit(text, "--ulimit")
        wanted[limit.name] = (limit.soft, limit.hard, option(f"--ulimit {text}"))
    for name, (soft, hard, origin) in sorted(wanted.items()):
        if (soft, hard) != (possible := possible_limit(facts, name, soft, hard)):
            soft, hard = possible
            origin = host(f"{origin.detail}, lowered to {hard}: this process may not raise its own limit")
        spec.append("/process/rlimits", limit_entry(values.Ulimit(name, soft, hard)), origin)


def limit_entry(limit: values.Ulimit) -> dict[str, str | int]:
    """A limit as an element of process.rlimits."""
    return {"type": limit.name, "hard": _unsigned(limit.hard), "soft": _unsigned(limit.soft)}


def possible_limit(facts: HostFacts, name: str, soft: int, hard: int) -> tuple[int, int]:
    """A limit, -1 for none, lowered to what this process may set: it cannot raise its own without CAP_SYS_RESOURCE."""
    ceiling = -1 if may_raise_limits(facts) else facts.rlimits.get(name, (-1, -1))[1]
    return _lower(soft, ceiling), _lower(hard, ceiling)


def may_raise_limits(facts: HostFacts) -> bool:
    """Whether this process has CAP_SYS_RESOURCE."""
    return facts.is_root and CAPABILITY_NUMBERS["CAP_SYS_RESOURCE"] in facts.bounding


def _lower(value: int, ceiling: int) -> int:
    if ceiling == -1:
        return value
    return ceiling if value == -1 else min(value, ceiling)


def _unsigned(value: int) -> int:
    """RLIM_INFINITY is the highest 64-bit number in a config.json."""
    return 2**64 - 1 if value == -1 else value
