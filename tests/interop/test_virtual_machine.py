"""Pure cgroup v2 under systemd, whatever this host has: in a virtual machine of its own."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import pytest

pytestmark = [pytest.mark.root, pytest.mark.interop("qemu-system-x86_64", "mmdebstrap"), pytest.mark.timeout(1200)]
SCRIPT = Path(__file__).parents[2] / "scripts/vm.sh"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the machine that is emulated is an x86-64")
def test_control_groups_of_version_2() -> None:
    done = subprocess.run(["sh", SCRIPT], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
