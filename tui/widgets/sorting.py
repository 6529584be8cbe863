"""In which order a list is: one of a few, and either way round."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Sorting(Generic[T]):
    """`orders` are keys to sort by, by name, each with whether the greatest comes first; the first is the usual one."""

    def __init__(self, orders: Mapping[str, tuple[Callable[[T], Any], bool]]) -> None:
        self._orders = orders
        self.name = next(iter(orders))
        self.down = orders[self.name][1]

    def next(self) -> None:
        """The next order, as it is by itself."""
        names = list(self._orders)
        self.name = names[(names.index(self.name) + 1) % len(names)]
        self.down = self._orders[self.name][1]

    def turn(self) -> None:
        """The other way round."""
        self.down = not self.down

    def sorted(self, things: Iterable[T]) -> list[T]:
        """Things in this order; those that are alike stay as they are."""
        return sorted(things, key=self._orders[self.name][0], reverse=self.down)

    @property
    def words(self) -> str:
        """For the lower edge; "" for the order that is always there first."""
        first = next(iter(self._orders))
        if self.name == first and self.down is self._orders[first][1]:
            return ""
        return f"by {self.name} {'↓' if self.down else '↑'}"
