"""Findings at their place, with what to do. That errors are what runc refuses is shown with runc, in tests/root."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import msgspec
import pytest
from spec_kit import Make

from engine.host import CgroupMode, HostFacts, Tool
from engine.spec import Diagnostic, Document, Severity, check
from engine.spec.syscalls import SYSTEM_CALLS
from engine.spec.vocabulary import CAPABILITIES, nearest

Check = Callable[..., list[Diagnostic]]


@pytest.fixture
def with_changes(make: Make) -> Check:
    """Check the generated configuration after setting some values."""

    def checked(changes: dict[str, Any], **keywords: Any) -> list[Diagnostic]:
        document = Document(make(network="none").text)
        for pointer, value in changes.items():
            document = document.set(pointer, value)
        return check(document.text, **keywords)

    return checked


def codes(found: list[Diagnostic]) -> set[tuple[str, str]]:
    return {(d.code, d.pointer) for d in found}


def test_what_we_generate_is_clean(make: Make) -> None:
    for options in ({}, {"network": "none"}, {"read_only": True, "user": "ann"}, {"profile": "docker"}):
        assert check(make(**options).text) == []


def test_privileged_is_a_warning(make: Make) -> None:
    found = check(make(privileged=True).text)
    assert [(d.severity, d.code) for d in found] == [(Severity.WARNING, "privileged")]


def test_syntax_has_its_place() -> None:
    (found,) = check('{\n  "root": {"path": "x",}\n}')
    assert (found.line, found.column, found.severity, found.code) == (2, 24, Severity.ERROR, "syntax")


@pytest.mark.parametrize(
    "text", ["", "null", "[]", '"x"', "7", b"\xff", "[" * 5000, "{" * 5000, "nul", '{"a":' * 99 + "1"]
)
def test_any_text_is_answered(text: str | bytes) -> None:
    found = check(text)
    assert found
    assert any(d.severity is Severity.ERROR for d in found)


def test_huge_text_is_not_parsed() -> None:
    assert [d.code for d in check("[" + "1," * (9 << 20))] == ["size"]


def test_misspelt_fields_and_words(with_changes: Check) -> None:
    found = with_changes({"/process/capabilites": {}, "/linux/namespaces/0/type": "PID", "/process/noNewPriviliges": 1})
    hints = {d.pointer: d.hint for d in found}
    assert hints["/process/capabilites"] == "Did you mean capabilities?"
    assert hints["/process/noNewPriviliges"] == "Did you mean noNewPrivileges?"
    assert hints["/linux/namespaces/0/type"] == "Did you mean pid?"
    place = next(d for d in found if d.pointer == "/process/capabilites")
    assert place.severity is Severity.WARNING


def test_wrong_case_is_read_as_runc_reads_it() -> None:
    text = '{"Root": {"PATH": "/"}, "process": {"cwd": "/", "args": ["/x"], "CWD": "relative"}}'
    found = check(text)
    assert ("case", "/Root") in codes(found)
    assert ("case", "/Root/PATH") in codes(found)
    assert ("cwd", "/process/CWD") in codes(found)  # the last one counts, however it is spelt
    where = next(d for d in found if d.code == "cwd")
    assert (where.line, where.column) == (1, text.index('"relative"') + 1)


def test_types_say_what_is_wanted_and_are_told_once() -> None:
    text = (
        '{"root": {"path": 7}, "process": {"cwd": true, "args": "sh", "user": {"uid": -1, "gid": 1.5}}, "mounts": {}}'
    )
    errors = {d.pointer: d.message for d in check(text) if d.severity is Severity.ERROR}
    assert "string is wanted here, and this is a number" in errors["/root/path"]
    assert "this is true" in errors["/process/cwd"]
    assert "array is wanted here, and this is a string" in errors["/process/args"]
    assert "between 0 and 4294967295" in errors["/process/user/uid"]
    assert "fraction" in errors["/process/user/gid"]
    assert "this is an object" in errors["/mounts"]
    assert len([d for d in check(text) if d.pointer == "/process/cwd"]) == 1


@pytest.mark.parametrize(
    ("word", "known", "near"),
    [
        ("SYS_ADMN", CAPABILITIES, "CAP_SYS_ADMIN"),
        ("cap_sys_admin", CAPABILITIES, "CAP_SYS_ADMIN"),
        ("CAP_NET_ADIMN", CAPABILITIES, "CAP_NET_ADMIN"),
        ("CAP_NONSENSE", CAPABILITIES, ""),  # not CAP_SYS_NICE
        ("CAP_EVERYTHING", CAPABILITIES, ""),
        ("surprise", ("process", "root", "mounts", "hooks"), ""),
        ("proces", ("process", "root", "mounts", "hooks"), "process"),
        ("memmory", ("memory", "cpu"), "memory"),
        ("make_coffee", SYSTEM_CALLS, ""),
        ("opennat", SYSTEM_CALLS, "openat"),
        ("x", ("c", "b"), ""),
        ("a" * 100_000, SYSTEM_CALLS, ""),
    ],
)
def test_only_what_is_near_may_have_been_meant(word: str, known: Collection[str], near: str) -> None:
    assert nearest(word, known) == near


def test_huge_pages_of_a_size_that_the_kernel_has_not(with_changes: Check, facts: HostFacts) -> None:
    """Told by the control group's files, in both versions: without them runc has nowhere to write."""
    for cgroups in (CgroupMode.V1, CgroupMode.V2):
        there = msgspec.structs.replace(facts, cgroups=cgroups)
        found = with_changes({"/linux/resources/hugepageLimits": [{"pageSize": "3M", "limit": 0}]}, facts=there)
        (said,) = (d for d in found if d.code == "page-size")
        assert said.severity is Severity.ERROR
        assert said.pointer == "/linux/resources/hugepageLimits/0/pageSize"


