"""What this machine is and has: the cheap part of it found at once, the rest when it is first asked for."""

from __future__ import annotations

import os
import re
import resource
from contextlib import suppress
from enum import Enum
from functools import cached_property
from pathlib import Path

import msgspec

from engine.errors import HostError, NotPermitted, ToolMissing
from engine.events import Problem
from engine.host.tools import Tool, find_tool, known_holes
from engine.oci import Platform

_MACHINES = {
    "x86_64": ("amd64", ""),
    "aarch64": ("arm64", "v8"),
    "armv7l": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
    "i686": ("386", ""),
    "ppc64le": ("ppc64le", ""),
    "s390x": ("s390x", ""),
    "riscv64": ("riscv64", ""),
}

_PACKAGES = "Debian, Ubuntu: apt install {0}; Fedora, RHEL: dnf install {0}."


class CgroupMode(Enum):
    """How control groups are mounted here (cgroups(7))."""

    V1 = "v1"
    V2 = "v2"
    HYBRID = "v1 (hybrid)"
    NONE = "none"


class HostFacts(msgspec.Struct, frozen=True, dict=True):
    """What `probe` found."""

    hostname: str
    kernel: str
    platform: Platform
    is_root: bool
    cgroups: CgroupMode
    overlay: bool
    bounding: frozenset[int]
    """The capability bounding set, by number (capabilities(7))."""
    rlimits: dict[str, tuple[int, int]] = {}
    """This process's own limits, "RLIMIT_NOFILE": (soft, hard); -1 is unlimited."""

    @cached_property
    def runc(self) -> Tool | None:
        """None where it is not installed; `need_runc` raises then."""
        return find_tool("runc")

    @cached_property
    def conmon(self) -> Tool | None:
        """None where it is not installed; `need_conmon` raises then."""
        return find_tool("conmon")

    @cached_property
    def netavark(self) -> Tool | None:
        """podman keeps it out of PATH."""
        return find_tool("netavark", "/usr/local/libexec/podman:/usr/libexec/podman:/usr/lib/podman")

    @cached_property
    def cni(self) -> Path | None:
        """The directory with the CNI plugins that a bridge network takes."""
        for place in os.environ.get("CNI_PATH", _CNI_PLACES).split(":"):
            if place and all((Path(place) / name).exists() for name in ("bridge", "portmap", "static", "loopback")):
                return Path(place)
        return None

    @property
    def bridge(self) -> Tool | Path | None:
        """What makes bridge networks: netavark, or where that is missing the CNI plugins' directory."""
        return self.netavark or self.cni

    @property
    def overlay_volatile(self) -> bool:
        """Whether overlays can be mounted `volatile` (Linux 5.10)."""
        match = re.match(r"(\d+)\.(\d+)", self.kernel)
        return match is not None and (int(match[1]), int(match[2])) >= (5, 10)

    @cached_property
    def wished_network(self) -> str:
        """What CUTAWAY_NETWORK names in place of the usual network; "" for nothing."""
        return os.environ.get("CUTAWAY_NETWORK", "")

    @cached_property
    def no_user_namespaces(self) -> str:
        """Why there can be no user namespace here, in words; "" where there can."""
        if not Path("/proc/self/ns/user").exists():
            return "this kernel has no user namespaces"
        with suppress(OSError, ValueError):
            if int(_MOST_USER_NAMESPACES.read_text()) == 0:
                return f"user namespaces are switched off on this host ({_MOST_USER_NAMESPACES} is 0)"
        return ""

    @cached_property
    def problems(self) -> list[Problem]:
        """What is missing or dangerous here, the gravest first."""
        found = []
        if not self.is_root:
            found.append(Problem("not-permitted", "not root: images can be looked at, not mounted or run", _ROOT_HINT))
        for name, tool, why in (
            ("runc", self.runc, "nothing can be started"),
            ("conmon", self.conmon, "nothing can be started"),
        ):
            if tool is None:
                found.append(Problem("tool-missing", f"{name} is not installed: {why}", _PACKAGES.format(name)))
            elif tool.trouble:
                found.append(
                    Problem(
                        "tool-broken",
                        f"{tool.trouble}: {why}",
                        f"It is {tool.path}. Install it anew, or see to it that a good one comes first on PATH.",
                    )
                )
        if not self.overlay:
            found.append(
                Problem(
                    "no-overlay",
                    "this kernel offers no overlayfs: images cannot be mounted",
                    "Load it with: modprobe overlay",
                )
            )
        if self.runc is not None and (holes := known_holes(self.runc)):
            names = ", ".join(cve for cve, _ in holes)
            found.append(
                Problem(
                    "old-runc",
                    f"runc {self.runc.version} has known holes: {names}",
                    "Run only images that you trust, or update runc to 1.2.8, 1.3.3 or later."
                    " Distributions also mend holes without changing the number: see the package's changelog.",
                )
            )
        return found

    def need_root(self, what: str) -> None:
        """Raise NotPermitted if this process may not `what` ("mount an image")."""
        if not self.is_root:
            raise NotPermitted(f"cannot {what}: not root", hint=_ROOT_HINT)

    def need_overlay(self) -> None:
        """Raise HostError if the kernel has no overlayfs."""
        if not self.overlay:
            raise HostError("this kernel offers no overlayfs", hint="Load it with: modprobe overlay")

    def need_runc(self) -> Tool:
        """The runtime. Raises ToolMissing."""
        return _need(self.runc, "runc")

    def need_conmon(self) -> Tool:
        """The monitor. Raises ToolMissing."""
        return _need(self.conmon, "conmon")

    def need_bridge(self) -> Tool | Path:
        """`bridge`. Raises ToolMissing."""
        found = self.bridge
        if found is None:
            raise ToolMissing(
                "neither netavark nor the CNI plugins are installed, and bridge networks and published ports need one",
                hint=f"{_PACKAGES.format('netavark')} --network host and --network none work without.",
            )
        return found


