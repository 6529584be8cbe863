"""Logins are found where podman and docker keep them, and kept where podman finds them."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest

from engine.errors import RegistryError, ToolMissing
from engine.registry.credentials import Credentials, Login

HELPER = """#!/bin/sh
# A credential helper that keeps its secrets in files, as the real ones do in a keyring.
umask 077
cd "$KEYRING" || exit 1
file() { tr -c 'A-Za-z0-9\\n' _ ; }
case $1 in
get)
    read -r server
    cat "$(echo "$server" | file)" 2>/dev/null || { echo "credentials not found in native keychain"; exit 1; } ;;
store)
    read -r document
    server=$(echo "$document" | sed 's/.*"ServerURL": *"\\([^"]*\\)".*/\\1/')
    echo "$document" > "$(echo "$server" | file)" ;;
erase)
    read -r server
    rm "$(echo "$server" | file)" ;;
esac
"""


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program docker-credential-drawer on PATH; gives its folder."""
    keyring = tmp_path / "keyring"
    keyring.mkdir()
    program = tmp_path / "bin/docker-credential-drawer"
    program.parent.mkdir()
    program.write_text(HELPER)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setenv("KEYRING", str(keyring))
    return keyring


def auth(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def credentials(path: Path, document: object, *more: Path) -> Credentials:
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return Credentials((path, *more))


@pytest.mark.parametrize(
    ("key", "name", "found"),
    [
        ("quay.io", "quay.io/org/name", True),
        ("quay.io/org", "quay.io/org/name", True),
        ("quay.io/org/name", "quay.io/org/name", True),
        ("quay.io/or", "quay.io/org/name", False),
        ("quay.io/other", "quay.io/org/name", False),
        ("quay.io:5000", "quay.io/org/name", False),
        ("localhost:5000", "localhost:5000/x", True),
        ("https://index.docker.io/v1/", "docker.io/library/debian", True),
        ("docker.io", "docker.io/library/debian", True),
        ("index.docker.io", "docker.io/library/debian", True),
        ("https://quay.io", "quay.io/x", True),
        ("http://quay.io/v2/", "quay.io/x", True),
    ],
)
def test_finds_by_registry_and_part_of_one(key: str, name: str, found: bool, tmp_path: Path) -> None:
    made = credentials(tmp_path / "auth.json", {"auths": {key: auth("ann", "pw:with:colons")}})
    assert made.find(name) == (Login("ann", "pw:with:colons") if found else None)


def test_the_longest_name_counts(tmp_path: Path) -> None:
    auths = {"quay.io": auth("all", "x"), "quay.io/org": auth("org", "x"), "quay.io/org/name": auth("name", "x")}
    made = credentials(tmp_path / "auth.json", {"auths": auths})
    assert [made.find(f"quay.io/{rest}").user for rest in ("org/name", "org/other", "other/name")] == [
        "name",
        "org",
        "all",
    ]


def test_the_first_file_counts(tmp_path: Path) -> None:
    other = tmp_path / "config.json"
    other.write_text(json.dumps({"auths": {"quay.io": auth("docker", "x"), "ghcr.io": auth("docker", "x")}}))
    made = credentials(tmp_path / "auth.json", {"auths": {"quay.io": auth("podman", "x")}}, tmp_path / "none", other)
    assert made.find("quay.io/x").user == "podman"
    assert made.find("ghcr.io/x").user == "docker"
    assert made.find("example.com/x") is None


def test_dockers_file_of_old(tmp_path: Path) -> None:
    made = credentials(tmp_path / ".dockercfg", {"https://index.docker.io/v1/": auth("ann", "pw")})
    assert made.find("docker.io/library/x") == Login("ann", "pw")


@pytest.mark.parametrize("text", ["{", "[]", '"x"', '{"auths": []}', '{"credHelpers": 5}', "[" * 100_000, "\xff"])
def test_a_broken_file_is_named(text: str, tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match=r"auth\.json"):
        credentials(tmp_path / "auth.json", text).find("quay.io/x")


@pytest.mark.parametrize(
    "entry", [None, 5, {}, {"auth": ""}, {"auth": None}, {"auth": base64.b64encode(b"nocolon").decode()}]
)
def test_an_entry_that_says_nothing_is_none(entry: object, tmp_path: Path) -> None:
    assert credentials(tmp_path / "auth.json", {"auths": {"quay.io": entry}}).find("quay.io/x") is None


@pytest.mark.parametrize("value", ["s3cret!not-base64", 271828182845, base64.b64encode(b"\xff\xfe:s3cret").decode()])
def test_a_broken_entry_is_named_without_its_secret(value: object, tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match=r"quay\.io") as caught:
        credentials(tmp_path / "auth.json", {"auths": {"quay.io": {"auth": value}}}).find("quay.io/x")
    assert str(value) not in f"{caught.value!r} {caught.value.hint} {caught.value.__cause__!r}"


def test_keeps_and_forgets(tmp_path: Path) -> None:
    path = tmp_path / "sub/containers/auth.json"
    made = Credentials((path,))
    assert made.keep("quay.io", Login("ann", "pw")) == str(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert made.find("quay.io/x") == Login("ann", "pw")
    made.keep("ghcr.io", Login("bob", "pw"))
    assert made.forget("quay.io") == str(path)
    assert made.find("quay.io/x") is None
    assert made.find("ghcr.io/x") == Login("bob", "pw")
    with pytest.raises(RegistryError, match="not logged in"):
        made.forget("quay.io")
    assert [entry.name for entry in path.parent.iterdir()] == ["auth.json"]


def test_keeps_what_it_does_not_know(tmp_path: Path) -> None:
    path = tmp_path / "auth.json"
    made = credentials(path, {"auths": {"x.io": {"auth": "eDp5", "email": "e"}}, "HttpHeaders": {"A": "b"}})
    path.chmod(0o644)
    made.keep("quay.io", Login("ann", "pw"))
    document = json.loads(path.read_text())
    assert document["HttpHeaders"] == {"A": "b"}
    assert document["auths"]["x.io"] == {"auth": "eDp5", "email": "e"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_login_of_another_tool_is_pointed_out(tmp_path: Path) -> None:
    other = tmp_path / "config.json"
    other.write_text(json.dumps({"auths": {"quay.io": auth("docker", "x")}}))
    with pytest.raises(RegistryError, match="not logged in") as caught:
        Credentials((tmp_path / "auth.json", other)).forget("quay.io")
    assert "config.json" in caught.value.hint


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RegistryError, match="cannot write"):
        Credentials((tmp_path / "file/auth.json",)).keep("quay.io", Login("a", "b"))


# -- helpers -----------------------------------------------------------------------------------------------


def test_a_helper_for_one_registry(tmp_path: Path, helper: Path) -> None:
    made = credentials(tmp_path / "auth.json", {"credHelpers": {"quay.io": "drawer"}})
    assert made.find("quay.io/x") is None
    assert made.keep("quay.io", Login("ann", "pw")) == "docker-credential-drawer"
    assert "pw" not in (tmp_path / "auth.json").read_text()
    assert json.loads((helper / "quay_io").read_text()) == {"ServerURL": "quay.io", "Username": "ann", "Secret": "pw"}
    assert made.find("quay.io/x") == Login("ann", "pw")
    assert made.find("ghcr.io/x") is None
    assert made.forget("quay.io") == "docker-credential-drawer"
    assert made.find("quay.io/x") is None


def test_dockers_store_for_all(tmp_path: Path, helper: Path) -> None:
    made = credentials(tmp_path / "config.json", {"credsStore": "drawer", "auths": {"quay.io": {}}})
    (helper / "quay_io").write_text(json.dumps({"Username": "ann", "Secret": "pw"}))
    hub = "https___index_docker_io_v1_"
    (helper / hub).write_text(json.dumps({"Username": "<token>", "Secret": "identity"}))
    assert made.find("quay.io/x") == Login("ann", "pw")
    assert made.find("docker.io/library/x") == Login("", "", "identity")


def test_a_helper_of_registries_conf(tmp_path: Path, helper: Path) -> None:
    (helper / "quay_io").write_text(json.dumps({"Username": "ann", "Secret": "pw"}))
    assert Credentials((tmp_path / "auth.json",), ("drawer",)).find("quay.io/x") == Login("ann", "pw")


def test_a_helper_that_is_not_there(tmp_path: Path) -> None:
    made = credentials(tmp_path / "auth.json", {"credHelpers": {"quay.io": "none-such"}})
    with pytest.raises(ToolMissing, match="docker-credential-none-such"):
        made.find("quay.io/x")
    assert made.find("ghcr.io/x") is None


@pytest.mark.parametrize("name", ["../../bin/sh", "a b", "", "-x", "a/b"])
def test_a_helper_by_a_name_that_is_none(name: str, tmp_path: Path) -> None:
    made = Credentials((tmp_path / "auth.json",), (name,))
    with pytest.raises(RegistryError, match="not the name"):
        made.find("quay.io/x")


@pytest.mark.parametrize(
    "script", ["exit 3", "echo s3cret; exit 1", "echo '[]'", "echo '{\"Username\": 5}'", "echo s3cret"]
)
def test_a_helper_that_fails(script: str, tmp_path: Path, helper: Path) -> None:
    (tmp_path / "bin/docker-credential-bad").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "bin/docker-credential-bad").chmod(0o755)
    with pytest.raises(RegistryError, match="docker-credential-bad") as caught:
        Credentials((tmp_path / "auth.json",), ("bad",)).find("quay.io/x")
    assert "s3cret" not in f"{caught.value} {caught.value.hint}"
