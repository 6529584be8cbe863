"""The same options, the same config.json: ours beside the one that podman 4.3 writes, live.

What differs on purpose, and why (everything else has to be equal):

- container=cutaway in the environment: it names the engine (systemd's container interface).
- /dev/shm is memory of the container's own, not a directory of ours mounted once more: one mount less to be left over.
- /etc/hosts, hostname, resolv.conf and .containerenv come from the bundle's files/, by relative paths: the bundle can
  be moved.
- root.path is relative and cgroupsPath our own.
- process.cwd is written without its dots, so that what is checked is what is used.
- device files carry permissions alone: the type bits that podman adds are no permissions (config-linux.md).
- no limit is written -1 (pids, swap): 0 and nothing mean the same to runc, and say less to a person.
- a block I/O weight is passed on where podman drops it without a word because this kernel has no such file.
- the stop signal is a name, as the image has it; labels become annotations; podman's own annotations are left out.
- the rules for devices stay in a user namespace, too; podman trusts in the namespace alone.
- the program of --init appears under our own name.
- a capability that this process lacks is refused where podman leaves it out without a word.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click
import pytest
from peers import remove_podmans
from spec_kit import Identity

from engine.cli.options import run_options, to_options
from engine.errors import CutawayError
from engine.host import probe
from engine.oci import Execution
from engine.spec import RunOptions, Severity, adapt, adopt, check, generate
from engine.spec.resources import _all_devices

pytestmark = [pytest.mark.interop("podman", "busybox"), pytest.mark.root]

ULIMITS = ["--ulimit=nofile=1024:4096", "--ulimit=nproc=1024:4096"]
"""podman's own defaults are higher than a process without CAP_SYS_RESOURCE may set."""

NONE = "--network=none"
COMBINATIONS = [
    [NONE],
    ["--network=host"],
    ["--network=host", "--hostname=web"],
    [NONE, "--hostname=web", "-e", "HOSTNAME=x", "-e", "TERM=vt100", "-e", "container=lxc", "-e", "HOME=/x"],
    [NONE, "--entrypoint=", "IMAGE", "id"],
    [NONE, "--entrypoint=/bin/id", "IMAGE", "-u"],
    [NONE, "--entrypoint=/bin/id"],
    [NONE, '--entrypoint=["/bin/sh","-x"]', "IMAGE", "-c", "id"],
    [NONE, "IMAGE", "-c", "id"],
    [NONE, "-e", "A=1", "-e", "LANG=de", "-e", "EMPTY=", "-e", "HOME", "-e", "NOT_SET_ANYWHERE"],
    [NONE, "-w", "/etc"],
    [NONE, "-u", "ann"],
    [NONE, "-u", "root"],
    [NONE, "-u", "0:0"],
    [NONE, "-u", "ann:wheel"],
    [NONE, "-u", "4242"],
    [NONE, "-u", "4242:43", "--umask=0077"],
    [NONE, "-u", "ann:", "--group-add=77"],
    [NONE, "-u", "ann", "--group-add=wheel", "--group-add=77"],
    [NONE, "--group-add=audio"],
    [NONE, "-u", "ann", "--cap-add=NET_ADMIN", "--cap-add=sys_ptrace"],
    [NONE, "--cap-add=ALL"],
    [NONE, "--cap-add=ALL", "-u", "ann"],
    [NONE, "--cap-drop=ALL"],
    [NONE, "--cap-drop=all", "--cap-add=CHOWN"],
    [NONE, "--cap-add=ALL", "--cap-drop=NET_ADMIN"],
    [NONE, "--privileged", "-it"],
    [NONE, "--privileged", "-u", "ann", "--cap-drop=KILL"],
    [NONE, "--privileged", "--read-only", "--pid=host"],
    [NONE, "--read-only"],
    [NONE, "--read-only", "--read-only-tmpfs=false", "-t"],
    [NONE, "-m", "128m", "--cpus=1.5", "--pids-limit=99", "--oom-score-adj=500"],
    [NONE, "-m", "128m", "--memory-swap=256m", "--cpu-shares=512", "--memory-reservation=64m"],
    [NONE, "--cpu-period=50000", "--cpu-quota=25000", "--cpuset-cpus=0", "--cpuset-mems=0"],
    [NONE, "--ulimit=core=0", "--shm-size=32m"],
    [NONE, "--device=/dev/null:/dev/mine:rw", "--device=/dev/fuse"],
    [NONE, "--sysctl=net.ipv4.ip_forward=1", "--sysctl=kernel.msgmax=8192"],
    [NONE, "-v", "/usr:/data:ro", "-v", "/etc:/more/deep"],
    [NONE, "-v", "/usr:/data:z,rshared,noexec", "-v", "/dev/shm:/shm"],
    [NONE, "--mount=type=bind,src=/usr,dst=/data,ro", "--mount=type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=700"],
    [NONE, "--mount=type=bind,src=/usr,dst=/data,bind-propagation=rslave", "--mount=type=devpts,dst=/pts"],
    [NONE, "--mount=type=bind,src=/usr,dst=/data,bind-nonrecursive", "--mount=type=tmpfs,dst=/t,ro"],
    [NONE, "--tmpfs=/t", "--tmpfs=/s:size=1m,mode=700,noexec", "-v", "/etc/group:/etc/hosts"],
    [NONE, "--security-opt=no-new-privileges", "--security-opt=seccomp=unconfined", "--security-opt=label=disable"],
    [NONE, "--security-opt=unmask=ALL", "--security-opt=mask=/proc/foo:/proc/bar"],
    [NONE, "--security-opt=unmask=/proc/a*:/proc/kcore"],
    [NONE, "--pid=host", "--ipc=host"],
    [NONE, "--uts=host", "--userns=host", "--cgroupns=private"],
    [NONE, "--annotation=a=b", "--annotation=c=d"],
    ["--network=host", "--dns=9.9.9.9", "--add-host=foo:1.2.3.4"],
    [NONE, "--uidmap=0:100000:65536"],
    ["--network=host", "--uidmap=0:100000:65536", "--gidmap=0:200000:65536", "-u", "ann"],
    [NONE, "--gidmap=0:100000:65536", "--cap-add=NET_ADMIN"],
    [NONE, "--init", "--init-path=/bin/true", "IMAGE", "-c", "id"],
    [NONE, "--init", "--init-path=/bin/true", "--read-only"],
]
"""IMAGE stands between options and command; without it there is no command."""

