"""Modules that are loaded when something of them is asked for."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
BEGIN = """
import sys
from engine import later
later.install()
def empty(name): return type(sys.modules[name]).__name__ == "_Later"
"""


def python(code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + code], cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_they_are_empty_until_then_and_whole_from_then_on() -> None:
    python("""
import ipaddress, pathlib, shutil, inspect
assert empty("ipaddress") and empty("lzma") and empty("inspect")
assert not hasattr(ipaddress, "nothing of that name")
assert not empty("ipaddress") and str(ipaddress.ip_address("::1")) == "::1"
from textwrap import dedent
assert dedent(" a") == "a" and inspect.getsource(dedent).startswith("def dedent")
assert ipaddress.__spec__.loader is ipaddress.__loader__ and ipaddress.__file__.endswith(".py")
""")


def test_what_is_there_before_is_what_comes_in_its_place() -> None:
    python("""
import inspect, pathlib, platform
lines = ["", "  a  ", "\\ta\\tb ", "   "]
before = [*map(inspect.cleandoc, lines), platform.system()]
assert empty("inspect") and empty("platform") and "dis" not in sys.modules
assert inspect.cleandoc("  a\\n  b\\n") == "a\\nb" and not empty("inspect")
assert pathlib.Path("/a b/\\xe9").as_uri() == "file:///a%20b/%C3%A9"
assert platform.python_version() and not empty("platform")
assert inspect.cleandoc.__module__ == "inspect" and platform.system.__module__ == "platform"
assert [*map(inspect.cleandoc, lines), platform.system()] == before
""")


def test_json_is_read_without_it_as_with_it() -> None:
    python("""
import json
texts = ['{"a":[1,2.5,null,true],"a":"\\\\u00e9"}', 10 * "1234567890", "-0", "0.1", b'"\\xc3\\xa9"', " [] "]
before = [json.loads(text) for text in texts]
assert empty("json")
try: json.loads('{"a":1]')
except ValueError as error: assert "delimiter" in str(error) and not empty("json")
assert repr([json.loads(text) for text in texts]) == repr(before) and json.loads(s="1") == 1
""")


@pytest.mark.parametrize("part", ["decoder", "encoder", "scanner"])
def test_a_part_of_json_comes_first(part: str) -> None:
    python(f"""
import json.{part}, json
assert json.{part}.__name__ == "json.{part}"
assert json.dumps([1]) == "[1]" and not empty("json") and json.loads("[NaN]")
""")


def test_one_thread_wants_json_and_another_one_a_part_of_it() -> None:
    python("""
import json, threading
found = []
def part():
    import json.decoder
    found.append(json.decoder.JSONDecoder)
tasks = part, lambda: found.append(json.dumps)
threads = [threading.Thread(target=task, daemon=True) for task in tasks]
for thread in threads: thread.start()
for thread in threads: thread.join(30)
assert len(found) == 2
""")


@pytest.mark.parametrize("text", ["NaN", "1e400", '"\\ud800"', '"\udcff"'])
def test_what_json_alone_takes_is_taken_still(text: str) -> None:
    python(f"""
import json
text = {text!r}
value = json.loads(text)
assert not empty("json") and repr(json.loads(text)) == repr(value)
""")


def test_words_that_nobody_has_translated_are_themselves() -> None:
    python("""
import gettext, click
words = [(gettext.gettext("Usage:"), *(gettext.ngettext("a file", "files", number) for number in (0, 1, 2)))]
assert empty("gettext") and "locale" not in sys.modules
gettext.bindtextdomain("messages")  # loads it
assert not empty("gettext") and gettext.gettext.__module__ == "gettext"
assert words == [(gettext.gettext("Usage:"), *(gettext.ngettext("a file", "files", number) for number in (0, 1, 2)))]
""")


def test_one_that_cannot_be_loaded_says_so_each_time_and_is_whole_when_it_can() -> None:
    python("""
import functools, ipaddress
sys.modules["functools"] = None
for name in ("ip_address", "ip_address", "__version__"):  # the last is set before it fails
    try: getattr(ipaddress, name)
    except ImportError: assert empty("ipaddress")
    else: raise AssertionError(name)
sys.modules["functools"] = functools
assert str(ipaddress.ip_address("::1")) == "::1" and not empty("ipaddress")
assert ipaddress.__spec__.loader is ipaddress.__loader__ and type(ipaddress.__loader__).__name__ != "_Loader"
""")


@pytest.mark.skipif("_lzma" in sys.builtin_module_names, reason="this Python cannot do without it")
def test_a_python_that_was_built_without_them_says_so_at_once(tmp_path: Path) -> None:
    extensions = Path(importlib.import_module("_lzma").__file__ or "").parent
    for one in extensions.iterdir():
        if not one.name.startswith(("_bz2.", "_lzma.")):
            (tmp_path / one.name).symlink_to(one)
    python(f"""
sys.path = [{str(tmp_path)!r} if place == {str(extensions)!r} else place for place in sys.path]
import shutil
formats = {{name for name, _ in shutil.get_archive_formats()}}
assert "gztar" in formats and not formats & {{"bztar", "xztar"}}, formats
import io
from engine.errors import HostError
from engine.layers.foreign import plain
for first, lacking in ((b"BZh9", "without bz2"), (b"\\xfd7zXZ\\x00", "without lzma")):
    try: list(plain(io.BytesIO(first + bytes(99)), "it"))
    except HostError as error: assert lacking in str(error), error
    else: raise AssertionError(lacking)
""")


def test_threads_that_ask_at_once_all_get_it() -> None:
    python("""
import ipaddress, threading
sys.setswitchinterval(1e-6)
start, found = threading.Barrier(8), []
def ask():
    start.wait()
    found.append(ipaddress.collapse_addresses)  # of its last lines
threads = [threading.Thread(target=ask) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert len(found) == 8
""")


def test_msgspec_does_without_typing_extensions_and_others_have_it() -> None:
    python("""
assert "typing_extensions" not in sys.modules
import msgspec, typing_extensions
class Pair(msgspec.Struct):
    left: "typing_extensions.Annotated[int, msgspec.Meta(ge=1)]"
assert msgspec.json.decode(b'{"left": 1}', type=Pair).left == 1
try: msgspec.json.decode(b'{"left": 0}', type=Pair)
except msgspec.ValidationError: pass
else: raise AssertionError("taken")
""")
