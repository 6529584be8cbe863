"""What the Files tab shows of a thing, and how it is read: in another thread, each part when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine import ImageUnknown
from tui.panes.files.sources import Listed, Merged, Source

if TYPE_CHECKING:
    from engine import Inside, LayerChanges, LayerSummary, Owners, Workbench


@dataclass
class Opened:
    """An image or a container, opened. Its layers count from 1; a container's own is the last."""

    name: str
    called: str
    """The name for command lines: a container's own, where `name` is its id."""
    inside: Inside
    layers: list[LayerSummary]
    container: bool
    sizes: Mapping[str, int] = field(default_factory=dict)
    wasted: Mapping[str, int] = field(default_factory=dict)
    """Bytes of hidden files, by path."""
    owners: Owners | None = None
    """Whose names the numbers are, once `weigh` has looked."""
    _below: dict[int, tuple[Inside, Mapping[str, int]]] = field(default_factory=dict)
    _numbers: dict[int, LayerChanges] = field(default_factory=dict)

    @property
    def depth(self) -> int:
        """How many layers there are."""
        return len(self.inside.roots)

    def up_to(self, layer: int) -> tuple[Inside, Mapping[str, int]]:
        """The lowest so many layers, and the sizes in them; the last one asked for is kept."""
        if layer >= self.depth:
            return self.inside, self.sizes
        if layer not in self._below:
            inside = self.inside.up_to(layer)
            self._below = {layer: (inside, inside.sizes())}
        return self._below[layer]

    def numbers(self, layer: int) -> LayerChanges:
        """What a layer adds, changes, removes and wastes."""
        if layer not in self._numbers:
            self._numbers[layer] = self.inside.tree.summary(layer)
        return self._numbers[layer]

    def source(self, layer: int, *, changed: bool) -> Source:
        """All files as that layer leaves them, or what it changed alone."""
        inside, sizes = self.up_to(layer)
        if changed:
            return Listed(self.inside.changes(layer), inside)
        return Merged(inside, sizes)

    def weigh(self) -> None:
        """Add up the sizes of directories, and get ready what is asked for at each key."""
        self.sizes = self.inside.sizes()
        self.wasted = self.inside.wasted()
        self.owners = self.inside.owners()
        self.inside.versions("")


def open_thing(workbench: Workbench, name: str, called: str, image: str, *, container: bool) -> Opened:
    """Read the index of an image or a container; `image` is the name of the image that says what made its layers."""
    inside = workbench.inside(name)
    try:
        layers = workbench.layers(image)
    except ImageUnknown:  # removed since; the container's layers are still there
        layers = []
    return Opened(name, called, inside, layers, container)
