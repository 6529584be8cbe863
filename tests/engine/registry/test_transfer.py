"""Blobs arrive whole, or not at all, whatever the connection and the server do."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable

import pytest
from faulty_registry import FaultyRegistry, Reply, Seen
from waiting import until

from engine.digest import Digest
from engine.errors import AccessDenied, Cancelled, ContentError, NotInRegistry, RegistryError, RegistryUnreachable
from engine.jobs import Job
from engine.oci import LAYER, Descriptor, Platform
from engine.registry import Patience, RegistrySource

DATA = os.urandom(1_000_000)

AMD64 = Platform("amd64", "linux")
Pull = Callable[..., RegistrySource]


@pytest.fixture
def blob(registry: FaultyRegistry) -> Descriptor:
    return Descriptor(LAYER, registry.put_blob(DATA), len(DATA))


def path_of(blob: Descriptor) -> str:
    return f"/v2/t/blobs/{blob.digest}"


def ranges(registry: FaultyRegistry) -> list[str]:
    return [request.headers.get("range", "") for request in registry.seen]


def test_comes_in_chunks_of_at_most_256_kib(blob: Descriptor, pull: Pull, job: Job) -> None:
    chunks = list(pull().blob(blob, 0, job))
    assert b"".join(chunks) == DATA
    assert max(len(chunk) for chunk in chunks) <= 256 * 1024


def test_what_has_come_is_not_kept_back(blob: Descriptor, registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    """Whatever the pieces that it comes in: a stall holds back nothing that came before it."""
    registry.reply(path_of(blob), Reply(stall=300_000, drip=(70_000, 0.01)))
    came: list[bytes] = []

    def read() -> None:
        with contextlib.suppress(Cancelled):
            came.extend(pull(patience=Patience(inactivity=60)).blob(blob, 0, job))

    reader = threading.Thread(target=read)
    reader.start()
    until(lambda: sum(map(len, came)) == 300_000, lambda: f"{sum(map(len, came))} bytes came")
    job.cancel()
    reader.join()


@pytest.mark.parametrize(
    "fault",
    [
        {"cut": 400_000},
        {"reset": 400_000},
        {"stall": 400_000},
        {"cut": 400_000, "length": -1},
        {"cut": 400_000, "chunked": True},
        {"reset": 400_000, "chunked": True},
        {"cut": 400_000, "length": 1_000_000},
    ],
    ids=str,
)
def test_goes_on_where_a_connection_broke(
    fault: dict[str, int], blob: Descriptor, registry: FaultyRegistry, pull: Pull, job: Job
) -> None:
    registry.reply(path_of(blob), Reply(**fault))
    assert b"".join(pull().blob(blob, 0, job)) == DATA
    first, second = ranges(registry)
    assert first == ""
    start = int(second.removeprefix("bytes=").removesuffix("-") or 0)
    assert start <= 400_000
    assert start or "reset" in fault  # a reset may take what had arrived and was not read yet
    assert job.steps[-1].command.count(f"-C {start} ") == (start > 0)
    assert [step for step in job.steps if "blobs" in step.command and step.failure and "http://" in step.command]


def test_goes_on_many_times_as_long_as_there_is_progress(
    blob: Descriptor, registry: FaultyRegistry, pull: Pull, job: Job
) -> None:
    registry.reply(path_of(blob), *[Reply(cut=90_000) for _ in range(10)])
    assert b"".join(pull().blob(blob, 0, job)) == DATA
    assert len(registry.seen) == 11


def test_ends_without_progress(blob: Descriptor, registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    registry.reply(path_of(blob), *[Reply(cut=10) for _ in range(50)])
    with pytest.raises(RegistryUnreachable, match="ended too early"):
        list(pull().blob(blob, 0, job))
    assert len(registry.seen) == 3  # the attempts that patience allows


def test_a_stalled_body_times_out(blob: Descriptor, registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    registry.reply(path_of(blob), *[Reply(stall=0) for _ in range(50)])
    with pytest.raises(RegistryUnreachable, match="timed out"):
        list(pull().blob(blob, 0, job))


def test_a_trickle_counts_as_a_stall(blob: Descriptor, registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    registry.reply(path_of(blob), *[Reply(drip=(10, 0.05)) for _ in range(50)])
    with pytest.raises(RegistryUnreachable, match="timed out"):
        list(pull().blob(blob, 0, job))
    assert len(registry.seen) == 3


def test_a_slow_line_makes_lively_progress(blob: Descriptor, registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    registry.reply(path_of(blob), Reply(drip=(50_000, 0.05)))
    chunks = list(pull().blob(blob, 0, job))
    assert b"".join(chunks) == DATA
    assert len(chunks) > 5
    assert len(registry.seen) == 1


def test_a_reader_may_take_its_time(blob: Descriptor, registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    received = bytearray()
    for number, chunk in enumerate(pull().blob(blob, 0, job)):
        received += chunk
        if number < 3:
            time.sleep(0.4)  # longer than the time of inactivity
    assert received == DATA
    assert len(registry.seen) == 1


def test_a_connection_is_used_again(registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    registry.put_image(b"one", b"two", DATA)
    source = pull()
    for layer in source.image(AMD64, job).manifest.layers:
        assert b"".join(source.blob(layer, 0, job))
    assert len({request.peer for request in registry.seen}) == 1


def test_starts_at_an_offset(blob: Descriptor, registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    assert b"".join(pull().blob(blob, 999_999, job)) == DATA[999_999:]
    assert list(pull().blob(blob, len(DATA), job)) == []
    assert ranges(registry) == ["bytes=999999-"]


@pytest.mark.parametrize(
    "answer",
    [
        Reply(200, DATA),
        Reply(206, DATA[5:], {"Content-Range": f"bytes 5-{len(DATA) - 1}/{len(DATA)}"}),
        Reply(206, DATA[500_000:]),
        Reply(206, DATA[500_000:], {"Content-Range": "bytes nonsense"}),
        Reply(416, b"", {"Content-Range": f"bytes */{len(DATA)}"}),
    ],
    ids=["whole", "another range", "no range said", "range unreadable", "cannot"],
)
def test_a_server_without_ranges_is_read_from_the_start(
    answer: Reply, blob: Descriptor, registry: FaultyRegistry, pull: Pull, job: Job
) -> None:
    answer = Reply(answer.status, answer.body, dict(answer.headers))
    registry.reply(path_of(blob), answer, Reply(200, DATA), Reply(200, DATA))
    assert b"".join(pull().blob(blob, 500_000, job)) == DATA[500_000:]


def test_does_not_ask_for_ranges_again_where_they_failed(
    blob: Descriptor, registry: FaultyRegistry, pull: Pull, job: Job
) -> None:
    wrong = Reply(206, DATA[:10], {"Content-Range": f"bytes 0-9/{len(DATA)}"})
    registry.reply(path_of(blob), wrong, Reply(200, DATA, cut=700_000), Reply(200, DATA))
    assert b"".join(pull().blob(blob, 500_000, job)) == DATA[500_000:]
    assert ranges(registry) == ["bytes=500000-", "", ""]


@pytest.mark.parametrize(
    "answer",
    [
        Reply(200, DATA + b"x"),
        Reply(200, DATA[:-1]),
        Reply(200, DATA + b"x" * 300_000, chunked=True),
        Reply(200, DATA + b"x", length=-1),
        Reply(206, DATA[500_000:], {"Content-Range": f"bytes 500000-{len(DATA)}/{len(DATA) + 1}"}),
        Reply(416, b"", {"Content-Range": "bytes */10"}),
    ],
    ids=["longer", "shorter", "longer in chunks", "longer without length", "other total", "other total, refused"],
)
def test_refuses_another_size(answer: Reply, blob: Descriptor, registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    registry.reply(
        path_of(blob), Reply(answer.status, answer.body, dict(answer.headers), answer.length, chunked=answer.chunked)
    )
    received = bytearray()
    with pytest.raises(ContentError, match="1000000"):
        deque(map(received.extend, pull().blob(blob, 500_000, job)))
    assert len(received) <= 500_000
    assert len(registry.seen) == 1


def test_asks_for_the_bytes_as_they_are(blob: Descriptor, registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    assert b"".join(pull().blob(blob, 0, job)) == DATA
    assert registry.seen[0].headers["accept-encoding"] == "identity"


def test_a_missing_blob(registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    with pytest.raises(NotInRegistry):
        list(pull().blob(Descriptor(LAYER, Digest.of(b"?"), 1), 0, job))


# -- busy servers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_asks_a_busy_server_again(
    status: int, blob: Descriptor, registry: FaultyRegistry, pull: Pull, job: Job
) -> None:
    registry.reply(path_of(blob), Reply(status, b"later"), Reply(status, b"later"))
    assert b"".join(pull().blob(blob, 0, job)) == DATA
    assert [step.command for step in job.steps if step.command.startswith("sleep")] == ["sleep 0.01", "sleep 0.02"]


def test_retry_after_is_obeyed_and_capped(blob: Descriptor, registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    patience = Patience(connect=2, inactivity=1, attempts=5, first_wait=0.01, longest_wait=1.2)
    registry.reply(
        path_of(blob),
        Reply(429, b"", {"Retry-After": "1"}),
        Reply(503, b"", {"Retry-After": "86400"}),
        Reply(429, b"", {"Retry-After": "Sat, 01 Jan 2000 00:00:00 GMT"}),
        Reply(429, b"", {"Retry-After": "-5"}),
    )
    assert b"".join(pull(patience=patience).blob(blob, 0, job)) == DATA
    waits = [step.command for step in job.steps if step.command.startswith("sleep")]
    assert waits == ["sleep 1", "sleep 1.2", "sleep 0.04", "sleep 0.08"]


def test_a_server_that_is_always_busy(blob: Descriptor, registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    registry.reply(path_of(blob), *[Reply(429, b"") for _ in range(50)])
    with pytest.raises(RegistryError, match="too many requests"):
        list(pull().blob(blob, 0, job))
    assert len(registry.seen) == 3


# -- other hosts -------------------------------------------------------------------------------------------


def test_follows_a_redirect_without_credentials(
    blob: Descriptor, registry: FaultyRegistry, elsewhere: FaultyRegistry, pull: Pull, job: Job
) -> None:
    elsewhere.guard = lambda request: Reply(200, DATA)
    registry.reply(path_of(blob), Reply(307, b"", {"Location": f"http://{elsewhere.host}/cdn?signature=secret"}))
    assert b"".join(pull().blob(blob, 0, job)) == DATA
    assert elsewhere.paths() == ["/cdn?signature=secret"]
    assert not any("secret" in str(step) for step in job.steps)
    assert elsewhere.host in job.steps[-1].detail


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://h/x", "http://u:p@h/x", "http://h:99999/x", "http://[::1"]
)
def test_goes_nowhere_but_to_the_web(
    location: str, blob: Descriptor, registry: FaultyRegistry, pull: Pull, job: Job
) -> None:
    registry.reply(path_of(blob), Reply(302, b"", {"Location": location}))
    with pytest.raises(RegistryError, match="not a web address"):
        list(pull().blob(blob, 0, job))


def test_does_not_read_what_a_redirect_says(
    blob: Descriptor, registry: FaultyRegistry, elsewhere: FaultyRegistry, pull: Pull, job: Job
) -> None:
    elsewhere.guard = lambda request: Reply(200, DATA)
    location = {"Location": f"http://{elsewhere.host}/cdn"}
    registry.reply(path_of(blob), Reply(307, b"x" * 1000, location, length=10**15, stall=1000))
    assert b"".join(pull(patience=Patience()).blob(blob, 0, job)) == DATA  # which would wait for half a minute


def test_redirects_end(blob: Descriptor, registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    registry.guard = lambda request: Reply(302, b"", {"Location": request.path})
    with pytest.raises(RegistryError, match="redirects more than"):
        list(pull().blob(blob, 0, job))
    assert len(registry.seen) == 6


def test_another_hosts_question_is_not_answered(
    blob: Descriptor, registry: FaultyRegistry, elsewhere: FaultyRegistry, pull: Pull, job: Job
) -> None:
    elsewhere.guard = lambda request: Reply(401, b"", {"WWW-Authenticate": f'Bearer realm="http://{elsewhere.host}/t"'})
    registry.reply(path_of(blob), Reply(307, b"", {"Location": f"http://{elsewhere.host}/cdn"}))
    with pytest.raises(AccessDenied):
        list(pull().blob(blob, 0, job))
    assert elsewhere.paths() == ["/cdn"]


def test_a_foreign_layer_comes_from_its_own_address(
    registry: FaultyRegistry, elsewhere: FaultyRegistry, pull: Pull, job: Job
) -> None:
    elsewhere.guard = lambda request: Reply(200, DATA)
    foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    urls = ["file:///etc/passwd", f"http://{elsewhere.host}/layer"]
    layer = Descriptor(foreign, Digest.of(DATA), len(DATA), urls=urls)

    def guard(request: Seen) -> Reply | None:
        if "authorization" not in request.headers:
            return Reply(401, b"", {"WWW-Authenticate": f'Bearer realm="http://{registry.host}/token"'})
        return None

    registry.guard = lambda request: (
        Reply(200, b'{"token": "t"}') if request.path.startswith("/token") else guard(request)
    )
    assert b"".join(pull().blob(layer, 0, job)) == DATA
    assert [request.path for request in elsewhere.seen] == ["/layer"]
    assert "authorization" not in elsewhere.seen[0].headers
    # An address in what is no foreign layer is not followed: a manifest must not send us to where it likes.
    with pytest.raises(NotInRegistry):
        list(pull().blob(Descriptor(LAYER, Digest.of(DATA), len(DATA), urls=urls), 0, job))
    assert len(elsewhere.seen) == 1


# -- stopping ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reply", [Reply(stall=0), Reply(stall=500_000), None], ids=["body", "mid-body", "headers"])
def test_a_cancel_ends_what_nothing_comes_for(
    reply: Reply | None, blob: Descriptor, registry: FaultyRegistry, pull: Pull, job: Job
) -> None:
    if reply is None:
        registry.guard = lambda request: registry.stall()
    else:
        registry.reply(path_of(blob), Reply(stall=reply.stall))
    outcome: list[BaseException] = []

    def work() -> None:
        try:
            list(pull(patience=Patience(inactivity=30)).blob(blob, 0, job))
        except Cancelled as error:
            outcome.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    assert registry.stalled.wait(20)
    job.cancel()
    worker.join(20)
    assert len(outcome) == 1, "long before the 30 seconds"


def test_a_cancel_while_waiting_to_ask_again(blob: Descriptor, registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    registry.reply(path_of(blob), Reply(429, b"", {"Retry-After": "30"}))
    threading.Timer(0.2, job.cancel).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        list(pull(patience=Patience()).blob(blob, 0, job))
    assert time.monotonic() - began < 20  # long before the 30 seconds


def test_a_reader_may_stop(blob: Descriptor, pull: Pull, job: Job) -> None:
    stream = pull().blob(blob, 0, job)
    next(stream)
    stream.close()
    assert job.steps[-1].detail == "stopped by the reader"
    assert not job.steps[-1].failure


def test_several_threads_share_a_source(registry: FaultyRegistry, pull: Pull, job: Job) -> None:
    pieces = [os.urandom(300_000) for _ in range(8)]
    descriptors = [Descriptor(LAYER, registry.put_blob(piece), len(piece)) for piece in pieces]
    source = pull()
    results: dict[int, bytes] = {}

    def fetch(number: int) -> None:
        results[number] = b"".join(source.blob(descriptors[number], 0, job))

    threads = [threading.Thread(target=fetch, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [results[number] for number in range(8)] == pieces


def test_nobody_there(pull: Pull, job: Job, registry: FaultyRegistry) -> None:
    source = pull()
    registry.close()
    with pytest.raises(RegistryUnreachable, match="refused") as caught:
        list(source.blob(Descriptor(LAYER, Digest.of(DATA), len(DATA)), 0, job))
    assert registry.host in caught.value.message
    assert caught.value.hint
