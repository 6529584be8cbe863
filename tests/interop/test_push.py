"""Push to a real registry with TLS and a password; podman pulls it back and runs it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from command_line import Cutaway
from demo_image import put_demo
from guarded import PASSWORD, Guarded
from real_registry import make_layout

from engine import Job, Workbench
from engine.digest import Digest
from engine.errors import Cancelled
from engine.events import Event, LayerPhase, LayerProgress, ignore
from engine.oci import CONFIG, DOCKER_CONFIG, DOCKER_MANIFEST, LAYER, MANIFEST, Descriptor
from engine.reference import Reference
from engine.registry import Patience, RegistryHosts, RegistryTarget

pytestmark = [pytest.mark.interop, pytest.mark.root]


@pytest.fixture(scope="module")
def demo(cutaway: Cutaway) -> str:
    """The demo image, in the data directory: its name."""
    return put_demo(cutaway.root)


def test_podman_pulls_and_runs_what_was_pushed(
    cutaway: Cutaway, demo: str, logged_in: Guarded, tmp_path: Path, podman: list[str]
) -> None:
    name = f"{logged_in.host}/library/demo:pushed"
    said = cutaway("push", "--digestfile", str(tmp_path / "digest"), demo, name)
    (image,) = [image for image in cutaway.json("images", "--json") if image["reference"] == demo]
    assert said.stdout.strip() == (tmp_path / "digest").read_text() == image["digest"]
    assert "layer 1/3" in said.stderr  # the configuration goes too, and is no layer
    assert "layer 4/" not in said.stderr
    assert json.loads(logged_in.skopeo("inspect", f"docker://{name}"))["Digest"] == image["digest"]
    limits = ["--ulimit=nofile=1024:4096", "--ulimit=nproc=1024:4096"]
    pulled = subprocess.run([*podman, "pull", f"--cert-dir={logged_in.certificates}", name], capture_output=True)
    assert pulled.returncode == 0, pulled.stderr
    done = subprocess.run(
        [*podman, "run", "--rm", "--network=host", *limits, name, "cat", "/srv/greeting"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "layer 3" in done.stdout


def test_a_second_push_sends_nothing_and_another_repository_mounts(
    cutaway: Cutaway, demo: str, logged_in: Guarded
) -> None:
    name = f"{logged_in.host}/mine/demo:1"
    cutaway("tag", demo, name)
    cutaway("push", name)
    assert "uploading" not in cutaway("push", name).stderr
    other = f"{logged_in.host}/yours/demo:1"
    events: list[Event] = []
    bench = Workbench(cutaway.root, sink=events.append)
    job = Job("push", events.append)
    digest = bench.push(name, job, to=other)
    assert not any(isinstance(each, LayerProgress) and each.phase is LayerPhase.UPLOADING for each in events)
    assert sum(step.detail.startswith("mounted from") for step in job.steps) == 4
    assert json.loads(logged_in.skopeo("inspect", f"docker://{other}"))["Digest"] == digest
    assert not any(PASSWORD in repr(step) for step in job.steps)


def test_as_docker_schema_2_and_as_oci(cutaway: Cutaway, demo: str, logged_in: Guarded) -> None:
    for kind, media_type, config_type in (("v2s2", DOCKER_MANIFEST, DOCKER_CONFIG), ("oci", MANIFEST, CONFIG)):
        name = f"{logged_in.host}/kinds/demo:{kind}"
        digest = cutaway.out("push", "--quiet", "--format", kind, demo, name)
        raw = logged_in.skopeo("inspect", "--raw", f"docker://{name}")
        assert json.loads(raw).get("mediaType", MANIFEST) == media_type
        assert json.loads(raw)["config"]["mediaType"] == config_type
        told = json.loads(logged_in.skopeo("inspect", f"docker://{name}"))
        assert told["Digest"] == digest


def test_without_a_login_and_with_wrong_names(
    cutaway: Cutaway, demo: str, guarded: Guarded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(guarded.home))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "none.json"))
    failed = cutaway("push", demo, f"{guarded.host}/x/y:1", code=1)
    assert f"cutaway login {guarded.host}" in failed.stderr
    assert "Traceback" not in failed.stderr
    cutaway("push", "no/such:image", code=1)
    cutaway("push", demo, "UPPER CASE", code=2)
    cutaway("push", demo, "containers-storage:somewhere", code=2)
    cutaway("push", demo, f"{guarded.host}/x/y@sha256:{'0' * 64}", code=2)


def test_cancelled_while_it_sends(cutaway: Cutaway, registry: str, tmp_path: Path) -> None:
    layout = make_layout(tmp_path / "layout", [{"big": os.urandom(60_000_000)}])
    cutaway("pull", f"oci:{layout}:latest")
    name = next(i["reference"] for i in cutaway.json("images", "--json") if "layout" in i["reference"])
    job = Job("push", ignore)

    def sink(event: Event) -> None:
        if isinstance(event, LayerProgress) and event.phase is LayerPhase.UPLOADING and event.done:
            threading.Thread(target=job.cancel).start()

    job._sink = sink
    with pytest.raises(Cancelled):
        Workbench(cutaway.root).push(name, job, to=f"{registry}/cancelled:1", tls_verify=False)
    cutaway("push", "--tls-verify=false", name, f"{registry}/cancelled:1")
    cutaway("rmi", name)


class CutWay:
    """A way to a registry on which the connection breaks, again and again, after `limit` bytes sent there."""

    def __init__(self, target: str, limit: int, breaks: int) -> None:
        self._target = target.partition(":")[::2]
        self._limit = limit
        self.breaks = breaks
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            there = socket.create_connection((self._target[0], int(self._target[1])))
            threading.Thread(target=self._pump, args=(there, client, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(client, there, True), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                passed += len(data)
                if counted and passed > self._limit and self.breaks > 0:
                    self.breaks -= 1
                    break
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()


def test_a_real_registry_on_a_line_that_breaks(registry: str, tmp_path: Path) -> None:
    """docker-registry takes pieces; what it has of a broken one it may keep or forget: both end well."""
    data = os.urandom(5_000_000)
    path = tmp_path / "blob"
    path.write_bytes(data)
    way = CutWay(registry, 600_000, 3)
    job = Job("push", ignore)
    patience = Patience(connect=2, inactivity=5, attempts=5, first_wait=0.05, longest_wait=1)
    name = Reference.parse(f"{way.host}/broken/line:1")
    target = RegistryTarget(name, job, tls_verify=False, hosts=RegistryHosts(), patience=patience, piece=1_000_000)
    try:
        target.blob(Descriptor(LAYER, Digest.of(data), len(data)), path, lambda done: None)
    finally:
        target.close()
        way.close()
    assert way.breaks == 0
    fetched = subprocess.run(
        ["curl", "-fsS", f"http://{registry}/v2/broken/line/blobs/{Digest.of(data)}"], capture_output=True, check=True
    )
    assert fetched.stdout == data
