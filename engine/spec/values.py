"""Reads the values of options: each function takes the text and the option's name, and raises UsageError naming it."""

from __future__ import annotations

import ipaddress
import json
import re
import signal
from collections.abc import Callable
from typing import NoReturn

import msgspec

from engine.errors import UsageError
from engine.spec.vocabulary import CAPABILITIES, RLIMITS, suggestion
from engine.text import visible

_UNITS = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4, "p": 1024**5}
_SAFE_NAME = r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?"


def refuse(option: str, text: str, why: str, hint: str = "") -> NoReturn:
    raise UsageError(f"{option} {visible(text)[:120]}: {why}", hint=hint)


def entrypoint(text: str, option: str) -> tuple[str, ...]:
    """One program, or a JSON array of words; "" is no entrypoint."""
    if not text.startswith("["):
        return (text,) if text else ()
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        return (text,)  # as podman: then it is the name of a program
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        refuse(option, text, "a JSON array of strings is wanted")
    return tuple(word for word in words if words != [""])


def env(text: str, option: str) -> tuple[str, str | None]:
    """NAME and its value; None where it is to be taken from this process."""
    name, equals, value = text.partition("=")
    if not name:
        refuse(option, text, "a variable needs a name", "Write NAME=VALUE.")
    return name, value if equals else None


def absolute_path(text: str, option: str) -> str:
    if not text.startswith("/"):
        refuse(option, text, "an absolute path is wanted")
    return text


def hostname(text: str, option: str) -> str:
    """A host name by RFC 1123; at most 64 letters, the kernel's limit (uname(2))."""
    if len(text) > 64 or not all(re.fullmatch(_SAFE_NAME, label) for label in text.split(".")):
        refuse(option, text, "not a host name", "Letters, digits, - and dots; at most 64.")
    return text


def size(text: str, option: str) -> int:
    """Bytes; units are powers of 1024, as podman's and docker's."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?([bkmgtp]?)(?:i?b)?", text.strip(), re.IGNORECASE)
    if match is None:
        refuse(option, text, "not a size", "A number of bytes, or one with k, m or g: 512m.")
    count = (
        int(float(match[1]) * _UNITS[match[2].lower()])
        if "." in match[1]
        else (int(match[1]) * _UNITS[match[2].lower()])
    )
    if count >= 2**63:
        refuse(option, text, "more than 64 bits can hold")
    return count


def restart(text: str, option: str) -> tuple[str, int]:
    """no, always, unless-stopped or on-failure[:NUMBER], and how often at most; 0 is any number of times."""
    policy, colon, number = text.partition(":")
    if policy not in ("", "no", "always", "unless-stopped", "on-failure"):
        refuse(option, text, "not a restart policy", "There are no, on-failure[:NUMBER], always and unless-stopped.")
    if colon and (policy != "on-failure" or not re.fullmatch(r"[0-9]{1,6}", number)):
        refuse(option, text, "a number of times goes with on-failure alone", "For example on-failure:3.")
    return policy or "no", int(number or 0)


def log_driver(text: str, option: str) -> str:
    """k8s-file, also by podman's other name of it, json-file; none; or passthrough."""
    if text not in ("k8s-file", "json-file", "none", "passthrough"):
        refuse(
            option,
            text,
            "not there",
            "There are k8s-file, a file beside the container's others, none, and passthrough, the streams of who starts"
            " it.",
        )
    return text


def log_option(text: str, option: str) -> int:
    """max-size=SIZE: bytes of output that are kept."""
    key, _, value = text.partition("=")
    if key != "max-size":
        refuse(option, text, "not an option of the log", "max-size=10m; the log itself is always a file, k8s-file's.")
    found = size(value, option)
    if found < 4096:
        refuse(option, text, "less than one page", "For example max-size=10m.")
    return found


def size_or_unlimited(text: str, option: str) -> int:
    return -1 if text.strip() == "-1" else size(text, option)


def cpus(text: str, option: str) -> int:
    """How many CPUs' worth of time, as microseconds in each 100,000; 0 is any number."""
    if not re.fullmatch(r"\d*\.?\d+", text) or not (float(text) == 0 or 0.01 <= float(text) <= 1_000_000):
        refuse(option, text, "not a number of CPUs", "For example 0.5 or 2; at least 0.01, or 0 for no limit.")
    return round(float(text) * 100_000)


def number_list(text: str, option: str) -> str:
    """CPUs or memory nodes: 0-3,5 (cpuset(7), "List format")."""
    for part in text.split(","):
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        if match is None or (match[2] is not None and int(match[2]) < int(match[1])):
            refuse(option, text, "not a list of numbers", "For example 0-3,5.")
    return text


def umask(text: str, option: str) -> int:
    if not re.fullmatch(r"0*[0-7]{1,3}", text):
        refuse(option, text, "not an octal mask", "For example 0022.")
    return int(text, 8)


