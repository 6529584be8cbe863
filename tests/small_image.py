"""A small image with something of everything that layers can hold, written by Python's tarfile, not by the engine."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import tarfile
from functools import partial
from pathlib import Path
from typing import Any

from engine.digest import Digest
from engine.oci import CONFIG, INDEX, LAYER_GZIP, MANIFEST

COMMAND = ["cat", "/etc/issue"]
SAYS = "from the second layer"
_TIME = 1_700_000_000.25


def put_blob(blobs: Path, data: bytes, media_type: str) -> dict[str, Any]:
    """Write a blob to the directory blobs/sha256 of an image layout. Returns its descriptor."""
    digest = Digest.of(data)
    (blobs / digest.hex).write_bytes(data)
    return {"mediaType": media_type, "digest": digest, "size": len(data)}


def small_image(folder: Path) -> Path:
    """An image layout with busybox, tagged `latest`. It says SAYS when it is run."""
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)

    put = partial(put_blob, blobs)
    tars = [_base(), _changes()]
    config = {
        "created": "2024-01-01T00:00:00Z",
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": COMMAND, "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [Digest.of(raw) for raw in tars]},
        "history": [{"created": "2024-01-01T00:00:00Z", "created_by": line} for line in ("base", "changes")],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": put(json.dumps(config).encode(), CONFIG),
        "layers": [put(gzip.compress(raw, 1, mtime=0), LAYER_GZIP) for raw in tars],
    }
    top = put(json.dumps(manifest).encode(), MANIFEST) | {
        "annotations": {"org.opencontainers.image.ref.name": "latest"}
    }
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [top]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return folder


class _Tar:
    def __init__(self) -> None:
        self.raw = io.BytesIO()
        self._tar = tarfile.open(fileobj=self.raw, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115

    def add(self, name: str, content: bytes = b"", mode: int = 0o644, **more: object) -> None:
        member = tarfile.TarInfo(name)
        member.mode, member.size, member.mtime = mode, len(content), _TIME
        for key, value in more.items():
            setattr(member, key, value)
        self._tar.addfile(member, io.BytesIO(content))

    def folder(self, name: str, mode: int = 0o755, **more: object) -> None:
        self.add(name, mode=mode, type=tarfile.DIRTYPE, **more)

    def end(self) -> bytes:
        self._tar.close()
        return self.raw.getvalue()


def _base() -> bytes:
    tar = _Tar()
    for name in ("bin", "dev", "etc", "proc", "sys", "tmp", "srv", "srv/gone", "srv/hidden", "usr", "usr/lib"):
        tar.folder(name)
    tar.add("bin/busybox", Path(shutil.which("busybox") or "busybox").read_bytes(), 0o755)
    for tool in ("sh", "cat", "ls", "id", "echo", "touch", "rm"):
        tar.add(f"bin/{tool}", type=tarfile.SYMTYPE, linkname="busybox", mode=0o777)
    tar.add("etc/passwd", b"root:x:0:0::/:/bin/sh\n")
    tar.add("etc/issue", b"from the first layer\n")
    tar.add("lib", type=tarfile.SYMTYPE, linkname="usr/lib", mode=0o777)
    tar.add("srv/gone/file", b"never seen\n")
    tar.add("srv/hidden/below", b"never seen\n")
    tar.add("srv/removed", b"never seen\n")
    return tar.end()


def _changes() -> bytes:
    tar = _Tar()
    tar.folder("etc")
    tar.add("etc/issue", SAYS.encode() + b"\n", 0o600)
    tar.folder("srv", 0o1777)
    tar.add("srv/.wh.removed")
    tar.add("srv/.wh.gone")
    tar.folder("srv/hidden")
    tar.add("srv/hidden/.wh..wh..opq")
    tar.add("srv/hidden/only-this", b"x")
    tar.folder("srv/many", 0o2750, uid=1000, gid=1001)
    tar.add("srv/many/set-user-id", b"#!/bin/sh\nid\n", 0o4755)
    tar.add("srv/many/other-name", type=tarfile.LNKTYPE, linkname="srv/many/set-user-id", mode=0o4755)
    tar.add("srv/many/link", type=tarfile.SYMTYPE, linkname="../../etc/issue", mode=0o777)
    tar.add("srv/many/fifo", type=tarfile.FIFOTYPE)
    tar.add("srv/many/null", type=tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666)
    tar.add("srv/many/naïve – name", "ünicode\n".encode(), uid=70000, gid=70000)
    tar.add("srv/many/attribute", b"has one\n", pax_headers={"SCHILY.xattr.user.colour": "blue"})
    tar.add("srv/many/empty")
    for depth in range(1, 21):
        tar.folder("srv/many/" + "long-name/" * depth)
    tar.add("srv/many/" + "long-name/" * 20 + "end", b"deep\n")
    return tar.end()
