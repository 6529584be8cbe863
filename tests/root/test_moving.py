"""Getting moves between control groups ready moves nobody; with version 2, see test_control_groups."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.root


def test_a_namespace_that_is_not_of_what_is_mounted_moves_nobody() -> None:
    """A path from /proc/self/cgroup is another group's there: the process must not be taken for one of that."""
    bases = map(Path, ("/sys/fs/cgroup/systemd", "/sys/fs/cgroup"))
    group = next(base for base in bases if (base / "cgroup.procs").exists()) / f"cutaway-test-{os.getpid()}"
    work = "from engine.runtime.moving import *; import time\nwith moves_at_once(): time.sleep(0.05)\nprint(); input()"
    script = 'echo $$ > "$0/cgroup.procs"; exec unshare -C "$1" -c "$2"'
    group.mkdir()
    try:
        command = ["sh", "-c", script, str(group), sys.executable, work]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            assert group.name in Path(f"/proc/{process.pid}/cgroup").read_text()
            process.communicate("\n")
        assert process.returncode == 0
    finally:
        group.rmdir()
