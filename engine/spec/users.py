"""Users and groups as the image's own /etc/passwd and /etc/group know them.

Numbers are numbers, whatever the files say: an image in which a user is *named* "1000" may not decide who 1000 is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from engine.errors import NotInImage, SpecError
from engine.spec.inside import NotAFile, read_file
from engine.text import visible

_LIMIT = 4 * 1024 * 1024  # bytes of passwd or group that are looked at
_HIGHEST = 2**31 - 1
_LONGEST_NAME = 64  # characters; useradd(8) takes 32


class User(msgspec.Struct, frozen=True):
    """Who the container's process runs as. `groups` are those that the image's files put the user into; `home` is ""
    where none is known.
    """

    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


class Accounts:
    """The users and groups of a root filesystem."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def user(self, text: str) -> User:
        """Look up USER[:GROUP]. "" is root. Raises NotInImage, or SpecError where the number is too high."""
        name, colon, group = text.partition(":")
        name = name or "0"
        number = _number(name, text)
        # Of passwd's fields: name, password, uid, gid, comment, home, shell (passwd(5)).
        entry = next(
            (e for e in self._entries("passwd", 7) if (e[0] == name if number is None else e[2] == str(number))), None
        )
        if entry is None and number is None:
            raise NotInImage(
                f"the image has no user {visible(name)[:60]!r}{self._why('passwd')}",
                hint="Give a user of the image, or a number.",
            )
        uid = number if number is not None else _field(entry[2] if entry else "")
        gid = _field(entry[3]) if entry else 0
        if colon and group:
            gid = self.group(group)
        groups: list[int] = []
        if not colon and entry:
            groups = [_field(e[2]) for e in self._entries("group", 4) if entry[0] in e[3].split(",")]
        return User(uid, gid, tuple(dict.fromkeys(groups)), entry[5] if entry else "")

    def names(self) -> dict[int, str]:
        """The users' names by number; of several the first."""
        return _by_number(self._entries("passwd", 7))

    def group_names(self) -> dict[int, str]:
        """The groups' names by number, as `names`."""
        return _by_number(self._entries("group", 4))

    def highest(self) -> int:
        """The highest number of a user or group in the image's files, without nobody's, 65534."""
        fields = [*((e[2], e[3]) for e in self._entries("passwd", 7)), *((e[2],) for e in self._entries("group", 4))]
        numbers = (int(text) for each in fields for text in each if _is_number(text))
        return max((number for number in numbers if number != 65534), default=0)

    def group(self, text: str) -> int:
        """Look up a group by name or number. Raises SpecError as `user`."""
        number = _number(text, text)
        if number is not None:
            return number
        # name, password, gid, members (group(5))
        for entry in self._entries("group", 4):
            if entry[0] == text:
                return _field(entry[2])
        raise NotInImage(
            f"the image has no group {visible(text)[:60]!r}{self._why('group')}",
            hint="Give a group of the image, or a number.",
        )

    def _entries(self, file: str, width: int) -> Iterator[list[str]]:
        try:
            raw = read_file(self._root, f"/etc/{file}", _LIMIT)
        except NotAFile:
            return
        yield from _lines(raw or b"", width)

    def _why(self, file: str) -> str:
        try:
            raw = read_file(self._root, f"/etc/{file}", 1)
        except NotAFile as what:
            return f": its /etc/{file} is {what}"
        return f": it has no /etc/{file}" if raw is None else f" in its /etc/{file}"


def names_in(raw: bytes) -> dict[int, str]:
    """The names in a passwd or a group file, by number; of several the first. They may be hostile, but not long."""
    return _by_number(fields for fields in _lines(raw[:_LIMIT], 3) if len(fields[0]) <= _LONGEST_NAME)


def _by_number(entries: Iterable[list[str]]) -> dict[int, str]:
    found: dict[int, str] = {}
    for entry in entries:
        found.setdefault(int(entry[2]), entry[0])
    return found


def _lines(raw: bytes, width: int) -> Iterator[list[str]]:
    """The fields of each line that has a number, filled up to `width`."""
    for line in raw.decode("utf-8", "surrogateescape").split("\n"):
        fields = line.strip().split(":")
        fields += [""] * (width - len(fields))
        if fields[0] and not fields[0].startswith("#") and _is_number(fields[2]):
            yield fields


def _number(text: str, whole: str) -> int | None:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        return None
    number = int(text[:20])
    if not 0 <= number <= _HIGHEST:
        raise SpecError(f"user or group {visible(whole)[:60]!r} is not between 0 and {_HIGHEST}")
    return number


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 10


def _field(text: str) -> int:
    number = int(text) if _is_number(text) else 0
    if number > _HIGHEST:
        raise SpecError(f"the image's own files name user or group {number}; the highest possible is {_HIGHEST}")
    return number
