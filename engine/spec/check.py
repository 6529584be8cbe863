"""Says what is wrong in a config.json before runc does.

An error means that runc (1.1; where this machine's is newer, that one) will refuse it; a warning, that runc will take
it but that it can hardly be meant, or is dangerous.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from engine.host import HostFacts
from engine.spec import (
    rules_dangers,
    rules_linux,
    rules_mounts,
    rules_process,
    rules_program,
    rules_resources,
    rules_seccomp,
    rules_sysctl,
    rules_user,
)
from engine.spec.diagnostics import MAX_CONFIG_BYTES, Diagnostic, Severity
from engine.spec.document import Document
from engine.spec.reading import Finding, Reading, missing_required, nothing, read

_RULES: tuple[Callable[[Reading], Iterable[Finding]], ...] = (
    rules_process.root,
    rules_process.hostname,
    rules_process.process,
    rules_program.directory,
    rules_program.program,
    rules_program.words,
    rules_process.capabilities,
    rules_process.rlimits,
    rules_process.hooks,
    rules_mounts.mounts,
    rules_linux.namespaces,
    rules_user.user_namespace,
    rules_sysctl.sysctl,
    rules_linux.paths,
    rules_linux.devices,
    rules_linux.device_rules,
    rules_linux.order_of_rules,
    rules_linux.others,
    rules_resources.memory,
    rules_resources.cpu,
    rules_resources.rest,
    rules_seccomp.seccomp,
    rules_dangers.dangers,
)


def check(
    text: str | bytes,
    *,
    facts: HostFacts | None = None,
    bundle: Path | None = None,
    will_be_made: Callable[[str], bool] = nothing,
    own_root: Path | None = None,
) -> list[Diagnostic]:
    """All findings, in the order of the text.

    With `facts`, what depends on this machine too (its limits, namespaces, files); with `bundle`, the directory that
    the file is for, what relative paths and the root filesystem hold. `will_be_made` knows the namespaces that are made
    before runc starts; `own_root` is the root filesystem of the container that the file is for, where there is one.
    """
    if len(text) > MAX_CONFIG_BYTES:
        return [Diagnostic("", 1, 1, Severity.ERROR, "size", f"this is over {MAX_CONFIG_BYTES} bytes: no config.json")]
    found: list[Diagnostic] = []
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = len(raw[raw.rfind(b"\n", 0, error.start) + 1 : error.start].decode("utf-8", "replace")) + 1
        message = "these bytes are not UTF-8 text; runc reads them as \N{REPLACEMENT CHARACTER}"
        found.append(Diagnostic("", line, column, Severity.WARNING, "not-utf-8", message))
        text = raw.decode("utf-8", "replace")
    document = Document(text)
    problem = document.problem
    if problem is not None:
        line, column = problem.position
        severity = Severity.WARNING if problem.trailing else Severity.ERROR
        found.append(Diagnostic("", line + 1, column + 1, severity, "syntax", problem.message))
        if not problem.trailing:
            return found
    reading = read(document.text, facts=facts, bundle=bundle)
    reading.will_be_made, reading.own_root = will_be_made, own_root
    wrong = {finding.pointer for finding in reading.findings if finding.code == "type"}
    findings = list(reading.findings)
    if "" not in wrong:
        judged = [finding for rule in _RULES for finding in rule(reading) if not _below(finding.pointer, wrong)]
        errors = {finding.pointer for finding in judged}
        required = [finding for finding in missing_required(reading) if not _below(finding.pointer, wrong | errors)]
        findings += judged + required
    found += [_placed(document, reading, finding) for finding in dict.fromkeys(findings)]
    return sorted(found, key=lambda d: (d.line, d.column, d.severity.value))


def _below(pointer: str, wrong: set[str]) -> bool:
    """Whether a pointer is, or lies in, something that has been complained of already."""
    parts = pointer.split("/")
    return any("/".join(parts[:end]) in wrong for end in range(2, len(parts) + 1))


def _placed(document: Document, reading: Reading, finding: Finding) -> Diagnostic:
    """The finding at its place in the text; what is missing is told of where it would belong."""
    pointer = reading.actual(finding.pointer)
    at_key = finding.code in ("unknown-field", "case", "duplicate", "newer", "foreign")
    nearest = pointer
    while nearest and not document.has(nearest):
        nearest = nearest.rpartition("/")[0]
    missing = nearest != pointer
    span = (document.key_span(nearest) if at_key or missing else None) or document.span(nearest)
    line, column = span.start if span else (0, 0)
    return Diagnostic(pointer, line + 1, column + 1, finding.severity, finding.code, finding.message, finding.hint)
