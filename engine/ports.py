"""Published ports as docker and podman write them: [[IP:][HOST]:]CONTAINER[/tcp|udp|sctp], a number or a range each."""

# Annotations are values here, not text: msgspec reads them when it first decodes, and would compile each one.

import ipaddress
import re

import msgspec

from engine.errors import UsageError
from engine.text import visible

_FORM = (
    r"(?:(?:(?P<ip>\[[0-9a-fA-F:]+\]|[0-9.]+)?:)?(?P<host>[0-9]+(?:-[0-9]+)?)?:)?"
    r"(?P<inside>[0-9]+(?:-[0-9]+)?)(?:/(?P<protocol>tcp|udp|sctp))?"
)


class Port(msgspec.Struct, frozen=True, kw_only=True):
    """Ports of the host that lead to ports of a container: `count` of them, from `host` and `inside` on.

    `host` 0 is any free one. `address` is the host's; "" is every one.
    """

    address: str
    host: int
    inside: int
    count: int = 1
    protocol: str = "tcp"

    def __str__(self) -> str:
        """As podman shows it, `0.0.0.0:8080-8081->80-81/tcp`."""
        address = self.address or "0.0.0.0"  # noqa: S104  # a name for what was asked for, nothing is bound here
        return f"{address}:{_range(self.host, self.count)}->{_range(self.inside, self.count)}/{self.protocol}"

    @property
    def insides(self) -> set[tuple[int, str]]:
        """Each port of the container that is meant, with its protocol."""
        return {(number, self.protocol) for number in range(self.inside, self.inside + self.count)}


def parse_port(text: str) -> Port:
    """Read one `-p`. Raises UsageError."""
    match = re.fullmatch(_FORM, text)
    if match is None:
        raise _wrong(text, "it is not [[IP:][HOST]:]CONTAINER[/tcp|udp|sctp]")
    inside, count = _numbers(match["inside"], text)
    host, host_count = _numbers(match["host"], text) if match["host"] else (0, count)
    if host_count != count:
        raise _wrong(text, "the two ranges are not of the same length")
    if count > 1 and not host:
        raise _wrong(text, "a range needs a range of the host")
    address = (match["ip"] or "").strip("[]")
    if address:
        try:
            known = ipaddress.ip_address(address)
        except ValueError:
            raise _wrong(text, f"{address} is not an address") from None
        if known.version != 4:
            raise UsageError(
                f"-p {visible(text)[:60]}: the bridge has addresses of IPv4 alone, so nothing could lead there",
                hint="Publish an address of IPv4 (127.0.0.1), or have the host's network: --network host.",
            )
        address = "" if known.is_unspecified else str(known)
    return Port(address=address, host=host, inside=inside, count=count, protocol=match["protocol"] or "tcp")


def _numbers(text: str, whole: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    start, end = int(first[:6]), int((last or first)[:6])
    if not 1 <= start <= end <= 65535:
        raise _wrong(whole, f"{text} is not between 1 and 65535")
    return start, end - start + 1


def _range(start: int, count: int) -> str:
    return str(start) if count == 1 else f"{start}-{start + count - 1}"


def _wrong(text: str, why: str) -> UsageError:
    return UsageError(f"-p {visible(text)[:60]}: {why}", hint="For example: -p 8080:80, -p 127.0.0.1:5353:53/udp.")
