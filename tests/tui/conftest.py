"""The screen under a pilot, for the tests here."""

from pilot import bench

__all__ = ["bench"]
