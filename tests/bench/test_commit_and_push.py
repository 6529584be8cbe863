"""Commit and push of many new files, beside buildah's, on the same memory and to the same registry."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Cutaway
from measuring import Cost, compare, cost

pytestmark = [pytest.mark.bench, pytest.mark.root, pytest.mark.interop("buildah", "docker-registry", "skopeo")]

FILES, BYTES = 9_800, 376_000_000


def many_files(folder: Path) -> None:
    """Half of it words, half of it noise, in directories of a hundred."""
    dice = random.Random(6)
    words = b" ".join(b"%x" % dice.randrange(1 << 16) for _ in range(20_000))
    size = BYTES // FILES
    for number in range(FILES):
        place = folder / f"{number // 100}"
        if number % 100 == 0:
            place.mkdir(parents=True)
        start = dice.randrange(len(words) - size // 2)
        (place / f"file-{number}").write_bytes(words[start : start + size // 2] + dice.randbytes(size - size // 2))


def buildah(home: Path, *words: str) -> list[str]:
    places = [f"--root={home}/root", f"--runroot={home}/run", "--storage-driver=overlay"]
    return ["buildah", *places, *words]


def test_commit_and_push(cutaway: Cutaway, memory: Path, debian_image: str) -> None:
    host = debian_image.partition("/")[0]
    source = memory / "source"
    many_files(source)
    home = memory / "buildah"

    def said(*words: str) -> str:
        return subprocess.run(buildah(home, *words), capture_output=True, text=True, check=True).stdout.strip()

    theirs = said("from", "--tls-verify=false", debian_image)
    shutil.copytree(source, f"{said('mount', theirs)}/srv/new")
    cutaway("pull", "--tls-verify=false", debian_image)
    shutil.copytree(source, f"{cutaway.out('mount', '--name', 'w', debian_image)}/srv/new")
    shutil.rmtree(source)
    number = 0

    def in_turn(commit: list[str], push: list[str], environment: dict[str, str]) -> Cost:
        first, second = cost(commit, environment), cost(push, environment)
        return Cost(first.wall + second.wall, first.cpu + second.cpu)

    def fresh() -> None:
        """Every push goes to a repository that has nothing yet, and what is committed is new by a file."""
        nonlocal number
        number += 1
        for merged in (said("mount", theirs), str(next(cutaway.root.glob("containers/*/merged")))):
            Path(merged, "srv/new/turn").write_bytes(os.urandom(16))

    def by_buildah() -> Cost:
        name = f"{host}/theirs/n{number}:1"
        return in_turn(
            buildah(home, "commit", "--quiet", theirs, name), buildah(home, "push", "--tls-verify=false", name), {}
        )

    def by_cutaway(*options: str) -> Callable[[], Cost]:
        def run() -> Cost:
            name = f"{host}/ours/n{number}:1"
            return in_turn(
                cutaway.command("commit", "--quiet", *options, "w", name),
                cutaway.command("push", "--quiet", "--tls-verify=false", name),
                cutaway.environment,
            )

        return run

    try:
        medians = compare(
            "commit + push of 9,800 new files, 376 MB",
            3,
            {"buildah": by_buildah, "cutaway": by_cutaway()},
            fresh,
        )
    finally:
        said("rm", theirs)
    assert medians["cutaway"].wall < 0.4 * medians["buildah"].wall
