"""The palette (ctrl+p and `:`): every action of the place, and every thing there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from rich.text import Text
from textual.command import DiscoveryHit, Hit, Hits, Provider

from engine import visible
from tui.deeds import ALL_DEEDS, DEEDS
from tui.screens.workbench import WorkbenchScreen
from tui.subjects import OfContainer, OfHost, OfImage, OfJob
from tui.text import unmarked
from tui.widgets.key_line import shown_key

if TYPE_CHECKING:
    from tui.panes.config.tab import ConfigTab

_Entry = tuple[str, str, Callable[[], object]]


class _Entries(Provider):
    """A provider of entries: words, help, and what to call. The words may be hostile, so they are never markup."""

    def entries(self) -> Iterator[_Entry]:
        raise NotImplementedError

    async def discover(self) -> Hits:
        for words, help_text, call in self.entries():
            yield DiscoveryHit(Text(words), call, text=words, help=unmarked(help_text))

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for words, help_text, call in self.entries():
            score = matcher.match(words)
            if score > 0:
                yield Hit(score, Text(words), call, text=words, help=unmarked(help_text))

    @property
    def workbench(self) -> WorkbenchScreen | None:
        return self.screen if isinstance(self.screen, WorkbenchScreen) else None


class Actions(_Entries):
    """What can be done to the thing looked at and to this host, what the keys of the place do, and the themes.

    What cannot be done now is there too, and says why.
    """

    def entries(self) -> Iterator[_Entry]:
        screen = self.workbench
        if screen is None:
            return
        for subject in (screen.subject, OfHost()):
            of = f" · {screen.state.title(subject)[:200]}" if subject != OfHost() else ""
            for offer in screen.offers(subject):
                key = f"{offer.key}   " if offer.key else ""
                said = f"not now: {offer.why_not}" if offer.why_not else f"$ {offer.command}" if offer.command else ""
                yield visible(offer.words + of), visible(key + said), partial(screen.do, offer.id, subject)
            thing = screen.state.find(subject)
            for deed in DEEDS[type(subject)] if thing is not None else ():
                if not deed.applies(thing) and (why := visible(deed.why_not(thing))):
                    yield visible(deed.words + of), f"not now: {why}", partial(screen.say, f"Not now: {why}")
        for active in screen.active_bindings.values():
            binding = active.binding
            if binding.description and not binding.system and active.enabled and binding.id not in ALL_DEEDS:
                key = shown_key(binding.key, binding.key_display)
                call = partial(self.app.run_action, binding.action, default_namespace=active.node)
                yield binding.description, key, call
        for tab in screen.area.tabs:
            if screen.looking.subject is not None:
                yield f"tab {tab.title}", "of what is looked at", partial(_to_tab, screen, tab.tab_id)
        for name in sorted(self.app.available_themes):
            yield f"theme {name.removeprefix('cutaway-')}", "colours", partial(setattr, self.app, "theme", name)


def _to_tab(screen: WorkbenchScreen, tab: str) -> None:
    screen.look(screen.looking.subject, go=tab)


class Things(_Entries):
    """Every image, container and pull; and, where something is looked for, layers and the values of config.json."""

    def entries(self) -> Iterator[_Entry]:
        screen = self.workbench
        if screen is None:
            return
        for container in screen.state.containers.values():
            yield (
                f"container {visible(container.name[:200])}",
                f"{container.status.value}, from {visible(container.image)}"[:200],
                partial(screen.look, OfContainer(container.id), go="output"),
            )
        for image in screen.state.images:
            yield (
                f"image {visible(image.reference)}"[:300],
                "its config.json",
                partial(screen.look, OfImage(image.reference), go="images"),
            )
        for pull in screen.state.pulls.values():
            called = f"{pull.verb} {visible(pull.name[:200])}"
            yield called, "on its way", partial(screen.look, OfJob(pull.job), go="main")

    def more(self) -> Iterator[_Entry]:
        screen = self.workbench
        if screen is None:
            return
        for key, words in screen.layer_list.named:
            yield words, "a layer of what is looked at", partial(_to_layer, screen, key)
        from tui.panes.config.tab import ConfigTab  # loaded by now

        config = screen.area.find("config")
        if isinstance(config, ConfigTab) and config.subject is not None and config.analysis is not None:
            for place in config.analysis.places.all:
                yield visible(place.pointer), "in config.json", partial(_to_pointer, screen, config, place.pointer)

    async def search(self, query: str) -> Hits:
        async for hit in super().search(query):
            yield hit
        matcher = self.matcher(query.replace(" ", ""))  # `process cwd` is /process/cwd
        found = [(matcher.match(words), words, said, call) for words, said, call in self.more()]
        found.sort(key=lambda entry: -entry[0])
        for score, words, said, call in found[:MOST_FOUND]:
            if score > 0:
                yield Hit(score * 0.9, Text(words), call, text=words, help=unmarked(said))


MOST_FOUND = 50
"""Layers and values that a search brings; a profile of system calls has thousands."""


def _to_layer(screen: WorkbenchScreen, key: str) -> None:
    screen.action_go("layers")
    screen.layer_list.list.move_to(key)


def _to_pointer(screen: WorkbenchScreen, config: ConfigTab, pointer: str) -> None:
    screen.look(screen.looking.subject, go="config")
    config.pane.view.go_to(pointer)
