"""The CNI plugins, for tests of hosts that have them in netavark's place."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from command_line import CACHE

from engine.host import probe

PACKAGE = "containernetworking-plugins"


def plugins() -> Path:
    """Their directory: this host's, or that of the distribution's package, unpacked once and not installed."""
    if (found := probe().cni) is not None:
        return found
    if shutil.which("dpkg") is None:
        pytest.skip("needs the CNI plugins, or a Debian host's package of them")
    CACHE.mkdir(parents=True, exist_ok=True)
    kept = CACHE / "cni"
    with (CACHE / "cni-lock").open("w") as lock, tempfile.TemporaryDirectory(dir=CACHE) as folder:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two workers of one test run want them at once
        if not kept.exists():
            # As root, whose directory this is: apt's own user could not write here.
            words = ["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", PACKAGE]
            if subprocess.run(words, cwd=folder, stdout=subprocess.DEVNULL, check=False).returncode:
                pytest.skip("needs the CNI plugins, and their package cannot be had")
            (package,) = Path(folder).glob("*.deb")
            subprocess.run(["dpkg", "-x", package, f"{folder}/unpacked"], check=True)
            Path(folder, "unpacked").rename(kept)
    return kept / "usr/lib/cni"
