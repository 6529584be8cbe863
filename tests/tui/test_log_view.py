"""A log on the screen: what is in sight, what is said of it, and what the keys do, with a real log file behind it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from conmon_log import START, as_conmon
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Input

from engine import CancelToken, Job, Transcript
from tui.panes.output import saving
from tui.panes.output.pane import OutputPane
from tui.panes.output.sources import LogSource
from tui.widgets.log_model import LogModel
from tui.widgets.log_search import Pattern
from tui.widgets.log_source import Merged
from tui.widgets.log_view import LogView


class Screen(App[None]):
    """An output pane and nothing else; `/` and `y` are the workbench's."""

    def compose(self) -> ComposeResult:
        yield OutputPane(id="pane")


class Watched:
    """The pane, its log file, and what can be seen."""

    def __init__(self, pilot: Pilot[None], path: Path) -> None:
        self.pilot, self.path = pilot, path
        self.pane = pilot.app.query_one(OutputPane)
        self.view = self.pane.log_view
        self.transcript = Transcript(path)

    async def show(self) -> None:
        self.read_on()
        self.pane.show(LogSource(self.transcript))
        self.pane.take_focus()
        await self.pilot.pause()

    def read_on(self) -> None:
        while self.transcript.update():
            pass

    async def write(self, *lines: bytes, stream: str = "stdout") -> None:
        with self.path.open("ab") as log:
            log.write(as_conmon([(stream, line) for line in lines]))
        self.read_on()
        self.view.grown()
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def ask(self, kind: str, text: str) -> None:
        self.pane.action_ask(kind)
        await self.pilot.pause()
        await self.press(*text[:1])
        self.pane.query_one("#log-prompt", Input).value += text[1:]
        await self.press("enter")

    async def until(self, *words: str) -> str:
        """Wait for words on the lower edge."""
        for _ in range(1000):
            if all(word in self.pane.summary for word in words):
                return self.pane.summary
            await self.pilot.pause(0.01)
        raise AssertionError(f"{words} did not come: {self.pane.summary}")

    @property
    def rows(self) -> list[str]:
        """The text on the screen, without the times."""
        return [self.view.render_line(y).text.rstrip().rstrip("▐").rstrip() for y in range(self.view.size.height)]


Watch = Callable[..., Awaitable[Watched]]


@asynccontextmanager
async def watching(path: Path, size: tuple[int, int] = (60, 13)) -> AsyncIterator[Watched]:
    app = Screen()
    async with app.run_test(size=size) as pilot:
        watched = Watched(pilot, path)
        await watched.show()
        await watched.press("t")  # without times: they are of no zone in particular
        yield watched
        watched.transcript.close()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "output.log"
    path.write_bytes(as_conmon([("stdout", b"line %d\n" % number) for number in range(1000)]))
    return path


async def test_it_follows_and_scrolling_up_pauses_and_says_so(log: Path) -> None:
    async with watching(log) as it:
        assert it.rows[-1] == " line 999"
        assert it.pane.summary.startswith("following · 1,000 lines")
        await it.write(b"newest\n")
        assert it.rows[-1] == " newest"
        await it.press("k")
        assert it.rows[-1] == " line 999"
        assert it.pane.summary.startswith("paused, 1 more below: G follows · 1,001 lines")
        for number in range(3):
            await it.write(b"later %d\n" % number)
        assert it.rows[-1] == " line 999", "nothing moves while somebody reads"
        assert it.pane.summary.startswith("paused, 4 more below")
        await it.press("G")
        assert it.rows[-1] == " later 2"
        await it.press("k", "j")
        assert it.view.following, "down at the end follows again"
        await it.press("g")
        assert it.rows[0] == " line 0"
        await it.press("pagedown")
        assert it.rows[0] == f" line {it.view.size.height - 1}"


async def test_stderr_is_marked_by_a_sign(log: Path) -> None:
    async with watching(log) as it:
        await it.write(b"wrong\n", stream="stderr")
        assert it.rows[-1] == "┃wrong"


async def test_a_line_in_the_making_is_redrawn(log: Path) -> None:
    async with watching(log) as it:
        await it.write(b"\x1b[32m10 %\r")
        assert it.rows[-1] == " 10 %"
        await it.write(b"20 %\r", b"\x1b[Kdone\n", b"\x1b]0;title\x07\x1b[2J\n")
        assert it.rows[-2:] == [" done", " ␛]0;title␇␛[2J"]
        assert it.pane.summary.startswith("following · 1,002 lines")


