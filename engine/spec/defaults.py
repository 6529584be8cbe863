"""What a container gets where neither the image nor the user says anything: podman 4.3's habits, or docker 20.10's."""

from __future__ import annotations

import msgspec

_MASKED = (
    "/proc/acpi",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
)
_READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_COMMON_CAPABILITIES = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
)


class Profile(msgspec.Struct, frozen=True):
    """One engine's defaults."""

    name: str
    capabilities: tuple[str, ...]
    masked: tuple[str, ...]
    read_only: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    pids_limit: int | None
    rlimits: tuple[tuple[str, int], ...]
    umask: int | None
    sysctl: tuple[tuple[str, str], ...]
    dev: tuple[str, ...]
    """The options of the memory on /dev."""
    cgroup: tuple[str, ...]
    """Those of the control groups, without ro or rw."""
    marker: str
    """The file by which a program can see that it runs in a container; "" for none that is mounted."""
    memory_beside_read_only: bool
    """Whether --read-only leaves /run, /tmp and /var/tmp writable, in memory."""
    always_grouped: bool
    """Whether the user's own group is among the supplementary ones where no user is named, too."""
    makes_workdir: bool
    """Whether a working directory that an option names is made where it is not; the image's always is."""

    @property
    def detail(self) -> str:
        """How its values are called in the provenance."""
        return f"profile {self.name}"


PROFILES = {
    "podman": Profile(
        name="podman",
        capabilities=_COMMON_CAPABILITIES,
        masked=(*_MASKED, "/sys/fs/selinux", "/sys/dev/block"),
        read_only=("/proc/asound", *_READ_ONLY),
        env=(("PATH", _PATH), ("TERM", "xterm"), ("container", "cutaway")),
        pids_limit=2048,
        rlimits=(("RLIMIT_NOFILE", 1048576), ("RLIMIT_NPROC", 1048576)),
        umask=0o022,
        sysctl=(("net.ipv4.ping_group_range", "0 0"),),
        dev=("nosuid", "noexec", "strictatime", "mode=755", "size=65536k"),
        cgroup=("rprivate", "nosuid", "noexec", "nodev", "relatime"),
        marker="/run/.containerenv",
        memory_beside_read_only=True,
        always_grouped=False,
        makes_workdir=False,
    ),
    "docker": Profile(
        name="docker",
        capabilities=(*_COMMON_CAPABILITIES, "CAP_AUDIT_WRITE", "CAP_MKNOD", "CAP_NET_RAW"),
        masked=("/proc/asound", *_MASKED),
        read_only=_READ_ONLY,
        env=(("PATH", _PATH),),
        pids_limit=None,
        rlimits=(),
        umask=None,
        sysctl=(("net.ipv4.ip_unprivileged_port_start", "0"), ("net.ipv4.ping_group_range", "0 2147483647")),
        dev=("nosuid", "strictatime", "mode=755", "size=65536k"),
        cgroup=("nosuid", "noexec", "nodev"),
        marker="",
        memory_beside_read_only=False,
        always_grouped=True,
        makes_workdir=True,
    ),
}

SHM_SIZE = "65536k"
"""Of /dev/shm, where --shm-size does not say otherwise."""
