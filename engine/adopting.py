"""Adopt: join another engine's container, an image, and its config.json without what was true there alone."""

from __future__ import annotations

import json
import shlex
from contextlib import suppress

import msgspec

from engine import spec
from engine.errors import ImageUnknown, StoreError, UsageError
from engine.host import HostFacts
from engine.jobs import Job
from engine.linking import Linker
from engine.neighbours import OtherContainer
from engine.network import Networks
from engine.runtime import Containers
from engine.spec import Note, Origin, Provenance, RunOptions, SourceKind
from engine.store import ImageRecord, Store, directory_image, docker_image, podman_image
from engine.text import visible
from engine.trace import StepKind
from engine.views import Adoption, Draft

_HINT = "Name an image with the same files: --image IMAGE."


def base(other: OtherContainer, store: Store, facts: HostFacts) -> tuple[ImageRecord, Note]:
    """What its root filesystem is made of, and a note that says so.

    An image here with the same layers; otherwise the other engine's own layers, used where they are, or for a
    container without an image its root directory. Raises UsageError, ImageUnknown, StoreError.
    """
    if other.image_id and other.storage is not None:
        name = f"{other.kind}'s {other.image or other.image_id[:12]}"
        try:
            if other.kind == "docker":
                theirs = docker_image(other.storage, other.image_id, f"docker-storage:{other.image}")
            else:
                theirs = podman_image(f"[overlay@{other.storage}]{other.image_id}")
                theirs = msgspec.structs.replace(theirs, name=f"containers-storage:{other.image or other.image_id}")
        except (ImageUnknown, StoreError) as error:
            raise type(error)(error.message, hint=_HINT) from error
        for image in store.images():
            if image.config.rootfs.diff_ids == theirs.config.rootfs.diff_ids:
                return image, Note(
                    "/root/path", f"on {image.name}, which is here", f"it has the layers of {visible(name)}"
                )
        why = f"nothing is copied, or written there; it lasts as long as {other.kind} keeps that image"
        return theirs, Note("/root/path", f"on the layers of {visible(name)}, where they are", why)
    if other.rootfs is None:
        raise UsageError(f"{visible(other.name)} does not say where its root filesystem is", hint=_HINT)
    why = "it names no image; nothing is written there, but what others change there shows"
    return directory_image(other.rootfs, facts.platform), Note(
        "/root/path", f"on the directory {visible(str(other.rootfs))}", why
    )


def adopt(
    other: OtherContainer,
    image: ImageRecord,
    notes: list[Note],
    options: RunOptions,
    containers: Containers,
    facts: HostFacts,
    linker: Linker,
    networks: Networks,
    job: Job,
) -> Adoption:
    """The draft of a container on `image` by another one's config.json; `options` say its name, what becomes of it, and
    its network: bridge, or none, which is the loopback alone; without one a bridge where the other has one.

    `notes` are put before those on what is changed.
    Raises SpecError, ContainerState (name taken), UsageError, ToolMissing (no bridge to be had).
    """
    identity = containers.reserve(options.name, other.name if other.kind != "file" else image.name)
    whose = f"{other.kind}'s container {other.name}" if other.kind != "file" else f"the file {other.name}"
    said = f"{other.kind}:{other.name}" if other.kind != "file" else other.name
    bridged, network_notes = _bridged(other, options, facts)
    network, address = linker.foreseen("bridge") if bridged else ("", "")
    netns = networks.path(identity.id) if bridged else None
    with job.step(StepKind.CONFIG, shlex.join(["cutaway", "adopt", *options.words(), said])) as step:
        given = _with_network(other.text) if bridged else other.text
        files = _files(given, identity, address)
        adopted = spec.adopt(given, other.kind, files=files, facts=facts, bridged=bridged)
        origin = Origin(SourceKind.ADOPTED, f"{visible(whose)}, as it was")
        text, provenance = spec.adapt(adopted.text, identity, origin=origin, netns=netns)
        known = {**provenance, **{p: origin for p, origin in adopted.origins.items() if p in provenance}}
        step.detail = f"{len(known)} values, {len(adopted.notes)} replaced"
    all_notes = [*notes, *network_notes, *adopted.notes, *_fitted(other.text, text, provenance)]
    draft = Draft(
        image=image.name,
        image_digest=image.descriptor.digest,
        layers=tuple(image.chain_ids),
        in_place=tuple(map(str, image.in_place)),
        id=identity.id,
        name=identity.name,
        options=msgspec.structs.replace(options, interactive=other.interactive),
        text=text,
        provenance=Provenance(known),
        files=files,
        steps=tuple(job.steps[-1:]),
        network=network,
        address=address,
    )
    return Adoption(draft, tuple(all_notes))


