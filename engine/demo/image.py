"""The demo image, put together as a source that is pulled like any other."""

from __future__ import annotations

import os
import platform
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from engine.demo import content
from engine.demo.programs import MERGED, Collection, HostFile
from engine.digest import Digest
from engine.disk import store_error
from engine.jobs import Job
from engine.layers.pack import BuiltLayer, Entry, Kind, build_layer
from engine.oci import (
    CONFIG,
    LAYER_GZIP,
    MANIFEST,
    Descriptor,
    Execution,
    History,
    ImageConfig,
    Manifest,
    Platform,
    RootFS,
    encode,
)
from engine.reference import BUILT_IN
from engine.source import FetchedImage, file_chunks
from engine.trace import StepKind

_LIMIT = 14_000_000  # bytes of the programs and libraries

# The shell first: without it there is nothing to show. The last ones bring many libraries with them.
_PROGRAMS = (
    *("sh", "cat", "echo", "ls", "id", "sleep", "true", "false", "env", "pwd", "uname", "hostname"),
    *("mkdir", "rm", "cp", "mv", "touch", "ln", "chmod", "chown", "mknod", "readlink", "stat", "df", "du"),
    *("head", "tail", "wc", "sort", "cut", "tr", "tee", "seq", "grep", "sed", "date", "test", "kill"),
    *("mount", "umount", "ps"),
)


class DemoSource:
    """Builds the image in `folder`, and hands it out (an engine.source.Source). Raises StoreError, Cancelled."""

    name = BUILT_IN

    def __init__(self, folder: Path, platform: Platform, job: Job) -> None:
        self._files: dict[Digest, Path] = {}
        programs = Collection(_LIMIT)
        programs.add(_PROGRAMS)
        base = content.base(_host_name(), programs.programs)
        stacked = [
            (
                f"COPY {len(programs.programs)} programs of the host and what they need, /etc",
                [*base, *_skeleton(programs.files, {entry.path for entry in base})],
            ),
            ("COPY hello /usr/local/bin/; COPY data /srv/", content.program()),
            ("RUN rm /srv/draft, replace /srv/greeting, empty /srv/menu and refill it", content.changes()),
        ]
        built = [self._build(folder / f"layer-{n}.tar.gz", entries, job) for n, (_, entries) in enumerate(stacked, 1)]
        self._image = _assemble(built, [step for step, _ in stacked], platform)

    def image(self, platform: Platform, job: Job) -> FetchedImage:
        """The image; it is for this host's platform."""
        return self._image

    def blob(self, descriptor: Descriptor, offset: int, job: Job) -> Iterator[bytes]:
        """The bytes of a layer. Raises StoreError, Cancelled."""
        return file_chunks(self._files[descriptor.digest], offset, job)

    def close(self) -> None:
        """Nothing is held open."""

    def _build(self, path: Path, entries: list[Entry], job: Job) -> BuiltLayer:
        job.check()
        command = ["tar", "--create", "--gzip", f"--file={path.name}", "--owner=0", "--group=0", "--sort=name"]
        command += [f"--mtime=@{content.TIME}", f"--directory={path.name.partition('.')[0]}", "."]
        with job.step(StepKind.LAYER, shlex.join(command)) as step:
            try:
                with path.open("wb") as out:
                    built = build_layer(entries, out)
            except OSError as error:
                raise store_error(error, f"cannot write {path}") from error
            step.detail = f"{len(entries)} entries, {built.digest}"
        self._files[built.digest] = path
        return built


def _skeleton(files: list[HostFile], told: set[str]) -> list[Entry]:
    """The host's files as entries, with the directories that they are in, and the links of the merged layout.

    `told` are the paths that have an entry already: podman and docker refuse a layer that tells one twice.
    """
    folders = {str(parent) for file in files for parent in PurePosixPath(file.path).parents} - {"."}
    tops = {folder for folder in folders if folder.count("/") == 1}
    links = [name for name in MERGED if f"usr/{name}" in tops | {"usr/bin", "usr/lib", "usr/sbin"}]
    return [
        *(_link(name, f"usr/{name}") for name in links),
        *(content.directory(folder) for folder in sorted(folders - told)),
        *(_entry(file) for file in files),
    ]


def _entry(file: HostFile) -> Entry:
    if file.target:
        return _link(file.path, file.target)
    if file.twin:
        return Entry(file.path, Kind.LINK, mtime_ns=content.TIME * 10**9, target=file.twin)
    mode = 0o755 if file.executable else 0o644  # no set-user-ID: the host's mount has it
    return Entry(file.path, Kind.FILE, mode, 0, 0, content.TIME * 10**9, Path(file.source))


def _link(path: str, target: str) -> Entry:
    return Entry(path, Kind.SYMLINK, 0o777, 0, 0, content.TIME * 10**9, target=target)


def _assemble(built: list[BuiltLayer], steps: list[str], platform: Platform) -> FetchedImage:
    """Manifest and configuration over the layers."""
    created = datetime.fromtimestamp(content.TIME, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    execution = Execution(
        env=["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        cmd=[f"/{content.PROGRAM}"],
        working_dir="/",
        labels={
            "org.opencontainers.image.title": "Cutaway demo",
            "org.opencontainers.image.description": "Three layers made of this host's own programs, to look at",
            "org.opencontainers.image.created": created,
        },
    )
    settings = [f"ENV {(execution.env or [''])[0]}", f'CMD ["/{content.PROGRAM}"]']
    config = ImageConfig(
        architecture=platform.architecture,
        os=platform.os,
        variant=platform.variant,
        rootfs=RootFS("layers", [layer.diff_id for layer in built]),
        config=execution,
        created=created,
        author="Cutaway",
        history=[
            *(History(created, step, "Cutaway", comment="cutaway demo") for step in steps),
            *(History(created, step, "Cutaway", "cutaway demo", empty_layer=True) for step in settings),
        ],
    )
    config_raw = encode(config)
    manifest = Manifest(
        schema_version=2,
        media_type=MANIFEST,
        config=Descriptor(CONFIG, Digest.of(config_raw), len(config_raw)),
        layers=[Descriptor(LAYER_GZIP, layer.digest, layer.size) for layer in built],
    )
    manifest_raw = encode(manifest)
    descriptor = Descriptor(MANIFEST, Digest.of(manifest_raw), len(manifest_raw))
    return FetchedImage(descriptor, manifest_raw, manifest, config_raw, config)


def _host_name() -> str:
    """What this host's system calls itself (os-release(5))."""
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        return os.uname().sysname
