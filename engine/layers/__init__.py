"""Layers as tar streams and as overlayfs directories.

An image layer is a tar archive of what changed (image-spec layer.md): files that were added or changed, and for each
file that went an empty one named `.wh.<name>`, a whiteout; `.wh..wh..opq` in a directory says that nothing of it in the
layers below counts any longer. overlayfs, which merges directories when an image is mounted, knows none of these
names. It has marks of its own (Documentation/filesystems/overlayfs.rst), and so that is what an expanded layer holds:

    in the archive            in the expanded layer                          in the mounted image
    etc/hosts                 etc/hosts                                      this layer's etc/hosts
    etc/.wh.motd              etc/motd, a character device 0:0               no etc/motd
    var/.wh..wh..opq          var with the attribute                         of var only what this layer
                              trusted.overlay.opaque=y                       and those above it have

To look at one: `ls -l` shows whiteouts as `c--------- 0, 0`; `getfattr -n trusted.overlay.opaque DIR` (root) the mark.

Expanding has two halves. `unpack` needs the layer alone, so a pull unpacks several at once: it writes every entry in a
worker process whose root is the layer's directory, and notes what only the layers below can decide. `settle` decides
that, from the lowest layer up: whether a whiteout hides anything; what a directory without an entry of its own
looks like; where `lib/x` belongs when `lib` is a link in a layer below; which file a hard link means.

`engine.layers.pack` writes layers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.lazy import provide

if TYPE_CHECKING:
    from engine.layers.limits import Limits
    from engine.layers.proving import prove
    from engine.layers.settling import LayerStats
    from engine.layers.unpackers import unpacking_ready
    from engine.layers.unpacking import Unpacked, settle, unpack

__all__ = ["LayerStats", "Limits", "Unpacked", "prove", "settle", "unpack", "unpacking_ready"]

# The worker, which unpacks them, needs none of them.
provide(
    __name__,
    {
        "limits": "Limits",
        "proving": "prove",
        "settling": "LayerStats",
        "unpackers": "unpacking_ready",
        "unpacking": "Unpacked settle unpack",
    },
)
