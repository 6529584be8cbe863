"""What may stand where the cursor is, in texts that are being typed."""

from __future__ import annotations

import json

import pytest

from engine.spec import Completion, complete, with_commas


def at_bar(text: str) -> tuple[str, Completion | None]:
    """The text without its | and what is offered there."""
    before, after = text.split("|")
    return before + after, complete(before + after, before.count("\n"), len(before) - before.rfind("\n") - 1)


def offered(text: str) -> list[str]:
    found = at_bar(text)[1]
    return [choice.label for choice in found.choices] if found else []


def taken(text: str, label: str) -> str:
    """The text after a choice, with | where the cursor is left."""
    whole, found = at_bar(text)
    assert found is not None
    choice = next(each for each in found.choices if each.label == label)
    lines = whole.split("\n")
    start, end = (sum(len(line) + 1 for line in lines[:row]) + column for row, column in (found.start, found.end))
    cursor = start + len(choice.text) - choice.back
    whole = whole[:start] + choice.text + whole[end:]
    return whole[:cursor] + "|" + whole[cursor:]


@pytest.mark.parametrize(
    ("text", "has", "not_there"),
    [
        ('{"process": {"capabilities": {"bounding": ["CAP_KILL", "CAP_|"]}}}', "CAP_NET_ADMIN", "CAP_KILL"),
        ('{"process": {"capabilities": {"bounding": [| "CAP_KILL"]}}}', "CAP_NET_ADMIN", "CAP_KILL"),
        ('{"linux": {"namespaces": [{"type": |', "network", "bind"),
        ('{"mounts": [{"options": ["ro", "|"]}]}', "nosuid", "ro"),
        ('{"mounts": [{"type": "|"}]}', "tmpfs", "nosuid"),
        ('{"linux": {"seccomp": {"syscalls": [{"names": ["op|"]}]}}}', "openat2", "SCMP_ACT_ALLOW"),
        ('{"linux": {"seccomp": {"defaultAction": |}}}', "SCMP_ACT_ERRNO", "openat2"),
        ('{"process": {"rlimits": [{"type": "|', "RLIMIT_NOFILE", "CAP_KILL"),
        ('{"annotations": {"org.opencontainers.image.stopSignal": "SIG|"}}', "SIGTERM", "true"),
        ('{"process": {"terminal": |}}', "false", "0"),
        ('{"process": {"env": [], |\n"args": []}}', "cwd", "args"),
        ("{|}", "process", "args"),
        ('{"process": {"us|": {}}}', "user", "process"),
        ('{"process": {"te|\n"args": []}}', "terminal", "args"),
    ],
)
def test_it_offers_what_fits_and_is_not_there(text: str, has: str, not_there: str) -> None:
    labels = offered(text)
    assert has in labels
    assert not_there not in labels


@pytest.mark.parametrize("text", ["|", '"a|"', '{"mine": {|}}', '{"process": {"mine": "|"}}', "[1, |]"])
def test_it_offers_nothing_where_nothing_is_known(text: str) -> None:
    assert not offered(text)


@pytest.mark.parametrize(
    ("text", "label", "after"),
    [
        ('{"process": {"te|}}', "terminal", '{"process": {"terminal": true|}}'),
        ('{"process": {"te|"}}', "terminal", '{"process": {"terminal": true|}}'),
        ('{"process": {"x|": false}}', "terminal", '{"process": {"terminal"|: false}}'),
        ('{"process": {|\n"args": []}}', "cwd", '{"process": {"cwd": "|",\n"args": []}}'),
        ('{"process": {"capabilities": {"bounding": ["CAP_N|"]}}}', "CAP_NET_RAW",
         '{"process": {"capabilities": {"bounding": ["CAP_NET_RAW"|]}}}'),
        ('{"linux": {|}}', "resources", '{"linux": {"resources": {|}}}'),
    ],
)  # fmt: skip
def test_taking_a_choice(text: str, label: str, after: str) -> None:
    assert taken(text, label) == after


def test_a_missing_comma_before_it_is_told() -> None:
    text, found = at_bar('{"process": {"args": ["a"]\n  |}}')
    assert found is not None
    assert found.comma == (0, 26)
    assert text.split("\n")[0][:26].endswith("]")


def test_every_example_is_json_that_fits() -> None:
    _, found = at_bar('{"mounts": [|]}')
    assert found is not None
    assert json.loads(found.choices[0].text)["destination"] == "/data"
    after = taken('{"mounts": [| {"destination": "/x"}]}', found.choices[0].label).replace("|", "")
    assert json.loads(after)["mounts"][1] == {"destination": "/x"}
    assert with_commas(after) == after
