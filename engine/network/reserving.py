"""Ports of this host held by sockets, so that nobody else takes them for free."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from engine.errors import ContainerState
from engine.ports import Port

_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM, "sctp": socket.SOCK_STREAM}


@contextmanager
def reserved(ports: Sequence[Port]) -> Iterator[tuple[list[int], list[Port]]]:
    """Sockets that hold the host's ports, and the ports with a number chosen where any would do."""
    handles: list[int] = []
    fixed: list[Port] = []
    try:
        for port in ports:
            chosen = port.host
            for offset in range(port.count):
                held = socket.socket(socket.AF_INET, _KINDS[port.protocol])
                handles.append(held.fileno())
                try:
                    held.bind((port.address, chosen + offset if chosen else 0))
                    if held.type is socket.SOCK_STREAM:
                        held.listen(1)
                except OSError as error:
                    raise ContainerState(
                        f"the port {chosen + offset}/{port.protocol} of this host cannot be had: {error.strerror}",
                        hint=f"{port.address} is no address of this host: see ip address."
                        if error.errno == errno.EADDRNOTAVAIL
                        else "Another container or program has it: see ss -lnp. Choose another with -p.",
                    ) from error
                finally:
                    chosen = chosen or held.getsockname()[1]
                    held.detach()
            fixed.append(
                Port(address=port.address, host=chosen, inside=port.inside, count=port.count, protocol=port.protocol)
            )
        yield handles, fixed
    finally:
        for handle in handles:
            os.close(handle)
