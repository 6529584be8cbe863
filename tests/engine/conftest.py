"""What tests of several parts of the engine begin with."""

from given import job, store

__all__ = ["job", "store"]
