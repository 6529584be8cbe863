"""What we made ourselves, layer by layer, is taken by podman and docker, and given away by them again."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from command_line import Cutaway
from demo_image import put_demo
from docker_daemon import DockerDaemon

pytestmark = [pytest.mark.interop("podman"), pytest.mark.root]


def run(*words: str | Path) -> str:
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    assert done.returncode == 0, f"{words}: {done.stderr[-2000:]}"
    return done.stdout.strip()


@pytest.fixture(scope="module")
def demo(cutaway: Cutaway) -> str:
    return put_demo(cutaway.root)


def test_podman_takes_the_demo_image(cutaway: Cutaway, demo: str, podman: list[str]) -> None:
    image = run(*podman, "pull", "--quiet", f"oci:{cutaway.root}/images:{demo}")
    assert run(*podman, "image", "inspect", "--format={{len .RootFS.Layers}}", image) == "3"


@pytest.mark.interop("dockerd", "docker")
def test_docker_takes_the_demo_image(cutaway: Cutaway, demo: str, docker: DockerDaemon, tmp_path: Path) -> None:
    cutaway("save", "--output", f"{tmp_path}/demo.tar", demo)
    assert docker("load", "--input", f"{tmp_path}/demo.tar") == f"Loaded image: {demo}"


@pytest.fixture(scope="module")
def sparse(cutaway: Cutaway, demo: str) -> str:
    """An image of ours with a file that is mostly holes."""
    merged = Path(cutaway.out("mount", "--name", "holes", demo))
    with (merged / "srv/disk").open("wb") as file:
        file.seek(5_000_000)
        file.write(b"data")
        file.truncate(20_000_000)
    cutaway("commit", "holes", "localhost/sparse:1")
    cutaway("umount", "holes")
    return "localhost/sparse:1"


def test_podman_gives_an_image_with_holes_away_again(
    cutaway: Cutaway, sparse: str, podman: list[str], registry: str, tmp_path: Path
) -> None:
    image = run(*podman, "pull", "--quiet", f"oci:{cutaway.root}/images:{sparse}")
    run(*podman, "save", "--quiet", f"--output={tmp_path}/theirs.tar", image)
    run(*podman, "push", "--quiet", "--tls-verify=false", image, f"docker://{registry}/podmans/sparse:1")
    assert differs(cutaway, f"{registry}/podmans/sparse:1", sparse) == ""


@pytest.mark.interop("dockerd", "docker", "docker-registry")
def test_docker_gives_an_image_with_holes_away_again(
    cutaway: Cutaway, sparse: str, docker: DockerDaemon, registry: str, tmp_path: Path
) -> None:
    cutaway("save", "--output", f"{tmp_path}/ours.tar", sparse)
    docker("load", "--input", f"{tmp_path}/ours.tar")
    docker("save", "--output", f"{tmp_path}/theirs.tar", sparse)
    docker("tag", sparse, f"{registry}/dockers/sparse:1")
    docker("push", f"{registry}/dockers/sparse:1")
    assert differs(cutaway, f"{registry}/dockers/sparse:1", sparse) == ""


def differs(cutaway: Cutaway, pushed: str, ours: str) -> str:
    cutaway("pull", "--tls-verify=false", pushed)
    return cutaway.out("diff", pushed, ours)
