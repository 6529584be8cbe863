"""What is generated starts under the real runc, and is what it says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from spec_kit import Identity

from engine.host import CgroupMode, HostFacts, probe
from engine.oci import Execution
from engine.spec import RunOptions, Severity, adapt, check, generate, seccomp

pytestmark = pytest.mark.root

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def here() -> HostFacts:
    return probe()


@pytest.fixture
def bundle(tmp_path: Path, rootfs_dir: Path) -> Path:
    """A bundle without a config.json: a root filesystem with two users, and files/."""
    shutil.copytree(rootfs_dir, tmp_path / "merged", symlinks=True)
    (tmp_path / "merged/etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n")
    (tmp_path / "merged/etc/group").write_text("root:x:0:\nann:x:1000:\naudio:x:29:ann\n")
    (tmp_path / "files").mkdir()
    return tmp_path


@pytest.fixture
def run(bundle: Path, here: HostFacts) -> Iterator[Run]:
    """Generate, check, and run a shell line in the container."""
    identity = Identity(uuid.uuid4().hex, "probe")

    def go(line: str, image: Execution | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
        execution = image or Execution(cmd=["sh", "-c", line], env=["PATH=/bin"])
        made = generate(execution, RunOptions(**options), facts=here, container=identity, rootfs=bundle / "merged")
        for name, data in made.files.items():
            (bundle / "files" / name).write_bytes(data)
        found = check(made.text, facts=here, bundle=bundle)
        assert not [d for d in found if d.severity is Severity.ERROR]
        return start(bundle, made.text, identity.id)

    yield go
    _remove_cgroups(f"cutaway/{identity.id}")


def start(bundle: Path, text: str, name: str) -> subprocess.CompletedProcess[str]:
    (bundle / "config.json").write_text(text)
    command = ["runc", "run", "--bundle", str(bundle), name]
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False)


def _remove_cgroups(path: str) -> None:
    for base in (Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").iterdir()):
        if (base / path).is_dir():
            (base / path).rmdir()


def test_plain(run: Run) -> None:
    done = run(
        "id -u; echo $HOME $container $HOSTNAME; cat /etc/hostname; echo $$; ls /run/.containerenv; ls /dev/shm -d"
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    name = os.uname().nodename
    assert done.stdout.split() == ["0", "/root", "cutaway", name, name, "1", "/run/.containerenv", "/dev/shm"]


def test_user_groups_and_capabilities(run: Run) -> None:
    done = run("id -u; id -g; id -G; tail -n +1 /proc/self/status", user="ann", cap_add=("NET_BIND_SERVICE",))
    uid, gid, groups, *status = done.stdout.splitlines()
    assert (uid, gid, groups) == ("1000", "1000", "1000 29")
    sets = dict(line.split(":\t") for line in status if line.startswith("Cap"))
    assert int(sets["CapEff"], 16) == 1 << 10
    assert int(sets["CapAmb"], 16) == 1 << 10
    assert int(sets["CapBnd"], 16).bit_count() == 11
    plain = run("tail -n +1 /proc/self/status", user="ann").stdout
    assert "CapEff:\t0000000000000000" in plain


def test_root_has_the_default_capabilities_and_no_more(run: Run) -> None:
    status = run("tail -n +1 /proc/self/status").stdout
    sets = dict(line.split(":\t") for line in status.splitlines() if line.startswith(("Cap", "Seccomp:")))
    assert sets["CapEff"] == sets["CapPrm"] == sets["CapBnd"]
    assert int(sets["CapBnd"], 16).bit_count() == 11
    assert int(sets["CapInh"], 16) == 0
    assert sets["Seccomp"] == "2"


def test_our_own_seccomp_profile_lets_programs_work(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seccomp, "HOST_PROFILES", ())
    done = run("ls -l / | wc -l && date && ln -s a /tmp/b && dd if=/dev/zero bs=1k count=1 2>&1 | wc -c && sleep 0.1")
    assert done.returncode == 0, done.stderr


def test_read_only(run: Run) -> None:
    done = run("touch /x; touch /tmp/x && touch /run/x && touch /var/tmp/x && echo fine", read_only=True)
    assert done.stdout == "fine\n"
    assert "Read-only" in done.stderr


def test_volumes_devices_and_memory(run: Run, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "there").write_text("from the host\n")
    done = run(
        "cat /data/there; touch /data/x; echo kept > /dev/mine && ls -d /dev/mine; touch /scratch/x && echo fine",
        volumes=(f"{source}:/data:ro",),
        devices=("/dev/null:/dev/mine",),
        tmpfs=("/scratch:size=1m",),
    )
    assert done.stdout.splitlines() == ["from the host", "/dev/mine", "fine"]
    assert "Read-only" in done.stderr


def test_no_network(run: Run) -> None:
    done = run("cat /proc/net/dev; cat /etc/hosts", network="none", hostname="web", add_hosts=("db:10.0.0.7",))
    interfaces = {line.split(":")[0].strip() for line in done.stdout.splitlines() if ":" in line}
    assert "lo" in interfaces
    assert "10.0.0.7\tdb" in done.stdout
    assert "127.0.0.1\tweb probe" in done.stdout


@pytest.mark.cgroups
def test_limits_are_in_force(run: Run, here: HostFacts) -> None:
    if here.cgroups is CgroupMode.V2:
        files = "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max /sys/fs/cgroup/cpu.max"
        expected = ["134217728", "99", "50000", "100000"]
    else:
        base = "/sys/fs/cgroup"
        files = f"cat {base}/memory/memory.limit_in_bytes {base}/pids/pids.max {base}/cpu/cpu.cfs_quota_us"
        expected = ["134217728", "99", "50000"]
    done = run(f"{files}; ulimit -n", memory="128m", pids_limit=99, cpus="0.5", ulimits=("nofile=100:200",))
    assert done.stdout.split() == [*expected, "100"]


def test_masked_and_unmasked(run: Run) -> None:
    assert run("ls /proc/acpi | wc -l; head -c 1 /proc/timer_list | wc -c").stdout.split() == ["0", "0"]
    assert "Read-only" in run("echo 1 > /proc/sys/kernel/domainname").stderr


def test_privileged(run: Run) -> None:
    done = run("tail -n +1 /proc/self/status; ls /dev/full; touch /sys/x", privileged=True)
    assert "Seccomp:\t0" in done.stdout
    assert done.stdout.endswith("/dev/full\n")
    assert "Read-only" not in done.stderr


def test_docker_profile(run: Run) -> None:
    done = run("mknod /tmp/null c 1 3 2>/dev/null; tail -n +1 /proc/self/status", profile="docker", network="none")
    bounding = next(line for line in done.stdout.splitlines() if line.startswith("CapBnd"))
    assert int(bounding.split()[1], 16).bit_count() == 14


def test_exit_codes(run: Run) -> None:
    assert run("exit 7").returncode == 7


def test_one_config_fits_another_container(run: Run, bundle: Path) -> None:
    run("true")
    other = Identity(uuid.uuid4().hex, "other")
    text, _ = adapt((bundle / "config.json").read_text(), other)
    try:
        assert start(bundle, text, other.id).returncode == 0
        assert json.loads(text)["linux"]["cgroupsPath"].endswith(other.id)
    finally:
        _remove_cgroups(f"cutaway/{other.id}")


def test_image_that_names_a_hostile_working_directory_never_gets_to_runc(run: Run) -> None:
    from engine.errors import SpecError

    with pytest.raises(SpecError):
        run("", image=Execution(cmd=["sh"], working_dir="/proc/self/fd/8"))
