"""Programs taken along: links, interpreters and libraries, as this host and others have them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from engine.demo.programs import Collection, HostFile, in_image, interpreter, libraries

SHELL = "/bin/sh"
LIMIT = 50_000_000


def collect(folder: Path, *names: str, limit: int = LIMIT) -> tuple[list[str], dict[str, HostFile]]:
    collection = Collection(limit, str(folder))
    collection.add(names)
    return collection.programs, {file.path: file for file in collection.files}


def script(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("host", "image"),
    [
        ("/bin/sh", "usr/bin/sh"),
        ("/usr/bin/sh", "usr/bin/sh"),
        ("/lib64/ld-linux-x86-64.so.2", "usr/lib64/ld-linux-x86-64.so.2"),
        ("/etc/alternatives/awk", "etc/alternatives/awk"),
        ("/nix/store/x-bash/bin/sh", "nix/store/x-bash/bin/sh"),
        ("/usr/lib/../bin/x", "usr/bin/x"),
    ],
)
def test_paths_in_the_merged_layout(host: str, image: str) -> None:
    assert in_image(host) == image


def test_this_host_s_shell_comes_with_what_ldd_says() -> None:
    collection = Collection(LIMIT)
    collection.add(["sh"])
    assert collection.programs == ["sh"]
    paths = {file.path for file in collection.files}
    assert "usr/bin/sh" in paths
    said = subprocess.run(["ldd", os.path.realpath(SHELL)], capture_output=True, text=True, check=True).stdout
    for word in said.split():
        if word.startswith("/"):
            assert in_image(os.path.join(os.path.realpath(os.path.dirname(word)), os.path.basename(word))) in paths
    for file in collection.files:
        if file.target:
            assert os.path.normpath(os.path.join(os.path.dirname(file.path), file.target)) in paths
        else:
            assert file.size == Path(file.source).stat().st_size


def test_what_is_not_there_or_too_large_is_left_out(tmp_path: Path) -> None:
    script(tmp_path / "small", f"#!{SHELL}\n")
    script(tmp_path / "large", f"#!{SHELL}\n" + "#" * LIMIT)
    programs, files = collect(tmp_path, "none", "large", "small")
    assert programs == ["small"]
    assert not any(path.endswith("large") for path in files)
    assert collect(tmp_path, "small", limit=10)[0] == []


def test_a_script_brings_its_interpreter(tmp_path: Path) -> None:
    """coreutils in one program are scripts of this kind on Fedora."""
    script(tmp_path / "ls", f"#!{tmp_path}/multi --coreutils-prog-shebang=ls\n")
    shutil.copy(SHELL, tmp_path / "multi")
    programs, files = collect(tmp_path, "ls")
    home = in_image(str(tmp_path))
    assert programs == ["ls"]
    assert {f"{home}/ls", f"{home}/multi"} <= set(files)
    assert any("libc" in path for path in files) or not interpreter(SHELL)


@pytest.mark.parametrize("first", ["#!", "#!\n", "#!/usr/bin/env python3\n", "#!/none/such\n"])
def test_a_script_that_cannot_run_elsewhere_is_left_out(tmp_path: Path, first: str) -> None:
    script(tmp_path / "x", first)
    assert collect(tmp_path, "x") == ([], {})


def test_links_are_followed_step_by_step(tmp_path: Path) -> None:
    """As /usr/bin/awk -> /etc/alternatives/awk -> /usr/bin/mawk; busybox and others have many names in this way."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "alternatives").mkdir()
    shutil.copy(SHELL, tmp_path / "bin/busybox")
    (tmp_path / "bin/ls").symlink_to(tmp_path / "alternatives/ls")
    (tmp_path / "alternatives/ls").symlink_to("../bin/busybox")
    (tmp_path / "bin/cat").symlink_to("busybox")
    programs, files = collect(tmp_path / "bin", "ls", "cat")
    home = in_image(str(tmp_path))
    assert programs == ["ls", "cat"]
    assert files[f"{home}/bin/ls"].target == "../alternatives/ls"
    assert files[f"{home}/alternatives/ls"].target == "../bin/busybox"
    assert files[f"{home}/bin/cat"].target == "busybox"
    assert files[f"{home}/bin/busybox"].size == os.stat(SHELL).st_size


def test_links_through_other_links_are_made_direct(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "alias").symlink_to("real")
    shutil.copy(SHELL, tmp_path / "real/tool")
    (tmp_path / "x").symlink_to("alias/tool")
    _, files = collect(tmp_path, "x")
    assert files[f"{in_image(str(tmp_path))}/x"].target == "real/tool"
    assert not any("alias" in path for path in files)


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    script(tmp_path / "c", f"#!{tmp_path}/a\n")
    assert collect(tmp_path, "a", "c") == ([], {})


def test_hard_links_are_taken_once(tmp_path: Path) -> None:
    shutil.copy(SHELL, tmp_path / "multi")
    os.link(tmp_path / "multi", tmp_path / "ls")
    os.link(tmp_path / "multi", tmp_path / "cat")
    collection = Collection(LIMIT, str(tmp_path))
    collection.add(["ls", "cat"])
    home = in_image(str(tmp_path))
    assert collection.files[-1].twin == f"{home}/ls"
    assert collection.files[-1].path == f"{home}/cat"
    assert collection.size < 2 * os.stat(SHELL).st_size + sum(
        file.size for file in collection.files if "lib" in file.path
    )


def test_a_missing_library_leaves_the_program_out(tmp_path: Path) -> None:
    raw = Path(os.path.realpath(SHELL)).read_bytes()
    (tmp_path / "broken").write_bytes(raw.replace(b"libc.so.6\0", b"libq.so.9\0"))
    (tmp_path / "broken").chmod(0o755)
    if b"libc.so.6\0" not in raw:
        pytest.skip("this host's shell is not linked with glibc's libc.so.6")
    assert collect(tmp_path, "broken") == ([], {})


@pytest.mark.parametrize(
    "content", [b"", b"\x7fELF", b"\x7fELF\x02\x01" + b"\xff" * 200, b"\x7fELF\x01\x02" + bytes(200)]
)
def test_what_looks_like_a_program_and_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    (tmp_path / "x").chmod(0o755)
    assert interpreter(str(tmp_path / "x")) == ""
    assert collect(tmp_path, "x")[0] in (["x"], [])


def test_libraries_are_asked_of_the_loader() -> None:
    loader = interpreter(os.path.realpath(SHELL))
    if not loader:
        pytest.skip("this host's shell is statically linked")
    found = libraries(os.path.realpath(SHELL), loader)
    assert all(Path(path).is_file() for _, path in found)
    assert any(soname.startswith("libc.") for soname, _ in found)
