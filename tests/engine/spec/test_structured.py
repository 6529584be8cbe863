"""Changes by name: the text changes as little as it can, and the result is one that runc takes."""

from __future__ import annotations

import json
from difflib import ndiff
from typing import Any

import pytest
from spec_kit import Make

from engine.errors import CutawayError, SpecError, UsageError
from engine.host import HostFacts
from engine.oci import Execution
from engine.spec import (
    Document,
    RunOptions,
    Severity,
    add_device,
    add_mount,
    args_line,
    capabilities,
    check,
    is_privileged,
    namespaces,
    set_args,
    set_capability,
    set_env,
    set_limit,
    set_namespace,
    set_privileged,
)


@pytest.fixture
def text(make: Make) -> str:
    return make(Execution(cmd=["sh", "-c", "echo a b"], env=["A=1", "B=2"])).text


def lines(before: str, after: str) -> list[str]:
    """What an edit changed, line by line, without what only moved a comma."""
    found = [line for line in ndiff(before.splitlines(), after.splitlines()) if line[0] in "+-"]
    bare = [(line[0], line[2:].strip().rstrip(",")) for line in found]
    return [sign + word for sign, word in bare if ("-" if sign == "+" else "+", word) not in bare]


def at(text: str, *path: Any) -> Any:
    value = json.loads(text)
    for key in path:
        value = value[key]
    return value


def errors(text: str) -> list[str]:
    return [d.message for d in check(text) if d.severity is Severity.ERROR]


def test_a_capability_on_and_off_is_the_same_text(text: str) -> None:
    more = set_capability(text, "net_admin", True).text
    assert lines(text, more) == ['+"CAP_NET_ADMIN"'] * 3
    assert at(more, "process", "capabilities", "bounding") == sorted(at(more, "process", "capabilities", "bounding"))
    assert capabilities(more)["CAP_NET_ADMIN"]
    assert set_capability(more, "CAP_NET_ADMIN", False).text == text
    less = set_capability(text, "CHOWN", False).text
    assert lines(text, less) == ['-"CAP_CHOWN"'] * 3
    assert set_capability(less, "CHOWN", True).text == text
    assert not capabilities(less)["CAP_CHOWN"]


def test_a_capability_for_a_user_is_ambient_too(make: Make) -> None:
    text = make(user="ann").text
    more = set_capability(text, "NET_RAW", True).text
    sets = at(more, "process", "capabilities")
    assert all("CAP_NET_RAW" in sets[kind] for kind in ("bounding", "effective", "permitted", "inheritable", "ambient"))
    assert not errors(more)


def test_a_capability_that_seccomp_holds_back_is_told(text: str, make: Make) -> None:
    (said,) = set_capability(text, "SYS_PACCT", True).said
    assert said == "seccomp still forbids what it is for: acct"
    assert not set_capability(text, "NET_ADMIN", True).said  # no system call hangs on that
    assert not set_capability(text, "SYS_PACCT", False).said
    with_it = make(cap_add=("SYS_PACCT",)).text
    assert not set_capability(set_capability(with_it, "SYS_PACCT", False).text, "SYS_PACCT", True).said


def test_variables(text: str) -> None:
    assert lines(text, set_env(text, "C=3 4").text) == ['+"C=3 4"']
    assert lines(text, set_env(text, "A=new").text) == ['-"A=1"', '+"A=new"']
    assert lines(text, set_env(text, "B").text) == ['-"B=2"']
    assert at(set_env('{"process": {}}', "A=1").text, "process", "env") == ["A=1"]
    with pytest.raises(UsageError, match="no variable"):
        set_env(text, "NOT_THERE")


def test_a_mount_stands_before_what_lies_below_it(text: str) -> None:
    more = add_mount(text, "/usr:/data:ro").text
    assert at(more, "mounts", -1) == {
        "destination": "/data",
        "type": "bind",
        "source": "/usr",
        "options": ["ro", "rprivate", "rbind"],
    }
    assert not [line for line in lines(text, more) if line[0] == "-"]
    over = add_mount(text, "type=tmpfs,dst=/etc,tmpfs-size=1m").text
    places = [mount["destination"] for mount in at(over, "mounts")]
    assert places.index("/etc") < places.index("/etc/hosts")
    again = add_mount(more, "/etc:/data")
    assert "takes the place" in again.said[0]
    assert [mount["source"] for mount in at(again.text, "mounts") if mount["destination"] == "/data"] == ["/etc"]
    for wrong in ("/nowhere/at/all:/x", "type=nonsense,dst=/x", "/usr", "/usr:relative"):
        with pytest.raises(UsageError):
            add_mount(text, wrong)


