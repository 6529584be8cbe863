"""The store: an OCI image layout, and its layers expanded, in a data directory."""

from typing import TYPE_CHECKING

from engine.lazy import provide

if TYPE_CHECKING:
    from engine.store.blobs import BlobWriter
    from engine.store.checking import Damage, Finding
    from engine.store.images import ImageRecord
    from engine.store.in_place import directory_image, docker_image, podman_image, podman_images, podman_parts
    from engine.store.layers import LayerRecord
    from engine.store.layout import LayoutSource
    from engine.store.store import Store
    from engine.store.sweep import Swept
    from engine.store.usage import ImageUsage, Usage

provide(
    __name__,
    {
        "blobs": "BlobWriter",
        "checking": "Damage Finding",
        "images": "ImageRecord",
        "in_place": "directory_image docker_image podman_image podman_images podman_parts",
        "layers": "LayerRecord",
        "layout": "LayoutSource",
        "store": "Store",
        "sweep": "Swept",
        "usage": "ImageUsage Usage",
    },
)

__all__ = [
    "BlobWriter",
    "Damage",
    "Finding",
    "ImageRecord",
    "ImageUsage",
    "LayerRecord",
    "LayoutSource",
    "Store",
    "Swept",
    "Usage",
    "directory_image",
    "docker_image",
    "podman_image",
    "podman_images",
    "podman_parts",
]
