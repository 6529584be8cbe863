"""A docker daemon of a test's own: its data, its socket, its containerd, none of this host's network rules."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_PATIENCE = 60.0  # seconds


class DoesNotStart(Exception):
    """dockerd cannot run on this machine; the message is the end of its log."""


@dataclass(frozen=True)
class DockerDaemon:
    """A daemon that runs. Its mounts are in a namespace of its own; `seen` gives paths in there."""

    home: Path
    pid: int

    def __call__(self, *words: str) -> str:
        """What `docker …` prints."""
        return _do("docker", f"--host=unix://{self.home}/sock", *words)

    def ctr(self, *words: str) -> str:
        """What `ctr …` of its containerd prints; what that mounts is seen by the daemon."""
        socket = f"{self.home}/run/containerd/containerd.sock"
        return _do("nsenter", f"--mount=/proc/{self.pid}/ns/mnt", "ctr", f"--address={socket}", *words)

    def seen(self, path: str | Path) -> Path:
        """A path as the daemon sees it."""
        return Path(f"/proc/{self.pid}/root{path}")

    def root_of(self, container: str) -> Path:
        """The root filesystem of a container that was created; with the storage driver vfs alone."""
        number = self("inspect", "--format={{.Id}}", container)
        mount = (self.home / f"data/image/vfs/layerdb/mounts/{number}/mount-id").read_text()
        return self.home / "data/vfs/dir" / mount


def _do(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, timeout=120)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr[-2000:]}"
    return done.stdout.strip()


@contextmanager
def docker_daemon(*, driver: str = "overlay2", own_network: bool = True) -> Iterator[DockerDaemon]:
    """A daemon, gone afterwards with all it had; with `own_network` it sees no network but its own."""
    memory = Path("/dev/shm")  # its many small syncs cost nothing there
    home = Path(tempfile.mkdtemp(prefix="cutaway-docker-", dir=memory if memory.is_dir() else "/tmp"))
    (home / "none.json").write_text("{}")
    places = [f"--data-root={home}/data", f"--exec-root={home}/run", f"--host=unix://{home}/sock"]
    alone = ["--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false", "--bridge=none"]
    alone += [f"--pidfile={home}/pid", f"--config-file={home}/none.json", f"--storage-driver={driver}"]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            ["unshare", *(["--net"] if own_network else []), "--mount", "dockerd", *places, *alone],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    made = DockerDaemon(home, process.pid)
    try:
        deadline = time.monotonic() + _PATIENCE
        while not _answers(home):
            if process.poll() is not None:
                raise DoesNotStart((home / "log").read_text()[-500:])
            assert time.monotonic() < deadline, "dockerd does not answer"
            time.sleep(0.1)
        yield made
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(_PATIENCE)
        shutil.rmtree(home)


def _answers(home: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as asking, suppress(OSError):
        asking.settimeout(5)  # seconds
        asking.connect(f"{home}/sock")
        asking.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
        return b" 200 OK" in asking.recv(100)
    return False
