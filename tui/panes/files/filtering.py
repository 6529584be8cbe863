"""What is typed behind `/` over a tree of files: words that a name or a path has to contain, and sizes."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tui.widgets.words import words_of

_SIZE = re.compile(r"([<>])(\d+(?:\.\d+)?)([kmgt]?)(?:i?b)?", re.IGNORECASE)
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


@dataclass(frozen=True, slots=True)
class Filter:
    """All of its words must hold. A word with a slash is about the path, one with `*` or `?` about the whole name, any
    other is looked for in the name; `>1M` and `<10k` are about sizes; `!` in front of a word turns it about."""

    words: tuple[tuple[bool, Callable[[str, str], bool]], ...] = ()
    sizes: tuple[tuple[bool, Callable[[int], bool]], ...] = ()
    said: str = field(default="", compare=False)

    def __bool__(self) -> bool:
        return bool(self.words or self.sizes)

    def chosen(self, paths: Iterable[tuple[str, str]], size: Callable[[str], int]) -> list[str]:
        """The paths that match. Each comes with itself in lower case (`casefold`)."""
        found = [
            path
            for path, folded in paths
            if all(test(folded, folded[folded.rfind("/") + 1 :]) is wanted for wanted, test in self.words)
        ]
        if self.sizes:
            found = [path for path in found if all(test(size(path)) is wanted for wanted, test in self.sizes)]
        return found


def parse(text: str) -> Filter:
    """Read a filter. Nothing is wrong: what is no size is a word."""
    words, sizes = [], []
    for wanted, rest in words_of(text):
        if (match := _SIZE.fullmatch(rest)) is not None:
            sizes.append((wanted, _size_test(match)))
        else:
            words.append((wanted, _word_test(rest.casefold())))
    return Filter(tuple(words), tuple(sizes), text.strip())


def _size_test(match: re.Match[str]) -> Callable[[int], bool]:
    limit = float(match[2]) * _UNITS[match[3].lower()]
    if match[1] == ">":
        return lambda size: size > limit
    return lambda size: size < limit


def _word_test(word: str) -> Callable[[str, str], bool]:
    if "*" in word or "?" in word:
        pattern = re.compile(fnmatch.translate(word))
        if "/" in word:
            anchored = re.compile(fnmatch.translate(word.lstrip("/")))
            return lambda path, name: anchored.match(path) is not None
        return lambda path, name: pattern.match(name) is not None
    if word.startswith("/"):
        return lambda path, name: path.startswith(word[1:])
    if "/" in word:
        return lambda path, name: word in path
    return lambda path, name: word in name
