"""Other engines' containers on this host, looked at and left alone: podman's, docker's, and bare runc's."""

from typing import TYPE_CHECKING

from engine.lazy import provide

if TYPE_CHECKING:
    from engine.neighbours.container import Neighbour, OtherContainer
    from engine.neighbours.docker import Docker
    from engine.neighbours.neighbours import Neighbours

provide(
    __name__,
    {
        "container": "Neighbour OtherContainer",
        "docker": "Docker",
        "neighbours": "Neighbours",
    },
)

__all__ = ["Docker", "Neighbour", "Neighbours", "OtherContainer"]
