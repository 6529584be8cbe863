"""A real registry (the distribution project's docker-registry) on loopback, and images to put there."""

from __future__ import annotations

import gzip
import io
import json
import os
import socket
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.digest import Digest
from engine.oci import CONFIG, INDEX, LAYER_GZIP, MANIFEST


@dataclass(frozen=True)
class Tls:
    """Where a server's certificate and key are, and the authority that signed it."""

    certificate: Path
    key: Path
    authority: Path


@contextmanager
def docker_registry(folder: Path, *, tls: Tls | None = None, htpasswd: Path | None = None) -> Iterator[str]:
    """Run one; gives its `127.0.0.1:port`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    http: dict[str, object] = {"addr": host}
    if tls:
        http["tls"] = {"certificate": str(tls.certificate), "key": str(tls.key)}
    config: dict[str, object] = {
        "version": "0.1",
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
        "http": http,
    }
    if htpasswd:
        config["auth"] = {"htpasswd": {"realm": "test", "path": str(htpasswd)}}
    (folder / "config.yml").write_text(json.dumps(config))  # JSON is YAML
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen(
            ["docker-registry", "serve", str(folder / "config.yml")],
            stdout=log,
            stderr=log,
            env={**os.environ, "OTEL_TRACES_EXPORTER": "none"},
        )
    try:
        _wait_for(host, process, folder / "registry.log")
        yield host
    finally:
        process.kill()
        process.wait()


def _wait_for(host: str, process: subprocess.Popen[bytes], log: Path) -> None:
    address, _, port = host.partition(":")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            socket.create_connection((address, int(port)), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise AssertionError(f"no registry at {host}: {log.read_text()}")


def make_layout(folder: Path, layers: list[dict[str, bytes]], *, architectures: tuple[str, ...] = ("amd64",)) -> Path:
    """An image layout with one image tagged `latest`: each layer a dictionary of names and contents.

    With several architectures it is an index, and each image's configuration differs.
    """
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)

    def put(data: bytes, media_type: str, **more: object) -> dict[str, object]:
        digest = Digest.of(data)
        (blobs / digest.hex).write_bytes(data)
        return {"mediaType": media_type, "digest": digest, "size": len(data), **more}

    descriptors, diff_ids = [], []
    for files in layers:
        raw = io.BytesIO()
        with tarfile.open(fileobj=raw, mode="w") as tar:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        diff_ids.append(Digest.of(raw.getvalue()))
        descriptors.append(put(gzip.compress(raw.getvalue(), 1, mtime=0), LAYER_GZIP))
    images = []
    for architecture in architectures:
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": {"Cmd": ["/bin/true"]},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": put(json.dumps(config).encode(), CONFIG),
            "layers": descriptors,
        }
        platform = {"architecture": architecture, "os": "linux"}
        images.append(put(json.dumps(manifest).encode(), MANIFEST, platform=platform))
    top = images[0]
    if len(images) > 1:
        top = put(json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": images}).encode(), INDEX)
    top["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [top]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return folder


def push(layout: Path, destination: str, *options: str) -> None:
    """Copy a layout's image to a registry with skopeo."""
    command = ["skopeo", "copy", "--quiet", "--all", "--dest-tls-verify=false", *options, f"oci:{layout}:latest"]
    done = subprocess.run([*command, f"docker://{destination}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
