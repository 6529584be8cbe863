"""Every malformed option is refused when it is given, by its name."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from engine.errors import UsageError
from engine.spec import RunOptions, mount_values, values


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"env": ("=x",)}, "-e =x"),
        ({"workdir": "tmp"}, "-w tmp"),
        ({"hostname": "a b"}, "--hostname a b"),
        ({"hostname": "h" * 65}, "--hostname"),
        ({"hostname": "-x"}, "--hostname -x"),
        ({"volumes": ("-data:/b",)}, "neither a path nor a volume"),
        ({"mounts": ("type=volume,src=a/b,dst=/c",)}, "not a volume's name"),
        ({"volumes": ("/a",)}, "-v /a"),
        ({"volumes": ("/a:b",)}, "absolute path in the container"),
        ({"volumes": ("/a:/",)}, "container's root"),
        ({"volumes": ("/a:/../..",)}, "container's root"),
        ({"volumes": ("/a:/b:ro,rw",)}, "against its opposite"),
        ({"volumes": ("/a:/b:size=1m",)}, "unknown mount option 'size'"),
        ({"volumes": ("/a:/b:rprivatee",)}, "Did you mean"),
        ({"mounts": ("type=volume,dst=/x",)}, "--mount"),
        ({"mounts": ("type=bind,dst=/x",)}, "needs source="),
        ({"mounts": ("type=tmpfs,src=/y,dst=/x",)}, "has no source"),
        ({"mounts": ("type=tmpfs,dst=/x,tmpfs-mode=rwx",)}, "octal"),
        ({"tmpfs": ("x",)}, "--tmpfs x"),
        ({"tmpfs": ("/x:size=lots",)}, "is not a size"),
        ({"cap_add": ("NET_ADMN",)}, "Did you mean CAP_NET_ADMIN?"),
        ({"cap_drop": ("nonsense",)}, "--cap-drop nonsense"),
        ({"security_opt": ("nonsense",)}, "--security-opt nonsense"),
        ({"security_opt": ("label=type:x",)}, "SELinux"),
        ({"devices": ("null",)}, "--device null"),
        ({"devices": ("/dev/a:/dev/b:rwx",)}, "--device"),
        ({"sysctl": ("a",)}, "--sysctl a"),
        ({"ulimits": ("nofil=1",)}, "Did you mean RLIMIT_NOFILE?"),
        ({"ulimits": ("nofile=2:1",)}, "soft limit is above"),
        ({"ulimits": ("nofile=-1:5",)}, "soft limit is above"),
        ({"ulimits": ("nofile=x",)}, "limits are numbers"),
        ({"memory": "lots"}, "--memory lots"),
        ({"memory": "-5"}, "--memory -5"),
        ({"memory": "9999999999t"}, "64 bits"),
        ({"cpus": "half"}, "--cpus half"),
        ({"cpu_shares": 1}, "--cpu-shares 1: not a weight"),
        ({"cpus": "0.001"}, "--cpus 0"),
        ({"cpuset_cpus": "3-1"}, "--cpuset-cpus 3-1"),
        ({"pids_limit": -2}, "--pids-limit -2"),
        ({"blkio_weight": 5}, "--blkio-weight 5"),
        ({"oom_score_adj": 1001}, "--oom-score-adj 1001"),
        ({"umask": "9"}, "--umask 9"),
        ({"network": "bridge:ip=10.0.0.5"}, "not there yet"),
        ({"network": "host", "publish": ("80:80",)}, "-p cannot stand"),
        ({"network": "none", "publish_all": True}, "-P cannot stand"),
        ({"publish": ("x",)}, "-p x"),
        ({"network": "nonsense"}, "--network nonsense"),
        ({"pid": "container:x"}, "--pid container:x"),
        ({"userns": "keep-id"}, "--userns keep-id"),
        ({"dns": ("nonsense",)}, "--dns nonsense"),
        ({"add_hosts": ("name",)}, "--add-host name"),
        ({"add_hosts": ("na\nme:1.2.3.4",)}, "--add-host"),
        ({"add_hosts": ("name:1.2.3",)}, "--add-host"),
        ({"stop_signal": "SIGNOPE"}, "--stop-signal SIGNOPE"),
        ({"stop_signal": "99"}, "--stop-signal 99"),
        ({"stop_signal": "0"}, "--stop-signal 0"),
        ({"stop_signal": "RTMIN+90"}, "--stop-signal RTMIN+90"),
        ({"stop_timeout": -1}, "--stop-timeout -1"),
        ({"annotations": ("a",)}, "--annotation a"),
        ({"labels": ("=a",)}, "--label =a"),
        ({"args": ("a\0b",)}, "the command"),
        ({"user": "\udcff"}, "-u: "),
        ({"profile": "rkt"}, "--profile rkt"),
    ],
)
def test_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        RunOptions(**options)
    whole = f"{caught.value.message} {caught.value.hint}"
    assert said in whole
    assert "\udcff" not in whole


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0", 0),
        ("7", 7),
        ("1b", 1),
        ("2k", 2048),
        ("1.5m", 1572864),
        ("3G", 3 << 30),
        ("1GiB", 1 << 30),
        ("10kb", 10240),
    ],
)
def test_sizes(text: str, count: int) -> None:
    assert values.size(text, "--memory") == count


def test_mounts() -> None:
    bind = mount_values.mount("type=bind,source=/a,target=/b,ro,bind-propagation=rshared", "--mount")
    assert bind == mount_values.MountValue("bind", "/a", "/b", ("ro", "rshared"))
    assert mount_values.mount("type=tmpfs,dst=/c,tmpfs-size=1m", "--mount").options == ("size=1m",)
    assert mount_values.mount("type=bind,src=/a,dst=/b,readonly=false", "--mount").options == ("rw",)
    assert mount_values.volume("./here:/b", "-v").source == "./here"


def test_devices_and_signals() -> None:
    assert values.device("/dev/a", "--device") == values.Device("/dev/a", "/dev/a", "rwm")
    assert values.device("/dev/a:r", "--device") == values.Device("/dev/a", "/dev/a", "r")
    assert values.device("/dev/a:/dev/b:rw", "--device") == values.Device("/dev/a", "/dev/b", "rw")
    assert values.signal_name("15", "--stop-signal") == "SIGTERM"
    assert values.signal_name("sigint", "--stop-signal") == "SIGINT"
    assert values.signal_name("SIGRTMIN+3", "--stop-signal") == values.signal_name("37", "--stop-signal") == "37"
    assert values.signal_name("rtmax-1", "--stop-signal") == "63"


def test_entrypoints() -> None:
    assert values.entrypoint("a b", "--entrypoint") == ("a b",)
    assert values.entrypoint('["a", "b"]', "--entrypoint") == ("a", "b")
    assert values.entrypoint('[""]', "--entrypoint") == ()
    assert values.entrypoint("[not json", "--entrypoint") == ("[not json",)
    with pytest.raises(UsageError):
        values.entrypoint("[1]", "--entrypoint")


def test_options_as_words_of_a_command_line_keep_secrets() -> None:
    options = RunOptions(
        args=("sh", "-c", "x"),
        memory="64m",
        cap_drop=("ALL", "CHOWN"),
        read_only=True,
        read_only_tmpfs=False,
        env=("TOKEN=secret", "HOME", "LC_*"),
    )
    assert shlex.join(options.words()) == (
        "-e TOKEN -e HOME -e 'LC_*' --read-only --read-only-tmpfs false --cap-drop ALL --cap-drop CHOWN --memory 64m"
    )
    assert RunOptions().words() == []
