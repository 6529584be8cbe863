"""The demo image, made once by each process of tests and copied to where a test wants it: a fifth of making it anew."""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path

from engine import Job, Workbench
from engine.disk import DataRoot
from engine.events import ignore


@functools.cache
def _made() -> tuple[Path, str]:
    """A data directory in which it is, and its name."""
    home = Path(tempfile.mkdtemp(prefix="cutaway-demo-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    with closing(Workbench(home)) as bench:
        return home, bench.demo(Job("demo", ignore)).reference


def put_demo(data: Path) -> str:
    """Have it in an empty data directory: the blobs, the expanded layers, and the journal of their making."""
    home, name = _made()
    DataRoot(data).prepare()
    places = [home / place for place in ("images", "layers", "traces")]
    subprocess.run(["cp", "-a", *places, data], check=True)
    return name
