"""A registry that wants TLS and a password, and a home in which somebody is logged in to it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

PASSWORD = "correct horse"


@dataclass(frozen=True)
class Guarded:
    """A registry with TLS and a password, and a home in which ann is logged in to it."""

    host: str
    home: Path
    certificates: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"HOME": str(self.home), "REGISTRY_AUTH_FILE": str(self.home / "auth.json")}

    def skopeo(self, *words: str) -> str:
        command = ["skopeo", words[0], f"--cert-dir={self.certificates}", *words[1:]]
        return subprocess.run(
            command, env={**os.environ, **self.environment}, capture_output=True, text=True, check=True
        ).stdout