async def test_search_goes_to_the_next_and_the_one_before_and_round(log: Path) -> None:
    async with watching(log) as it:
        await it.press("g")
        await it.ask("search", "LINE 99")
        assert "“LINE 99”" in it.pane.summary, "capitals are meant as they are"
        await it.until("0 with “LINE 99”")
        await it.ask("search", "")
        await it.press("backspace")
        it.pane.action_ask("search")
        it.pane.query_one("#log-prompt").value = "line 99"  # type: ignore[attr-defined]
        await it.press("enter")
        await it.until("1 of 11 with “line 99”")
        assert " line 99" in it.rows
        await it.press("n")
        await it.until("2 of 11")
        assert " line 990" in it.rows
        await it.press("N", "N")
        await it.until("11 of 11")
        assert it.rows[-1] == " line 999"
        await it.press("n")
        await it.until("1 of 11")
        row = it.rows.index(" line 99")
        found = [s for s in it.view.render_line(row) if s.style is not None and s.style.reverse]
        assert "".join(segment.text for segment in found) == "line 99"
        await it.press("escape")
        assert "with" not in it.pane.summary.split("·")[1]


async def test_regular_expressions_and_bad_ones(log: Path) -> None:
    async with watching(log) as it:
        it.pane.action_ask("search")
        await it.press("ctrl+r", *"line 9+$")
        await it.until("3 with /line 9+$/")
        await it.press("(", "enter")
        await it.until("✗ not a regular expression")
        assert it.view.has_focus is False, "it is not taken until it is one"
        await it.press("escape")
        assert it.view.has_focus
        assert "with" not in it.pane.summary.split("·")[1]


async def test_filter_and_its_inverse_go_on_with_new_lines(log: Path) -> None:
    async with watching(log) as it:
        await it.ask("filter", "line 10")
        await it.until("following · 11 of 1,000 lines with “line 10”")
        assert [row for row in it.rows if row] == [" line 10", *(f" line {n}" for n in range(100, 110))]
        await it.write(b"line 10 again\n", b"other\n")
        await it.until("12 of 1,002")
        assert " line 10 again" in it.rows
        await it.press("escape")
        assert it.rows[-1] == " other"
        await it.ask("filter", "!line")
        await it.until("1 of 1,002 lines without “line”")
        assert [row for row in it.rows if row] == [" other"]
        await it.press("k", "escape")
        assert len([row for row in it.rows if row]) == it.view.size.height, "also where it is paused"


async def test_search_within_what_is_filtered(log: Path) -> None:
    async with watching(log) as it:
        await it.ask("filter", "5")
        await it.ask("search", "line 99")
        await it.until("1 of 1 with “line 99”")
        assert " line 995" in it.rows


