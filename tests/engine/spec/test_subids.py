"""--userns auto: free numbers of those that a host gives to containers, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spec_kit import ALICE, Make

from engine.errors import HostError, UsageError
from engine.host import HostFacts
from engine.oci import Execution
from engine.spec import RunOptions, free_numbers, generate, numbers_needed, subids


@pytest.fixture
def granted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that gives lines to the two files."""
    places = tmp_path / "subuid", tmp_path / "subgid"
    monkeypatch.setattr(subids, "FILES", places)

    def give(users: str, groups: str | None = None) -> None:
        places[0].write_text(users)
        places[1].write_text(users if groups is None else groups)

    return give


def test_the_last_that_are_free_in_both_files(granted: Any) -> None:
    granted("ann:100000:65536\ncontainers:500000:10000\ncontainers:x:y\n", "containers:400000:106000\n")
    assert free_numbers(1024, []) == (504976, 1024)
    assert free_numbers(1024, [(504976, 1024)]) == (503952, 1024)
    with pytest.raises(HostError, match="are free together"):
        free_numbers(6001, [])
    with pytest.raises(UsageError, match="65536 is the most"):
        free_numbers(65537, [])


def test_where_nothing_is_granted(granted: Any) -> None:
    granted("ann:100000:65536\n")
    with pytest.raises(HostError, match="give no numbers to the user 'containers'") as caught:
        free_numbers(1024, [])
    assert "containers:2147483647:2147483648" in caught.value.hint
    granted("containers:500000:10000\n", "")
    with pytest.raises(HostError, match="subgid gives no numbers"):
        free_numbers(1024, [])


@given(st.lists(st.tuples(st.integers(990, 2100), st.integers(1, 300)), max_size=8), st.integers(1, 500))
def test_what_is_free_meets_nobody(taken: list[tuple[int, int]], size: int) -> None:
    everybody = {number for first, count in taken for number in range(first, first + count)}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(subids, "_granted", lambda path: [(1000, 2000)])
        possible = [n for n in range(1000, 2001 - size) if not everybody & set(range(n, n + size))]
        if not possible:
            with pytest.raises(HostError):
                free_numbers(size, taken)
        else:
            assert free_numbers(size, taken) == (possible[-1], size)


def test_as_many_as_the_image_needs(rootfs: Path) -> None:
    assert numbers_needed(rootfs, "") == 1024
    assert numbers_needed(rootfs, "4000") == 4001
    with (rootfs / "etc/group").open("a") as groups:
        groups.write("nogroup:x:65534:\nfar:x:7000:\n")
    assert numbers_needed(rootfs, "") == 7001


def test_it_maps_users_and_groups_to_them(facts: HostFacts, rootfs: Path) -> None:
    made = generate(
        Execution(cmd=["sh"]),
        RunOptions(userns="auto"),
        facts=facts,
        container=ALICE,
        rootfs=rootfs,
        numbers=(7000, 99),
    )
    linux = json.loads(made.text)["linux"]
    assert linux["uidMappings"] == linux["gidMappings"] == [{"containerID": 0, "hostID": 7000, "size": 99}]
    assert made.provenance["/linux/uidMappings/0/hostID"].detail.startswith("option --userns auto: free ones")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"userns": "keep-id"}, "rootless"),
        ({"userns": "keep-id:uid=1"}, "rootless"),
        ({"userns": "nomap"}, "rootless"),
        ({"userns": "auto:uidmapping=0:1:2"}, "size=NUMBER"),
        ({"userns": "auto:size=0"}, "size=NUMBER"),
        ({"userns": "container:x"}, "not there"),
        ({"userns": "auto", "uidmap": ("0:1:2",)}, "cannot stand with"),
    ],
)
def test_what_is_refused(make: Make, options: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        make(**options)


@pytest.mark.parametrize("options", [{"userns": "auto"}, {"userns": "private"}, {"uidmap": ("0:1:2",)}])
def test_a_kernel_without_user_namespaces(facts: HostFacts, rootfs: Path, options: dict[str, Any]) -> None:
    vars(facts)["no_user_namespaces"] = "this kernel has no user namespaces"
    with pytest.raises(HostError, match="this kernel has no user namespaces"):
        generate(Execution(cmd=["sh"]), RunOptions(**options), facts=facts, container=ALICE, rootfs=rootfs)
