"""Launch: join image, rootfs, config.json and runtime into a container.

draft (a config.json to look at and change) -> create (containers/<id>/ on disk) -> start (mount, runc).
"""

from __future__ import annotations

import json
import shlex
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine import rootfs, spec, trace
from engine.digest import chain_ids
from engine.disk import DataRoot
from engine.errors import ContainerState, CutawayError, SpecError
from engine.events import ContainersChanged, Status
from engine.host import HostFacts
from engine.jobs import Job
from engine.runtime import ContainerRecord, Containers, Kind, Runtime
from engine.spec import RunOptions
from engine.store import ImageRecord, Store
from engine.trace import StepKind
from engine.views import Draft


@dataclass(frozen=True, slots=True)
class Attachment:
    """The caller's ends of a foreground container's streams: file descriptors; a `stdin` of None is not connected."""

    stdin: int | None
    stdout: int
    stderr: int
    detach_keys: str = "ctrl-p,ctrl-q"


class Launcher:
    """Makes, starts and removes containers."""

    def __init__(
        self, root: DataRoot, facts: HostFacts, store: Store, containers: Containers, runtime: Runtime
    ) -> None:
        self._root = root
        self._facts = facts
        self._store = store
        self._containers = containers
        self._runtime = runtime

    def draft(self, image: ImageRecord, options: RunOptions, job: Job, *, config: str | None = None) -> Draft:
        """A container's config.json as `create` would write it, from the image, the defaults and `options`.

        `config`, a whole config.json from elsewhere, takes the place of the generated one; only what ties it to its
        bundle is made to fit. The image is mounted for a moment, to look users up in its own files.
        Raises SpecError, UsageError, MountError, NotPermitted.
        """
        identity = self._containers.reserve(options.name, image.name)
        with self._looked_into(image, job) as merged:
            with job.step(StepKind.CONFIG, shlex.join(["cutaway", "config", image.name])) as step:
                generated = spec.generate(
                    image.config.execution, options, facts=self._facts, container=identity, rootfs=merged
                )
                text, provenance = generated.text, generated.provenance
                if config is not None:
                    text, provenance = spec.adapt(config, identity)
                step.detail = f"{len(provenance)} values"
        return Draft(
            image=image.name,
            image_digest=image.descriptor.digest,
            layers=tuple(chain_ids(image.config.rootfs.diff_ids)),
            id=identity.id,
            name=identity.name,
            options=options,
            text=text,
            provenance=provenance,
            files=dict(generated.files),
        )

    def create(self, draft: Draft, job: Job) -> ContainerRecord:
        """Put the container on disk: containers/<id>/ with its config.json. It does not run yet.

        Raises SpecError if the config.json is not JSON, UsageError if the name is taken.
        """
        text, provenance = draft.text, draft.provenance
        process = _process(text)
        record = ContainerRecord(
            id=draft.id,
            name=draft.name,
            image=draft.image,
            image_digest=draft.image_digest,
            layers=list(draft.layers),
            created=_now(),
            command=[str(word) for word in process.get("args", [])],
            kind=Kind.CONTAINER,
            terminal=process.get("terminal") is True,
            interactive=draft.options.interactive,
            auto_remove=draft.options.auto_remove,
            stop_signal=draft.options.stop_signal or "",
            stop_timeout=draft.options.stop_timeout if draft.options.stop_timeout is not None else 10,
        )
        path = self._containers.path(record.id)
        with job.step(
            StepKind.STORE, shlex.join(["mkdir", "-p", *(str(path / part) for part in ("upper", "work", "merged"))])
        ):
            self._containers.add(
                record,
                {
                    "config.json": text.encode(),
                    "provenance.json": provenance.to_json().encode(),
                    **{f"files/{name}": data for name, data in draft.files.items()},
                },
            )
        self._journal(record, trace.read(self._root.traces / f"{draft.image_digest.partition(':')[2]}.jsonl"), job)
        job.emit(ContainersChanged((record.id,)))
        return record

    def work_on(self, image: ImageRecord, name: str | None, job: Job) -> ContainerRecord:
        """A working container: the image's layers below a writable directory of its own, mounted. Nothing runs."""
        self._facts.need_root("mount an image")
        self._facts.need_overlay()
        identity = self._containers.reserve(name, image.name)
        record = ContainerRecord(
            id=identity.id,
            name=identity.name,
            image=image.name,
            image_digest=image.descriptor.digest,
            layers=list(chain_ids(image.config.rootfs.diff_ids)),
            created=_now(),
            command=[],
            kind=Kind.WORKING,
        )
        self._containers.add(record, {})
        try:
            rootfs.mount(self._plan(record), job)
        except CutawayError:
            self._containers.remove(record.id)
            raise
        self._journal(record, trace.read(self._root.traces / f"{image.descriptor.digest.hex}.jsonl"), job)
        job.emit(ContainersChanged((record.id,)))
        return record

    def start(self, record: ContainerRecord, job: Job, attachment: Attachment | None = None) -> int | None:
        """Mount its root filesystem and start it. With an attachment stay until its end and return the exit code.

        The streams are connected before the process starts, so nothing of its output is lost. Returns None if
        nobody stayed. Raises ContainerState if it runs already, RuntimeFailed and its kin.
        """
        if record.kind is Kind.WORKING:
            raise ContainerState(
                f"{record.name} is a working container: it has no config.json", hint="Use: cutaway run IMAGE"
            )
        with self._journalled(record, job):
            with self._root.lock(lock_name(record.id), token=job.token):
                if self._runtime.state(record).status in (Status.RUNNING, Status.PAUSED):
                    raise ContainerState(f"{record.name} runs already")
                clean_up(self._root, self._runtime, record, job)
                rootfs.mount(overlay_plan(self._root, record), job)
                try:
                    self._runtime.create(record, job)
                    wire = self._runtime.connect(record) if attachment else None
                    self._runtime.start(record, job)
                except BaseException:
                    clean_up(self._root, self._runtime, record, job, force=True)
                    raise
            job.emit(ContainersChanged((record.id,)))
        if attachment is None or wire is None:
            return None
        return self._converse(record, wire, attachment, job)
