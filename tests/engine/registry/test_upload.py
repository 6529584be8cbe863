"""Pushing to a registry that fails at each step."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faulty_registry import FaultyRegistry, Reply, Seen

from engine.digest import Digest
from engine.errors import AccessDenied, Cancelled, NotInRegistry, RegistryError, RegistryUnreachable, StoreError
from engine.jobs import Job
from engine.oci import LAYER, MANIFEST, Descriptor
from engine.reference import Reference
from engine.registry import Patience, RegistryHosts, RegistryTarget
from engine.registry.credentials import Credentials

PATIENCE = Patience(connect=2, inactivity=0.5, attempts=3, first_wait=0.01, longest_wait=0.2)
PIECE = 100_000


class Pusher:
    """Pushes one blob of random bytes in pieces, and remembers what was told."""

    def __init__(self, registry: FaultyRegistry, folder: Path, job: Job) -> None:
        self.registry = registry
        self.data = os.urandom(350_000)
        self.digest = Digest.of(self.data)
        self.path = folder / "blob"
        self.path.write_bytes(self.data)
        self.told: list[int] = []
        self.job = job
        self.targets: list[RegistryTarget] = []

    def target(self, **more: Any) -> RegistryTarget:
        more = {"hosts": RegistryHosts(), "patience": PATIENCE, "piece": PIECE, "tls_verify": False, **more}
        made = RegistryTarget(Reference.parse(f"{self.registry.host}/t:1"), self.job, **more)
        self.targets.append(made)
        return made

    def __call__(self, mount_from: tuple[str, ...] = (), size: int | None = None, **more: Any) -> bool:
        blob = Descriptor(LAYER, self.digest, len(self.data) if size is None else size)
        return self.target(**more).blob(blob, self.path, self.told.append, mount_from)

    @property
    def arrived(self) -> bool:
        return self.registry.blobs.get(self.digest) == self.data

    def methods(self) -> list[str]:
        return [request.method for request in self.registry.seen]


@pytest.fixture
def push(registry: FaultyRegistry, tmp_path: Path, job: Job) -> Iterator[Pusher]:
    pusher = Pusher(registry, tmp_path, job)
    yield pusher
    for target in pusher.targets:
        target.close()


def test_a_large_blob_goes_in_pieces_a_small_one_at_once(push: Pusher) -> None:
    assert push() is False
    assert push.arrived
    assert push.methods() == ["HEAD", "POST", "PATCH", "PATCH", "PATCH", "PUT"]
    ranges = [request.headers.get("content-range") for request in push.registry.seen if request.method == "PATCH"]
    assert ranges == ["0-99999", "100000-199999", "200000-299999"]
    assert push.told == sorted(push.told)
    assert push.told[-1] == len(push.data)
    push.registry.blobs.clear()
    push.registry.seen.clear()
    push(piece=10**6)
    assert push.arrived
    assert push.methods() == ["HEAD", "POST", "PUT"]
    assert not any("transfer-encoding" in request.headers for request in push.registry.seen)


def test_nothing_is_sent_that_is_there(push: Pusher) -> None:
    push.registry.put_blob(push.data)
    assert push() is True
    assert push.methods() == ["HEAD"]


def test_an_empty_blob(push: Pusher) -> None:
    push.data, push.digest = b"", Digest.of(b"")
    push.path.write_bytes(b"")
    push()
    assert push.registry.blobs[push.digest] == b""


def test_a_blob_is_mounted_from_another_repository(push: Pusher) -> None:
    push.registry.other_repositories[push.digest] = push.data
    push(("elsewhere/it",), read_from=("elsewhere/it",))
    assert push.methods() == ["HEAD", "POST"]
    assert push.registry.seen[-1].query == {"mount": [push.digest], "from": ["elsewhere/it"]}


@pytest.mark.parametrize("refusal", [Reply(202), Reply(401, b""), Reply(403, b"")])
def test_where_nothing_can_be_mounted_it_is_sent(push: Pusher, refusal: Reply) -> None:
    if refusal.status != 202:

        def guard(request: Seen) -> Reply | None:
            return Reply(403, b"") if "mount" in request.query else None

        push.registry.guard = guard
    push(("elsewhere/it",))
    assert push.arrived


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_it_goes_on_where_the_connection_broke(push: Pusher, method: str) -> None:
    push.registry.hang_ups = [(method, 40_000)]
    push()
    assert push.arrived
    again = [request for request in push.registry.seen if request.method == method]
    if method == "PATCH":
        assert again[0].headers["content-range"] == "40000-139999"
    else:
        assert len(again[0].body) == 10_000
    assert push.methods().count("POST") == 1


def test_it_begins_anew_where_the_registry_forgets(push: Pusher) -> None:
    push.registry.hang_ups = [("PATCH", 40_000)]
    push.registry.forgets_uploads = True
    push()
    assert push.arrived
    assert push.methods().count("POST") == 2


def test_a_lost_answer_to_the_last_request_is_no_failure(push: Pusher) -> None:
    lost: list[Seen] = []

    def guard(request: Seen) -> Reply | None:
        if request.method == "PUT" and not lost:
            lost.append(request)
            push.registry.blobs[push.digest] = push.data
            push.registry.uploads.clear()
            return Reply(503, b"")
        return None

    push.registry.guard = guard
    push()
    assert push.methods()[-2:] == ["GET", "HEAD"]


@pytest.mark.parametrize(
    ("method", "status"),
    [(method, status) for method in ("HEAD", "POST", "PATCH", "PUT") for status in (429, 500, 503)],
)
def test_a_passing_failure_at_each_step(push: Pusher, method: str, status: int) -> None:
    failures = [Reply(status, b"", {"Retry-After": "0"})]

    def guard(request: Seen) -> Reply | None:
        return failures.pop() if request.method == method and failures else None

    push.registry.guard = guard
    push()
    assert push.arrived


@pytest.mark.parametrize("method", ["HEAD", "POST", "PATCH", "PUT"])
@pytest.mark.parametrize(
    ("status", "kind"), [(403, AccessDenied), (405, RegistryError), (413, RegistryError), (500, RegistryError)]
)
def test_a_lasting_failure_at_each_step(push: Pusher, method: str, status: int, kind: type[RegistryError]) -> None:
    said = b'{"errors": [{"code": "DENIED", "message": "no\\u001b[31m such thing"}]}'
    push.registry.guard = lambda request: Reply(status, said) if request.method == method else None
    with pytest.raises(kind, match=str(status)) as caught:
        push()
    assert "\x1b" not in str(caught.value)
    assert len(push.registry.seen) < 25
    assert not push.arrived


def test_hung_up_on_for_ever(push: Pusher) -> None:
    push.registry.hang_ups = [("PATCH", 0)] * 50
    with pytest.raises(RegistryUnreachable):
        push()
    assert 47 <= len(push.registry.hang_ups) <= 48


def test_a_repository_that_is_not_there(push: Pusher) -> None:
    push.registry.guard = lambda request: Reply(404, b"") if request.method == "POST" else None
    with pytest.raises(NotInRegistry, match="cannot push"):
        push()


def test_damaged_content_is_refused_and_said(push: Pusher) -> None:
    push.path.write_bytes(os.urandom(len(push.data)))
    with pytest.raises(RegistryError, match="DIGEST_INVALID"):
        push()


def test_a_blob_that_is_too_short_here(push: Pusher) -> None:
    with pytest.raises(StoreError, match="shorter"):
        push(size=len(push.data) + 1)


@pytest.mark.parametrize(
    "location", ["", "ftp://127.0.0.1/x", "http://ann:secret@127.0.0.1/x", "http://[x", "http://127.0.0.1/\x7f"]
)
def test_no_usable_place_for_an_upload(push: Pusher, location: str) -> None:
    headers = {"Location": location} if location else {}
    push.registry.guard = lambda request: Reply(202, b"", headers) if request.method == "POST" else None
    with pytest.raises(RegistryError):
        push()
    assert push.methods() == ["HEAD", "POST"]


def login(folder: Path, host: str) -> RegistryHosts:
    credentials = Credentials((folder / "auth.json",))
    from engine.registry.credentials import Login

    credentials.keep(host, Login("ann", "secret"))
    return RegistryHosts(credentials=credentials)


def basic(request: Seen) -> Reply | None:
    if request.headers.get("authorization", "").startswith("Basic "):
        return None
    return Reply(401, b"", {"WWW-Authenticate": 'Basic realm="x"'})


def test_an_upload_elsewhere_gets_no_credentials(push: Pusher, elsewhere: FaultyRegistry, tmp_path: Path) -> None:
    elsewhere.uploads["u"] = bytearray()

    def guard(request: Seen) -> Reply | None:
        if asked := basic(request):
            return asked
        if request.method == "POST":
            return Reply(202, b"", {"Location": f"http://{elsewhere.host}/v2/t/blobs/uploads/u?state=y"})
        return None

    push.registry.guard = guard
    push(hosts=login(tmp_path, push.registry.host))
    assert elsewhere.blobs[push.digest] == push.data
    assert elsewhere.seen
    assert not any("authorization" in request.headers for request in elsewhere.seen)


def test_another_hosts_question_for_a_password_is_not_answered(
    push: Pusher, elsewhere: FaultyRegistry, tmp_path: Path
) -> None:
    elsewhere.guard = basic

    def guard(request: Seen) -> Reply | None:
        if asked := basic(request):
            return asked
        return Reply(202, b"", {"Location": f"http://{elsewhere.host}/u"}) if request.method == "POST" else None

    push.registry.guard = guard
    with pytest.raises(AccessDenied):
        push(hosts=login(tmp_path, push.registry.host))
    assert not any("authorization" in request.headers for request in elsewhere.seen)


def test_the_token_is_asked_for_all_repositories_concerned(push: Pusher, elsewhere: FaultyRegistry) -> None:
    elsewhere.guard = lambda request: Reply(200, b'{"token": "good"}')

    def guard(request: Seen) -> Reply | None:
        if request.headers.get("authorization") == "Bearer good":
            return None
        return Reply(401, b"", {"WWW-Authenticate": f'Bearer realm="http://{elsewhere.host}/token",service="s"'})

    push.registry.guard = guard
    push(("o/ther",), read_from=("o/ther",))
    assert elsewhere.seen[0].query["scope"] == ["repository:t:pull,push", "repository:o/ther:pull"]
    assert push.arrived


def test_cancelled_in_the_middle(push: Pusher) -> None:
    def tell(done: int) -> None:
        push.job.cancel()

    with pytest.raises(Cancelled):
        push.target().blob(Descriptor(LAYER, push.digest, len(push.data)), push.path, tell)
    assert not push.arrived


def test_the_manifest_and_what_the_registry_calls_it(push: Pusher) -> None:
    raw = b'{"schemaVersion": 2}'
    assert push.target().manifest(raw, MANIFEST) == Digest.of(raw)
    assert push.registry.manifests["1"] == (MANIFEST, raw)
    other = Digest.of(b"other")
    push.registry.reply("/v2/t/manifests/1", Reply(201, b"", {"Docker-Content-Digest": other}))
    with pytest.raises(RegistryError, match=other):
        push.target().manifest(raw, MANIFEST)
    push.registry.reply("/v2/t/manifests/1", Reply(400, b'{"errors": [{"code": "MANIFEST_INVALID"}]}'))
    with pytest.raises(RegistryError, match="MANIFEST_INVALID"):
        push.target().manifest(raw, MANIFEST)


def test_the_journal_can_be_run_and_holds_no_state(push: Pusher) -> None:
    push()
    commands = [step.command for step in push.job.steps]
    assert sum(command.startswith("LOCATION=$(curl") for command in commands) == 4
    assert commands[-1].startswith("curl -fsSL -X PUT")
    assert f'"$LOCATION&digest={push.digest}"' in commands[-1]
    assert not any("state=x" in command for command in commands)
