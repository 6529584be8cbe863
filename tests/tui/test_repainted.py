"""What goes is painted over, whatever else happens meanwhile."""

from __future__ import annotations

import pytest
from pilot import Bench
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.screen import Screen
from textual.widgets import Label
from textual.widgets._toast import Toast, ToastHolder

from tui.dialogs.question import Question
from tui.widgets.answered import Answered
from tui.widgets.repainted import Repainted


class Words(App[None]):
    def compose(self) -> ComposeResult:
        yield Label("stays")


@pytest.mark.parametrize("kind", [Repainted[None], Answered[None]])
async def test_a_widget_that_goes_while_another_scrolls(kind: type[Screen[None]]) -> None:
    app = Words()
    async with app.run_test(notifications=True) as pilot:
        screen = kind()
        await app.push_screen(screen)
        await screen.mount(Label("stays"))
        app.notify("goes", timeout=600)
        while not (found := list(screen.query(Toast))) or not found[0].region:
            await pilot.pause(0.01)
        (goes,) = found
        place, holder = goes.region, goes.parent
        assert isinstance(holder, ToastHolder)
        compositor = screen._compositor
        painted: list[Region] = []
        update = compositor.render_update

        def render_update(**more: object) -> object:
            painted.extend(compositor._dirty_regions)
            return update(**more)  # type: ignore[arg-type]

        compositor.render_update = render_update  # type: ignore[method-assign,assignment]
        with app.batch_update():
            await holder.remove()
            compositor.reflow_visible(screen, screen.size)  # a scroll
            compositor._dirty_regions.clear()  # which has been painted
            assert screen.find_widget(screen.query_one(Label)).region  # and somebody asks where something is
            assert goes not in compositor.full_map
        await pilot.pause()
        assert any(place in region for region in painted)


async def test_who_reads_what_is_to_be_drawn_below_a_dialog_takes_it_from_nobody() -> None:
    app = Words()
    async with app.run_test() as pilot:
        screen = Bench(app, pilot)  # type: ignore[arg-type]
        await app.push_screen(Question("Really?"))
        await screen.wait("Really", "stays")
        for _ in range(3):
            app.screen.refresh()  # as what lies below it does when it changes
            assert "stays" in screen.text
            await pilot.pause()
            assert "stays" in screen.text
