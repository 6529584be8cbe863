"""The Files tab: what is in the thing that is looked at, as each layer leaves it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Static

from engine import ContainersChanged, CutawayError, Event, human_size, visible
from tui.bench import Bench
from tui.dialogs.pick import Pick
from tui.panes.files.drawing import details, heading, heading_of_all
from tui.panes.files.live import Live
from tui.panes.files.opening import Opening
from tui.panes.files.overlay import OverlayPage
from tui.panes.files.reading import Opened, open_thing
from tui.panes.files.tree_list import TreeList
from tui.panes.files.viewer import FileView
from tui.panes.tab import MainTab
from tui.subjects import OfContainer, OfDraft, OfImage, OfNeighbour, Subject

_MOST_WASTED = 1_000


class FilesTab(MainTab):
    """A tree, and pages that take its place: a file's content, a container's overlay."""

    tab_id = "files"
    title = "Files"
    filterable = True

    DEFAULT_CSS = """
    FilesTab {
        & #files-switch, & #files-page, & #files-overlay { height: 1fr; }
        & #files-said { padding: 1 2; color: $text-muted; }
        & #files-head { height: 1; padding: 0 1; color: $text-muted; }
        & #files-about { height: 6; border-top: solid $border-blurred; padding: 0 1; }
    }
    .narrow FilesTab #files-about { height: 5; }
    .short FilesTab #files-about { height: 4; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave_page", "back to the tree", show=False, id="files.back"),
        Binding("a", "changed_only", "changed only", id="files.changed"),
        Binding("<", "layer(-1)", "lower layer", key_display="<", id="files.lower"),
        Binding(">", "layer(1)", "higher layer", key_display=">", show=False, id="files.higher"),
        Binding("L", "owner", "its layer", id="files.owner"),
        Binding("W", "wasted", "wasted", show=False, id="files.wasted"),
        Binding("b", "bytes", "as bytes", show=False, id="files.bytes"),
        Binding("v", "pager", "$PAGER", id="files.pager"),
        Binding("e", "edit", "$EDITOR", id="files.edit"),
        Binding("w", "extract", "copy out", id="files.extract"),
        Binding("c", "copy_in", "copy in", id="files.copy-in"),
        Binding("O", "overlay", "overlay", id="files.overlay"),
        Binding("r", "again", "read again", show=False, id="files.again"),
    ]

    class LayerShown(Message):
        """Another layer's state is shown; 0 is all of them."""

        def __init__(self, layer: int) -> None:
            super().__init__()
            self.layer = layer

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.tree_list = TreeList(empty="there are no files", id="files-tree", moved=self._show_about)
        self.view = FileView(id="files-view")
        self.overlay = OverlayPage(id="files-overlay")
        self._head = Static("", id="files-head", markup=False)
        self._about = Static("", id="files-about", markup=False)
        self._opened: Opened | None = None
        self._layer = 0
        """Whose state is shown; 0 for all layers."""
        self._changed = False
        self._opening = Opening(bench, self)
        self._live = Live(bench, self)

    def compose(self) -> Iterable[Widget]:
        with ContentSwitcher(initial="files-said", id="files-switch"):
            yield Static("", id="files-said", markup=False)
            with Vertical(id="files-page"):
                yield self._head
                yield self.tree_list
                yield self._about
            yield self.view
            yield self.overlay

    # -- what is shown ---------------------------------------------------------------------------------

    @property
    def opened(self) -> Opened | None:
        """What is open, once it has been read."""
        return self._opened

    @property
    def shown_layer(self) -> int:
        """The layer whose state is shown; the uppermost where all are."""
        return self._layer or (self._opened.depth if self._opened is not None else 0)

    @property
    def page(self) -> str:
        """What is in front: said, page (the tree), view or overlay."""
        return (self.query_one("#files-switch", ContentSwitcher).current or "").removeprefix("files-")

    def front(self, page: str) -> None:
        """Bring a page to the front."""
        had_focus = self.has_focus_within
        self.query_one("#files-switch", ContentSwitcher).current = f"files-{page}"
        if had_focus:
            self.take_focus()
        self.refresh_bindings()
        self.post_message(self.Changed())

    def take_focus(self) -> None:
        widgets: dict[str, Widget] = {"page": self.tree_list, "view": self.view, "overlay": self.overlay.written}
        if (wanted := widgets.get(self.page)) is not None:
            self.screen.set_focus(wanted, scroll_visible=False)
        else:
            self.screen.set_focus(self, scroll_visible=False)

    can_focus = True

    @property
    def summary(self) -> str:
        match self.page:
            case "view":
                return f"{self._opening.title} · {self.view.summary} · esc back"
            case "overlay":
                return f"{self.overlay.summary} · y copies the mount command · esc back"
            case "page":
                return self._tree_summary
        return ""

    @property
    def _tree_summary(self) -> str:
        model = self.tree_list.tree_model
        words = ["what it changed" if self._changed else "all files"]
        if model.filter:
            words = [f"{model.matches:,} match {visible(model.filter.said)}"]
        if model.sorting.words:
            words.append(model.sorting.words)
        words.append("a all files" if self._changed else "a changed only")
        return " · ".join([*words, "< > layer", "enter opens", "w copies out"])

    @property
    def copyable(self) -> tuple[str, str]:
        match self.page:
            case "view" if self.view.text:
                return self.view.text, "the text"
            case "overlay":
                return self.overlay.command, "the mount command"
        path = self.tree_list.path
        return (f"/{path}", "the path") if path is not None else ("", "")

    def filter_with(self, text: str) -> None:
        match self.page:
            case "view":
                self.view.set_filter(text)
            case "overlay":
                self.overlay.written.set_filter(text)
            case _:
                self.tree_list.set_filter(text)

    # -- reading ---------------------------------------------------------------------------------------

    def fill(self, subject: Subject) -> None:
        same = self._opened is not None and self._opened.name == _name(subject)
        if not same:
            self._live.stop()
            self._opened, self._layer, self._changed = None, 0, False
            self._say("reading…")
        match subject:
            case OfImage(name) | OfDraft(name):
                self.bench.later(self._read(subject, name, name))
            case OfContainer(id) if self.container is not None:
                self.bench.later(self._read(subject, id, self.container.image))
            case OfNeighbour():
                self._say(self.theirs)

    def hear(self, event: Event) -> None:
        # Started, stopped, or a file was put into it.
        if isinstance(event, ContainersChanged) and _name(self.subject) in event.containers:
            self.outdate()

    async def _read(self, subject: Subject, name: str, image: str) -> None:
        container = isinstance(subject, OfContainer)
        called = self.container.name if self.container is not None else name
        try:
            opened = await self.bench.desk.ask(
                lambda workbench: open_thing(workbench, name, called, image, container=container)
            )
        except CutawayError as error:
            if self.subject == subject:
                self._say(f"✗ {visible(error.message)}\n\n{visible(error.hint)}")
            return
        if self.subject != subject:
            return
        fresh, self._opened = self._opened is None, opened
        if fresh:
            self.tree_list.begin(opened.source(opened.depth, changed=False))
        if self.page == "said":
            self.front("page")
        await self.bench.desk.off_thread(opened.weigh)
        if self.subject == subject:
            self.tree_list.owners = opened.owners
            await self._show_layer()

    def _say(self, text: str) -> None:
        self.query_one("#files-said", Static).update(Text(text))
        self.front("said")

    def leave(self) -> None:
        self._live.stop()
        self._opened = None
        self._opening.close()

    # -- layers ----------------------------------------------------------------------------------------

    def at_layer(self, layer: int) -> None:
        """Show the state that this layer leaves (from 1); 0 shows all."""
        if self._opened is None:
            return
        layer = 0 if layer > self._opened.depth else layer
        if layer != self._layer:
            self._layer = layer
            self.bench.later(self._show_layer())

    async def _show_layer(self, path: str | None = None) -> None:
        opened, layer, changed = self._opened, self._layer, self._changed
        if opened is None:
            return
        number = layer or opened.depth
        source = await self.bench.desk.off_thread(lambda: opened.source(number, changed=changed))
        await self.bench.desk.off_thread(lambda: opened.numbers(number))
        if self._opened is not opened or (self._layer, self._changed) != (layer, changed):
            return
        self.tree_list.set_empty("this layer changes no file" if changed else "there are no files")
        self.tree_list.show(source, marks=lambda entry: entry.layer == number or entry.change == "removed")
        if changed:
            self.tree_list.open_few()
        if path is not None:
            self.tree_list.move_to(path)
        whole = not self._layer and not self._changed
        self._head.update(heading_of_all(opened) if whole else heading(opened, number))
        self._show_about()
        self.post_message(self.Changed())
        self.post_message(self.LayerShown(layer))

    def action_layer(self, step: int) -> None:
        if self._opened is not None:
            self.at_layer(max(1, min(self._opened.depth, self.shown_layer + step)))
            self._show_command()

    def _show_command(self) -> None:
        """What lists the same; of all files as a lower layer leaves them no command does."""
        opened = self._opened
        if opened is not None and (self._changed or self.shown_layer == opened.depth):
            layer = ["--layer", str(self.shown_layer)] if self._changed else []
            self.bench.show_command(self.bench.desk.command("files", *layer, opened.called))

    def action_changed_only(self) -> None:
        if self._opened is not None:
            self._changed = not self._changed
            self.bench.later(self._show_layer())
            self._show_command()

    def action_owner(self) -> None:
        """Go to the layer that the file under the cursor is from, and show what that changed."""
        entry = self.tree_list.entry
        if self._opened is not None and entry is not None:
            self._layer, self._changed = entry.layer, True
            self.bench.later(self._show_layer(entry.path))

    def action_wasted(self) -> None:
        """List the files that higher layers hide, the largest first, and go to one."""
        if self._opened is not None:
            self.bench.later(self._show_wasted(self._opened))

    async def _show_wasted(self, opened: Opened) -> None:
        largest = sorted(opened.wasted.items(), key=lambda each: (-each[1], each[0]))[:_MOST_WASTED]
        things = [(path, f"{human_size(size):>8}  /{path}") for path, size in largest]
        total = human_size(sum(opened.wasted.values()))
        path = await self.bench.put(Pick(f"Hidden by higher layers, and still in the image: {total}", things))
        if path is not None and self._opened is opened:
            hidden = opened.inside.versions(path)[0]
            self._layer, self._changed = hidden.layer, True
            await self._show_layer(path)

    # -- the file under the cursor ---------------------------------------------------------------------

    @on(TreeList.Reordered)
    @on(FileView.Changed)
    def _reordered(self, event: Message) -> None:
        event.stop()
        self.post_message(self.Changed())

    def on_resize(self) -> None:
        self._show_about()

    def _show_about(self) -> None:
        entry, opened = self.tree_list.entry, self._opened
        if entry is None or opened is None:
            self._about.update("")
            return
        size = self.tree_list.source.size(entry.path)
        width = max(20, self.size.width - 2)
        inside = opened.inside if opened.sizes else None  # what it takes to tell more is being made ready
        lines = details(entry, inside, opened.layers, width, size=size, upto=self.shown_layer, owners=opened.owners)
        self._about.update(Text("\n").join(lines), layout=False)

    @on(TreeList.Chosen)
    def _chosen(self, event: TreeList.Chosen) -> None:
        event.stop()
        self._opening.show(event.entry)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        page = self.page
        match action:
            case "leave_page":
                return page in ("view", "overlay")
            case "overlay" | "copy_in":
                return isinstance(self.subject, OfContainer) and page == "page"
            case "changed_only" | "layer" | "owner" | "wasted":
                return page == "page"
            case "bytes":
                return page == "view"
            case "pager" | "edit" | "extract":
                return page in ("page", "view")
        return True

    def action_leave_page(self) -> None:
        self._live.stop()
        self._opening.close()
        self.front("page")

    def action_bytes(self) -> None:
        self._opening.turn_bytes()

    def action_pager(self) -> None:
        self._opening.outside(edit=False)

    def action_edit(self) -> None:
        self._opening.outside(edit=True)

    def action_extract(self) -> None:
        self._opening.extract()

    def action_copy_in(self) -> None:
        """Into the directory under the cursor, or the one that the file there is in."""
        if self.container is not None:
            self._opening.copy_in(self.container)

    def action_again(self) -> None:
        self.outdate()

    # -- a container's overlay -------------------------------------------------------------------------

    def action_overlay(self) -> None:
        if isinstance(self.subject, OfContainer) and self._opened is not None:
            self.bench.later(self._live.begin(self.subject, self._opened))


def _name(subject: Subject) -> str:
    match subject:
        case OfImage(name) | OfDraft(name) | OfContainer(name):
            return name
    return ""
