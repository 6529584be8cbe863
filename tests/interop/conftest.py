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
from docker_daemon import DockerDaemon, DoesNotStart, docker_daemon
from given import job, store
from guarded import PASSWORD, Guarded
from peers import podman_home
from real_registry import Tls, docker_registry, make_htpasswd, make_tls, push

__all__ = ["job", "store"]


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


@pytest.fixture(scope="module")
def debian(cutaway: Cutaway, debian_image: str) -> str:
    """The Debian, pulled."""
    cutaway("pull", "--tls-verify=false", debian_image)
    return debian_image


@pytest.fixture(scope="session")
def podman() -> Iterator[list[str]]:
    """podman's words, with storage of its own, for containers of the host's network."""
    home = podman_home()
    places = [f"--root={home}/root", f"--runroot={home}/run", f"--tmpdir={home}/tmp"]
    yield ["podman", *places, "--cgroup-manager=cgroupfs", "--events-backend=none", "--runtime=runc"]
    lines = Path("/proc/self/mountinfo").read_bytes().decode(errors="surrogateescape").split("\n")[:-1]
    for point in reversed([line.split(" ")[4] for line in lines]):
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


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    tls: Tls = make_tls(folder / "tls")
    htpasswd = make_htpasswd(folder / "htpasswd", "ann", PASSWORD)
    with docker_registry(folder, tls=tls, htpasswd=htpasswd) as host:
        certificates = folder / "home/.config/containers/certs.d" / host
        certificates.mkdir(parents=True)
        shutil.copy(tls.authority, certificates / "ca.crt")
        yield Guarded(host, folder / "home", certificates)


@pytest.fixture(scope="module")
def login(guarded: Guarded, cutaway: Cutaway) -> None:
    """What `logged_in` finds at the guarded registry's home."""
    subprocess.run(
        cutaway.command("login", "-u", "ann", "--password-stdin", guarded.host),
        env={**cutaway.environment, **guarded.environment},
        input=PASSWORD.encode(),
        check=True,
        capture_output=True,
    )


@pytest.fixture
def logged_in(guarded: Guarded, login: None, monkeypatch: pytest.MonkeyPatch) -> Guarded:
    for name, value in guarded.environment.items():
        monkeypatch.setenv(name, value)
    return guarded


@pytest.fixture(scope="module")
def docker() -> Iterator[DockerDaemon]:
    """docker's daemon for one file; the tests are skipped, saying why, where it does not start."""
    try:
        with docker_daemon(driver="vfs", own_network=False) as daemon:
            yield daemon
    except DoesNotStart as error:
        pytest.skip(f"dockerd does not start here: {error}")
