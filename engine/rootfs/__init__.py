"""Overlay mounts: what a container's root filesystem is put together from (`plan`, pure) and doing it (`mount`)."""

from typing import TYPE_CHECKING

from engine.lazy import provide

if TYPE_CHECKING:
    from engine.rootfs.mapping import IdMapping
    from engine.rootfs.mounts import mount, mounts_below, unmount
    from engine.rootfs.plan import FEATURES, MAXIMUM_LAYERS, OverlayPlan, Writable, plan
    from engine.rootfs.written import written_bytes

provide(
    __name__,
    {
        "mapping": "IdMapping",
        "mounts": "mount mounts_below unmount",
        "plan": "FEATURES MAXIMUM_LAYERS OverlayPlan Writable plan",
        "written": "written_bytes",
    },
)

__all__ = [
    "FEATURES",
    "MAXIMUM_LAYERS",
    "IdMapping",
    "OverlayPlan",
    "Writable",
    "mount",
    "mounts_below",
    "plan",
    "unmount",
    "written_bytes",
]
