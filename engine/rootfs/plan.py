"""Mount plans: which directories an overlay is made of. Pure; nothing here touches the system."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from engine.digest import Digest
from engine.disk import DataRoot
from engine.errors import MountError

if TYPE_CHECKING:
    from engine.rootfs.mapping import IdMapping

MAXIMUM_LAYERS = 500
"""The kernel's own limit of lower directories (OVL_MAX_STACK in fs/overlayfs/params.h)."""

PAGE = 4096
"""Bytes of options that mount(2) takes, the last one a NUL (mount(2), "data"). Where pages are larger it takes more."""

LONGEST_OPTION = 255
"""Bytes that one option's value has at most where it is handed over on its own (fsconfig(2))."""

FEATURES = "index=off,redirect_dir=off,metacopy=off"
"""Keeps an upper directory whole in itself, whatever the kernel's defaults: every changed file is in it with its
content and below its own name, so that it can be read, committed and mounted again by anybody (the kernel's
Documentation/filesystems/overlayfs.rst)."""


class Writable(msgspec.Struct, frozen=True):
    """What makes an overlay writable: `upper`, which has all that is written, and on the same filesystem `work`, the
    kernel's own scratch directory."""

    upper: Path
    work: Path


class OverlayPlan(msgspec.Struct, frozen=True, dict=True):
    """One overlay mount: `lower` directories, lowest first, below a `writable` one if any, seen at `merged`."""

    lower: tuple[Path, ...]
    writable: Writable | None
    merged: Path
    mapping: IdMapping | None = None
    """For a container with a user namespace: whose files are whose in it."""
    volatile: bool = False
    """The upper directory is thrown away soon, so the kernel need not bring it to the disk, at unmounting either:
    nothing of it is to be counted on after the host went down (overlayfs.rst, "Volatile mount"; Linux 5.10)."""

    @cached_property
    def plain(self) -> bool:
        """Whether full paths can stand in the mount's options: these end at one page, at a comma and a colon."""
        if not all(path.is_absolute() and not set(",:\\").intersection(str(path)) for path in self.directories):
            return False
        return len(os.fsencode(self.options())) < PAGE

    @property
    def directories(self) -> tuple[Path, ...]:
        """Those that stand in the mount's options."""
        return self.lower if self.writable is None else (*self.lower, self.writable.upper, self.writable.work)

    def options(self) -> str:
        """The options of the mount by their full paths; good where they are `plain`."""
        return self.options_with(str)

    def options_with(self, name: Callable[[Path], str]) -> str:
        """The options of the mount, where `name` says what stands for each directory."""
        words = [f"lowerdir={':'.join(name(path) for path in reversed(self.lower))}"]
        if self.writable is not None:
            words += [f"upperdir={name(self.writable.upper)}", f"workdir={name(self.writable.work)}"]
        return ",".join([*words, FEATURES, *["volatile"] * self.volatile])

    def command(self) -> str:
        """The shell line that does the same by hand; where the options are not `plain` it makes short links first."""
        if self.mapping is not None:
            return self._mapped_command(self.mapping)
        merged = shlex.quote(str(self.merged.absolute()))
        if self.plain:
            return f"{mount_with(self.options())} {merged}"
        names = self._short_names()
        if self.writable is not None:
            names |= {self.writable.upper: "upper", self.writable.work: "work"}
        made = " && ".join(f"ln -s {shlex.quote(str(path.absolute()))} {name}" for path, name in names.items())
        return f'cd "$(mktemp -d)" && {made} && {mount_with(self.options_with(names.__getitem__))} {merged}'

    def _short_names(self) -> dict[Path, str]:
        return {path: str(number) for number, path in enumerate(self.lower)}

    def _mapped_command(self, mapping: IdMapping) -> str:
        """For util-linux 2.39 and later, whose mount(8) can map owners."""
        bind = f"mount --bind -o {shlex.quote(mapping.words())}"
        names = self._short_names()
        made = " && ".join(f"{bind} {shlex.quote(str(path.absolute()))} {name}" for path, name in names.items())
        short = self.options_with(lambda path: names.get(path) or str(path))
        merged = shlex.quote(str(self.merged.absolute()))
        return f'cd "$(mktemp -d)" && mkdir {" ".join(names.values())} && {made} && {mount_with(short)} {merged}'


def mount_with(options: str) -> str:
    """The beginning of mount(8)'s command line. From util-linux 2.39 on it hands options over singly, and the kernel
    takes none of more than 255 bytes that way (fsconfig(2)); the variable has it use mount(2) as before.
    """
    long = any(len(os.fsencode(option.partition("=")[2])) > LONGEST_OPTION for option in options.split(","))
    return f"{'LIBMOUNT_FORCE_MOUNT2=always ' * long}mount -t overlay overlay -o {shlex.quote(options)}"


def plan(
    root: DataRoot,
    layers: Sequence[Digest],
    container: Path,
    *,
    in_place: Sequence[Path] = (),
    mapping: IdMapping | None = None,
    volatile: bool = False,
    read_only: bool = False,
) -> OverlayPlan:
    """The overlay of expanded layers (by chain ID, lowest first), or of directories `in_place`, with `upper/`, `work/`,
    `merged/` in `container`; with `read_only` the latter alone, and neither `mapping` nor `volatile`, which are about
    what is written.

    Raises MountError where overlayfs could not take so many layers, or none.
    """
    lower = tuple(in_place) or tuple(root.layers / Digest.parse(chain_id).hex / "diff" for chain_id in layers)
    if not lower:
        raise MountError("there is no layer to mount", hint="The image is empty: it has no root filesystem.")
    if len(lower) > MAXIMUM_LAYERS:
        raise MountError(
            f"{len(lower)} layers, and overlayfs mounts {MAXIMUM_LAYERS} at most",
            hint="Build the image with fewer layers, or squash it.",
        )
    merged = container / "merged"
    if read_only:  # of one directory alone overlayfs makes nothing then, so the empty one is the other
        assert mapping is None
        assert not volatile
        return OverlayPlan(lower if len(lower) > 1 else (merged, *lower), None, merged)
    writable = Writable(container / "upper", container / "work")
    return OverlayPlan(lower, writable, merged, mapping=mapping, volatile=volatile)
