"""The house's own rules, where a tool can see them."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections import Counter
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
LONGEST = 400

LONG_FOR_A_REASON: dict[str, str] = {}
"""File: why it is over the limit, and still one subject."""


def ours(*endings: str) -> list[Path]:
    """The project's files with these endings, whether git knows them yet or not."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = (name for name in done.stdout.split("\0") if name.endswith(endings))
    return [path for name in names if (path := CHECKOUT / name).is_file()]


def shown(path: Path) -> str:
    return str(path.relative_to(CHECKOUT))


def test_a_file_has_one_subject() -> None:
    lengths = {shown(path): len(path.read_text().splitlines()) for path in ours(".py", ".tcss", ".sh")}
    assert len(lengths) > 50
    too_long = {name: lines for name, lines in lengths.items() if lines > LONGEST and name not in LONG_FOR_A_REASON}
    assert too_long == {}, "split it, or give the reason in LONG_FOR_A_REASON"
    assert [name for name in LONG_FOR_A_REASON if lengths.get(name, 0) <= LONGEST] == [], "no reason is needed any more"


def names_in(lines: list[str]) -> set[str]:
    """The names of distributions, as PEP 503 spells them."""
    found = (re.match(r"[A-Za-z0-9._-]+", line) for line in lines)
    return {re.sub(r"[-_.]+", "-", match[0]).lower() for match in found if match}


def constraints() -> list[str]:
    lines = (CHECKOUT / "constraints.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_constraints_pin_exactly_and_name_no_host() -> None:
    for line in constraints():
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+( ; .+)?", line), line
        assert not re.search(r"://|@|--", line), line


def test_constraints_pin_all_that_is_asked_for() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    asked = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["dev"]]
    assert names_in([*asked, *project["build-system"]["requires"]]) <= names_in(constraints())


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    asked = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["dev"]]
    told = (CHECKOUT / "CONTRIBUTING.md").read_text().lower()
    assert [name for name in sorted(names_in(asked)) if f"`{name}`" not in told] == []


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))


def test_every_make_target_is_in_the_papers() -> None:
    papers = (CHECKOUT / "README.md").read_text() + (CHECKOUT / "CONTRIBUTING.md").read_text()
    assert [target for target in sorted(make_targets()) if f"make {target}" not in papers] == []


@pytest.mark.parametrize("paper", ["README.md", "CONTRIBUTING.md"])
def test_the_papers_name_only_what_there_is(paper: str) -> None:
    text = (CHECKOUT / paper).read_text()
    assert set(re.findall(r"`make ([a-z-]+)", text)) <= make_targets()
    linked = re.findall(r"\]\((?!https?://)([^)#]+)\)", text)
    assert [name for name in linked if not (CHECKOUT / name).exists()] == []


def test_every_command_is_in_the_readme() -> None:
    from engine.cli.main import cutaway

    table = "\n".join(line for line in (CHECKOUT / "README.md").read_text().splitlines() if line.startswith("| `"))
    told = set(re.findall(r"`(?:cutaway )?([a-z][a-z-]*)(?: [^`]*)?`", table))
    commands = set(cutaway.list_commands(None))  # type: ignore[arg-type]
    assert commands - told == set(), "README's table of commands misses these"
    assert set(re.findall(r"`cutaway ([a-z][a-z-]*)", table)) <= commands, "README tells of these, which are not"


def test_the_engines_order_is_told_as_it_is_held() -> None:
    contracts = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    held = next(each["layers"] for each in contracts if each.get("containers") == ["engine"])
    house = (CHECKOUT / "CONTRIBUTING.md").read_text()
    told = house.partition("tui, engine.cli  ->")[2].partition("```")[0].splitlines()[1:]
    assert ["cli", *told] == held
    tree = house.partition("\nengine/ ")[2].partition("```")[0]
    screens = next(each["layers"] for each in contracts if each.get("containers") == ["tui"])
    for told, layers in zip(tree.split("\ntui/"), (held, screens), strict=True):
        parts = {part for layer in layers for part in layer.split(" | ")}
        assert [part for part in sorted(parts) if not re.search(rf"\b{part}[./]", told)] == []
    hidden = next(each["forbidden_modules"] for each in contracts if "public names" in each["name"])
    parts = {f"engine.{part}" for layer in held for part in layer.split(" | ")} - {"engine.cli"}
    assert set(hidden) == parts, "what the front ends must not import"


def test_the_version_stands_in_one_way() -> None:
    from engine import __version__

    assert tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["version"] == __version__


def print_calls(tree: ast.Module) -> list[int]:
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id in ("print", "input")]


def test_the_engine_neither_prints_nor_asks() -> None:
    """It tells by events; whoever holds it decides what becomes of them. The command line is the one that prints."""
    sources = [path for path in ours(".py") if shown(path).startswith("engine/") and "/cli/" not in shown(path)]
    assert len(sources) > 20
    assert {shown(path): lines for path in sources if (lines := print_calls(ast.parse(path.read_text())))} == {}


def test_a_style_is_for_one_class_alone() -> None:
    """Style sheets know classes by their bare names: what one says of `X` is said of every X."""
    names: Counter[str] = Counter()
    styled: set[str] = set()
    for path in (CHECKOUT / "tui").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                names[node.name] += 1
                if "DEFAULT_CSS" in ast.unparse(node):
                    styled.add(node.name)
    assert [name for name in styled if names[name] > 1] == []
