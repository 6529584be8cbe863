"""A good neighbour: our directories used by the peers, theirs by us."""

from __future__ import annotations

import json
import lzma
import subprocess
import uuid
from pathlib import Path

import pytest
from command_line import Cutaway
from layer_kit import snapshot

pytestmark = [pytest.mark.interop, pytest.mark.root]

LIMITS = ["--ulimit=nofile=1024:4096", "--ulimit=nproc=1024:4096"]


def test_our_mount_as_podmans_rootfs(cutaway: Cutaway, debian: str, podman: list[str]) -> None:
    merged = Path(cutaway.out("mount", "--name", "forpodman", debian))
    (merged / "etc/issue").write_text("changed in our directory\n")
    done = subprocess.run(
        [*podman, "run", "--rm", "--network=host", *LIMITS, "--rootfs", str(merged), "cat", "/etc/issue"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "changed in our directory\n", done.stderr
    cutaway("umount", "forpodman")


def test_our_mount_as_runcs_rootfs(cutaway: Cutaway, debian: str, tmp_path: Path) -> None:
    merged = cutaway.out("mount", "--name", "forrunc", debian)
    subprocess.run(["runc", "spec"], cwd=tmp_path, check=True)
    config = json.loads((tmp_path / "config.json").read_text())
    config["root"] = {"path": merged, "readonly": False}
    config["process"].update(args=["cat", "/etc/os-release"], terminal=False, rlimits=[])
    (tmp_path / "config.json").write_text(json.dumps(config))
    done = subprocess.run(
        ["runc", "--root", tmp_path / "state", "run", "--bundle", tmp_path, f"test-{uuid.uuid4()}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "PRETTY_NAME" in done.stdout, done.stderr
    cutaway("umount", "forrunc")


@pytest.mark.parametrize("form", ["plain", "gzip", "xz", "zstd", "stdin"])
def test_a_tarball_becomes_an_image(cutaway: Cutaway, debian: str, tmp_path: Path, form: str) -> None:
    """The whole of it, and however it is compressed a part, which is quicker packed."""
    merged = whole = Path(cutaway.out("mount", "--name", "fortar", debian))
    if form != "plain":
        merged = tmp_path / "part"
        merged.mkdir()
        subprocess.run(["cp", "-a", whole / "etc", whole / "srv", merged], check=True)
    tar, archive = tmp_path / "root.tar", tmp_path / "archive"
    words = ["tar", "--create", "--xattrs", "--numeric-owner", "--format=posix", f"--file={tar}"]
    subprocess.run([*words, "--pax-option=delete=atime,delete=ctime", f"--directory={merged}", "."], check=True)
    if form == "xz":
        archive.write_bytes(lzma.compress(tar.read_bytes(), preset=0))
    elif form in ("gzip", "zstd"):
        with archive.open("wb") as out:
            subprocess.run([form, "-c", str(tar)], stdout=out, check=True)
    else:
        archive = tar
    if form == "stdin":
        with archive.open("rb") as file:
            subprocess.run(
                cutaway.command("import", "--change", 'CMD ["cat", "/etc/os-release"]', "-", "tarred:1"),
                env=cutaway.environment,
                stdin=file,
                check=True,
                capture_output=True,
            )
    else:
        cutaway("import", "--change", 'CMD ["cat", "/etc/os-release"]', str(archive), "tarred:1")
    again = Path(cutaway.out("mount", "--name", "tarred", "tarred:1"))
    assert snapshot(again) == snapshot(merged)
    if form == "plain":
        assert "PRETTY_NAME" in cutaway.out("run", "--rm", "--network=host", "tarred:1")
    else:
        (told,) = cutaway.json("inspect", "tarred:1")
        assert told["config"]["config"]["Cmd"] == ["cat", "/etc/os-release"]
    for container in ("fortar", "tarred"):
        cutaway("umount", container)
    cutaway("rmi", "tarred:1")


def test_what_is_no_tarball_leaves_no_name(cutaway: Cutaway, tmp_path: Path) -> None:
    for content in (b"no tar at all" * 100, b"\x1f\x8b\x08damaged", lzma.compress(b"x" * 5000)[:-40], b""):
        (tmp_path / "bad").write_bytes(content)
        failed = cutaway("import", "--quiet", str(tmp_path / "bad"), "bad:1", code=0 if not content else 1)
        assert len(failed.stderr.splitlines()) == (1 if content else 0)
    cutaway("import", str(tmp_path / "missing"), "bad:2", code=1)
    assert not [i for i in cutaway.json("images", "--json") if i["reference"] == "localhost/bad:2"]


def test_podmans_own_image_in_place(cutaway: Cutaway, debian: str, podman: list[str]) -> None:
    """Listed layers are podman's directories; what we write is not theirs."""
    pulled = subprocess.run([*podman, "pull", "--tls-verify=false", debian], capture_output=True, text=True)
    assert pulled.returncode == 0, pulled.stderr
    root = Path(next(word for word in podman if word.startswith("--root=")).removeprefix("--root="))
    name = f"containers-storage:[overlay@{root}]{debian}"
    before = {path.name: snapshot(path) for path in root.glob("overlay/*/diff")}
    done = cutaway(
        "run", "--name", "inplace", "--network=host", name, "sh", "-c", "echo x > /etc/issue; cat /etc/issue"
    )
    assert done.stdout == "x\n"
    record = json.loads((next(cutaway.root.glob("containers/*/container.json"))).read_text())
    assert record["layers"] == []
    assert {path.startswith(str(root)) for path in record["in_place"]} == {True}
    assert "C /etc/issue" in cutaway.out("diff", "inplace").splitlines()
    assert "PRETTY_NAME" in cutaway.out("cat", name, "/etc/os-release")
    assert {path.name: snapshot(path) for path in root.glob("overlay/*/diff")} == before
    cutaway("commit", "inplace", "onpodmans:1")
    assert cutaway.out("run", "--rm", "--network=host", "onpodmans:1", "cat", "/etc/issue") == "x"
    below = cutaway.json("layers", "--json", debian)
    committed = cutaway.json("layers", "--json", "onpodmans:1")
    assert [each["diff_id"] for each in committed[:-1]] == [each["diff_id"] for each in below]
    cutaway("rmi", "onpodmans:1")
    cutaway("rm", "inplace")
    assert "no image" in cutaway("run", f"containers-storage:[overlay@{root}]nobody", code=125).stderr


def test_buildahs_mount_as_our_rootfs(cutaway: Cutaway, debian_image: str, podman: list[str], tmp_path: Path) -> None:
    places = [word for word in podman if word.startswith(("--root=", "--runroot="))]

    def buildah(*words: str) -> str:
        done = subprocess.run(["buildah", *places, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    container = buildah("from", "--tls-verify=false", debian_image)
    directory = Path(buildah("mount", container))
    (directory / "etc/issue").write_text("by buildah\n")
    ours = ["run", "--rm", "--network=host", "--rootfs", str(directory)]
    assert cutaway.out(*ours, "cat", "/etc/issue") == "by buildah"
    cutaway(*ours, "rm", "/etc/issue")
    assert (directory / "etc/issue").read_text() == "by buildah\n"
    buildah("umount", container)
    buildah("rm", container)
    assert "no directory" in cutaway("run", "--rootfs", str(tmp_path / "none"), "true", code=2).stderr
