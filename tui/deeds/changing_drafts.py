"""Changes of a config.json by small forms: what a person means by a name, as the smallest edit of the text."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine import (
    LIMITS,
    Change,
    CutawayError,
    Document,
    SpecError,
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
    visible,
)
from tui.bench import Bench
from tui.deeds.deed import Offer
from tui.dialogs.choice import Choice
from tui.dialogs.form import Field, Form, Values
from tui.dialogs.switches import Switches
from tui.state import Writing

_CHOICES = (
    ("a", "the command, as a shell line"),
    ("e", "an environment variable"),
    ("m", "a mount"),
    ("c", "capabilities"),
    ("n", "namespaces"),
    ("l", "a limit"),
    ("v", "a device"),
    ("p", "privileged"),
    ("t", "a terminal"),
    ("r", "a read-only root filesystem"),
)


async def change(bench: Bench, offer: Offer[Writing]) -> None:
    """Ask what to change, then how, and do it."""
    writing = offer.thing
    text = writing.text
    if Document(text).problem is not None:
        raise SpecError(
            "this is no JSON at the moment", hint="F8 shows where, F5 mends commas; then it can be changed."
        )
    privileged = await bench.desk.ask(lambda workbench: workbench.privileged(text))
    key = await bench.put(Choice("Change", [(key, _words(key, words, text, privileged)) for key, words in _CHOICES]))
    if key is None:
        return
    options = writing.draft.options

    def turn_namespace(text: str, kind: str, on: bool) -> Change:
        before, _ = writing.turned.get((kind, not on), (writing.original, ""))
        return set_namespace(text, kind, on, like=before)

    made: Change | None
    match key:
        case "p":
            made = _turned_back(writing, text, "privileged", not privileged)
            if made is None:
                made = await bench.desk.ask(lambda workbench: workbench.with_privileged(text, not privileged, options))
            writing.turned["privileged", not privileged] = text, made.text
        case "t":
            made = _turned(text, "/process/terminal")
        case "r":
            made = _turned(text, "/root/readonly")
        case "c":
            made = await _switched(bench, writing, text, "Capabilities", capabilities(text), set_capability)
        case "n":
            made = await _switched(bench, writing, text, "Namespaces of its own", namespaces(text), turn_namespace)
        case _:
            made = await _by_form(bench, text, key)
    if made is None:
        return
    if made.text == text:
        bench.say("Nothing is different by that.")
        return
    bench.look(offer.subject, go="config")
    bench.conductor.drafts.rewrite(writing, made.text)
    for said in made.said:
        bench.say(said)


def _words(key: str, words: str, text: str, privileged: bool) -> str:
    """What is there now beside what can be changed."""
    match key:
        case "p":
            return f"{words}: {'on' if privileged else 'off'}, turn it {'off' if privileged else 'on'}"
        case "t":
            return f"{words}: {_on(text, '/process/terminal')}"
        case "r":
            return f"{words}: {_on(text, '/root/readonly')}"
    return f"{words}…"


def _on(text: str, pointer: str) -> str:
    return "on, turn it off" if Document(text).get(pointer) is True else "off, turn it on"


def _turned(text: str, pointer: str) -> Change:
    document = Document(text)
    return Change(document.set(pointer, document.get(pointer) is not True).text)


def _turned_back(writing: Writing, text: str, name: str, on: bool) -> Change | None:
    """The text from before it was turned the other way, where nothing else was changed since then."""
    before, after = writing.turned.get((name, not on), ("", ""))
    return Change(before, (f"{name} is as it was before",)) if after == text else None


async def _switched(
    bench: Bench,
    writing: Writing,
    text: str,
    heading: str,
    states: Mapping[str, bool],
    turn: Callable[[str, str, bool], Change],
) -> Change | None:
    turned = await bench.put(Switches(heading, states))
    if turned is None:
        return None
    said: list[str] = []
    for name, on in turned.items():
        made = _turned_back(writing, text, name, on) or turn(text, name, on)
        writing.turned[name, on] = text, made.text
        text, said = made.text, [*said, *made.said]
    return Change(text, tuple(said))


_FORMS: dict[str, tuple[str, str, str, Callable[[str, str], Change]]] = {
    "a": ("The command", "As a shell reads it, quotes and all", "sh -c 'echo hello'", set_args),
    "e": ("An environment variable", "NAME=VALUE; NAME alone takes it away", "LANG=C.UTF-8", set_env),
    "m": ("A mount", "SOURCE:DESTINATION[:OPTIONS], or type=…,src=…,dst=…", "/srv/data:/data:ro", add_mount),
    "v": ("A device", "HOST[:CONTAINER][:rwm]", "/dev/fuse", add_device),
}
"""By their key: heading, what is asked for, an example, and what does it."""


async def _by_form(bench: Bench, text: str, key: str) -> Change | None:
    if key == "l":
        return await _limit(bench, text)
    heading, words, example, make = _FORMS[key]
    start = args_line(text) if key == "a" else ""
    form = Form(
        heading,
        [Field("value", words, start, example)],
        done="take it",
        wrong=lambda values: _why_not(lambda: make(text, values["value"])) if values["value"] else "nothing is written",
    )
    values = await bench.put(form)
    return make(text, values["value"]) if values is not None else None


async def _limit(bench: Bench, text: str) -> Change | None:
    known = ", ".join((*LIMITS, "nofile", "nproc"))

    def wrong(values: Values) -> str:
        return _why_not(lambda: set_limit(text, values["name"], values["value"])) if values["name"] else "which limit?"

    fields = [
        Field("name", f"Limit: {known}, …", "memory"),
        Field("value", "Value, as podman's option takes it; empty takes the limit away", "", "512m"),
    ]
    values = await bench.put(Form("A limit", fields, done="take it", wrong=wrong))
    return set_limit(text, values["name"], values["value"]) if values is not None else None


def _why_not(make: Callable[[], Change]) -> str:
    """What is wrong with what is typed, "" for nothing."""
    try:
        make()
    except CutawayError as error:
        return f"{visible(error.message)}{'. ' + visible(error.hint) if error.hint else ''}"
    return ""