async def test_long_lines_are_wrapped_or_moved(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    words = b" ".join(b"word%02d" % number for number in range(20))
    path.write_bytes(as_conmon([("stdout", b"first\n"), ("stderr", words + b"\n"), ("stdout", b"x" * 70_000 + b"\n")]))
    async with watching(path) as it:
        await it.press("g")
        assert it.rows[1].startswith("┃word00 word01")
        assert "word19" not in "".join(it.rows)
        await it.press("l")
        assert it.rows[1].startswith("┃ord01") or it.rows[1].startswith("┃word01") or it.rows[1].startswith("┃d01")
        await it.press("h", "w", "g")
        assert it.rows[0] == " first"
        assert it.rows[1].startswith("┃word00")
        assert it.rows[2].startswith("┃"), "each part of a stderr line has the mark"
        assert "word19" in "".join(it.rows[1:4]).replace("┃", "")
        await it.press("G")
        assert it.rows[-1].endswith("66,000 more characters")
        await it.press("k")
        assert it.rows[0].startswith(" xxx")
        it.view.action_lines(-200)
        await it.pilot.pause()
        assert it.rows[0] == " first"


async def test_lines_are_chosen_by_keys_and_copied(log: Path) -> None:
    async with watching(log) as it:
        await it.press("v", "k", "k")
        assert it.pane.summary.startswith("3 lines selected · y copy")
        assert it.view.copyable == ("line 997\nline 998\nline 999", "3 lines")
        await it.press("g")
        assert it.view.copyable[1] == "1,000 lines"
        assert it.rows[0] == " line 0"
        await it.press("escape")
        assert it.pane.summary.startswith("paused")


async def test_since(log: Path) -> None:
    async with watching(log) as it:
        it.view.begin_at(it.transcript.at(START + 995), "since 12:00:00")
        await it.pilot.pause()
        assert it.pane.summary.startswith("following · 5 lines since 12:00:00")
        assert [row for row in it.rows if row] == [f" line {n}" for n in range(995, 1000)]
        it.view.begin_at(0, "")
        await it.pilot.pause()
        assert it.pane.summary.startswith("following · 1,000 lines")


async def test_several_logs_in_the_order_of_their_times(tmp_path: Path) -> None:
    logs = []
    for name, first in (("web", 0), ("db", 1)):
        path = tmp_path / name
        data = [as_conmon([("stdout", b"%d\n" % n)], START + n) for n in range(first, 1200, 2)]
        path.write_bytes(b"".join(data))
        transcript = Transcript(path)
        list(transcript.follow(CancelToken()))
        logs.append(LogSource(transcript, name))
    async with Screen().run_test(size=(60, 13)) as pilot:
        pane = pilot.app.query_one(OutputPane)
        pane.show(Merged(logs), ("web", "db"))
        pane.take_focus()
        for _ in range(1000):
            if "1,200 lines" in pane.summary:
                break
            await pilot.pause(0.01)
        await pilot.press("t")
        await pilot.pause()
        view = pane.log_view
        rows = [view.render_line(y).text.rstrip(" ▐") for y in range(view.size.height)]
        assert rows[-2:] == ["web  1198", "db   1199"]
        assert [int(row.split()[1]) for row in rows] == list(range(1200 - len(rows), 1200))


def test_a_log_that_is_read_later_has_its_older_lines_first(tmp_path: Path) -> None:
    early, late = tmp_path / "db", tmp_path / "web"
    early.write_bytes(as_conmon([("stdout", b"database is up\n")], START))
    late.write_bytes(as_conmon([("stdout", b"GET /\n")], START + 1))
    transcripts = [Transcript(late), Transcript(early)]
    merged = Merged([LogSource(t, name) for t, name in zip(transcripts, ("web", "db"), strict=True)])
    list(transcripts[0].follow(CancelToken()))
    assert merged.catch_up(1), "there is more to do"
    assert merged.end == 0
    list(transcripts[1].follow(CancelToken()))
    assert not merged.catch_up(1)
    assert [(line.label, line.text) for line in merged.read(0, 9)] == [("db", "database is up"), ("web", "GET /")]


async def test_a_log_of_half_a_million_lines_is_found_through(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    stamp = b"2026-11-26T18:00:00.000000000+00:00 stdout F "
    count = int(os.environ.get("CUTAWAY_TEST_LINES", "60000"))
    with path.open("wb") as file:
        for start in range(0, count, 10_000):
            file.write(b"".join(stamp + b"line %d of the log\n" % n for n in range(start, start + 10_000)))
    async with watching(path) as it:
        assert it.rows[-1] == f" line {count - 1} of the log"
        await it.ask("search", f"line {count // 2} of")
        await it.until("1 of 1 with")
        assert f" line {count // 2} of the log" in it.rows
        await it.press("g")
        assert it.rows[0] == " line 0 of the log"
        await it.ask("filter", "777 of")
        await it.until(f"{count // 1000:,} of {count:,}")
        assert isinstance(it.view, LogView)


async def test_a_key_as_the_first_line_comes(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    path.touch()
    async with watching(path) as it:
        assert it.view.page is not None
        assert not it.view.page.rows
        path.write_bytes(as_conmon([("stdout", b"line %d\n" % number) for number in range(100)]))
        it.read_on()  # as the follower's thread does; the view has not been told yet
        await it.press("k")
        assert it.rows[-1] == " line 98"


@pytest.mark.parametrize(("pattern", "kept"), [(None, "out\nerr\n"), (Pattern("!out", inverse=True), "err\n")])
def test_the_command_beside_a_saved_file_has_the_errors_in_it_too(
    pattern: Pattern | None, kept: str, tmp_path: Path
) -> None:
    line = saving.command("sh -c 'echo out; echo err >&2'", pattern, str(tmp_path / "it's saved"))
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr, (tmp_path / "it's saved").read_text()) == ("", "", kept)


async def test_an_expression_that_would_never_end_is_given_up(log: Path) -> None:
    async with watching(log) as it:
        await it.write(b"x" * 60 + b"\n", b"another\n")
        it.pane.action_ask("search")
        await it.press("ctrl+r", *"(x|xx)+[yz]$")
        await it.until("0 with /(x|xx)+[yz]$/ (given up")
        await it.press("escape")
        it.pane.action_ask("search")
        await it.press(*"an?o+ther$", "enter")
        assert "given up" not in await it.until("1 with /an?o+ther$/")


def test_all_of_a_long_line_is_saved_copied_and_looked_through(tmp_path: Path) -> None:
    log, saved = tmp_path / "output.log", tmp_path / "saved"
    long = "HEAD" + "x" * 90_000 + "NEEDLE" + "y" * 90_000 + "TAIL"
    log.write_bytes(as_conmon([("stdout", b"before\n"), ("stdout", long.encode() + b"\n"), ("stdout", b"after\n")]))
    transcript = Transcript(log)
    while transcript.update():
        pass
    model = LogModel(LogSource(transcript))
    saving.save(model, range(3), saved, Job("save", lambda event: None))
    assert saved.read_text() == f"before\n{long}\nafter\n"
    assert model.text(range(3)) == f"before\n{long}\nafter"
    model.search_for(Pattern("NEEDLE"))
    while model.step(1.0):
        pass
    assert list(model.found) == [1]
    merged = LogModel(Merged([LogSource(transcript, "web")]))
    while merged.step(1.0):
        pass
    assert merged.text(range(3)) == f"before\n{long}\nafter"
