"""Other engines with containers of their own, for tests that adopt them: podman, docker (live or recorded)."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from docker_daemon import DoesNotStart, docker_daemon
from peers import podman_home, remove_podmans
from waiting import until

from engine.neighbours import Docker

RECORDED = Path(__file__).parent / "recorded/docker"
LINE = "echo docker says $X; hostname; sleep 30"


def small_rootfs(directory: Path) -> Path:
    """A shell and little else."""
    (directory / "bin").mkdir(parents=True)
    (directory / "etc").mkdir()
    shutil.copy(shutil.which("busybox") or "busybox", directory / "bin/busybox")
    for tool in ("sh", "id", "sleep", "cat", "hostname", "echo"):
        (directory / "bin" / tool).symlink_to("busybox")
    (directory / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n")
    return directory


class Podman:
    """podman with a storage of its own, which whoever has `environment` finds as the usual one."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "storage.conf").write_text(
            f'[storage]\ndriver = "overlay"\ngraphroot = "{home}/root"\nrunroot = "{home}/run"\n'
        )
        (home / "containers.conf").write_text(
            '[containers]\ndefault_ulimits = ["nofile=1024:4096", "nproc=1024:4096"]\n'
            '[engine]\ncgroup_manager = "cgroupfs"\nruntime = "runc"\n'
            f'events_logger = "file"\nevents_logfile_path = "{home}/events"\n'
            f'tmp_dir = "{home}/tmp"\nstatic_dir = "{home}/root/libpod"\n'
        )
        self.environment = {
            "CONTAINERS_STORAGE_CONF": f"{home}/storage.conf",
            "CONTAINERS_CONF": f"{home}/containers.conf",
        }
        rootfs = small_rootfs(home / "rootfs")
        subprocess.run(["tar", "-C", rootfs, "-cf", home / "rootfs.tar", "."], check=True)
        self("import", '--change=CMD ["sh", "-c", "sleep 60"]', str(home / "rootfs.tar"), "probe")

    def ended(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["podman", *words],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=120,
            check=False,
        )

    def __call__(self, *words: str) -> str:
        done = self.ended(*words)
        assert done.returncode == 0, f"podman {' '.join(words)}: {done.stderr[-2000:]}"
        return done.stdout.strip()


@contextmanager
def podman() -> Iterator[Podman]:
    """podman, gone afterwards with all it had."""
    home = podman_home()
    made = Podman(home)
    try:
        yield made
    finally:
        try:
            # Where one has just ended podman's own clean-up is at work on it, and the removal may find it busy.
            until(lambda: made.ended("rm", "--all", "--force", "--time=0").returncode == 0, lambda: "podman keeps them")
        finally:
            remove_podmans(home)


@contextmanager
def docker(home: Path) -> Iterator[Docker]:
    """docker with a container `web` that runs: a daemon's where one is installed and starts, otherwise as recorded."""
    with ExitStack() as stack:
        try:
            found = stack.enter_context(_daemon()) if shutil.which("dockerd") else _recorded(home)
        except DoesNotStart:
            found = _recorded(home)
        yield found


def _recorded(home: Path) -> Docker:
    """docker's data directory and a bundle of containerd's, as they were; the image's layer is one of our own."""
    record = json.loads((RECORDED / "config.v2.json").read_text())
    diff_id = hashlib.sha256(b"the layer of this test").hexdigest()
    config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff_id}"]}}
    image = json.dumps(config).encode()
    number = hashlib.sha256(image).hexdigest()
    record["Image"] = f"sha256:{number}"
    data, bundles = home / "data", home / "containerd"
    cache_id = "5198665701bfe58a1c30c4af9cfbaae130645d494ecb6995cd15f7c6b3255a0e"
    for path, content in {
        data / "containers" / record["ID"] / "config.v2.json": json.dumps(record).encode(),
        data / "containers" / record["ID"] / "hostconfig.json": (RECORDED / "hostconfig.json").read_bytes(),
        data / "image/overlay2/imagedb/content/sha256" / number: image,
        data / "image/overlay2/layerdb/sha256" / diff_id / "cache-id": cache_id.encode(),
        bundles / "io.containerd.runtime.v2.task/moby" / record["ID"] / "config.json": (
            RECORDED / "config.json"
        ).read_bytes(),
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    small_rootfs(data / "overlay2" / cache_id / "diff")
    return Docker(data, (bundles,))


@contextmanager
def _daemon() -> Iterator[Docker]:
    with docker_daemon() as daemon:
        rootfs = small_rootfs(daemon.home / "rootfs")
        subprocess.run(["tar", "-C", rootfs, "-cf", daemon.home / "rootfs.tar", "."], check=True)
        daemon("import", "--change=ENV LANG=C.UTF-8", str(daemon.home / "rootfs.tar"), "probe")
        shape = [
            "--name=web",
            "--network=none",
            "--env=X=1",
            "--hostname=dock",
            "--volume=/etc:/host:ro",
            "--memory=64m",
        ]
        shape += ["--cap-add=NET_ADMIN", "--ulimit=nofile=1024:4096"]
        daemon("run", "--detach", *shape, "probe", "sh", "-c", LINE)
        try:
            yield Docker(daemon.home / "data", (daemon.home / "run/containerd/daemon",))
        finally:
            daemon("rm", "--force", "web")
