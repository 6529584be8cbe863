"""What a check finds in a config.json."""

from __future__ import annotations

from enum import Enum

import msgspec

MAX_CONFIG_BYTES = 16 * 1024 * 1024
"""What is longer is no config.json, and is not read to its end: a device or a pipe may have none."""


class Severity(Enum):
    """How grave a finding is. ERROR means that runc will refuse the configuration."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Diagnostic(msgspec.Struct, frozen=True):
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