def test_null_is_nothing_as_for_go() -> None:
    base = (
        '{"root": {"path": "/"}, "hostname": null, "process": {"cwd": "/", "args": ["/x"], "env": null}, "linux": null}'
    )
    assert not [d for d in check(base) if d.severity is Severity.ERROR]


def test_cwd_below_descriptors_is_refused(with_changes: Check) -> None:
    for cwd in (
        "/proc/self/fd/7",
        "/proc/self/fd/../fd/8/",
        "/dev/fd/8",
        "//proc/./self/fd",
        "//dev/fd",
        "/proc/1/root/x",
    ):
        (found,) = with_changes({"/process/cwd": cwd})
        assert found.code == "cwd-leak"
        assert found.severity is (Severity.WARNING if cwd.endswith(("/fd", "x")) else Severity.ERROR), cwd
        assert "CVE-2024-21626" in found.message


@pytest.mark.parametrize(
    ("version", "severity"),
    [
        ("1.1.5", Severity.WARNING),
        ("1.1.12", Severity.ERROR),
        ("1.1.5+ds1\ncommit: 1.1.5+ds1-1+deb12u1", Severity.ERROR),  # Debian has mended it
        ("1.1.5+ds1\ncommit: 1.1.5+ds1-1+b4", Severity.WARNING),
    ],
)
def test_an_old_runc_takes_that(with_changes: Check, facts: HostFacts, version: str, severity: Severity) -> None:
    tool = Tool("runc", Path("/usr/bin/runc"))
    tool.__dict__["_answer"] = (f"runc version {version}", "")
    facts.__dict__["runc"] = tool
    (found,) = (d for d in with_changes({"/process/cwd": "/proc/self/fd/7"}, facts=facts) if d.code == "cwd-leak")
    assert found.severity is severity


