"""The list of images."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.binding import BindingType

from engine import Outcome, human_size, visible
from tui.deeds import keys_of
from tui.places.things import ThingsPane
from tui.progress import Pull
from tui.subjects import OfDraft, OfImage, OfJob, Subject
from tui.text import SIGNS, clip, fill, short_reference, short_repository, split_reference
from tui.widgets.bars import bar
from tui.widgets.item_list import Item
from tui.widgets.sorting import Sorting

if TYPE_CHECKING:
    from engine import ImageSummary
    from tui.state import State


class ImagesPane(ThingsPane):
    """Images by name; what is being pulled stands above them."""

    BINDINGS: ClassVar[list[BindingType]] = keys_of(OfImage, OfDraft, OfJob)

    class Selected(ThingsPane.Selected):
        """The cursor is on something else."""

    def __init__(self) -> None:
        orders: dict[str, tuple[Callable[[ImageSummary], Any], bool]] = {
            "name": (lambda image: image.reference, False),
            "size": (lambda image: image.size, True),
            "date": (lambda image: image.created, True),
        }
        super().__init__(Sorting(orders), id="images")
        self._images: list[ImageSummary] = []
        self._pulls: list[Pull] = []
        self._drafts: frozenset[str] = frozenset()
        self._elsewhere: list[str] = []

    def subject_of(self, key: str | None) -> Subject:
        kind, _, name = (key or "").partition(" ")
        match kind:
            case "job":
                return OfJob(name)
            case "draft":
                return OfDraft(name)
        return OfImage(name) if kind == "image" else None

    def show(self, state: State) -> None:
        """The images here, those on their way, and what is being written on what is no image of this store."""
        self._images, self._pulls = state.images, list(state.pulls.values())
        self._drafts, self._elsewhere = frozenset(state.unsaved), state.elsewhere
        self.draw()

    def draw(self) -> None:
        items = [Item(f"job {pull.job}", pull.name, _pull_line(pull)) for pull in self._pulls]
        items += [Item(f"draft {name}", name, _draft_line(name)) for name in self._elsewhere]
        items += [
            Item(f"image {image.reference}", image.reference, _image_line(image, image.reference in self._drafts))
            for image in self.sorting.sorted(self._images)
        ]
        self.list.set_empty(self.nothing)
        self.list.set_items(items)
        self.show_summary()

    def select(self, subject: Subject) -> bool:
        """Put the cursor on an image or pull; False if it is not shown."""
        match subject:
            case OfImage(reference) | OfDraft(reference):
                return self.list.move_to(f"image {reference}") or self.list.move_to(f"draft {reference}")
            case OfJob(job):
                return self.list.move_to(f"job {job}")
        return False

    @property
    def copyable(self) -> tuple[str, str]:
        subject = self.subject
        return (subject.reference, "the image's name") if isinstance(subject, OfImage) else ("", "")


def _image_line(image: ImageSummary, edited: bool) -> Callable[[int], Text]:
    repository, tag = split_reference(image.reference)

    def draw(width: int) -> Text:
        size = human_size(image.size)
        mark = " ✎ draft" if edited else ""
        shown = clip(visible(tag), max(4, width // 3))
        room = max(1, width - cell_len(shown) - len(size) - len(mark) - 3)
        text = Text(no_wrap=True, end="")
        text.append(fill(short_repository(repository, room), room))
        text.append(f" {shown}{mark}  {size}")
        return text

    return draw


def _draft_line(reference: str) -> Callable[[int], Text]:
    mark = " ✎ draft"

    def draw(width: int) -> Text:
        room = max(1, width - cell_len(mark))
        return Text(fill(short_reference(reference, room), room) + mark, no_wrap=True, end="")

    return draw


def _pull_line(pull: Pull) -> Callable[[int], Text]:
    repository, tag = split_reference(pull.name.removeprefix("docker://"))

    def draw(width: int) -> Text:
        text = Text(no_wrap=True, end="")
        if pull.problem is not None:
            tail = SIGNS[Outcome.FAILED]
        elif pull.cancelled:
            tail = SIGNS[Outcome.CANCELLED]
        else:
            tail = f"{bar(pull.progress.fraction, 6)} {pull.progress.percent:>4}"
        shown = clip(visible(tag), max(4, width // 3))
        room = max(1, width - cell_len(shown) - cell_len(tail) - 3)
        text.append(fill(short_repository(repository, room), room))
        text.append(f" {shown}  {tail}")
        return text

    return draw
