"""How long to wait for a registry, and how often to try again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the client waits (seconds) and how often it tries again."""

    connect: float = 10.0
    inactivity: float = 30.0
    """With next to nothing for so long, a connection counts as dead."""
    attempts: int = 5
    """In a row without progress."""
    first_wait: float = 0.5
    """Doubled from one failure to the next."""
    longest_wait: float = 60.0
    """Also the cap on what a Retry-After may ask for."""

    def wait(self, failures: int) -> float:
        """Seconds to wait after this many failures in a row."""
        return min(self.longest_wait, self.first_wait * 2.0 ** (failures - 1))
