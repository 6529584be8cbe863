"""`cp` from and to tar streams, and from one container to another: both go by a directory in between."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest
from command_line import Cutaway
from layer_kit import one_of_everything, snapshot

pytestmark = pytest.mark.root


def piped(cutaway: Cutaway, command: list[str], stdin: bytes = b"", code: int = 0) -> bytes:
    """Its stdout, or where it fails as it should its stderr."""
    done = subprocess.run(command, env=cutaway.environment, input=stdin, capture_output=True, check=False)
    assert done.returncode == code, done.stderr.decode()
    return done.stdout if code == 0 else done.stderr


def test_as_a_stream(cutaway: Cutaway, rootfs_dir: Path, tmp_path: Path) -> None:
    cutaway("create", "--name=stream", "--network=none", "--rootfs", str(rootfs_dir), "true")

    source = one_of_everything(tmp_path / "tree")
    packed = piped(cutaway, ["tar", "-C", str(tmp_path), "--xattrs", "--format=posix", "-czf", "-", "tree"])
    piped(cutaway, cutaway.command("cp", "--archive=false", "-", "stream:/root"), packed)
    back = piped(cutaway, cutaway.command("cp", "stream:/root/tree", "-"))
    (tmp_path / "back").mkdir()
    piped(cutaway, ["tar", "-C", str(tmp_path / "back"), "--xattrs", "--xattrs-include=*", "-xpf", "-"], back)
    assert snapshot(tmp_path / "back/tree") == snapshot(source)
    assert b"no directory" in piped(cutaway, cutaway.command("cp", "-", "stream:/nowhere"), packed, 125)
    assert b"damaged" in piped(cutaway, cutaway.command("cp", "-", "stream:/root"), packed[:-50], 125)
    assert b"stdin cannot be unpacked: the tar archive" in piped(
        cutaway, cutaway.command("cp", "-", "stream:/"), b"junk", 125
    )
    cutaway("rm", "stream")


def test_what_has_no_name_is_content(cutaway: Cutaway, rootfs_dir: Path, tmp_path: Path) -> None:
    """As podman has it: of a path that ends with `.` or `..`, and of the root, what is in it."""
    cutaway("create", "--name=from", "--network=none", "--rootfs", str(rootfs_dir), "true")
    (tmp_path / "d/sub").mkdir(parents=True)
    (tmp_path / "d/in").write_text("content")
    cutaway("cp", f"{tmp_path}/d", "from:/root")

    def names(path: str) -> set[str]:
        with tarfile.open(fileobj=io.BytesIO(piped(cutaway, cutaway.command("cp", f"from:{path}", "-")))) as archive:
            return set(archive.getnames())

    assert names("/root/d") == {"d", "d/in", "d/sub"}
    assert names("/root/d/.") == names("/root/d/sub/..") == {"in", "sub"}
    assert {"root/d/in", "etc/passwd"} <= names("/")
    for number, path in enumerate(("/root/d", "/root/d/.", "/root/d/sub/..", "/root/d/sub/../")):
        to = f"to-{number}"
        cutaway("create", f"--name={to}", "--network=none", "--rootfs", str(rootfs_dir), "true")
        cutaway("cp", f"from:{path}", f"{to}:/tmp")
        assert cutaway.out("cat", to, "/tmp/d/in" if number == 0 else "/tmp/in") == "content"
        changes = {entry["path"] for entry in cutaway.json("diff", to, "--json")}
        assert changes == ({"tmp/d", "tmp/d/in", "tmp/d/sub"} if number == 0 else {"tmp/in", "tmp/sub"})
    assert not list((cutaway.root / "tmp").iterdir())
