"""The façade's part about config.json: made, explained, checked, changed, compared, adopted."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from engine import spec
from engine.bundling import KEPT, kept_config, kept_provenance, launched, reopened
from engine.events import ContainersChanged, Status
from engine.image_desk import ROOTFS, ImageDesk
from engine.jobs import Job
from engine.journalling import need_config
from engine.trace import StepKind
from engine.views import Adoption, Baseline, ContainerSummary, Draft, KeptDraft

if TYPE_CHECKING:  # what not every command needs is loaded where it is used
    from engine.drafting import Drafter
    from engine.keeping import Keeper
    from engine.linking import Linker
    from engine.neighbours import Neighbour, Neighbours
    from engine.spec import Change, Diagnostic, Explained, Provenance, RunOptions
    from engine.working import Mounter


class ConfigDesk(ImageDesk):
    """The config.json of containers, of those that are there and of those to be; made as a ContainerDesk is."""

    def draft(self, image: str, options: RunOptions, job: Job, *, config: str | None = None) -> Draft:
        """A container's config.json before there is a container (see Drafter.draft).

        Raises ImageUnknown, SpecError, UsageError, MountError, NotPermitted, Cancelled.
        """
        with self._store.holding(job.token):
            return self._drafter.draft(self._expanded(image, job), options, job, config=config)

    def explain(self, draft: Draft) -> list[Explained]:
        """Every value of a draft's config.json with its source."""
        return spec.explain(draft.text, draft.provenance)

    def check(self, text: str | bytes, *, bundle: Path | None = None, container: str = "") -> list[Diagnostic]:
        """What is wrong, or surely not meant, in a config.json; with `bundle`, the directory where it is, relative
        paths and what is in its root filesystem are looked up too. `container` is the id of the one that it is for,
        which is here, or to be."""
        return spec.check(
            text,
            facts=self.facts,
            bundle=bundle,
            will_be_made=self._networks.is_ours,
            own_root=self._containers.path(container) / spec.ROOT_PATH if container else None,
        )

    def config(self, name: str) -> tuple[str, Provenance]:
        """The config.json of a container and where its values come from. Raises ContainerUnknown, ContainerState for a
        working container, SpecError where one of both cannot be read."""
        record = self._find(name)
        need_config(record)
        path = self._containers.path(record.id)
        return kept_config(record, path), kept_provenance(record, path)

    def privileged(self, text: str) -> bool:
        """Whether a config.json has what --privileged gives."""
        return spec.is_privileged(text, self.facts)

    def with_privileged(self, text: str, on: bool, options: RunOptions | None = None) -> Change:
        """A config.json with what --privileged gives, or without; what `options` ask for stays (see set_privileged)."""
        return spec.set_privileged(text, on, self.facts, options)

    def reopen(self, name: str) -> Draft:
        """A container that is there as a draft of itself, to be changed, compared, and given to `revise`.

        Raises ContainerUnknown, ContainerState for a working container, SpecError.
        """
        record = self._find(name)
        return reopened(record, self._containers.path(record.id), *self.config(name))

    def revise(self, draft: Draft, job: Job) -> ContainerSummary:
        """Give a container that does not run the config.json of its changed draft (see `reopen`), for its next start.

        Raises ContainerUnknown, ContainerState while it runs, SpecError or UsageError where nothing in it can run.
        """
        record = self._find(draft.id)
        self._maker.revise(record, draft, job)
        job.emit(ContainersChanged((record.id,)))
        return self._summary(self._find(record.id))

    def keep(self, draft: Draft, text: str, *, revises: bool = False) -> None:
        """Keep a draft that is being changed, so that it outlives this process; `revises`: it is a reopened one.

        Raises StoreError.
        """
        self._keeper.keep(draft, text, revises=revises)

    def let_go(self, draft: Draft) -> None:
        """Keep nothing of a draft any more: it was launched, or thrown away."""
        self._keeper.let_go(draft.id)

    def kept(self) -> list[KeptDraft]:
        """What processes that are gone were changing, oldest first; each is told to one process alone."""
        return self._keeper.kept()

    def export(self, draft: Draft, directory: Path, job: Job) -> tuple[ContainerSummary, list[str]]:
        """A draft as a bundle for plain `runc run`: config.json and what it binds in a directory, and a working
        container of its image, mounted, as its root filesystem; and in sentences what had to be changed.

        Raises UsageError where the directory has a config.json or cannot be written, SpecError, ImageUnknown,
        MountError.
        """
        from engine.exporting import check_target, write_bundle  # no other command needs it

        check_target(directory)
        image = ROOTFS + draft.image if draft.image.startswith("/") else draft.image
        with self._store.holding(job.token):
            record = self._mounter.make(self._expanded(image, job), None, job)
        made = self._summary(record)
        try:
            with job.step(StepKind.STORE, f"$EDITOR {shlex.quote(str(directory / 'config.json'))}") as step:
                said = write_bundle(draft, made.merged, directory)
                step.detail = "; ".join(said)
        except BaseException:
            self._launcher.remove(record, job.quiet(), force=True)
            raise
        return made, said

    def baselines(self, draft: Draft) -> list[Baseline]:
        """What a draft can be compared with, of what is here, containers of other engines among it; a file can be
        named, too (see `baseline`)."""
        found = [Baseline("generated", "as generated")]
        path = self._containers.path(draft.id)
        if (path / KEPT.launched).exists():
            found.append(Baseline("launched", "as last launched"))
        if not draft.image.startswith("docker-storage:"):  # an image of docker's own is known by its layers alone
            found += [
                Baseline("bare", "the image's bare defaults"),
                Baseline("podman", "as podman 4.3 would write it, by the same options"),
                Baseline("docker", "as docker 20.10 would write it, by the same options"),
            ]
        others = [c for c in self.containers() if c.id != draft.id and not c.working]
        found += [
            Baseline(f"container:{c.name}", f"the container {c.name}") for c in others if c.status is not Status.DAMAGED
        ]
        theirs = [(each.engine, each.name or each.id) for each in self.neighbours()[0] if not each.why_not]
        return found + [Baseline(f"{engine}:{name}", f"{engine}'s container {name}") for engine, name in theirs]

    def baseline(self, what: str, draft: Draft, job: Job) -> str:
        """A config.json to compare a draft with: `generated`, `launched`, `bare`, `podman`, `docker` (what these
        themselves would write by the same options, see spec.as_podman), `container:NAME` of ours, or what `adopt`
        takes: `podman:NAME`, `docker:NAME`, `runc:ID`, a file.

        Raises UsageError, ContainerUnknown, ContainerState, ImageUnknown, and what `draft` and `adopt` raise.
        """
        match what:
            case "generated":
                return draft.generated or draft.text
            case "launched":
                return launched(self._containers.path(draft.id), draft.name)
            case "bare" | "podman" | "docker":
                options = spec.RunOptions() if what == "bare" else msgspec.structs.replace(draft.options, profile=what)
                image = ROOTFS + draft.image if draft.image.startswith("/") else draft.image
                with self._store.holding(job.token):
                    text = self._drafter.draft(self._expanded(image, job), options, job, like=draft).text
                theirs = {"podman": spec.as_podman, "docker": spec.as_docker}.get(what)
                return text if theirs is None else theirs(text, draft.id, options)
        kind, _, name = what.partition(":")
        if kind == "container":
            return self.config(name)[0]
        other = self._neighbours.find(what)
        if other.words is not None:
            return self.adopt(what, job).draft.text
        return other.text

    def neighbours(self) -> tuple[list[Neighbour], list[str]]:
        """The containers of podman, docker and bare runc on this host, and in words what kept one from telling."""
        return self._neighbours.listed()

    def adopt(
        self,
        what: str,
        job: Job,
        *,
        image: str | None = None,
        name: str | None = None,
        auto_remove: bool = False,
        network: str | None = None,
        publish: Sequence[str] = (),
    ) -> Adoption:
        """Another engine's container, `podman:NAME`, `docker:NAME`, `runc:ID`, or a config.json, as a draft.

        Without `image` it stands on an image here that has the same layers, or on the other engine's own where they
        are. `network` is bridge, with what to `publish`, or none; without one it is as the other's engine has it. Where
        that has no config.json now, one is made by the options that it has written down.
        Raises ContainerUnknown, ContainerState, ImageUnknown, UsageError, SpecError, HostError, StoreError.
        """
        from engine.adopting import adopt, as_adopted, base, made_anew  # no other command needs it

        other = self._neighbours.find(what)
        with self._store.holding(job.token):
            if image is not None:
                record, notes = self._expanded(image, job), []
            else:
                record, note = base(other, self._store, self.facts)
                notes = [note]
                if not record.in_place:
                    record = self._expanded(record.name, job)
            options = spec.RunOptions(name=name, auto_remove=auto_remove, network=network, publish=tuple(publish))
            words = ("adopt", *(("--image", image) if image is not None else ()), *options.words(), what)
            if other.words is not None:
                options, more = made_anew(other, options, self.facts)
                draft = self._drafter.draft(record, options, job, called=other.name)
                draft = msgspec.structs.replace(draft, provenance=as_adopted(other, draft))
                adoption = Adoption(draft, (*notes, *more))
            else:
                adoption = adopt(
                    other, record, notes, options, self._containers, self.facts, self._linker, self._networks, job
                )
            draft = msgspec.structs.replace(adoption.draft, made_by=words)
            return Adoption(draft, adoption.notes)

    @cached_property
    def _drafter(self) -> Drafter:
        from engine.drafting import Drafter

        return Drafter(self.root, self.facts, self._containers, self._networks, self._linker)

    @cached_property
    def _mounter(self) -> Mounter:
        from engine.working import Mounter

        return Mounter(self.root, self._containers, self._linker, self._launcher)

    @cached_property
    def _linker(self) -> Linker:
        from engine.linking import Linker

        return Linker(self._containers, self._runtime, self._networks)

    @cached_property
    def _keeper(self) -> Keeper:
        from engine.keeping import Keeper

        return Keeper(self.root)

    @cached_property
    def _neighbours(self) -> Neighbours:
        from engine.neighbours import Neighbours

        return Neighbours(self.facts)
