"""A draft as a bundle of its own (runtime-spec, bundle.md), for plain `runc run`: config.json, the files that it binds,
and the path of a mounted root filesystem."""

from __future__ import annotations

import os
from pathlib import Path

from engine.errors import SpecError, UsageError
from engine.spec import Document
from engine.text import storable, visible
from engine.views import Draft


def check_target(directory: Path) -> None:
    """Raises UsageError where a bundle cannot be put into a directory; one that is not there yet is made."""
    if not storable(str(directory.absolute())):
        raise UsageError(f"runc needs names in UTF-8, not {visible(str(directory))}")
    if directory.exists() and not directory.is_dir():
        raise UsageError(f"{visible(str(directory))} is no directory")
    if (directory / "config.json").exists():
        raise UsageError(
            f"{visible(str(directory))} has a config.json already", hint="Name a new directory, or remove that file."
        )


def write_bundle(draft: Draft, merged: Path, directory: Path) -> list[str]:
    """Write the bundle; `merged` is where its root filesystem is mounted. Returns in sentences what had to be changed.

    Raises SpecError for what is no configuration, UsageError where it cannot be written.
    """
    check_target(directory)
    document = Document(draft.text)
    if document.problem is not None or not isinstance(document.value, dict):
        raise SpecError("this config.json is no JSON object", hint="F8 in the editor, or cutaway check, shows where.")
    document = document.set("/root/path", str(merged))
    said = [f"root.path is {merged}: the image, mounted for this bundle"]
    entries = document.get("/linux/namespaces")
    for number, entry in enumerate(entries if isinstance(entries, list) else ()):
        path = entry.get("path") if isinstance(entry, dict) else None
        if isinstance(path, str) and path and not os.path.exists(path):
            document = document.remove(f"/linux/namespaces/{number}/path")
            said.append(f"the {visible(str(entry.get('type')))} namespace is a new one: nobody makes {visible(path)}")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, data in draft.files.items():
            (directory / "files").mkdir(exist_ok=True)
            (directory / "files" / name).write_bytes(data)
        # It may hold secrets, as environments do.
        handle = os.open(directory / "config.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(document.data)
    except OSError as error:
        raise UsageError(f"cannot write {visible(str(directory))}: {error.strerror}") from error
    return said
