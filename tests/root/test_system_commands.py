"""system df, check and prune, as commands on a store that things have happened to."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Cutaway
from real_registry import make_layout

pytestmark = pytest.mark.root


@pytest.fixture
def cutaway(tmp_path: Path) -> Cutaway:
    """With two images that share their lowest layer."""
    made = Cutaway(tmp_path / "root", tmp_path / "run")
    for name in ("one", "two"):
        layers = [{"base": b"b" * 5000}, {name: name.encode() * 1000}]
        made("pull", f"oci:{make_layout(tmp_path / name, layers)}")
    return made


def codes(cutaway: Cutaway, *words: str, code: int = 1) -> list[str]:
    found = json.loads(cutaway("system", "check", "--json", *words, code=code).stdout)
    return sorted({problem["code"] for problem in found})


def test_df_and_prune(cutaway: Cutaway) -> None:
    usage = cutaway.json("system", "df", "--json")
    assert [image["names"] for image in usage["images"]] == [["localhost/one:latest"], ["localhost/two:latest"]]
    assert all(image["shared"] > 5000 and image["unique"] > 3000 for image in usage["images"])
    assert usage["layers"] == 5000 + 3000 + 3000
    assert (usage["partial"], usage["reclaimable"]) == (0, 0)
    assert "localhost/one:latest" in cutaway.out("system", "df")
    assert cutaway.json("system", "prune", "--json") == {"blobs": [], "layers": [], "partial": 0, "size": 0}

    index = cutaway.root / "images/index.json"  # another program takes a name away
    document = json.loads(index.read_text())
    document["manifests"].pop(next(n for n, entry in enumerate(document["manifests"]) if "two" in str(entry)))
    index.write_text(json.dumps(document))
    reclaimable = cutaway.json("system", "df", "--json")["reclaimable"]
    swept = cutaway.json("system", "prune", "--json")
    assert swept["size"] == reclaimable > 3000
    assert (len(swept["blobs"]), len(swept["layers"])) == (3, 1)
    assert cutaway.json("system", "df", "--json")["layers"] == 5000 + 3000
    assert codes(cutaway, code=0) == []


def test_damage_is_found_named_and_repaired(cutaway: Cutaway) -> None:
    assert codes(cutaway, code=0) == []
    assert cutaway("system", "check").stderr == "everything is as it should be\n"
    blob = next(path for path in (cutaway.root / "images/blobs/sha256").iterdir() if path.read_bytes()[:1] == b"\x1f")
    blob.write_bytes(b"x" + blob.read_bytes()[1:])
    home = next(path for path in (cutaway.root / "layers").iterdir() if (path / "diff/two").exists())
    (home / "layer.json").write_text("{")
    left = cutaway.root / "tmp/layer-left"
    (left / "merged").mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", left / "merged"], check=True)
    try:
        assert codes(cutaway) == ["blob-damaged", "layer-damaged", "left-over", "mount-dangling"]
        said = cutaway("system", "check", code=1).stdout
        assert blob.name in said
        assert str(left / "merged") in said
        assert codes(cutaway, "--repair", code=0) != []
    finally:
        subprocess.run(["umount", left / "merged"], check=False, capture_output=True)
    assert not left.exists()
    assert not blob.exists()
    for name in ("one", "two"):
        cutaway("pull", f"oci:{cutaway.root.parent / name}")
    assert codes(cutaway, code=0) == []


def test_records_that_cannot_be_read_are_told(cutaway: Cutaway) -> None:
    lost, kept = (cutaway.out("create", name, f"/{name}") for name in ("one", "two"))
    record = cutaway.root / "containers" / lost / "container.json"
    record.write_text("garbage")
    (cutaway.root / "containers/foo").mkdir()
    listed = cutaway("ps", "--all")
    assert kept in listed.stdout
    assert any(lost in line and "damaged" in line for line in listed.stdout.splitlines())
    assert str(record) in listed.stderr
    assert str(record) in cutaway("rm", lost, code=125).stderr
    assert codes(cutaway) == ["container-damaged", "stranger"]
    assert codes(cutaway, "--repair") == ["container-damaged", "stranger"], "they stay"
    assert record.exists()

    config = cutaway.json("inspect", "two")[0]["digest"].partition(":")[2]
    (cutaway.root / "images/blobs/sha256" / config).write_text("garbage")
    listed = cutaway("images")
    assert "localhost/one" in listed.stdout
    assert "the image localhost/two:latest is damaged" in listed.stderr
    for command in ("rmi", "layers", "inspect"):
        code = 125 if command == "inspect" else 1  # as podman ends
        assert "the image localhost/two:latest is damaged" in cutaway(command, "two", code=code).stderr


def _rewritten(path: Path) -> None:
    """Other bytes, as many, and the old time: what a bad disk does."""
    before = path.stat()
    path.write_bytes(b"x" * before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _replaced(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "removed": (Path.unlink, "'base' is missing"),
    "another kind": (_replaced, "'base' has another type"),
    "another mode": (lambda path: path.chmod(0o4755), "'base' has another mode"),
    "another owner": (lambda path: os.chown(path, 7, 7), "'base' has another owner"),
    "another size": (lambda path: os.truncate(path, 4000), "'base' has another size"),
    "another time": (lambda path: os.utime(path, (7, 7)), "'base' has another time"),
    "another content": (_rewritten, "'base' has another content"),
    "an attribute": (lambda path: os.setxattr(path, "user.x", b"1"), "'base' has another set of attributes"),
    "something new": (lambda path: (path.parent / "evil").touch(), "'evil' is not its own"),
}


def test_an_expanded_layer_that_was_altered(cutaway: Cutaway) -> None:
    home = next(path for path in (cutaway.root / "layers").iterdir() if (path / "diff/base").exists())
    for how, (damage, words) in DAMAGE.items():
        damage(home / "diff/base")
        (found,) = json.loads(cutaway("system", "check", "--json", code=1).stdout)  # what was before has gone
        assert found["code"] == "layer-altered", how
        assert words in found["message"]
        (found,) = json.loads(cutaway("system", "check", "--json", "--repair").stdout)
        assert (found["code"], found["mended"]) == ("layer-altered", True)
        assert [path.name for path in (home / "diff").iterdir()] == ["base"]
        assert (home / "diff/base").read_bytes() == b"b" * 5000
    assert codes(cutaway, code=0) == []


def test_an_altered_layer_that_a_container_stands_on_stays(cutaway: Cutaway) -> None:
    home = next(path for path in (cutaway.root / "layers").iterdir() if (path / "diff/base").exists())
    cutaway("create", "--name=on-it", "one", "/nothing")
    (home / "diff/base").unlink()
    said = cutaway("system", "check", code=1).stdout
    assert "'base' is missing. A container stands on it" in said
    assert cutaway("system", "check", "--repair", code=1).stdout == said
    assert not (home / "diff/base").exists()
    cutaway("rm", "on-it")
    assert cutaway("system", "check", "--repair").stdout.startswith("taken away: ")
    assert (home / "diff/base").exists()
    assert codes(cutaway, code=0) == []
