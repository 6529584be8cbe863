"""Made of three sources: the image, the engine's defaults, the user's options over all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from spec_kit import ALICE, Make

from engine.errors import NotInImage, SpecError, UsageError
from engine.host import CgroupMode
from engine.oci import Execution
from engine.spec import SourceKind, check
from engine.spec.provenance import leaves

Config = Callable[..., dict[str, Any]]
WEB = Execution(entrypoint=["/serve"], cmd=["--port", "80"], env=["LANG=C.UTF-8", "PATH=/opt/bin"], working_dir="/srv")


@pytest.mark.parametrize(
    ("image", "options", "expected"),
    [
        (WEB, {}, ["/serve", "--port", "80"]),
        (WEB, {"args": ("--help",)}, ["/serve", "--help"]),
        (WEB, {"entrypoint": "/bin/sh"}, ["/bin/sh"]),
        (WEB, {"entrypoint": "/bin/sh", "args": ("-c", "id")}, ["/bin/sh", "-c", "id"]),
        (WEB, {"entrypoint": '["/bin/sh", "-x"]'}, ["/bin/sh", "-x"]),
        (WEB, {"entrypoint": "", "args": ("id",)}, ["id"]),
        (Execution(cmd=["sh"]), {}, ["sh"]),
    ],
)
def test_command(config: Config, image: Execution, options: dict[str, Any], expected: list[str]) -> None:
    assert config(image, **options)["process"]["args"] == expected


@pytest.mark.parametrize(("image", "options"), [(Execution(), {}), (WEB, {"entrypoint": ""})])
def test_nothing_to_run(make: Make, image: Execution, options: dict[str, Any]) -> None:
    made = make(image, **options)
    assert json.loads(made.text)["process"]["args"] == []
    assert {each.code for each in check(made.text) if each.pointer == "/process/args"} == {"args"}


def test_environment_has_the_image_first_then_defaults_then_the_user(config: Config, monkeypatch: Any) -> None:
    monkeypatch.setenv("OURS", "here")
    monkeypatch.setenv("OURS_TOO", "and here")
    monkeypatch.delenv("NOWHERE", raising=False)
    env = config(WEB, env=("LANG=de", "OURS*", "NOWHERE", "EMPTY="))["process"]["env"]
    assert env == [
        "LANG=de",
        "PATH=/opt/bin",
        "TERM=xterm",
        "container=cutaway",
        "OURS=here",
        "OURS_TOO=and here",
        "EMPTY=",
        "HOME=/root",
        "HOSTNAME=box",
    ]


def test_environment_from_a_file(config: Config, make: Make, tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("# comment\n\nA=from file\r\nB=b\n")
    env = config(env_files=(str(file),), env=("B=over",))["process"]["env"]
    assert "A=from file" in env
    assert "B=over" in env
    with pytest.raises(UsageError, match=r"--env-file .*No such file"):
        make(env_files=(str(tmp_path / "missing"),))
    file.write_text("=x\n")
    with pytest.raises(UsageError, match="line 1"):
        make(env_files=(str(file),))


def test_working_directory(config: Config, make: Make, rootfs: Path) -> None:
    assert config(WEB)["process"]["cwd"] == "/srv"
    (rootfs / "opt").mkdir()
    (rootfs / "there").symlink_to("/opt")
    assert config(WEB, workdir="/tmp/../opt")["process"]["cwd"] == "/opt"
    assert config(WEB, workdir="/there")["process"]["cwd"] == "/there"
    assert config(Execution(cmd=["sh"], working_dir="app"))["process"]["cwd"] == "/app"
    assert config()["process"]["cwd"] == "/"
    for hostile in ("/self/fd/7", "/1/task/1/fd/8", "//proc/self/./fd/9", "/self/fd", "/self/root/proc/self/fd/8"):
        with pytest.raises(SpecError, match="one of runc's own open files"):
            make(Execution(cmd=["sh"], working_dir=hostile if hostile.startswith("//") else f"/proc{hostile}"))
    (rootfs / "trap").symlink_to("proc/self/fd")
    (rootfs / "round").symlink_to("proc/1/task/1/cwd/proc/self")
    for hostile in ("/trap/7", "/round/fd/7"):
        with pytest.raises(SpecError):
            make(workdir=hostile)
    assert config(workdir="/proc/self")["process"]["cwd"] == "/proc/self"


def test_a_working_directory_that_is_not_there(config: Config, make: Make, rootfs: Path) -> None:
    """podman refuses one that an option names, and docker has it made."""
    (rootfs / "opt").mkdir()
    (rootfs / "opt/file").touch()
    (rootfs / "gone").symlink_to("/nowhere")
    for missing in ("/nope", "/opt/nope", "/opt/file", "/gone", "/../nope"):
        with pytest.raises(NotInImage, match=r"working directory .* is no"):
            make(workdir=missing)
        assert make(workdir=missing, profile="docker").text
    (rootfs / "link").symlink_to("/data")
    for within in ("/data", "/data/below", "/link/below", "/opt/../data/x"):
        assert config(workdir=within, tmpfs=("/data",))["process"]["cwd"]
    with pytest.raises(NotInImage):
        make(workdir="/database", tmpfs=("/data",))


def test_capabilities_of_root(config: Config) -> None:
    plain = config()["process"]["capabilities"]
    assert plain["bounding"] == plain["effective"] == plain["permitted"]
    assert len(plain["bounding"]) == 11
    assert "inheritable" not in plain
    changed = config(cap_add=("net_admin",), cap_drop=("CAP_CHOWN",))["process"]["capabilities"]["bounding"]
    assert set(changed) == set(plain["bounding"]) - {"CAP_CHOWN"} | {"CAP_NET_ADMIN"}
    assert config(cap_drop=("all",))["process"]["capabilities"]["bounding"] == []
    only = config(cap_drop=("ALL",), cap_add=("KILL",))["process"]["capabilities"]
    assert only["effective"] == ["CAP_KILL"]


def test_capabilities_of_others_are_ambient_and_only_what_was_asked_for(config: Config) -> None:
    caps = config(user="ann")["process"]["capabilities"]
    assert len(caps["bounding"]) == 11
    assert set(caps) == {"bounding"}
    caps = config(user="ann", cap_add=("NET_RAW",))["process"]["capabilities"]
    for kind in ("effective", "permitted", "inheritable", "ambient"):
        assert caps[kind] == ["CAP_NET_RAW"]


def test_capabilities_that_cannot_be_given(make: Make) -> None:
    with pytest.raises(UsageError, match="--cap-add CAP_SYS_RESOURCE"):
        make(cap_add=("SYS_RESOURCE",))
    with pytest.raises(UsageError, match="both added and dropped"):
        make(cap_add=("KILL",), cap_drop=("KILL",))


def test_privileged(config: Config) -> None:
    found = config(privileged=True)
    assert len(found["process"]["capabilities"]["bounding"]) == 40  # all but the one that this process lacks
    assert "CAP_SYS_RESOURCE" not in found["process"]["capabilities"]["bounding"]
    assert not {"seccomp", "maskedPaths", "readonlyPaths"} & set(found["linux"])
    assert found["linux"]["resources"]["devices"] == [{"allow": True, "access": "rwm"}]
    assert {device["path"] for device in found["linux"]["devices"]} >= {"/dev/null", "/dev/zero"}
    assert "rw" in next(m for m in found["mounts"] if m["destination"] == "/sys")["options"]


def test_users(config: Config, make: Make) -> None:
    assert config()["process"]["user"] == {"uid": 0, "gid": 0, "umask": 18, "additionalGids": [10]}
    assert config(user="ann")["process"]["user"]["additionalGids"] == [1000, 10, 29]
    assert config(user="ann:audio", groups=("5",))["process"]["user"] == {
        "uid": 1000,
        "gid": 29,
        "umask": 18,
        "additionalGids": [29, 5],
    }
    assert config(Execution(cmd=["sh"], user="4242"))["process"]["user"]["uid"] == 4242
    with pytest.raises(SpecError, match="no user 'bob'"):
        make(user="bob")


def test_rlimits_no_higher_than_our_own(config: Config, make: Make) -> None:
    limits = {limit["type"]: limit for limit in config()["process"]["rlimits"]}
    assert limits["RLIMIT_NOFILE"] == {"type": "RLIMIT_NOFILE", "soft": 20000, "hard": 20000}
    assert limits["RLIMIT_NPROC"]["hard"] == 1048576  # ours is unlimited
    made = make(ulimits=("nofile=100:200", "nproc=-1"))
    limits = {limit["type"]: limit for limit in json.loads(made.text)["process"]["rlimits"]}
    assert (limits["RLIMIT_NOFILE"]["soft"], limits["RLIMIT_NOFILE"]["hard"]) == (100, 200)
    assert limits["RLIMIT_NPROC"]["hard"] == 2**64 - 1
    lowered = make().provenance["/process/rlimits/0/hard"]
    assert lowered.source is SourceKind.HOST
    assert "20000" in lowered.detail


def test_names_and_networks(config: Config, make: Make) -> None:
    host = config()
    assert host["hostname"] == "box"
    assert {n["type"] for n in host["linux"]["namespaces"]} == {"pid", "ipc", "uts", "mount", "cgroup"}
    alone = config(network="none")
    assert alone["hostname"] == ALICE.id[:12]
    assert {"type": "network"} in alone["linux"]["namespaces"]
    assert alone["linux"]["sysctl"] == {"net.ipv4.ping_group_range": "0 0"}
    assert "sysctl" not in config(network="container:other")["linux"], "that is for the other one to say"
    assert config(hostname="web", network="none")["hostname"] == "web"
    assert "hostname" not in config(uts="host")
    assert {"type": "network", "path": "/run/netns/blue"} in config(network="ns:/run/netns/blue")["linux"]["namespaces"]
    assert "resolv.conf" not in make(network="none").files
    bare = make(no_hosts=True)
    assert "hosts" not in bare.files
    assert "/etc/hosts" not in bare.text
    with pytest.raises(UsageError, match="--no-hosts and --add-host"):
        make(no_hosts=True, add_hosts=("a:1.2.3.4",))
    with pytest.raises(UsageError, match="--dns cannot stand"):
        make(network="none", dns=("9.9.9.9",))
    for options in (
        {"sysctl": ("net.ipv4.ip_forward=1",)},
        {"sysctl": ("kernel.msgmax=8192",), "ipc": "host"},
        {"sysctl": ("kernel.domainname=x",), "uts": "host"},
    ):
        with pytest.raises(UsageError, match="--sysctl"):
            make(**options)
    with pytest.raises(UsageError, match="--uts host"):
        make(hostname="web", uts="host")


@pytest.mark.parametrize("mode", [CgroupMode.V1, CgroupMode.HYBRID])
def test_cgroup_namespace_is_of_v2(config: Config, mode: CgroupMode) -> None:
    found = config(on={"cgroups": mode})
    assert {"type": "cgroup"} not in found["linux"]["namespaces"]
    assert any(m["type"] == "cgroup" for m in found["mounts"])
    assert {"type": "cgroup"} in config(on={"cgroups": mode}, cgroupns="private")["linux"]["namespaces"]


def test_bundle_is_relative_and_the_engines_files_are_bound(make: Make, config: Config) -> None:
    made = make(add_hosts=("db:10.0.0.7",), dns=("9.9.9.9",), dns_search=(".",), hostname="web")
    found = json.loads(made.text)
    assert found["root"] == {"path": "merged"}
    assert found["linux"]["cgroupsPath"] == f"/cutaway/{ALICE.id}"
    bound = {m["source"]: m["destination"] for m in found["mounts"] if "bind" in m["options"]}
    assert bound == {
        "files/hosts": "/etc/hosts",
        "files/hostname": "/etc/hostname",
        "files/resolv.conf": "/etc/resolv.conf",
        "files/containerenv": "/run/.containerenv",
    }
    assert set(made.files) == {source.removeprefix("files/") for source in bound}
    assert b"10.0.0.7\tdb\n" in made.files["hosts"]
    assert b"127.0.1.1\tweb alice\n" in made.files["hosts"]
    resolver = [line for line in made.files["resolv.conf"].split(b"\n") if not line.startswith(b"options")]
    assert resolver == [b"nameserver 9.9.9.9", b""]
    assert made.files["hostname"] == b"web\n"


def test_mounts_in_order_and_the_users_over_ours(config: Config, make: Make, tmp_path: Path) -> None:
    found = config(
        volumes=(f"{tmp_path}:/data:ro", f"{tmp_path}:/etc/hosts"),
        tmpfs=("/scratch:size=1m,exec",),
        mounts=(f"type=bind,src={tmp_path},dst=/data/deep,readonly", "type=tmpfs,dst=/dev/shm,tmpfs-size=5m"),
    )
    mounts = {m["destination"]: m for m in found["mounts"]}
    assert len(mounts) == len(found["mounts"])
    assert mounts["/data"]["options"][:2] == ["ro", "rprivate"]
    assert mounts["/data"]["options"][-1] == "rbind"
    assert mounts["/etc/hosts"]["source"] == str(tmp_path)
    assert mounts["/scratch"]["options"] == ["size=1m", "exec", "rw", "rprivate", "nosuid", "nodev", "tmpcopyup"]
    assert mounts["/dev/shm"]["options"][0] == "size=5m"
    assert "rootfsPropagation" not in found["linux"]
    assert config(volumes=(f"{tmp_path}:/a:rshared",))["linux"]["rootfsPropagation"] == "shared"
    assert config(volumes=(f"{tmp_path}:/a:slave",))["linux"]["rootfsPropagation"] == "rslave"
    order = [m["destination"] for m in found["mounts"]]
    assert order.index("/data") < order.index("/data/deep")
    assert order.index("/dev") < order.index("/dev/shm")
    with pytest.raises(UsageError, match="mounted twice"):
        make(volumes=(f"{tmp_path}:/data",), tmpfs=("/data/",))
    with pytest.raises(UsageError, match="there is no"):
        make(volumes=(f"{tmp_path}/missing:/data",))


def test_read_only(config: Config) -> None:
    found = config(read_only=True)
    assert found["root"]["readonly"] is True
    mounts = {m["destination"]: m for m in found["mounts"]}
    assert {"/run", "/tmp", "/var/tmp"} <= set(mounts)
    assert "ro" in mounts["/etc/hosts"]["options"]
    assert "/run/.containerenv" not in mounts
    assert "/tmp" not in {m["destination"] for m in config(read_only=True, read_only_tmpfs=False)["mounts"]}


def test_limits(config: Config, make: Make) -> None:
    found = config(memory="128m", cpus="0.5", pids_limit=99, cpu_shares=512, cpuset_cpus="0-1", blkio_weight=300)
    assert found["linux"]["resources"] == {
        "devices": [{"allow": False, "access": "rwm"}],
        "memory": {"limit": 128 << 20, "swap": 256 << 20},
        "cpu": {"quota": 50000, "period": 100000, "shares": 512, "cpus": "0-1"},
        "pids": {"limit": 99},
        "blockIO": {"weight": 300},
    }
    assert config()["linux"]["resources"]["pids"] == {"limit": 2048}
    assert config(pids_limit=0)["linux"]["resources"]["pids"] == {"limit": -1}
    assert config(memory="1g", memory_swap="-1")["linux"]["resources"]["memory"]["swap"] == -1
    for options, said in (
        ({"memory_swap": "1g"}, "--memory-swap needs --memory"),
        ({"memory": "2g", "memory_swap": "1g"}, "less than --memory"),
        ({"cpus": "1", "cpu_quota": 5000}, "--cpus cannot stand with"),
        ({"memory": "1m", "memory_reservation": "2m"}, "--memory-reservation"),
    ):
        with pytest.raises(UsageError, match=said):
            make(**options)


def test_devices(config: Config, make: Make, tmp_path: Path) -> None:
    found = config(devices=("/dev/null:/dev/mine:rw",))
    device = found["linux"]["devices"][0]
    assert (device["path"], device["type"], device["major"], device["minor"]) == ("/dev/mine", "c", 1, 3)
    assert device["fileMode"] <= 0o7777
    assert found["linux"]["resources"]["devices"][1] == {
        "allow": True,
        "type": "c",
        "major": 1,
        "minor": 3,
        "access": "rw",
    }
    for wrong in (str(tmp_path), "/nowhere", "/etc/passwd"):
        with pytest.raises(UsageError, match="--device"):
            make(devices=(wrong,))


def test_security_options(config: Config) -> None:
    found = config(
        security_opt=("no-new-privileges", "seccomp=unconfined", "mask=/proc/foo:/proc/bar", "unmask=/proc/k*")
    )
    assert found["process"]["noNewPrivileges"] is True
    assert "seccomp" not in found["linux"]
    assert found["linux"]["maskedPaths"][-2:] == ["/proc/foo", "/proc/bar"]
    assert "/proc/kcore" not in found["linux"]["maskedPaths"]
    assert "/proc/acpi" in found["linux"]["maskedPaths"]
    shown = config(security_opt=("unmask=ALL",))["linux"]
    assert "maskedPaths" not in shown
    assert "readonlyPaths" not in shown
    assert config(security_opt=("apparmor=mine",))["process"]["apparmorProfile"] == "mine"


def test_dockers_defaults(config: Config) -> None:
    found = config(profile="docker", network="none")
    assert {"CAP_MKNOD", "CAP_NET_RAW", "CAP_AUDIT_WRITE"} <= set(found["process"]["capabilities"]["bounding"])
    assert "pids" not in found["linux"]["resources"]
    assert "rlimits" not in found["process"]
    assert found["linux"]["sysctl"]["net.ipv4.ip_unprivileged_port_start"] == "0"
    assert "container=cutaway" not in found["process"]["env"]


def test_labels_annotations_and_stop_signal(config: Config) -> None:
    image = Execution(cmd=["sh"], stop_signal="SIGQUIT")
    assert config(image)["annotations"] == {"org.opencontainers.image.stopSignal": "SIGQUIT"}
    with pytest.raises(SpecError, match="StopSignal"):
        config(Execution(cmd=["sh"], stop_signal="SIGWHAT"))
    found = config(image, stop_signal="int", labels=("team=blue", "bare"), annotations=("a/b~c=d",))["annotations"]
    assert found == {
        "org.opencontainers.image.stopSignal": "SIGINT",
        "team": "blue",
        "bare": "",
        "a/b~c": "d",
    }


def test_every_value_has_an_origin(make: Make, tmp_path: Path) -> None:
    for options in (
        {},
        {"privileged": True, "terminal": True},
        {
            "read_only": True,
            "user": "ann",
            "cap_add": ("NET_ADMIN",),
            "annotations": ("a/b~c=d",),
            "cap_drop": ("ALL",),
        },
        {"volumes": (f"{tmp_path}:/d",), "memory": "1g", "sysctl": ("net.ipv4.ip_forward=1",), "network": "none"},
    ):
        made = make(WEB, **options)
        assert {pointer for pointer, _ in leaves(json.loads(made.text))} == set(made.provenance)
        assert all(origin.detail for origin in made.provenance.values())


def test_origins_say_exactly_what(make: Make) -> None:
    made = make(WEB, cap_add=("NET_ADMIN",), env=("LANG=de",), args=("-v",))
    said = {pointer: (origin.source.value, origin.detail) for pointer, origin in made.provenance.items()}
    assert said["/process/env/0"] == ("user", "option -e LANG")
    assert said["/process/env/1"] == ("image", "image config Env[1]")
    assert said["/process/env/2"] == ("default", "profile podman")
    assert said["/process/args/0"] == ("image", "image config Entrypoint[0]")
    assert said["/process/args/1"][0] == "user"
    place = json.loads(made.text)["process"]["capabilities"]["bounding"].index("CAP_NET_ADMIN")
    assert said[f"/process/capabilities/bounding/{place}"] == ("user", "option --cap-add NET_ADMIN")
    assert said["/root/path"][0] == "host"


def test_text_is_readable_and_safe(make: Make) -> None:
    made = make(Execution(cmd=["grüß", "\u202eevil\u200b", "\x7f"]))
    assert "grüß" in made.text
    assert "\u202e" not in made.text
    assert "\\u202e" in made.text
    assert "\x7f" not in made.text
    assert made.text.endswith("}\n")
    assert made.text.startswith('{\n  "ociVersion"')
    assert json.loads(made.text)["process"]["args"] == ["grüß", "\u202eevil\u200b", "\x7f"]


@pytest.mark.parametrize("hostile", ["a\0b", "\ud800"])
def test_what_no_file_can_carry_is_refused(make: Make, hostile: str) -> None:
    with pytest.raises(SpecError):
        make(Execution(cmd=["sh", hostile]))
    with pytest.raises(SpecError):
        make(Execution(cmd=["sh"], env=[f"A={hostile}"]))
