"""--volumes-from: the directories and volumes that another container binds, by what its config.json says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.spec.document import Document
from engine.spec.mounts import Mount
from engine.spec.provenance import EDITED, Origin, Provenance, SourceKind, option
from engine.spec.values import VolumesFrom
from engine.text import visible

_NOT_VOLUMES = (option("--init"), option("--ipc host"))
"""From options that bind what is no volume."""


def volumes_of(text: str, provenance: Provenance, asked: VolumesFrom) -> Iterator[Mount]:
    """What `asked` takes from the container with this config.json: its binds and named volumes, no memory, and nothing
    of the engine's own. They stay as they are there, but for ro or rw where that is asked for.

    Raises SpecError where the text is not JSON.
    """
    origin = option(f"--volumes-from {visible(asked.name)}")
    mounts = Document(text).get("/mounts")
    for number, entry in enumerate(mounts if isinstance(mounts, list) else ()):
        whose = provenance.get(f"/mounts/{number}/source", EDITED)
        if not isinstance(entry, dict):
            continue
        words = entry.get("options")
        options = tuple(word for word in words if isinstance(word, str)) if isinstance(words, list) else ()
        if _is_volume(entry, options, whose):
            if asked.access:
                options = (*(word for word in options if word not in ("ro", "rw")), asked.access)
            yield Mount(entry["destination"], "bind", entry["source"], options, origin)


def _is_volume(entry: dict[str, Any], options: tuple[str, ...], whose: Origin) -> bool:
    """runc goes by the options, whatever the type; a type `bind` without them is for `check` to tell of."""
    source, destination = entry.get("source"), entry.get("destination")
    return (
        (entry.get("type") == "bind" or "bind" in options or "rbind" in options)
        and isinstance(source, str)
        and isinstance(destination, str)
        and source.startswith("/")
        and whose.source in (SourceKind.USER, SourceKind.ADOPTED)
        and whose not in _NOT_VOLUMES
    )
