"""A minimal Debian as an OCI image, made with this host's own package sources."""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import platform
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest

RECIPE = "3"
"""Of what follows: a new one makes a new image."""


_LEFT_OUT = (
    "usr/share/locale usr/share/man usr/share/info usr/share/perl usr/lib/*/perl usr/lib/*/gconv var/cache/debconf"
)
"""Half of its bytes, which no test needs and every test would carry around."""


def debian_layout() -> Path:
    """An image layout with a Debian tagged `latest`: its essential packages, and a layer of all that layers can do.

    Made once with this host's own package sources, and kept outside of the checkout for the next run.
    """
    if shutil.which("mmdebstrap") is None or not (sources := _host_sources()):
        pytest.skip("needs mmdebstrap on a Debian or Ubuntu host, whose package sources it uses")
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    key = hashlib.sha256(f"{RECIPE} {release} {platform.machine()}".encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cutaway-tests"
    cache.mkdir(parents=True, exist_ok=True)
    kept = cache / f"{release}-{key}"
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two workers of one test run want it at once
        if not kept.exists():
            with tempfile.TemporaryDirectory(dir=cache) as folder:
                _make_layout(Path(folder), release, sources)
                (Path(folder) / "layout").rename(kept)
    return kept


def _host_sources() -> list[str]:
    """This host's own list of package sources, without third parties' lists beside it."""
    for name in ("sources.list.d/debian.sources", "sources.list.d/ubuntu.sources", "sources.list"):
        path = Path("/etc/apt") / name
        if path.is_file() and path.stat().st_size:
            return [str(path)]
    return []


def _make_layout(folder: Path, release: str, sources: list[str]) -> None:
    base, changes, layout = folder / "base.tar", folder / "changes.tar", folder / "layout"
    slimmer = f'--customize-hook=cd "$1" && rm -rf {_LEFT_OUT}'
    _do("mmdebstrap", "--quiet", "--variant=essential", slimmer, release, str(base), *sources)
    _write_changes(changes)
    image = f"{layout}:latest"
    _do("umoci", "init", "--layout", str(layout))
    _do("umoci", "new", "--image", image)
    for layer in (base, changes):
        _do("umoci", "raw", "add-layer", "--image", image, str(layer))
    path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    _do("umoci", "config", "--image", image, "--config.cmd", "/bin/bash", "--config.env", path)
    _do("umoci", "gc", "--layout", str(layout))


def _do(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr[-2000:]}"


def _write_changes(target: Path) -> None:
    """A second layer: deletes, replaces, hides, and every kind of entry."""
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:

        def add(name: str, content: bytes = b"", mode: int = 0o644, **more: object) -> None:
            member = tarfile.TarInfo(name)
            member.mode, member.size, member.mtime = mode, len(content), 1_700_000_000.25
            for key, value in more.items():
                setattr(member, key, value)
            tar.addfile(member, io.BytesIO(content))

        add("etc/issue", b"replaced by the second layer\n")
        add("usr/share/doc/.wh.bash")
        add("usr/share/common-licenses/.wh..wh..opq")
        add("usr/share/common-licenses/only-this", b"what was here is hidden\n")
        add("srv/many", type=tarfile.DIRTYPE, mode=0o2750, uid=1000, gid=1001)
        add("srv/many/set-user-id", b"#!/bin/sh\nid\n", 0o4755)
        add("srv/many/other-name", type=tarfile.LNKTYPE, linkname="srv/many/set-user-id")
        add("srv/many/link", type=tarfile.SYMTYPE, linkname="../../etc/issue", mode=0o777)
        add("srv/many/fifo", type=tarfile.FIFOTYPE)
        add("srv/many/null", type=tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666)
        add("srv/many/naïve – name", "ünicode\n".encode(), uid=70000, gid=70000)
        add("srv/many/attribute", b"has one\n", pax_headers={"SCHILY.xattr.user.colour": "blue"})
        for depth in range(1, 31):
            add("srv/many/" + "long/" * depth, type=tarfile.DIRTYPE, mode=0o755)
        add("srv/many/" + "long/" * 30 + "name", b"deep\n")
