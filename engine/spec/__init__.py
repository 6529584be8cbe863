"""config.json: generated from image, defaults and options; explained; checked; edited; adopted."""

from engine.spec.adapt import adapt, id_mappings
from engine.spec.adopt import Adopted, Note, adopt
from engine.spec.blame import blame
from engine.spec.check import check
from engine.spec.diagnostics import Diagnostic, Severity
from engine.spec.document import Document, OutlineEntry, Span, SyntaxProblem
from engine.spec.edits import changed, edited
from engine.spec.executing import SHELLS, ExecOptions, exec_process, find_shell
from engine.spec.fields import Field, describe_field, explain_field, fields, known_words, member_names
from engine.spec.generate import STOP_SIGNAL, ContainerIdentity, Generated, generate
from engine.spec.netfiles import network_files
from engine.spec.options import RunOptions
from engine.spec.process import leaks_descriptor
from engine.spec.provenance import Explained, Origin, Provenance, SourceKind, explain
from engine.spec.updating import updated
from engine.spec.users import Accounts

__all__ = [
    "SHELLS",
    "STOP_SIGNAL",
    "Accounts",
    "Adopted",
    "ContainerIdentity",
    "Diagnostic",
    "Document",
    "ExecOptions",
    "Explained",
    "Field",
    "Generated",
    "Note",
    "Origin",
    "OutlineEntry",
    "Provenance",
    "RunOptions",
    "Severity",
    "SourceKind",
    "Span",
    "SyntaxProblem",
    "adapt",
    "adopt",
    "blame",
    "changed",
    "check",
    "describe_field",
    "edited",
    "exec_process",
    "explain",
    "explain_field",
    "fields",
    "find_shell",
    "generate",
    "id_mappings",
    "known_words",
    "leaks_descriptor",
    "member_names",
    "network_files",
    "updated",
]
