"""Numbers of the host for containers with --userns auto: those that /etc/subuid and /etc/subgid give to the user
"containers", a range for each container, which nobody else has.

podman takes them from the beginning, and knows nothing of ours: so these are taken from the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from engine.errors import HostError, UsageError
from engine.spec import values
from engine.spec.options import RunOptions
from engine.spec.users import Accounts

FILES = (Path("/etc/subuid"), Path("/etc/subgid"))
OWNER = "containers"
LEAST, MOST = 1024, 65536
"""podman's own limits (containers/storage, auto-userns-min-size and -max-size)."""

Numbers = tuple[int, int]
"""The first of them, and how many."""


def numbers_asked(options: RunOptions) -> int | None:
    """How many numbers --userns auto asks for, 0 for as many as are needed; None without it."""
    return values.userns(options.userns or "", "--userns")


def numbers_needed(rootfs: Path, user: str) -> int:
    """How many numbers the users and groups of an image need, and the `user` that is to run."""
    accounts = Accounts(rootfs)
    found = accounts.user(user)
    return max(accounts.highest(), found.uid, found.gid, LEAST - 1) + 1


def free_numbers(size: int, taken: Iterable[Numbers]) -> Numbers:
    """The last `size` numbers, of users and of groups, that nobody has. Raises HostError, UsageError (too many)."""
    if size > MOST:
        raise UsageError(
            f"--userns auto: {size} numbers are needed, and {MOST} is the most",
            hint="Say which with --uidmap, or how many with --userns auto:size=NUMBER.",
        )
    users, groups = map(_granted, FILES)
    in_use = sorted(taken, key=sum, reverse=True)  # whose end is the highest first
    for first, end in sorted(_common(users, groups), reverse=True):
        top = end
        for start, count in in_use:
            if top - max(start + count, first) >= size:
                break
            top = min(top, start)
        if top - first >= size:
            return top - size, size
    if not users or not groups:
        missing = " and ".join(str(path) for path, found in zip(FILES, (users, groups), strict=True) if not found)
        raise HostError(
            f"--userns auto: {missing} give{'' if ' and ' in missing else 's'} no numbers to the user {OWNER!r}",
            hint=f"Add a line to both, for example {OWNER}:2147483647:2147483648; or say --uidmap 0:100000:65536.",
        )
    raise HostError(
        f"--userns auto: no {size} numbers of those of {OWNER!r} in {FILES[0]} and {FILES[1]} are free together",
        hint="Remove containers that are not needed any more, or give it more numbers there.",
    )


def _granted(path: Path) -> list[tuple[int, int]]:
    """The (first, one beyond the last) that a file gives to OWNER (subuid(5))."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        owner, _, rest = line.strip().partition(":")
        first, _, count = rest.partition(":")
        if owner == OWNER and first.isdecimal() and count.isdecimal():
            found.append((int(first[:10]), min(int(first[:10]) + int(count[:10]), 2**32 - 1)))
    return found


def _common(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """What is in both: the same numbers serve users and groups."""
    both = ((max(a, c), min(b, d)) for a, b in one for c, d in other)
    return [(first, end) for first, end in both if first < end]
