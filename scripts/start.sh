#!/bin/sh
# Start what setup.sh installed: the workbench in a terminal, the demo in words without one.
set -eu
cd "$(dirname "$0")/.."
cutaway=$PWD/.venv/bin/cutaway

if [ -t 0 ] && [ -t 1 ]; then
    set --
else
    set -- demo
fi

if [ "$(id -u)" -eq 0 ]; then
    exec "$cutaway" "$@"
elif command -v sudo >/dev/null 2>&1; then
    echo "cutaway: mounting images and starting containers needs root: sudo -E $cutaway $*" >&2
    exec sudo -E "$cutaway" "$@"
fi
echo "cutaway: mounting images and starting containers needs root, and there is no sudo here. As root: make run" >&2
exit 1
