"""A container's directory as a bundle: what of its config.json Cutaway itself goes by, and what is kept beside it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import rootfs, spec
from engine.disk import DataRoot
from engine.errors import ContainerState, RuntimeFailed, SpecError, StoreError, UsageError
from engine.runtime import ContainerRecord
from engine.text import visible
from engine.views import Draft

if TYPE_CHECKING:
    from engine.spec import Provenance, RunOptions


class KEPT:
    """Files beside config.json, so that it can be compared and made again."""

    options = "options.json"
    """What it was made with."""
    generated = "generated.json"
    """As it was generated, or adopted, before anything was changed by hand."""
    launched = "launched.json"
    """As it was at the last start."""


@contextmanager
def blamed(directory: Path) -> Iterator[None]:
    """Tie what runc fails with inside to the value of the config.json there that caused it, where that can be told."""
    try:
        yield
    except RuntimeFailed as error:
        with suppress(OSError):
            found = spec.blame(error.said, (directory / "config.json").read_text("utf-8", "surrogateescape"))
            if found is not None:
                error.pointer = found.pointer
                place = f"{found.pointer} in the config.json" if found.pointer else "in the config.json"
                error.hint = error.hint or f"That is {place}, line {found.line}."
        raise


def keep_launched(root: DataRoot, directory: Path, *, lasting: bool) -> None:
    """Keep the config.json of a start that went well, past the host's end where that is to be `lasting`. Nobody's start
    fails for that."""
    with suppress(OSError, StoreError):
        text = (directory / "config.json").read_bytes()
        place = directory / KEPT.launched
        if not place.exists() or place.read_bytes() != text:
            root.write(place, text, mode=0o600, lasting=lasting)


def typed(options: RunOptions, image: str, name: str) -> tuple[str, str]:
    """The shell lines for a config.json made with `options`: ours, and podman's for the container of that `name`."""
    dashes = ["--"] * any(word.startswith("-") for word in options.args[:1])
    words = [*options.words(), image, *dashes, *options.args]
    own = [] if options.name else ["--name", name]
    return shlex.join(["cutaway", "config", *words]), shlex.join(["podman", "create", *own, *words])


def read_config(text: str) -> dict[str, Any]:
    """A config.json in which `process.args` is sure to be a list of strings, and one that can be launched.

    Raises SpecError, UsageError where there is nothing to run.
    """
    try:
        config = json.loads(text)
        args = config["process"]["args"]
    except (ValueError, RecursionError) as error:
        raise SpecError(f"config.json is not JSON: {error}", hint="cutaway check FILE shows where.") from error
    except (KeyError, TypeError):
        config, args = {}, None
    cwd = config["process"].get("cwd") if isinstance(config, dict) and config else None
    if isinstance(cwd, str) and spec.leaks_descriptor(cwd):
        raise SpecError(
            f"the working directory {visible(cwd)[:80]} is, or can be, one of runc's own open files (CVE-2024-21626)",
            hint="Give a directory of the container as process.cwd.",
        )
    if not isinstance(args, list) or not all(isinstance(word, str) for word in args):
        raise SpecError("config.json has no command to run", hint='It needs "process" with "args", a list of strings.')
    if not args:
        raise UsageError(
            "there is nothing to run: process.args is empty",
            hint="The image names no command: give one after the image, or in config.json.",
        )
    assert isinstance(config, dict)
    return config


def check_beside(options: RunOptions, text: str, *, bridged: bool) -> None:
    """Refuse options that a given config.json would leave without effect; a -t that it says, too, is none, and where it
    has a bridge (`bridged`) ports can be published, and its address there chosen."""
    shaping = [word for word in options.shaping() if not (bridged and word in ("-p", "--ip", "--mac-address"))]
    if "-t" in shaping and read_config(text)["process"].get("terminal") is True:
        shaping.remove("-t")
    if shaping:
        raise UsageError(
            f"--config is the whole configuration: {', '.join(shaping)} would have no effect",
            hint="Say it in the file, or leave --config out.",
        )


def mapping(path: Path) -> rootfs.IdMapping | None:
    """The mapping of numbers of the container whose config.json that is; None without a user namespace of its own."""
    with suppress(OSError, ValueError, RecursionError):  # runc says what is wrong with it
        raw = path.read_bytes()
        if b'"uidMappings"' not in raw:  # as nearly always, and nobody writes it otherwise
            return None
        users, groups = spec.id_mappings(json.loads(raw))
        if users and groups:
            return rootfs.IdMapping(users, groups)
    return None


def stop_signal(config: dict[str, Any]) -> str:
    """What the image asks to be stopped with, by the annotation that the image-spec (conversion.md) gives it."""
    annotations = config.get("annotations")
    name = annotations.get(spec.STOP_SIGNAL) if isinstance(annotations, dict) else None
    return name if isinstance(name, str) else ""


def kept_config(record: ContainerRecord, directory: Path) -> str:
    """The text of a container's config.json, which need not be JSON any more. Raises SpecError where it is not there.

    Of a container, not of a working container: those have none.
    """
    try:
        return (directory / "config.json").read_text("utf-8", "surrogateescape")
    except OSError as error:
        raise SpecError(
            f"the config.json of {record.name} cannot be read: {error.strerror}",
            hint=f"Put one into {directory}, or remove the container: cutaway rm {record.name}",
        ) from error


def kept_provenance(record: ContainerRecord, directory: Path) -> Provenance:
    """Where the values of a container's config.json come from. Raises SpecError where that cannot be read."""
    try:
        return spec.Provenance.from_json((directory / "provenance.json").read_bytes())
    except (OSError, SpecError) as error:
        said = error.strerror if isinstance(error, OSError) else error.message
        raise SpecError(
            f"where the values of {record.name}'s config.json come from cannot be read (provenance.json: {said})",
            hint="It can still be started, stopped and removed; for the rest make it again.",
        ) from error


def launched(directory: Path, name: str) -> str:
    """The config.json of a container's last start. Raises ContainerState where there was none."""
    try:
        return (directory / KEPT.launched).read_text("utf-8", "surrogateescape")
    except FileNotFoundError as error:
        raise ContainerState(f"{name} has not been started yet") from error


def kept_options(directory: Path) -> spec.RunOptions:
    """What a container was made with; the defaults where that was not kept, or cannot be read."""
    with suppress(OSError, SpecError, UsageError):  # an older one has none kept
        return spec.RunOptions.from_json((directory / KEPT.options).read_bytes())
    return spec.RunOptions()


def reopened(record: ContainerRecord, directory: Path, text: str, provenance: Provenance) -> Draft:
    """A container's own draft again, from what is kept beside its config.json."""
    generated = ""
    with suppress(OSError):
        generated = (directory / KEPT.generated).read_text("utf-8", "surrogateescape")
    return Draft(
        image=record.image,
        image_digest=record.image_digest,
        layers=tuple(record.layers),
        in_place=tuple(record.in_place),
        id=record.id,
        name=record.name,
        options=kept_options(directory),
        text=text,
        provenance=provenance,
        files={},
        steps=(),
        network=record.network,
        address=record.address,
        numbers=record.numbers,
        generated=generated if generated != text else "",
    )
