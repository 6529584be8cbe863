"""What conmon starts when a container has ended: `python -P -S exit_command.py ROOT ID RUN`, so that a container whose
starter is long gone leaves no mount, no cgroup and, with --rm, no directory behind, and with --restart comes back. RUN
is ROOT's runtime directory.

Who waited for that end clears up as well, and comes first. So this waits for its turn, and looks whether there is
anything left to do before it loads what does it (`cleanup`, or with --restart `restarting`), which takes ten times as
long as all of that; and until then does without `site`, a third of Python's own start. With --rm conmon starts a shell
before it, which looks whether the container is there still (`monitor._UNLESS_GONE`).
"""

from __future__ import annotations

import fcntl
import os
import sys


def nothing_left(root: str, container: str, run: str) -> bool:
    """Whether all that is due after the container's end has been done; waits for who is at work on it."""
    home = f"{root}/containers/{container}"
    try:
        handle = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)  # as Containers.lock
        if not os.path.lexists(home):
            return True
        traces = (f"runc/{container}", f"containers/{container}", f"netns/{container}", f"netns/{container}.json")
        if any(os.path.lexists(f"{run}/{trace}") for trace in traces) or os.path.ismount(f"{home}/merged"):
            return False
        record = _record(home)
        return os.path.exists(f"{home}/exit") and record.get("auto_remove") is False and not record.get("restart")
    finally:
        os.close(handle)


def _record(home: str) -> dict[str, object]:
    """What is kept of a container; nothing where that cannot be read."""
    import json

    try:
        with open(f"{home}/container.json", "rb") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def main(root: str, container: str, run: str) -> int:
    if nothing_left(root, container, run):
        return 0
    import gc
    import site

    gc.disable()  # what is loaded stays, and this does not live long
    site.main()
    from engine import later

    later.install()
    if _record(f"{root}/containers/{container}").get("restart"):
        from engine.restarting import start_again

        return start_again(root, container)
    from engine.cleanup import clean_up

    return clean_up(root, container)


if __name__ == "__main__":
    os._exit(main(*sys.argv[1:]))  # nothing is buffered, and to take the interpreter apart is work for nobody
