"""What the façade hands out: plain frozen data, the same for the command line, the screen and JSON."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from engine import spec
from engine.events import Status
from engine.trace import Step

if TYPE_CHECKING:
    from engine.spec import Note, Provenance, RunOptions


class ImageSummary(msgspec.Struct, frozen=True):
    """One image of the store. `id` is the hexadecimal digest of its configuration, as podman's and docker's;
    `size` is the bytes of its compressed layers; `created` is RFC 3339 or "" where the image does not say."""

    reference: str
    id: str
    digest: str
    created: str
    size: int
    layers: int


class LayerSummary(msgspec.Struct, frozen=True):
    """One layer of an image, lowest first. `size` is the bytes of its files expanded, `blob_size` compressed;
    `path` is its directory, `files` the number of entries in it."""

    digest: str
    diff_id: str
    chain_id: str
    media_type: str
    size: int
    path: str
    created_by: str
    blob_size: int
    files: int


class HistoryStep(msgspec.Struct, frozen=True):
    """One step in an image's making, oldest first. `layer` is the digest of the layer it made, or "" if it made none;
    `size` that layer's compressed bytes."""

    created: str
    created_by: str
    comment: str
    layer: str
    size: int


class FileEntry(msgspec.Struct, frozen=True):
    """One path of an image or a container. `path` has no leading slash, `mode` is st_mode, `size` bytes, `mtime`
    seconds since the epoch; `target` is a link's, `same_as` another name of the same file, `device` (major, minor).
    `layer` counts from 1, the lowest; `change` is what that layer did, "added", "changed", "removed" or "" for a
    directory that stays as it was; `hides` is the layer whose file it takes the place of, 0 for none.
    """

    path: str
    mode: int
    uid: int
    gid: int
    size: int
    mtime: float
    target: str
    device: tuple[int, int]
    same_as: str
    xattrs: tuple[str, ...]
    layer: int
    change: str
    hides: int


class OverlayView(msgspec.Struct, frozen=True):
    """The overlay that a container's root filesystem is: directories, lowest first, below a writable `upper`, all seen
    at `merged`. `command` is the shell line that mounts the same."""

    lower: tuple[Path, ...]
    upper: Path
    work: Path
    merged: Path
    mounted: bool
    command: str


class Written(msgspec.Struct, frozen=True):
    """What a container has changed so far. `since_start` are the paths of `entries` that were last changed after its
    start (the kernel's ctime, which no program sets)."""

    entries: tuple[FileEntry, ...]
    since_start: frozenset[str]


class ContainerSummary(msgspec.Struct, frozen=True):
    """One container, or working container (`working`: made by `mount`, it has no config.json and never ran).

    `pid` is 0 where no process runs; `exit_code` is None until it has ended; times are in seconds since the epoch,
    or None. `out_of_memory` says that the kernel killed a process of it for want of memory. `address` is its own in a
    bridge network, `ports` are what is published there. `logged` says whether its output is kept, `passes` whether it
    has the streams of who started it, `restart` when it is started again ("" for never).
    """

    id: str
    name: str
    image: str
    status: Status
    pid: int
    created: str
    exit_code: int | None
    command: tuple[str, ...]
    started: float | None
    finished: float | None
    out_of_memory: bool
    working: bool
    terminal: bool
    interactive: bool
    mounted: bool
    path: Path
    network: str = ""
    address: str = ""
    ports: tuple[str, ...] = ()
    logged: bool = True
    passes: bool = False
    restart: str = ""

    @property
    def merged(self) -> Path:
        """The directory where its root filesystem is, while it is mounted."""
        return self.path / "merged"


class Draft(msgspec.Struct, frozen=True):
    """A container that is not there yet: its config.json can still be changed. `Workbench.create` makes it real."""

    image: str
    image_digest: str
    layers: tuple[str, ...]
    id: str
    name: str
    options: RunOptions
    text: str
    provenance: Provenance
    files: dict[str, bytes]
    steps: tuple[Step, ...]
    """What was done to make it: the journal of the container begins with that."""
    network: str = ""
    """"bridge", "container:ID", or "" where config.json says all."""
    address: str = ""
    """Its own in the bridge network."""

    in_place: tuple[str, ...] = ()
    """Directories of others that it stands on, lowest first, in place of layers of the store."""
    numbers: tuple[int, int] | None = None
    """The first of the host's numbers that --userns auto gives it, and how many."""
    generated: str = ""
    """The config.json before anything was changed by hand; "" where that is `text` itself."""
    made_by: tuple[str, ...] = ()
    """The command line's words that make this container, where they are not those of `create`."""

    def with_text(self, text: str) -> Draft:
        """The draft with an edited config.json; what differs from before becomes the user's in the provenance."""
        provenance = spec.edited(self.text, text, self.provenance)
        return msgspec.structs.replace(self, text=text, provenance=provenance, generated=self.generated or self.text)

    @property
    def terminal(self) -> bool:
        """Whether its config.json gives it a terminal."""
        with suppress(ValueError, RecursionError, LookupError, TypeError):
            return json.loads(self.text)["process"]["terminal"] is True
        return False

    def interactive(self) -> Draft:
        """The draft of a container whose standard input is connected, as -i."""
        return msgspec.structs.replace(self, options=msgspec.structs.replace(self.options, interactive=True))


class KeptDraft(msgspec.Struct, frozen=True):
    """A draft that was being changed when its process ended: `text` is what it had become, `revises` says that it is of
    a container that is there, `saved` when it was kept, in seconds since the epoch."""

    draft: Draft
    text: str
    revises: bool
    saved: float


class VolumeSummary(msgspec.Struct, frozen=True):
    """A named volume: where its data are, and the ids of the containers whose config.json binds it."""

    name: str
    path: Path
    containers: tuple[str, ...]


class Baseline(msgspec.Struct, frozen=True):
    """A config.json to compare a draft with: `what` is how `Workbench.baseline` knows it, `label` says it in words."""

    what: str
    label: str


class Adoption(msgspec.Struct, frozen=True):
    """Another engine's container as a draft of our own, and what was changed in its config.json, and why."""

    draft: Draft
    notes: tuple[Note, ...]
