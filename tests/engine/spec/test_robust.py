"""Whatever a file, an image or a person says: an answer, and never a traceback."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spec_kit import ALICE

from engine.errors import CutawayError
from engine.host import HostFacts, probe
from engine.oci import Execution
from engine.spec import (
    Document,
    RunOptions,
    Severity,
    adapt,
    adopt,
    blame,
    check,
    describe_field,
    generate,
    known_words,
    member_names,
)
from engine.spec.fields import table
from engine.text import visible

NAMES = sorted({name for pattern in table() for name in pattern.split("/")} - {"", "*"})
WORDS = ["", "/", "a\0b", "\ud800", "/proc/self/fd/3", "bind", "tmpfs", "pid", "CAP_KILL", "RLIMIT_CORE", "c", "a=b"]
SCALARS = (
    st.sampled_from([None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, 1.5])
    | st.sampled_from(WORDS)
    | st.text(max_size=5)
)
KEYS = st.sampled_from(NAMES) | st.text(max_size=3)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=25,
)


@functools.cache
def typed(pattern: str) -> st.SearchStrategy[Any]:
    """Values of a field's own type, mostly."""
    field = table()[pattern]
    below = {p.rpartition("/")[2]: p for p in table() if p.rpartition("/")[0] == pattern}
    match field.kind:
        case "object":
            return st.fixed_dictionaries({}, optional={name: typed(p) for name, p in below.items()})
        case "map":
            return st.dictionaries(KEYS, typed(f"{pattern}/*"), max_size=2)
        case "array":
            return st.lists(typed(f"{pattern}/*"), max_size=2)
        case "string":
            return st.sampled_from(WORDS) | SCALARS
        case "bool":
            return st.booleans()
        case _:
            return st.sampled_from([0, 1, -1, 5, 10**9, field.high, field.low])


@pytest.fixture(scope="module")
def here() -> HostFacts:
    return probe()


@settings(max_examples=75, deadline=None)
@given(value=st.dictionaries(KEYS, VALUES, max_size=4))
def test_any_json(here: HostFacts, value: dict[str, Any]) -> None:
    answered(json.dumps(value), here)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data(), part=st.sampled_from(["/process", "/root", "/hooks", "/linux/resources", "/linux/seccomp"]))
def test_any_configuration_of_the_right_types(here: HostFacts, data: st.DataObject, part: str) -> None:
    value: Any = data.draw(typed(part))
    for name in reversed(part.split("/")[1:]):
        value = {name: value}
    answered(json.dumps(value), here)


@settings(max_examples=50, deadline=None)
@given(
    mounts=st.lists(typed("/mounts/*"), max_size=3),
    spaces=st.lists(typed("/linux/namespaces/*"), max_size=3),
    devices=st.lists(typed("/linux/devices/*"), max_size=2),
    sysctl=typed("/linux/sysctl"),
)
def test_any_mounts_and_namespaces(here: HostFacts, mounts: Any, spaces: Any, devices: Any, sysctl: Any) -> None:
    linux = {"namespaces": spaces, "devices": devices, "sysctl": sysctl, "maskedPaths": WORDS}
    answered(json.dumps({"root": {"path": "x"}, "mounts": mounts, "linux": linux}), here)


def answered(text: str, here: HostFacts) -> None:
    for found in (check(text), check(text, facts=here), check(text, facts=here, bundle=Path("/nowhere"))):
        lines = text.split("\n")
        for diagnostic in found:
            assert diagnostic.severity in Severity
            assert 1 <= diagnostic.line <= len(lines)
            assert 1 <= diagnostic.column <= len(lines[diagnostic.line - 1]) + 1
            assert visible(diagnostic.message) == diagnostic.message
    for take in (lambda: adopt(text, "docker", files={"hosts"}), lambda: adapt(text, ALICE)):
        try:
            take()
        except CutawayError:
            pass


@given(text=st.text(max_size=60) | st.text('{}[],:"0a \n', max_size=60))
def test_any_text(text: str) -> None:
    Document(text).span("/a/0")
    check(text)
    blame(text, text)


@given(pointer=st.text("/abc*~01", max_size=12).map(lambda text: "/" + text))
def test_any_pointer(pointer: str) -> None:
    describe_field(pointer)
    known_words(pointer)
    member_names(pointer)
    Document('{"a": {"b": [1]}}').span(pointer)


TEXT = st.sampled_from(
    ["", "/", "0", "1:2", "a\0b", "\ud800", "../..", "/proc/self/fd/7", "A=b", "=", "\x1b[2J"]
) | st.text(max_size=6)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    user=TEXT,
    words=st.lists(TEXT, max_size=3),
    env=st.lists(TEXT, max_size=3),
    directory=TEXT,
    signal=TEXT,
    network=st.sampled_from(["host", "none"]),
)
def test_any_image(
    facts: HostFacts,
    rootfs: Path,
    user: str,
    words: list[str],
    env: list[str],
    directory: str,
    signal: str,
    network: str,
) -> None:
    image = Execution(user=user, entrypoint=words, cmd=words, env=env, working_dir=directory, stop_signal=signal)
    try:
        made = generate(image, RunOptions(network=network), facts=facts, container=ALICE, rootfs=rootfs)
    except CutawayError:
        return
    made.text.encode()
    assert json.loads(made.text)["process"]["cwd"].startswith("/")


@given(name=st.sampled_from(sorted(RunOptions.__struct_fields__)), text=TEXT)
def test_any_option(name: str, text: str) -> None:
    kind = RunOptions.__annotations__[name]
    if "str" not in str(kind):
        return
    try:
        RunOptions(**{name: (text,) if "tuple" in str(kind) else text})
    except CutawayError as error:
        error.message.encode()  # may be shown anywhere
