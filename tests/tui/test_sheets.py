"""The lists over the whole screen: what they hear of, and until when."""

from __future__ import annotations

from typing import Any

from tui.sheets.sheet import Sheet


async def test_a_list_hears_of_each_event_once_and_is_gone_when_it_was_left(bench: Any) -> None:
    async with bench() as screen:
        await screen.wait("A container is an image", "no jobs")
        shell = screen.screen
        heard = [each for each in shell.listeners if not isinstance(each.__self__, Sheet)]
        for key, title in (
            ("E", "done to"),
            ("J", "Jobs"),
            ("V", "Volumes"),
            ("M", "said"),
            ("@", "Everything"),
            ("u", "use"),
        ):
            await screen.press(key)
            await screen.wait(title)
            sheet = screen.app.screen
            assert shell.listeners == [*heard, sheet.hear]
            await screen.press("escape")
            await screen.wait("A container is an image", without=title)
            assert shell.listeners == heard
