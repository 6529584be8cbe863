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
from typing import Any, NamedTuple, TypeGuard

from engine.errors import SpecError
from engine.host import HostFacts
from engine.spec.defaults import SHM_SIZE
from engine.spec.document import Document
from engine.spec.formatting import formatted
from engine.spec.mounts import FILES
from engine.spec.process import possible_limit
from engine.spec.provenance import Origin, host
from engine.text import visible

_OWN_DIRECTORIES = re.compile(
    r"/overlay-containers/[0-9a-f]{64}/userdata/|/containers/[0-9a-f]{64}/|/run/\.?containers?/"
)
"""Where podman and docker keep what they bind into one container: hosts, hostname, resolv.conf, shm."""

_HOOKS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that was changed: `pointer` in the text as it was, what was done and why."""

    pointer: str
    done: str
    why: str


class Adopted(NamedTuple):
    """The text without what was stale, what was changed, and where the values come from that were put in instead."""

    text: str
    notes: list[Note]
    origins: dict[str, Origin]


def adopt(
    text: str, kind: str, *, files: Collection[str] = (), facts: HostFacts | None = None, bridged: bool = False
) -> Adopted:
    """Let go of what is stale in a config.json. `kind` is who wrote it: podman, docker, runc, file.

    `files` are the names that the new bundle has in its files/ directory: mounts of the same meaning are pointed there,
    the others dropped. With `facts`, limits are lowered to what this process may set. root.path and linux.cgroupsPath
    are `adapt`'s, and so is the path of the network namespace of one that will be on a bridge (`bridged`).
    Raises SpecError if it is no JSON object.
    """
    document = Document(text)
    if not isinstance(document.value, dict):
        raise SpecError("a config.json has to be a JSON object", hint="cutaway check FILE says where it is not.")
    if "\n" not in text.strip():  # as podman and docker write it: nobody can read or edit that
        document = Document(formatted(text))
    return _Adoption(document, kind, files, facts, bridged=bridged).run()


class _Adoption:
    def __init__(
        self, document: Document, kind: str, files: Collection[str], facts: HostFacts | None, *, bridged: bool
    ) -> None:
        self._bridged = bridged
        self._document = document
        self._kind = kind
        self._files = files
        self._facts = facts
        self._notes: list[Note] = []
        self._put: dict[tuple[str, str], Origin] = {}
        """For what was put in: the destination of its mount and the member's name, as indices still move."""

    def run(self) -> Adopted:
        self._namespaces()
        self._mounts()
        self._hooks()
        self._labels()
        origins = self._limits()
        for pointer, mount in self._elements("/mounts"):
            for name, value in mount.items():
                if (origin := self._put.get((str(mount.get("destination")), name))) is not None:
                    places = [f"/{n}" for n in range(len(value))] if isinstance(value, list) else [""]
                    origins |= dict.fromkeys((f"{pointer}/{name}{place}" for place in places), origin)
        return Adopted(self._document.text, sorted(self._notes, key=lambda note: note.pointer), origins)

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
                    why += "; the new one " + (
                        "is on a bridge of Cutaway's" if self._bridged else "has the loopback alone"
                    )
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
        why = f"{_short(source)} is the other engine's own"
        if destination == "/dev/shm":  # noqa: S108 - in the container
            memory = {
                "destination": destination,
                "type": "tmpfs",
                "source": "shm",
                "options": ["nosuid", "noexec", "nodev", "mode=1777", f"size={SHM_SIZE}"],
            }
            self._document = self._document.set(pointer, memory)
            self._put |= {
                (destination, name): host(f"memory of its own: {why}") for name in ("type", "source", "options")
            }
            self._note(pointer, "memory of its own on /dev/shm", why)
        elif name in self._files:
            self._document = self._document.set(f"{pointer}/source", f"files/{name}")
            self._put[destination, "source"] = host(f"written by Cutaway for this container: {why}")
            self._note(f"{pointer}/source", f"files/{name}, which Cutaway writes, on {visible(destination)}", why)
        else:
            self._document = self._document.remove(pointer)
            self._note(pointer, f"no mount on {visible(destination)}", why)

    def _hooks(self) -> None:
        for kind in _HOOKS:
            for pointer, hook in self._elements(f"/hooks/{kind}"):
                path, args = hook.get("path"), hook.get("args")
                if self._kind in ("podman", "docker"):
                    why = f"it calls {self._kind} back about a container that is not its own"
                elif isinstance(args, list) and "libnetwork-setkey" in args:
                    why = "it calls docker back about a container that is not its own"
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

    def _limits(self) -> dict[str, Origin]:
        """Lower what this process may not set; where the new values come from."""
        origins: dict[str, Origin] = {}
        for pointer, entry in self._elements("/process/rlimits"):
            name, hard = str(entry.get("type")), entry.get("hard")
            soft = entry.get("soft", hard)
            if self._facts is None or not (_is_limit(soft) and _is_limit(hard)):
                continue
            possible = possible_limit(self._facts, name, _signed(soft), _signed(hard))
            why = "this process may not raise its own limit, nor give away more than it has"
            for member, old, new in (("soft", soft, possible[0]), ("hard", hard, possible[1])):
                if _signed(old) != new:
                    self._document = self._document.set(f"{pointer}/{member}", new)
                    self._note(f"{pointer}/{member}", f"{visible(name)} {new} in place of {old}", why)
                    origins[f"{pointer}/{member}"] = host(f"lowered from {old}: {why}")
        return origins


def _short(path: str) -> str:
    """A path to be read: of an engine's ids the first twelve digits."""
    return visible(re.sub(r"([0-9a-f]{12})[0-9a-f]{52}", r"\1…", path))


def _is_limit(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**64


def _signed(value: int) -> int:
    """RLIM_INFINITY, the highest 64-bit number in a config.json, as -1."""
    return -1 if value == 2**64 - 1 else value


def _is_loaded(profile: str) -> bool:
    try:
        lines = Path("/sys/kernel/security/apparmor/profiles").read_text().splitlines()
    except OSError:
        return False
    return profile in {line.rpartition(" (")[0] for line in lines}
