"""Other limits for a container that is there: what its config.json has then, and what runc is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from spec_kit import Make

from engine.errors import UsageError
from engine.host import CgroupMode
from engine.spec import RunOptions, updated

NOT_LIMITED = {"pids": {"limit": 2048}}


def changed(make: Make, given: dict[str, Any], mode: CgroupMode = CgroupMode.V1, **options: Any) -> tuple[Any, Any]:
    """The limits of a container made with `given`, after an update: in its config.json, and as runc is told."""
    made = make(**given)
    text, provenance, told = updated(made.text, made.provenance, RunOptions(**options), mode)
    kept = json.loads(text)["linux"]["resources"]
    del kept["devices"]
    assert {pointer.split("/")[3] for pointer in provenance if pointer.startswith("/linux/resources/")} == {
        "devices",
        *kept,
    }
    return kept, told


@pytest.mark.parametrize(
    ("given", "options", "told"),
    [
        ({"memory": "50m"}, {"memory": "0"}, {"memory": {"limit": -1}}),
        ({"memory": "50m", "memory_swap": "-1"}, {"memory": "0m", "memory_swap": "-1"}, {"memory": {"limit": -1}}),
        ({"cpus": "0.5"}, {"cpus": "0"}, {"cpu": {"quota": -1, "period": 100000}}),
        ({"cpu_quota": 20000}, {"cpu_quota": 0}, {"cpu": {"quota": -1}}),
        ({"cpu_period": 20000}, {"cpu_period": 0}, {"cpu": {"period": 100000}}),
        ({"cpu_shares": 9}, {"cpu_shares": 0}, {"cpu": {"shares": 1024}}),
        ({"memory_reservation": "9m"}, {"memory_reservation": "0"}, {"memory": {"reservation": -1}}),
        ({}, {"memory_swap": "-1"}, {}),
    ],
)
def test_nothing_is_as_no_limit(make: Make, given: Any, options: Any, told: Any) -> None:
    """As a container that never had it at its next start; and runc, which leaves alone what it is not told, is told."""
    assert changed(make, given, **options) == (NOT_LIMITED, NOT_LIMITED | told)


def test_version_2_calls_no_weight_and_no_protection_otherwise(make: Make) -> None:
    given, options = {"cpu_shares": 9, "memory_reservation": "9m"}, {"cpu_shares": 0, "memory_reservation": "0"}
    kept, told = changed(make, given, CgroupMode.V2, **options)
    assert kept == NOT_LIMITED
    assert told == NOT_LIMITED | {"unified": {"cpu.weight": "100", "memory.low": "0"}}


def test_what_is_not_named_stays(make: Make) -> None:
    given = {"memory": "50m", "memory_reservation": "20m", "cpus": "0.5", "cpuset_cpus": "0"}
    kept, told = changed(make, given, memory="0", cpu_quota=0)
    rest = {"memory": {"reservation": 20 << 20}, "cpu": {"period": 100000, "cpus": "0"}}
    assert kept == NOT_LIMITED | rest
    assert told["memory"] == rest["memory"] | {"limit": -1}
    assert told["cpu"] == rest["cpu"] | {"quota": -1}


def test_swap_is_judged_beside_the_memory_that_is_there(make: Make) -> None:
    for swap, bytes in (("200m", 200 << 20), ("-1", -1), ("0", 100 << 20)):
        kept, told = changed(make, {"memory": "50m"}, memory_swap=swap)
        assert kept["memory"] == told["memory"] == {"limit": 50 << 20, "swap": bytes}
    assert changed(make, {"memory": "50m"}, memory="60m")[0]["memory"]["swap"] == 120 << 20
    for given, options, said in (
        ({}, {"memory_swap": "200m"}, "needs --memory"),
        ({"memory": "50m"}, {"memory_swap": "10m"}, "less than the limit of memory, 52428800 bytes"),
        ({"memory": "50m"}, {"memory": "0", "memory_swap": "90m"}, "needs --memory"),
        ({"memory": "50m"}, {}, "no limit is named"),
    ):
        with pytest.raises(UsageError, match=said):
            changed(make, given, **options)