def test_a_device_comes_with_its_rule(text: str) -> None:
    more = add_device(text, "/dev/null:/dev/mine:rw").text
    assert at(more, "linux", "devices", 0, "path") == "/dev/mine"
    rule = {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rw"}
    assert at(more, "linux", "resources", "devices")[-1] == rule
    again = add_device(more, "/dev/zero:/dev/mine:rw")
    assert [device["minor"] for device in at(again.text, "linux", "devices")] == [5]
    assert again.said
    with pytest.raises(UsageError):
        add_device(text, "/etc/passwd")


def test_limits(text: str) -> None:
    more = set_limit(text, "memory", "64m").text
    assert at(more, "linux", "resources", "memory") == {"limit": 64 << 20, "swap": 128 << 20}
    more = set_limit(more, "memory-swap", "-1").text
    assert at(more, "linux", "resources", "memory") == {"limit": 64 << 20, "swap": -1}
    assert set_limit(more, "memory", "").text == set_limit(more, "memory", "0").text == text
    assert at(set_limit(text, "cpus", "1.5").text, "linux", "resources", "cpu", "quota") == 150000
    assert lines(text, set_limit(text, "pids-limit", "99").text) == ['-"limit": 2048', '+"limit": 99']
    more = set_limit(text, "core", "0").text
    assert at(more, "process", "rlimits")[-1] == {"type": "RLIMIT_CORE", "hard": 0, "soft": 0}
    more = set_limit(more, "core", "0:unlimited").text
    assert at(more, "process", "rlimits")[-1] == {"type": "RLIMIT_CORE", "hard": 2**64 - 1, "soft": 0}
    assert set_limit(more, "core", "").text == text
    for name, value in (("memry", "1m"), ("memory", "lots"), ("cpu-shares", "x"), ("nofile", "2:1"), ("cpus", "0.001")):
        with pytest.raises(UsageError):
            set_limit(text, name, value)


def test_a_namespace_takes_with_it_what_needs_it(make: Make) -> None:
    text = make(network="none", hostname="web", sysctl=("kernel.msgmax=8192",)).text
    assert namespaces(text)["network"]
    shared = set_namespace(text, "network", False)
    assert not namespaces(shared.text)["network"]
    assert "ping_group_range" in shared.said[0]
    assert "/hostname" in set_namespace(text, "uts", False).said[0]
    assert "msgmax" in set_namespace(text, "ipc", False).said[0]
    for kind in ("network", "uts", "ipc", "pid", "cgroup"):
        assert not errors(set_namespace(text, kind, False).text)
        assert set_namespace(text, kind, True).text == text
    with pytest.raises(SpecError, match="mount on the host"):
        set_namespace(text, "mount", False)
    with pytest.raises(UsageError, match="no namespace"):
        set_namespace(text, "net", True)
    for kind in ("network", "uts", "ipc"):
        edited = Document(set_namespace(text, kind, False).text).set("/process/cwd", "/elsewhere").text
        back = set_namespace(edited, kind, True, like=text)
        assert back.text == Document(text).set("/process/cwd", "/elsewhere").text, kind  # to the letter
        assert f"the {kind} namespace is back as it was, and with it /" in back.said[0]
    joined = set_namespace(text, "network", True, path="/run/netns/blue").text
    assert {"type": "network", "path": "/run/netns/blue"} in at(joined, "linux", "namespaces")


@pytest.mark.parametrize("network", ["host", "none"])
def test_a_user_namespace_has_mappings(make: Make, network: str) -> None:
    text = make(network=network).text
    mapped = set_namespace(text, "user", True)
    assert at(mapped.text, "linux", "uidMappings") == [{"containerID": 0, "hostID": 100000, "size": 65536}]
    assert not errors(mapped.text)
    back = set_namespace(mapped.text, "user", False).text
    assert "uidMappings" not in at(back, "linux")
    if network == "none":
        assert back == text


def test_the_command_as_a_line(text: str) -> None:
    assert args_line(text) == "sh -c 'echo a b'"
    assert set_args(text, args_line(text)).text == text
    assert lines(text, set_args(text, "sh -c 'echo c'").text) == ['-"echo a b"', '+"echo c"']
    for wrong in ("", "sh -c 'open"):
        with pytest.raises(UsageError):
            set_args(text, wrong)


def test_privileged_is_what_the_option_gives(make: Make, facts: HostFacts) -> None:
    plain, privileged = make(cap_add=("NET_ADMIN",)).text, make(privileged=True).text
    options = RunOptions(cap_add=("NET_ADMIN",))
    made = set_privileged(plain, True, facts, options).text
    theirs, ours = json.loads(privileged), json.loads(made)
    for config in (theirs, ours):
        config["linux"]["resources"]["devices"][0].pop("type", None)
        for mount in config["mounts"]:
            mount["options"] = sorted(set(mount.get("options", [])) - {"rprivate"})
        config["linux"]["devices"].sort(key=lambda device: device["path"])
    assert ours == theirs
    assert is_privileged(made, facts)
    assert not is_privileged(plain, facts)
    assert json.loads(set_privileged(made, False, facts, options).text) == json.loads(plain)
    assert not errors(made)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"process": 5, "mounts": 5, "linux": {"namespaces": {}}}'])
def test_what_is_no_configuration_is_an_error_of_ours(text: str, facts: HostFacts) -> None:
    for change in (
        lambda: set_capability(text, "KILL", True),
        lambda: set_env(text, "A=1"),
        lambda: add_mount(text, "/usr:/data"),
        lambda: add_device(text, "/dev/null"),
        lambda: set_limit(text, "memory", "64m"),
        lambda: set_limit(text, "core", "0"),
        lambda: set_namespace(text, "network", True),
        lambda: set_args(text, "sh"),
        lambda: set_privileged(text, True, facts),
    ):
        try:
            json.loads(change().text)
        except CutawayError:
            pass


def test_unknown_keys_and_formatting_survive() -> None:
    odd = '{"x-mine" :  [1,2],\n\t"process": { "args": [ "a",  "b" ], "env":["A=1"] } }'
    assert set_args(odd, "a c").text == odd.replace('"b"', '"c"')
    assert set_env(odd, "B=2").text == odd.replace('"A=1"', '"A=1", "B=2"')
