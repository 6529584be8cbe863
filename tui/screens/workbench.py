"""The workbench: images, layers and containers at the left, the main area at the right; one alone if narrow."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input

from engine import Event, Status, visible
from tui.conductor import Conductor
from tui.deeds import ALL_DEEDS, DEEDS, Offer
from tui.deeds.menu import Menu
from tui.desk import Desk
from tui.dialogs.kept import offer_kept
from tui.dialogs.page import Page
from tui.doing import Doing
from tui.layering import Layering
from tui.looking import Looking
from tui.panes.layers.pane import LayersPane
from tui.places.containers import ContainersPane
from tui.places.images import ImagesPane
from tui.places.main_area import MainArea
from tui.places.things import ThingsPane
from tui.progress import Pull
from tui.screens.arrangement import Arrangement
from tui.screens.in_front import InFront
from tui.screens.keys import KEYS, LETTERS
from tui.state import State
from tui.subjects import OfContainer, OfDraft, OfHost, OfImage, OfJob, OfNeighbour, Subject
from tui.widgets.frame import Edge, Frame
from tui.widgets.item_list import ItemList
from tui.widgets.key_line import KeyLine
from tui.widgets.title_bar import TitleBar

if TYPE_CHECKING:
    from tui.panes.files.tab import FilesTab

HOST = {deed.id for deed in DEEDS[OfHost]}
"""Deeds that are about nothing that is selected."""


class WorkbenchScreen(InFront):
    """Shows the state and turns keys into wishes; the conductor decides."""

    CSS_PATH = "workbench.tcss"

    BINDINGS: ClassVar[list[BindingType]] = KEYS

    def __init__(self, desk: Desk, state: State) -> None:
        super().__init__(desk, state)
        self.image_list, self.container_list = ImagesPane(), ContainersPane()
        self.layer_list, self.area = LayersPane(), MainArea(self)
        self.panes: Arrangement
        self.conductor: Conductor
        self.looking: Looking
        self.layering: Layering
        self.doing: Doing

    def compose(self) -> ComposeResult:
        yield self.title_bar
        with Horizontal(id="panes"):
            with Vertical(id="left") as left:
                yield self.image_list
                yield self.layer_list
                yield self.container_list
            yield self.area
        yield self.command_line
        yield KeyLine(always=("menu", "palette", "help", "leave"), offered=self._offered)
        panes = (self.image_list, self.layer_list, self.area, self.container_list)
        frames: dict[str, Frame] = {pane.id or "": pane for pane in panes}
        self.panes = Arrangement(self, left, frames, self._counts, self.state.layout)

    def _counts(self) -> tuple[int, int]:
        return len(self.state.images), len(self.state.containers)

    def on_mount(self) -> None:
        self.looking = Looking(self.state, self.area)
        self.looking.tab_id = str(self.state.layout.get("tab", self.looking.tab_id))
        self.layering = Layering(self.desk, self.state, self.layer_list, self.later)
        self.conductor = Conductor(self.desk, self.state, self)
        self.doing = Doing(self)
        self.show_busy("")
        self.area.welcome.show()
        self.panes.apply()
        self.image_list.take_focus()
        self.later(self._begin())

    async def _begin(self) -> None:
        await self.conductor.begin()
        await offer_kept(self)

    # -- what the conductor asks for -------------------------------------------------------------------

    async def ready(self) -> None:
        drawn = asyncio.Event()
        self.call_after_refresh(drawn.set)
        await drawn.wait()  # what there is can be read while the tabs are made
        await self.area.load()

    def show_host(self, words: list[str]) -> None:
        self.title_bar.show_place(*map(visible, words))
        if self.looking.subject is None:
            self.looking.show()

    def show_images(self) -> None:
        self.image_list.unread = self.state.unread.get("images")
        self.image_list.show(self.state)
        self._show_edges()

    def show_containers(self, before: dict[str, Status]) -> None:
        self.container_list.unread = self.state.unread.get("containers")
        self.container_list.show(list(self.state.containers.values()))
        self._show_edges()
        looked_at = self.looking.subject
        if isinstance(looked_at, OfContainer):
            container = self.state.containers.get(looked_at.id)
            if container is None:
                self.look(self.image_list.subject)
            elif before.get(container.id) is not container.status:
                self.looking.container_changed(before.get(container.id))

    def show_pull(self, pull: Pull) -> None:
        self.image_list.show(self.state)
        if self.layering.subject == OfJob(pull.job):
            self.layer_list.show_pull(pull)
        if self.looking.subject == OfJob(pull.job):
            self.looking.show()
        if pull.finished:
            self.refresh_bindings()

    def show_others(self) -> None:
        self.container_list.show_others(self.state.others)
        if not self.looking.others_changed():
            self.look(self.image_list.subject)

    def show_busy(self, text: str) -> None:
        self.title_bar.show_busy(text)

    def hear(self, event: Event) -> None:
        self.looking.hear(event)
        for listener in list(self.listeners):
            listener(event)

    def look(self, subject: Subject, *, go: str = "") -> None:
        match subject:
            case OfContainer(key) | OfNeighbour(key):
                self.container_list.select(key)
            case OfImage() | OfDraft() | OfJob():
                self.image_list.select(subject)
        self.layering.at(subject)
        if subject != self.looking.subject:
            self.hush()
        self.looking.at(subject, go)
        self.refresh_bindings()
        if subject is None and self.panes.narrow:
            go = "main"  # an empty list says nothing; the first page does
        if go:
            self.action_go(go if go in self.panes.frames else "main")  # a tab is there a moment after the first page
        self._show_edges()

    def in_sight(self, subject: Subject) -> bool:
        """Whether the main area shows this, and can be seen."""
        return self.looking.subject == subject and self.area.display

    # -- moving about ----------------------------------------------------------------------------------

    def on_resize(self, event: events.Resize) -> None:
        self.panes.apply()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self.panes.follow_focus(self.focused_for)

    def _show_edges(self) -> None:
        self.title_bar.show_crumbs(*self.looking.crumbs)
        self.panes.layers_of = self.layering.context
        self.panes.show_edges()

    def action_go(self, pane: str) -> None:
        """Be in a pane."""
        if not self.panes.go(pane, self.asked):
            return
        theirs = self.container_list.subject
        if pane == "containers" and isinstance(theirs, OfNeighbour) and theirs != self.looking.subject:
            self.look(theirs)  # what the keys are about now is nothing of ours, and has to be seen
        if pane == "containers":
            self.conductor.neighbours_gone_to()

    def action_next_pane(self, step: int) -> None:
        self.action_go(self.panes.next(step))

    @on(Edge.Picked)
    def _edge_picked(self, event: Edge.Picked) -> None:
        if event.key in self.panes.frames:
            self.action_go(event.key)
        else:
            self.looking.at(self.looking.subject, event.key)
            self.action_go("main")

    @on(MainArea.Switched)
    def _area_switched(self) -> None:
        self._show_edges()

    def action_turn(self, step: int) -> None:
        """The next or previous tab."""
        if self.area.tab is not None:
            self.looking.turn(step)
            self.action_go("main")

    def action_zoom(self, closer: bool) -> None:
        """One pane alone, or all."""
        self.panes.zoom(closer)

    def action_before(self) -> None:
        """What was looked at before."""
        if self.looking.before is None:
            self.say("There is nothing that was looked at before this.")
        else:
            subject, tab = self.looking.before
            self.look(subject, go=tab)

    @on(TitleBar.Picked)
    def _busy_picked(self) -> None:
        self.action_jobs()

    def action_back(self) -> None:
        """One step back: out of the zoom, then from the main area to the list it came from."""
        if self.panes.zoomed:
            self.panes.zoom(False)
        elif self.panes.place == "main":
            self.action_go("containers" if isinstance(self.looking.subject, OfContainer | OfNeighbour) else "images")
        elif self.panes.place != "images":
            self.action_go("images")

    def action_filter(self) -> None:
        self.panes.here.action_filter()

    # -- panes -----------------------------------------------------------------------------------------

    @on(ImagesPane.Selected)
    def _image_selected(self, event: ImagesPane.Selected) -> None:
        subject = event.subject
        if self.panes.place == "images" and subject == self.image_list.subject:
            if isinstance(subject, OfImage) and subject.reference in self.state.drafts:
                subject = OfDraft(subject.reference)
            self.look(subject)

    @on(ContainersPane.Selected)
    def _container_selected(self, event: ContainersPane.Selected) -> None:
        subject = event.subject
        if self.panes.place == "containers" and subject is not None and subject == self.container_list.subject:
            self.look(self.state.of_container(subject.id) if isinstance(subject, OfContainer) else subject)

    @on(ItemList.Chosen, "#images-list,#containers-list")
    def _chosen(self) -> None:
        """Enter, or a click on the line under the cursor: the first of what can be done to it now."""
        for offer in sorted(self.offers(self.subject), key=lambda offer: offer.why_not != "")[:1]:
            self.do(offer.id, offer.subject)

    @on(LayersPane.Picked)
    def _layer_picked(self, event: LayersPane.Picked) -> None:
        """The files are those that the layer under the cursor leaves."""
        if event.enter:
            self.look(self.looking.subject, go="files")
        if (files := self.area.find("files")) is not None:
            cast("FilesTab", files).at_layer(event.layer)

    def on_files_tab_layer_shown(self, event: FilesTab.LayerShown) -> None:  # by name: its class is loaded later
        if self.panes.place != "layers":
            self.layer_list.select(event.layer)

    @on(LayersPane.Details)
    def _details(self, event: LayersPane.Details) -> None:
        self.app.push_screen(Page(event.title, event.rows, copies="the directory"))

    # -- doing -----------------------------------------------------------------------------------------

    @property
    def subject(self) -> Subject:
        """What the keys are about: the line under the cursor, or what is looked at."""
        if self.panes.place == "images":
            subject = self.image_list.subject
            drafted = isinstance(subject, OfImage) and self.looking.subject == OfDraft(subject.reference)
            return self.looking.subject if drafted else subject
        if self.panes.place == "containers":
            return self.container_list.subject
        return self.looking.subject

    def do(self, id: str, subject: Subject) -> None:
        """Do something to a thing, or say why not; ask first where it cannot be undone."""
        self.looking.settle()
        self.later(self.doing.do(id, subject))

    def offers(self, subject: Subject) -> list[Offer[Any]]:
        """What can be done to a thing."""
        return self.doing.offers(subject) if self.desk.loaded else []

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Letters are typed where something is being written; a key is offered while there is what it is for."""
        if not self.is_mounted:
            return True
        if action == "deed":
            if parameters[0] in HOST:
                return True
            return any(offer.id == parameters[0] for subject in self.subjects for offer in self.offers(subject))
        return action not in LETTERS or not self._typing

    @property
    def _typing(self) -> bool:
        focused = self.focused
        return isinstance(focused, Input) or getattr(focused, "read_only", True) is False

    def _offered(self, binding: Binding) -> bool:
        """Whether a key is worth its place on the line: those that would only say why not are not."""
        if binding.id not in ALL_DEEDS or binding.id in HOST:
            return True
        marked = bool(self.marked)
        found = [o for subject in self.subjects for o in self.offers(subject) if o.id == binding.id]
        return any(not offer.why_not and (offer.deed.many or not marked) for offer in found)

    def action_deed(self, id: str) -> None:
        if id in HOST:
            if self._loaded():
                self.do(id, OfHost())
        elif self.marked:
            self.later(self.doing.do_to_all(id, self.marked))
        else:
            self.do(id, self.subject)

    @property
    def marked(self) -> list[Subject]:
        """What is marked in the pane that somebody is in."""
        here = self.panes.here
        return here.marked if isinstance(here, ThingsPane) else []

    @property
    def subjects(self) -> list[Subject]:
        """What the keys are about: all that is marked, or the one thing."""
        return self.marked or [self.subject]

    @on(ItemList.Marked)
    def _marks_changed(self) -> None:
        self.refresh_bindings()

    def action_menu(self) -> None:
        subject, marked = self.subject, self.marked
        offers = self.doing.offers_to_all(marked) if marked and self.desk.loaded else self.offers(subject)
        if not offers:
            self.say("Nothing is selected here.")
            return

        def chosen(offer: Offer[Any] | None) -> None:
            if offer is not None and marked:
                self.later(self.doing.do_to_all(offer.id, marked))
            elif offer is not None:
                self.do(offer.id, subject)

        title = f"{len(marked)} marked" if marked else self.state.title(subject)
        self.app.push_screen(Menu(title, offers), chosen)

    def _loaded(self) -> bool:
        if not self.desk.loaded:
            self.say("One moment: the engine is still being loaded.")
        return self.desk.loaded

    # -- copying ---------------------------------------------------------------------------------------

    def action_copy(self) -> None:
        """The most useful text of the place: a reference, a path, a command, the output."""
        self.copy(*self.panes.here.copyable)

    def action_copy_command(self) -> None:
        self.copy(self.command_line.command, "the command")

    # -- leaving ---------------------------------------------------------------------------------------

    def action_leave(self) -> None:
        self.later(self._leave())

    def action_leave_from_anywhere(self) -> None:
        """By a key that types nothing, also while something is being written."""
        self.action_leave()

    async def _leave(self) -> None:
        await self.settled()
        lost = self.state.lost()
        if lost and not await self.ask("Leave Cutaway?", detail="\n".join(lost), yes="Leave"):
            return
        self.looking.settle()
        self.conductor.drafts.flush()
        said = self.state.farewell(self.desk.command())
        self.looking.close()
        self.app.exit(message=said or None)
