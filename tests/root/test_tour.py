"""The tour does what it tells, and leaves nothing that nobody wanted."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator

import pytest

from engine import CutawayError, Job, Status, Tour, Workbench
from engine.disk import DataRoot
from engine.events import ignore
from engine.rootfs import mounts_below

pytestmark = pytest.mark.root
DEMO = "localhost/cutaway/demo:latest"
RESULT = "localhost/cutaway/tour:latest"


@pytest.fixture
def workbench(data_root: DataRoot) -> Iterator[Workbench]:
    made = Workbench(data_root.path)
    yield made
    for container in made.containers():
        made.remove(container.id, Job("rm", ignore), force=True)


def do(title: str = "tour") -> Job:
    return Job(title, ignore)


def test_every_step_is_done_and_shown(workbench: Workbench) -> None:
    tour = Tour(workbench)
    pages = [tour.page(number, do()) for number in range(len(Tour.TITLES))]
    assert [page.title for page in pages] == list(Tour.TITLES)
    for page in pages:
        assert page.text.count(". ") >= 1
        assert page.commands
        assert page.seen
        assert [path for path in page.paths if not path.exists()] == []
    assert any(" -e TOUR=yes " in command for command in pages[3].commands), "typed again it has to do the same"
    assert any("deletes /srv/draft" in line for line in pages[1].seen)
    files, running = workbench.containers()
    assert running.status is Status.RUNNING
    assert (files.merged / "note-of-the-tour").read_text() == "The tour was here.\n"
    assert "| Hello from inside a container." in pages[4].seen
    assert f"process {running.pid} on this host is process 1 in there, as root" in pages[5].seen
    assert any(line.startswith("own    pid") for line in pages[5].seen)
    packed = subprocess.run(["tar", "-tzf", pages[6].paths[0]], capture_output=True, text=True, check=True).stdout
    assert "note-of-the-tour" in packed.split()
    pushed = pages[6].paths[1]
    (manifest,) = json.loads((pushed / "index.json").read_text())["manifests"]
    assert f"pushed: {manifest['digest']}" in pages[6].seen
    assert f"skopeo copy oci:{workbench.root.images}:{RESULT} oci:{pushed}:latest" in pages[6].commands
    assert tour.page(2, do()) is pages[2]  # a page that was turned back to

    assert tour.end(do()) == []
    assert not pushed.exists()
    assert workbench.containers() == []
    assert workbench.images() == []
    assert list((workbench.root.images / "blobs/sha256").iterdir()) == list(workbench.root.layers.iterdir()) == []
    assert mounts_below(workbench.root.path) == []


def test_what_it_made_can_be_kept(workbench: Workbench) -> None:
    tour = Tour(workbench)
    tour.page(3, do())
    assert tour.end(do(), keep=True) == [
        "tour-files stays: cutaway rm tour-files",
        "tour stays: cutaway rm tour",
        f"The image {DEMO} stays: cutaway rmi {DEMO}",
    ]
    assert [container.name for container in workbench.containers()] == ["tour-files", "tour"]
    again = Tour(workbench, "localhost/cutaway/demo")  # an image that is here; the names are taken
    again.page(6, do())
    again.end(do())
    assert [container.name for container in workbench.containers()] == ["tour-files", "tour"]
    assert [image.reference for image in workbench.images()] == [DEMO]


def test_an_image_that_was_kept_of_another_tour_keeps_its_name(workbench: Workbench) -> None:
    first, second = Tour(workbench), Tour(workbench)
    first.page(6, do())
    stays = first.end(do(), keep=True)
    assert f"The image {RESULT} stays: cutaway rmi {RESULT}" in stays
    pushed, _, command = stays[-1].partition(" stays: ")
    assert os.path.exists(f"{pushed}/index.json")
    subprocess.run(command.split(), check=True)  # it is in none of this test's directories
    assert not os.path.exists(pushed)
    kept = workbench.inspect(RESULT)["digest"]
    page = second.page(6, do())
    assert page.seen[0].startswith("localhost/cutaway/tour:2  manifest ")
    assert second.end(do()) == []
    assert workbench.inspect(RESULT)["digest"] == kept
    assert {image.reference for image in workbench.images()} == {DEMO, RESULT}


def test_an_image_that_somebody_uses_meanwhile_stays(workbench: Workbench) -> None:
    tour = Tour(workbench)
    tour.page(0, do())
    workbench.mount(DEMO, do(), name="mine")
    assert tour.end(do()) == [f"The image {DEMO} stays: {DEMO} is used by mine"]


def test_an_image_that_is_nowhere(workbench: Workbench) -> None:
    tour = Tour(workbench, "oci:/nowhere:x")
    for _ in range(2):  # it may be gone to again
        with pytest.raises(CutawayError):
            tour.page(0, do())
    assert tour.end(do()) == []


def test_on_a_terminal_keys_turn_the_pages(data_root: DataRoot) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-m", "tui", "--root", str(data_root.path), "tour"])
    said = b""
    answered = 0
    keys = (b"\r", b"b", b"?", b"\r", b"q")
    try:
        while chunk := os.read(terminal, 65536):
            said += chunk
            while answered < said.count(b"q: end"):
                while termios.tcgetattr(terminal)[3] & termios.ICANON:  # what is typed before it asks is thrown away
                    time.sleep(0.01)
                os.write(terminal, keys[answered])
                answered += 1
    except OSError:
        pass  # it has ended
    finally:
        os.kill(pid, signal.SIGTERM)
        _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    titles = [line for line in said.decode().splitlines() if line[:1].isdigit()]
    assert [line[:2] for line in titles] == ["1.", "2.", "1.", "2."]
    assert Workbench(data_root.path).containers() == []
