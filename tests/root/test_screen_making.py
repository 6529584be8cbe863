"""Images made and given away from the screen: what would be committed is shown first, and what goes is followed."""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pilot import Bench
from pressing import line
from real_registry import docker_registry

from engine import CommitOptions, Job, Workbench

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("demo")]

IMAGE = "localhost/cutaway/demo:latest"


async def _replace(screen: Bench, text: str) -> None:
    await screen.press("ctrl+u")
    await screen.type(text)


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
async def test_commit_shows_first_what_it_takes(
    workbench: Workbench, bench: Callable[..., Any], size: tuple[int, int]
) -> None:
    job = Job("test", lambda event: None)
    merged = workbench.mount(IMAGE, job, name="w").merged
    (merged / "srv/cache").mkdir()
    for name in ("srv/new", "srv/cache/one", "srv/cache/two"):
        (merged / name).write_text("x")
    (merged / "srv/greeting").unlink()
    try:
        async with bench(size=size, root=workbench.root.path) as screen:
            await screen.wait("localhost/cutaway/demo|cutaway/demo")
            await screen.press("4")
            await screen.wait("▣ w")
            await screen.press("C")
            await screen.wait("Commit 5 changes", r"\[x\] D .*greeting  removed", r"\[x\] A .*▾ cache/")
            await screen.press("down", "space")  # cache, with all that is in it
            await screen.wait("Commit 2 of 5 changes", r"\[ \] A .*two", r"\[-\] .*srv/", "/srv/cache w w:latest")
            await screen.press("down", "space")  # one of it all the same: then its directory comes, too
            await screen.wait("Commit 4 of 5 changes", "/srv/cache/two w")
            await screen.press("up", "space", "space", "space")
            await screen.wait("Commit 2 of 5 changes")
            await screen.press("tab")
            await _replace(screen, "team/w:1")
            await screen.press("tab")
            await screen.type("smaller")
            await screen.press("tab", "tab")
            await screen.type("CMD [/x]")
            await screen.wait("'CMD")
            await screen.press("ctrl+s")
            # It is no JSON, so the commit fails; what was typed and left out is still there.
            await screen.wait("Commit 2 of 5 changes", "smaller", "failed", r"team/w:1")
            await screen.press("tab", "tab", "tab", "tab", "end", "ctrl+u")
            await screen.type("CMD /x")
            await screen.wait("/x'")
            await screen.press("tab", "tab", "tab", "tab")
            await screen.type("77")
            await screen.wait("✗ gzip has no level 77. There are 0 to 9", "--compression-level 77")
            await screen.press("ctrl+s", "backspace", "shift+tab", "space", "tab", "tab", "space")
            await screen.wait("Docker's format has no layers compressed with zstd", r"\[x\] Docker's format")
            await screen.press("space")
            await screen.wait("--compression-format", without="✗ Docker")
            await screen.press("ctrl+s")
            await screen.wait("done", lambda _: len(workbench.images()) == 2)
        name = "localhost/team/w:1"
        assert {e.path: e.change for e in workbench.layer_files(name, 4)} == {
            "srv/greeting": "removed",
            "srv/new": "added",
        }
        assert workbench.history(name)[-1].comment == "smaller"
        assert workbench.inspect(name)["config"]["config"]["Cmd"] == ["/bin/sh", "-c", "/x"]
        assert workbench.layers(name)[-1].media_type == "application/vnd.oci.image.layer.v1.tar+zstd"
    finally:
        workbench.umount("w", job)


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
async def test_two_things_side_by_side(workbench: Workbench, bench: Callable[..., Any], size: tuple[int, int]) -> None:
    job = Job("test", lambda event: None)
    merged = workbench.mount(IMAGE, job, name="w").merged
    (merged / "srv/greeting").write_text("another one\x1b[31m\n")
    (merged / "srv/new").write_text("x")
    (merged / "srv/notes/unchanged").unlink()
    workbench.commit("w", "localhost/second:1", job, CommitOptions(changes=("ENV A=b",)))
    workbench.umount("w", job)
    async with bench(size=size, root=workbench.root.path) as screen:
        await screen.wait("cutaway/demo", "second")
        await screen.press("1", "g", "equals_sign")
        await screen.wait("Compare localhost/cutaway/demo:latest with")
        await screen.type("sec")
        await screen.press("enter")
        await screen.wait("Files 3", "1 only right", "1 differ", "D .*unchanged", "C .*greeting")
        await screen.press(*["down"] * 3)
        await screen.wait("greeting")
        await screen.press("slash")
        await screen.type("greet")
        await screen.press("enter", "enter")
        text = await screen.wait("another one␛", r"@@")
        assert "\x1b" not in text
        await screen.press("escape", "right_square_bracket")
        await screen.wait(r"/Env/A +— +│ b")
        await screen.press("right_square_bracket")
        await screen.wait(r"≠ — +│ cutaway commit", r"= COPY hello")
        await screen.press("escape", "escape")
        await screen.wait(r"\[1\] Images")


@pytest.mark.interop("docker-registry", "skopeo")
async def test_push_tag_and_save(workbench: Workbench, bench: Callable[..., Any], tmp_path: Path) -> None:
    with docker_registry(tmp_path) as host:
        async with bench(root=workbench.root.path) as screen:
            await screen.wait("cutaway/demo", "no jobs")
            await screen.press("1", "P")
            await screen.wait("Push localhost", IMAGE)
            await _replace(screen, f"{host}/team/demo:1")
            await screen.press("tab", "space")
            await screen.wait("--tls-verify=false")
            await screen.press("shift+tab", "enter")
            await screen.wait("pushed to", "sha256:")
            inspected = subprocess.run(
                ["skopeo", "inspect", "--tls-verify=false", f"docker://{host}/team/demo:1", "--format", "{{.Digest}}"],
                check=True,
                capture_output=True,
                text=True,
            ).stdout.strip()
            assert inspected == workbench.images()[0].digest

            await screen.press("1", "P")
            await screen.wait("Push localhost")
            await _replace(screen, f"{host}:1/no/where")
            await screen.press("enter")
            await screen.wait("✗ failed|try again")

            await screen.press("1", "G", "n")
            await screen.wait("Another name for")
            await _replace(screen, "localhost/other:2")
            await screen.press("enter")
            await screen.until(lambda: len(workbench.images()) == 2)

            await screen.press("1", "G", "S")
            await screen.wait("Save localhost")
            await _replace(screen, str(tmp_path / "out.tar"))
            await screen.press("tab", "tab", "space")
            await screen.wait(line(screen, "--format oci-archive"))
            await screen.press("enter")
            await screen.wait("save .*done", lambda _: (tmp_path / "out.tar").exists())
            with tarfile.open(tmp_path / "out.tar") as archive:
                assert "index.json" in archive.getnames()
