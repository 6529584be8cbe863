"""The store: an OCI image layout, and its layers expanded, in a data directory."""

from engine.store.blobs import BlobWriter
from engine.store.images import ImageRecord
from engine.store.layers import LayerRecord
from engine.store.layout import LayoutSource
from engine.store.store import Store
from engine.store.sweep import Swept

__all__ = ["BlobWriter", "ImageRecord", "LayerRecord", "LayoutSource", "Store", "Swept"]
