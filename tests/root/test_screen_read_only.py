"""Under --read-only nothing is changed from the screen: files that somebody names are not written either."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from command_line import Cutaway

from engine.disk import DataRoot

pytestmark = pytest.mark.root


async def test_no_file_is_written(
    bench: Any, data_root: DataRoot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cutaway = Cutaway(data_root.path, Path(os.environ["CUTAWAY_RUN"]))
    cutaway("demo")
    cutaway("create", "--name", "talks", "localhost/cutaway/demo", "echo", "hello")
    cutaway("start", "--attach", "talks")
    before = sorted(tmp_path.iterdir())
    async with bench(root=data_root.path, read_only=True) as screen:
        messages = screen.screen.state.messages

        async def refused(key: str) -> None:
            count = len(messages)
            await screen.press(key)
            await screen.until(lambda: len(messages) > count)
            assert messages[-1].text == "Not now: nothing may be changed (--read-only)"
            assert screen.app.screen is screen.screen, "a dialog"

        await screen.wait("talks", "no jobs")
        await screen.press("1")
        await refused("w")  # copies files out of the image
        await screen.press("f")
        await screen.wait("all 3 layers", "usr")
        await refused("w")  # the file under the cursor
        await screen.press("4")
        await screen.wait("exited 0")
        await refused("w")
        await screen.press("l")
        await screen.wait("hello")
        await refused("S")  # saves the output
    assert sorted(tmp_path.iterdir()) == before
    cutaway("rm", "talks")
