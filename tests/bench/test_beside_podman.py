"""What a person waits for, beside podman. What is asserted holds today, with room for a noisy machine; where the goal
is another, it is printed beside what was measured, and fails nothing."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import pytest
from command_line import Cutaway
from measuring import Cost, compare, cost

if TYPE_CHECKING:
    from conftest import Podman

pytestmark = [pytest.mark.bench, pytest.mark.root, pytest.mark.interop("podman", "docker-registry", "umoci", "skopeo")]


RUN_AT_MOST = 1.0
"""Times podman's: asserted."""
RUN_GOAL = 0.8
"""Times podman's: the goal, which most runs miss by a hair: 0.73 to 0.86, 0.81 in the mean, on two processors.
Half of the time is the program's start, Python and its modules (`cutaway ps -q` takes as long), and podman's is
compiled; two thirds of the rest is runc's own, of which podman's start has as much."""


def ours(cutaway: Cutaway, *words: str) -> Cost:
    return cost(cutaway.command(*words), cutaway.environment)


def test_help(cutaway: Cutaway) -> None:
    medians = compare(
        "--help",
        9,
        {
            "podman": lambda: cost(["podman", "--help"]),
            "cutaway": lambda: ours(cutaway, "--help"),
            "python, nothing": lambda: cost([sys.executable, "-c", ""]),
        },
    )
    assert medians["cutaway"].cpu < 20 * medians["python, nothing"].cpu


def test_pull_and_expand(cutaway: Cutaway, podman: Podman, debian_image: str) -> None:
    def fresh() -> None:
        podman.clear()
        shutil.rmtree(cutaway.root, ignore_errors=True)

    medians = compare(
        "pull of a minimal Debian, 48 MB in 2 layers",
        5,
        {
            "podman pull": lambda: podman.cost("pull", "--quiet", "--tls-verify=false", debian_image),
            "cutaway pull": lambda: ours(cutaway, "pull", "--tls-verify=false", debian_image),
        },
        fresh,
    )
    assert medians["cutaway pull"].wall < medians["podman pull"].wall
    compare(
        "the same again, unchanged",
        5,
        {"cutaway pull": lambda: ours(cutaway, "pull", "--tls-verify=false", debian_image)},
    )


def test_run_to_the_end(cutaway: Cutaway, podman: Podman, debian_image: str) -> None:
    podman.cost("pull", "--quiet", "--tls-verify=false", debian_image)
    ours(cutaway, "pull", "--tls-verify=false", debian_image)
    limits = ["--ulimit=nofile=1024:4096", "--ulimit=nproc=1024:4096"]
    medians = compare(
        "run --rm --network=host … true",
        25,
        {
            "podman run": lambda: podman.cost("run", "--rm", "--network=host", *limits, debian_image, "true"),
            "cutaway run": lambda: ours(cutaway, "run", "--rm", "--network=host", debian_image, "true"),
        },
    )
    ratio = medians["cutaway run"].wall / medians["podman run"].wall
    print(f"{ratio:.2f} of podman's time; at most {RUN_AT_MOST} is asserted, {RUN_GOAL} is the goal")
    assert ratio < RUN_AT_MOST
