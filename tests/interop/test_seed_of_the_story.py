"""Where it all began: podman's config.json, on a root file system that Cutaway mounted, started by plain runc."""

from __future__ import annotations

import json
import shlex
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import Cutaway
from peers import podman_home, remove_podmans

pytestmark = [pytest.mark.interop, pytest.mark.root]

ULIMITS = ["--ulimit=nofile=1024:4096", "--ulimit=nproc=1024:4096"]
"""podman's own defaults are higher than a process without CAP_SYS_RESOURCE may set."""


def do(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr[-2000:]}"
    return done.stdout.strip()


@pytest.fixture
def podmans_config(debian_image: str) -> Iterator[dict[str, Any]]:
    """What podman wrote for a container that has gone since."""
    home = podman_home()
    podman = f"podman --root={home}/root --runroot={home}/run --tmpdir={home}/tmp"
    podman += " --cgroup-manager=cgroupfs --events-backend=none --runtime=runc"
    try:
        do(*podman.split(), "pull", "--quiet", "--tls-verify=false", debian_image)
        words = shlex.join(["sh", "-c", 'echo "$SEED"; cat /etc/issue; hostname'])
        steps = f"""
        set -eu
        name=$({podman} create {" ".join(ULIMITS)} --env=SEED='from podman' --hostname=seed {debian_image} {words})
        {podman} container init "$name" >/dev/null
        cat "$({podman} inspect --format='{{{{.OCIConfigPath}}}}' "$name")"
        {podman} rm --force --time=0 "$name" >/dev/null
        """
        # In a network namespace of its own: podman's bridge and firewall rules would stay on this host.
        config: dict[str, Any] = json.loads(do("unshare", "--net", "--mount", "sh", "-c", steps))
        yield config
    finally:
        remove_podmans(home)


def without_what_is_stale(config: dict[str, Any], rootfs: Path) -> dict[str, Any]:
    """The same container, elsewhere: what ties a config.json to podman's own bundle, taken out by hand."""
    return {
        **config,
        "root": {**config["root"], "path": str(rootfs)},
        "hooks": {},
        "mounts": [mount for mount in config["mounts"] if mount["type"] != "bind"],
        "linux": {
            **config["linux"],
            "cgroupsPath": f"/cutaway-test/{uuid.uuid4().hex}",
            "namespaces": [
                {key: value for key, value in namespace.items() if key != "path"}
                for namespace in config["linux"]["namespaces"]
            ],
        },
    }


def runc_run(config: dict[str, Any], bundle: Path, state: Path) -> subprocess.CompletedProcess[str]:
    bundle.mkdir(exist_ok=True)
    (bundle / "config.json").write_text(json.dumps(config))
    name = f"seed-{uuid.uuid4().hex[:8]}"
    command = ["runc", f"--root={state}", "run", f"--bundle={bundle}", name]
    try:
        return subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False
        )
    finally:
        subprocess.run(["runc", f"--root={state}", "delete", "--force", name], capture_output=True, check=False)


def test_podmans_config_starts_on_our_root_file_system(
    cutaway: Cutaway, debian_image: str, podmans_config: dict[str, Any], tmp_path: Path
) -> None:
    cutaway("pull", "--tls-verify=false", debian_image)
    rootfs = Path(cutaway.out("mount", "--name", "seed", debian_image))
    try:
        as_it_was = runc_run(podmans_config, tmp_path / "bundle", tmp_path / "state")
        assert as_it_was.returncode != 0  # its root, network namespace and files have gone with podman's container
        mended = without_what_is_stale(podmans_config, rootfs)
        done = runc_run(mended, tmp_path / "bundle", tmp_path / "state")
        assert done.returncode == 0, done.stderr
        assert done.stdout == "from podman\nreplaced by the second layer\nseed\n"
        # Not podman's copy of the image but ours was used, and can be changed.
        (rootfs / "etc/issue").write_text("changed by hand\n")
        assert "changed by hand" in runc_run(mended, tmp_path / "bundle", tmp_path / "state").stdout
    finally:
        cutaway("umount", "seed")
