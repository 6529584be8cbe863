"""A real registry (the distribution project's docker-registry) on loopback, and images to put there."""

from __future__ import annotations

import ctypes
import ctypes.util
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
from typing import Any

from isal import igzip

from engine.digest import Digest
from engine.oci import CONFIG, INDEX, LAYER_GZIP, MANIFEST


@dataclass(frozen=True)
class Tls:
    """Where a server's certificate and key are, and the authority that signed it."""

    certificate: Path
    key: Path
    authority: Path
    clients: bool = False
    """Whether clients must show a certificate of that authority too."""


@contextmanager
def docker_registry(folder: Path, *, tls: Tls | None = None, htpasswd: Path | None = None) -> Iterator[str]:
    """Run one; gives its `127.0.0.1:port`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    http: dict[str, Any] = {"addr": host}
    if tls:
        http["tls"] = {"certificate": str(tls.certificate), "key": str(tls.key)}
        if tls.clients:
            http["tls"]["clientcas"] = [str(tls.authority)]
    config: dict[str, object] = {
        "version": "0.1",
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
        "http": http,
    }
    if htpasswd:
        config["auth"] = {"htpasswd": {"realm": "test", "path": str(htpasswd)}}
    (folder / "config.yml").write_text(json.dumps(config))  # JSON is YAML
    # docker-registry takes every variable that begins with REGISTRY_ for a setting.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen(
            ["docker-registry", "serve", str(folder / "config.yml")],
            stdout=log,
            stderr=log,
            env={**environment, "OTEL_TRACES_EXPORTER": "none"},
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
        descriptors.append(put(igzip.compress(raw.getvalue(), 1, mtime=0), LAYER_GZIP))
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


def make_tls(folder: Path) -> Tls:
    """A private certificate authority and a server's certificate of it, for 127.0.0.1 and localhost."""
    folder.mkdir(parents=True, exist_ok=True)
    tls = Tls(folder / "server.crt", folder / "server.key", folder / "ca.crt")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    _openssl("req", "-x509", *curve, "-keyout", folder / "ca.key", "-out", tls.authority, "-subj", "/CN=Test CA")
    extensions = "subjectAltName=IP:127.0.0.1,DNS:localhost"
    sign_certificate(folder, tls.certificate, tls.key, "server", extensions)
    return tls


def sign_certificate(authority: Path, certificate: Path, key: Path, name: str, extension: str) -> None:
    """Have the authority that `make_tls` made in a folder sign a certificate."""
    request = certificate.with_suffix(".csr")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    _openssl("req", "-new", *curve, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
    file = certificate.with_suffix(".ext")
    file.write_text(extension)
    signer = ["-CA", authority / "ca.crt", "-CAkey", authority / "ca.key", "-CAcreateserial"]
    _openssl("x509", "-req", "-in", request, *signer, "-out", certificate, "-extfile", file, "-days", "2")


def _openssl(*words: str | Path) -> None:
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def make_htpasswd(path: Path, user: str, password: str) -> Path:
    """A file of one user for docker-registry, which takes bcrypt alone; the C library's crypt(3) knows it."""
    library = ctypes.CDLL(ctypes.util.find_library("crypt"))
    library.crypt.restype = ctypes.c_char_p
    hashed = library.crypt(password.encode(), b"$2y$05$abcdefghijklmnopqrstuu")
    path.write_text(f"{user}:{hashed.decode()}\n")
    return path
