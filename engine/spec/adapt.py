"""Makes a config.json from elsewhere fit one container: its root and its control group, and nothing else."""

from __future__ import annotations

from engine.errors import SpecError
from engine.spec.document import Document
from engine.spec.generate import ROOT_PATH, ContainerIdentity, cgroups_path
from engine.spec.provenance import Origin, Provenance, SourceKind, host, leaves

GIVEN = Origin(SourceKind.USER, "the config.json that was given")


def adapt(text: str, container: ContainerIdentity, *, origin: Origin = GIVEN) -> tuple[str, Provenance]:
    """The text with root.path and linux.cgroupsPath as this container needs them, and where its values come from:
    what was in it from `origin`, the two from this host. Formatting and unknown keys survive.

    Raises SpecError if it is not a JSON object.
    """
    document = Document(text)
    value = document.value
    if not isinstance(value, dict):
        raise SpecError("a config.json has to be a JSON object", hint="cutaway check FILE says where it is not.")
    changes = {
        "/root/path": (ROOT_PATH, host("the container's own mount, beside this file")),
        "/linux/cgroupsPath": (cgroups_path(container), host("this container's own control group")),
    }
    origins: dict[str, Origin] = {}
    for pointer, (wanted, why) in changes.items():
        if document.get(pointer) != wanted:
            document = document.set(pointer, wanted)
            origins[pointer] = why
    known = {pointer: origins.get(pointer, origin) for pointer, _ in leaves(document.value)}
    return document.text, Provenance(known)
