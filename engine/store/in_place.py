"""Directories of others that containers can stand on without a copy: podman's and docker's storage, and any root
filesystem.

Nothing is ever written there: they are lower directories of an overlay. Who owns them can change or remove them, and
then what stands on them changes too.
"""

from __future__ import annotations

import base64
import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any

from engine.digest import Digest, chain_ids
from engine.disk import read_regular
from engine.errors import ContentError, ImageUnknown, StoreError, UsageError
from engine.oci import (
    CONFIG,
    DOCUMENT_READ,
    MANIFEST,
    Descriptor,
    ImageConfig,
    Manifest,
    Platform,
    RootFS,
    parse_config,
    parse_manifest,
)
from engine.reference import Reference
from engine.store.images import ImageRecord
from engine.text import storable, visible

_ID = re.compile(r"[0-9a-f]{64}")
_PLACE = re.compile(r"\[(?:overlay@)?(/[^\]+]*)(?:\+[^\]]*)?\](.*)")
_LIST_LIMIT = 64 * 1024 * 1024
_DEFAULT = Path("/var/lib/containers/storage")
_VARIABLE = "CONTAINERS_STORAGE_CONF"
_CONFIGURATION = (Path("/etc/containers/storage.conf"), Path("/usr/share/containers/storage.conf"))


def directory_image(path: Path, platform: Platform) -> ImageRecord:
    """A root filesystem in a directory as an image without configuration. Raises UsageError where there is none."""
    path = path.absolute()
    if not path.is_dir():
        raise UsageError(f"no directory to take as a root filesystem: {visible(str(path))}")
    if not storable(str(path)):
        raise UsageError(f"runc needs names in UTF-8, not {visible(str(path))}", hint="Give it another name.")
    config = ImageConfig(platform.architecture, platform.os, RootFS("layers", []), variant=platform.variant)
    digest = Digest.of(bytes(path))
    manifest = Manifest(2, Descriptor(CONFIG, digest, 0), [])
    return ImageRecord(str(path), Descriptor(MANIFEST, digest, 0), manifest, config, in_place=(path,))


def podman_image(text: str) -> ImageRecord:
    """An image in the storage of podman and buildah, `[[overlay@ROOT]]NAME`, by name or id (containers-transports(5)).

    Its layers are where they are. Raises ImageUnknown, StoreError.
    """
    return podman_parts(text)[0]


def podman_parts(text: str) -> tuple[ImageRecord, bytes, list[str]]:
    """What `podman_image` gives, its configuration to the byte, and all its names there."""
    root, name = _place(text)
    for image in _list(root / "overlay-images/images.json"):
        if _is_meant(image, name):
            return _load(root, image, _prefix(root) + name)
    raise ImageUnknown(f"podman's storage in {root} has no image {visible(name)!r}", hint="See: podman images")


def podman_images(text: str = "") -> list[ImageRecord]:
    """Every image in podman's storage (`text` is empty, or `[overlay@ROOT]` for another one), by name; one without is
    called by its id. What cannot be read is passed over. Raises StoreError."""
    root, _ = _place(text)
    found = []
    for image in _list(root / "overlay-images/images.json"):
        for name in image.get("names") or [str(image.get("id", ""))]:
            try:
                found.append(_load(root, image, _prefix(root) + str(name))[0])
            except StoreError:
                continue
    return sorted(found, key=lambda record: record.name)


def _place(text: str) -> tuple[Path, str]:
    match = _PLACE.fullmatch(text)
    return (Path(match[1]), match[2]) if match else (_graph_root(), text)


def _prefix(root: Path) -> str:
    """How names in that storage begin."""
    return "containers-storage:" + ("" if root == _graph_root() else f"[overlay@{root}]")


