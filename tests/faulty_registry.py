"""A registry that misbehaves as it is told to, over real sockets.

By itself it is a small, correct registry: manifests, blobs with ranges, tags, uploads. A test puts replies in its
way: `registry.reply("/v2/t/blobs/…", Reply(cut=1000))` is used for the first request of that path, the next
one for the second, and so on; when they are used up it behaves again. Every request is kept in `seen`.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from engine.digest import Digest
from engine.oci import CONFIG, INDEX, LAYER, MANIFEST


@dataclass
class Reply:
    """What to say. `None` as body stands for what a correct registry would send."""

    status: int = 200
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    """A Content-Length that is not the body's; -1 leaves it out and ends the body by closing."""
    cut: int | None = None
    """Close the connection after so many bytes of the body."""
    reset: int | None = None
    """Reset it (RST) after so many."""
    stall: int | None = None
    """After so many say nothing more, until the registry ends."""
    chunked: bool = False
    drip: tuple[int, float] | None = None
    """Say it in pieces of so many bytes, with so many seconds between them."""


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""
    peer: int = 0
    """The client's port: the same for requests over one connection."""

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.path).query)


Answerer = Callable[[Seen], Reply | None]


class FaultyRegistry:
    """`host` is where it is; `guard` sees every request first and may reply in the registry's place."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.manifests: dict[str, tuple[str, bytes]] = {}
        self.blobs: dict[str, bytes] = {}
        self.tags: list[str] = []
        self.seen: list[Seen] = []
        self.guard: Answerer = lambda request: None
        self.proxy_to = ""
        self.uploads: dict[str, bytearray] = {}
        self.other_repositories: dict[str, bytes] = {}
        """Blobs that are not in the repository asked for, but can be mounted."""
        self.hang_ups: list[tuple[str, int]] = []
        """(method, bytes): hang up on the next such request when so much of its content is here; that counts."""
        self.forgets_uploads = False
        """Answer 404 to whoever asks how far an upload came."""
        self.ending = threading.Event()
        self.stalled = threading.Event()
        """Somebody has been left waiting."""
        self._replies: dict[str, list[Reply]] = defaultdict(list)
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.registry = self
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.host = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stall(self) -> None:
        """Say nothing, until the registry ends."""
        self.stalled.set()
        self.ending.wait(30)

    def close(self) -> None:
        self.ending.set()
        self._server.shutdown()
        self._server.server_close()

    def reply(self, path: str, *replies: Reply) -> None:
        """Say these, one after another, to requests for `path` (without its query)."""
        self._replies[path] += replies

    def put_blob(self, data: bytes) -> Digest:
        digest = Digest.of(data)
        self.blobs[digest] = data
        return digest

    def put_manifest(self, document: dict[str, Any] | bytes, *names: str, media_type: str = MANIFEST) -> Digest:
        raw = document if isinstance(document, bytes) else json.dumps(document).encode()
        digest = Digest.of(raw)
        for name in (digest, *names):
            self.manifests[name] = (media_type, raw)
        return digest

    def put_image(self, *layers: bytes, tag: str = "latest", architecture: str = "amd64", variant: str = "") -> Digest:
        """An image of these layers (any bytes), under a tag. Returns the manifest's digest."""
        return self.put_manifest(self.manifest(*layers, architecture=architecture, variant=variant), tag)

    def manifest(self, *layers: bytes, architecture: str = "amd64", variant: str = "") -> dict[str, Any]:
        """The manifest of such an image, its blobs put in place."""
        config: dict[str, Any] = {
            "architecture": architecture,
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [Digest.of(layer) for layer in layers]},
        }
        if variant:
            config["variant"] = variant
        raw = json.dumps(config).encode()
        return {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": self.put_blob(raw), "size": len(raw)},
            "layers": [{"mediaType": LAYER, "digest": self.put_blob(x), "size": len(x)} for x in layers],
        }

    def put_index(self, *entries: dict[str, Any], tag: str = "latest") -> Digest:
        document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(entries)}
        return self.put_manifest(document, tag, media_type=INDEX)

    def entry(self, digest: Digest, architecture: str = "", variant: str = "", **changes: Any) -> dict[str, Any]:
        """A descriptor of a manifest that is here, for an index."""
        media_type, raw = self.manifests[digest]
        entry: dict[str, Any] = {"mediaType": media_type, "digest": digest, "size": len(raw)}
        if architecture:
            entry["platform"] = {"architecture": architecture, "os": "linux"}
            if variant:
                entry["platform"]["variant"] = variant
        return {**entry, **changes}

    def paths(self) -> list[str]:
        return [request.path for request in self.seen]

    def _next(self, request: Seen) -> Reply:
        self.seen.append(request)
        if (guarded := self.guard(request)) is not None:
            return guarded
        path = urlsplit(request.path).path
        normal = self._normal(path, request)
        queue = self._replies.get(path)
        if not queue:
            return normal
        reply = queue.pop(0)
        if reply.body is None:
            reply.body = normal.body
            reply.headers = {**normal.headers, **reply.headers}
            if reply.status == 200:
                reply.status = normal.status
        return reply

    def _normal(self, path: str, request: Seen) -> Reply:
        _, _, rest = path.partition("/v2/")
        if path == "/v2/":
            return Reply(body=b"{}")
        kind, _, name = rest.rpartition("/")
        if kind.endswith("/uploads"):
            return self._upload(request, path, name)
        if request.method == "PUT":
            return self._take_manifest(request, name)
        if rest.endswith("/tags/list"):
            return self._tag_page(request, path)
        if kind.endswith("/manifests") and name in self.manifests:
            media_type, raw = self.manifests[name]
            return Reply(body=raw, headers={"Content-Type": media_type, "Docker-Content-Digest": Digest.of(raw)})
        if kind.endswith("/blobs") and name in self.blobs:
            return _ranged(self.blobs[name], request.headers.get("range", ""))
        error = {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}
        return Reply(404, json.dumps(error).encode())

    def _upload(self, request: Seen, path: str, name: str) -> Reply:
        """The four requests of an upload (distribution-spec, "Pushing a blob in chunks")."""
        if request.method == "POST":
            wanted = request.query.get("mount", [""])[0]
            if wanted in self.other_repositories:
                self.blobs[wanted] = self.other_repositories[wanted]
                return Reply(201, b"", {"Location": f"/v2/t/blobs/{wanted}"})
            name = f"u{len(self.uploads)}"
            self.uploads[name] = bytearray()
            return Reply(202, b"", {"Location": f"{path}{name}?state=x", "Range": "0-0"})
        if name not in self.uploads or (request.method == "GET" and self.forgets_uploads):
            return Reply(404, b'{"errors": [{"code": "BLOB_UPLOAD_UNKNOWN", "message": "upload unknown"}]}')
        held = self.uploads[name]
        if (begin := request.headers.get("content-range")) and int(begin.partition("-")[0]) != len(held):
            return Reply(416, b"", {"Range": f"0-{len(held) - 1}"})
        held += request.body
        headers = {"Location": request.path.partition("&digest")[0], "Range": f"0-{max(0, len(held) - 1)}"}
        if request.method == "GET":
            return Reply(204, b"", headers)
        if request.method == "PATCH":
            return Reply(202, b"", headers)
        digest = request.query["digest"][0]
        if Digest.of(bytes(held)) != digest:
            return Reply(400, b'{"errors": [{"code": "DIGEST_INVALID", "message": "not what it is called"}]}')
        self.blobs[digest] = bytes(held)
        return Reply(201, b"", {"Location": f"/v2/t/blobs/{digest}"})

    def _take_manifest(self, request: Seen, name: str) -> Reply:
        digest = self.put_manifest(request.body, name, media_type=request.headers["content-type"])
        return Reply(201, b"", {"Docker-Content-Digest": digest})

    def _tag_page(self, request: Seen, path: str) -> Reply:
        count = int(request.query.get("n", ["100"])[0])
        last = request.query.get("last", [""])[0]
        start = self.tags.index(last) + 1 if last else 0
        page = self.tags[start : start + count]
        headers = {}
        if start + count < len(self.tags):
            headers["Link"] = f'<{path}?last={page[-1]}&n={count}>; rel="next"'
        return Reply(body=json.dumps({"name": "t", "tags": page}).encode(), headers=headers)


