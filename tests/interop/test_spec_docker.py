"""`--profile docker`: the same options, the same config.json as a docker daemon's, live.

What is meant to differ is in docs/engines.md. Without `--cap-add=ALL` and `--privileged`: docker gives there what this
process may not have, too, and then does not start."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import msgspec
import pytest
from docker_daemon import DockerDaemon, DoesNotStart, docker_daemon
from other_engines import small_rootfs
from spec_kit import Identity, parse_run
from spec_meaning import meaning

from engine.host import probe
from engine.neighbours import Docker, OtherContainer
from engine.oci import Execution
from engine.spec import DifferenceKind, Severity, as_docker, check, differences, generate, parse_options

pytestmark = [pytest.mark.interop("docker", "dockerd", "busybox"), pytest.mark.root]

NONE = "--network=none"
IMAGE = Execution(env=["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"])
LIMIT = "--ulimit=nofile=1024:4096"
COMBINATIONS = [
    [NONE],
    ["--network=host"],
    [NONE, "--hostname=web", "-e", "A=1", "-e", "EMPTY=", "-e", "HOME=/x"],
    [NONE, "-w", "/etc", "-u", "ann", "--oom-score-adj=500"],
    [NONE, "-u", "1000:1000", "--group-add=77"],
    [NONE, "-u", "4242", "--mount=type=bind,src=/usr,dst=/data,ro"],
    [NONE, "--cap-add=NET_ADMIN", "--cap-drop=KILL"],
    [NONE, "--cap-drop=ALL", "--cap-add=CHOWN"],
    [NONE, "--read-only"],
    [NONE, "-m", "128m", "--cpus=1.5", "--pids-limit=99"],
    [NONE, "--cpu-shares=512", "--cpuset-cpus=0", "--ulimit=core=0", "--shm-size=32m"],
    [NONE, "--device=/dev/null:/dev/mine:rw", "-v", "/usr:/data:ro", "-v", "/etc:/more/deep"],
    [NONE, "--security-opt=no-new-privileges", "--security-opt=seccomp=unconfined"],
    [NONE, "--pid=host", "--ipc=host"],
    [NONE, "--uts=host", "--sysctl=net.ipv4.ip_forward=1"],
]


@pytest.fixture(scope="module")
def docker() -> Iterator[DockerDaemon]:
    with ExitStack() as stack:
        try:
            daemon = stack.enter_context(docker_daemon())
        except DoesNotStart as error:
            pytest.skip(f"dockerd does not start on this machine: {error}")
        rootfs = small_rootfs(daemon.home / "rootfs")
        (rootfs / "etc/group").write_text("root:x:0:\nann:x:1000:\naudio:x:29:ann\n")
        subprocess.run(["tar", "-C", rootfs, "-cf", daemon.home / "rootfs.tar", "."], check=True)
        daemon("import", "--change=ENV LANG=C.UTF-8", str(daemon.home / "rootfs.tar"), "probe")
        yield daemon


@pytest.fixture(scope="module")
def dockers(docker: DockerDaemon) -> list[tuple[str, str, OtherContainer]]:
    """The id of a container with each combination, the config.json that docker wrote, and what it is known by where it
    does not run."""
    files = Docker(docker.home / "data", (docker.home / "run/containerd/daemon",))
    ended = Docker(docker.home / "data", ())

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        start = ("run", "--detach", LIMIT)
        names = list(pool.map(lambda options: docker(*start, *options, "probe", "sleep", "60"), COMBINATIONS))
    found = [(name, files.found(name).text, ended.found(name)) for name in names]
    docker("rm", "--force", *names)
    return found


def ours(docker: DockerDaemon, combination: list[str], name: str) -> dict[str, Any]:
    options = parse_run("--profile=docker", LIMIT, *combination, "probe", "sleep", "60")
    made = generate(IMAGE, options, facts=probe(), container=Identity(name, "probe"), rootfs=docker.home / "rootfs")
    value: dict[str, Any] = json.loads(made.text)
    return value


@pytest.mark.parametrize("number", range(len(COMBINATIONS)), ids=[" ".join(words) for words in COMBINATIONS])
def test_same_as_docker(docker: DockerDaemon, dockers: list[tuple[str, str, OtherContainer]], number: int) -> None:
    """By meaning; and to the letter where ours is written as docker would, as it is shown for a comparison."""
    name, text, _ = dockers[number]
    theirs, mine = meaning(json.loads(text)), meaning(ours(docker, COMBINATIONS[number], name))
    for side in (theirs, mine):
        side["seccomp"] = side["seccomp"] is not None
        side["resources"]["devices"] = [rule for rule in side["resources"]["devices"] if not runcs_own(rule)]
        side["mounts"] = {place: mount_of(place, mount) for place, mount in side["mounts"].items()}
        side["mounts"].pop("/etc/resolv.conf", None)
    if "HOME" not in theirs["env"]:
        mine["env"].pop("HOME", None)
    if "--uts=host" in COMBINATIONS[number]:
        theirs["env"]["HOSTNAME"] = mine["env"]["HOSTNAME"]
    theirs["namespaces"] = [each for each in theirs["namespaces"] if not each[1].endswith("/netns/default")]
    assert mine == theirs
    options = parse_run("--profile=docker", LIMIT, *COMBINATIONS[number], "probe", "sleep", "60")
    text_of_ours = json.dumps(ours(docker, COMBINATIONS[number], name))
    written = as_docker(text_of_ours, name, options, data=f"{docker.home}/data", run=f"{docker.home}/run")
    found = [d for d in differences(written, text) if not d.pointer.startswith(NOT_COMPUTED)]
    assert [d for d in found if d.kind is not DifferenceKind.REORDERED] == []


@pytest.mark.parametrize("number", range(len(COMBINATIONS)), ids=[" ".join(words) for words in COMBINATIONS])
def test_by_its_record_it_is_the_same(
    docker: DockerDaemon, dockers: list[tuple[str, str, OtherContainer]], number: int
) -> None:
    """What docker writes down of a container makes its config.json, as it is adopted where it does not run."""
    name, text, other = dockers[number]
    options = msgspec.structs.replace(parse_options(other.words or ()), args=other.command, network=other.network)
    made = generate(IMAGE, options, facts=probe(), container=Identity(name, "probe"), rootfs=docker.home / "rootfs")
    written = as_docker(made.text, name, options, data=f"{docker.home}/data", run=f"{docker.home}/run")
    found = [d for d in differences(written, text) if not d.pointer.startswith(NOT_COMPUTED)]
    assert [d for d in found if d.kind is not DifferenceKind.REORDERED] == []
    assert other.untold == ()


NOT_COMPUTED = ("/root/path", "/hooks", "/linux/seccomp")
"""What docker draws by lot, takes from its own process, or has compiled in."""


def mount_of(place: str, mount: Any) -> Any:
    """A mount without what means nothing, or is named in docs/engines.md."""
    if place in ("/etc/hosts", "/etc/hostname"):
        return "our own"
    if place == "/dev/shm" and isinstance(mount, tuple):
        return mount[:2]
    return (*mount[:2], mount[2] - {"rw"}) if isinstance(mount, tuple) else mount


def runcs_own(rule: dict[str, Any]) -> bool:
    """A rule for a device that runc allows by itself, or one that refuses what is refused already."""
    own = [(1, 3), (1, 5), (1, 8), (1, 9), (5, 0), (5, 1), (10, 229)]
    return (rule.get("major"), rule.get("minor")) in own and (rule["access"] == "rwm" or not rule["allow"])


def test_dockers_configurations_are_no_errors(dockers: list[tuple[str, str, OtherContainer]]) -> None:
    for number, (_, text, _) in enumerate(dockers):
        assert [d for d in check(text) if d.severity is Severity.ERROR] == [], COMBINATIONS[number]