def docker_image(root: Path, number: str, name: str) -> ImageRecord:
    """An image in docker's data directory, by the hexadecimal digits of its id; it is to be called `name`.

    Its layers are where docker's overlay2 driver has them: layerdb leads from each chain ID to a directory.
    Raises ImageUnknown, StoreError.
    """
    if not _ID.fullmatch(number):
        raise StoreError(f"not the id of an image of docker's: {visible(number)[:80]!r}")
    base = root / "image/overlay2"
    path = base / "imagedb/content/sha256" / number
    if not path.exists():
        raise ImageUnknown(f"docker's storage in {root} has no image {number[:12]}", hint="See: docker images")
    raw = read_regular(path, DOCUMENT_READ)
    try:
        config = parse_config(raw)
    except ContentError as error:
        raise StoreError(f"docker's image {number[:12]} cannot be read: {error}") from error
    layers = []
    for chain_id in chain_ids(config.rootfs.diff_ids):
        link = base / "layerdb" / chain_id.algorithm / chain_id.hex / "cache-id"
        cache_id = read_regular(link, 100).decode("ascii", "replace").strip()
        directory = root / "overlay2" / cache_id / "diff"
        if not re.fullmatch(r"[0-9a-z-]+", cache_id) or not directory.is_dir():
            raise StoreError(f"docker's storage in {root} is damaged: a layer of {number[:12]} is not there")
        layers.append(directory)
    digest = Digest.of(raw)
    manifest = Manifest(2, Descriptor(CONFIG, digest, len(raw)), [])
    return ImageRecord(name, Descriptor(MANIFEST, digest, 0), manifest, config, in_place=tuple(layers))


def _graph_root() -> Path:
    """Where podman's storage is when nothing is said of it. Raises StoreError where the variable that names its
    configuration leads to none."""
    named = os.environ.get(_VARIABLE)
    for path in (Path(named),) if named else _CONFIGURATION:
        try:
            said = tomllib.loads(path.read_text())["storage"]["graphroot"]
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            if named:
                raise StoreError(f"{_VARIABLE} is {visible(named)}, which cannot be read: {error}") from error
            continue
        except (KeyError, TypeError):
            continue
        if isinstance(said, str) and said.startswith("/"):
            return Path(said)
    return _DEFAULT


def _list(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    try:
        found = json.loads(read_regular(path, _LIST_LIMIT))
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path} cannot be read") from error
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _is_meant(image: dict[str, Any], name: str) -> bool:
    if re.fullmatch(r"[0-9a-f]{12,64}", name) and str(image.get("id", "")).startswith(name):
        return True
    names = set(map(str, image.get("names") or []))
    for text in (name, f"localhost/{name}"):
        try:
            if str(Reference.parse(text)) in names:
                return True
        except UsageError:  # localhost/ cannot stand before a name that has its registry already
            continue
    return False


def _load(root: Path, image: dict[str, Any], name: str) -> tuple[ImageRecord, bytes, list[str]]:
    number = str(image.get("id", ""))
    if not _ID.fullmatch(number):
        raise StoreError(f"podman's storage in {root} is damaged: an image has no id")
    home = root / "overlay-images" / number
    try:
        raw = read_regular(home / "manifest", DOCUMENT_READ)
        manifest = parse_manifest(raw)
        key = base64.b64encode(manifest.config.digest.encode()).decode()
        config_raw = read_regular(home / f"={key}", DOCUMENT_READ)
        config = parse_config(config_raw)
    except ContentError as error:
        raise StoreError(f"podman's image {visible(name)} cannot be read: {error}") from error
    descriptor = Descriptor(manifest.media_type or MANIFEST, Digest.of(raw), len(raw))
    layers = tuple(_layers(root, str(image.get("layer", ""))))
    record = ImageRecord(name, descriptor, manifest, config, in_place=layers)
    return record, config_raw, list(map(str, image.get("names") or []))


def _layers(root: Path, top: str) -> list[Path]:
    """The directories of a layer and those below it, lowest first. Raises StoreError."""
    parents = {
        str(layer.get("id")): str(layer.get("parent") or "") for layer in _list(root / "overlay-layers/layers.json")
    }
    found: list[Path] = []
    while top:
        path = root / "overlay" / top / "diff"
        if not _ID.fullmatch(top) or top not in parents or not path.is_dir() or len(found) > len(parents):
            raise StoreError(f"podman's storage in {root} is damaged: the layer {visible(top)[:80]} is not there")
        found.insert(0, path)
        top = parents[top]
    return found