def between(low: int, high: int) -> Callable[[int, str], int]:
    """A reader of whole numbers within a range."""

    def check(number: int, option: str) -> int:
        if not low <= number <= high:
            refuse(option, str(number), f"has to be between {low} and {high}")
        return number

    return check


def shares(number: int, option: str) -> int:
    """A weight of CPU time, as cpu.shares has it (at least 2); 0 is the kernel's default."""
    if number < 0 or number == 1 or number >= 2**63:
        refuse(option, str(number), "not a weight", "At least 2; 1024 is the usual one, and 0 stands for it.")
    return number


def pair(text: str, option: str) -> tuple[str, str]:
    """KEY=VALUE"""
    key, equals, value = text.partition("=")
    if not equals or not key:
        refuse(option, text, "KEY=VALUE is wanted")
    return key, value


def label(text: str, option: str) -> tuple[str, str]:
    """KEY[=VALUE]"""
    key, _, value = text.partition("=")
    if not key:
        refuse(option, text, "a label needs a name")
    return key, value


def capability(text: str, option: str) -> str:
    """CAP_NAME in capitals, or ALL; the prefix and the case are free, as with podman."""
    name = text.upper()
    if name == "ALL":
        return name
    name = name if name.startswith("CAP_") else "CAP_" + name
    if name not in CAPABILITIES:
        refuse(option, text, "no such capability", suggestion(name, CAPABILITIES))
    return name


class Ulimit(msgspec.Struct, frozen=True):
    """A resource limit (getrlimit(2)); -1 is unlimited."""

    name: str
    soft: int
    hard: int


def ulimit(text: str, option: str) -> Ulimit:
    key, limits = pair(text, option)
    name = "RLIMIT_" + key.upper().removeprefix("RLIMIT_")
    if name not in RLIMITS:
        refuse(option, text, "no such limit", suggestion(name, RLIMITS))
    soft, colon, hard = limits.partition(":")
    numbers = [soft, hard] if colon else [soft, soft]
    if not all(re.fullmatch(r"-1|\d+|unlimited", number) for number in numbers):
        refuse(option, text, "limits are numbers", "For example nofile=1024:4096; -1 is unlimited.")
    low, high = (-1 if number in ("-1", "unlimited") else int(number) for number in numbers)
    if max(low, high) >= 2**64:
        refuse(option, text, "more than 64 bits can hold")
    if high != -1 and (low == -1 or low > high):
        refuse(option, text, "the soft limit is above the hard one")
    return Ulimit(name, low, high)


class Device(msgspec.Struct, frozen=True):
    """A device of the host, where it appears in the container, and what may be done with it."""

    source: str
    destination: str
    access: str


def device(text: str, option: str) -> Device:
    source, *rest = text.split(":")
    destination, access = source, "rwm"
    if rest and _is_access(rest[-1]):
        access = rest.pop()
    if rest:
        destination = rest.pop()
    if rest or not source.startswith("/") or not destination.startswith("/"):
        refuse(option, text, "not a device", "HOST[:CONTAINER][:rwm], for example /dev/fuse or /dev/sdb:/dev/disk:r.")
    return Device(source, destination, access)


def _is_access(text: str) -> bool:
    return bool(text) and set(text) <= set("rwm") and len(set(text)) == len(text)


def security(text: str, option: str) -> tuple[str, str]:
    """One of podman's security options as (name, value)."""
    name, _, value = text.partition("=")
    if "=" not in text and ":" in text:  # docker's old spelling
        name, _, value = text.partition(":")
    if name == "no-new-privileges" and value in ("", "true", "false"):
        return name, value or "true"
    if name in ("seccomp", "apparmor", "mask", "unmask") and value:
        return name, value
    if name == "label" and value == "disable":
        return name, value
    if name == "label":
        refuse(option, text, "SELinux labels are not there yet", "label=disable is.")
    return refuse(
        option,
        text,
        "no such security option",
        "no-new-privileges, seccomp=FILE|unconfined, apparmor=NAME, label=disable, mask=PATHS, unmask=PATHS|ALL.",
    )


def network(text: str, option: str) -> str:
    if text in ("host", "none", "bridge") or text.startswith("ns:/"):
        return text
    if text in ("private", ""):
        return "bridge"
    if re.fullmatch(r"container:[a-zA-Z0-9][a-zA-Z0-9_.-]*", text):
        return text
    if text.startswith("bridge:"):
        refuse(option, text, "options of the bridge network are not there yet", "Use --network bridge.")
    return refuse(
        option, text, "no such network", "bridge, host, none, container:NAME, or ns:PATH of a network namespace."
    )


def own_or_host(text: str, option: str) -> str:
    """A namespace: of its own ("private"), the host's, or the one at a path."""
    if text in ("private", "host", "shareable") or text.startswith("ns:/"):
        return "private" if text == "shareable" else text
    return refuse(option, text, "not there", "private, host, or ns:PATH of a namespace.")


def ipc(text: str, option: str) -> str:
    """A namespace as `own_or_host`, or "none": one of its own, without shared memory."""
    return text if text == "none" else own_or_host(text, option)


