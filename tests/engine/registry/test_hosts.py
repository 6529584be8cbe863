"""registries.conf is read as podman reads it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.digest import Digest
from engine.errors import AccessDenied, RegistryError, UsageError
from engine.reference import Reference
from engine.registry import RegistryHosts

Load = Callable[..., RegistryHosts]
SHA = "@" + Digest.of(b"")


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load with these files below etc/ or home/, and these variables."""

    def load(files: dict[str, str], **environment: str) -> RegistryHosts:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return RegistryHosts.load({"HOME": str(tmp_path / "home"), **environment}, tmp_path)

    return load


def places(hosts: RegistryHosts, text: str, **options: bool) -> list[str]:
    found = hosts.endpoints(Reference.parse(text), **options)
    return [f"{'!' if endpoint.insecure else ''}{endpoint.host}/{endpoint.repository}" for endpoint in found]


def insecure(location: str) -> str:
    return f'[[registry]]\nlocation = "{location}"\ninsecure = true\n'


MAIN = "etc/containers/registries.conf"
DROP_IN = "etc/containers/registries.conf.d/%s.conf"
OWN = "home/.config/containers/registries.conf"


def test_nothing_configured(load: Load) -> None:
    hosts = load({})
    assert places(hosts, "debian") == ["registry-1.docker.io/library/debian"]
    assert places(hosts, "quay.io/x") == ["quay.io/x"]
    assert places(hosts, "quay.io/x", tls_verify=False) == ["!quay.io/x"]
    assert hosts.candidates("debian:12") == [Reference.parse("docker.io/library/debian:12")]


def test_location_and_prefix(load: Load) -> None:
    hosts = load(
        {
            MAIN: """
            [[registry]]
            prefix = "example.com/foo"
            location = "internal.example:5000/bar"
            [[registry]]
            prefix = "example.com/foo/deeper"
            location = "deep.example"
            [[registry]]
            location = "plain.example"
            insecure = true
            [[registry]]
            prefix = "*.wild.example"
            location = "tame.example/all"
            [[registry]]
            prefix = "*.free.example"
            insecure = true
            """
        }
    )
    assert places(hosts, "example.com/foo/image:1") == ["internal.example:5000/bar/image"]
    assert places(hosts, "example.com/foo/deeper/image") == ["deep.example/image"]
    assert places(hosts, "example.com/food") == ["example.com/food"]
    assert places(hosts, "example.com/foo") == ["internal.example:5000/bar"]
    assert places(hosts, "plain.example/x") == ["!plain.example/x"]
    assert places(hosts, "a.b.wild.example/x/y") == ["tame.example/all/x/y"]
    assert places(hosts, "wild.example/x") == ["wild.example/x"]
    assert places(hosts, "notwild.example/x") == ["notwild.example/x"]
    assert places(hosts, "a.free.example:5000/x") == ["!a.free.example:5000/x"]


def test_mirrors_come_first(load: Load) -> None:
    hosts = load(
        {
            MAIN: """
            [[registry]]
            location = "docker.io"
            [[registry.mirror]]
            location = "one.example/hub"
            insecure = true
            [[registry.mirror]]
            location = "two.example"
            pull-from-mirror = "digest-only"
            [[registry.mirror]]
            location = "three.example"
            pull-from-mirror = "tag-only"
            [[registry]]
            location = "quay.io"
            mirror-by-digest-only = true
            [[registry.mirror]]
            location = "four.example"
            """
        }
    )
    hub = "registry-1.docker.io/library/debian"
    assert places(hosts, "debian") == ["!one.example/hub/library/debian", "three.example/library/debian", hub]
    assert places(hosts, "debian" + SHA) == ["!one.example/hub/library/debian", "two.example/library/debian", hub]
    assert places(hosts, "quay.io/x") == ["quay.io/x"]
    assert places(hosts, "quay.io/x" + SHA) == ["four.example/x", "quay.io/x"]


def test_blocked(load: Load) -> None:
    hosts = load({MAIN: '[[registry]]\nlocation = "bad.example/evil"\nblocked = true\n'})
    with pytest.raises(AccessDenied, match="blocked") as caught:
        places(hosts, "bad.example/evil/x", tls_verify=False)
    assert "registries.conf" in caught.value.hint
    assert places(hosts, "bad.example/good") == ["bad.example/good"]


def test_short_names(load: Load) -> None:
    hosts = load(
        {
            MAIN: 'unqualified-search-registries = ["one.example", "docker.io"]',
            DROP_IN
            % "names": '[aliases]\nnode = "docker.io/library/node"\n"a/b" = "quay.io/a/b"\ngone = "x.example/y"',
            DROP_IN % "z": '[aliases]\ngone = ""',
        }
    )
    one = lambda text: [str(reference) for reference in hosts.candidates(text)]  # noqa: E731
    assert one("node:20") == ["docker.io/library/node:20"]
    assert one("a/b" + SHA) == [f"quay.io/a/b{SHA}"]
    assert one("debian") == ["one.example/debian:latest", "docker.io/library/debian:latest"]
    assert one("gone:1") == ["one.example/gone:1", "docker.io/library/gone:1"]
    assert one("org/name") == ["one.example/org/name:latest", "docker.io/org/name:latest"]
    assert one("docker.io/node") == ["docker.io/library/node:latest"]
    assert one("localhost/node") == ["localhost/node:latest"]
    assert one("quay.io/node") == ["quay.io/node:latest"]
    with pytest.raises(UsageError):
        hosts.candidates("Not A Name")


