"""Listing tags page by page; logging in and out; mirrors and search registries as a pull uses them."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
from faulty_registry import FaultyRegistry, Reply, Seen

from engine.errors import AccessDenied, ContentError, NotInRegistry, RegistryError, RegistryUnreachable, UsageError
from engine.jobs import Job
from engine.oci import Platform
from engine.reference import Reference
from engine.registry import Patience, RegistryHosts, RegistrySource, login, logout, tags
from engine.registry.credentials import Credentials, Login
from engine.registry.registries_conf import Mirror, Registry, Settings

AMD64 = Platform("amd64", "linux")
PATIENCE = Patience(connect=2, inactivity=0.3, attempts=3, first_wait=0.01, longest_wait=0.2)
LIST = "/v2/t/tags/list"


@pytest.fixture
def listing(registry: FaultyRegistry, job: Job) -> Callable[..., list[str]]:
    def listing(page: int = 1000) -> list[str]:
        reference = Reference.parse(f"{registry.host}/t")
        return list(tags(reference, job, tls_verify=False, hosts=RegistryHosts(), patience=PATIENCE, page=page))

    return listing


def test_tags_page_by_page(registry: FaultyRegistry, listing: Callable[..., list[str]]) -> None:
    registry.tags = [f"v{number}" for number in range(25)]
    assert listing() == registry.tags
    registry.seen.clear()
    assert listing(page=10) == registry.tags
    assert registry.paths() == [f"{LIST}?n=10", f"{LIST}?last=v9&n=10", f"{LIST}?last=v19&n=10"]


def test_pages_are_fetched_as_they_are_taken(registry: FaultyRegistry, job: Job) -> None:
    registry.tags = [f"v{number}" for number in range(25)]
    found = tags(Reference.parse(f"{registry.host}/t"), job, tls_verify=False, hosts=RegistryHosts(), page=10)
    assert list(islice(found, 10)) == registry.tags[:10]
    found.close()  # type: ignore[attr-defined]
    assert len(registry.seen) == 1


def test_no_tags(registry: FaultyRegistry, listing: Callable[..., list[str]]) -> None:
    registry.reply(LIST, Reply(body=b'{"name": "t", "tags": null}'), Reply(404, b"{}"))
    assert listing() == []
    with pytest.raises(NotInRegistry):
        listing()


def test_hostile_tags_are_left_out(registry: FaultyRegistry, listing: Callable[..., list[str]]) -> None:
    names = ["good", "../x", "\x1b[2J", 5, None, "x" * 129, "-x", "also-good"]
    registry.reply(LIST, Reply(body=json.dumps({"tags": names}).encode()))
    assert listing() == ["good", "also-good"]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"tags": 5}', b'{"tags": "abc"}', b'{"tags": {"a": 1}}', b"[" * 100_000]
)
def test_tags_that_cannot_be_read(body: bytes, registry: FaultyRegistry, listing: Callable[..., list[str]]) -> None:
    registry.reply(LIST, Reply(body=body))
    with pytest.raises(ContentError):
        listing()


@pytest.mark.parametrize(
    "link", ["<http://evil.example/v2/t/tags/list?n=1>", "</v2/other/tags/list?n=1>", "<file:///x>", "<http://[::1>"]
)
def test_the_next_page_is_here_or_nowhere(
    link: str, registry: FaultyRegistry, listing: Callable[..., list[str]]
) -> None:
    registry.reply(LIST, Reply(body=b'{"tags": ["a"]}', headers={"Link": link + '; rel="next"'}))
    if "evil" in link:  # only the query is taken from it, so it leads to this registry all the same
        assert listing() == ["a"]
    else:
        with pytest.raises(RegistryError, match="elsewhere"):
            listing()
    assert all(path.startswith(LIST) for path in registry.paths())


def test_pages_in_a_circle_end(registry: FaultyRegistry, listing: Callable[..., list[str]]) -> None:
    registry.guard = lambda request: Reply(body=b'{"tags": ["a"]}', headers={"Link": f'<{LIST}?last=a>; rel="next"'})
    with pytest.raises(RegistryError, match="circle"):
        listing()
    assert len(registry.seen) == 2


# -- logging in --------------------------------------------------------------------------------------------


def basic(registry: FaultyRegistry) -> None:
    good = "Basic " + base64.b64encode(b"ann:right").decode()

    def guard(request: Seen) -> Reply | None:
        if request.headers.get("authorization") == good:
            return None
        return Reply(401, b"", {"WWW-Authenticate": 'Basic realm="x"'})

    registry.guard = guard


def test_a_login_is_tried_and_kept(registry: FaultyRegistry, job: Job, tmp_path: Path) -> None:
    basic(registry)
    registry.put_image(b"x")
    hosts = RegistryHosts(credentials=Credentials((tmp_path / "auth.json",)))
    assert login(registry.host, "ann", "right", job, tls_verify=False, hosts=hosts) == str(tmp_path / "auth.json")
    reference = Reference.parse(f"{registry.host}/t")
    source = RegistrySource(reference, tls_verify=False, hosts=hosts)
    assert source.image(AMD64, job).manifest.layers
    source.close()
    logout(registry.host, hosts=hosts)
    source = RegistrySource(reference, tls_verify=False, hosts=hosts)
    with pytest.raises(AccessDenied):
        source.image(AMD64, job)
    source.close()
    assert not any("right" in str(step) for step in job.steps)


def test_a_wrong_login_is_not_kept(registry: FaultyRegistry, job: Job, tmp_path: Path) -> None:
    basic(registry)
    hosts = RegistryHosts(credentials=Credentials((tmp_path / "auth.json",)))
    with pytest.raises(AccessDenied) as caught:
        login(registry.host, "ann", "wr0ng", job, tls_verify=False, hosts=hosts)
    assert "wr0ng" not in str(caught.value)
    assert not (tmp_path / "auth.json").exists()
    assert registry.paths() == ["/v2/", "/v2/"]


def test_a_login_by_token(registry: FaultyRegistry, job: Job, tmp_path: Path) -> None:
    def guard(request: Seen) -> Reply | None:
        if request.path.startswith("/token"):
            right = request.headers.get("authorization") == "Basic " + base64.b64encode(b"ann:right").decode()
            return Reply(body=b'{"token": "t"}') if right else Reply(401, b"")
        if request.headers.get("authorization") == "Bearer t":
            return None
        return Reply(401, b"", {"WWW-Authenticate": f'Bearer realm="http://{registry.host}/token",service="s"'})

    registry.guard = guard
    hosts = RegistryHosts(credentials=Credentials((tmp_path / "auth.json",)))
    login(registry.host, "ann", "right", job, tls_verify=False, hosts=hosts)
    assert hosts.credentials.find(registry.host) == Login("ann", "right")
    with pytest.raises(AccessDenied):
        login(registry.host, "ann", "wrong", job, tls_verify=False, hosts=hosts)


@pytest.mark.parametrize("name", ["", "Not A Host", "library", "quay.io/Org", "quay.io/x:1", "http://"])
def test_what_is_no_registry(name: str, job: Job) -> None:
    with pytest.raises(UsageError):
        login(name, "ann", "pw", job, hosts=RegistryHosts())
    with pytest.raises(UsageError):
        logout(name, hosts=RegistryHosts())


@pytest.mark.parametrize(("user", "password"), [("", "pw"), ("a:b", "pw"), ("a\n", "pw"), ("a", "p\x1bw")])
def test_what_is_no_login(user: str, password: str, job: Job) -> None:
    with pytest.raises(UsageError) as caught:
        login("quay.io", user, password, job, hosts=RegistryHosts())
    assert password not in caught.value.message


# -- mirrors and candidates --------------------------------------------------------------------------------


def mirrored(registry: FaultyRegistry, mirror: FaultyRegistry) -> RegistryHosts:
    entry = Registry(registry.host, registry.host, mirrors=(Mirror(f"{mirror.host}/cache", insecure=True),))
    return RegistryHosts(Settings({entry.prefix: entry}))


def test_a_mirror_serves_it_all(registry: FaultyRegistry, elsewhere: FaultyRegistry, job: Job) -> None:
    elsewhere.put_image(b"x")
    source = RegistrySource(
        Reference.parse(f"{registry.host}/t"), tls_verify=False, hosts=mirrored(registry, elsewhere)
    )
    image = source.image(AMD64, job)
    assert b"".join(source.blob(image.manifest.layers[0], 0, job)) == b"x"
    source.close()
    assert registry.seen == []
    assert all(path.startswith("/v2/cache/t/") for path in elsewhere.paths())
    assert source.name == f"{registry.host}/t:latest"


def test_a_mirror_without_it_is_passed_over(registry: FaultyRegistry, elsewhere: FaultyRegistry, job: Job) -> None:
    registry.put_image(b"x")
    source = RegistrySource(
        Reference.parse(f"{registry.host}/t"), tls_verify=False, hosts=mirrored(registry, elsewhere)
    )
    image = source.image(AMD64, job)
    assert b"".join(source.blob(image.manifest.layers[0], 0, job)) == b"x"
    source.close()
    assert len(elsewhere.seen) == 1


def test_a_mirror_gets_no_credentials_of_the_registry(
    registry: FaultyRegistry, elsewhere: FaultyRegistry, job: Job, tmp_path: Path
) -> None:
    elsewhere.guard = lambda request: Reply(401, b"", {"WWW-Authenticate": "Basic"})
    registry.put_image(b"x")
    credentials = Credentials((tmp_path / "auth.json",))
    credentials.keep(registry.host, Login("ann", "pw"))
    hosts = RegistryHosts(mirrored(registry, elsewhere).settings, credentials=credentials)
    source = RegistrySource(Reference.parse(f"{registry.host}/t"), tls_verify=False, hosts=hosts)
    assert source.image(AMD64, job).manifest.layers
    source.close()
    assert not any("authorization" in request.headers for request in elsewhere.seen)


def test_the_first_candidate_that_is_there(registry: FaultyRegistry, elsewhere: FaultyRegistry, job: Job) -> None:
    elsewhere.put_image(b"x")
    candidates = [Reference.parse(f"{host}/t") for host in (registry.host, elsewhere.host)]
    source = RegistrySource(candidates, tls_verify=False, hosts=RegistryHosts())
    image = source.image(AMD64, job)
    assert source.name == f"{elsewhere.host}/t:latest"
    assert b"".join(source.blob(image.manifest.layers[0], 0, job)) == b"x"
    source.close()


def test_none_of_them(registry: FaultyRegistry, job: Job) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{probe.getsockname()[1]}"
        candidates = [Reference.parse(f"{host}/t") for host in (nobody, registry.host)]
        source = RegistrySource(candidates, tls_verify=False, hosts=RegistryHosts())
        with pytest.raises(NotInRegistry) as caught:
            source.image(AMD64, job)
        assert nobody in caught.value.message
        assert registry.host in caught.value.message
        with pytest.raises(RegistryUnreachable):
            RegistrySource(candidates[0], tls_verify=False, hosts=RegistryHosts()).image(AMD64, job)
