"""The look of all panes beside one another, at three sizes in three themes, beside what was drawn before."""

from __future__ import annotations

from typing import Any

import pytest
from made_up import THEMES, container
from pictures import compare, lines

from engine import ImageSummary, LayerSummary, Status
from tui.progress import Pull


def _layer(number: int, made_by: str) -> LayerSummary:
    digest = f"sha256:{number}" + "0" * 63
    gzip = "application/vnd.oci.image.layer.v1.tar+gzip"
    return LayerSummary(
        digest=digest,
        diff_id=digest,
        chain_id=digest,
        media_type=gzip,
        size=number * 10_000_000,
        path="/var/lib/cutaway/layers/x/diff",
        created_by=made_by,
        blob_size=number * 4_000_000,
        files=number * 100,
    )


@pytest.mark.parametrize("size", [(60, 18), (80, 24), (120, 36)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_it_looks_as_it_did(bench: Any, size: tuple[int, int]) -> None:
    async with bench(size=size) as screen:
        await screen.wait("A container is an image", "no jobs")
        shell = screen.screen
        await screen.wait(lambda text: shell.state.problems is not None and shell.state.neighbours is not None)
        await screen.press("2")  # where the list of images does not decide what is looked at
        shell.state.problems, shell.state.neighbours = [], {"podman": 2, "docker": 0, "runc": 1}
        names = ("docker.io/library/debian:12", "quay.io/team/app:2.1", "localhost/cutaway/demo:latest")
        shell.state.images = [
            ImageSummary(n, "0" * 64, "sha256:0", "", k * 50_000_000, k) for k, n in enumerate(names, 1)
        ]
        found = [
            container("web", Status.RUNNING),
            container("once", Status.EXITED, 7),
            container("new", Status.CREATED),
        ]
        shell.state.containers = {container.id: container for container in found}
        shell.state.pulls["j"] = Pull("j", "docker.io/library/nginx:1.27", "")
        shell.show_images()
        shell.show_containers({})
        shell.layer_list.show([_layer(1, "ADD rootfs /"), _layer(2, '/bin/sh -c #(nop) CMD ["bash"]')])
        shell.show_host(["web01", "root", "runc 1.1.5", "overlay", "cgroup v2"])
        shell.show_busy("1 running · pull nginx:1.27 64%")
        shell.show_command("cutaway pull nginx:1.27", "…")
        shell.area.welcome.show()
        for theme in THEMES:
            screen.app.theme = f"cutaway-{theme}"
            await screen.pilot.pause()
            compare(f"{theme}-{size[0]}x{size[1]}.txt", lines(screen.app.export_screenshot()))
