"""What is done on this host from the screen: images from files, volumes, the store; containers of other engines."""

from __future__ import annotations

import os
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faulty_registry import Reply, Seen, faulty_registry
from layer_kit import file
from other_engines import podman, small_rootfs
from pressing import choose, line, paste, replace

from engine import Job, Workbench, parse_options
from engine.digest import Digest

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("demo")]

Open = Callable[..., Any]
DEMO = "localhost/cutaway/demo:latest"


async def test_images_from_files(workbench: Workbench, bench: Open, tmp_path: Path, job: Job) -> None:
    archive, rootfs, tarball = tmp_path / "saved.tar", small_rootfs(tmp_path / "small"), tmp_path / "root.tar"
    workbench.save([DEMO], archive, job)
    with tarfile.open(tarball, "w") as tar:
        tar.add(rootfs, ".")
    workbench.untag(DEMO, job)
    async with bench(root=workbench.root.path) as screen:
        await screen.wait("A container is an image", "no jobs")
        await choose(screen, "load images", "load images from an archive")
        await screen.wait("Images from an archive", "✗ the archive is missing", line(screen, "load -i ARCHIVE"))
        await paste(screen, f"{tmp_path}/none.tar")
        await screen.press("enter")
        await screen.wait("✗ failed", "load -i")
        await choose(screen, "load images", "load images from an archive")
        await paste(screen, str(archive))
        await screen.press("enter")
        await screen.wait("demo:latest is here", r"Images 1", "✓ done")

        for source, name in ((rootfs, "of-directory"), (tarball, "of-archive")):
            await choose(screen, "make an image", "make an image of an archive or a directory")
            await screen.wait(
                "An image of one layer", "✗ the root filesystem and the name", line(screen, "import FILE IMAGE")
            )
            await paste(screen, str(source))
            await screen.press("down")
            await paste(screen, name)
            await screen.wait(rf"{name}", without="✗ the root")
            await screen.press("enter")
            await screen.wait(f"localhost/{name}:latest is here")
        await screen.wait("Images 3")
    for name in ("of-directory", "of-archive"):
        assert {entry.path for entry in workbench.inside(name).entries("/bin")} >= {"bin/busybox", "bin/sh"}


async def test_volumes_and_the_store(workbench: Workbench, bench: Open, tmp_path: Path, job: Job) -> None:
    async with bench(root=workbench.root.path) as screen:
        await screen.wait("cutaway/demo", "no jobs")
        await choose(screen, "the volumes", "the volumes")
        await screen.wait("Volumes", "There are none. run -v NAME:DIR makes one")
        await screen.press("escape")

        held = workbench.create(workbench.draft(DEMO, parse_options(["-v", "data:/data"]), job), job)
        workbench.create(workbench.draft(DEMO, parse_options(["-v", "free:/data"]), job), job)
        await screen.wait("Containers 2")
        await choose(screen, "the volumes", "the volumes")
        await screen.wait(r"data\b", held.name)
        await screen.press("escape")
        await screen.press("V")
        await screen.wait("Volumes", r"data\b", r"free\b")
        await screen.press("g", "D")
        await screen.wait("Not now: a container binds data")  # the first by its name
        await screen.press("escape")
        for each in workbench.containers():
            workbench.remove(each.id, job)
        await screen.wait(without="Containers 2")
        await screen.press("V")
        await screen.wait("2 volumes", "no container binds it")
        await screen.press("g", "D")
        await screen.wait("Remove the volume data with all that is in it")
        await screen.press("enter")  # the default is no
        await screen.wait("2 volumes", without="Remove the volume")
        assert {v.name for v in workbench.volumes()} == {"data", "free"}
        await screen.press("D")
        await screen.wait("Remove the volume data")
        await screen.press("y")
        await screen.wait("1 volume", lambda _: {v.name for v in workbench.volumes()} == {"free"})
        await screen.press("escape")

        await choose(screen, "how much room", "what takes how much room")
        await screen.wait(
            "What takes how much room", "its own", "blobs, as fetched", "freed by system prune", "system df"
        )
        await screen.press("escape")
        await choose(screen, "check the store", "check the store")
        await screen.wait("The store", "Everything is as it should be", "✓ done")
        await screen.press("escape")
        layer = Path(workbench.layers(DEMO)[0].path)
        (layer.parent / "layer.json").write_text("no JSON")
        await choose(screen, "check the store", "check the store")
        await screen.wait("The store", "layer", without="Everything is as it should be")
        await screen.press("escape")

        stray = workbench.root.images / "blobs" / "sha256" / Digest.of(b"nobody's").hex
        stray.write_bytes(b"nobody's")
        await choose(screen, "nothing needs", "remove what nothing needs")
        await screen.wait("Remove the blobs and layers that no image and no container needs")
        await screen.press("enter")  # the default is no
        await screen.wait(without="Remove the blobs")
        assert stray.exists()
        await choose(screen, "nothing needs", "remove what nothing needs")
        await screen.press("y")
        await screen.wait(r"freed: 1 blob,", "✓ done")
        assert not stray.exists()


