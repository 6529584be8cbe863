"""The manual page cutaway(1), from the command tree itself.   make man"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).parent.parent))

from engine import __version__
from engine.cli.main import cutaway

_ENVIRONMENT = {
    "CUTAWAY_ROOT": "The data directory, where --root does not say it.",
    "CUTAWAY_RUN": "Where sockets, process ids and what else ends with a reboot is kept, in place of /run/cutaway.",
    "CUTAWAY_NETWORK": "The network of a container that names none: bridge, host or none.",
    "CUTAWAY_LIMITS": "What one layer may be at most, as in size=2T ratio=600.",
    "CUTAWAY_DEBUG": "Where set, a defect shows where it is.",
    "NO_COLOR": "Where set, the screen has no colours.",
}


def main() -> None:
    """Writes to the file that is named, or to stdout."""
    text = "\n".join(_page()) + "\n"
    if len(sys.argv) > 1:
        target = Path(sys.argv[1])
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    else:
        sys.stdout.write(text)


def _page() -> Iterator[str]:
    yield f'.TH CUTAWAY 1 "" "cutaway {__version__}" "User Commands"'
    yield from (".SH NAME", r"cutaway \- a container workbench: images, layers, config.json and runc, opened up")
    yield from (".SH SYNOPSIS", r".B cutaway", r"[\fIoptions\fR] [\fIcommand\fR [\fIarguments\fR]]")
    yield from (".SH DESCRIPTION", _text(cutaway.help or ""))
    yield ".SH OPTIONS"
    yield from _options(cutaway)
    yield ".SH COMMANDS"
    yield from _commands(cutaway, "")
    yield from (".SH FILES", ".TP", _bold("/var/lib/cutaway"), "Images, layers and containers, for root.")
    yield from (".TP", _bold("~/.config/cutaway/config.toml"), "Settings; cutaway config-file prints the defaults.")
    yield from (".TP", _bold("~/.config/cutaway/themes/NAME.toml"), "Themes of one's own.")
    yield ".SH ENVIRONMENT"
    for name, what in _ENVIRONMENT.items():
        yield from (".TP", _bold(name), what)
    yield ".SH EXIT STATUS"
    yield "0; 1 failed; 2 not understood; of run 125 if Cutaway or runc failed, 126 if the command cannot be executed,"
    yield "127 if there is none, and otherwise the container's own."
    yield from (".SH SEE ALSO", "runc(8), conmon(8), podman(1), buildah(1), skopeo(1)")


def _commands(group: click.Group, before: str) -> Iterator[str]:
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        if isinstance(command, click.Group):
            yield from _commands(command, f"{before}{name} ")
        elif command is not None:
            context = click.Context(command, info_name=f"{before}{name}", **cutaway.context_settings)
            usage = " ".join(command.collect_usage_pieces(context))
            yield from (f".SS {_bold(before + name)} {_text(usage)}", _text(command.help or ""))
            yield from _options(command)


def _options(command: click.Command) -> Iterator[str]:
    context = click.Context(command, **cutaway.context_settings)
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and record[1]:  # arguments have their place in the description
            yield from (".TP", _bold(record[0]), _text(record[1]))


def _bold(text: str) -> str:
    return rf"\fB{_text(text)}\fR"


def _text(text: str) -> str:
    """As roff takes it: nothing in it is a request."""
    text = " ".join(text.replace("\b", "").split())
    text = text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq")
    return "".join(c if c.isascii() else rf"\[u{ord(c):04X}]" for c in text)


if __name__ == "__main__":
    main()
