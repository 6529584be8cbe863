"""Modules of others that are loaded when something of them is first asked for.

`click` loads `inspect`, to ask it for nothing but the margin of each option's help, and that `ast`, `dis` and
`tokenize`; and `gettext`, which looks for a catalogue that nobody has made. `pathlib` loads `urllib.parse` and that
`ipaddress`, `uuid` loads `platform`, `shutil` every compressor, and `json` compiles what `msgspec` has compiled: a
fifth of what a short command loads, and it uses next to nothing of it. `importlib.util.LazyLoader` is for that, too,
but before Python 3.12 a second thread may meet half a module.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

_lock = threading.RLock()


def _load(module: ModuleType, name: str) -> None:
    """Have it loaded, where a stand-in has to give up its place: all of it, also where another thread is at that."""
    with _lock:
        getattr(module, name)


def _cleandoc(doc: str) -> str:
    """`inspect.cleandoc`, for one line."""
    if "\n" not in doc:
        return doc.expandtabs().lstrip()
    import inspect

    _load(inspect, "getdoc")
    return inspect.cleandoc(doc)


def _quote_from_bytes(raw: bytes, safe: str | bytes = "/") -> str:
    """`urllib.parse.quote_from_bytes`, which `pathlib` keeps."""
    import urllib.parse

    _load(urllib.parse, "quote")
    return urllib.parse.quote_from_bytes(raw, safe)


def _system() -> str:
    """`platform.system`, on Linux."""
    return os.uname().sysname


def _gettext(message: str) -> str:
    """`gettext.gettext` where there is no catalogue, and of this program there is none."""
    return message


def _ngettext(one: str, several: str, number: int) -> str:
    """`gettext.ngettext`, likewise."""
    return one if number == 1 else several


def _loads(s: str | bytes, **how: Any) -> Any:
    """`json.loads`, by msgspec, which makes the same of all that it takes, and takes less."""
    import msgspec

    if not how:
        with contextlib.suppress(msgspec.MsgspecError, UnicodeError):
            return msgspec.json.decode(s)
    import json

    _load(json, "JSONDecoder")
    return json.loads(s, **how)


_BEFORE: dict[str, dict[str, Callable[..., Any]]] = {
    **{name: {} for name in ("bz2", "ipaddress", "locale", "lzma", "msgspec.inspect", "textwrap")},
    "gettext": {"gettext": _gettext, "ngettext": _ngettext},
    "inspect": {"cleandoc": _cleandoc},
    "json": {"loads": _loads},
    "platform": {"system": _system},
    "urllib.parse": {"quote_from_bytes": _quote_from_bytes},
}
"""What each has of its names before it is loaded."""
_NEEDS = {"bz2": "_bz2", "lzma": "_lzma"}
"""What a Python may have been built without. Who asks for the module wants to know then, as `shutil` does."""
_PARTS = {"json": ("decoder", "encoder", "scanner")}
"""Modules of a package, which want one another before they want that. They are what they are without it."""
_IMPORTS_OWN = ("__path__", "__file__", "__cached__")  # which the import system sets, or there are none


class _Later(ModuleType):
    """One that is loaded at the first look for a name that it does not have yet."""

    def __getattr__(self, name: str) -> Any:
        if name in _IMPORTS_OWN:
            raise AttributeError(name)
        if name in _PARTS.get(self.__name__, ()):
            return import_module(f"{self.__name__}.{name}")
        with _lock:  # while one thread loads it the others wait for what is not there yet
            spec = self.__spec__
            if spec is not None and isinstance(later := spec.loader, _Loader):
                before = dict(vars(self))
                spec.loader = self.__loader__ = later.real  # it may look at itself, and is not to begin again
                try:
                    later.real.exec_module(self)
                except BaseException:  # the next look fails as this one, or finds all of it
                    vars(self).clear()
                    vars(self).update(before)
                    spec.loader = later
                    raise
                self.__class__ = ModuleType
            return ModuleType.__getattribute__(self, name)


class _Loader:
    """Makes a module, and leaves filling it to the first look."""

    def __init__(self, real: Any) -> None:
        self.real = real

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Later(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        vars(module).update(_BEFORE[module.__name__])


def _has(name: str | None) -> bool:
    return name is None or name in sys.builtin_module_names or PathFinder.find_spec(name) is not None


class _Finder:
    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Python's import protocol (PEP 451)."""
        if name not in _BEFORE or not _has(_NEEDS.get(name)) or (spec := PathFinder.find_spec(name, path)) is None:
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
