"""Images, containers, files and a config.json that are nowhere: what the pictures of the screen show."""

from __future__ import annotations

import stat
from array import array
from pathlib import Path

from engine import ContainerSummary, ImageSummary, LayerSummary, Status
from engine.layers.index import Columns
from engine.layers.stacking import Tree
from engine.looking import Inside

NOON = 1_700_000_000

DIRECTORY, REGULAR = stat.S_IFDIR | 0o755, stat.S_IFREG | 0o644
LINK = stat.S_IFLNK | 0o777
FILES: list[dict[bytes, tuple[int, int, int]]] = [
    {
        b"": (DIRECTORY, 0, 0),
        b"etc": (DIRECTORY, 0, 0),
        b"etc/group": (REGULAR, 0, 30),
        b"etc/motd": (REGULAR, 0, 99),
        b"sh": (LINK, 0, 4),
        b"srv": (DIRECTORY, 33, 0),
        b"srv/page": (REGULAR, 33, 4096),
    },
    {
        b"": (DIRECTORY, 0, 0),
        b"etc": (DIRECTORY, 0, 0),
        b"etc/motd": (stat.S_IFCHR, 0, 0),
        b"srv": (DIRECTORY, 33, 0),
        b"srv/new": (stat.S_IFREG | 0o4755, 33, 70_000),
        b"srv/page": (REGULAR, 33, 5000),
    },
]
"""By layer and path: mode, owner, size."""

CONFIG = {
    "ociVersion": "1.0.2",
    "process": {"user": {"uid": 0, "gid": 0}, "args": ["sh", "-c", "echo hello"], "env": ["A=1"], "cwd": "relative"},
    "root": {"path": "merged"},
    "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
    "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}]},
}


def inside() -> Inside:
    """An image of two layers."""
    found = []
    for layer in FILES:
        columns = Columns(paths=list(layer), targets={list(layer).index(b"sh"): b"bash"} if b"sh" in layer else {})
        columns.modes = array("I", [mode for mode, _, _ in layer.values()])
        columns.uids = columns.gids = array("I", [owner for _, owner, _ in layer.values()])
        columns.sizes = array("Q", [size if stat.S_ISREG(mode) else 0 for mode, _, size in layer.values()])
        columns.times = array("q", [NOON * 10**9] * len(layer))
        columns.whiteouts = [row for row, (mode, _, _) in enumerate(layer.values()) if stat.S_ISCHR(mode)]
        found.append(columns)
    return Inside(Tree(found), (Path("/nowhere/1"), Path("/nowhere/2")))


def layer(number: int, made_by: str) -> LayerSummary:
    """One of its layers."""
    digest = f"sha256:{number}" + "0" * 63
    gzip = "application/vnd.oci.image.layer.v1.tar+gzip"
    return LayerSummary(
        digest, digest, digest, gzip, number * 10_000_000, "/layers/x/diff", made_by, number * 4_000_000, number * 100
    )


def image(name: str, number: int) -> ImageSummary:
    """So many layers of 50 MB."""
    return ImageSummary(name, "0" * 64, "sha256:0", "", number * 50_000_000, number)


def container(name: str, status: Status, code: int | None = None) -> ContainerSummary:
    """Of Debian."""
    return ContainerSummary(
        id=name,
        name=name,
        image="docker.io/library/debian:12",
        status=status,
        pid=0,
        created="",
        exit_code=code,
        command=("sh",),
        started=None,
        finished=None,
        out_of_memory=False,
        working=False,
        terminal=False,
        interactive=False,
        mounted=False,
        path=Path("/var/lib/cutaway/containers") / name,
    )
