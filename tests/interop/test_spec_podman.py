"""The same options, the same config.json: ours beside the one that podman 4.3 writes, live.

What differs on purpose, and why, is in docs/engines.md; everything else has to be equal.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from peers import podman_home, remove_podmans
from spec_kit import Identity, parse_run
from spec_meaning import meaning

from engine.errors import CutawayError
from engine.host import probe
from engine.oci import Execution
from engine.spec import DifferenceKind, Severity, adapt, adopt, as_podman, check, differences, generate
from engine.spec.resources import _all_devices

pytestmark = [pytest.mark.interop("podman", "busybox"), pytest.mark.root]

ULIMITS = ["--ulimit=nofile=1024:4096", "--ulimit=nproc=1024:4096"]
"""podman's own defaults are higher than a process without CAP_SYS_RESOURCE may set."""

NONE = "--network=none"
VOLUMES = Path("/volumes")
COMBINATIONS = [
    [NONE],
    ["--network=host"],
    ["--network=host", "--hostname=web", "--dns=9.9.9.9", "--add-host=foo:1.2.3.4"],
    [NONE, "--hostname=web", "-e", "HOSTNAME=x", "-e", "TERM=vt100", "-e", "container=lxc", "-e", "HOME=/x"],
    [NONE, "--entrypoint=", "--pid=host", "--ipc=host", "IMAGE", "id"],
    [NONE, "--tmpfs=/t", "--tmpfs=/s:size=1m,mode=700,noexec", "--entrypoint=/bin/id", "IMAGE", "-u"],
    [NONE, "--entrypoint=/bin/id", "--uts=host", "--userns=host", "--cgroupns=private", "-v", "/etc/group:/etc/hosts"],
    [NONE, '--entrypoint=["/bin/sh","-x"]', "--cpus=0", "--cpu-shares=0", "IMAGE", "-c", "id"],
    [NONE, "--ipc=shareable", "--shm-size=1g", "IMAGE", "-c", "id"],
    [NONE, "-e", "A=1", "-e", "LANG=de", "-e", "EMPTY=", "-e", "HOME", "-e", "NOT_SET_ANYWHERE", "--group-add=audio"],
    [NONE, "-w", "/etc", "--no-hosts", "--annotation=a=b", "--annotation=c=d", "--expose=80", "--expose=8000-8002/udp"],
    [NONE, "-u", "ann"],
    [NONE, "-u", "root", "--env-file=ENVIRONMENT", "-e", "B=over"],
    [NONE, "-u", "0:0", "--security-opt=unmask=/proc/a*:/proc/kcore"],
    [NONE, "-u", "ann:wheel", "--ipc=private", "--uts=private", "--pid=private"],
    [NONE, "-u", "4242", "--device=/dev/net:/dev/mynet:r"],
    [NONE, "-u", "4242:43", "--umask=0077", "--ipc=none"],
    [NONE, "-u", "ann:", "--group-add=77"],
    [NONE, "-u", "ann", "--group-add=wheel", "--group-add=77"],
    [NONE, "-u", "ann", "--cap-add=NET_ADMIN", "--cap-add=sys_ptrace"],
    [NONE, "--cap-add=ALL"],
    [NONE, "--cap-add=ALL", "-u", "ann"],
    [NONE, "--cap-drop=ALL", "--label=org.open=a label is an annotation", "--stop-signal=USR1", "--stop-timeout=3"],
    [NONE, "--cap-drop=all", "--cap-add=CHOWN"],
    [NONE, "--cap-add=ALL", "--cap-drop=NET_ADMIN"],
    [NONE, "--privileged", "-it"],
    [NONE, "--privileged", "-u", "ann", "--cap-drop=KILL"],
    [NONE, "--privileged", "--read-only", "--pid=host"],
    [NONE, "--read-only"],
    [NONE, "--read-only", "--read-only-tmpfs=false", "-t"],
    [NONE, "-m", "128m", "--cpus=1.5", "--pids-limit=99", "--oom-score-adj=500"],
    [NONE, "-m", "128m", "--memory-swap=256m", "--cpu-shares=512", "--memory-reservation=64m"],
    [NONE, "--cpu-period=50000", "--cpu-quota=25000", "--cpuset-cpus=0", "--cpuset-mems=0", "-v", "/usr:/data:ro"],
    [NONE, "--ulimit=core=0", "--shm-size=32m", "--device=/dev/null:/dev/mine:rw", "--device=/dev/fuse"],
    [NONE, "--sysctl=net.ipv4.ip_forward=1", "--sysctl=kernel.msgmax=8192", "-v", "/etc:/more/deep"],
    [NONE, "-v", "/usr:/data:z,rshared,noexec", "-v", "/dev/shm:/shm"],
    [NONE, "--mount=type=bind,src=/usr,dst=/data,ro", "--mount=type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=700"],
    [NONE, "--mount=type=bind,src=/usr,dst=/data,bind-propagation=rslave", "--mount=type=devpts,dst=/pts"],
    [NONE, "--mount=type=bind,src=/usr,dst=/data,bind-nonrecursive", "--mount=type=tmpfs,dst=/t,ro"],
    [NONE, "--security-opt=no-new-privileges", "--security-opt=seccomp=unconfined", "--security-opt=label=disable"],
    [NONE, "--security-opt=unmask=ALL", "--security-opt=mask=/proc/foo:/proc/bar"],
    [NONE, "--uidmap=0:100000:65536"],
    ["--network=host", "--uidmap=0:100000:65536", "--gidmap=0:200000:65536", "-u", "ann"],
    [NONE, "--gidmap=0:100000:65536", "--cap-add=NET_ADMIN"],
    [NONE, "--init", "--init-path=/bin/true", "IMAGE", "-c", "id"],
    [NONE, "--init", "--init-path=/bin/true", "--read-only"],
    [NONE, "--security-opt=seccomp=FILTER"],
    [NONE, "--security-opt=seccomp=FILTER", "--cap-add=SYS_ADMIN", "--security-opt=no-new-privileges"],
    [NONE, "-v", "/usr:/data:rslave,nosuid", "--tmpfs=/data/below:ro", "--workdir=/etc/./../etc", "--umask=0027"],
    [NONE, "-v", "named:/named", "--mount=type=volume,src=more,dst=/more,ro", "-v", "last:/etc:rslave"],
    [NONE, "-u", "1000:audio", "--cap-drop=SETUID", "--read-only"],
    [NONE, "--privileged", "--security-opt=no-new-privileges", "--ulimit=core=5:9"],
    ["--network=host", "--uts=host", "--ipc=host", "--pid=host", "--read-only", "-t"],
    ["--network=host", "--add-host=a:1.2.3.4", "--add-host=b:::1", "--dns-search=example.org", "--dns-option=ndots:2"],
]
"""IMAGE stands between options and command; without it there is no command. ENVIRONMENT and FILTER are files."""

