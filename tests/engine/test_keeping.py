"""What is being written survives the process that writes it, and belongs to one process at a time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from engine.disk import DataRoot
from engine.keeping import Keeper
from engine.spec import RunOptions
from engine.spec.provenance import Origin, Provenance, SourceKind
from engine.trace import Step, StepKind
from engine.views import Draft

DRAFT = Draft(
    image="docker.io/library/debian:12",
    image_digest="sha256:" + "0" * 64,
    layers=("sha256:" + "1" * 64,),
    id="0123456789abcdef0123456789abcdef",
    name="debian-1",
    options=RunOptions(env=("A=\U0001f600",), cap_add=("NET_ADMIN",), stop_timeout=3),
    text='{"a": 1}\n',
    provenance=Provenance({"/a": Origin(SourceKind.IMAGE, "image config \u202e")}),
    files={"hosts": b"127.0.0.1\n\xff\x00"},
    steps=(Step(1.5, 0.25, StepKind.CONFIG, "cutaway config x", "9 values"),),
    network="bridge",
    address="10.88.0.2",
    generated="{}",
    made_by=("adopt", "--image", "x", "podman:y"),
)

KILLED = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from engine.disk import DataRoot
from engine.keeping import Keeper
from test_keeping import DRAFT
keeper = Keeper(DataRoot(Path(sys.argv[1])))
keeper.keep(DRAFT, "{{ half \\ud800", revises=True)
print("kept", flush=True)
sys.stdin.read()
"""


def test_what_a_killed_process_wrote_is_offered_to_one_other(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"kept\n"
        mine, other = Keeper(DataRoot(tmp_path)), Keeper(DataRoot(tmp_path))
        assert not mine.kept()  # somebody is at work on it
        mine.keep(DRAFT, "mine", revises=False)  # and is not overwritten
        writer.kill()
    (found,) = mine.kept()
    assert (found.draft, found.text, found.revises) == (DRAFT, "{ half \ud800", True)
    assert not other.kept()
    assert not mine.kept()
    mine.let_go(DRAFT.id)
    assert not other.kept()
    assert not list((tmp_path / "drafts").iterdir())


def test_it_is_for_the_owner_alone_and_what_is_torn_harms_nothing(tmp_path: Path) -> None:
    keeper = Keeper(DataRoot(tmp_path))
    keeper.keep(DRAFT, "x", revises=False)
    path = tmp_path / "drafts" / f"{DRAFT.id}.json"
    assert path.stat().st_mode & 0o777 == 0o600
    keeper.let_go(DRAFT.id)
    for text in (b"", b"{", b'{"draft": []}', b'{"draft": {}, "text": 1}', b"[]", b"null"):
        path.write_bytes(text)
        assert not Keeper(DataRoot(tmp_path)).kept()
    assert path.exists()
    assert not Keeper(DataRoot(tmp_path / "nothing")).kept()
