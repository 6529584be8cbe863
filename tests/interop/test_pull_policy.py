"""When `run` and `create` ask the registry: --pull and --platform."""

from __future__ import annotations

import platform

import pytest
from command_line import Cutaway

pytestmark = [pytest.mark.interop("docker-registry"), pytest.mark.root]
WORDS = ["--rm", "--network=host", "--tls-verify=false"]


def test_policies(cutaway: Cutaway, debian_image: str) -> None:
    never = cutaway("run", *WORDS, "--pull=never", debian_image, "true", code=125)
    assert "no image" in never.stderr
    assert "layer 1" in cutaway("run", *WORDS, debian_image, "true").stderr
    assert "layer 1" not in cutaway("run", *WORDS, debian_image, "true").stderr
    assert "layer 1" in cutaway("run", *WORDS, "--pull=always", debian_image, "true").stderr
    assert cutaway("run", *WORDS, "-q", "--pull=always", debian_image, "true").stderr == ""
    made = cutaway("create", *WORDS, "--quiet", "--pull=always", debian_image, "true")
    assert made.stderr == ""
    cutaway("rm", made.stdout.strip())
    gone = "127.0.0.1:1/gone:1"
    cutaway("tag", debian_image, gone)
    cutaway("run", *WORDS, "--pull=newer", gone, "true")
    assert "127.0.0.1:1" in cutaway("run", *WORDS, "--pull=always", gone, "true", code=125).stderr
    cutaway("run", *WORDS, "--pull=sometimes", gone, "true", code=2)


def test_platforms(cutaway: Cutaway, debian_image: str) -> None:
    cutaway("pull", "--tls-verify=false", debian_image)
    other, ours = ("linux/arm64", "linux/amd64")[:: 1 if platform.machine() == "x86_64" else -1]
    refused = cutaway("config", f"--platform={other}", debian_image, code=2)
    assert f"for {ours}" in refused.stderr
    assert (
        "not for" in cutaway("run", *WORDS, "--pull=never", f"--platform={other}", debian_image, "true", code=2).stderr
    )
    assert "needs an emulator" in cutaway("run", *WORDS, f"--platform={other}", debian_image, "true").stderr
    cutaway("run", *WORDS, f"--platform={ours}", debian_image, "true")
