"""How long it takes to see 73,000 files in six layers for the first time, and from then on; beside dive."""

from __future__ import annotations

import hashlib
import io
import json
import statistics
import sys
import tarfile
import time
from pathlib import Path

import pytest
from command_line import Cutaway
from measuring import cost

from engine import Workbench
from engine.layers import index
from engine.layers.stacking import Tree

pytestmark = [pytest.mark.bench, pytest.mark.root]

LAYERS, FILES = 6, 12_200
DIVE = Path(sys.executable).with_name("dive")


def layer(number: int) -> bytes:
    """A tar stream of FILES files, of which each layer changes some of the one below."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for each in range(FILES):
            name = f"usr/share/d{each // 40}/layer{number if each % 10 else 0}"
            if each % 40 == 0:
                folder = tarfile.TarInfo(f"usr/share/d{each // 40}")
                folder.type, folder.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(folder)
            member = tarfile.TarInfo(f"{name}/file-{each}")
            member.size = 1000
            tar.addfile(member, io.BytesIO(b"%1000d" % each))
    return raw.getvalue()


@pytest.fixture
def archive(memory: Path) -> Path:
    """An uncompressed docker-archive of 73,200 files in six layers."""
    layers = [layer(number) for number in range(LAYERS)]
    diff_ids = [f"sha256:{hashlib.sha256(raw).hexdigest()}" for raw in layers]
    config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    config["history"] = [{"created": "2024-01-01T00:00:00Z", "created_by": f"layer {n}"} for n in range(LAYERS)]
    names = [f"{number}/layer.tar" for number in range(LAYERS)]
    manifest = [{"Config": "config.json", "RepoTags": ["localhost/many:1"], "Layers": names}]
    path = memory / "many.tar"
    with tarfile.open(path, "w") as tar:
        for name, content in (
            *zip(names, layers, strict=True),
            ("config.json", json.dumps(config).encode()),
            ("manifest.json", json.dumps(manifest).encode()),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def test_first_and_later(archive: Path, cutaway: Cutaway, memory: Path) -> None:
    """What a person waits for: from asking for an image's files to seeing them; dive reads the same image."""
    cutaway("load", "--quiet", "--input", str(archive), timeout=300)
    spent: dict[str, list[float]] = {"dive": [], "first": [], "later": []}

    def look() -> float:
        began = time.monotonic()
        inside = Workbench(cutaway.root).inside("localhost/many:1")
        assert len(inside.entries("/usr/share")) == FILES // 40
        return time.monotonic() - began

    for _ in range(5):
        for kept in cutaway.root.glob("layers/*/files.index"):
            kept.unlink()
        spent["first"].append(look())
        spent["later"].append(look())
        if DIVE.exists():
            command = [str(DIVE), f"docker-archive://{archive}", "--json", str(memory / "dive.json")]
            spent["dive"].append(cost(command).wall)
    first, later = (statistics.median(spent[name]) for name in ("first", "later"))
    dive = f"{statistics.median(spent['dive']):.3f} s" if spent["dive"] else "not installed here (make bench)"
    print(spent)
    print(f"\n73,200 files in six layers: first {first:.3f} s, then {later:.3f} s; dive {dive} (medians of 5)")
    assert first < 1.5
    assert later < 0.2


def test_a_directory_of_30_000(memory: Path) -> None:
    root = memory / "wide"
    (root / "many").mkdir(parents=True)
    for number in range(30_000):
        (root / f"many/file-{number}").touch()
    tree = Tree([index.scan(root)])
    began = time.monotonic()
    assert len(tree.children(b"many")) == 30_000
    spent = time.monotonic() - began
    print(f"\na directory of 30,000 entries: {spent:.3f} s")
    assert spent < 0.3
