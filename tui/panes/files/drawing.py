"""A file as a line of the tree, and as the few lines that tell all about it; what stands above the tree."""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from rich.style import Style
from rich.text import Text

from engine import human_size, visible
from tui.panes.files.model import Row
from tui.panes.layers.pane import made_by
from tui.text import clip, counted, fill, plain

if TYPE_CHECKING:
    from engine import FileEntry, Inside, LayerSummary, Owners
    from tui.panes.files.reading import Opened

SIGNS = {"added": "A", "changed": "C", "removed": "D"}
OWNER_FROM = 62
"""Cells from which on a line has room for the owner."""

NAMES_FROM = 100
"""Cells from which on it has room for the owner's names, too."""

_INDENT = 2
_DEEPEST = 20
"""Levels that are indented; deeper ones only say how deep they are."""


@dataclass(frozen=True, slots=True)
class Styles:
    """How lines are coloured; every one of them is also told by a sign."""

    added: Style
    changed: Style
    removed: Style
    muted: Style

    def of(self, change: str) -> Style:
        return {"added": self.added, "changed": self.changed, "removed": self.removed}.get(change, Style())


def heading_of_all(opened: Opened) -> Text:
    """Above the tree of all layers: how much is in it."""
    head = Text(f"all {counted(opened.depth, 'layer')}", "bold", no_wrap=True, overflow="ellipsis", end="")
    files = counted(len(opened.inside.tree) - 1, "file")
    head.append(f"  {files}, {human_size(opened.sizes.get('', 0))}", "not bold")
    if wasted := sum(opened.wasted.values()):
        head.append(f"; hidden ones waste {human_size(wasted)} (W)", "not bold")
    return head


def heading(opened: Opened, layer: int) -> Text:
    """Above the tree as one layer leaves it: what that did, and what made it."""
    counts = opened.numbers(layer)
    head = Text(f"layer {layer} of {opened.depth}", "bold", no_wrap=True, overflow="ellipsis", end="")
    head.append(f"  +{counts.added:,} ~{counts.changed:,} -{counts.removed:,}  {human_size(counts.size)}", "not bold")
    if counts.wasted:
        head.append(f", hides {human_size(counts.wasted)} below", "not bold")
    if layer <= len(opened.layers):
        head.append(f"  {visible(made_by(opened.layers[layer - 1].created_by))}", "not bold italic")
    elif opened.container:
        head.append("  written in the container", "not bold italic")
    return head


def line(
    row: Row,
    entry: FileEntry | None,
    size: int,
    width: int,
    styles: Styles,
    *,
    opened: bool,
    marks: bool,
    mark: str = "",
    owner: str = "",
) -> Text:
    """One line of the tree in `width` cells. `marks` says whether what changed is shown as such; `mark` stands in
    front of all, and `owner` are names beside the numbers."""
    text = Text(no_wrap=True, end="")
    text.append(mark)
    change = entry.change if entry is not None and marks else ""
    style = styles.of(change)
    layer = "" if entry is None or change == "removed" else str(entry.layer)
    text.append(f"{SIGNS.get(change, ' ')}{layer:>3} ", style if change else styles.muted)
    mode = stat.filemode(entry.mode) if entry is not None else " " * 10
    numbers = f"{entry.uid}:{entry.gid}" if entry is not None else ""
    text.append(f"{mode} ", styles.muted)
    if width >= OWNER_FROM:
        text.append(f"{clip(numbers, 11):<11} ", styles.muted)
    if width >= NAMES_FROM:
        text.append(f"{fill(visible(owner), 17)} ", styles.muted)
    device = entry is not None and (stat.S_ISCHR(entry.mode) or stat.S_ISBLK(entry.mode))
    shown = f"{entry.device[0]}, {entry.device[1]}" if entry is not None and device else human_size(size)
    text.append(f"{shown:>8}  ")
    indent = " " * (_INDENT * min(row.depth, _DEEPEST)) + (f"({row.depth}) " if row.depth > _DEEPEST else "")
    text.append(indent + ("▾ " if opened else "▸ ") if row.directory else indent + "  ")
    name = visible(row.name) + ("/" if row.directory else "")
    text.append(name, style + Style(bold=True) if row.directory else style)
    if entry is not None and entry.target:
        text.append(f" → {visible(entry.target)}", styles.muted)
    if change == "removed":
        text.append("  removed", styles.removed)
    return text


