"""What runc said, tied to a field. That it is the right one is shown for hundreds of failures in tests/root."""

from __future__ import annotations

import json

import pytest

from engine.spec import blame

CONFIG = json.dumps(
    {
        "root": {"path": "merged"},
        "process": {"args": ["nope"], "cwd": "/", "env": ["A=1", "LONELY"]},
        "mounts": [{"destination": "/proc"}, {"destination": "/data", "source": "/gone"}],
        "linux": {"sysctl": {"net/ipv4/ip_forward": "x"}, "maskedPaths": ["/a", "/b"]},
    },
    indent=1,
)
LOGGED = 'time="2026-11-23T23:37:09Z" level=error msg="runc run failed: unable to start container process: {}"'


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        (LOGGED.format(r"exec: \"nope\": executable file not found in $PATH"), "/process/args/0"),
        (LOGGED.format(r"error during container init: invalid environment variable: \"LONELY\""), "/process/env/1"),
        (
            LOGGED.format(
                r"error during container init: error mounting \"/gone\" to rootfs at \"/data\": stat /gone: …"
            ),
            "/mounts/1",
        ),
        ('runc create failed: sysctl "net.ipv4.ip_forward" not allowed', "/linux/sysctl/net~1ipv4~1ip_forward"),
        ("can't mask path /b: mount", "/linux/maskedPaths/1"),
        ("write /sys/fs/cgroup/cutaway/x/memory.max: invalid argument", "/linux/resources/memory/limit"),
        ("write /sys/fs/cgroup/cpu/x/cpu.cfs_quota_us: invalid argument", "/linux/resources/cpu/quota"),
        (
            "first line\n" + LOGGED.format("sethostname: invalid argument") + "\nthe last line means nothing",
            "/hostname",
        ),
    ],
)
def test_places(said: str, pointer: str) -> None:
    found = blame(said, CONFIG)
    assert found is not None
    assert found.pointer == pointer
    assert not found.message.startswith(("time=", "runc"))
    assert found.code == "runc"


def test_line_is_that_of_the_value_or_of_where_it_belongs() -> None:
    there = blame("can't mask path /b: mount", CONFIG)
    assert there is not None
    assert CONFIG.splitlines()[there.line - 1].strip() == '"/b"'
    missing = blame("sethostname: invalid argument", CONFIG)
    assert missing is not None
    assert (missing.line, missing.column) == (1, 1)


def test_broken_text() -> None:
    found = blame("runc run failed: invalid character 'x' after object key:value pair", '{"a": 1\n x}')
    assert found is not None
    assert (found.line, found.column) == (2, 2)


@pytest.mark.parametrize("said", ["", "\n\n", "something else went wrong", "\x1b[2J"])
def test_what_cannot_be_told(said: str) -> None:
    assert blame(said, CONFIG) is None


def test_message_is_harmless() -> None:
    found = blame('exec: "\x1b[2Jnope": executable file not found', CONFIG)
    assert found is not None
    assert "\x1b" not in found.message
