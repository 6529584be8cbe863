"""Draft: the config.json of a container to be, joined from its image, the options, and the network it will have."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from engine import rootfs, spec
from engine.bundling import check_beside, kept_config, kept_provenance, typed
from engine.disk import DataRoot
from engine.events import Problem
from engine.host import HostFacts
from engine.jobs import Job
from engine.journalling import need_config
from engine.linking import Linker
from engine.network import Networks
from engine.runtime import Containers
from engine.spec import RunOptions
from engine.store import ImageRecord
from engine.trace import StepKind
from engine.views import Draft
from engine.volumes import Volumes


class Drafter:
    """Writes config.json files; nothing of a container is on disk yet."""

    def __init__(
        self, root: DataRoot, facts: HostFacts, containers: Containers, networks: Networks, linker: Linker
    ) -> None:
        self._root = root
        self._facts = facts
        self._containers = containers
        self._networks = networks
        self._linker = linker

    def draft(
        self,
        image: ImageRecord,
        options: RunOptions,
        job: Job,
        *,
        config: str | None = None,
        like: Draft | None = None,
        called: str = "",
    ) -> Draft:
        """A container's config.json as `create` would write it, from the image, the defaults and `options`.

        `config`, a whole config.json from elsewhere, takes the place of the generated one; only what ties it to its
        bundle and to its network is made to fit. With `like` it is for the same container as that draft. Without a name
        among the options it is `called` so, or like the image, with a number. The image is mounted for a moment, to
        look users up in its own files.
        Raises SpecError, UsageError, MountError, NotPermitted.
        """
        options = options.publishing(image.config.execution.exposed_ports or ())
        identity: spec.ContainerIdentity = like or self._containers.reserve(options.name or None, called or image.name)
        command, peer = typed(options, image.name, identity.name)
        peer = peer if config is None and not image.in_place else ""
        shaping = options
        if config is not None:
            named = spec.network_in(config, self._networks.is_ours)
            check_beside(options, config, bridged=named == "bridge")
            shaping = msgspec.structs.replace(options, network=named)
        chosen = spec.chosen_network(shaping, self._facts)
        network, address = (like.network, like.address) if like else self._linker.foreseen(chosen.said, options.ip)
        netns = self._networks.path(identity.id) if network else None
        with (
            looked_into(self._root, self._facts, image, job) as merged,
            job.step(StepKind.CONFIG, command, peer=peer) as step,
        ):
            numbers = like.numbers if like else self._numbers(shaping, merged, image.config.execution.user)
            generated = spec.generate(
                image.config.execution,
                shaping,
                facts=self._facts,
                container=identity,
                rootfs=merged,
                netns=netns,
                address=address,
                volumes=Volumes(self._root).base,
                numbers=numbers,
                shared=self._linker.shared_files(network),
                inherited=tuple(self._inherited(options)),
            )
            text, provenance, files = generated.text, generated.provenance, dict(generated.files)
            if config is not None:
                text, provenance = spec.adapt(config, identity, netns=netns)
                if os.path.normpath(spec.root_in(config) or spec.ROOT_PATH) != spec.ROOT_PATH:
                    job.emit(Problem("root-replaced", "root.path in that file is not used: the container has its own"))
                # Made by options for another network, it may bind a file that this container would not have.
                files = dict.fromkeys(spec.own_files(text), b"") | files
            step.detail = f"{len(provenance)} values"
            if config is None and options.network is None:
                step.detail += f"; network {chosen.said} ({chosen.origin.detail})"
        if chosen.lacking and like is None:
            job.emit(Problem("no-bridge", *chosen.lacking))
        return Draft(
            image=image.name,
            image_digest=image.descriptor.digest,
            layers=tuple(image.chain_ids),
            in_place=tuple(map(str, image.in_place)),
            id=identity.id,
            name=identity.name,
            options=options,
            text=text,
            provenance=provenance,
            files=files,
            steps=tuple(job.steps[-1:]),
            network=network,
            address=address,
            numbers=numbers,
        )

    def _inherited(self, options: RunOptions) -> Iterator[spec.Mount]:
        """What --volumes-from means. Raises ContainerUnknown, ContainerState, SpecError."""
        for text in options.volumes_from:
            asked = spec.volumes_from(text, "--volumes-from")
            record = self._containers.find(asked.name)
            need_config(record)
            home = self._containers.path(record.id)
            yield from spec.volumes_of(kept_config(record, home), kept_provenance(record, home), asked)

    def _numbers(self, options: RunOptions, rootfs: Path, user: str) -> tuple[int, int] | None:
        """The numbers of the host that --userns auto gives a container. Raises HostError, UsageError, SpecError."""
        size = spec.numbers_asked(options)
        if size is None:
            return None
        size = size or spec.numbers_needed(rootfs, user if options.user is None else options.user)
        return spec.free_numbers(size, [record.numbers for record in self._containers.all() if record.numbers])


@contextmanager
def looked_into(root: DataRoot, facts: HostFacts, image: ImageRecord, job: Job) -> Iterator[Path]:
    """The image's merged directory, mounted for a moment below tmp/, to be read."""
    facts.need_root("mount an image")
    facts.need_overlay()
    # A single directory in place may have the data directory in it: of that there is no overlay without an upper one.
    read_only = len(image.in_place) != 1
    with root.staging("look") as directory:
        for part in ("merged",) if read_only else ("upper", "work", "merged"):
            (directory / part).mkdir()
        layers, in_place, volatile = image.chain_ids, image.in_place, facts.overlay_volatile and not read_only
        plan = rootfs.plan(root, layers, directory, in_place=in_place, volatile=volatile, read_only=read_only)
        quiet = job.quiet()  # it is not among the steps that make the container
        rootfs.mount(plan, quiet)
        try:
            yield plan.merged
        finally:
            rootfs.unmount(plan.merged, quiet)
