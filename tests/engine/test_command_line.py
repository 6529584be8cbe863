"""What the command line says to wrong words: one line on stderr, a defined exit code, never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from command_line import Cutaway

from engine.cli.configs import config
from engine.cli.logs import logs, moment
from engine.cli.main import cutaway as tree


def cutaway(*words: str, root: Path, given: str = "") -> subprocess.CompletedProcess[str]:
    """With what is `given` on stdin by a start of Python, otherwise forked."""
    if not given:
        return Cutaway(root, root.parent / "run").ended(*words)
    return subprocess.run(
        [sys.executable, "-m", "engine.cli", "--root", str(root), *words],
        input=given,
        capture_output=True,
        text=True,
        env={**os.environ, "CUTAWAY_DEBUG": ""},
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["wat"], 2, "No such command 'wat'"),
        (["pull"], 2, "Missing argument"),
        (["pull", "some name"], 2, "not an image name"),
        (["pull", "foo:bar:baz/x"], 2, "cutaway: "),
        (["inspect", "nobody"], 125, "nobody"),
        (["inspect"], 2, "--latest"),
        (["layers", "nobody"], 1, "cutaway pull nobody"),
        (["logs", "nobody"], 125, "no container 'nobody'"),
        (["run", "--memory", "lots", "nobody"], 2, "--memory lots"),
        (["run", "--config", "/does/not/exist", "nobody"], 2, "does not exist"),
        (["logs", "--since", "yesterday", "nobody"], 2, "neither a time"),
        (["logs", "--since", "nan", "nobody"], 2, "neither a time"),
        (["logs", "--since", "", "nobody"], 2, "neither a time"),
        (["config", "nobody", "--lines"], 2, "config IMAGE -- ARG"),
        (["trace", "nobody"], 1, "no container and no image 'nobody'"),
        (["stop", "-t", "-3", "nobody"], 2, "-3"),
        (["--root", "", "images"], 2, "names no directory"),
    ],
)
def test_wrong_words(tmp_path: Path, words: list[str], code: int, said: str) -> None:
    done = cutaway(*words, root=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10m", 600), ("1h30m", 5400), ("1.5h", 5400), ("1500ms", 1.5), (".5s", 0.5), ("2d1s", 172801)],
)
def test_spans_go_back_for_since_and_forward_for_until(text: str, seconds: float) -> None:
    for name, sign in (("since", -1), ("until", 1)):
        found = moment(click.Context(logs), click.Option([f"--{name}"]), text)
        assert found is not None
        assert (found - time.time()) * sign == pytest.approx(seconds, abs=10)
        assert moment(click.Context(logs), click.Option([f"--{name}"]), "1700000000") == 1_700_000_000


@pytest.mark.parametrize(
    ("name", "words", "seen"),
    [
        ("run", "--rm=true -d=x --name a bb sh --rm=false", None),
        ("run", "--rm=true --name --rm=true bb sh --rm=false", {"name": "--rm=true", "args": ("sh", "--rm=false")}),
        ("run", "--rm=false -it -e A=1 -eB=--rm=true bb", {"auto_remove": False, "env": ("A=1", "B=--rm=true")}),
        (
            "run",
            "-e=A=1 -ite=B -u= bb sh -e=C",
            {"env": ("A=1", "B"), "terminal": True, "user": "", "args": ("sh", "-e=C")},
        ),
        ("run", "-e --rm=false --rm=True bb --", {"auto_remove": True, "env": ("--rm=false",)}),
        ("ps", "--all=true --quiet=false", {"everything": True, "quiet": False}),
        ("events", "--stream=false", {"stream": False}),
        ("events", "--stream=true --stream", {"stream": True}),
        ("logs", "a --follow=1 -- --tail=0", {"follow": True, "names": ("a", "--tail=0")}),
    ],
)
def test_flags_with_a_value(name: str, words: str, seen: dict[str, object] | None) -> None:
    command = tree.get_command(click.Context(tree), name)
    assert command is not None
    if seen is None:
        with pytest.raises(click.UsageError):
            command.make_context(name, words.split())
        return
    params = command.make_context(name, words.split()).params
    assert {key: params[key] for key in seen} == seen


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["tag", "a", "b"], 2, "tag may change something"),
        (["exec", "web", "ls", "--help"], 2, "exec may change something"),
        (["run", "image", "ls", "--help"], 2, "run may change something"),
        (["volume", "rm", "web"], 2, "volume rm may change something"),
        (["volume", "--", "rm", "web"], 2, "volume rm may change something"),
        (["system", "check", "--repair"], 2, "system check may change something"),
        (["config", "--pull=always", "image"], 2, "config --pull=always may change something"),
        (["run", "--nothing"], 2, "No such option"),
        (["volume"], 2, "Missing command"),
        (["volume", "--"], 2, "Missing command"),
        (["stop", "-h"], 0, ""),
        (["run", "--help"], 0, ""),
        (["volume", "rm", "--help"], 0, ""),
        (["config", "image"], 1, "no image"),
        (["ps"], 0, ""),
    ],
)
def test_nothing_is_changed_under_read_only(tmp_path: Path, words: list[str], code: int, said: str) -> None:
    done = cutaway("--read-only", *words, root=tmp_path / "data")
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert not (tmp_path / "data").exists()


def test_names_cannot_speak_to_the_terminal(tmp_path: Path) -> None:
    done = cutaway("inspect", "a\x1b]0;owned\x07\u202eb", root=tmp_path)
    assert done.returncode == 125
    assert not {"\x1b", "\x07", "\u202e"} & set(done.stderr)


def test_every_listed_command_is_there_and_explains_itself() -> None:
    context = tree.make_context("cutaway", [], resilient_parsing=True)
    names = tree.list_commands(context)
    for name in names:
        command = tree.get_command(context, name)
        assert command is not None
        assert command.get_short_help_str(), name
    assert len(names) == len(set(names))


def test_check_gives_positions_as_data(tmp_path: Path) -> None:
    done = cutaway("check", "--json", "-", root=tmp_path, given='{\n  "ociVersion": "1.0.2",\n  "procss": {}\n}\n')
    found = json.loads(done.stdout)
    assert {"severity", "code", "pointer", "line", "column", "message", "hint"} <= set(found[0])
    assert any(entry["pointer"] == "/procss" and entry["line"] == 3 for entry in found)


def test_check_ends_with_1_only_for_what_runc_refuses(tmp_path: Path) -> None:
    assert cutaway("check", "-", root=tmp_path, given="{").returncode == 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [(["check", "/dev/zero"], 1, "[size]"), (["create", "--config", "/dev/zero", "nobody"], 2, "no config.json")],
)
def test_what_has_no_end_is_not_read_to_its_end(words: list[str], code: int, said: str, tmp_path: Path) -> None:
    done = cutaway(*words, root=tmp_path)
    assert (done.returncode, said in done.stdout + done.stderr) == (code, True), done.stderr


def test_check_judges_a_bundle_where_there_is_one(tmp_path: Path) -> None:
    """What `config` prints is for a container to be made: its root filesystem is not there yet, and no mistake."""
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    file = bundle / "config.json"
    file.write_text('{"ociVersion": "1.0.2", "root": {"path": "rootfs"}, "process": {"cwd": "/", "args": ["/no"]}}')

    def codes(*words: str) -> set[str]:
        return {found["code"] for found in json.loads(cutaway("check", "--json", *words, root=tmp_path).stdout)}

    assert "root-missing" not in codes(str(file))
    assert "root-missing" in codes("--bundle", str(bundle), str(file))
    (bundle / "rootfs").mkdir()
    assert "not-found" in codes(str(file))
    assert "root-missing" not in codes(str(file))


def test_a_reader_that_goes_away_is_no_defect(tmp_path: Path) -> None:
    line = f"{sys.executable} -m engine.cli --root {tmp_path} system info --json | true"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_looking_does_not_write(tmp_path: Path) -> None:
    root = tmp_path / "nothing"
    done = cutaway("images", "--json", root=root)
    assert json.loads(done.stdout) == []
    done = cutaway("events", "--no-stream", root=root)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not root.exists()


def test_nobody_reads_the_output(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "tui", "--root", str(tmp_path), "system", "info"],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(
    ("words", "args", "memory"),
    [
        (["IMAGE", "-m", "9m", "ls", "-l"], ("ls", "-l"), "9m"),
        (["--explain", "IMAGE", "--memory=9m"], (), "9m"),
        (["-m", "9m", "IMAGE", "--", "-l", "--json"], ("-l", "--json"), "9m"),
        (["--", "IMAGE", "-m", "9m"], ("-m", "9m"), None),
        (["IMAGE", "ls", "-m", "9m"], ("ls", "-m", "9m"), None),
        (["IMAGE", "-"], ("-",), None),
    ],
)
def test_config_takes_options_on_both_sides_of_the_image(words: list[str], args: tuple[str, ...], memory: str) -> None:
    found = config.make_context("config", list(words)).params
    assert (found["image"], found["args"], found["memory"]) == ("IMAGE", args, memory)


@pytest.mark.parametrize("words", ["--help", "images --help", "images", "system info --json", "explain"])
@pytest.mark.parametrize(("to", "why"), [("1>/dev/full", "No space left on device"), ("1>&-", "it is closed")])
def test_an_output_that_takes_nothing_is_told(tmp_path: Path, words: str, to: str, why: str) -> None:
    line = f"{sys.executable} -m engine.cli --root {tmp_path} {words} {to}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, f"cutaway: cannot write to standard output: {why}\n")


def test_without_any_stream(tmp_path: Path) -> None:
    line = f"{sys.executable} -m engine.cli --root {tmp_path} images 0<&- 1>&- 2>&-"
    assert subprocess.run(["bash", "-c", line], check=False).returncode == 1


@pytest.mark.parametrize(("flags", "said"), [("--nope", "No such option"), ("--pull=sometimes", "sometimes")])
def test_a_wrong_option_that_was_set_is_told_where_it_stands(tmp_path: Path, flags: str, said: str) -> None:
    path = tmp_path / "cutaway" / "config.toml"
    path.parent.mkdir()
    path.write_text(f'[flags]\nrun = "{flags}"\n')
    command = [sys.executable, "-m", "engine.cli", "--root", str(tmp_path / "data"), "run", "-m", "9m", "x"]
    env = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 2
    assert f"{path}, line 2, flags.run: " in done.stderr
    assert said in done.stderr


def groups(command: click.Command, context: click.Context) -> Iterator[click.Context]:
    """A command and those below it, as far as they have some."""
    if isinstance(command, click.Group):
        yield context
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from groups(below, click.Context(below, context, name))


def test_no_sentence_of_a_list_of_commands_is_cut_at_80_columns() -> None:
    contexts = list(groups(tree, click.Context(tree, info_name="cutaway", terminal_width=80)))
    assert {context.command.name for context in contexts} == {"cutaway", "system", "volume"}
    for context in contexts:
        usage, *lines = context.get_help().splitlines()
        assert max(map(len, (usage, *lines))) <= 80
        assert [line for line in lines if line.endswith("...")] == []
