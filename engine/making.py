"""Making: a draft becomes a container on disk, and later drafts its config.json."""

from __future__ import annotations

import shlex

import msgspec

from engine.bundling import KEPT, read_config, stop_signal
from engine.disk import DataRoot
from engine.errors import ContainerState
from engine.events import ContainersChanged
from engine.jobs import Job
from engine.journalling import image_steps, journalled, need_config
from engine.linking import Linker
from engine.network import Networks
from engine.runtime import ContainerRecord, Containers, Kind, Runtime, now
from engine.trace import StepKind
from engine.views import Draft
from engine.volumes import Volumes


class Maker:
    """Writes what makes a container: its record, its config.json, and what is kept beside it."""

    def __init__(self, root: DataRoot, containers: Containers, runtime: Runtime, networks: Networks) -> None:
        self._root = root
        self._containers = containers
        self._runtime = runtime
        self._networks = networks
        self._volumes = Volumes(root)
        self._linker = Linker(containers, runtime, networks)

    def create(self, draft: Draft, job: Job) -> ContainerRecord:
        """Put the container on disk: containers/<id>/ with its config.json. It does not run yet.

        Raises SpecError or UsageError if the config.json has nothing that can run, ContainerState if the name is taken.
        """
        text, provenance = draft.text, draft.provenance
        config = read_config(text)
        process = config["process"]
        record = ContainerRecord(
            id=draft.id,
            name=draft.name,
            image=draft.image,
            image_digest=draft.image_digest,
            layers=list(draft.layers),
            in_place=list(draft.in_place),
            created=now(),
            command=process["args"],
            kind=Kind.CONTAINER,
            terminal=process.get("terminal") is True,
            interactive=draft.options.interactive,
            auto_remove=draft.options.auto_remove,
            restart=draft.options.comes_back,
            stop_signal=draft.options.stop_signal or stop_signal(config),
            stop_timeout=draft.options.stop_timeout if draft.options.stop_timeout is not None else 10,
            log_size=draft.options.log_size,
            logged=draft.options.log_driver not in ("none", "passthrough"),
            passes=draft.options.log_driver == "passthrough",
            network=draft.network,
            address=draft.address,
            mac=draft.options.mac,
            numbers=draft.numbers,
            ports=self._networks.settled(draft.options.ports),
        )
        path = self._containers.path(record.id)
        files = {
            "config.json": text.encode("utf-8", "surrogateescape"),
            "provenance.json": provenance.to_json(),
            KEPT.options: draft.options.to_json(),
            KEPT.generated: (draft.generated or text).encode("utf-8", "surrogateescape"),
            **{f"files/{name}": data for name, data in draft.files.items()},
        }
        made = shlex.join(["mkdir", "-p", *(str(path / part) for part in ("upper", "work", "merged"))])
        with (
            journalled(self._containers, record, job, (*image_steps(self._root, record), *draft.steps)),
            job.step(StepKind.STORE, made) as step,
        ):
            record = self._linker.add(record, files, made_up=not draft.options.name)
            step.detail = f"container {record.id}, named {record.name}"
        with journalled(self._containers, record, job):
            self._volumes.make(path / "config.json", job)
        self._containers.happenings.add(record, "create")
        job.emit(ContainersChanged((record.id,)))
        return record

    def revise(self, record: ContainerRecord, draft: Draft, job: Job) -> None:
        """Write the draft's config.json into a container that does not run. Raises ContainerState, SpecError."""
        need_config(record)
        process = read_config(draft.text)["process"]
        command = shlex.join(["$EDITOR", str(self._containers.path(record.id) / "config.json")])
        with journalled(self._containers, record, job), self._containers.lock(record.id, token=job.token) as directory:
            if self._runtime.state(record).pid:
                raise ContainerState(
                    f"{record.name} runs: its config.json counts from the next start on",
                    hint=f"cutaway stop {record.name}",
                )
            with job.step(StepKind.CONFIG, command) as step:
                text = draft.text.encode("utf-8", "surrogateescape")
                self._root.write(directory / "config.json", text, mode=0o600)
                self._root.write(directory / "provenance.json", draft.provenance.to_json(), mode=0o600)
                terminal = process.get("terminal") is True
                self._containers.update(msgspec.structs.replace(record, command=process["args"], terminal=terminal))
                step.detail = f"{len(draft.provenance)} values"
        self._containers.happenings.add(record, "update")
