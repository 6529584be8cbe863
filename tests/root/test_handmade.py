"""`bundle` and `edit`: a config.json by hand, on the command line."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from command_line import Cutaway

pytestmark = pytest.mark.root
DEMO = "localhost/cutaway/demo:latest"


def test_runc_runs_the_bundle(cutaway: Cutaway, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    # A relative data directory is told to others, too: runc stands elsewhere.
    words = ["bundle", "-o", str(bundle), DEMO, "--network", "none", "--", "sh", "-c", "echo to-$((40+2))"]
    done = cutaway(*words)
    assert done.stdout == f"{bundle}\n"
    assert f"runc run --bundle {bundle}" in done.stderr
    command = ["runc", "--root", str(tmp_path / "runc"), "run", "--bundle", str(bundle), "handmade"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.stdout == "to-42\n", ran.stderr
    assert "config.json already" in cutaway(*words, code=2).stderr
    for line in cutaway("ps", "-a", "-q").stdout.split():
        cutaway("umount", line)


def test_edit(cutaway: Cutaway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cutaway("create", "--name", "web", DEMO, "sh", "-c", "echo before")
    monkeypatch.setenv("VISUAL", "sed -i s/before/after/")
    cutaway("edit", "web")
    assert cutaway("start", "-a", "web").stdout == "after\n"
    monkeypatch.setenv("VISUAL", "true")
    assert "nothing was changed" in cutaway("edit", "web").stderr
    # What is no configuration is refused, and not lost.
    monkeypatch.setenv("VISUAL", "sed -i 1d")
    said = cutaway("edit", "web", code=2).stderr
    kept = Path(said.partition("What you wrote is in ")[2].split(". ")[0])
    assert '"ociVersion"' in kept.read_text()
    kept.unlink()
    # A file takes its place, at once.
    document = json.loads(Path(cutaway.root, "containers").glob("*/config.json").__next__().read_text())
    document["process"]["args"] = ["sleep", "600"]
    file = tmp_path / "c.json"
    file.write_text(json.dumps(document))
    cutaway("edit", "--config", str(file), "--restart", "web")
    assert "sleep" in cutaway("ps").stdout
    document["process"]["args"] = ["sleep", "700"]
    file.write_text(json.dumps(document))
    assert "web runs" in cutaway("edit", "--config", str(file), "web", code=125).stderr
    cutaway("rm", "-f", "web")
