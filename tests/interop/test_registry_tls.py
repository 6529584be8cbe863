"""Registries over HTTPS: a private authority, passwords, client certificates, with docker-registry and its peers."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from faulty_registry import FaultyRegistry, Reply, faulty_registry
from real_registry import Tls, docker_registry, make_htpasswd, make_layout, make_tls, push, sign_certificate

from engine.errors import AccessDenied, Cancelled, RegistryError, RegistryUnreachable
from engine.jobs import Job
from engine.oci import LAYER, Descriptor, Platform
from engine.reference import Reference
from engine.registry import Patience, RegistryHosts, RegistrySource, login, logout, tags
from engine.registry.credentials import Credentials

pytestmark = [
    pytest.mark.interop,
    # pytest turns on again what the client turns off.
    pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning"),
]

AMD64 = Platform("amd64", "linux")
PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return make_tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def registry(tls: Tls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """HTTPS by a private authority, for ann alone, with t/image:1 and a few more tags."""
    folder = tmp_path_factory.mktemp("registry")
    htpasswd = make_htpasswd(folder / "htpasswd", "ann", PASSWORD)
    with docker_registry(folder, tls=tls, htpasswd=htpasswd) as host:
        layout = make_layout(folder / "layout", [{"a": os.urandom(100_000)}])
        for tag in ("1", "2", "3"):
            push(layout, f"{host}/t/image:{tag}", "--dest-creds", f"ann:{PASSWORD}")
        yield host


def trusting(host: str, tls: Tls, folder: Path) -> RegistryHosts:
    """A machine whose certs.d has the authority for `host`, and whose logins are in the same folder."""
    place = folder / "certs.d" / host
    place.mkdir(parents=True)
    shutil.copy(tls.authority, place / "ca.crt")
    return RegistryHosts(certificate_folders=(folder / "certs.d",), credentials=Credentials((folder / "auth.json",)))


def pull(host: str, hosts: RegistryHosts, job: Job, *, tls_verify: bool = True) -> bytes:
    source = RegistrySource(Reference.parse(f"{host}/t/image:1"), hosts=hosts, tls_verify=tls_verify)
    try:
        image = source.image(AMD64, job)
        return b"".join(source.blob(image.manifest.layers[0], 0, job))
    finally:
        source.close()


def test_log_in_pull_list_and_log_out(registry: str, tls: Tls, tmp_path: Path, job: Job) -> None:
    hosts = trusting(registry, tls, tmp_path)
    with pytest.raises(AccessDenied, match="user name"):
        pull(registry, hosts, job)
    with pytest.raises(AccessDenied):
        login(registry, "ann", "wrong", job, hosts=hosts)
    assert not (tmp_path / "auth.json").exists()
    login(registry, "ann", PASSWORD, job, hosts=hosts)
    assert pull(registry, hosts, job)
    assert sorted(tags(Reference.parse(f"{registry}/t/image"), job, hosts=hosts, page=2)) == ["1", "2", "3"]
    # The peers read what was kept.
    arguments = ["--authfile", tmp_path / "auth.json", "--cert-dir", tmp_path / "certs.d" / registry]
    done = subprocess.run(
        ["skopeo", "inspect", "--raw", *arguments, f"docker://{registry}/t/image:1"], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    logout(registry, hosts=hosts)
    with pytest.raises(AccessDenied):
        pull(registry, hosts, job)
    assert not any(PASSWORD in repr(step) for step in job.steps)


def test_a_login_that_skopeo_made(registry: str, tls: Tls, tmp_path: Path, job: Job) -> None:
    hosts = trusting(registry, tls, tmp_path)
    path = tmp_path / "auth.json"
    subprocess.run(
        ["skopeo", "login", "--tls-verify=false", "-u", "ann", "--password-stdin", "--authfile", path, registry],
        input=PASSWORD.encode(),
        capture_output=True,
        check=True,
    )
    assert pull(registry, hosts, job)


def test_the_journal_names_the_certificate(registry: str, tls: Tls, tmp_path: Path, job: Job) -> None:
    hosts = trusting(registry, tls, tmp_path)
    login(registry, "ann", PASSWORD, job, hosts=hosts)
    pull(registry, hosts, job)
    command = next(step.command for step in job.steps if "/manifests/" in step.command and "-u" in step.command)
    environment = {**os.environ, "REGISTRY_USER": "ann", "REGISTRY_PASSWORD": PASSWORD}
    done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["schemaVersion"] == 2


def test_an_unknown_authority_is_refused(registry: str, tmp_path: Path, job: Job) -> None:
    with pytest.raises(RegistryUnreachable, match="no trusted connection") as caught:
        pull(registry, RegistryHosts(), job)
    assert f"/etc/containers/certs.d/{registry}/ca.crt" in caught.value.hint
    # Without verification it is spoken to, still over https.
    with pytest.raises(AccessDenied):
        pull(registry, RegistryHosts(), job, tls_verify=False)
    assert {"https://" in step.command for step in job.steps} == {True}


def test_a_name_that_is_not_the_certificates(tls: Tls, tmp_path: Path, job: Job) -> None:
    other = replace(tls, certificate=tmp_path / "other.crt", key=tmp_path / "other.key")
    sign_certificate(tls.authority.parent, other.certificate, other.key, "other", "subjectAltName=DNS:other.example")
    with faulty_registry(server_context(other)) as server:
        server.put_image(b"x")
        with pytest.raises(RegistryUnreachable, match=r"no trusted connection.*mismatch"):
            pull(server.host, trusting(server.host, tls, tmp_path), job)
        assert server.seen == []


def test_the_authority_from_the_environment(registry: str, tls: Tls, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls.authority))
    with pytest.raises(AccessDenied):
        pull(registry, RegistryHosts(), job)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/none/such")
    with pytest.raises(RegistryError, match="/none/such"):
        pull(registry, RegistryHosts(), job)


def test_netrc_is_not_asked(registry: str, tls: Tls, tmp_path: Path, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login ann password {PASSWORD}\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with pytest.raises(AccessDenied):
        pull(registry, trusting(registry, tls, tmp_path), job)


def test_a_client_certificate(tls: Tls, tmp_path: Path, job: Job) -> None:
    with docker_registry(tmp_path, tls=replace(tls, clients=True)) as host:
        hosts = trusting(host, tls, tmp_path)
        place = tmp_path / "certs.d" / host
        with pytest.raises(RegistryUnreachable):
            pull(host, hosts, job)
        sign_certificate(tls.authority.parent, place / "client.cert", place / "client.key", "ann", "")
        push(make_layout(tmp_path / "l", [{"a": b"x"}]), f"{host}/t/image:1", "--dest-cert-dir", str(place))
        assert pull(host, hosts, job)
        (place / "client.key").write_text("not a key")
        with pytest.raises(RegistryError, match=r"client\.cert"):
            pull(host, hosts, job)


def server_context(tls: Tls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls.certificate, tls.key)
    return context


@pytest.fixture
def faulty(tls: Tls) -> Iterator[FaultyRegistry]:
    with faulty_registry(server_context(tls)) as server:
        yield server


def test_https_does_not_lead_to_http(faulty: FaultyRegistry, tls: Tls, tmp_path: Path, job: Job) -> None:
    with faulty_registry() as plain:
        plain.put_image(b"x")
        faulty.guard = lambda request: Reply(307, b"", {"Location": f"http://{plain.host}{request.path}"})
        source = RegistrySource(Reference.parse(f"{faulty.host}/t"), hosts=trusting(faulty.host, tls, tmp_path))
        with pytest.raises(RegistryError, match="from https to http"):
            source.image(AMD64, job)
        assert plain.seen == []


def test_a_realm_over_http_gets_no_password_that_https_protects(
    faulty: FaultyRegistry, tls: Tls, tmp_path: Path, job: Job
) -> None:
    with faulty_registry() as plain:
        plain.guard = lambda request: Reply(body=b'{"token": "t"}')
        challenge = {"WWW-Authenticate": f'Bearer realm="http://{plain.host}/token"'}
        faulty.guard = lambda request: None if "authorization" in request.headers else Reply(401, b"", challenge)
        faulty.put_image(b"x")
        (tmp_path / "auth.json").write_text(json.dumps({"auths": {faulty.host: {"auth": "YW5uOnB3"}}}))
        source = RegistrySource(Reference.parse(f"{faulty.host}/t"), hosts=trusting(faulty.host, tls, tmp_path))
        assert source.image(AMD64, job).manifest.layers  # with a token for nobody
        assert "authorization" not in plain.seen[0].headers


@pytest.mark.parametrize("stall", [0, 400_000])
def test_a_cancel_under_tls(stall: int, faulty: FaultyRegistry, tls: Tls, tmp_path: Path, job: Job) -> None:
    data = os.urandom(1_000_000)
    blob = Descriptor(LAYER, faulty.put_blob(data), len(data))
    faulty.reply(f"/v2/t/blobs/{blob.digest}", Reply(stall=stall))
    source = RegistrySource(
        Reference.parse(f"{faulty.host}/t"),
        hosts=trusting(faulty.host, tls, tmp_path),
        patience=Patience(inactivity=30),
    )
    began: list[float] = []
    timer = threading.Timer(0.4, lambda: (began.append(time.monotonic()), job.cancel()))
    timer.start()
    with pytest.raises(Cancelled):
        list(source.blob(blob, 0, job))
    assert time.monotonic() - began[0] < 5  # how fast: tests/bench/test_cancel.py
    source.close()


def test_goes_on_after_a_reset_under_tls(faulty: FaultyRegistry, tls: Tls, tmp_path: Path, job: Job) -> None:
    data = os.urandom(1_000_000)
    blob = Descriptor(LAYER, faulty.put_blob(data), len(data))
    path = f"/v2/t/blobs/{blob.digest}"
    faulty.reply(path, Reply(reset=400_000), Reply(cut=300_000), Reply(stall=200_000))
    source = RegistrySource(
        Reference.parse(f"{faulty.host}/t"),
        hosts=trusting(faulty.host, tls, tmp_path),
        patience=Patience(inactivity=0.5, first_wait=0.01),
    )
    assert b"".join(source.blob(blob, 0, job)) == data
    source.close()


def test_a_cancel_while_the_server_is_silent(job: Job) -> None:
    with socket.socket() as listener:  # it never answers a TLS hello
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        reference = Reference.parse(f"127.0.0.1:{listener.getsockname()[1]}/t")
        source = RegistrySource(reference, hosts=RegistryHosts(), patience=Patience(connect=20, inactivity=20))
        began: list[float] = []
        timer = threading.Timer(0.3, lambda: (began.append(time.monotonic()), job.cancel()))
        timer.start()
        with pytest.raises(Cancelled):
            source.image(AMD64, job)
        assert time.monotonic() - began[0] < 5  # how fast: tests/bench/test_cancel.py


def test_a_proxy_of_the_environment(tls: Tls, tmp_path: Path, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "registry.example"  # nobody knows where that is but the proxy
    server_tls = replace(tls, certificate=tmp_path / "x.crt", key=tmp_path / "x.key")
    sign_certificate(tls.authority.parent, server_tls.certificate, server_tls.key, "x", f"subjectAltName=DNS:{name}")
    with faulty_registry(server_context(server_tls)) as server, faulty_registry() as proxy:
        server.put_image(b"x")
        proxy.proxy_to = server.host
        hosts = trusting(name, tls, tmp_path)
        monkeypatch.setenv("HTTPS_PROXY", f"http://ann:s3cret@{proxy.host}")
        source = RegistrySource(Reference.parse(f"{name}/t"), hosts=hosts)
        image = source.image(AMD64, job)
        assert b"".join(source.blob(image.manifest.layers[0], 0, job)) == b"x"
        source.close()
        assert {request.path for request in proxy.seen} == {f"{name}:443"}
        assert proxy.seen[0].headers["proxy-authorization"].startswith("Basic ")
        assert "proxy-authorization" not in server.seen[0].headers
        # This machine itself is never reached through it.
        count = len(proxy.seen)
        source = RegistrySource(Reference.parse(f"{server.host}/t"), tls_verify=False, hosts=RegistryHosts())
        source.image(AMD64, job)
        source.close()
        assert len(proxy.seen) == count
    source = RegistrySource(Reference.parse(f"{name}/t"), hosts=hosts)
    with pytest.raises(RegistryUnreachable, match="proxy") as caught:
        source.image(AMD64, job)
    told = f"{caught.value} {caught.value.hint} {job.steps}"
    assert "s3cret" not in told
