"""A stack of layers with a writable overlay on top, and every way of changing it."""

from __future__ import annotations

import hashlib
import io
import os
import random
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from layer_kit import Stack, directory, file, link, mounted, symlink

from engine.layers.capture import Capture
from engine.layers.pack import build_layer

BASE = [
    directory("etc", mode=0o755),
    file("etc/passwd", b"root"),
    file("etc/hosts", b"127.0.0.1"),
    directory("var"),
    directory("var/lib"),
    file("var/lib/data", b"x" * 5000, mode=0o600, uid=5, gid=6),
    link("var/lib/same", "var/lib/data"),
    directory("usr"),
    directory("usr/lib"),
    file("usr/lib/a.so", b"a"),
    symlink("lib", "usr/lib"),
    file("caps", b"c", records={"SCHILY.xattr.user.colour": b"red"}),
]


class Layered:
    """A stack with a writable overlay on top: change `merged`, and look at what `upper` gives."""

    def __init__(self, folder: Path, features: str = "index=off,redirect_dir=off,metacopy=off") -> None:
        self.folder = folder
        self.stack = Stack(folder / "stack")
        self.stack.base.mkdir()
        self.stack.add(*BASE)
        self.upper, self.work, self.merged = folder / "upper", folder / "work", folder / "live"
        for path in (self.upper, self.work, self.merged):
            path.mkdir()
        self.features = features

    @contextmanager
    def live(self) -> Iterator[Path]:
        lower = ":".join(str(path) for path in reversed(self.stack.diffs))
        options = f"lowerdir={lower},upperdir={self.upper},workdir={self.work},{self.features}"
        with mounted(self.merged, options):
            yield self.merged

    def capture(self, **more: Any) -> tuple[bytes, bytes]:
        """The tar stream and a blob of it."""
        from isal import igzip

        blob = io.BytesIO()
        built = build_layer(Capture(self.upper, merged=self.merged, **more).entries(), blob)
        tar = igzip.decompress(blob.getvalue())
        assert built.diff_id == "sha256:" + hashlib.sha256(tar).hexdigest()
        assert built.digest == "sha256:" + hashlib.sha256(blob.getvalue()).hexdigest()
        assert (built.size, built.diff_size) == (len(blob.getvalue()), len(tar))
        return tar, blob.getvalue()

    def again(self) -> dict[str, tuple[Any, ...]]:
        """What the layers merge to when the captured one is expanded on top."""
        self.stack.add_tar(*self.capture())
        return self.stack.merged()


def disorder(root: Path, dice: random.Random, count: int) -> None:
    """Change a tree at random, in every way that a layer knows."""
    for number in range(count):
        everything = [path for path in root.rglob("*") if not path.is_symlink()]
        folders = [root, *(path for path in everything if path.is_dir())]
        files = [path for path in everything if path.is_file()]
        new = dice.choice(folders) / dice.choice([f"n{number}", "å ☃", "x" * 120, "-n", "a=b", "new\nline"])
        if os.path.lexists(new):  # writing to a FIFO would wait for ever
            continue
        what = dice.choice(files) if files else None
        act = dice.randrange(14)
        try:
            if act == 0:
                new.write_bytes(dice.randbytes(dice.choice([0, 1, 511, 512, 513, 70_000])))
            elif act == 1 and what:
                what.unlink()
            elif act == 2:
                shutil.rmtree(dice.choice(folders[1:] or [new]), ignore_errors=True)
            elif act == 3:
                new.mkdir(mode=dice.choice([0o755, 0o700, 0o1777]))
            elif act == 4 and what:
                os.link(what, new)
            elif act == 5:
                new.symlink_to(dice.choice(["etc/hosts", "/", "t/" * 80, "nowhere"]))
            elif act == 6:
                os.mknod(new, dice.choice([stat.S_IFCHR, stat.S_IFBLK]) | 0o640, os.makedev(dice.randrange(1, 300), 5))
            elif act == 7:
                os.mkfifo(new, 0o622)
            elif act == 8 and what:
                os.setxattr(what, "user.n", dice.randbytes(5))
            elif act == 9:
                os.chmod(dice.choice(everything or [root]), dice.choice([0o4755, 0o2711, 0o600]))
            elif act == 10:
                os.chown(dice.choice(everything or [root]), dice.choice([0, 1000, 3_000_000]), 7)
            elif act == 11 and what:
                what.rename(new)
            elif act == 12:
                with new.open("wb") as sparse:
                    sparse.seek(dice.choice([100_000, 1_000_000]))
                    sparse.write(b"end" * dice.randrange(2))
                    sparse.truncate(2_000_000)
            elif act == 13:
                gone = dice.choice(folders[1:] or [new])
                shutil.rmtree(gone, ignore_errors=True)
                gone.mkdir()
                (gone / "inside").write_text("again")
            if new.exists() and dice.random() < 0.5:
                os.utime(new, ns=(5, dice.randrange(-(10**18), 4 * 10**18)), follow_symlinks=False)
        except OSError:
            continue  # a name is taken, or cannot be made: another roll
