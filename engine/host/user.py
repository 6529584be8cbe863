"""Who runs this process, for the few paths of other tools that carry the number."""

from __future__ import annotations

import os


def user_id() -> int:
    """The user ID, as podman puts it into `/run/containers/UID`."""
    return os.getuid()
