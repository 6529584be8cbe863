"""What we made ourselves, layer by layer, is taken by podman and docker, and given away by them again."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Cutaway
from docker_daemon import DockerDaemon, DoesNotStart, docker_daemon

pytestmark = [pytest.mark.interop("podman"), pytest.mark.root]

DEMO = "localhost/cutaway/demo:latest"


def run(*words: str | Path) -> str:
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    assert done.returncode == 0, f"{words}: {done.stderr[-2000:]}"
    return done.stdout.strip()


@pytest.fixture(scope="module")
def docker() -> Iterator[DockerDaemon]:
    try:
        with docker_daemon(driver="vfs", own_network=False) as daemon:
            yield daemon
    except DoesNotStart as error:
        pytest.skip(f"dockerd does not start here: {error}")


@pytest.fixture(scope="module")
def demo(cutaway: Cutaway) -> str:
    cutaway("demo")
    return DEMO


def test_podman_takes_the_demo_image(cutaway: Cutaway, demo: str, podman: list[str]) -> None:
    image = run(*podman, "pull", "--quiet", f"oci:{cutaway.root}/images:{demo}")
    assert run(*podman, "image", "inspect", "--format={{len .RootFS.Layers}}", image) == "3"


@pytest.mark.interop("dockerd", "docker")
def test_docker_takes_the_demo_image(cutaway: Cutaway, demo: str, docker: DockerDaemon, tmp_path: Path) -> None:
    cutaway("save", "--output", f"{tmp_path}/demo.tar", demo)
    assert docker("load", "--input", f"{tmp_path}/demo.tar") == f"Loaded image: {demo}"
