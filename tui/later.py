"""Modules of others that are loaded when something of them is first asked for.

`pathlib` loads `ipaddress`, by way of `urllib.parse`, `inspect` loads `ast` and `tokenize`, `shutil` every compressor:
a tenth of what a short command loads, which uses nothing of it. `importlib.util.LazyLoader` is for that, too, but
before Python 3.12 a second thread may meet half a module.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

_NAMES = frozenset(("ast", "bz2", "ipaddress", "lzma", "msgspec.inspect", "textwrap", "tokenize"))
_IMPORTS_OWN = ("__path__", "__file__", "__cached__")  # which the import system sets, or there are none
_lock = threading.RLock()


class _Later(ModuleType):
    """One that is loaded at the first look for a name that it does not have yet."""

    def __getattr__(self, name: str) -> Any:
        if name in _IMPORTS_OWN:
            raise AttributeError(name)
        with _lock:  # while one thread loads it the others wait for what is not there yet
            spec = self.__spec__
            if spec is not None and isinstance(spec.loader, _Loader):
                spec.loader = self.__loader__ = spec.loader.real
                spec.loader.exec_module(self)
                self.__class__ = ModuleType
            return ModuleType.__getattribute__(self, name)


class _Loader:
    """Makes a module, and leaves filling it to the first look."""

    def __init__(self, real: Any) -> None:
        self.real = real

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Later(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


class _Finder:
    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Python's import protocol (PEP 451)."""
        if name not in _NAMES or (spec := PathFinder.find_spec(name, path)) is None:
            return None
        spec.loader = _Loader(spec.loader)  # type: ignore[assignment]
        return spec


def install() -> None:
    """To be called before anything else is loaded, once in a process."""
    sys.meta_path.insert(0, _Finder)
    # On Python 3.11 and later msgspec does as well without it, and it is one of the largest modules there are.
    if "typing_extensions" not in sys.modules:
        sys.modules["typing_extensions"] = None  # type: ignore[assignment]
        import msgspec  # noqa: F401

        del sys.modules["typing_extensions"]
