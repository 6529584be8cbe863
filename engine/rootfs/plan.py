"""Mount plans: which directories an overlay is made of. Pure; nothing here touches the system."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

import msgspec

from engine.digest import Digest
from engine.disk import DataRoot
from engine.errors import MountError
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


class OverlayPlan(msgspec.Struct, frozen=True):
    """One overlay mount: `lower` directories, lowest first, below a writable `upper`, seen at `merged`.

    `work` is the kernel's own scratch directory on the filesystem of `upper`.
    """

    lower: tuple[Path, ...]
    upper: Path
    work: Path
    merged: Path
    mapping: IdMapping | None = None
    """For a container with a user namespace: whose files are whose in it."""
    volatile: bool = False
    """The upper directory is thrown away soon, so the kernel need not bring it to the disk, at unmounting either:
    nothing of it is to be counted on after the host went down (overlayfs.rst, "Volatile mount"; Linux 5.10)."""

    @property
    def plain(self) -> bool:
        """Whether full paths can stand in the mount's options: these end at one page, at a comma and a colon."""
        paths = (*self.lower, self.upper, self.work)
        if not all(path.is_absolute() and not set(",:\\").intersection(str(path)) for path in paths):
            return False
        return len(os.fsencode(self.options())) < PAGE

    def options(self) -> str:
        """The options of the mount by their full paths; good where they are `plain`."""
        return options([str(path) for path in self.lower], str(self.upper), str(self.work), volatile=self.volatile)

    def command(self) -> str:
        """The shell line that does the same by hand; where the options are not `plain` it makes short links first."""
        if self.mapping is not None:
            return self._mapped_command(self.mapping)
        merged = shlex.quote(str(self.merged.absolute()))
        if self.plain:
            return f"{mount_with(self.options())} {merged}"
        names = {str(number): path for number, path in enumerate(self.lower)}
        links = {**names, "upper": self.upper, "work": self.work}
        made = " && ".join(f"ln -s {shlex.quote(str(path.absolute()))} {name}" for name, path in links.items())
        short = options(list(names), "upper", "work", volatile=self.volatile)
        return f'cd "$(mktemp -d)" && {made} && {mount_with(short)} {merged}'

    def _mapped_command(self, mapping: IdMapping) -> str:
        """For util-linux 2.39 and later, whose mount(8) can map owners."""
        bind = f"mount --bind -o {shlex.quote(mapping.words())}"
        names = {str(number): path for number, path in enumerate(self.lower)}
        made = " && ".join(f"{bind} {shlex.quote(str(path.absolute()))} {name}" for name, path in names.items())
        short = options(list(names), str(self.upper), str(self.work), volatile=self.volatile)
        merged = shlex.quote(str(self.merged.absolute()))
        return f'cd "$(mktemp -d)" && mkdir {" ".join(names)} && {made} && {mount_with(short)} {merged}'


def mount_with(options: str) -> str:
    """The beginning of mount(8)'s command line. From util-linux 2.39 on it hands options over singly, and the kernel
    takes none of more than 255 bytes that way (fsconfig(2)); the variable has it use mount(2) as before.
    """
    long = any(len(os.fsencode(option.partition("=")[2])) > LONGEST_OPTION for option in options.split(","))
    return f"{'LIBMOUNT_FORCE_MOUNT2=always ' * long}mount -t overlay overlay -o {shlex.quote(options)}"


def options(lower: Sequence[str], upper: str, work: str, *, volatile: bool = False) -> str:
    """The option string of an overlay mount; `lower` lowest first (the kernel wants the uppermost first)."""
    words = f"lowerdir={':'.join(reversed(lower))},upperdir={upper},workdir={work},{FEATURES}"
    return f"{words},volatile" if volatile else words


def plan(
    root: DataRoot,
    layers: Sequence[Digest],
    container: Path,
    *,
    in_place: Sequence[Path] = (),
    mapping: IdMapping | None = None,
    volatile: bool = False,
) -> OverlayPlan:
    """The overlay of expanded layers (by chain ID, lowest first), or of directories `in_place`, with `upper/`, `work/`,
    `merged/` in `container`.

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
    return OverlayPlan(
        lower=lower,
        upper=container / "upper",
        work=container / "work",
        merged=container / "merged",
        mapping=mapping,
        volatile=volatile,
    )
