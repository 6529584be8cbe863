"""`cutaway` in a network namespace made for a test: this host's own network stays untouched."""

from __future__ import annotations

import dataclasses
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

from command_line import Cutaway
from demo_image import put_demo
from forked import Wish, enter

from engine.disk import DataRoot
from engine.network import namespace

DEMO = "localhost/cutaway/demo:latest"


@dataclasses.dataclass(frozen=True)
class Elsewhere(Cutaway):
    """`cutaway` on another network than this host's."""

    network: Path
    lacking: ClassVar[Sequence[str]] = ()
    """What this host does without, by the names of HostFacts."""

    @property
    def environment(self) -> dict[str, str]:
        """Nothing is wished for: the bridge is the usual network."""
        return {name: value for name, value in super().environment.items() if name != "CUTAWAY_NETWORK"}

    def inside(self, *words: str) -> list[str]:
        return ["nsenter", f"--net={self.network}", *words]

    def command(self, *words: str) -> list[str]:
        return self.inside(*super().command(*words))

    def _wish(self, words: Sequence[str], *, network: str = "", session: bool = False) -> Wish:
        wish = super()._wish(words, network=network or str(self.network), session=session)
        return dataclasses.replace(wish, lacking=self.lacking)

    def said(self, *words: str) -> str:
        return subprocess.run(self.inside(*words), capture_output=True, text=True, check=True).stdout

    def fetch(self, url: str) -> str:
        """A page, by whoever is on that network."""

        def page() -> str:
            enter(str(self.network))
            with urllib.request.urlopen(url, timeout=5) as answer:
                return str(answer.read().decode())

        with ThreadPoolExecutor(1) as there:  # a thread of its own: it does not come back
            return there.submit(page).result()

    def left(self) -> list[str]:
        """What networks leave: interfaces, rules with addresses in them, namespaces, netavark's orders."""
        links = [line.split(":")[1].strip() for line in self.said("ip", "-o", "link").splitlines()]
        rules = [line for line in self.said("iptables-save").splitlines() if "10." in line]
        return [link for link in links if link != "lo"] + rules + [str(p) for p in self.run.glob("*/netns/*")]

    def is_clean(self) -> bool:
        deadline = time.monotonic() + 8
        while self.left() and time.monotonic() < deadline:
            time.sleep(0.05)
        return not self.left()


@contextmanager
def served(network: str) -> Iterator[None]:
    """A web server at port 80 of the network namespace of that file: whatever is asked for is a page."""

    def listening() -> socket.socket:
        enter(network)
        return socket.create_server(("0.0.0.0", 80))

    with ThreadPoolExecutor(1) as there:  # as above; the socket stays in that network
        server = there.submit(listening).result()

    def serve() -> None:
        with suppress(OSError):  # it was shut down
            while True:
                with server.accept()[0] as connection, suppress(ConnectionError):
                    connection.recv(1 << 16)
                    connection.sendall(b"HTTP/1.0 200 OK\r\n\r\na page")

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        server.close()


@contextmanager
def elsewhere(data_root: DataRoot, network: Path) -> Iterator[Elsewhere]:
    """With the demo image; at the end its containers go, and nothing of their networks may be there."""
    namespace.make(network)
    made = Elsewhere(data_root.path, data_root.run.parent, network)
    try:
        made.said("ip", "link", "set", "lo", "up")
        put_demo(data_root.path)
        yield made
        made.remove_everything()
        assert made.is_clean(), made.left()
    finally:
        namespace.remove(network)
