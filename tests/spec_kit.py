"""What the tests of config.json share: a container's identity, an image's users."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from engine.spec import Generated

PASSWD = "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/usr/sbin:/bin/false\nann:x:1000:1000::/home/ann:/bin/sh\n"
GROUP = "root:x:0:\ndaemon:x:1:\nann:x:1000:\nwheel:x:10:root,ann\naudio:x:29:ann\n"


class Identity(NamedTuple):
    id: str
    name: str


ALICE = Identity("0123456789abcdef0123456789abcdef", "alice")

Make = Callable[..., Generated]
