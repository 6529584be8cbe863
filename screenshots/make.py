"""Make the README's pictures: the real program on real containers, by keys alone.   make screenshots

It runs in mount, process and host-name namespaces of its own. There an empty directory is /var/lib/cutaway, so that
the pictures show the paths and commands that everybody has, and nothing of this machine. Needs root, runc and conmon.
"""

from __future__ import annotations

import asyncio
import html
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent
PICTURES = Path(__file__).parent
HOST = "web01"
DATA, RUN = Path("/var/lib/cutaway"), Path("/run/cutaway")
DEMO = "localhost/cutaway/demo:latest"
WIDTH = 12.2
"""Of a character in Rich's pictures."""

PATIENCE = 30.0
"""Seconds to wait for something to come up on the screen."""

WORK = """n=0
while :; do
  n=$((n + 1))
  echo "job $n: /srv/greeting has $(wc -c </srv/greeting) bytes"
  [ $((n % 5)) -ne 0 ] || cat /srv/draft
  sleep 0.1
done"""
"""What the container does whose output is shown: now and then it looks for a file that an upper layer took away."""


def main() -> None:
    """Outside: prepare, and go into the namespaces. Inside: make the pictures."""
    if sys.argv[1:] == ["--inside"]:
        inside(Path(os.environ["CUTAWAY_PICTURES"]))
        return
    if os.geteuid() != 0:
        sys.exit("screenshots: real mounts and containers need root: sudo -E make screenshots")
    made = [path for path in (DATA, RUN) if not path.exists()]
    with tempfile.TemporaryDirectory(prefix="cutaway-pictures-") as folder:
        for path in (DATA, RUN):
            path.mkdir(parents=True, exist_ok=True)
            (Path(folder) / path.name / path.parent.name).mkdir(parents=True)
        # In a process namespace nothing outlives the session, whatever becomes of it.
        private = ["unshare", "--mount", "--propagation", "private", "--uts", "--pid", "--fork", "--kill-child"]
        private.append("--mount-proc")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CUTAWAY_")}
        environment |= {"CUTAWAY_PICTURES": folder, "PYTHONPATH": str(CHECKOUT)}
        try:
            done = subprocess.run([*private, sys.executable, __file__, "--inside"], env=environment, check=False)
        finally:
            for path in made:
                path.rmdir()
    sys.exit(done.returncode)


def inside(folder: Path) -> None:
    """The session, and afterwards nothing of it."""
    socket.sethostname(HOST)
    for path in (DATA, RUN):
        subprocess.run(["mount", "--bind", folder / path.name / path.parent.name, path], check=True)
    try:
        prepare()
        asyncio.run(wide())
        asyncio.run(narrow())
    finally:
        from engine import Job, Workbench

        workbench, job = Workbench(None), Job("clear away", lambda event: None)
        for container in workbench.containers():
            if container.working:
                workbench.umount(container.name, job)
            else:
                workbench.remove(container.name, job, force=True)
        workbench.close()


def prepare() -> None:
    """What somebody has done on the command line before the screen is opened."""
    cutaway("demo")
    cutaway("tag", DEMO, "localhost/team/worker:1.4")
    cutaway("run", "--name", "once", DEMO)
    cutaway("mount", DEMO)
    cutaway("run", "-d", "--name", "worker", "--memory", "128m", "localhost/team/worker:1.4", "sh", "-c", WORK)


def cutaway(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "tui", *words], cwd=CHECKOUT, check=True, capture_output=True)


