"""A container's whole making as a POSIX shell script that needs no container engine."""

from engine.replay.script import script

__all__ = ["script"]
