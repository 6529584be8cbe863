"""Names of a package that are loaded when they are first asked for (PEP 562), so that a command pays for what it uses.

A package says where its names are, and for type checkers imports them under TYPE_CHECKING:

    provide(__name__, {"checking": "check Diagnostic", …})
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any


class _Package(ModuleType):
    """A package whose names win over submodules of the same name, as they do where all is imported at once."""

    _places: Mapping[str, str]

    def __getattr__(self, name: str) -> Any:
        place = self._places.get(name)
        if place is None:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        module = f"{self.__name__}.{place}"
        __import__(module)
        value = getattr(sys.modules[module], name)
        setattr(self, name, value)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._places and isinstance(value, ModuleType):
            return  # the import system tells of a submodule
        super().__setattr__(name, value)


def provide(package: str, names: Mapping[str, str]) -> None:
    """Have `package` provide names of its submodules lazily; `names` are those of each submodule, parted by blanks."""
    module = sys.modules[package]
    module.__dict__["_places"] = {name: place for place, words in names.items() for name in words.split()}
    module.__class__ = _Package
