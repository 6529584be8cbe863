"""Over a real SSH: sshd on the loopback, in and outside tmux, and a connection that is cut in the middle."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from command_line import Cutaway
from tmux import CHECKOUT, Terminal, settings_alone
from waiting import until

pytestmark = [pytest.mark.root, pytest.mark.screen, pytest.mark.interop("sshd", "ssh")]

DEMO = "localhost/cutaway/demo:latest"


@dataclass
class Ssh:
    """A server of the test's own, with its own keys; only the key made here may log in."""

    folder: Path
    port: int
    server: subprocess.Popen[bytes]

    def words(self) -> list[str]:
        options = ["-p", str(self.port), "-i", str(self.folder / "key"), "-F", "none", "-o", "BatchMode=yes"]
        options += ["-o", f"UserKnownHostsFile={self.folder}/known", "-o", "StrictHostKeyChecking=no"]
        return ["ssh", *options, "-t", "root@127.0.0.1"]

    def cut(self) -> None:
        """End the connections' server processes as a dead network would: nobody says goodbye."""
        for entry in Path("/proc").iterdir():
            try:
                if (
                    entry.name.isdigit()
                    and int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]) == self.server.pid
                ):
                    os.kill(int(entry.name), 9)
            except (OSError, IndexError):
                continue


@pytest.fixture
def ssh(tmp_path: Path) -> Iterator[Ssh]:
    sshd = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
    assert sshd is not None
    folder = tmp_path / "ssh"
    folder.mkdir(mode=0o700)
    for name in ("key", "host"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    shutil.copy(folder / "key.pub", folder / "authorized")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\n"
        "PermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\n"
        "StrictModes no\nPidFile none\nAcceptEnv *\n"
    )
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd(8) wants it for its unprivileged part
    server = subprocess.Popen([sshd, "-D", "-e", "-f", folder / "config"], stderr=subprocess.DEVNULL)
    try:
        until(lambda: _answers(port))
        yield Ssh(folder, port, server)
    finally:
        server.terminate()
        server.wait()


@pytest.fixture
def terminal(tmp_path: Path, cutaway: Cutaway, ssh: Ssh) -> Iterator[Terminal]:
    made = Terminal(tmp_path, 80, 24)
    yield made
    made.close()


def _answers(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def _line(cutaway: Cutaway) -> str:
    """The command on the other side; sshd gives a bare environment."""
    variables = {
        "PYTHONPATH": str(CHECKOUT),
        "CUTAWAY_RUN": str(cutaway.run),
        "XDG_CONFIG_HOME": settings_alone(cutaway.run / "settings"),
    }
    given = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())
    return f"{given} {shlex.join([sys.executable, '-m', 'tui', '--root', str(cutaway.root)])}"


def _kept(cutaway: Cutaway) -> None:
    """Wait until what was typed is on disk, below the data directory and outside of containers."""
    until(lambda: list(cutaway.root.glob("drafts/**/*")), lambda: sorted(cutaway.root.iterdir()))


def test_a_connection_that_is_cut_costs_nothing(terminal: Terminal, ssh: Ssh, cutaway: Cutaway) -> None:
    terminal.run(*ssh.words(), _line(cutaway))
    terminal.wait(r"\[1\] Images 1", "no jobs")
    # A container is started from the screen, and another's config.json is being changed.
    terminal.press("1", "Enter")
    terminal.wait("new from|new container", "no problems")
    terminal.press("C-l")
    terminal.wait("run it in the background")
    terminal.press("d")
    terminal.wait("○ exited|● running", "hello|Hello")
    cutaway("run", "-d", "--name", "goes-on", DEMO, "sh", "-c", "exec sleep 600")
    terminal.press("1", "e")
    terminal.wait("new from|new container", "0 edits", "no problems")
    terminal.press("Down", "Down", "Down", "End")
    terminal.type(" ")
    terminal.press("BSpace")
    terminal.press("Home", "C-k")
    terminal.wait("[1-9] edit|no JSON")
    _kept(cutaway)
    ssh.cut()
    terminal.wait(r"\[ended 255\]")
    states = {c["name"]: c["status"] for c in cutaway.json("ps", "-a", "--json")}
    assert states["goes-on"] == "running"

    terminal.run(*ssh.words(), _line(cutaway))
    terminal.wait("Unsaved work is here again", f"new container from {DEMO}")
    terminal.press("Enter")
    terminal.wait("new from", "[1-9] edit|no JSON")
    terminal.press("C-q")
    terminal.wait("Leave Cutaway|goes on")


def test_in_tmux_on_the_other_side(terminal: Terminal, ssh: Ssh, cutaway: Cutaway, tmp_path: Path) -> None:
    inner = f"tmux -S {tmp_path}/inner -f /dev/null new-session {shlex.quote(_line(cutaway))}"
    try:
        terminal.run(*ssh.words(), f"TERM=screen-256color {inner}")
        terminal.wait(r"\[1\] Images 1", "no jobs")
        terminal.press("1", "y")
        terminal.wait("Copied the image's name to tmux")
        shown = subprocess.run(
            ["tmux", "-S", f"{tmp_path}/inner", "show-buffer"], capture_output=True, text=True, check=True
        )
        assert shown.stdout == DEMO
        terminal.press("q")
        terminal.wait(r"\[ended 0\]")
    finally:
        subprocess.run(["tmux", "-S", f"{tmp_path}/inner", "kill-server"], check=False, capture_output=True)
