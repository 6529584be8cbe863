"""What a check finds in a config.json."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How grave a finding is. ERROR means that runc will refuse the configuration."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `line` and `column` are counted from 1, columns in characters, as compilers print them;
    `pointer` is the JSON pointer of the value it is about, "" for the whole.
    """

    pointer: str
    line: int
    column: int
    severity: Severity
    code: str
    message: str
    hint: str = ""