@pytest.mark.interop("podman")
async def test_a_container_of_podmans_is_adopted(
    workbench: Workbench, bench: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    with podman() as engine:
        for name, value in engine.environment.items():
            monkeypatch.setenv(name, value)
        engine("create", "--name=theirs", "--env=X=1", "--network=none", "probe")
        engine("run", "--detach", "--name=runs", "--env=X=1", "--network=host", "probe")
        async with bench(root=workbench.root.path) as screen:
            await screen.wait("cutaway/demo", "no jobs")
            await screen.wait(r"· podman:runs +running", r"· podman:theirs +created")  # beside our own
            await screen.press("4")
            await screen.wait("A container of podman's", "name +runs", "a adopt", without="D remove")
            await screen.press("down")
            await screen.wait("A container of podman's", "name +theirs", "It cannot be adopted now: podman writes")
            await screen.wait(without="a adopt")
            await screen.press("enter")
            await screen.wait("Not now: podman writes")
            await screen.press("up")
            await screen.wait("name +runs", "state +running", "a adopt", "enter in .4. adopts it")
            await screen.press("enter")
            await screen.wait("Adopt podman:runs", "enter adopt")
            await screen.press("escape")
            await screen.wait(without="Adopt podman:runs")
            await screen.press("1", "a")
            await screen.wait("Containers of other engines", r"podman:theirs", r"podman:runs +running", "enter adopts")
            await screen.press("slash")
            await screen.type("theirs")
            await screen.press("enter")
            await screen.wait("podman:theirs", without="podman:runs")
            await screen.press("escape", "escape")
            await screen.wait(without="Containers of other engines")
            await screen.press("a")
            await screen.wait("Containers of other engines", r"podman:runs +running", "enter adopts")
            await screen.press("slash")
            await screen.type("runs")
            await screen.press("enter", "enter")
            await screen.wait("Adopt podman:runs", "enter adopt")
            await screen.press("enter")
            await screen.wait("What was changed in the config.json of podman:runs", "✓ done", r"/root|/linux|/process")
            await screen.press("escape")
            await screen.wait(
                r"\d +\"ociVersion\": \"", "no problems · 0 edits", "new container", "its image is not here"
            )
            await screen.press("ctrl+d", "ctrl+l")  # one question at a time
            await screen.wait("Differences: new container", "compared with +as adopted")
            await screen.press("right", "right", "right", "right")
            await screen.wait(r"docker 20.10, same options[ │]+podman:runs[\s\S]{0,400}?\d+ differences?")
            await screen.press("escape")
            await screen.wait(without="Differences: new container|Launch new")
            await screen.press("ctrl+l")
            await screen.wait(
                "Launch new container", line(screen, r"cutaway.* start \$\(cutaway.* adopt podman:runs\)")
            )
            await screen.press("escape", "1", "down")
            await screen.wait(
                "It asks for", r"probe:latest +✎ draft"
            )  # it is not lost where another thing is looked at
            await screen.press("up")
            await screen.wait(r"\d +\"ociVersion\": \"", "new container")
            await screen.press("D")
            await screen.wait("It asks for", without="✎ draft")


async def test_what_was_done_is_told_while_it_is_done(
    workbench: Workbench, bench: Open, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = workbench.create(workbench.draft(DEMO, parse_options(["--name", "box"]), job), job)
    watch, renamed = Workbench.watch, threading.Event()

    def watch_later(it: Workbench) -> None:
        assert renamed.wait(20)
        watch(it)

    monkeypatch.setattr(Workbench, "watch", watch_later)
    async with bench(root=workbench.root.path) as screen:
        await screen.wait("Containers 1", "no jobs")
        await screen.press("E")
        await screen.wait("What was done to containers", r"create +box", "1 event")
        workbench.rename(made.id, "chest", job)  # as another program does it, before the screen has begun to watch
        renamed.set()
        await screen.wait(r"rename +chest", "2 events")
        workbench.rename(made.id, "crate", job)
        await screen.wait(r"rename +crate", "3 events")
        await screen.press("slash")
        await screen.type("create")
        await screen.press("enter", "enter")
        await screen.wait("container create", "image=localhost/cutaway/demo", made.id)
        await screen.press("escape", "escape", "escape")
        await screen.wait(without="What was done")
        workbench.remove(made.id, job)


async def test_a_pull_and_a_push_among_the_jobs_and_cancelled(workbench: Workbench, bench: Open) -> None:
    with faulty_registry() as registry:
        layer = file("big", os.urandom(6_000_000))
        registry.put_image(layer)
        blob = next(digest for digest, data in registry.blobs.items() if len(data) > 1_000_000)
        registry.reply(f"/v2/t/blobs/{blob}", Reply(drip=(100_000, 0.1)))
        async with bench(root=workbench.root.path) as screen:
            await screen.wait("cutaway/demo", "no jobs")
            await screen.press("p")
            await paste(screen, f"{registry.host}/t")
            await screen.press("tab", "space", "enter")
            await screen.wait(r"\d+%", "c +cancel", r"B/s")
            await screen.press("J")
            await screen.wait("Jobs", "1 under way", r"running for", r"\d+%", r"B/s", r"about .* left", "[▰▱]")
            await screen.press("enter")
            await screen.wait("command", "blobs", r"0 of 1 settled", "state")
            await screen.press("escape", "c")
            await screen.wait("✗ cancelled in", "0 under way")
            await screen.press("escape")
            await screen.wait("cancelled; what was loaded stays", "no jobs")

        def never(request: Seen) -> None:
            if request.method in ("PATCH", "PUT"):
                registry.ending.wait(30)

        registry.guard = never
        async with bench(root=workbench.root.path) as screen:
            await screen.wait("cutaway/demo", "no jobs")
            await screen.press("P")
            await screen.wait("Push localhost")
            await replace(screen, f"{registry.host}/t:1")
            await screen.press("tab", "space", "enter")
            await screen.wait(r"push(ing)?", "c +cancel", r"0 of \d+ blobs|asking the registry")
            await screen.until(lambda: any(seen.method in ("PATCH", "PUT") for seen in registry.seen))
            await screen.press("c")
            await screen.wait("✗ cancelled; what was sent stays", "P in \\[1\\] +try again", "no jobs")
            await screen.press("1", "D")
            await screen.until(lambda: not screen.screen.state.pulls)
        assert "1" not in registry.manifests