class Session:
    """The program under a pilot, read as a person reads it."""

    def __init__(self, columns: int, rows: int) -> None:
        from tui.app import CutawayApp

        self.app = CutawayApp()
        self._test = self.app.run_test(size=(columns, rows))

    async def __aenter__(self) -> Session:
        self._pilot = await self._test.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._test.__aexit__(*error)  # type: ignore[arg-type]

    async def press(self, *keys: str) -> None:
        await self._pilot.press(*keys)

    async def type(self, text: str) -> None:
        names = {" ": "space", '"': "quotation_mark", ",": "comma", "-": "minus", "/": "slash"}
        await self.press(*(names.get(character, character) for character in text))

    @property
    def screen(self) -> str:
        """The text on the screen, a line a row."""
        rows: dict[float, list[str]] = {}
        for x, y, text in re.findall(r'<text [^>]* x="([\d.]+)" y="([\d.]+)"[^>]*>(.*?)</text>', self._svg()):
            row = rows.setdefault(float(y), [])
            row += " " * (round(float(x) / WIDTH) - len(row)) + html.unescape(text)
        return "\n".join("".join(row) for _, row in sorted(rows.items()))

    async def wait(self, *wanted: str | Callable[[str], object]) -> None:
        """Until all of these are on the screen: regular expressions, or questions."""
        deadline = time.monotonic() + PATIENCE
        while True:
            await self._pilot.pause(0.05)
            screen = self.screen
            if all(re.search(w, screen) if isinstance(w, str) else w(screen) for w in wanted):
                return
            if time.monotonic() > deadline:
                raise SystemExit(f"screenshots: {list(wanted)} did not come; the screen is\n{screen}")

    async def write(self, pointer: str, key: str, value: str) -> None:
        """In the editor: go down to a value of config.json and write another one."""
        while not re.search(rf"│ {pointer}\s", self.screen):
            await self.press("down")
            await self._pilot.pause(0.3)  # the line below the text follows when it has been looked at
        await self.press("home", "ctrl+k")
        await self.type(f'"{key}": {value}')
        await self.wait(r"[1-9] edit")

    async def picture(self, name: str) -> None:
        """Take the screen as it is, once nothing moves on it."""
        await self._pilot.pause(0.5)
        (PICTURES / f"{name}.svg").write_text(self._svg(), encoding="utf-8")
        print(f"screenshots/{name}.svg", file=sys.stderr)

    def _svg(self) -> str:
        return portable(self.app.export_screenshot(title="cutaway"))


def portable(svg: str) -> str:
    """Rich's picture without the fonts that it would fetch, and the same in viewers that neither know `textLength` nor
    keep blanks: each word stands in its own place, in a font whose characters are as wide as the places."""
    svg = re.sub(r"\s*@font-face \{[^}]*\}", "", svg)
    svg = svg.replace("<!-- Generated with Rich https://www.textualize.io -->", "")
    svg = svg.replace("Fira Code, monospace", "DejaVu Sans Mono, Menlo, ui-monospace, Consolas, monospace")
    svg = svg.replace("font-size: 20px", f"font-size: {WIDTH / 0.602:.2f}px")
    return re.sub(
        r'<text class="([^"]*-r\d+)" x="([\d.]+)" y="([\d.]+)" textLength="[\d.]+"([^>]*)>(.*?)</text>', words, svg
    )


def words(run: re.Match[str]) -> str:
    """A run of characters as one element for each piece without two blanks in a row."""
    style, x, y, clip, text = run.groups()
    elements = []
    for piece in re.finditer(r"\S+(?: \S+)*", html.unescape(text).replace("\xa0", " ")):
        place = f'x="{float(x) + WIDTH * piece.start():g}" y="{y}" textLength="{WIDTH * len(piece[0]):g}"'
        elements.append(f'<text class="{style}" {place}{clip}>{html.escape(piece[0])}</text>')
    return "".join(elements)


async def wide() -> None:
    """All panes beside one another."""
    async with Session(120, 36) as session:
        await session.wait("worker +running", "following", "job [2-9][0-9]:")
        await session.picture("output")
        await session.press("4", "T")
        await session.wait(r"\d+ steps")
        await session.press("end", "up")
        await session.wait(r"\$ runc .*create")
        await session.picture("trace")
        await session.press("1", "home", "e")
        await session.wait("new (container )?from", "no problems")
        await session.picture("workbench")
        await session.write("/process/user/uid", "uid", "1000")
        await session.write("/process/user/gid", "gid", "-5")
        await session.wait("1 problem", "✗ ")
        await session.picture("editor")


async def narrow() -> None:
    """One pane at a time."""
    async with Session(80, 24) as session:
        await session.wait("following", "job ")
        await session.press("4")
        await session.wait("worker +running")
        await session.picture("narrow")


if __name__ == "__main__":
    main()