FILTER = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
    "syscalls": [
        {"names": ["chmod", "fchmodat"], "action": "SCMP_ACT_ERRNO"},
        {"names": ["mount"], "action": "SCMP_ACT_KILL", "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
        {"names": ["umount2"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5, "includes": {"caps": ["CAP_SYS_ADMIN"]}},
        {"names": ["uselib"], "action": "SCMP_ACT_TRAP", "includes": {"arches": ["amd64"]}},
        {"names": ["ustat"], "action": "SCMP_ACT_TRAP", "excludes": {"arches": ["amd64"]}},
        {
            "names": ["personality"],
            "action": "SCMP_ACT_LOG",
            "args": [{"index": 0, "value": 8, "valueTwo": 0, "op": "SCMP_CMP_EQ"}],
        },
    ],
}

REFUSED = [
    [NONE, "--cap-add=NET_ADMIN", "--cap-drop=NET_ADMIN"],
    [NONE, "--memory-swap=256m"],
    [NONE, "-m", "128m", "--memory-swap=64m"],
    ["--network=host", "--sysctl=net.ipv4.ip_forward=1"],
    [NONE, "-v", "/nowhere/at/all:/data"],
    [NONE, "--dns=9.9.9.9"],
    [NONE, "-u", "2147483648"],
    [NONE, "-u", "nobody-here"],
    [NONE, "--userns=host", "--uidmap=0:100000:65536"],
    [NONE, "--userns=private"],
    [NONE, "--uidmap=0:100000"],
    [NONE, "--init", "--init-path=/bin/true", "--pid=host"],
]


class Podman:
    """podman with a storage of its own, and an image made of a shell."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.words = [f"--root={home}/root", f"--runroot={home}/run", f"--tmpdir={home}/tmp"]
        self.words += ["--cgroup-manager=cgroupfs", "--events-backend=none", "--runtime=runc"]
        # What begins a container is what conmon starts at its end, to clean up.
        self.own = Path(shutil.copy(shutil.which("podman") or "podman", home / "podman"))
        self.rootfs = home / "rootfs"
        (self.rootfs / "bin").mkdir(parents=True)
        (self.rootfs / "etc").mkdir()
        shutil.copy(shutil.which("busybox") or "busybox", self.rootfs / "bin/busybox")
        for tool in ("sh", "id", "sleep", "cat", "hostname"):
            (self.rootfs / "bin" / tool).symlink_to("busybox")
        (self.rootfs / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n")
        (self.rootfs / "etc/group").write_text("root:x:0:\nann:x:1000:\naudio:x:29:ann\nwheel:x:10:root\n")
        subprocess.run(["tar", "-C", self.rootfs, "-cf", home / "rootfs.tar", "."], check=True)
        said = {
            "ENV": "LANG=C.UTF-8",
            "ENTRYPOINT": '["/bin/sh"]',
            "CMD": '["-c", "sleep 60"]',
            "WORKDIR": "/srv",
        }
        changes = [f"--change={key} {value}" for key, value in said.items()]
        (home / "environment").write_text("# words\nA=1\nB=under\n\nPATH\nEMPTY=\n")
        (home / "filter.json").write_text(json.dumps(FILTER))
        self.do("import", *changes, str(home / "rootfs.tar"), "probe")
        # What the image says is read from podman, as it may have its own mind about what was imported.
        theirs = json.loads(self.do("image", "inspect", "probe"))[0]["Config"]
        self.image = Execution(
            user=theirs.get("User", ""),
            env=theirs.get("Env"),
            entrypoint=theirs.get("Entrypoint"),
            cmd=theirs.get("Cmd"),
            working_dir=theirs.get("WorkingDir", ""),
            stop_signal=theirs.get("StopSignal", ""),
        )

    def do(self, *words: str, program: Path | str = "podman") -> str:
        done = subprocess.run(
            [program, *self.words, *words],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=120,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"podman {' '.join(words)}: {done.stderr[-2000:]}")
        return done.stdout.strip()

    def configs(self, combinations: list[list[str]]) -> list[tuple[str, str]]:
        """For containers made with these options: the id and the config.json. They are gone afterwards."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            names = list(pool.map(lambda options: self.do("create", *ULIMITS, *options), combinations))
        try:
            self.do("container", "init", *names, program=self.own)
            written = self.do("inspect", "--format={{.OCIConfigPath}}", *names).splitlines()
            return [(name, Path(path).read_text()) for name, path in zip(names, written, strict=True)]
        finally:
            # Nobody is to clean up what is removed here: that would be a process of podman's for each.
            away = self.own.rename(self.home / "away")
            self.do("rm", "--force", "--time=0", *names)
            away.rename(self.own)

    def remove(self) -> None:
        subprocess.run(["podman", *self.words, "rm", "--all", "--force", "--time=0"], capture_output=True, check=False)
        remove_podmans(self.home)


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    made = Podman(podman_home())
    yield made
    made.remove()


def words_of(podman: Podman, combination: list[str]) -> list[str]:
    files = {"ENVIRONMENT": podman.home / "environment", "FILTER": podman.home / "filter.json"}
    words = [re.sub("ENVIRONMENT|FILTER", lambda found: str(files[found[0]]), word) for word in combination]
    return ["probe" if word == "IMAGE" else word for word in words] + ["probe"] * ("IMAGE" not in words)


@pytest.fixture(scope="module")
def podmans(podman: Podman) -> list[tuple[str, dict[str, Any]]]:
    """What podman wrote for each combination."""
    found = podman.configs([words_of(podman, combination) for combination in COMBINATIONS])
    return [(name, json.loads(text)) for name, text in found]


def ours(podman: Podman, combination: list[str], name: str = "0" * 64) -> dict[str, Any]:
    options = parse_run(*ULIMITS, *words_of(podman, combination))
    made = generate(
        podman.image, options, facts=probe(), container=Identity(name, "probe"), rootfs=podman.rootfs, volumes=VOLUMES
    )
    value: dict[str, Any] = json.loads(made.text)
    return value


@pytest.mark.parametrize("number", range(len(COMBINATIONS)), ids=[" ".join(words) for words in COMBINATIONS])
def test_same_as_podman(podman: Podman, podmans: list[tuple[str, dict[str, Any]]], number: int) -> None:
    """By meaning; and to the letter where ours is written as podman would, as it is shown for a comparison."""
    name, config = podmans[number]
    theirs, mine = json.dumps(config), json.dumps(ours(podman, COMBINATIONS[number], name))
    assert meaning(json.loads(mine)) == meaning(json.loads(theirs))
    options = parse_run(*ULIMITS, *words_of(podman, COMBINATIONS[number]))
    written = as_podman(mine, name, options, data=f"{podman.home}/root", run=f"{podman.home}/run")
    found = [d for d in differences(written, theirs) if d.pointer not in BY_LOT]
    assert {d.pointer for d in found if d.kind is DifferenceKind.REORDERED} <= {"/mounts"}  # walks of Go's maps
    assert [d for d in found if d.kind is not DifferenceKind.REORDERED] == []


BY_LOT = ("/root/path", "/annotations/io.kubernetes.cri-o.Created")
"""What podman draws by lot, or takes from the moment."""


@pytest.mark.parametrize("words", REFUSED, ids=" ".join)
def test_what_podman_refuses_is_refused(podman: Podman, words: list[str]) -> None:
    with pytest.raises(RuntimeError, match=r"podman (create|container)"):
        podman.configs([words_of(podman, words)])
    with pytest.raises(CutawayError):
        ours(podman, words)


def test_without_a_command(podman: Podman) -> None:
    """podman refuses it; here there is a config.json to write one into, and what would run is said to be missing."""
    words = [NONE, "--entrypoint="]
    with pytest.raises(RuntimeError, match=r"podman (create|container)"):
        podman.configs([words_of(podman, words)])
    (error,) = (d for d in check(json.dumps(ours(podman, words))) if d.severity is Severity.ERROR)
    assert error.pointer == "/process/args"


def test_podmans_configurations_are_no_errors(podmans: list[tuple[str, dict[str, Any]]]) -> None:
    for number, (_, config) in enumerate(podmans):
        errors = [d for d in check(json.dumps(config)) if d.severity is Severity.ERROR]
        assert not errors, COMBINATIONS[number]


def test_all_devices_are_those_of_podman(podmans: list[tuple[str, dict[str, Any]]]) -> None:
    number = COMBINATIONS.index([NONE, "--privileged", "-it"])
    assert {device["path"] for device in podmans[number][1]["linux"]["devices"]} == set(map(str, _all_devices()))


def test_adopted_it_starts(podman: Podman, tmp_path: Path) -> None:
    """The seed of the story: podman's config.json, its stale parts gone, on another root directory, by plain runc."""
    options = ["--network=none", "--hostname=seed", "-e", "SEED=from podman", "-v", "/etc:/host:ro", "-u", "ann"]
    line = 'echo "$SEED"; hostname; id -u; cat /host/hostname; cat /etc/hosts'
    ((name, text),) = podman.configs([[*options, "probe", "-c", line]])
    shutil.copytree(podman.rootfs, tmp_path / "merged", symlinks=True)
    (tmp_path / "files").mkdir()
    (tmp_path / "files/hosts").write_text("127.0.0.1 from-our-files\n")
    as_it_was = runc(tmp_path, text, name)
    assert as_it_was.returncode != 0
    adopted, notes, _ = adopt(text, "podman", files={"hosts"})
    assert {re.sub(r"\d+", "N", note.pointer) for note in notes} == {"/mounts/N", "/mounts/N/source"}
    text, provenance = adapt(adopted, Identity(name, "seed"))
    errors = [d for d in check(text, facts=probe(), bundle=tmp_path) if d.severity is Severity.ERROR]
    assert not errors
    assert provenance["/root/path"].detail.startswith("the container's own mount")
    done = runc(tmp_path, text, name)
    host = Path("/etc/hostname").read_text()
    assert done.stdout == f"from podman\nseed\n1000\n{host}127.0.0.1 from-our-files\n"
    assert done.returncode == 0, done.stderr


def runc(bundle: Path, text: str, name: str) -> subprocess.CompletedProcess[str]:
    (bundle / "config.json").write_text(text)
    command = ["runc", f"--root={bundle}/state", "run", f"--bundle={bundle}", name]
    try:
        return subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False
        )
    finally:
        subprocess.run(["runc", f"--root={bundle}/state", "delete", "--force", name], capture_output=True, check=False)