def details(
    entry: FileEntry,
    inside: Inside | None,
    layers: Sequence[LayerSummary],
    width: int,
    *,
    size: int,
    upto: int,
    owners: Owners | None = None,
) -> list[Text]:
    """All about a file, the most important first: there may be room for three lines alone. `upto` is the layer whose
    changes are shown, `owners` are the names that its numbers have there."""
    head = plain("/" + entry.path, "bold")
    if entry.target:
        head.append(f" → {visible(entry.target)}")
    lines = [head, _facts(entry, size, owners.of(entry) if owners is not None else "")]
    if inside is not None:
        lines += [_belongs(entry, inside, layers, upto), *_versions(entry, inside)]
        lines += _attributes(inside.attributes(entry))
    for each in lines:
        each.truncate(width, overflow="ellipsis")
    return lines


def _facts(entry: FileEntry, size: int, owner: str) -> Text:
    named = f" ({clip(visible(owner), 32)})" if owner else ""
    words = [f"{stat.filemode(entry.mode)} {stat.S_IMODE(entry.mode):04o}", f"owner {entry.uid}:{entry.gid}{named}"]
    if stat.S_ISCHR(entry.mode) or stat.S_ISBLK(entry.mode):
        words.append(f"device {entry.device[0]}, {entry.device[1]}")
    elif stat.S_ISDIR(entry.mode):
        words.append(f"{human_size(size)} below it")
    else:
        words.append(f"{entry.size:,} bytes")
    try:
        words.append(f"{datetime.fromtimestamp(entry.mtime):%Y-%m-%d %H:%M:%S}")
    except (ValueError, OverflowError, OSError):  # an image may say any number
        words.append(f"{entry.mtime:.0f} s since 1970")
    if entry.same_as:
        words.append(f"the same file as /{visible(entry.same_as)}")
    return Text(" · ".join(words), end="")


def _belongs(entry: FileEntry, inside: Inside, layers: Sequence[LayerSummary], upto: int) -> Text:
    """Which layer it is from and what that did, in words."""
    if entry.change == "removed":
        return Text(f"D layer {upto} removes it: {_removed(entry, inside, upto)}", end="")
    words = [f"from layer {entry.layer} of {len(inside.roots)}"]
    if entry.change == "added":
        words.append("which added it")
    elif entry.change == "changed":
        words.append(f"which {'replaced' if not stat.S_ISDIR(entry.mode) else 'changed'} that of layer {entry.hides}")
    if stat.S_ISDIR(entry.mode) and inside.is_opaque(entry.path, entry.layer):
        words.append("opaque: nothing that lower layers have in it shows")
    text = Text(", ".join(words), end="")
    if 0 < entry.layer <= len(layers) and (made := made_by(layers[entry.layer - 1].created_by)):
        text.append("  ").append_text(plain(made, "italic"))
    elif entry.layer == len(layers) + 1:
        text.append("  written in the container", "italic")
    return text


def _removed(entry: FileEntry, inside: Inside, upto: int) -> str:
    found = inside.removal(entry.path, upto)
    if found is None:
        return ""
    kind, where = found
    at = "it" if where == entry.path else f"/{visible(where)}"
    if kind == "whiteout":
        return f"a whiteout (.wh.{visible(where.rpartition('/')[2])}) stands for {at}, and hides what is below"
    if kind == "opaque":
        return f"/{visible(where)} is opaque there (.wh..wh..opq): nothing of the layers below shows in it"
    return f"{at} is no directory any more there"


def _versions(entry: FileEntry, inside: Inside) -> list[Text]:
    """The same path in other layers: what is hidden is in the image all the same."""
    if stat.S_ISDIR(entry.mode):
        return []
    others = [each for each in inside.versions(entry.path) if each.layer != entry.layer]
    if not others:
        return []
    said = ", ".join(f"layer {each.layer} ({human_size(each.size)})" for each in others)
    return [Text(f"also in {said}: hidden, but part of the image", end="")]


def _attributes(attributes: Mapping[str, bytes]) -> list[Text]:
    if not attributes:
        return []
    shown = (f"{visible(name)}={_value(value)}" for name, value in sorted(attributes.items()))
    return [Text("xattrs  " + "  ".join(shown), end="")]


def _value(value: bytes) -> str:
    """As getfattr(1) writes it: text in quotes, anything else in hexadecimal."""
    try:
        text = value.rstrip(b"\0").decode()
    except UnicodeDecodeError:
        return "0x" + value[:24].hex() + ("…" if len(value) > 24 else "")
    if visible(text) == text:
        return f'"{clip(text, 60)}"'
    return "0x" + value[:24].hex() + ("…" if len(value) > 24 else "")
