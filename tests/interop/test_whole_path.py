"""The whole path by the command line: a real registry, a real Debian, real runc; judged by skopeo and umoci."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Cutaway
from real_registry import make_layout, push
from waiting import until

pytestmark = [pytest.mark.interop, pytest.mark.root]

BLOB = "/blobs/sha256:"


def status(cutaway: Cutaway, name: str) -> str:
    return next(entry["status"] for entry in cutaway.json("ps", "--all", "--json") if entry["name"] == name)


def mounted(cutaway: Cutaway) -> list[str]:
    """What is mounted in its data directory; elsewhere other tests have mounts of their own."""
    points = (line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines())
    return [point for point in points if Path(point).is_relative_to(cutaway.root)]


# -- images ------------------------------------------------------------------------------------------------


def test_pull_says_how_far_it_is_and_images_lists_it(cutaway: Cutaway, debian: str) -> None:
    (image,) = cutaway.json("images", "--json")
    assert sorted(image) == ["created", "digest", "id", "layers", "reference", "size"]
    assert image["reference"] == debian
    assert image["layers"] == 2
    listed = cutaway.json("layers", "--json", debian)
    assert len(listed) == 2
    for layer in listed:
        assert {"digest", "diff_id", "chain_id", "media_type", "size", "path", "created_by"} <= set(layer)
        assert Path(layer["path"]).is_dir()


def test_second_pull_fetches_nothing(cutaway: Cutaway, debian: str, registry_folder: Path) -> None:
    log = registry_folder / "registry.log"
    before = log.read_text()
    assert BLOB in before  # the first one did
    cutaway("pull", "--tls-verify=false", debian)
    asked = log.read_text().removeprefix(before)
    assert "/manifests/" in asked
    assert BLOB not in asked


def test_skopeo_reads_the_store_in_place(cutaway: Cutaway, debian: str) -> None:
    said = subprocess.run(
        ["skopeo", "inspect", f"oci:{cutaway.root}/images:{debian}"], capture_output=True, text=True, check=True
    )
    (image,) = cutaway.json("images", "--json")
    told = json.loads(said.stdout)
    assert told["Digest"] == image["digest"]
    assert told["Layers"] == [layer["digest"] for layer in cutaway.json("layers", "--json", debian)]


def test_pull_from_a_layout_on_disk(cutaway: Cutaway, tmp_path: Path) -> None:
    layout = make_layout(tmp_path / "layout", [{"hello": b"from a layout\n"}])
    cutaway("pull", f"oci:{layout}:latest")
    mine = [image for image in cutaway.json("images", "--json") if "layout" in image["reference"]]
    assert len(mine) == 1
    cutaway("rmi", mine[0]["reference"])
    assert mine[0] not in cutaway.json("images", "--json")


def test_what_is_not_there_is_said_in_one_line(cutaway: Cutaway, registry: str) -> None:
    failed = cutaway("pull", "--tls-verify=false", f"{registry}/no/such:tag", code=1)
    assert failed.stdout == ""
    assert "no/such" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert len(failed.stderr.splitlines()) == 1


class SlowWay:
    """A way to a registry that lets `limit` bytes of answers through and then stands still. Counts what passed."""

    def __init__(self, target: str, limit: int) -> None:
        address, _, port = target.partition(":")
        self._target = (address, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [self._listener]
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.passed = 0
        self.limit = limit
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            self._open += [client, server]
            threading.Thread(target=self._copy, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._copy, args=(server, client, True), daemon=True).start()

    def _copy(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        try:
            while data := source.recv(65536):
                while counted and self.passed + len(data) > self.limit:
                    time.sleep(0.01)
                self.passed += len(data) * counted
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self) -> None:
        self.limit = 1 << 60
        for end in self._open:
            end.close()


@pytest.fixture
def slow_way(registry: str) -> Iterator[SlowWay]:
    way = SlowWay(registry, limit=6_000_000)
    yield way
    way.close()


def test_killed_pull_goes_on_where_it_was(
    cutaway: Cutaway, registry: str, slow_way: SlowWay, registry_folder: Path, tmp_path: Path
) -> None:
    size = 10_000_000
    push(make_layout(tmp_path / "layout", [{"random": os.urandom(size)}]), f"{registry}/big/random:1")
    name = f"{slow_way.host}/big/random:1"
    pull = cutaway.start("pull", "--tls-verify=false", name)
    until(lambda: sum(part.stat().st_size for part in (cutaway.root / "tmp").glob("*.part")) > 5_000_000)
    pull.kill()
    pull.communicate()
    assert not any(name == image["reference"] for image in cutaway.json("images", "--json"))
    slow_way.limit = 1 << 60
    first, slow_way.passed = slow_way.passed, 0
    before = (registry_folder / "registry.log").read_text()
    cutaway("pull", "--tls-verify=false", name)
    assert slow_way.passed < size - first + 2_000_000
    assert '" 206 ' in (registry_folder / "registry.log").read_text().removeprefix(before)
    cutaway("rmi", name)


# -- root file systems -------------------------------------------------------------------------------------


def test_mount_and_umount_leave_no_mount(cutaway: Cutaway, debian: str) -> None:
    merged = Path(cutaway.out("mount", "--name", "looked-into", debian))
    assert (merged / "etc/os-release").exists()
    (merged / "etc/hostname").write_text("changed here alone\n")
    assert mounted(cutaway) == [str(merged)]
    cutaway("umount", "looked-into")
    assert mounted(cutaway) == []
    assert not merged.exists()
    again = Path(cutaway.out("mount", "--name", "again", debian))
    assert not (again / "etc/hostname").exists() or "changed" not in (again / "etc/hostname").read_text()
    cutaway("umount", str(again))


def tree(root: Path) -> dict[str, tuple[object, ...]]:
    """Every file below: type and mode, owner, time, content or target or device, xattrs, and which are one file."""
    names: dict[int, str] = {}
    found = {}
    for folder, directories, files in os.walk(root):
        for name in sorted([*directories, *files, "."]):
            path = Path(folder) / name
            key = str(path.relative_to(root))
            seen = path.lstat()
            content: object = None
            if stat.S_ISREG(seen.st_mode):
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            elif stat.S_ISLNK(seen.st_mode):
                content = os.readlink(path)
            elif stat.S_ISCHR(seen.st_mode) or stat.S_ISBLK(seen.st_mode):
                content = seen.st_rdev
            first = names.setdefault(seen.st_ino, key) if not stat.S_ISDIR(seen.st_mode) else key
            xattrs = {
                name: os.getxattr(path, name, follow_symlinks=False)
                for name in os.listxattr(path, follow_symlinks=False)
                if not name.startswith("trusted.overlay.")
            }
            found[key] = (
                oct(seen.st_mode),
                seen.st_uid,
                seen.st_gid,
                seen.st_mtime_ns,
                content,
                tuple(sorted(xattrs.items())),
                first if seen.st_nlink > 1 else key,
            )
    return found


def test_root_file_system_is_what_umoci_unpacks(cutaway: Cutaway, debian: str, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    image = f"{cutaway.root}/images:{debian}"
    # umoci takes no colon in a tag: it reads a copy under a plain name.
    subprocess.run(["skopeo", "copy", "--quiet", f"oci:{image}", f"oci:{tmp_path}/copy:it"], check=True)
    subprocess.run(["umoci", "--log=error", "unpack", "--image", f"{tmp_path}/copy:it", str(bundle)], check=True)
    merged = Path(cutaway.out("mount", "--name", "compared", debian))
    try:
        ours, theirs = tree(merged), tree(bundle / "rootfs")
    finally:
        cutaway("umount", "compared")
    assert len(theirs) > 2000
    assert sorted(ours) == sorted(theirs)
    assert {name: (ours[name], theirs[name]) for name in theirs if ours[name] != theirs[name]} == {}


# -- config.json -------------------------------------------------------------------------------------------


def test_config_tells_where_each_value_comes_from(cutaway: Cutaway, debian: str) -> None:
    rows = cutaway.json("config", "--explain", "--json", "-e", "COLOUR=blue", debian, "printenv", "COLOUR")
    assert {"pointer", "value", "source", "detail"} == set(rows[0])
    sources = {row["pointer"]: row["source"] for row in rows}
    assert {"image", "default", "user"} <= set(sources.values())
    by_value = {row["value"]: row["source"] for row in rows if isinstance(row["value"], str)}
    assert by_value["COLOUR=blue"] == "user"
    assert by_value["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"] == "image"
    assert by_value["CAP_CHOWN"] == "default"
    config = cutaway.json("config", "-e", "COLOUR=blue", debian, "printenv", "COLOUR")
    assert config["process"]["args"] == ["printenv", "COLOUR"]


def test_edited_config_is_what_runs(cutaway: Cutaway, debian: str, tmp_path: Path) -> None:
    config = cutaway.json("config", debian, "true")
    config["process"]["args"] = ["sh", "-c", "echo $EDITED; exit 5"]
    config["process"]["env"].append("EDITED=by hand")
    edited = tmp_path / "config.json"
    edited.write_text(json.dumps(config))
    assert cutaway("check", str(edited)).returncode == 0
    done = cutaway("run", "--rm", "--config", str(edited), debian, code=5)
    assert done.stdout == "by hand\n"


# -- containers --------------------------------------------------------------------------------------------


def test_run_prints_what_the_container_prints(cutaway: Cutaway, debian: str) -> None:
    merged = Path(cutaway.out("mount", "--name", "os-release", debian))
    expected = (merged / "usr/lib/os-release").read_text()
    cutaway("umount", "os-release")
    done = cutaway("run", "--rm", debian, "cat", "/etc/os-release")
    assert done.stdout == expected
    assert cutaway.json("ps", "--all", "--json") == []
    assert mounted(cutaway) == []


def test_streams_stay_apart(cutaway: Cutaway, debian: str) -> None:
    done = cutaway("run", "--rm", debian, "sh", "-c", "echo out; echo err >&2")
    assert done.stdout == "out\n"
    assert "err" in done.stderr


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["true"], 0),
        (["sh", "-c", "exit 7"], 7),
        (["/etc/os-release"], 126),
        (["no-such-command"], 127),
    ],
)
def test_exit_codes_come_through(cutaway: Cutaway, debian: str, command: list[str], code: int) -> None:
    done = cutaway("run", "--rm", debian, *command, code=code)
    assert "Traceback" not in done.stderr


def test_what_runc_refuses_is_125(cutaway: Cutaway, debian: str, tmp_path: Path) -> None:
    config = cutaway.json("config", debian, "true")
    config["process"]["cwd"] = "not/absolute"
    broken = tmp_path / "config.json"
    broken.write_text(json.dumps(config))
    failed = cutaway("run", "--rm", "--config", str(broken), debian, code=125)
    assert "cwd" in failed.stderr.lower()
    assert "Traceback" not in failed.stderr


def test_what_is_not_understood_is_2(cutaway: Cutaway, debian: str) -> None:
    assert "--no-such" in cutaway("run", "--no-such", debian, code=2).stderr


def test_a_detached_container_outlives_who_started_it(cutaway: Cutaway, debian: str) -> None:
    script = "trap 'echo ending; exit 3' TERM; echo begun; while :; do sleep 0.1; done"
    # In a session of its own, all of which dies: as when a terminal is closed.
    starter = cutaway.start("run", "-d", "--name", "outlives", debian, "sh", "-c", script, session=True)
    identity = starter.communicate(timeout=30)[0].strip()
    assert starter.returncode == 0
    try:
        os.killpg(starter.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # nothing of it is left: conmon has a session of its own
    (entry,) = cutaway.json("ps", "--json")
    assert {"created", "exit_code", "id", "image", "name", "pid", "status"} <= entry.keys()
    assert (entry["name"], entry["status"], entry["id"]) == ("outlives", "running", identity)
    assert Path(f"/proc/{entry['pid']}").exists()
    until(lambda: cutaway.out("logs", "outlives") == "begun")
    cutaway("stop", "outlives")
    assert status(cutaway, "outlives") == "exited"
    assert cutaway.out("logs", "outlives") == "begun\nending"
    assert cutaway.out("wait", "outlives") == "3"
    cutaway("rm", "outlives")
    assert cutaway.json("ps", "--all", "--json") == []
    assert not Path(f"/proc/{entry['pid']}").exists()


def test_kill_and_what_ignores_it(cutaway: Cutaway, debian: str) -> None:
    script = "trap '' TERM; echo deaf; while :; do sleep 0.1; done"
    cutaway("run", "-d", "--name", "deaf", debian, "sh", "-c", script)
    until(lambda: cutaway.out("logs", "deaf") == "deaf")
    cutaway("kill", "--signal", "TERM", "deaf")
    assert status(cutaway, "deaf") == "running"
    refused = cutaway("rm", "deaf", code=2)
    assert "deaf" in refused.stderr
    cutaway("kill", "deaf")
    until(lambda: status(cutaway, "deaf") == "exited")
    assert cutaway.json("ps", "--all", "--json")[0]["exit_code"] == 137
    cutaway("rm", "deaf")


def test_logs_follow_until_the_end(cutaway: Cutaway, debian: str) -> None:
    cutaway("run", "-d", "--name", "counts", debian, "sh", "-c", "for n in 1 2 3; do echo $n; sleep 0.3; done")
    followed = cutaway("logs", "--follow", "counts")
    assert followed.stdout == "1\n2\n3\n"
    cutaway("rm", "counts")


def test_trace_tells_each_step_with_its_command(cutaway: Cutaway, debian: str) -> None:
    cutaway("run", "--name", "traced", debian, "true")
    commands = [step["command"] for step in cutaway.json("trace", "--json", "traced")]
    for part in ("/manifests/", "mount -t overlay", "runc"):
        assert any(part in command for command in commands), f"no step with {part!r} in {commands}"
    cutaway("rm", "traced")


def test_demo_does_the_whole_path_without_a_registry(cutaway: Cutaway) -> None:
    done = cutaway("demo")
    for part in ("mount -t overlay", "config.json", "exit code 0"):
        assert part in done.stdout
    assert cutaway.json("ps", "--all", "--json") == []
    assert mounted(cutaway) == []
