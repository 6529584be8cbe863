"""In what two images or containers differ: files, configuration, history."""

from __future__ import annotations

import difflib
import json
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine import CutawayError, visible

if TYPE_CHECKING:
    from engine import FileEntry, HistoryStep, Inside, Job, Workbench

LONGEST = 2_000
"""Lines of a file that are compared line by line."""

_BYTES = 400_000


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two. `image` is the one that it is, or stands on; "" where that is not here."""

    name: str
    shown: str
    image: str


@dataclass(frozen=True, slots=True)
class Pair:
    """One line of a comparison: what it is about, and both sides; "" where one has nothing."""

    label: str
    one: str
    other: str

    @property
    def same(self) -> bool:
        return self.one == self.other


@dataclass(frozen=True, slots=True)
class Compared:
    """Everything that two things differ in. Of the history all steps are there, the same ones too."""

    one: Inside
    other: Inside
    entries: tuple[FileEntry, ...]
    config: tuple[Pair, ...]
    history: tuple[Pair, ...]


def compare(workbench: Workbench, one: Side, other: Side, job: Job) -> Compared:
    """Compare two things; files by their content. Raises CutawayError."""
    entries = workbench.diff(one.name, other.name, job)
    return Compared(
        workbench.inside(one.name),
        workbench.inside(other.name),
        tuple(entries),
        tuple(config_pairs(_config(workbench, one.image), _config(workbench, other.image))),
        tuple(history_pairs(_history(workbench, one.image), _history(workbench, other.image))),
    )


def _config(workbench: Workbench, image: str) -> Mapping[str, Any]:
    try:
        document = workbench.inspect(image) if image else {}
    except CutawayError:
        return {}
    config = document.get("config")
    return config if isinstance(config, dict) else {}


def _history(workbench: Workbench, image: str) -> Sequence[HistoryStep]:
    try:
        return workbench.history(image) if image else []
    except CutawayError:
        return []


def config_pairs(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[Pair]:
    """The values that differ, by their place. History and layers have places of their own."""
    left, right = dict(_leaves("", one)), dict(_leaves("", other))
    for place in sorted({*left, *right}):
        if not place.startswith(("/history", "/rootfs")) and left.get(place) != right.get(place):
            yield Pair(place, left.get(place, ""), right.get(place, ""))


def _leaves(place: str, value: Any) -> Iterator[tuple[str, str]]:
    """Lists that say one thing (a command) stay whole; of the environment each variable is a value of its own."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(f"{place}/{key}", inner)
    elif isinstance(value, list) and place.endswith("/Env"):
        for variable in map(str, value):
            name, _, text = variable.partition("=")
            yield f"{place}/{name}", text
    elif value not in (None, "", []):
        yield place, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def history_pairs(one: Sequence[HistoryStep], other: Sequence[HistoryStep]) -> Iterator[Pair]:
    """Both histories beside each other, steps that are the same in one line."""
    left, right = [step.created_by for step in one], [step.created_by for step in other]
    for tag, a, b, c, d in difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if tag == "equal":
            for step, text in zip(one[a:b], left[a:b], strict=True):
                yield Pair(step.created, text, text)
            continue
        for index in range(max(b - a, d - c)):
            mine = left[a + index] if a + index < b else ""
            theirs = right[c + index] if c + index < d else ""
            yield Pair((other[c + index] if theirs else one[a + index]).created, mine, theirs)


def text_difference(compared: Compared, path: str) -> str:
    """Two texts as diff(1) -u has it; a sentence where that cannot be told."""
    sides: list[list[str]] = []
    for inside in (compared.one, compared.other):
        entry = inside.entry(path)
        if entry is None:
            sides.append([])
            continue
        if not stat.S_ISREG(entry.mode):
            return "It is no regular file."
        with inside.read(entry) as file:
            data = file.read(_BYTES)
        if b"\0" in data:
            return "It is no text."
        sides.append(data.decode("utf-8", "replace").splitlines()[:LONGEST])
    lines = difflib.unified_diff(sides[0], sides[1], "one", "other", lineterm="")
    return "\n".join(visible(line, keep="\t") for line in list(lines)[2:]) or "The content is the same."
