"""Takes a config.json that another engine wrote, and lets go of what ties it to that engine's own container.

What podman and docker put into a config.json is true for one container on one day: a network namespace that is gone
with it, files from a directory of its own, hooks that call the engine back. What stays is what a person asked for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import SpecError
from engine.spec.defaults import SHM_SIZE
from engine.spec.document import Document
from engine.spec.mounts import FILES
from engine.text import visible

_OWN_DIRECTORIES = re.compile(
    r"/overlay-containers/[0-9a-f]{64}/userdata/|/docker/containers/[0-9a-f]{64}/|/run/\.?containers?/"
)
"""Where podman and docker keep what they bind into one container: hosts, hostname, resolv.conf, shm."""

_HOOKS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that was changed: `pointer` in the text as it was, what was done and why."""

    pointer: str
    done: str
    why: str


def adopt(text: str, kind: str, *, files: Collection[str] = ()) -> tuple[str, list[Note]]:
    """The text without what is stale in it, and what was changed. `kind` is who wrote it: podman, docker, runc, file.

    `files` are the names that the new bundle has in its files/ directory: mounts of the same meaning are pointed there,
    the others dropped. root.path and linux.cgroupsPath are `adapt`'s to set. Raises SpecError if it is no JSON object.
    """
    document = Document(text)
    if not isinstance(document.value, dict):
        raise SpecError("a config.json has to be a JSON object", hint="cutaway check FILE says where it is not.")
    return _Adoption(document, kind, files).run()


class _Adoption:
    def __init__(self, document: Document, kind: str, files: Collection[str]) -> None:
        self._document = document
        self._kind = kind
        self._files = files
        self._notes: list[Note] = []

    def run(self) -> tuple[str, list[Note]]:
        self._namespaces()
        self._mounts()
        self._hooks()
        self._labels()
        return self._document.text, sorted(self._notes, key=lambda note: note.pointer)

    def _note(self, pointer: str, done: str, why: str) -> None:
        self._notes.append(Note(pointer, done, why))

    def _elements(self, pointer: str) -> list[tuple[str, dict[str, Any]]]:
        """The objects of an array, the last first, so that removing one leaves the others' pointers true."""
        found = self._document.get(pointer)
        entries = enumerate(found) if isinstance(found, list) else ()
        return [(f"{pointer}/{n}", entry) for n, entry in entries if isinstance(entry, dict)][::-1]

    def _namespaces(self) -> None:
        for pointer, entry in self._elements("/linux/namespaces"):
            path = entry.get("path")
            if isinstance(path, str) and path:
                self._document = self._document.remove(f"{pointer}/path")
                done = f"a new {visible(str(entry.get('type')))} namespace in place of {visible(path)}"
                why = "that one belongs to the other container, and goes with it"
                if entry.get("type") == "network":
                    why += "; the new one has the loopback alone"
                self._note(f"{pointer}/path", done, why)

    def _mounts(self) -> None:
        for pointer, mount in self._elements("/mounts"):
            source, destination = mount.get("source"), mount.get("destination")
            if not isinstance(source, str) or not isinstance(destination, str):
                continue
            options = mount.get("options")
            if not isinstance(options, list) or not {"bind", "rbind"} & {o for o in options if isinstance(o, str)}:
                continue
            if _OWN_DIRECTORIES.search(source):
                self._own_file(pointer, source, destination)
            elif source.startswith("/") and not os.path.exists(source):
                self._document = self._document.remove(pointer)
                self._note(pointer, f"no mount on {visible(destination)}", f"{visible(source)} is not on this host")

    def _own_file(self, pointer: str, source: str, destination: str) -> None:
        name = next((name for name, place in FILES.items() if place == destination), "")
        why = f"{visible(source)} is the other engine's own"
        if destination == "/dev/shm":  # noqa: S108 - in the container
            memory = {
                "destination": destination,
                "type": "tmpfs",
                "source": "shm",
                "options": ["nosuid", "noexec", "nodev", "mode=1777", f"size={SHM_SIZE}"],
            }
            self._document = self._document.set(pointer, memory)
            self._note(pointer, "memory of its own on /dev/shm", why)
        elif name in self._files:
            self._document = self._document.set(f"{pointer}/source", f"files/{name}")
            self._note(f"{pointer}/source", f"files/{name}, which Cutaway writes, on {visible(destination)}", why)
        else:
            self._document = self._document.remove(pointer)
            self._note(pointer, f"no mount on {visible(destination)}", why)

    def _hooks(self) -> None:
        for kind in _HOOKS:
            for pointer, hook in self._elements(f"/hooks/{kind}"):
                path = hook.get("path")
                if self._kind in ("podman", "docker"):
                    why = f"it calls {self._kind} back about a container that is not its own"
                elif isinstance(path, str) and not os.path.exists(path):
                    why = f"{visible(path)} is not on this host"
                else:
                    continue
                self._document = self._document.remove(pointer)
                self._note(pointer, f"no {kind} hook {visible(str(path))}", why)

    def _labels(self) -> None:
        for pointer in ("/process/selinuxLabel", "/linux/mountLabel"):
            if self._document.get(pointer):
                self._document = self._document.remove(pointer)
                self._note(pointer, "no SELinux label", "it names the other container alone")
        profile = self._document.get("/process/apparmorProfile")
        if profile and not _is_loaded(str(profile)):
            self._document = self._document.remove("/process/apparmorProfile")
            why = f"the profile {visible(str(profile))} is not loaded on this host"
            self._note("/process/apparmorProfile", "no AppArmor profile", why)


def _is_loaded(profile: str) -> bool:
    try:
        lines = Path("/sys/kernel/security/apparmor/profiles").read_text().splitlines()
    except OSError:
        return False
    return profile in {line.rpartition(" (")[0] for line in lines}
