"""The built-in image: three layers made of this host's own programs, so that nothing has to be downloaded."""

from __future__ import annotations

from engine.demo.image import DemoSource
from engine.host import probe
from engine.jobs import Job
from engine.pulling import pull
from engine.store import ImageRecord, Store

__all__ = ["build_demo"]


def build_demo(store: Store, job: Job) -> ImageRecord:
    """Build the image and take it in as a pull would; the same host makes the same image, to the last bit.

    It is called engine.reference.BUILT_IN. Raises StoreError, Cancelled.
    """
    platform = probe().platform
    with store.root.staging("demo") as folder:
        return pull(DemoSource(folder, platform, job), store, store.root, platform, job)
