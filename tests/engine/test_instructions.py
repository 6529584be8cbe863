"""Changes to an image's configuration, in a Dockerfile's words."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import UsageError
from engine.instructions import apply


@pytest.mark.parametrize(
    ("before", "instruction", "after"),
    [
        ({"Cmd": ["x"]}, 'CMD ["/bin/ls", "-l"]', {"Cmd": ["/bin/ls", "-l"]}),
        ({}, "cmd echo $HOME | cat", {"Cmd": ["/bin/sh", "-c", "echo $HOME | cat"]}),
        ({}, "CMD=/bin/bash", {"Cmd": ["/bin/sh", "-c", "/bin/bash"]}),
        ({}, "ENTRYPOINT []", {"Entrypoint": []}),
        ({"Env": ["A=0", "Z=z"]}, 'ENV A=1 B="2 3"', {"Env": ["A=1", "Z=z", "B=2 3"]}),
        ({"Env": None}, "ENV OLD two words", {"Env": ["OLD=two words"]}),
        ({}, "ENV=A=b=c", {"Env": ["A=b=c"]}),
        ({"Labels": {"a": "b"}}, "LABEL c=d 'e f'=g", {"Labels": {"a": "b", "c": "d", "e f": "g"}}),
        ({}, "USER www-data:33", {"User": "www-data:33"}),
        ({}, "WORKDIR /srv", {"WorkingDir": "/srv"}),
        ({"WorkingDir": "/srv"}, "WORKDIR a/b", {"WorkingDir": "/srv/a/b"}),
        (
            {"ExposedPorts": {"1/udp": {}}},
            "EXPOSE 80 53/udp",
            {"ExposedPorts": {"1/udp": {}, "80/tcp": {}, "53/udp": {}}},
        ),
        ({}, "EXPOSE 80-82", {"ExposedPorts": {"80/tcp": {}, "81/tcp": {}, "82/tcp": {}}}),
        ({}, "VOLUME /a /b", {"Volumes": {"/a": {}, "/b": {}}}),
        ({}, 'VOLUME ["/a b"]', {"Volumes": {"/a b": {}}}),
        ({}, "STOPSIGNAL SIGRTMIN+3", {"StopSignal": "SIGRTMIN+3"}),
        ({}, "STOPSIGNAL 15", {"StopSignal": "15"}),
        ({"Unknown": 1}, "USER 5", {"Unknown": 1, "User": "5"}),
    ],
)
def test_what_is_changed(before: dict[str, Any], instruction: str, after: dict[str, Any]) -> None:
    apply(before, instruction)
    assert before == after


@pytest.mark.parametrize(
    "instruction",
    [
        *[
            "",
            "CMD",
            "RUN x",
            "FROM y",
            "CMD [1]",
            'CMD ["a"',
            "ENV A",
            "ENV =b",
            "ENV A=1 B",
            "LABEL 'open",
            "USER a b",
        ],
        *[
            "EXPOSE 0",
            "EXPOSE 70000",
            "EXPOSE 80/http",
            "EXPOSE 9-1",
            "VOLUME rel",
            "STOPSIGNAL a b",
            "STOPSIGNAL FOO",
            "STOPSIGNAL 99",
            "STOPSIGNAL SIGRTMIN+99",
            "USER :",
        ],
    ],
)
def test_what_is_refused(instruction: str) -> None:
    with pytest.raises(UsageError):
        apply({}, instruction)
