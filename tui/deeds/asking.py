"""What several forms ask for: the one argument of a command; whether a registry's certificate is verified."""

from __future__ import annotations

from collections.abc import Sequence

from tui.bench import Bench
from tui.dialogs.form import Field, Form, Values

TLS = Field("tls", "verify the registry's certificate (TLS)", "yes", toggle=True)


def tls_flags(values: Values) -> list[str]:
    """What the answer to `TLS` is on the command line."""
    return [] if values["tls"] else ["--tls-verify=false"]


async def ask_for_one(bench: Bench, heading: str, what: str, command: Sequence[str], done: str) -> str:
    """What somebody gives for `what` of a command, with the command line that it makes; "" where they leave."""

    def wrong(values: Values) -> str:
        return "" if values["it"] else f"the {what} is missing"

    def line(values: Values) -> str:
        return bench.desk.command(*command, values["it"] or what.upper())

    given = await bench.put(Form(heading, [Field("it", what)], done=done, line=line, wrong=wrong))
    return given["it"] if given is not None else ""
