"""What is typed behind `/` over a list: words that all have to be there, and with `!` in front ones that must not."""

from __future__ import annotations


def words_of(typed: str) -> list[tuple[bool, str]]:
    """Each word, and whether it is wanted. A `!` alone is the beginning of a word, and says nothing yet."""
    found = [(not word.startswith("!"), word.removeprefix("!")) for word in typed.split()]
    return [(wanted, word) for wanted, word in found if word]


class Words:
    """A filter. Capital or small letters are the same."""

    def __init__(self, typed: str) -> None:
        self._words = [(wanted, word.casefold()) for wanted, word in words_of(typed)]

    def __bool__(self) -> bool:
        return bool(self._words)

    def lets_through(self, text: str) -> bool:
        """Whether all of it holds for a text."""
        folded = text.casefold()
        return all((word in folded) is wanted for wanted, word in self._words)
