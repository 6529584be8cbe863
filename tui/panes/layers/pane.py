"""The layers of what is selected, lowest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from engine import LayerPhase, LayerProgress, human_size, visible
from tui.progress import Pull, done
from tui.text import clip, plain
from tui.widgets.bars import bar, percent
from tui.widgets.frame import Frame
from tui.widgets.item_list import Item, ItemList

if TYPE_CHECKING:
    from engine import LayerSummary


_WRITABLE = "writable"


class LayersPane(Frame):
    """Numbers count from the bottom; the writable layer of a container to be stands last, on top of all."""

    filterable = True

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "files", "its files", id="layers.files"),
        Binding("a", "details", "about it", id="layers.about"),
    ]

    class Picked(Message):
        """The cursor is on another layer (from 1; 0 is the writable one on top). `enter`: its files are wanted."""

        def __init__(self, layer: int, *, enter: bool = False) -> None:
            super().__init__()
            self.layer = layer
            self.enter = enter

    class Details(Message):
        """A layer is to be shown in full."""

        def __init__(self, title: str, rows: list[tuple[str, str]]) -> None:
            super().__init__()
            self.title = title
            self.rows = rows

    def __init__(self) -> None:
        super().__init__(id="layers")
        self.list = ItemList(empty="", id="layer-list")
        self.list.enter_does = "its files"
        self._layers: list[LayerSummary] = []

    def compose_body(self) -> Iterable[Widget]:
        yield self.list

    def show(self, layers: list[LayerSummary]) -> None:
        """An image's layers."""
        self._layers = layers
        items = [
            Item(str(n), layer.created_by + layer.digest, _layer_line(n, layer)) for n, layer in enumerate(layers, 1)
        ]
        if layers:
            items.append(Item(_WRITABLE, "writable", _writable_line))
        self.list.set_items(items)

    def show_pull(self, pull: Pull) -> None:
        """How far each layer of an image on its way is."""
        self._layers = []
        self.list.set_empty("asking the registry…" if pull.problem is None else "")
        layers = pull.progress.layers
        self.list.set_items([Item(str(n), "", _progress_line(layers[n])) for n in sorted(layers)])

    def clear(self, why: str) -> None:
        """Nothing to show, and why."""
        self._layers = []
        self.list.set_empty(why)
        self.list.set_items([])

    @property
    def named(self) -> list[tuple[str, str]]:
        """Each layer's key in the list, and words to find it by; safe to show."""
        return [
            (str(n), visible(f"layer {n}  {layer.digest[7:19]}  {made_by(layer.created_by)}"[:200]))
            for n, layer in enumerate(self._layers, 1)
        ]

    @property
    def copyable(self) -> tuple[str, str]:
        layer = self._at_cursor()
        return (layer.path, "the layer's directory") if layer is not None else ("", "")

    def filter_with(self, text: str) -> None:
        self.list.set_filter(text)

    def select(self, layer: int) -> None:
        """Put the cursor on a layer; 0 is the writable one."""
        self.list.move_to(str(layer) if layer else _WRITABLE)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        match action:
            case "details":
                return self._at_cursor() is not None
            case "files":
                return bool(self._layers)
        return True

    def action_files(self) -> None:
        if self._layers and self.list.key is not None:
            self.post_message(self.Picked(self._picked, enter=True))

    @property
    def _picked(self) -> int:
        key = self.list.key or ""
        return int(key) if key.isdigit() else 0

    def action_details(self) -> None:
        layer = self._at_cursor()
        if layer is not None:
            self.post_message(
                self.Details(
                    f"Layer {self.list.key} of {len(self._layers)}",
                    [
                        ("directory", layer.path),
                        ("expanded", f"{human_size(layer.size)} in {layer.files:,} files"),
                        ("compressed", f"{human_size(layer.blob_size)}  {layer.media_type}"),
                        ("made by", layer.created_by or "the image does not say"),
                        ("blob", layer.digest),
                        ("diff ID", layer.diff_id),
                        ("chain ID", layer.chain_id),
                    ],
                )
            )

    def _at_cursor(self) -> LayerSummary | None:
        key = self.list.key or ""
        return self._layers[int(key) - 1] if key.isdigit() and int(key) <= len(self._layers) else None

    @on(ItemList.Moved)
    def _moved(self, event: ItemList.Moved) -> None:
        event.stop()
        self.refresh_bindings()
        if self._layers and event.key is not None and self.list.has_focus:
            self.post_message(self.Picked(self._picked))

    @on(ItemList.Chosen)
    def _chosen(self, event: ItemList.Chosen) -> None:
        event.stop()
        self.action_files()


def _layer_line(number: int, layer: LayerSummary) -> Callable[[int], Text]:
    def draw(width: int) -> Text:
        text = Text(no_wrap=True, end="")
        text.append(f"{number:>2} {layer.digest.partition(':')[2][:8]} {human_size(layer.size):>7}  ")
        text.append_text(plain(made_by(layer.created_by)))
        return text

    return draw


def made_by(command: str) -> str:
    """The instruction that made a layer, without the shell that docker and buildah wrap around it."""
    for prefix in ("/bin/sh -c #(nop) ", "/bin/sh -c "):
        if command.startswith(prefix):
            return command[len(prefix) :].strip() if "nop" in prefix else "RUN " + command[len(prefix) :].strip()
    return command


def _writable_line(width: int) -> Text:
    return Text(" ─ writable, made when started", style="italic", no_wrap=True, end="")


def _progress_line(event: LayerProgress) -> Callable[[int], Text]:
    return lambda width: progress_line(event, width)


_PHASES = {
    LayerPhase.WAITING: "waiting",
    LayerPhase.DOWNLOADING: "loading",
    LayerPhase.UPLOADING: "sending",
    LayerPhase.PACKING: "packing",
    LayerPhase.COPYING: "copying",
    LayerPhase.EXPANDING: "expanding",
    LayerPhase.DONE: "done",
    LayerPhase.PRESENT: "is here",
}


def progress_line(event: LayerProgress, width: int) -> Text:
    """One layer under way: number, name, phase, how far."""
    head = f"{event.number:>2} {event.digest.short[:8]} {_PHASES[event.phase]:<9} "
    size = f" {human_size(event.total):>7}" if event.total else ""
    room = width - cell_len(head) - 5
    if room - len(size) >= 6:
        room -= len(size)
    else:
        size = ""
    fraction = done(event)
    return Text(
        clip(visible(f"{head}{bar(fraction, max(3, min(30, room)))} {percent(fraction)}{size}"), width),
        no_wrap=True,
        end="",
    )
