"""A real registry, a real Debian in it, and the command line to fetch it with."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Cutaway
from debian import debian_layout
from real_registry import docker_registry, push


@pytest.fixture(scope="session")
def registry_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the registry keeps its data and its log, registry.log."""
    return tmp_path_factory.mktemp("registry")


@pytest.fixture(scope="session")
def registry(registry_folder: Path) -> Iterator[str]:
    """A registry's `address:port`."""
    with docker_registry(registry_folder) as host:
        yield host


@pytest.fixture(scope="session")
def debian_image(registry: str) -> str:
    """A minimal Debian (or Ubuntu, as this host is) in the registry: its name there."""
    name = f"{registry}/library/debian:12"
    push(debian_layout(), name)
    return name


@pytest.fixture(scope="session")
def podman() -> Iterator[list[str]]:
    """podman's words, with storage of its own (its paths short, for sockets), for containers of the host's network."""
    home = Path(tempfile.mkdtemp(prefix="podman-", dir="/tmp"))
    places = [f"--root={home}/root", f"--runroot={home}/run", f"--tmpdir={home}/tmp"]
    yield ["podman", *places, "--cgroup-manager=cgroupfs", "--events-backend=none", "--runtime=runc"]
    for point in reversed([line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]):
        if point.startswith(f"{home}/"):
            subprocess.run(["umount", point], check=False)
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def cutaway_run() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="cutaway-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def cutaway(tmp_path_factory: pytest.TempPathFactory, cutaway_run: Path) -> Iterator[Cutaway]:
    """The command line on a data directory of its own, shared by a module's tests."""
    made = Cutaway(tmp_path_factory.mktemp("data"), cutaway_run)
    yield made
    made.remove_everything()
