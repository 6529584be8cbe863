"""A container's network namespace: kept by a file, and on a bridge of this data directory by netavark or CNI."""

from typing import TYPE_CHECKING

from engine.lazy import provide

if TYPE_CHECKING:
    from engine.network.names_shared import leave_names, share_names
    from engine.network.networks import Networks

provide(__name__, {"names_shared": "leave_names share_names", "networks": "Networks"})

__all__ = ["Networks", "leave_names", "share_names"]
