"""A draft exported as a bundle is run by runc alone."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from engine import Job, RunOptions, UsageError, Workbench
from engine.disk import DataRoot
from engine.events import ignore

pytestmark = pytest.mark.root
DEMO = "localhost/cutaway/demo:latest"


def test_runc_runs_what_was_exported(data_root: DataRoot, tmp_path: Path) -> None:
    workbench = Workbench(data_root.path)
    job = Job("export", ignore)
    workbench.demo(job)
    options = RunOptions(args=("-c", "echo to-$((40+2)); cat /etc/hosts"), entrypoint="/bin/sh", network="none")
    draft = workbench.draft(DEMO, options, job)
    edited = draft.with_text(draft.text.replace("to-", "from-"))
    bundle = tmp_path / "bundle"
    made, said = workbench.export(edited, bundle, job)
    try:
        assert said[0].startswith("root.path is ")
        assert json.loads((bundle / "config.json").read_text())["root"]["path"] == str(made.merged)
        command = ["runc", "--root", str(tmp_path / "runc"), "run", "--bundle", str(bundle), "exported"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.stdout.startswith("from-42\n"), done.stderr
        assert "127.0.0.1" in done.stdout
        with pytest.raises(UsageError, match=r"config\.json already"):
            workbench.export(edited, bundle, job)
    finally:
        workbench.umount(made.id, job)
    assert not workbench.containers()
