"""The ground that measurements are made on: memory, the same for both sides, and fresh."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from command_line import Cutaway
from debian import debian_layout
from measuring import Cost, cost
from pilot import bench
from real_registry import docker_registry, push

__all__ = ["bench"]


@pytest.fixture
def drawn_when_looked_at() -> None:
    """Here all is drawn as it is on a terminal."""


@dataclass(frozen=True)
class Podman:
    """podman with storage of its own. Its default limits are above what a process without CAP_SYS_RESOURCE may set."""

    home: Path

    @property
    def words(self) -> list[str]:
        places = [f"--root={self.home}/root", f"--runroot={self.home}/run", f"--tmpdir={self.home}/tmp"]
        return ["podman", *places, "--cgroup-manager=cgroupfs", "--events-backend=none", "--runtime=runc"]

    def cost(self, *words: str) -> Cost:
        return cost([*self.words, *words])

    def clear(self) -> None:
        if os.path.ismount(self.home / "root/overlay"):
            subprocess.run(["umount", self.home / "root/overlay"], check=True)
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir()


@pytest.fixture
def memory() -> Iterator[Path]:
    """A fresh tmpfs. Its path is short, for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="cutaway-bench-", dir="/tmp"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8g,mode=755", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "--recursive", folder], check=True)
    folder.rmdir()


@pytest.fixture
def cutaway(memory: Path) -> Iterator[Cutaway]:
    made = Cutaway(memory / "ours", memory / "run")
    yield made
    if made.root.exists():
        made.remove_everything()


@pytest.fixture
def podman(memory: Path) -> Podman:
    made = Podman(memory / "podman")
    made.clear()
    return made


@pytest.fixture(scope="session")
def debian_image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A minimal Debian in a registry on loopback."""
    with docker_registry(tmp_path_factory.mktemp("registry")) as host:
        name = f"{host}/library/debian:12"
        push(debian_layout(), name)
        yield name
