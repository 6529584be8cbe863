"""Says what is wrong in a config.json before runc does."""

from __future__ import annotations

from engine.host import HostFacts
from engine.spec.diagnostics import Diagnostic, Severity
from engine.spec.document import Document


def check(text: str | bytes, *, facts: HostFacts | None = None) -> list[Diagnostic]:
    """All findings, in the order of the text. With `facts`, those that depend on this machine too."""
    document = Document(text)
    if document.problem is not None:
        line, column = document.problem.position
        return [Diagnostic("", line + 1, column + 1, Severity.ERROR, "syntax", document.problem.message)]
    return []