def _ranged(data: bytes, wanted: str) -> Reply:
    if not wanted:
        return Reply(body=data)
    start = int(wanted.removeprefix("bytes=").partition("-")[0])
    if start >= len(data):
        return Reply(416, b"", {"Content-Range": f"bytes */{len(data)}"})
    return Reply(206, data[start:], {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    registry: FaultyRegistry

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Silence."""

    def do_GET(self) -> None:
        body = self._content()
        if body is None:
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.server.registry._next(Seen(self.command, self.path, headers, body, self.client_address[1]))
        self._say(reply, reply.body or b"")

    do_POST = do_PUT = do_PATCH = do_HEAD = do_GET  # noqa: N815

    def _content(self) -> bytes | None:
        """The request's content, None where the registry hung up on it."""
        size, registry = int(self.headers.get("Content-Length") or 0), self.server.registry
        if registry.hang_ups and registry.hang_ups[0][0] == self.command and size:
            _, count = registry.hang_ups.pop(0)
            upload = urlsplit(self.path).path.rpartition("/")[2]
            registry.uploads[upload] += self.rfile.read(min(count, size))
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            for end in (self.rfile, self.wfile, self.connection):
                end.close()
            self.close_connection = True
            return None
        return self.rfile.read(size)

    def do_CONNECT(self) -> None:
        """Be a proxy: every host is `proxy_to`."""
        registry = self.server.registry
        registry.seen.append(Seen("CONNECT", self.path, {name.lower(): value for name, value in self.headers.items()}))
        host, _, port = registry.proxy_to.partition(":")
        with socket.create_connection((host, int(port))) as there:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=_pump, args=(there, self.connection))
            back.start()
            _pump(self.connection, there)
            back.join()
        self.close_connection = True

    def _say(self, reply: Reply, body: bytes) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif reply.length != -1:
            self.send_header("Content-Length", str(len(body) if reply.length is None else reply.length))
        self.end_headers()
        if self.command == "HEAD":
            return
        end = next((x for x in (reply.cut, reply.reset, reply.stall) if x is not None), None)
        part = body[:end]
        if reply.chunked:
            part = b"%x\r\n%s\r\n" % (len(part), part) + (b"0\r\n\r\n" if end is None else b"")
        size, pause = reply.drip or (len(part) or 1, 0)
        for start in range(0, len(part), size):
            self.wfile.write(part[start : start + size])
            self.server.registry.ending.wait(pause)
        if reply.stall is not None:
            self.server.registry.stall()
        if reply.reset is not None:
            # Closing with a linger of zero seconds sends RST in place of FIN (socket(7)),
            # if nothing shuts it down first.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            for end_of_it in (self.rfile, self.wfile, self.connection):
                end_of_it.close()
        if end is not None or reply.length is not None:
            self.close_connection = True


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def faulty_registry(tls: ssl.SSLContext | None = None) -> Iterator[FaultyRegistry]:
    registry = FaultyRegistry(tls)
    try:
        yield registry
    finally:
        with contextlib.suppress(OSError):
            registry.close()
