"""A machine, a container and a root filesystem to make configurations for, without privileges."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from spec_kit import ALICE, GROUP, PASSWD, Make

from engine.host import CgroupMode, HostFacts
from engine.oci import Execution, Platform
from engine.spec import Generated, RunOptions, generate
from engine.spec.vocabulary import CAPABILITY_NUMBERS


@pytest.fixture
def facts() -> HostFacts:
    """A root process with every capability but CAP_SYS_RESOURCE, as in many containers and sandboxes."""
    return HostFacts(
        hostname="box",
        kernel="6.1.0",
        platform=Platform("amd64", "linux"),
        is_root=True,
        cgroups=CgroupMode.V2,
        overlay=True,
        bounding=frozenset(CAPABILITY_NUMBERS.values()) - {CAPABILITY_NUMBERS["CAP_SYS_RESOURCE"]},
        rlimits={"RLIMIT_NOFILE": (1024, 20000), "RLIMIT_NPROC": (-1, -1)},
    )


@pytest.fixture
def rootfs(tmp_path: Path) -> Path:
    root = tmp_path / "rootfs"
    (root / "etc").mkdir(parents=True)
    (root / "etc/passwd").write_text(PASSWD)
    (root / "etc/group").write_text(GROUP)
    return root


@pytest.fixture
def make(facts: HostFacts, rootfs: Path) -> Make:
    """Generate: `image` is what the image says, `on` changes facts, the rest are options."""

    def generated(image: Execution | None = None, on: dict[str, Any] | None = None, **options: Any) -> Generated:
        execution = image if image is not None else Execution(cmd=["sh"])
        here = msgspec.structs.replace(facts, **(on or {}))
        return generate(execution, RunOptions(**options), facts=here, container=ALICE, rootfs=rootfs)

    return generated


@pytest.fixture
def config(make: Make) -> Callable[..., dict[str, Any]]:
    """The generated configuration as a value."""

    def value(*args: Any, **options: Any) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(make(*args, **options).text)
        return found

    return value
