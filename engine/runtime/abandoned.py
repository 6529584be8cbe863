"""What happens to a further process in a container when nobody wants it any more: who began it is killed, or told to
stop, while it runs or before it has begun.

conmon goes on and holds it, for nobody can tell conmon, and whoever is killed does nothing any more. So a shell waits
beside it, and knows by the end of its input.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from engine.errors import RuntimeFailed
from engine.runtime.runc import environment

_WAIT = r"""
read -r over && exit
cd "$1" || exit
left=50
while [ ! -s pid ] && [ -e process.json ] && [ "$left" -gt 0 ]; do
  sleep 0.1
  left=$((left - 1))
done
[ -s pid ] || exec rm -rf -- "$1"
read -r pid < pid || [ "$pid" ] || exit
began() {
  read -r stat < "/proc/$pid/stat" || return
  set -- ${stat##*) }
  echo "${20}"
}
since=$(began) && [ "$since" ] || exit
kill -s HUP -- "-$pid" || exit
left=10
while [ -e pid ] && [ "$left" -gt 0 ]; do
  sleep 0.1
  left=$((left - 1))
done
[ ! -e pid ] || [ "$(began)" != "$since" ] || kill -s KILL -- "-$pid"
"""
"""conmon takes the directory away at the process's end, but a moment later: in that moment the number is nobody's,
or a later process's. So the second signal is for what began when the first did (field 22 of /proc/PID/stat). Before
the first there is that moment: numbers go once round before one comes again.
"""


@contextlib.contextmanager
def ending_with_us(directory: Path, hears: Collection[int] = ()) -> Iterator[Callable[[], None]]:
    """If this process is killed in here, by SIGKILL, too, what conmon has started or will from `directory` ends: it is
    told so (HUP), and killed a second later. Each leads its process group.

    `hears` are the ends at which conmon is listened to; they stay open with what waits. A conmon whom nobody hears any
    more gives up: it takes the directory away, and with it the number of the process, which goes on.

    What this gives does the same when it is called, for what is not wanted any more before it has begun, and returns
    when it is done, in six seconds at most. Raises RuntimeFailed.
    """
    command = ["/bin/sh", "-c", _WAIT, "sh", str(directory)]
    try:
        waiting = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=environment(),
            pass_fds=tuple(hears),
            start_new_session=True,  # what ends all processes of a terminal does not reach it
        )
    except OSError as error:
        raise RuntimeFailed(f"cannot start {command[0]}: {error.strerror}") from error

    def end(words: bytes) -> None:
        assert waiting.stdin is not None
        with contextlib.suppress(OSError), waiting.stdin as told:
            told.write(words)
        waiting.wait()

    try:
        yield lambda: end(b"")
    finally:
        if waiting.returncode is None:
            end(b"over\n")
