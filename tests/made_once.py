"""Make what the tests make once and keep, so that no test waits for it: `python tests/made_once.py`, as root.

What cannot be had here is no fault: the tests that need it say so.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

import cni
from debian import debian_layout

if __name__ == "__main__":
    for make in (debian_layout, cni.plugins):
        try:
            make()
        except (pytest.skip.Exception, AssertionError, OSError) as lacking:
            print(f"tests: {lacking}", file=sys.stderr)
