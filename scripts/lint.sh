#!/bin/sh
# What a change must pass before its tests are worth running. All of it runs, so that one go shows everything.
set -u
cd "$(dirname "$0")/.." || exit 1
bin=.venv/bin
failed=0

check() {
    echo "$ $*"
    "$@" || failed=1
}

check $bin/ruff check --output-format concise .
check $bin/ruff format --check .
check $bin/mypy
check $bin/lint-imports --no-logo
if command -v shellcheck >/dev/null 2>&1; then
    check shellcheck scripts/*.sh .ci/run
    check shellcheck --shell=sh --exclude=SC2154 engine/replay/functions.sh
fi
exit $failed
