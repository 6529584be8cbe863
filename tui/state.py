"""What the screen knows of the engine's world between two looks at it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from engine import Status, visible
from tui.progress import Pull, Work
from tui.subjects import OfContainer, OfDraft, OfHost, OfImage, OfJob, OfNeighbour, OfRevision, Subject
from tui.text import names, shown_json

if TYPE_CHECKING:
    from engine import ContainerSummary, Draft, ImageSummary, Job, Neighbour, Problem, Step
    from tui.panes.config.analysis import Analysis

MOST_STEPS = 5_000
MOST_MESSAGES = 200
MOST_ENDED = 50
"""Jobs that have ended and are still told of."""


class Port(Protocol):
    """The editor that shows a draft."""

    def change_to(self, text: str) -> None:
        """Show another text, as an edit that can be undone."""

    def write(self) -> None:
        """Keys type from now on."""

    def look_again(self, pointer: str) -> None:
        """Something else is known of the text; put the cursor on a value."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What runc said when it was launched, of which value ("" where that cannot be told)."""

    pointer: str
    message: str
    hint: str = ""


@dataclass(eq=False)
class Writing:
    """A draft and its text as it is now."""

    draft: Draft
    original: str = field(init=False)
    """The draft's text as the editor shows it."""
    text: str = field(init=False)
    analysis: Analysis | None = None
    """What is known of the text, or of one that it was a moment ago."""
    launching: bool = False
    """Whether a container is being started from it."""
    asking: bool = False
    """Whether somebody is being asked something about it, or is about to be."""
    revises: bool = False
    """Whether it is the config.json of a container that is there."""
    typing: bool = False
    """Whether it opens ready to be typed into: somebody asked for that, and not only to see it."""
    saved_to: str = ""
    """The file that it was saved to."""
    failure: Failure | None = None
    """Why the last launch failed; forgotten with the next edit."""
    port: Port | None = None
    turned: dict[tuple[str, bool], tuple[str, str]] = field(default_factory=dict)
    """What was last turned on or off, by its name: the text before and after. Turned back, all of it comes back."""

    def __post_init__(self) -> None:
        self.original = self.text = shown_json(self.draft.text)

    @property
    def edited(self) -> bool:
        return self.text != self.original

    @property
    def subject(self) -> Subject:
        """What is looked at where this is."""
        return OfRevision(self.draft.id) if self.revises else OfDraft(self.draft.image)

    @property
    def base(self) -> list[str]:
        """What it stands on, in the words of `run`: an image, or a directory."""
        return [*(["--rootfs"] if self.draft.image.startswith("/") else []), self.draft.image]

    def words(self, *, start: bool, attached: bool = False, file: str = "") -> list[str]:
        """Of the command line that launches it, or where it was adopted of the one that makes it; `file` is where its
        text is, "" for where it was saved."""
        config, name = ["--config", file or self.saved_to or "FILE"], self.draft.name
        if self.revises and self.edited and not attached:
            return ["edit", *config, *["--restart"] * start, name]
        if self.revises:
            return [*(["start", "-a"] if attached else ["restart"] if start else ["stop"]), name]
        if self.draft.made_by:
            return list(self.draft.made_by)
        verb = ["run", "-i"] if attached else ["run", "-d"] if start else ["create"]
        return [*verb, *(config if self.edited or file else []), *self.base]

    def line(self, command: Callable[..., str], *, start: bool, attached: bool = False, file: str = "") -> str:
        """The command line that launches it, which `command` makes of words."""
        line = command(*self.words(start=start, attached=attached, file=file))
        edit = ["edit", "--config", file or self.saved_to or "FILE"]
        if self.revises and self.edited and attached:
            return f"{command('start', '-a')} $({command(*edit, self.draft.name)})"
        if self.draft.made_by and not self.revises:
            if self.edited or file:
                line = f"{command(*edit)} $({line})"
            if start:
                line = f"{command('start', *['-a'] * attached)} $({line})"
        return line

    @property
    def title(self) -> str:
        """What it is called; it may be hostile."""
        return self.draft.name if self.revises else f"new container from {self.draft.image}"

    @property
    def result(self) -> Draft:
        """The draft as it would be launched."""
        return self.draft.with_text(self.text) if self.edited else self.draft


@dataclass(frozen=True, slots=True)
class Message:
    """Something that was said on the screen and has gone again. `time` is seconds since the epoch."""

    time: float
    text: str
    grave: bool = False


