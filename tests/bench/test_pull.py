"""Pull and expand an image as people have them, beside podman; the download alone beside skopeo.

All on the same fresh memory, in turns. The bounds are the goals that the README's table tells of.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import big_image
import pytest
from command_line import Cutaway
from measuring import compare, cost, peak_memory
from real_registry import docker_registry, push

if TYPE_CHECKING:
    from conftest import Podman

pytestmark = [pytest.mark.bench, pytest.mark.root, pytest.mark.interop("podman", "docker-registry", "skopeo")]

ROUNDS = 5
WALL, CPU = 0.33, 0.4
"""Of podman's, at most."""
DOWNLOAD_ALONE = Path(__file__).with_name("download_alone.py")
DOWNLOAD = 1.3
"""Of skopeo's wall time, at most."""
AGAIN = 0.3
"""Seconds for an image that is here."""
MEMORY = 200e6
"""Bytes, at most, of all processes together."""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The image in a registry on loopback; `:shared` there is the same with its last layer left out."""
    layout = big_image.big_layout()
    peers = [
        subprocess.run([name, "--version"], capture_output=True, text=True, check=True).stdout.strip()
        for name in ("podman", "skopeo", "docker-registry")
    ]
    print(f"\nthe image: {big_image.facts(layout)}")
    here = f"Python {platform.python_version()}, Linux {platform.release()}, {os.cpu_count()} processors"
    print("; ".join([*peers, here]))
    with docker_registry(tmp_path_factory.mktemp("registry")) as host:
        push(layout, f"{host}/big:1")
        push(big_image.without_last_layer(layout, tmp_path_factory.mktemp("shared")), f"{host}/big:shared")
        yield f"{host}/big"


@pytest.fixture
def pull(cutaway: Cutaway, image: str) -> Callable[[str], list[str]]:
    return lambda tag: cutaway.command("pull", "--quiet", "--tls-verify=false", f"{image}:{tag}")


def test_pull_and_expand(
    cutaway: Cutaway, podman: Podman, pull: Callable[[str], list[str]], image: str, memory: Path
) -> None:
    layout = memory / "layout"

    def fresh() -> None:
        podman.clear()
        shutil.rmtree(cutaway.root, ignore_errors=True)
        shutil.rmtree(layout, ignore_errors=True)

    medians = compare(
        "pull and expand",
        ROUNDS,
        {
            "podman pull": lambda: podman.cost("pull", "--quiet", "--tls-verify=false", f"{image}:1"),
            "cutaway pull": lambda: cost(pull("1"), cutaway.environment),
        },
        fresh,
    )
    fresh()
    peak = peak_memory(pull("1"), cutaway.environment)
    print(f"  memory of all of cutaway's processes at most {peak / 1e6:.0f} MB")
    ours, theirs = medians["cutaway pull"], medians["podman pull"]
    assert ours.wall <= WALL * theirs.wall
    assert ours.cpu <= CPU * theirs.cpu
    assert peak <= MEMORY


def test_again_and_what_is_shared(
    cutaway: Cutaway, podman: Podman, pull: Callable[[str], list[str]], image: str
) -> None:
    """An image that is here costs one question; one that shares layers costs its own layers only."""
    theirs = ["pull", "--quiet", "--tls-verify=false", f"{image}:1"]
    whole = cost(pull("1"), cutaway.environment)
    podman.cost(*theirs)
    again = compare(
        "the same again, unchanged",
        ROUNDS,
        {
            "podman pull": lambda: podman.cost(*theirs),
            "cutaway pull": lambda: cost(pull("1"), cutaway.environment),
        },
    )
    assert again["cutaway pull"].wall < AGAIN
    other = compare(
        "another image, of the same layers but one",
        1,
        {
            "cutaway pull, the first image": lambda: whole,
            "cutaway pull, the second": lambda: cost(pull("shared"), cutaway.environment),
        },
    )
    assert other["cutaway pull, the second"].cpu < 0.1 * whole.cpu


def test_download_alone(cutaway: Cutaway, image: str, memory: Path) -> None:
    """The transfer without expanding, by the engine's own client and store."""
    layout = memory / "layout"

    def fresh() -> None:
        shutil.rmtree(layout, ignore_errors=True)
        shutil.rmtree(cutaway.root, ignore_errors=True)

    copy = ["skopeo", "copy", "--quiet", "--src-tls-verify=false", f"docker://{image}:1", f"oci:{layout}:1"]
    medians = compare(
        "download alone",
        ROUNDS,
        {
            "skopeo copy": lambda: cost(copy),
            "cutaway's download": lambda: cost([sys.executable, str(DOWNLOAD_ALONE), str(cutaway.root), f"{image}:1"]),
        },
        fresh,
    )
    assert medians["cutaway's download"].wall <= DOWNLOAD * medians["skopeo copy"].wall