def made_anew(other: OtherContainer, options: RunOptions, facts: HostFacts) -> tuple[RunOptions, list[Note]]:
    """The options that make another engine's container anew, with what `options` say of name, end and network, and what
    is to be told of it. Raises UsageError where they cannot be had."""
    made = spec.parse_options(other.words or ())
    network, publish = options.network or ("bridge" if options.publish else other.network), options.publish
    notes = [
        Note(
            "/process",
            "made anew, by the options that docker wrote down",
            "it keeps no config.json of what does not run",
        ),
        *(Note("/process", visible(each), "its options cannot say it") for each in other.untold),
    ]
    if network == "bridge" and options.network is None and facts.bridge is None:
        network = "none"
        notes.append(Note("/linux/namespaces", "the loopback alone", "this host has no netavark to make a bridge"))
    if other.ports and not publish:
        shown = ", ".join(other.ports[:8])
        notes.append(Note("/linux/namespaces", f"{shown} not published", "docker may have them again; -p publishes"))
    made = msgspec.structs.replace(
        made,
        name=options.name,
        auto_remove=options.auto_remove,
        network=network,
        publish=publish,
        args=other.command,
        dns=made.dns if network != "none" else (),
    )
    return made, notes


def as_adopted(other: OtherContainer, draft: Draft) -> Provenance:
    """Where the values of such a draft are from: what an option says is the other container's."""
    whose = f"{other.kind}'s container {visible(other.name)}"
    return Provenance(
        {
            pointer: Origin(SourceKind.ADOPTED, f"{whose}: {origin.detail}")
            if origin.source is SourceKind.USER
            else origin
            for pointer, origin in draft.provenance.items()
        }
    )


def _bridged(other: OtherContainer, options: RunOptions, facts: HostFacts) -> tuple[bool, list[Note]]:
    """Whether it is to have a bridge, and what is to be said of its network."""
    place = "/linux/namespaces"
    if options.network is not None or options.publish:
        return options.network != "none", []
    if not other.bridged:
        return False, []
    whose = f"{other.kind} has it on a bridge"
    if facts.bridge is None:
        return False, [Note(place, "the loopback alone", f"{whose}, and this host has no netavark to make one")]
    if _mapped(other.text):
        why = f"{whose}, and with a user namespace that is not made by itself: --network bridge tries it"
        return False, [Note(place, "the loopback alone", why)]
    notes = [Note(place, "on a bridge of Cutaway's, with an address of its own", whose)]
    if other.ports:
        shown = ", ".join(other.ports[:8])
        notes.append(Note(place, f"{shown} not published", f"{other.kind} may have them still; -p publishes others"))
    return True, notes


def _mapped(text: str) -> bool:
    try:
        return any(spec.id_mappings(json.loads(text)))
    except (ValueError, RecursionError):
        return False


def _with_network(text: str) -> str:
    """The config.json with a network namespace of its own where it has the host's. Raises SpecError."""
    document = spec.Document(text)
    entries = document.get("/linux/namespaces")
    if document.problem is not None or not isinstance(entries, list):
        return text
    if any(isinstance(entry, dict) and entry.get("type") == "network" for entry in entries):
        return text
    return document.insert(f"/linux/namespaces/{len(entries)}", {"type": "network"}).text


def _files(text: str, identity: spec.ContainerIdentity, address: str) -> dict[str, bytes]:
    """The hosts file and its like, as the namespaces in the text make them fit."""
    try:
        config = json.loads(text)
        entries = config["linux"]["namespaces"]
        own_network = any(isinstance(entry, dict) and entry.get("type") == "network" for entry in entries)
        hostname = config.get("hostname")
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        own_network, hostname = False, None
    options = RunOptions(network="none" if own_network else "host")
    name = identity.name
    if isinstance(hostname, str):
        with suppress(UsageError):
            name = RunOptions(hostname=hostname).hostname or name
    return spec.network_files(options, hostname=name, name=identity.name, host_network=not own_network, address=address)


def _fitted(before: str, after: str, provenance: Provenance) -> list[Note]:
    """What was made to fit the new container's directory and control group."""
    old, new = spec.Document(before), spec.Document(after)
    return [
        Note(
            pointer,
            f"{new.get(pointer)} in place of {visible(str(old.get(pointer) or 'none'))}",
            provenance[pointer].detail,
        )
        for pointer in ("/linux/cgroupsPath", "/root/path")
        if old.get(pointer) != new.get(pointer) and pointer in provenance
    ]
