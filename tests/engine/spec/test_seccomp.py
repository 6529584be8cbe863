"""The filter: compiled from the shared source format, for one architecture and one set of capabilities."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.errors import SpecError
from engine.spec import check, seccomp
from engine.spec.syscalls import own_profile

SOURCE: dict[str, Any] = {
    "defaultAction": "SCMP_ACT_ERRNO",
    "defaultErrnoRet": 38,
    "archMap": [
        {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
        {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": None},
    ],
    "syscalls": [
        {"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [], "includes": {}, "excludes": {}, "comment": "x"},
        {"names": ["arch_prctl"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["amd64"]}},
        {"names": ["chroot"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_CHROOT"]}},
        {"names": ["chroot"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1, "excludes": {"caps": ["CAP_SYS_CHROOT"]}},
        {
            "names": ["personality"],
            "action": "SCMP_ACT_ALLOW",
            "args": [{"index": 0, "value": 0, "valueTwo": 0, "op": "SCMP_CMP_EQ"}],
        },
    ],
}


def names(compiled: dict[str, Any]) -> list[tuple[str, str]]:
    return [(rule["names"][0], rule["action"]) for rule in compiled["syscalls"]]


def test_conditions() -> None:
    with_it = seccomp.compile_profile(SOURCE, "amd64", frozenset({"CAP_SYS_CHROOT"}), "x")
    assert with_it["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]
    assert with_it["defaultErrnoRet"] == 38
    assert ("chroot", "SCMP_ACT_ALLOW") in names(with_it)
    assert ("chroot", "SCMP_ACT_ERRNO") not in names(with_it)
    without = seccomp.compile_profile(SOURCE, "arm64", frozenset(), "x")
    assert without["architectures"] == ["SCMP_ARCH_AARCH64"]
    assert ("chroot", "SCMP_ACT_ERRNO") in names(without)
    assert ("arch_prctl", "SCMP_ACT_ALLOW") not in names(without)
    assert without["syscalls"][-1]["args"] == [{"index": 0, "value": 0, "op": "SCMP_CMP_EQ"}]
    assert without["syscalls"][0] == {"names": ["read"], "action": "SCMP_ACT_ALLOW"}


@pytest.mark.parametrize("caps", [frozenset(), frozenset({"CAP_SYS_ADMIN", "CAP_AUDIT_WRITE", "CAP_SYS_CHROOT"})])
@pytest.mark.parametrize("architecture", ["amd64", "arm64", "s390x"])
def test_our_own_profile(architecture: str, caps: frozenset[str]) -> None:
    compiled = seccomp.compile_profile(own_profile(), architecture, caps, "own")
    action: dict[str, set[str]] = {}
    for rule in compiled["syscalls"]:
        for name in rule["names"]:
            action.setdefault(name, set()).add(rule["action"])
    assert action["read"] == {"SCMP_ACT_ALLOW"}
    assert action["mount"] == {"SCMP_ACT_ALLOW"}  # the kernel asks for the capability itself
    assert action["bpf"] == {"SCMP_ACT_ALLOW" if "CAP_SYS_ADMIN" in caps else "SCMP_ACT_ERRNO"}
    assert action["keyctl"] == {"SCMP_ACT_ERRNO"}
    assert action["socket"] == (
        {"SCMP_ACT_ALLOW"} if "CAP_AUDIT_WRITE" in caps else {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"}
    )
    assert not [name for name, actions in action.items() if len(actions) > 1 and name != "socket"]
    root = {"root": {"path": "/"}, "process": {"cwd": "/", "args": ["/x"]}, "linux": {"seccomp": compiled}}
    assert {d.code for d in check(json.dumps(root))} == {"missing"}


def test_the_hosts_file_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "override.json", tmp_path / "usual.json"
    monkeypatch.setattr(seccomp, "HOST_PROFILES", (first, second))
    profile, where = seccomp.default_profile("amd64", frozenset())
    assert where == "Cutaway's own seccomp profile"
    assert profile["syscalls"]
    assert profile["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
    second.write_text(json.dumps(SOURCE))
    assert seccomp.default_profile("amd64", frozenset())[1] == str(second)
    first.write_text(json.dumps(SOURCE | {"defaultAction": "SCMP_ACT_LOG"}))
    assert seccomp.default_profile("amd64", frozenset())[0]["defaultAction"] == "SCMP_ACT_LOG"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"defaultAction": "MAYBE"}',
        '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": 5}',
        '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"action": "x"}]}',
        '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": ["x"]}',
        "[" * 100000,
    ],
)
def test_what_is_no_profile(tmp_path: Path, text: str) -> None:
    file = tmp_path / "profile.json"
    file.write_text(text)
    with pytest.raises(SpecError, match=r"profile\.json"):
        seccomp.profile_from(file, "amd64", frozenset())
    with pytest.raises(SpecError, match="cannot read"):
        seccomp.profile_from(tmp_path / "missing", "amd64", frozenset())
