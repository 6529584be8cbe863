"""The screen under a pilot, for the tests here."""

from pictures import still
from pilot import bench, drawn_when_looked_at

__all__ = ["bench", "drawn_when_looked_at", "still"]
