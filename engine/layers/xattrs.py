"""Extended attributes (xattr(7)): which of a layer's are kept, and overlayfs's own."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping

from engine.errors import LayerError, StoreError

OPAQUE = "trusted.overlay.opaque"
IMPLICIT = "trusted.cutaway.implicit"
"""On a directory of a layer under way: no entry made it, only names below it. Never on a finished layer."""
WAITING = "trusted.cutaway.waiting"
"""On the empty file that keeps the place of a hard link to a file of a lower layer. Never on a finished layer."""

_KEPT = ("user.", "trusted.", "security.capability", "system.posix_acl_access", "system.posix_acl_default")
_OURS = ("trusted.overlay.", "user.overlay.", "trusted.cutaway.")
DEFAULT_ACL = "system.posix_acl_default"


def kept(name: str) -> bool:
    """False for overlayfs's own attributes, with which a layer could hide or redirect files of others
    (Documentation/filesystems/overlayfs.rst), and for labels that are this host's to give (SELinux, IMA, AppArmor)."""
    return name.startswith(_KEPT) and not name.startswith(_OURS)


def apply(target: int | bytes, attributes: Mapping[str, bytes]) -> int:
    """Set attributes on an open file, or on a path itself (a link is not followed). Returns how many this filesystem,
    or this kind of file, cannot have. Raises LayerError, StoreError, OSError."""
    skipped = 0
    for name, value in attributes.items():
        try:
            if isinstance(target, int):
                os.setxattr(target, name, value)
            else:
                os.setxattr(target, name, value, follow_symlinks=False)
        except OSError as error:
            if error.errno in (errno.ENOTSUP, errno.EPERM):
                skipped += 1
            elif error.errno in (errno.ENOSPC, errno.E2BIG, errno.ERANGE):
                raise StoreError(
                    f"the extended attribute {name} of {len(value)} bytes does not fit: {error.strerror}",
                    hint="Filesystems bound attributes (ext4: about 4000 bytes a file). Choose another with --root,"
                    " or free some space.",
                ) from error
            elif error.errno == errno.EINVAL:
                raise LayerError(f"the extended attribute {name} is malformed") from error
            else:
                raise
    return skipped


def copy(source: int | bytes, target: int | bytes) -> None:
    """Give one file of a layer another's attributes, without overlayfs's own. Raises OSError."""
    here, there = isinstance(source, int), isinstance(target, int)
    for name in os.listxattr(source, follow_symlinks=here):
        if kept(name):
            os.setxattr(target, name, os.getxattr(source, name, follow_symlinks=here), follow_symlinks=there)


def kept_of(target: int | bytes) -> dict[str, bytes]:
    """The attributes of an open file, or of a path itself, that belong into a layer. Raises OSError."""
    follow = isinstance(target, int)
    try:
        found = os.listxattr(target, follow_symlinks=follow)
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return {}
        raise
    # A tar record's keyword ends at the first "=" (POSIX.1-2017 pax(1)): such a name cannot be written.
    return {name: os.getxattr(target, name, follow_symlinks=follow) for name in found if kept(name) and "=" not in name}


def is_opaque(directory: int) -> bool:
    """True if a directory hides what the layers below have in its place."""
    return get(directory, OPAQUE) == b"y"


def has(target: int | bytes, name: str) -> bool:
    """True if an open file, or a path itself, has the attribute."""
    return get(target, name) is not None


def get(target: int | bytes, name: str) -> bytes | None:
    """One attribute's value, None where there is none. Raises OSError."""
    try:
        return os.getxattr(target, name, follow_symlinks=isinstance(target, int))
    except OSError as error:
        if error.errno in (errno.ENODATA, errno.ENOTSUP):
            return None
        raise
