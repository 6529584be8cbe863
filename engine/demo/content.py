"""What the demo image holds besides this host's programs: a little system, a program that explains, and changes."""

from __future__ import annotations

from engine.layers.pack import Entry, Kind, opaque, whiteout

PROGRAM = "usr/local/bin/hello"
GUEST = 1000
TIME = 1_793_491_200
"""Seconds since the epoch, 2026-11-01: the time of everything in the image, so that one host makes one image."""


def directory(path: str, mode: int = 0o755, owner: int = 0) -> Entry:
    """A directory of the image's own."""
    return Entry(path, Kind.DIRECTORY, mode, owner, owner, TIME * 10**9)


def text(path: str, content: str, mode: int = 0o644, owner: int = 0) -> Entry:
    """A file of the image's own."""
    return Entry(path, Kind.FILE, mode, owner, owner, TIME * 10**9, content.encode())


def base(host: str, programs: list[str]) -> list[Entry]:
    """Layer 1, beside the programs: what every system has. `host` is the name of the system they come from."""
    empty = ("dev", "etc", "home", "mnt", "opt", "proc", "run", "srv", "sys", "usr", "usr/bin", "usr/lib", "usr/sbin")
    return [
        directory(""),
        *(directory(path) for path in empty),
        *(directory(path) for path in ("usr/local", "usr/local/bin", "usr/local/sbin", "usr/share", "var", "var/log")),
        directory("home/guest", 0o700, GUEST),
        directory("root", 0o700),
        directory("tmp", 0o1777),
        directory("var/tmp", 0o1777),
        text("etc/passwd", _ACCOUNTS),
        text("etc/group", "root:x:0:\ntty:x:5:\nstaff:x:50:guest\nguest:x:1000:\nnogroup:x:65534:\n"),
        text("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
        text("etc/os-release", _OS_RELEASE.format(host=_quotable(host))),
        directory("usr/share/cutaway-demo"),
        text("usr/share/cutaway-demo/programs", "".join(f"{name}\n" for name in sorted(programs))),
    ]


def program() -> list[Entry]:
    """Layer 2: a program and its data."""
    return [
        directory("usr"),
        directory("usr/local"),
        directory("usr/local/bin"),
        text(PROGRAM, _HELLO, 0o755),
        directory("srv"),
        text("srv/greeting", "Good morning from layer 2.\n"),
        text("srv/draft", "Layer 2 wrote this, and layer 3 deletes it.\n"),
        directory("srv/menu"),
        text("srv/menu/bread", "of layer 2\n"),
        text("srv/menu/soup", "of layer 2\n"),
        directory("srv/notes", 0o755, GUEST),
        text("srv/notes/unchanged", "Layer 2 wrote this, and nobody touched it since.\n", 0o640, GUEST),
    ]


def changes() -> list[Entry]:
    """Layer 3: a file replaced, a file deleted, a directory emptied (image-spec layer.md, "Whiteouts")."""
    return [
        directory("srv"),
        text("srv/greeting", "Good evening from layer 3, which replaced layer 2's greeting.\n"),
        whiteout("srv/draft", mtime_ns=TIME * 10**9),
        directory("srv/menu"),
        opaque("srv/menu", mtime_ns=TIME * 10**9),
        text("srv/menu/cake", "of layer 3\n"),
    ]


def _quotable(text: str) -> str:
    """Without what means something between double quotes in os-release(5)."""
    return "".join(sign for sign in text if sign.isprintable() and sign not in '"\\$`')


_ACCOUNTS = """\
root:x:0:0:root:/root:/bin/sh
guest:x:1000:1000:A guest without privileges:/home/guest:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/bin/false
"""

_OS_RELEASE = """\
NAME="Cutaway demo"
ID=cutaway-demo
PRETTY_NAME="Cutaway demo, made of programs of {host}"
"""

_HELLO = """\
#!/bin/sh
# The demo image's program: it looks around and says what it sees.

read -r init < /proc/1/comm
read -r host < /proc/sys/kernel/hostname
set -- /proc/[0-9]*

echo "${GREETING:-Hello from inside a container.}"
echo
echo "Who am I?        $(id 2>/dev/null || echo "${USER:-unknown}")"
echo "Where am I?      on a host that calls itself $host, in $PWD"
echo "Who else is?     processes in sight: $#; process 1 is '$init', and I am process $$"
echo
echo "My files are one picture, painted in three layers:"
echo "  1  /etc/os-release     $(. /etc/os-release; echo "$PRETTY_NAME")"
echo "  2  /srv/notes          $(cat /srv/notes/unchanged 2>/dev/null || echo "not mine to read")"
echo "  3  /srv/greeting       $(cat /srv/greeting)"
if [ -e /srv/draft ]; then
    echo "     /srv/draft          is here, although layer 3 deleted it: something is wrong"
else
    echo "     /srv/draft          is not here: layer 3 has a whiteout for it"
fi
echo "     /srv/menu           holds $(cd /srv/menu && echo *): layer 3 made it opaque, so layer 2's are hidden"
echo
echo "What I write goes into a fourth layer, which is mine alone:"
note=${HOME:-/root}/hello
if { echo "written by process $$" > "$note"; } 2>/dev/null; then
    echo "  4  $note: $(cat "$note")"
else
    echo "     $note could not be written: I may not, or my root directory is read-only"
fi
"""
