"""config.json: generated from image, defaults and options; explained; checked; edited; adopted."""

from typing import TYPE_CHECKING

from engine.lazy import provide

if TYPE_CHECKING:
    from engine.spec.adapt import adapt, id_mappings, own_files, root_in
    from engine.spec.adopt import Adopted, Note, adopt
    from engine.spec.blame import blame
    from engine.spec.check import check
    from engine.spec.comparing import Difference, DifferenceKind, differences, take_back
    from engine.spec.completing import Choice, Completion, complete
    from engine.spec.diagnostics import MAX_CONFIG_BYTES, Diagnostic, Severity
    from engine.spec.document import Document, Span, SyntaxProblem, config_text
    from engine.spec.edits import changed, edited
    from engine.spec.executing import SHELLS, ExecOptions, best_shell, exec_process, find_shell
    from engine.spec.fields import Field, describe_field, explain_field, fields, known_words, member_names
    from engine.spec.formatting import formatted, with_commas
    from engine.spec.generate import ROOT_PATH, STOP_SIGNAL, ContainerIdentity, Generated, generate
    from engine.spec.inheriting import volumes_of
    from engine.spec.inside import directory_in
    from engine.spec.mounts import Mount
    from engine.spec.netfiles import network_files, renamed_hosts
    from engine.spec.networking import chosen_network, network_in
    from engine.spec.options import RunOptions
    from engine.spec.privilege import is_privileged, set_privileged
    from engine.spec.process import leaks_descriptor
    from engine.spec.provenance import Explained, Origin, Provenance, SourceKind, explain
    from engine.spec.structured import (
        LIMITS,
        Change,
        add_device,
        add_mount,
        args_line,
        capabilities,
        namespaces,
        set_args,
        set_capability,
        set_env,
        set_limit,
        set_namespace,
    )
    from engine.spec.subids import free_numbers, numbers_asked, numbers_needed
    from engine.spec.theirs import as_docker, as_podman
    from engine.spec.updating import limit_words, updated
    from engine.spec.users import Accounts
    from engine.spec.values import volumes_from
    from engine.spec.vocabulary import capability_names
    from engine.spec.words import limit_options, parse_options, run_options

provide(
    __name__,
    {
        "adapt": "adapt id_mappings own_files root_in",
        "adopt": "Adopted Note adopt",
        "blame": "blame",
        "check": "check",
        "comparing": "Difference DifferenceKind differences take_back",
        "completing": "Choice Completion complete",
        "diagnostics": "MAX_CONFIG_BYTES Diagnostic Severity",
        "document": "Document Span SyntaxProblem config_text",
        "edits": "changed edited",
        "executing": "SHELLS ExecOptions best_shell exec_process find_shell",
        "fields": "Field describe_field explain_field fields known_words member_names",
        "formatting": "formatted with_commas",
        "generate": "ROOT_PATH STOP_SIGNAL ContainerIdentity Generated generate",
        "inside": "directory_in",
        "inheriting": "volumes_of",
        "mounts": "Mount",
        "netfiles": "network_files renamed_hosts",
        "networking": "chosen_network network_in",
        "options": "RunOptions",
        "privilege": "is_privileged set_privileged",
        "process": "leaks_descriptor",
        "provenance": "Explained Origin Provenance SourceKind explain",
        "structured": "LIMITS Change add_device add_mount args_line capabilities namespaces set_args set_capability"
        " set_env set_limit set_namespace",
        "subids": "free_numbers numbers_asked numbers_needed",
        "theirs": "as_docker as_podman",
        "updating": "limit_words updated",
        "users": "Accounts",
        "values": "volumes_from",
        "vocabulary": "capability_names",
        "words": "limit_options parse_options run_options",
    },
)

__all__ = [
    "LIMITS",
    "MAX_CONFIG_BYTES",
    "ROOT_PATH",
    "SHELLS",
    "STOP_SIGNAL",
    "Accounts",
    "Adopted",
    "Change",
    "Choice",
    "Completion",
    "ContainerIdentity",
    "Diagnostic",
    "Difference",
    "DifferenceKind",
    "Document",
    "ExecOptions",
    "Explained",
    "Field",
    "Generated",
    "Mount",
    "Note",
    "Origin",
    "Provenance",
    "RunOptions",
    "Severity",
    "SourceKind",
    "Span",
    "SyntaxProblem",
    "adapt",
    "add_device",
    "add_mount",
    "adopt",
    "args_line",
    "as_docker",
    "as_podman",
    "best_shell",
    "blame",
    "capabilities",
    "capability_names",
    "changed",
    "check",
    "chosen_network",
    "complete",
    "config_text",
    "describe_field",
    "differences",
    "directory_in",
    "edited",
    "exec_process",
    "explain",
    "explain_field",
    "fields",
    "find_shell",
    "formatted",
    "free_numbers",
    "generate",
    "id_mappings",
    "is_privileged",
    "known_words",
    "leaks_descriptor",
    "limit_options",
    "limit_words",
    "member_names",
    "namespaces",
    "network_files",
    "network_in",
    "numbers_asked",
    "numbers_needed",
    "own_files",
    "parse_options",
    "renamed_hosts",
    "root_in",
    "run_options",
    "set_args",
    "set_capability",
    "set_env",
    "set_limit",
    "set_namespace",
    "set_privileged",
    "take_back",
    "updated",
    "volumes_from",
    "volumes_of",
    "with_commas",
]