REFUSED = [
    [NONE, "--entrypoint="],
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


@click.command(context_settings={"allow_interspersed_args": False})
@run_options
@click.argument("image")
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def parse(image: str, **flags: Any) -> RunOptions:
    return to_options(flags)


class Podman:
    """podman with a storage of its own, and an image made of a shell."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.words = ["podman", f"--root={home}/root", f"--runroot={home}/run", f"--tmpdir={home}/tmp"]
        self.words += ["--cgroup-manager=cgroupfs", "--events-backend=none", "--runtime=runc"]
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

    def do(self, *words: str) -> str:
        done = subprocess.run(
            [*self.words, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"podman {' '.join(words)}: {done.stderr[-2000:]}")
        return done.stdout.strip()

    def configs(self, combinations: list[list[str]]) -> list[tuple[str, str]]:
        """For containers made with these options: the id and the config.json. They are gone afterwards."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            names = list(pool.map(lambda options: self.do("create", *ULIMITS, *options), combinations))
        try:
            self.do("container", "init", *names)
            written = self.do("inspect", "--format={{.OCIConfigPath}}", *names).splitlines()
            return [(name, Path(path).read_text()) for name, path in zip(names, written, strict=True)]
        finally:
            self.do("rm", "--force", "--time=0", *names)

    def remove(self) -> None:
        subprocess.run([*self.words, "rm", "--all", "--force", "--time=0"], capture_output=True, check=False)
        remove_podmans(self.home)


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    made = Podman(Path(tempfile.mkdtemp(prefix="cutaway-podman-", dir="/tmp")))
    yield made
    made.remove()


def words_of(combination: list[str]) -> list[str]:
    return ["probe" if word == "IMAGE" else word for word in combination] + ["probe"] * ("IMAGE" not in combination)


@pytest.fixture(scope="module")
def podmans(podman: Podman) -> list[tuple[str, dict[str, Any]]]:
    """What podman wrote for each combination."""
    found = podman.configs([words_of(combination) for combination in COMBINATIONS])
    return [(name, json.loads(text)) for name, text in found]


def ours(podman: Podman, combination: list[str], name: str = "0" * 64) -> dict[str, Any]:
    options = parse.main([*ULIMITS, *words_of(combination)], standalone_mode=False)
    made = generate(podman.image, options, facts=probe(), container=Identity(name, "probe"), rootfs=podman.rootfs)
    value: dict[str, Any] = json.loads(made.text)
    return value


def meaning(config: dict[str, Any]) -> dict[str, Any]:
    """What a configuration says, without the differences that are meant (above), order where order means nothing."""
    process, linux = config["process"], config["linux"]
    env = dict(entry.split("=", 1) for entry in process["env"])
    if env.get("container") in ("podman", "cutaway"):
        del env["container"]
    resources = {key: value for key, value in linux.get("resources", {}).items() if value}
    if linux.get("uidMappings"):
        resources.pop("devices", None)
    for device in linux.get("devices", []):
        device["fileMode"] &= 0o7777
    return {
        "args": [init_place(word) for word in process["args"]],
        "env": env,
        "cwd": os.path.normpath(process["cwd"]),
        "terminal": process.get("terminal", False),
        # podman walks a Go map for them, in another order each time; the first group stays the process's own
        "user": {**process["user"], "additionalGids": sorted(process["user"].get("additionalGids", []))},
        "capabilities": {kind: sorted(names) for kind, names in process["capabilities"].items() if names},
        "rlimits": sorted(map(str, map(sorted, (limit.items() for limit in process["rlimits"])))),
        "noNewPrivileges": process.get("noNewPrivileges", False),
        "oomScoreAdj": process.get("oomScoreAdj"),
        "apparmorProfile": process.get("apparmorProfile"),
        "readonly": config["root"].get("readonly", False),
        "hostname": config.get("hostname"),
        "mounts": dict(map(mount_meaning, config["mounts"])),
        "annotations": {
            k: v for k, v in config.get("annotations", {}).items() if not k.startswith(("io.", "org.open"))
        },
        "sysctl": linux.get("sysctl", {}),
        "resources": resources,
        "mappings": (linux.get("uidMappings"), linux.get("gidMappings")),
        "namespaces": sorted((entry["type"], entry.get("path", "")) for entry in linux["namespaces"]),
        "maskedPaths": linux.get("maskedPaths", []),
        "readonlyPaths": linux.get("readonlyPaths", []),
        "devices": {device["path"]: device for device in linux.get("devices", [])},
        "seccomp": seccomp_meaning(linux.get("seccomp")),
        "rootfsPropagation": linux.get("rootfsPropagation", ""),
    }


def init_place(text: str) -> str:
    return text if text not in ("/run/podman-init", "/run/cutaway-init") else "the init"


def mount_meaning(mount: dict[str, Any]) -> tuple[str, Any]:
    destination, source = init_place(mount["destination"]), mount["source"]
    if destination == "/dev/shm" and (source == "shm" or source.endswith("/userdata/shm")):
        return destination, "memory of its own"
    if source.startswith("files/") or "/userdata/" in source:
        source = source.rpartition("/")[2].lstrip(".")
    return destination, (mount["type"], source, frozenset(mount.get("options", [])))


def seccomp_meaning(profile: dict[str, Any] | None) -> Any:
    """By system call: what happens to it, under which conditions."""
    if profile is None:
        return None
    calls: dict[str, set[str]] = {}
    for rule in profile["syscalls"]:
        conditions = [(arg["index"], arg["value"], arg.get("valueTwo", 0), arg["op"]) for arg in rule.get("args") or ()]
        for name in rule["names"]:
            calls.setdefault(name, set()).add(f"{rule['action']} {rule.get('errnoRet')} {sorted(conditions)}")
    return profile["defaultAction"], profile.get("defaultErrnoRet"), sorted(profile["architectures"]), calls


@pytest.mark.parametrize("number", range(len(COMBINATIONS)), ids=[" ".join(words) for words in COMBINATIONS])
def test_same_as_podman(podman: Podman, podmans: list[tuple[str, dict[str, Any]]], number: int) -> None:
    name, config = podmans[number]
    theirs, mine = meaning(config), meaning(ours(podman, COMBINATIONS[number], name))
    assert mine == theirs


@pytest.mark.parametrize("words", REFUSED, ids=" ".join)
def test_what_podman_refuses_is_refused(podman: Podman, words: list[str]) -> None:
    with pytest.raises(RuntimeError, match=r"podman (create|container)"):
        podman.configs([words_of(words)])
    with pytest.raises(CutawayError):
        ours(podman, words)


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
