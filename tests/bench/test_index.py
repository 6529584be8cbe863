"""How long it takes to see 73,000 files in six layers for the first time, and from then on."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import pytest

from engine.layers import index
from engine.layers.stacking import Tree

pytestmark = [pytest.mark.bench, pytest.mark.root]

LAYERS, FILES = 6, 12_200


@pytest.fixture
def layers(memory: Path) -> list[Path]:
    made = [memory / f"layer{number}" for number in range(LAYERS)]
    for root in made:
        for number in range(FILES):
            folder = root / f"usr/share/d{number // 40}/{root.name}"
            if number % 40 == 0:
                folder.mkdir(parents=True)
            (folder / f"file-{number}").write_bytes(b"x")
    return made


def test_first_and_later(layers: list[Path]) -> None:
    first, later = [], []
    for _ in range(5):
        began = time.monotonic()
        columns = [index.scan(layer) for layer in layers]
        kept = [index.encode(each) for each in columns]
        tree = Tree(columns)
        first.append(time.monotonic() - began)
        assert len(tree) > LAYERS * FILES
        began = time.monotonic()
        read = [found for each in kept if (found := index.decode(each)) is not None]
        assert len(Tree(read).children(b"usr/share")) == FILES // 40
        later.append(time.monotonic() - began)
    print(
        f"\n73,200 files: first {statistics.median(first):.3f} s, then {statistics.median(later):.3f} s (medians of 5)"
    )
    assert statistics.median(first) < 1.5
    assert statistics.median(later) < 0.2


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
