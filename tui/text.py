"""Words on the screen: hostile text made plain, names cut where it costs least, numbers and outcomes as people say
them."""

from __future__ import annotations

import json
from collections.abc import Iterable

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from rich.text import Text
from textual.content import Content
from textual.markup import MarkupError

from engine import Outcome, visible

_LONGEST = 4096
"""No name needs more characters to be told from another; longer ones only cost time to draw."""

SIGNS = {Outcome.SUCCEEDED: "✓ done", Outcome.FAILED: "✗ failed", Outcome.CANCELLED: "✗ cancelled"}
"""How a job, or what is as good as one, has ended."""


def plain(text: str, style: str | Style = "") -> Text:
    """Text from outside as it may be shown: nothing in it is obeyed, by the terminal or as markup."""
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + "…"
    return Text(visible(text), style=style, no_wrap=True, overflow="ellipsis", end="")


def unmarked(text: str) -> str:
    """Text for where Textual reads markup and nothing else can be given: it comes out as it was.

    Where Textual's escapes cannot say it (a backslash before a bracket), brackets become round.
    """
    escaped = text.replace("[", r"\[")
    try:
        whole = Content.from_markup(escaped).plain == text
    except MarkupError:
        whole = False
    return escaped if whole else text.replace("[", "(")


def clip(text: str, width: int) -> str:
    """`text` in at most `width` terminal cells, its end replaced by an ellipsis where it is longer."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + "…" if width > 0 else ""


def clip_start(text: str, width: int) -> str:
    """`text` in at most `width` terminal cells, its beginning replaced by an ellipsis where it is longer."""
    if cell_len(text) <= width:
        return text
    if width <= 0:
        return ""
    kept = text[-width:]
    while cell_len(kept) > width - 1:
        kept = kept[1:]
    return "…" + kept


def fill(text: str, width: int) -> str:
    """`text` in exactly `width` cells."""
    return set_cell_size(clip(text, width), width)


def split_reference(reference: str) -> tuple[str, str]:
    """The repository and the tag or digest of an image reference, for two columns: `debian` and `12`."""
    name, at, digest = reference.partition("@")
    if at:
        return name, digest.partition(":")[2][:12] or digest
    head, colon, tag = name.rpartition(":")
    if colon and "/" not in tag:
        return head, tag
    return name, ""


def short_repository(repository: str, width: int) -> str:
    """A repository in `width` cells: docker.io/library goes first, then the registry, then the path from its start."""
    repository = visible(repository)
    for prefix in ("docker.io/library/", "docker.io/"):
        if repository.startswith(prefix) and len(repository) > len(prefix):
            repository = repository[len(prefix) :]
            break
    parts = repository.split("/")
    while len(parts) > 1 and cell_len("/".join(parts)) > width:
        parts = parts[1:]
    return clip_start("/".join(parts), width)


def short_reference(reference: str, width: int) -> str:
    """An image reference in `width` cells; the tag stays whole as long as there is room for it."""
    repository, tag = split_reference(reference)
    tail = visible(f":{tag}") if tag else ""
    room = width - cell_len(tail)
    if room < 2:
        return clip_start(visible(reference), width)
    return short_repository(repository, room) + tail


def age(seconds: float) -> str:
    """A span of time in one unit: `12 min`."""
    seconds = max(0.0, seconds)
    for limit, size, unit in ((90, 1, "s"), (90 * 60, 60, "min"), (36 * 3600, 3600, "h")):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86400:.0f} d"


def counted(count: int, thing: str, things: str = "") -> str:
    """So many of a thing: `1 line`, `48,211 lines`. `things` is its plural where that has more than an s."""
    return f"{count:,} {thing if count == 1 else things or f'{thing}s'}"


def names(things: Iterable[str], most: int = 3) -> str:
    """`a, b, c and 2 more`; plain and safe."""
    all_of_them = [visible(thing) for thing in things]
    if len(all_of_them) <= most:
        return ", ".join(all_of_them)
    return f"{', '.join(all_of_them[:most])} and {len(all_of_them) - most} more"


def duration(seconds: float) -> str:
    """How long something took: `210 ms`, `1.42 s`, `3 min 12 s`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.2f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"


def shown_json(text: str) -> str:
    """The same JSON with every character that a terminal would obey, or an editor take for a line's end, escaped.

    An image may put U+2028 or a bidirectional override into its environment; JSON may carry them unescaped.
    """
    if visible(text, keep="\n\r\t") == text:
        return text
    return "".join(c if c in "\n\r\t" or visible(c) == c else json.dumps(c)[1:-1] for c in text)
