"""The forms that talk with a registry, pressed one after another: log in, tags, log out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pressing import choose, line, paste
from real_registry import docker_registry, make_htpasswd, make_layout, push

SECRET = "se cret[red]"


@pytest.mark.interop("docker-registry", "skopeo")
async def test_log_in_list_the_tags_and_log_out(bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "auth.json"
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(kept))
    allowed = make_htpasswd(tmp_path / "users", "ann", SECRET)
    layout = make_layout(tmp_path / "layout", [{"a": b"x"}])
    with docker_registry(tmp_path, htpasswd=allowed) as host:
        for tag in ("one", "two"):
            push(layout, f"{host}/team/app:{tag}", f"--dest-creds=ann:{SECRET}")
        async with bench() as screen:
            await screen.wait("A container is an image", "no jobs")
            await choose(screen, "log in to", "log in to a registry")
            await screen.wait(
                "Log in to a registry", "✗ the registry is missing", line(screen, "login -u USER REGISTRY")
            )
            await screen.press("enter")  # nothing is taken while something is missing
            await paste(screen, host)
            await screen.press("down")
            await paste(screen, "ann")
            await screen.press("down")
            await paste(screen, "wrong")
            await screen.wait(line(screen, "login -u ann 127"), without="✗|wrong")  # nobody reads it over a shoulder
            await screen.press("down", "space")
            await screen.wait(line(screen, "--tls-verify=false"))
            await screen.press("enter")
            await screen.wait("✗ failed", without="Log in to a registry")
            assert not kept.exists()

            await choose(screen, "log in to", "log in to a registry")
            await screen.wait("Log in to a registry")
            await paste(screen, host)
            await screen.press("down")
            await paste(screen, "ann")
            await screen.press("down")
            await paste(screen, SECRET)
            await screen.press("down", "space", "enter")
            await screen.wait("Logged in to 127", "auth.json", without="secret|se cret")
            assert host in json.loads(kept.read_text())["auths"]

            await choose(screen, "tags of", "tags of a repository")
            await screen.wait("The tags of a repository", "✗ the repository is missing")
            await paste(screen, f"{host}/team/app")
            await screen.press("down", "space")
            await screen.wait(line(screen, "tags --tls-verify=false"))
            await screen.press("enter")
            await screen.wait("2 tags of 127", "one *│", "two *│")
            await screen.press("escape")

            await choose(screen, "log out", "log out of a registry")
            await screen.wait("Log out of a registry")
            await paste(screen, host)
            await screen.wait(line(screen, f"logout {host}"))
            await screen.press("enter")
            await screen.wait("Logged out of 127")
            assert not json.loads(kept.read_text()).get("auths")
