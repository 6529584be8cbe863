"""What a registry asks for with a 401: the WWW-Authenticate header (RFC 9110, section 11.6.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_LIMIT = 16 * 1024
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_SCHEME = re.compile(rf"[\s,]*({_WORD})(?:[ \t]+|(?=,)|$)")
_PARAMETER = re.compile(rf"[\s,]*({_WORD})[ \t]*=[ \t]*(?:\"((?:[^\"\\]|\\.)*)\"|({_WORD}))[ \t]*(?=,|$)")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One scheme that the registry takes, both it and the parameters' names in lower case."""

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)


def parse_challenges(header: str) -> list[Challenge]:
    """The challenges of a WWW-Authenticate header in their order. What cannot be read ends the list.

    Several headers arrive joined by commas, which the grammar allows inside one as well: a word followed by
    "=" is a parameter, any other begins the next challenge.
    """
    challenges: list[Challenge] = []
    position = 0
    header = header[:_LIMIT]
    while position < len(header):
        if challenges and (match := _PARAMETER.match(header, position)):
            quoted, plain = match[2], match[3]
            value = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            challenges[-1].parameters.setdefault(match[1].lower(), value)
        elif match := _SCHEME.match(header, position):
            challenges.append(Challenge(match[1].lower()))
        else:
            break
        position = match.end()
    return challenges