def test_system_calls_that_nobody_has_are_told(with_changes: Check) -> None:
    rule = {"names": ["mount", "clone33", "io_uring_setup", "futex_wait"], "action": "SCMP_ACT_ALLOW"}
    (found,) = with_changes({"/linux/seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}})
    assert (found.severity, found.code) == (Severity.WARNING, "unknown-word")
    assert found.pointer == "/linux/seccomp/syscalls/0/names/1"
    assert "clone3" in found.hint


def test_dangers_are_warnings(with_changes: Check) -> None:
    mount = {"destination": "/x", "type": "bind", "source": "/", "options": ["rbind"]}
    found = with_changes(
        {
            "/mounts/-": mount,
            "/process/capabilities/bounding/-": "CAP_SYS_ADMIN",
            "/linux/namespaces": [{"type": "mount"}, {"type": "uts"}, {"type": "network"}],
        }
    )
    said = {d.code: d for d in found}
    assert said["writable-host"].severity is Severity.WARNING
    assert "pid and ipc" in said["sys-admin"].message
    (socket,) = with_changes({"/mounts/-": mount | {"source": "/run/docker.sock"}})
    assert socket.code == "engine-socket"
    linked = with_changes({"/mounts/-": mount | {"source": "/var/run"}})
    assert codes(linked) == {("writable-host", "/mounts/10/source")}
    # A socket can be connected to on a read-only mount, too.
    assert codes(with_changes({"/mounts/-": mount | {"source": "/run", "options": ["rbind", "rro"]}})) == codes(linked)


@pytest.mark.parametrize(
    ("options", "place", "advice"),
    [
        (["rbind"], "source", '"rro"'),
        (["bind"], "source", '"ro"'),
        (["rbind", "ro", "rw"], "source", 'Take "rw" out'),
        (["rbind", "ro"], "options", '"rro" in place of "ro"'),
        (["rbind", "rw", "rro"], "", ""),
        (["rbind", "rro"], "", ""),
        (["bind", "rw", "ro"], "", ""),
    ],
)
def test_what_is_read_only_of_a_bind(
    with_changes: Check, facts: HostFacts, options: list[str], place: str, advice: str
) -> None:
    mount = {"destination": "/x", "type": "bind", "source": "/", "options": options}
    for keywords in ({}, {"facts": facts}):
        found = [d for d in with_changes({"/mounts/-": mount}, **keywords) if d.code == "writable-host"]
        assert [d.pointer for d in found] == ([f"/mounts/10/{place}"] if place else [])
        assert all(advice in d.hint for d in found)


def test_read_only_is_enough_where_nothing_is_mounted_below(with_changes: Check, facts: HostFacts) -> None:
    mount = {"destination": "/x", "type": "bind", "source": "/usr", "options": ["rbind", "ro"]}
    assert "writable-host" not in {d.code for d in with_changes({"/mounts/-": mount}, facts=facts)}


def test_host_is_looked_at_only_with_facts(with_changes: Check, facts: HostFacts) -> None:
    changes = {
        "/mounts/-": {"destination": "/x", "type": "bind", "source": "/nowhere/at/all", "options": ["rbind"]},
        "/linux/namespaces/0/path": "/run/netns/stale",
        "/process/rlimits/0/hard": 30000,
        "/process/capabilities/permitted/-": "CAP_SYS_RESOURCE",
    }
    assert with_changes(changes) == []
    found = codes(with_changes(changes, facts=facts))
    assert {(code, pointer) for code, pointer in found if code != "source"} == {
        ("namespace-path", "/linux/namespaces/0/path"),
        ("range", "/process/rlimits/0/hard"),
        ("capability", "/process/capabilities/permitted/11"),
    }
    assert [pointer.rpartition("/")[2] for code, pointer in found if code == "source"] == ["source"]


def test_namespace_of_another_kind(with_changes: Check, facts: HostFacts) -> None:
    found = with_changes({"/linux/namespaces/0/path": "/proc/self/ns/uts"}, facts=facts)
    assert "is a uts namespace, not a pid one" in found[0].message
    fifo = with_changes({"/linux/namespaces/0/path": "/dev/null"}, facts=facts)
    assert "no namespace" in fifo[0].message


def test_fifo_as_namespace_does_not_hang(with_changes: Check, facts: HostFacts, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (found,) = with_changes({"/linux/namespaces/0/path": str(tmp_path / "fifo")}, facts=facts)
    assert found.code == "namespace-path"


def test_dangers_name_the_holes_that_used_them(with_changes: Check) -> None:
    bounding = "/process/capabilities/bounding/-"
    said = {
        name: with_changes({bounding: f"CAP_{name}"})[0].message + with_changes({bounding: f"CAP_{name}"})[0].hint
        for name in ("SYS_ADMIN", "BPF", "DAC_READ_SEARCH")
    }
    assert "CVE-2022-0492" in said["SYS_ADMIN"]
    assert "CVE-2021-31440" in said["BPF"]
    assert "CVE-2014-3519" in said["DAC_READ_SEARCH"]
    of_all = [
        *({bounding: f"CAP_{name}"} for name in ("SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO", "BPF", "DAC_READ_SEARCH")),
        *(
            {"/mounts/-": {"destination": "/h", "type": "bind", "source": source, "options": ["rbind", *options]}}
            for source in ("/", "/etc", "/proc", "/sys", "/run", "/run/docker.sock")
            for options in ((), ("ro",))
        ),
    ]
    for changes in of_all:
        for found in with_changes(changes):
            assert "CVE" in f"{found.message} {found.hint}", found
    disk = {"path": "/dev/sda", "type": "b", "major": 8, "minor": 0}
    rule = {"allow": True, "type": "b", "major": 8, "minor": 0, "access": "rw"}
    changes = {"/linux/devices": [disk], "/linux/resources/devices/-": rule}
    assert ("host-disk", "/linux/devices/0/path") in codes(with_changes(changes))
    changes["/linux/resources/devices/-"] = {**rule, "access": "r"}
    assert codes(with_changes(changes)) == set()


def test_with_the_bundle_the_root_is_looked_into(make: Make, facts: HostFacts, tmp_path: Path, rootfs: Path) -> None:
    made = make(user="0:0")
    rootfs.rename(tmp_path / "merged")
    (tmp_path / "files").mkdir()
    for name, data in made.files.items():
        (tmp_path / "files" / name).write_bytes(data)
    assert ("not-found", "/process/args/0") in codes(check(made.text, facts=facts, bundle=tmp_path))
    program = tmp_path / "merged/bin/sh"
    program.parent.mkdir()
    program.write_text("#!\n")
    program.chmod(0o755)
    assert not [d for d in check(made.text, facts=facts, bundle=tmp_path) if d.code == "not-found"]
    (tmp_path / "files/hosts").unlink()
    assert "source" in {d.code for d in check(made.text, facts=facts, bundle=tmp_path)}
    (tmp_path / "merged").rename(tmp_path / "gone")
    assert ("root-missing", "/root/path") in codes(check(made.text, facts=facts, bundle=tmp_path))


def test_a_containers_own_root_filesystem(with_changes: Check) -> None:
    own = Path("/data/containers/id/merged")
    for path, told in (("merged", 0), ("./merged/", 0), (str(own), 0), ("/srv/other", 1), ("../other/merged", 1)):
        found = [d for d in with_changes({"/root/path": path}, own_root=own) if d.code == "root-elsewhere"]
        assert [d.severity for d in found] == [Severity.WARNING] * told, path
        assert not [d for d in with_changes({"/root/path": path}) if d.code == "root-elsewhere"]


def test_newer_runc_knows_more(with_changes: Check, facts: HostFacts) -> None:
    changes = {"/domainname": "example.org", "/linux/seccomp/flags": ["SECCOMP_FILTER_FLAG_LOG"]}
    old = with_changes(changes)
    assert {(d.code, d.severity) for d in old} == {("newer", Severity.WARNING), ("newer", Severity.ERROR)}
    tool = Tool("runc", Path("/usr/bin/runc"))
    tool.__dict__["_answer"] = ("runc version 1.2.9", "")
    facts.__dict__["runc"] = tool
    assert [d for d in with_changes(changes, facts=facts) if d.code == "newer"] == []
    (wrong,) = [d for d in with_changes({"/domainname": 7}, facts=facts) if d.severity is Severity.ERROR]
    assert wrong.pointer == "/domainname"


def test_v2_and_v1(with_changes: Check, facts: HostFacts) -> None:
    changes = {"/linux/resources/memory/swappiness": 10}
    assert [d.code for d in with_changes(changes, facts=facts)] == ["cgroup"]
    facts = msgspec.structs.replace(facts, cgroups=CgroupMode.V1)
    unified = with_changes({"/linux/resources/unified": {"memory.high": "1"}}, facts=facts)
    assert [d.code for d in unified if d.pointer == "/linux/resources/unified"] == ["cgroup"]


def test_order_is_that_of_the_text(with_changes: Check) -> None:
    found = with_changes({"/linux/rootfsPropagation": "x", "/process/cwd": "x", "/hostname": "a b"})
    assert [d.line for d in found] == sorted(d.line for d in found)
    assert len(found) == 3


def test_podmans_own_shape_gives_no_errors() -> None:
    """The peculiarities of a configuration by podman: type bits in fileMode, a bind on /run, an empty annotation."""
    text = json.dumps(
        {
            "ociVersion": "1.0.2-dev",
            "process": {"user": {"uid": 0, "gid": 0, "umask": 18}, "args": ["/x"], "cwd": "/"},
            "root": {"path": "/var/lib/containers/overlay/7c/merged"},
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid"]},
                {"destination": "/run", "type": "tmpfs", "source": "tmpfs", "options": ["rw", "tmpcopyup"]},
                {"destination": "/dev/shm", "type": "bind", "source": "/x/shm", "options": ["bind", "rprivate"]},
            ],
            "annotations": {"org.opencontainers.image.base.digest": ""},
            "linux": {
                "devices": [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 8630}],
                "resources": {"devices": [{"allow": True, "access": "rwm"}]},
                "namespaces": [{"type": "mount"}, {"type": "network", "path": "/run/netns/netns-1"}],
            },
        }
    )
    assert check(text) == []