@dataclass
class State:
    """Filled by the conductor, read by everybody."""

    images: list[ImageSummary] = field(default_factory=list)
    containers: dict[str, ContainerSummary] = field(default_factory=dict)
    problems: list[Problem] | None = None
    asks_neighbours: bool = True
    neighbours: dict[str, int] | None = None
    """How many containers other engines have here; None until they were asked."""
    others: dict[str, Neighbour] = field(default_factory=dict)
    """The containers of other engines, by what `adopt` is told: `podman:NAME`."""
    unread: dict[str, Problem] = field(default_factory=dict)
    """What could not be read ("images", "containers"), and why."""
    pulls: dict[str, Pull] = field(default_factory=dict)
    drafts: dict[str, Writing] = field(default_factory=dict)
    """By the reference of their image."""
    revisions: dict[str, Writing] = field(default_factory=dict)
    """By the id of their container."""
    work: dict[str, Work] = field(default_factory=dict)
    """By job: those under way, and the last that ended."""
    steps: deque[tuple[str, Step]] = field(default_factory=lambda: deque(maxlen=MOST_STEPS))
    """What the engine did since the screen was opened: the title of the job, and the step."""
    messages: deque[Message] = field(default_factory=lambda: deque(maxlen=MOST_MESSAGES))
    launching: dict[str, Writing] = field(default_factory=dict)
    """By the job that starts it."""
    waits: dict[str, Job] = field(default_factory=dict)
    """By container: the job that waits for its end."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Keys that are set to be others than the bindings say, by the binding's id."""
    asked: int = 0
    """How often somebody has pressed a key or the mouse; so the number of what is being carried out. From the first on
    the screen does not move by itself."""
    read_only: bool = False
    """Nothing may be changed."""
    layout: Mapping[str, int | str] = field(default_factory=dict)
    """What `tui.settings.LAYOUT` tells of."""
    flags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Options that are always given, by command."""

    def find(self, subject: Subject) -> ContainerSummary | Neighbour | ImageSummary | Writing | Pull | State | None:
        """What a subject is now; None where it has gone."""
        match subject:
            case OfImage(reference):
                return next((image for image in self.images if image.reference == reference), None)
            case OfDraft() | OfRevision():
                return self.writing(subject)
            case OfContainer(id):
                return self.containers.get(id)
            case OfNeighbour(what):
                return self.others.get(what)
            case OfJob(job):
                return self.pulls.get(job)
            case OfHost():
                return self
        return None

    def writing(self, subject: Subject) -> Writing | None:
        """The draft that a subject is."""
        match subject:
            case OfDraft(reference):
                return self.drafts.get(reference)
            case OfRevision(id):
                return self.revisions.get(id)
        return None

    def of_container(self, id: str) -> OfContainer:
        """A container, or where its config.json is being changed that."""
        return OfRevision(id) if id in self.revisions else OfContainer(id)

    @property
    def unsaved(self) -> list[str]:
        """The images whose draft was changed and not launched."""
        return [reference for reference, writing in self.drafts.items() if writing.edited]

    @property
    def elsewhere(self) -> list[str]:
        """What the drafts stand on that is no image of this store."""
        here = {image.reference for image in self.images}
        return [reference for reference in self.drafts if reference not in here]

    @property
    def writings(self) -> list[Writing]:
        """Everything that is open to be written in."""
        return [*self.drafts.values(), *self.revisions.values()]

    @property
    def running(self) -> list[ContainerSummary]:
        return [c for c in self.containers.values() if c.status in (Status.RUNNING, Status.PAUSED)]

    @property
    def working(self) -> list[Work]:
        return [work for work in self.work.values() if work.ended is None]

    @property
    def begun(self) -> list[str]:
        """The titles of the jobs under way that are no pull and no push."""
        return [work.title for work in self.working if work.job not in self.pulls]

    @property
    def pulling(self) -> list[Pull]:
        return [pull for pull in self.pulls.values() if not pull.finished]

    def title(self, subject: Subject) -> str:
        """What a thing is called."""
        match subject:
            case OfImage(reference):
                return reference
            case OfDraft(reference):
                return f"new container from {reference}"
            case OfRevision(id) if id in self.containers:
                return f"the config.json of {self.containers[id].name}"
            case OfContainer(id) if id in self.containers:
                return self.containers[id].name
            case OfNeighbour(what):
                return what
            case OfJob(job) if job in self.pulls:
                return f"{self.pulls[job].verb} {self.pulls[job].name}"
        return ""

    def lost(self) -> list[str]:
        """What goes if somebody leaves now, in sentences."""
        lost = []
        if self.read_only and (unsaved := self.unsaved):
            lost.append(f"What you changed for {names(unsaved)} goes.")
        for verb in ("pull", "push"):
            if under_way := [pull.name for pull in self.pulling if pull.verb == verb]:
                lost.append(f"The {verb} of {names(under_way)} is cancelled.")
        if begun := self.begun:
            lost.append(f"Broken off before it is done: {names(map(visible, begun))}.")
        return lost

    def farewell(self, command: str) -> str:
        """What goes on without the screen, and the `command` to see it again; "" where nothing does."""
        said = []
        if running := self.running:
            goes = "goes on" if len(running) == 1 else "go on"
            said.append(f"{names(c.name for c in running)} {goes}.")
        if not self.read_only and (edited := [w for w in self.writings if w.edited]):
            said.append(f"What you changed for {names(w.draft.image for w in edited)} is kept.")
        return " ".join([*said, f"See it again: {command}"]) if said else ""
