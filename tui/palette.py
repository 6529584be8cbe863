"""The palette (ctrl+p and `:`): every action of the place, and every thing there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from rich.text import Text
from textual.command import DiscoveryHit, Hit, Hits, Provider

from engine import visible
from tui.screens.workbench import WorkbenchScreen
from tui.subjects import OfContainer, OfImage
from tui.widgets.key_line import shown_key

_Entry = tuple[str, str, Callable[[], object]]


class _Entries(Provider):
    """A provider of entries: words, help, and what to call. The words may be hostile, so they are never markup."""

    def entries(self) -> Iterator[_Entry]:
        raise NotImplementedError

    async def discover(self) -> Hits:
        for words, help_text, call in self.entries():
            yield DiscoveryHit(Text(words), call, text=words, help=help_text)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for words, help_text, call in self.entries():
            score = matcher.match(words)
            if score > 0:
                yield Hit(score, Text(words), call, text=words, help=help_text)

    @property
    def workbench(self) -> WorkbenchScreen | None:
        return self.screen if isinstance(self.screen, WorkbenchScreen) else None


class Actions(_Entries):
    """What the keys of this place do, what can be done to the thing looked at, and the themes."""

    def entries(self) -> Iterator[_Entry]:
        screen = self.workbench
        if screen is None:
            return
        for offer in screen.offers(screen.subject):
            if not offer.why_not:
                yield visible(offer.words), visible(offer.command), partial(screen.do, offer.id, screen.subject)
        for active in screen.active_bindings.values():
            binding = active.binding
            if binding.description and not binding.system and active.enabled:
                key = shown_key(binding.key, binding.key_display)
                call = partial(self.app.run_action, binding.action, default_namespace=active.node)
                yield binding.description, f"key {key}", call
        for name in sorted(self.app.available_themes):
            yield f"theme {name.removeprefix('cutaway-')}", "colours", partial(setattr, self.app, "theme", name)


class Things(_Entries):
    """Every image and container."""

    def entries(self) -> Iterator[_Entry]:
        screen = self.workbench
        if screen is None:
            return
        for container in screen.state.containers.values():
            yield (
                f"container {visible(container.name)}",
                f"{container.status.value}, from {visible(container.image)}"[:200],
                partial(screen.look, OfContainer(container.id), go="output"),
            )
        for image in screen.state.images:
            yield (
                f"image {visible(image.reference)}"[:300],
                "its config.json",
                partial(screen.look, OfImage(image.reference), go="images"),
            )
