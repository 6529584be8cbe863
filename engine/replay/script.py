"""The script: fixed functions, and below them the steps of one container with its digests, mounts and config.json."""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Iterable, Iterator
from importlib import resources
from ipaddress import IPv4Network
from pathlib import Path

from engine.digest import Digest
from engine.errors import ContainerState, SpecError
from engine.network import Networks
from engine.rootfs import FEATURES
from engine.runtime import ContainerRecord, Kind
from engine.store import ImageRecord, Store
from engine.text import visible
from engine.trace import Step, StepKind

_BASIC = ("sha256sum", "tar", "sed", "find", "comm", "setfattr", "mknod", "mount", "umount")
_BLOB = re.compile(r"https?://\S+/v2/\S+/blobs/")
_TRUST = {"-k": 0, "--cacert": 1, "--capath": 1, "--cert": 1, "--key": 1}
"""curl's options about TLS that a request of the journal may have, with how many words follow them."""
_MAGIC = {b"\x1f\x8b": "gzip -dc", b"\x28\xb5": "zstd -dcq"}
"""The first bytes of a compressed layer: the program that undoes it."""


def script(
    record: ContainerRecord,
    image: ImageRecord,
    store: Store,
    path: Path,
    steps: Iterable[Step],
    networks: Networks,
) -> str:
    """The script for a container: the same root filesystem, the same config.json, the same command under runc.

    `path` is the container's directory, `steps` its image's journal, which says where the blobs came from. One on a
    bridge gets the same address and ports.
    A working container's script ends with its mount. Raises ContainerState for one whose network is gone with it,
    SpecError for a config.json that is no JSON object.
    """
    base = _where_from(steps)
    blobs = list(_blobs(image, store, base))
    unpackers = sorted({unpack.split()[0] for _, _, unpack in blobs if unpack != "cat"})
    tools = [*(["curl"] if base else []), *_BASIC, *unpackers]
    if record.network == "bridge":
        tools += ["ip", "nft"]
    if record.kind is Kind.CONTAINER:
        tools.append("runc")
    parts = [
        "#!/bin/sh",
        f"# The container {visible(record.name)}, made of the image {visible(image.name)}.",
        f"tools={shlex.quote(' '.join(tools))}",
        resources.files(__package__).joinpath("functions.sh").read_text(),
        f"# 1. The image: {visible(image.name)}, manifest {image.descriptor.digest}. Its layers, lowest first:",
        *_note(base),
        *(line for line, _, _ in blobs),
        "\n# 2. Each layer becomes a directory.",
        *(f"expand {number} {hex_} {shlex.quote(unpack)}" for number, (_, hex_, unpack) in enumerate(blobs, 1)),
        "\n# 3. overlayfs merges them, the last layer above the others, with a directory for what is written on top.",
        _mount(len(blobs)),
    ]
    if record.kind is Kind.CONTAINER:
        parts += _run(record, path, networks)
    else:
        parts.append('say "the root filesystem is at $work/bundle/merged"\nls -l bundle/merged')
    return "\n".join(parts) + "\n"


def _where_from(steps: Iterable[Step]) -> tuple[str, str] | None:
    """curl's options about TLS, and the URL that blobs' digests are appended to; None for no registry."""
    for step in steps:
        if step.kind is not StepKind.REQUEST or step.failure:
            continue
        words = shlex.split(step.command)
        if words[:1] == ["curl"] and (match := _BLOB.match(words[-1])):
            trust = [w for n, word in enumerate(words) if word in _TRUST for w in words[n : n + 1 + _TRUST[word]]]
            return shlex.join(trust), match[0]
    return None


def _note(base: tuple[str, str] | None) -> list[str]:
    if base is None:
        return ["# It came from no registry, so its blobs are taken from the store, an OCI image layout."]
    return [f"blobs={shlex.quote(base[1])}"]


def _blobs(image: ImageRecord, store: Store, base: tuple[str, str] | None) -> Iterator[tuple[str, str, str]]:
    """For each layer the line that brings it, its digest in hex, and what decompresses it."""
    for descriptor in image.manifest.layers:
        digest = Digest.parse(descriptor.digest)
        path = store.blob_path(digest)
        with path.open("rb") as file:
            unpack = _MAGIC.get(file.read(2), "cat")
        if base is None:
            line = f"copy {digest.hex} {shlex.quote(str(path))}"
        else:
            line = f'fetch {digest.hex} {base[0]}{" " if base[0] else ""}"${{blobs}}{digest}"'
        yield line, digest.hex, unpack


def _mount(layers: int) -> str:
    if not layers:
        return "mount --bind bundle/upper bundle/merged"
    lower = ":".join(f"../layers/{number}" for number in range(layers, 0, -1))
    return f"(cd bundle && mount -t overlay overlay -o lowerdir={lower},upperdir=upper,workdir=work,{FEATURES} merged)"


def _run(record: ContainerRecord, path: Path, networks: Networks) -> Iterator[str]:
    try:
        config = json.loads((path / "config.json").read_text("utf-8", "surrogateescape"))
        namespaces = config.get("linux", {}).get("namespaces", [])
    except (ValueError, RecursionError, AttributeError) as error:
        raise SpecError(f"the config.json of {record.name} is no JSON object: {error}") from error
    name = f"replay-{record.id}"
    connect = ""
    for namespace in namespaces:
        if namespace.get("type") == "network" and (place := namespace.get("path")):
            if record.network != "bridge" or not networks.is_ours(str(place)):
                raise ContainerState(
                    f"the network of {record.name} is another's, and no script can find that again",
                    hint="Containers with --network bridge, host or none can be replayed.",
                )
            namespace["path"] = f"/run/netns/{name}"
            connect = _connect(name, record, networks.subnet)
    config.setdefault("linux", {})["cgroupsPath"] = f"/{name}"
    yield "\n# 4. config.json tells runc what to start, in which namespaces, with which rights and limits."
    yield _file("bundle/config.json", json.dumps(config, indent=2).encode() + b"\n")
    files = sorted(file for file in (path / "files").glob("*") if file.is_file())
    if files:
        yield "mkdir bundle/files"
        yield from (_file(f"bundle/files/{file.name}", file.read_bytes()) for file in files)
    if connect:
        yield "\n# The network namespace that config.json names is not runc's to make. A bridge network needs one:"
        yield connect
    yield "\n# 5. runc makes the namespaces and the control group, enters the root filesystem, and starts the process."
    yield f'code=0\nrunc --root "$work/runc" run --bundle bundle {name} || code=$?\nexit "$code"'


def _connect(name: str, record: ContainerRecord, subnet: IPv4Network) -> str:
    """The line that makes its network: functions.sh, `connect`."""
    ports = [
        f"{port.protocol}/{port.address}/{port.host + n}/{port.inside + n}"
        for port in record.ports
        for n in range(port.count)
    ]
    gateway = subnet.network_address + 1
    return shlex.join(["connect", name, record.address, str(subnet.prefixlen), str(gateway), record.mac, *ports])


def _file(path: str, content: bytes) -> str:
    """Lines that write a file. What is not plain text is written in base64: no control sequence is in the script."""
    where = shlex.quote(path)
    if not re.fullmatch(rb"(?:[\x20-\x7e\t]*\n)*", content):
        return f"base64 -d > {where} <<'END'\n{base64.encodebytes(content).decode()}END"
    end = "END"
    while f"\n{end}\n".encode() in b"\n" + content:
        end += "_"
    return f"cat > {where} <<'{end}'\n{content.decode()}{end}"