def userns(text: str, option: str) -> int | None:
    """ "host", "private", or "auto[:size=N]": how many numbers that asks for, 0 for as many as are needed; None for the
    other two."""
    if text in ("", "host", "private"):
        return None
    kind, _, rest = text.partition(":")
    if kind == "auto":
        match = re.fullmatch(r"(?:size=(\d{1,10}))?", rest, re.ASCII)
        if match is None or (match[1] and not 0 < int(match[1]) < 2**32):
            refuse(option, text, "of auto's options size=NUMBER is there", "What is to be whose says --uidmap.")
        return int(match[1] or 0)
    if kind in ("keep-id", "nomap"):
        refuse(
            option,
            text,
            "that maps the user who runs a rootless engine, and this one is root's, as with podman",
            "--userns auto, or --uidmap 0:100000:65536.",
        )
    return refuse(option, text, "not there", "host, auto, or private with --uidmap 0:100000:65536.")


def id_range(text: str, option: str) -> tuple[int, int, int]:
    """CONTAINER:HOST:SIZE, as (first number in the container, first on the host, how many)."""
    match = re.fullmatch(r"(\d{1,10}):(\d{1,10}):(\d{1,10})", text, re.ASCII)
    inside, outside, size = map(int, match.groups()) if match else (0, 0, 0)
    if not size or max(inside, outside) + size > 2**32 - 1:
        refuse(option, text, "CONTAINER:HOST:SIZE is wanted, numbers up to 4294967294", "For example 0:100000:65536.")
    return inside, outside, size


def address(text: str, option: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return refuse(option, text, "not an IP address")


def own_address(text: str, option: str) -> str:
    """An address for the container itself. There are none of IPv6 on the bridge."""
    if ipaddress.ip_address(address(text, option)).version != 4:
        refuse(option, text, "the bridge has no addresses of IPv6")
    return text


def mac_address(text: str, option: str) -> str:
    """Six bytes in hexadecimal, of one card and not of a group (IEEE 802: the lowest bit of the first is 0)."""
    if not re.fullmatch(r"[0-9a-fA-F]{2}([:-])(?:[0-9a-fA-F]{2}\1){4}[0-9a-fA-F]{2}", text):
        refuse(option, text, "not a hardware address", "For example 02:11:22:33:44:55.")
    if int(text[:2], 16) & 1 or not text.strip("0:-"):
        refuse(option, text, "not the address of one card", "For example 02:11:22:33:44:55.")
    return text.replace("-", ":").lower()


class VolumesFrom(msgspec.Struct, frozen=True):
    """A container whose volumes are wanted; `access` is "ro", "rw" or, as they are there, ""."""

    name: str
    access: str


def volumes_from(text: str, option: str) -> VolumesFrom:
    """CONTAINER[:ro|rw|z]"""
    name, _, words = text.partition(":")
    given = [word for word in words.split(",") if word]
    access = [word for word in given if word in ("ro", "rw")]
    if not name or len(access) > 1 or set(given) - {"ro", "rw", "z"}:  # there is no SELinux label to set
        refuse(option, text, "CONTAINER[:ro|rw] is wanted")
    return VolumesFrom(name, "".join(access))


def exposed(text: str, option: str) -> list[str]:
    """PORT[-PORT][/tcp|udp|sctp], each of them as PORT/PROTOCOL."""
    match = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?(?:/(tcp|udp|sctp))?", text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if match is None or not 1 <= first <= last <= 65535:
        refuse(option, text, "not a port", "For example 80, 53/udp or 8000-8010.")
    return [f"{number}/{match[3] or 'tcp'}" for number in range(first, last + 1)]


def host_entry(text: str, option: str) -> tuple[str, str]:
    """NAME:ADDRESS, as (names, address); several names are separated by semicolons."""
    names, colon, numbers = text.partition(":")
    if not colon or re.fullmatch(r"[A-Za-z0-9._;-]+", names) is None:
        refuse(option, text, "NAME:ADDRESS is wanted")
    return names.replace(";", " "), address(numbers.strip("[]"), option)


def signal_name(text: str, option: str) -> str:
    """A signal by number or name, as SIGNAME; a real-time one (RTMIN+3) as its number: runc has no name for it."""
    name = "SIG" + text.upper().removeprefix("SIG")
    real_time = re.fullmatch(r"SIGRT(MIN|MAX)([+-]\d{1,2})?", name)
    number = int(text) if text.isdecimal() and len(text) < 4 else 0
    if real_time:
        base = signal.SIGRTMIN if real_time[1] == "MIN" else signal.SIGRTMAX
        number = base + int(real_time[2] or 0)
    if signal.SIGRTMIN <= number <= signal.SIGRTMAX:
        return str(int(number))
    try:
        return signal.Signals(number).name if number else signal.Signals[name].name
    except (ValueError, KeyError):
        known = {member.name for member in signal.Signals}
        return refuse(option, text, "no such signal", suggestion(name, known))
