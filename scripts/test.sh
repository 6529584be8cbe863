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
# What tests make is in memory where there is plenty of it, and goes with them: a disk's filesystem (ext4) looks for room
# for each new file among all that was removed of late, which is a tenth of what the tests of containers take.
files=/dev/shm/cutaway-$$ # short, as many a screen shows it; podman takes capitals in a path for a bad name of an image
gigabytes=$(awk '/^MemAvailable:/ {print int($2 / 1048576)}' /proc/meminfo)
room=$(df --output=avail --block-size=1G /dev/shm 2>/dev/null | tail -n 1)
if [ "$(id -u)" -eq 0 ] && [ "$gigabytes" -ge 12 ] && [ "${room:-0}" -ge 8 ] && mkdir -m 700 "$files"; then
    # However this process, which becomes pytest, ends.
    # shellcheck disable=SC2016 # it is that shell's to expand
    setsid sh -c 'tail --pid="$1" -f /dev/null
        for _ in 1 2 3 4 5 6 7 8 9; do rm -rf --one-file-system "$2" && break || sleep 1; done' sh $$ "$files" \
        </dev/null >/dev/null 2>&1 & # its processes may end after it
    # Linux keeps users' attributes there since 6.6.
    if .venv/bin/python -c 'import os, sys; os.setxattr(sys.argv[1], "user.any", b"")' "$files" 2>/dev/null; then
        set -- "$@" --basetemp="$files/t"
        export CUTAWAY_TESTS_MEMORY="$files"
    fi
fi
# Compiled once, whatever this shell says of it: rewriting the tests' assertions is most of collecting them.
PYTHONDONTWRITEBYTECODE='' PATH="$PATH:/usr/sbin:/sbin" exec .venv/bin/python "$@"
