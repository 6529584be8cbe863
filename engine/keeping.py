"""What somebody is writing, kept on disk until it is launched or thrown away: a lost connection costs nothing.

`drafts/<id>.json` holds a draft and its text as it is now. While the process that writes it lives it holds a lock, so
another one is offered only what nobody works on any more; a killed process's locks are released by the kernel.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import msgspec

from engine.disk import DataRoot
from engine.errors import CutawayError, StoreError
from engine.spec import Provenance, RunOptions
from engine.text import as_json
from engine.trace import Step, StepKind
from engine.views import Draft, KeptDraft


class Keeper:
    """The drafts of one data directory; one for a process."""

    def __init__(self, root: DataRoot) -> None:
        self._root = root
        self._held: dict[str, ExitStack] = {}
        self._lock = threading.Lock()

    def keep(self, draft: Draft, text: str, *, revises: bool) -> None:
        """Put a draft with its text on disk, in the place of what was kept of it. Raises StoreError."""
        with self._lock:
            self._root.prepare()
            self._directory.mkdir(mode=0o700, exist_ok=True)
            if draft.id not in self._held and not self._take(draft.id):
                return  # somebody else has it open: the first one's work is not to be lost
            data = {"saved": time.time(), "revises": revises, "text": text, "draft": _packed(draft)}
            # Environments hold secrets: the owner alone may read it.
            self._root.write(self._path(draft.id), as_json(data), mode=0o600)

    def let_go(self, id: str) -> None:
        """It was launched, or thrown away: nothing is kept of it."""
        with self._lock:
            with suppress(FileNotFoundError):
                self._path(id).unlink()
            held = self._held.pop(id, None)
            if held is not None:
                held.close()

    def kept(self) -> list[KeptDraft]:
        """What a process that is gone has left, oldest first; from now on it is this one's. What cannot be read stays
        where it is."""
        with self._lock:
            return sorted(self._left(), key=lambda kept: kept.saved)

    def _left(self) -> Iterator[KeptDraft]:
        if not self._directory.is_dir():
            return
        for path in self._directory.glob("*.json"):
            if path.stem in self._held or not self._take(path.stem):
                continue
            try:
                yield _unpacked(json.loads(path.read_bytes()))
            except (OSError, ValueError, TypeError, KeyError, AttributeError, CutawayError):
                self._held.pop(path.stem).close()

    def _take(self, id: str) -> bool:
        """Take its lock, and hold it; False where somebody else does."""
        stack = ExitStack()
        try:
            free = stack.enter_context(self._root.try_lock(f"draft-{id}"))
        except (StoreError, ValueError):
            free = False
        if free:
            self._held[id] = stack
        else:
            stack.close()
        return free

    @property
    def _directory(self) -> Path:
        return self._root.path / "drafts"

    def _path(self, id: str) -> Path:
        return self._directory / f"{id}.json"


_PLAIN = ("image", "image_digest", "id", "name", "text", "network", "address", "generated")


def _packed(draft: Draft) -> dict[str, Any]:
    return {
        **{key: getattr(draft, key) for key in _PLAIN},
        "layers": list(draft.layers),
        "in_place": list(draft.in_place),
        "numbers": draft.numbers,
        "made_by": list(draft.made_by),
        "options": draft.options.to_json().decode(),
        "provenance": draft.provenance.to_json().decode(),
        "steps": [{**msgspec.structs.asdict(step), "kind": step.kind.value} for step in draft.steps],
        "files": {name: base64.b64encode(data).decode() for name, data in draft.files.items()},
    }


def _unpacked(data: dict[str, Any]) -> KeptDraft:
    given = data["draft"]
    plain = {key: str(given[key]) for key in _PLAIN}
    numbers = given.get("numbers")
    draft = Draft(
        **plain,
        layers=tuple(map(str, given["layers"])),
        in_place=tuple(map(str, given["in_place"])),
        made_by=tuple(map(str, given.get("made_by", ()))),
        numbers=(int(numbers[0]), int(numbers[1])) if numbers else None,
        options=RunOptions.from_json(given["options"]),
        provenance=Provenance.from_json(given["provenance"]),
        files={str(name): base64.b64decode(text) for name, text in given["files"].items()},
        steps=tuple(Step(**{**step, "kind": StepKind(step["kind"])}) for step in given["steps"]),
    )
    return KeptDraft(draft, str(data["text"]), data["revises"] is True, float(data["saved"]))