_MOST_USER_NAMESPACES = Path("/proc/sys/user/max_user_namespaces")

_CNI_PLACES = "/usr/local/libexec/cni:/usr/libexec/cni:/usr/local/lib/cni:/usr/lib/cni:/opt/cni/bin"
"""Where podman looks, too."""

_ROOT_HINT = "Run it as root, e.g. with sudo. (Rootless operation is planned.)"


def _need(tool: Tool | None, name: str) -> Tool:
    if tool is None:
        raise ToolMissing(f"{name} is not installed", hint=_PACKAGES.format(name))
    return tool


def probe() -> HostFacts:
    """Read the facts. Never fails: what cannot be read is reported as absent."""
    here = os.uname()
    architecture, variant = _MACHINES.get(here.machine, (here.machine, ""))
    return HostFacts(
        hostname=here.nodename,
        kernel=here.release,
        platform=Platform(architecture, "linux", variant),
        is_root=os.geteuid() == 0,
        cgroups=_cgroup_mode(),
        overlay=_offers_overlay(),
        bounding=_bounding_set(),
        rlimits={
            name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")
        },
    )


def _cgroup_mode() -> CgroupMode:
    base = Path("/sys/fs/cgroup")
    if (base / "cgroup.controllers").exists():
        return CgroupMode.V2
    if (base / "unified/cgroup.controllers").exists():
        return CgroupMode.HYBRID
    return CgroupMode.V1 if (base / "memory").is_dir() else CgroupMode.NONE


def _offers_overlay() -> bool:
    try:
        if any(line.split()[-1] == "overlay" for line in Path("/proc/filesystems").read_text().splitlines()):
            return True
    except OSError:
        return False
    # Not loaded yet, but mount(2) will load it on demand.
    return any(Path(f"/lib/modules/{os.uname().release}/kernel/fs/overlayfs").glob("overlay.ko*"))


def _bounding_set() -> frozenset[int]:
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return frozenset()
    words = status.partition("\nCapBnd:")[2].split(None, 1)
    mask = int(words[0], 16) if words else 0
    return frozenset(bit for bit in range(mask.bit_length()) if mask >> bit & 1)
