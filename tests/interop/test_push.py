"""Push to a real registry with TLS and a password; podman pulls it back and runs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from command_line import Cutaway
from real_registry import Tls, docker_registry, make_htpasswd, make_layout, make_tls

from engine import Job, Workbench
from engine.errors import Cancelled
from engine.events import Event, LayerPhase, LayerProgress, ignore
from engine.oci import CONFIG, DOCKER_CONFIG, DOCKER_MANIFEST, MANIFEST

pytestmark = [pytest.mark.interop, pytest.mark.root]

PASSWORD = "correct horse"


@dataclass(frozen=True)
class Guarded:
    """A registry with TLS and a password, and a home in which ann is logged in to it."""

    host: str
    home: Path
    certificates: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"HOME": str(self.home), "REGISTRY_AUTH_FILE": str(self.home / "auth.json")}

    def skopeo(self, *words: str) -> str:
        command = ["skopeo", words[0], f"--cert-dir={self.certificates}", *words[1:]]
        return subprocess.run(
            command, env={**os.environ, **self.environment}, capture_output=True, text=True, check=True
        ).stdout


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    tls: Tls = make_tls(folder / "tls")
    htpasswd = make_htpasswd(folder / "htpasswd", "ann", PASSWORD)
    with docker_registry(folder, tls=tls, htpasswd=htpasswd) as host:
        certificates = folder / "home/.config/containers/certs.d" / host
        certificates.mkdir(parents=True)
        shutil.copy(tls.authority, certificates / "ca.crt")
        yield Guarded(host, folder / "home", certificates)


@pytest.fixture
def logged_in(guarded: Guarded, cutaway: Cutaway, monkeypatch: pytest.MonkeyPatch) -> Guarded:
    for name, value in guarded.environment.items():
        monkeypatch.setenv(name, value)
    subprocess.run(
        cutaway.command("login", "-u", "ann", "--password-stdin", guarded.host),
        env=cutaway.environment,
        input=PASSWORD.encode(),
        check=True,
        capture_output=True,
    )
    return guarded


@pytest.fixture(scope="module")
def debian(cutaway: Cutaway, debian_image: str) -> str:
    cutaway("pull", "--tls-verify=false", debian_image)
    return debian_image


def test_podman_pulls_and_runs_what_was_pushed(
    cutaway: Cutaway, debian: str, logged_in: Guarded, tmp_path: Path, podman: list[str]
) -> None:
    name = f"{logged_in.host}/library/debian:pushed"
    said = cutaway("push", "--digestfile", str(tmp_path / "digest"), debian, name)
    (image,) = [image for image in cutaway.json("images", "--json") if image["reference"] == debian]
    assert said.stdout.strip() == (tmp_path / "digest").read_text() == image["digest"]
    assert "layer 1/3" in said.stderr
    assert json.loads(logged_in.skopeo("inspect", f"docker://{name}"))["Digest"] == image["digest"]
    limits = ["--ulimit=nofile=1024:4096", "--ulimit=nproc=1024:4096"]
    pulled = subprocess.run([*podman, "pull", f"--cert-dir={logged_in.certificates}", name], capture_output=True)
    assert pulled.returncode == 0, pulled.stderr
    done = subprocess.run(
        [*podman, "run", "--rm", "--network=host", *limits, name, "cat", "/etc/os-release"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "PRETTY_NAME" in done.stdout


def test_a_second_push_sends_nothing_and_another_repository_mounts(
    cutaway: Cutaway, debian: str, logged_in: Guarded
) -> None:
    name = f"{logged_in.host}/mine/debian:1"
    cutaway("tag", debian, name)
    cutaway("push", name)
    assert "uploading" not in cutaway("push", name).stderr
    other = f"{logged_in.host}/yours/debian:1"
    events: list[Event] = []
    bench = Workbench(cutaway.root, sink=events.append)
    job = Job("push", events.append)
    digest = bench.push(name, job, to=other)
    assert not any(isinstance(each, LayerProgress) and each.phase is LayerPhase.UPLOADING for each in events)
    assert sum(step.detail.startswith("mounted from") for step in job.steps) == 3
    assert json.loads(logged_in.skopeo("inspect", f"docker://{other}"))["Digest"] == digest
    assert not any(PASSWORD in repr(step) for step in job.steps)


def test_as_docker_schema_2_and_as_oci(cutaway: Cutaway, debian: str, logged_in: Guarded) -> None:
    for kind, media_type, config_type in (("v2s2", DOCKER_MANIFEST, DOCKER_CONFIG), ("oci", MANIFEST, CONFIG)):
        name = f"{logged_in.host}/kinds/debian:{kind}"
        digest = cutaway.out("push", "--quiet", "--format", kind, debian, name)
        raw = logged_in.skopeo("inspect", "--raw", f"docker://{name}")
        assert json.loads(raw).get("mediaType", MANIFEST) == media_type
        assert json.loads(raw)["config"]["mediaType"] == config_type
        told = json.loads(logged_in.skopeo("inspect", f"docker://{name}"))
        assert told["Digest"] == digest


def test_without_a_login_and_with_wrong_names(
    cutaway: Cutaway, debian: str, guarded: Guarded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(guarded.home))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "none.json"))
    failed = cutaway("push", debian, f"{guarded.host}/x/y:1", code=1)
    assert f"cutaway login {guarded.host}" in failed.stderr
    assert "Traceback" not in failed.stderr
    cutaway("push", "no/such:image", code=1)
    cutaway("push", debian, "UPPER CASE", code=2)
    cutaway("push", debian, "oci:somewhere", code=2)
    cutaway("push", debian, f"{guarded.host}/x/y@sha256:{'0' * 64}", code=2)


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
