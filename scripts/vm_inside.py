"""Runs in the virtual machine, started by systemd: when everything is imported it waits for a checkout, and tests it.

While it waits the machine is saved, and each test run goes on from there. The checkout comes as the file system of the
second disk, which is empty until then, and is mounted where the host has it, so that what pytest prints fits.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import subprocess
import sys
import tempfile
import termios
import time
import traceback
from pathlib import Path

import click  # noqa: F401
import msgspec  # noqa: F401
import psutil  # noqa: F401
import pytest

DISK = "/dev/vdb"
BLKFLSBUF = 0x1261  # linux/fs.h
QUIET = ("-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")
REHEARSAL = """
import pytest, subprocess
@pytest.fixture(scope="session")
def whole(tmp_path_factory): yield tmp_path_factory.mktemp("whole")
@pytest.fixture
def part(tmp_path, monkeypatch): yield subprocess.run(["true"])
@pytest.mark.parametrize("n", [1, 2])
async def test(whole, part, n): assert n
"""


def rehearse() -> None:
    """All that pytest imports while it works is there afterwards."""
    options = ("--override-ini=asyncio_mode=auto", "--override-ini=asyncio_default_fixture_loop_scope=function")
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "test_nothing.py").write_text(REHEARSAL)
        assert pytest.main([*QUIET, "--color=no", *options, f"--rootdir={directory}", directory]) == 0


def wait() -> None:
    """Until there is a file system on the disk; read past the page cache, which knows the disk of before."""
    handle = os.open(DISK, os.O_RDONLY | os.O_DIRECT)
    with mmap.mmap(-1, mmap.PAGESIZE) as page:
        while not any(page[:]):
            time.sleep(0.1)
            os.preadv(handle, [page], 0)
    fcntl.ioctl(handle, BLKFLSBUF)
    os.close(handle)


def test() -> int:
    where = Path("/run/checkout")
    where.mkdir()
    subprocess.run(["mount", DISK, where], check=True)
    checkout, *arguments = (where / "arguments").read_text().splitlines()
    Path(checkout).mkdir(parents=True)
    subprocess.run(["mount", DISK, checkout], check=True)
    os.chdir(checkout)
    sys.path[0] = checkout
    os.environ["CUTAWAY_NO_SKIP"] = "1"
    return pytest.main([*QUIET, *arguments])


rehearse()
print("ready", flush=True)
try:
    wait()
    print(f"pytest ended with {int(test())}", flush=True)
except BaseException:
    traceback.print_exc()
sys.stdout.flush()
termios.tcdrain(1)
os.system("systemctl poweroff --force --force")  # noqa: S605
