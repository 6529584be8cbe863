"""Other engines' containers on this host, looked at and left alone: podman's, docker's, and bare runc's."""

from engine.neighbours.container import Neighbour, OtherContainer
from engine.neighbours.docker import Docker
from engine.neighbours.neighbours import Neighbours

__all__ = ["Docker", "Neighbour", "Neighbours", "OtherContainer"]
