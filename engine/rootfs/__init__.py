"""Overlay mounts: what a container's root filesystem is put together from (`plan`, pure) and doing it (`mount`)."""

from engine.rootfs.mapping import IdMapping
from engine.rootfs.mounts import is_mounted, mount, mounts_below, unmount
from engine.rootfs.plan import FEATURES, MAXIMUM_LAYERS, OverlayPlan, plan
from engine.rootfs.written import written_bytes

__all__ = [
    "FEATURES",
    "MAXIMUM_LAYERS",
    "IdMapping",
    "OverlayPlan",
    "is_mounted",
    "mount",
    "mounts_below",
    "plan",
    "unmount",
    "written_bytes",
]