def test_the_aliases_that_podman_keeps_count_first(load: Load, tmp_path: Path) -> None:
    hosts = load(
        {
            DROP_IN % "names": '[aliases]\nnode = "docker.io/library/node"',
            ("var/cache" if os.getuid() == 0 else "home/.cache") + "/containers/short-name-aliases.conf": (
                '[aliases]\nnode = "quay.io/mine/node"'
            ),
        }
    )
    assert [str(reference) for reference in hosts.candidates("node:1")] == ["quay.io/mine/node:1"]


def test_drop_ins_are_merged_in_order(load: Load) -> None:
    hosts = load(
        {
            MAIN: 'unqualified-search-registries = ["main.example"]\n' + insecure("x.example"),
            DROP_IN % "10": 'unqualified-search-registries = ["ten.example"]\n' + insecure("y.example"),
            DROP_IN % "20": '[[registry]]\nlocation = "x.example"\n' + insecure("x.example"),
            "etc/containers/registries.conf.d/ignored": "not toml at all [",
            "home/.config/containers/registries.conf.d/own.conf": insecure("own.example"),
        }
    )
    assert [reference.domain for reference in hosts.candidates("x")] == ["ten.example"]
    assert places(hosts, "x.example/a") == ["x.example/a"]  # the later file wins; of two in it the first
    assert places(hosts, "y.example/a") == ["!y.example/a"]
    assert places(hosts, "own.example/a") == ["!own.example/a"]


def test_the_users_file_replaces_the_systems(load: Load) -> None:
    hosts = load(
        {
            MAIN: insecure("x.example"),
            DROP_IN % "10": insecure("y.example"),
            OWN: insecure("z.example"),
        }
    )
    assert [places(hosts, f"{name}.example/a") for name in "xyz"] == [
        ["x.example/a"],
        ["y.example/a"],
        ["!z.example/a"],
    ]


def test_a_file_named_by_the_environment(load: Load, tmp_path: Path) -> None:
    files = {MAIN: insecure("x.example"), "other.conf": ""}
    chosen = str(tmp_path / "other.conf")
    assert places(load(files, CONTAINERS_REGISTRIES_CONF=chosen), "x.example/a") == ["x.example/a"]
    with pytest.raises(RegistryError, match="names no file"):
        load({}, CONTAINERS_REGISTRIES_CONF="/none/such")


def test_the_form_of_old(load: Load) -> None:
    text = '[registries.search]\nregistries = ["s.example"]\n[registries.insecure]\nregistries = ["i.example"]\n'
    hosts = load({MAIN: text + '[registries.block]\nregistries = ["b.example"]\n'})
    assert [reference.domain for reference in hosts.candidates("x")] == ["s.example"]
    assert places(hosts, "i.example/x") == ["!i.example/x"]
    with pytest.raises(AccessDenied):
        places(hosts, "b.example/x")


@pytest.mark.parametrize(
    "text",
    [
        "not toml [",
        "registry = 5",
        "[[registry]]",
        "[[registry]]\nlocation = 5",
        '[[registry]]\nlocation = "https://x.example"',
        '[[registry]]\nprefix = "x.example"',
        '[[registry]]\nprefix = "*.a/b"\nlocation = "x.example"',
        '[[registry]]\nprefix = "a*.b"',
        '[[registry]]\nlocation = "x.example"\ninsecure = "yes"',
        '[[registry]]\nlocation = "x.example"\nmirror = 5',
        '[[registry]]\nlocation = "x.example"\n[[registry.mirror]]\ninsecure = true',
        '[[registry]]\nlocation = "x.example"\n[[registry.mirror]]\nlocation = "y"\npull-from-mirror = "never"',
        'unqualified-search-registries = "x.example"',
        "unqualified-search-registries = [5]",
        "aliases = 5",
        "[aliases]\nx = 5",
        '[aliases]\nx = "Not/A Name"',
        '[aliases]\nx = "library/x"',
        "\x00",
    ],
)
def test_a_broken_file_is_named(text: str, load: Load) -> None:
    with pytest.raises(RegistryError, match=r"registries\.conf") as caught:
        load({MAIN: text})
    assert caught.value.hint


def test_a_location_that_makes_no_name(load: Load) -> None:
    hosts = load(
        {
            MAIN: '[[registry]]\nprefix = "x.example"\nlocation = "nodots"\n'
            '[[registry]]\nprefix = "y.example"\nlocation = "Up/Case"'
        }
    )
    for name in ("x.example/a", "y.example/a"):
        with pytest.raises(RegistryError, match=r"registries\.conf makes"):
            places(hosts, name)


def test_where_logins_and_certificates_are(load: Load, tmp_path: Path) -> None:
    home, etc = tmp_path / "home", tmp_path / "etc"
    hosts = load({}, XDG_RUNTIME_DIR=str(tmp_path / "run"))
    assert hosts.credentials.files == (
        tmp_path / "run/containers/auth.json",
        home / ".config/containers/auth.json",
        home / ".docker/config.json",
        home / ".dockercfg",
    )
    assert hosts.certificate_folders == (
        home / ".config/containers/certs.d",
        etc / "containers/certs.d",
        etc / "docker/certs.d",
    )
    assert load({}).credentials.files[0] == tmp_path / f"run/containers/{os.getuid()}/auth.json"
    assert load({}, DOCKER_CONFIG="/d", XDG_CONFIG_HOME="/c").credentials.files[1:3] == (
        Path("/c/containers/auth.json"),
        Path("/d/config.json"),
    )
    assert load({}, REGISTRY_AUTH_FILE="/a.json").credentials.files == (Path("/a.json"),)
    assert load({MAIN: 'credential-helpers = ["pass", "containers-auth.json"]'}).credentials.helpers == (
        "pass",
        "containers-auth.json",
    )
