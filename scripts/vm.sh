#!/bin/sh
# Tests in a virtual machine: Debian 12 with systemd and pure cgroup v2, whatever this host has.
#
#   sh scripts/vm.sh [PYTEST-ARGUMENT…]     default: those that look at control groups
#   sh scripts/vm.sh --make                 only make the machine, if it is not there
#
# It is made once, with this host's own package sources: installed, started, and saved when it is ready to test, so that
# a run costs no start. KVM is not used: nested it may be there and not work. Needs root, qemu-system-x86 and mmdebstrap.
# Ends with pytest's exit code.
set -eu
cd "$(dirname "$0")/.."

PACKAGES=linux-image-cloud-amd64,systemd-sysv,udev,python3,runc,conmon,iproute2,procps,netavark
SECONDS_TO_START=300 # about 40, once
SECONDS_TO_RUN=400   # about 20
CHECKOUT_SIZE=64M    # of its second disk

say() { printf 'vm: %s\n' "$*" >&2; }

cache=${XDG_CACHE_HOME:-$HOME/.cache}/cutaway-tests
# All that the machine is made of, the emulator that saved it, and the processor whose clock it has measured.
key=$({
    cat constraints.txt scripts/vm.sh scripts/vm_inside.py
    qemu-system-x86_64 --version
    grep -m 1 '^model name' /proc/cpuinfo || true
} | sha256sum | cut -c1-12)
machine=$cache/vm-$key
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$cache"

# Of the processors it can be, an old one: what newer ones have (AVX), and libraries then use, is dear without KVM.
emulate() { # MACHINE SECONDS OPTION…: what is saved fits the same devices alone
    emulated=$1 seconds=$2
    shift 2
    timeout "$seconds" qemu-system-x86_64 -machine q35 -cpu Nehalem -accel tcg -smp 1 -m 1024 \
        -display none -no-reboot -nic none -kernel "$emulated/kernel" -initrd "$emulated/initrd" \
        -append "root=/dev/vda rw console=ttyS0 quiet mitigations=off tsc=reliable clocksource=tsc" \
        -serial "file:$work/console" -serial "file:$work/results" "$@" 2> "$work/qemu" ||
        say "qemu ended with $?: $(tail -n 3 "$work/qemu")"
}

make_disk() { # DIRECTORY
    root=$work/root
    sources=
    for name in sources.list.d/debian.sources sources.list; do
        if [ -s "/etc/apt/$name" ]; then
            sources=/etc/apt/$name
            break
        fi
    done
    if [ -z "$sources" ] || ! grep -qx ID=debian /etc/os-release; then
        say "needs a Debian host, whose package sources it uses"
        exit 1
    fi
    mmdebstrap --quiet --variant=apt --include="$PACKAGES" bookworm "$root" "$sources"
    # What the tests import, for that system's Python whichever this host's is.
    .venv/bin/pip install --quiet --no-compile --target "$root/opt/python" --python-version 3.11 --only-binary=:all: \
        -c constraints.txt requests psutil click msgspec isal zstandard tree-sitter tree-sitter-json platformdirs textual \
        pytest pytest-asyncio pytest-timeout hypothesis
    echo /opt/python > "$root/usr/lib/python3/dist-packages/tests.pth"
    cp scripts/vm_inside.py "$root/opt/"
    chroot "$root" python3 -m compileall -q /opt || true # not all of what packages bring is for this Python
    cat > "$root/etc/systemd/system/tests.service" <<'END'
[Service]
ExecStart=/usr/bin/python3 -u /opt/vm_inside.py
StandardOutput=file:/dev/ttyS1
StandardError=inherit
END
    mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
    ln -s ../tests.service "$root/etc/systemd/system/multi-user.target.wants/"
    # Much later, when the machine goes on, all timers would be due.
    ln -s /dev/null "$root/etc/systemd/system/timers.target"
    cp "$root"/boot/vmlinuz-* "$1/kernel"
    cp "$root"/boot/initrd.img-* "$1/initrd"
    mkfs.ext4 -q -F -d "$root" "$1/disk" 2G
    rm -rf "$root"
}

save() { # DIRECTORY: start it, and save it when it is ready
    mkfifo "$work/monitor"
    truncate -s "$CHECKOUT_SIZE" "$work/nothing"
    : > "$work/results"
    emulate "$1" "$SECONDS_TO_START" -monitor stdio -drive "file=$1/disk,format=raw,if=virtio,cache=unsafe" \
        -drive "file=$work/nothing,format=raw,if=virtio,snapshot=on" < "$work/monitor" > "$work/said" &
    exec 8> "$work/monitor"
    until grep -q '^ready' "$work/results"; do
        kill -0 $! 2>/dev/null || { tail -n 20 "$work/console" "$work/results" "$work/said" >&2; exit 1; }
        sleep 0.2
    done
    cat >&8 <<END
migrate_set_parameter max-bandwidth 100G
migrate "exec:cat > '$1/state'"
quit
END
    wait $!
    exec 8>&-
}

# One at a time: another test run may be making the same machine.
exec 9> "$cache/vm-lock"
flock 9
if [ ! -e "$machine" ]; then
    say "making the machine (once, two minutes)"
    rm -rf "$cache"/vm-*.new
    mkdir "$machine.new"
    make_disk "$machine.new"
    save "$machine.new"
    mv "$machine.new" "$machine"
fi
touch "$machine"
find "$cache" -maxdepth 1 -name 'vm-*' -mtime +1 -type d -exec rm -rf {} + # those of other days' versions
exec 9>&-
[ "${1-}" != --make ] || exit 0

checkout=$work/checkout
mkdir "$checkout"
{
    git ls-files -z --cached --others --exclude-standard engine tui themes tests pyproject.toml
    git ls-files -z --others --ignored --exclude-standard 'tests/*-pytest-*.pyc' # what pytest has compiled here
} | tar --create --null --files-from=- --ignore-failed-read --file=- | tar --extract --directory="$checkout"
# shellcheck disable=SC2046 # file names without blanks; collecting the others takes longer there than these run
[ $# -gt 0 ] || set -- -m cgroups $(grep -l mark.cgroups tests/root/*.py)
printf '%s\n' "$PWD" --color=no --durations=5 --timeout=300 "$@" > "$checkout/arguments"
# Of use there if this host's Python is of the same version.
.venv/bin/python -m compileall -q -s "$checkout" -p "$PWD" "$checkout"
mkfs.ext4 -q -F -d "$checkout" "$work/disk" "$CHECKOUT_SIZE"

: > "$work/results"
emulate "$machine" "$SECONDS_TO_RUN" -drive "file=$machine/disk,format=raw,if=virtio,snapshot=on" \
    -drive "file=$work/disk,format=raw,if=virtio,snapshot=on" -incoming "exec:cat '$machine/state'"
tr -d '\r' < "$work/results" | tee "$work/read"
code=$(sed -n 's/^pytest ended with //p' "$work/read")
[ -n "$code" ] || { tail -n 20 "$work/console"; say "it did not come to an end"; exit 1; }
exit "$code"
