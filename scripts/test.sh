#!/bin/sh
# Every test but the measurements, as root where root can be had without asking.   sh scripts/test.sh [PYTEST-ARGUMENT…]
set -eu
cd "$(dirname "$0")/.."

# Two more than there are processors: much of the time a test waits for somebody else.
workers=$(($(nproc) + 2))
[ "$workers" -le 8 ] || workers=8
# A file's registry, images and stores are made once, so its tests stay together. (Groups by marker, loadgroup, are
# ignored without a word by xdist 3.8 beside pytest 9.2: its issue 1386.)
set -- -m pytest --ignore=tests/bench -n "$workers" --dist loadfile --no-loadscope-reorder "$@"
if [ "$(id -u)" -ne 0 ] && sudo -n true 2>/dev/null; then
    # Root leaves no files of its own in a user's checkout.
    exec sudo -n -E env "PATH=$PATH:/usr/sbin:/sbin" PYTHONDONTWRITEBYTECODE=1 \
        HYPOTHESIS_STORAGE_DIRECTORY="${TMPDIR:-/tmp}/cutaway-hypothesis" .venv/bin/python "$@" -p no:cacheprovider
fi
# Compiled once, whatever this shell says of it: rewriting the tests' assertions is most of collecting them.
PYTHONDONTWRITEBYTECODE='' PATH="$PATH:/usr/sbin:/sbin" exec .venv/bin/python "$@"
