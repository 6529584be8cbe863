"""The hosts file that containers of one network have together."""

from __future__ import annotations

import os
from pathlib import Path

from engine.network import leave_names, share_names


def test_a_host_name_that_its_container_has_written_is_one_word_and_no_more_is_read(tmp_path: Path) -> None:
    own, theirs = tmp_path / "own", tmp_path / "theirs"
    for place in (own, theirs):
        place.mkdir()
        (place / "hosts").write_text("127.0.0.1\tlocalhost\n")
    (own / "hostname").write_text("box\n192.0.2.1 bank.example\n")
    os.truncate(own / "hostname", 1 << 40)
    share_names(own, theirs, "joiner")
    assert os.path.samefile(own / "hosts", theirs / "hosts")
    assert (theirs / "hosts").read_text() == "127.0.0.1\tlocalhost\n127.0.0.1\tbox joiner\n"
    leave_names(own, "joiner")
    assert (theirs / "hosts").read_text() == "127.0.0.1\tlocalhost\n"
