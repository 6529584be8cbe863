"""The screen under a pilot, for the tests here."""

from pictures import still
from pilot import bench

__all__ = ["bench", "still"]
