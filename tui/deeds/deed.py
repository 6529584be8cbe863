"""What a deed is: something that can be done to a thing, declared once.

Its key, its line in the menu `x`, in the palette and in the help, and the command line shown with it follow from the
declaration.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from textual.binding import Binding

from tui.bench import Bench
from tui.subjects import Subject
from tui.widgets.key_line import shown_key

T = TypeVar("T")

Act = Callable[[Bench, "Offer[T]"], Coroutine[Any, Any, None] | object]
"""Carries a deed out; what it returns is awaited if it is a coroutine, and what it raises is told."""


def _nothing(thing: object) -> str:
    return ""


def _no_words(thing: object) -> Sequence[str]:
    return ()


def _always(thing: object) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Deed(Generic[T]):
    """Something that can be done to things of one kind; the functions are given the thing.

    `id` is its binding's too, as the configuration file names it: `container.stop`. `key` is Textual's name of the key;
    of several separated by commas the first is shown. `command` gives the words behind `cutaway`. `why_not` says why it
    cannot be done now, "" where it can. `question` is asked before what cannot be undone. `applies` leaves it out
    altogether. `changes` is False for what only looks; `many` lets it be done to all that are marked; `shown` puts it
    on the key line, in `short` words where there are such; `everywhere` makes its key work in the main area too, not
    only in the list.
    """

    id: str
    key: str
    words: str
    act: Act[T]
    command: Callable[[T], Sequence[str]] = _no_words
    why_not: Callable[[T], str] = _nothing
    question: Callable[[T], str] = _nothing
    applies: Callable[[T], bool] = _always
    changes: bool = True
    many: bool = False
    shown: bool = False
    everywhere: bool = False
    short: str = ""

    @property
    def plural(self) -> str:
        """Several of the things that it is for, in a word."""
        return f"{self.id.partition('.')[0]}s"

    @property
    def binding(self) -> Binding:
        """Its key. The screen knows the thing that it is for."""
        # A whole name space: an action without one is looked for where the focus is.
        return Binding(self.key, f"screen.deed('{self.id}')", self.short or self.words, show=self.shown, id=self.id)


@dataclass(frozen=True, slots=True)
class Offer(Generic[T]):
    """A deed that can be done to one thing, with the command line that does the same."""

    deed: Deed[T]
    subject: Subject
    thing: T
    command: str
    why_not: str
    question: str
    keys: str
    """The keys that it has now, as Textual writes them."""

    @property
    def id(self) -> str:
        return self.deed.id

    @property
    def words(self) -> str:
        return self.deed.words

    @property
    def key(self) -> str:
        """The key as people write it."""
        return shown_key(self.keys.partition(",")[0])


def at_tab(name: str) -> Act[Any]:
    """Look at one of the thing's tabs."""

    def act(bench: Bench, offer: Offer[Any]) -> None:
        bench.show_command(offer.command)
        bench.look(offer.subject, go=name)

    return act
