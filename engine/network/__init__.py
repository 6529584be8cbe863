"""A container's network namespace: kept by a file, and on a bridge of this data directory by netavark or CNI."""

from engine.network.names_shared import leave_names, share_names
from engine.network.networks import Networks

__all__ = ["Networks", "leave_names", "share_names"]
