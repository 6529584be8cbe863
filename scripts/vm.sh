#!/bin/sh
# Tests in a virtual machine: Debian 12 with systemd and pure cgroup v2, whatever this host has.
#
#   sh scripts/vm.sh [PYTEST-ARGUMENT…]     default: those that look at control groups
#
# Its disk is made once, with this host's own package sources, and kept in ~/.cache/cutaway-tests. Needs root,
# qemu-system-x86 and mmdebstrap. Ends with pytest's exit code.
set -eu
cd "$(dirname "$0")/.."

RECIPE=3 # of what the disk is made of: a new one makes a new disk
PACKAGES=linux-image-cloud-amd64,systemd-sysv,udev,python3,runc,conmon,iproute2,procps,netavark
SECONDS_TO_RUN=400 # about 60 without KVM, which is not used: nested it may be there and not work

say() { printf 'vm: %s\n' "$*" >&2; }

sources=
for name in sources.list.d/debian.sources sources.list; do
    if [ -s "/etc/apt/$name" ]; then
        sources=/etc/apt/$name
        break
    fi
done
[ -n "$sources" ] || { say "needs a Debian host, whose package sources it uses"; exit 1; }

cache=${XDG_CACHE_HOME:-$HOME/.cache}/cutaway-tests
key=$(cat constraints.txt - <<END | sha256sum | cut -c1-12
$RECIPE $PACKAGES
END
)
machine=$cache/vm-$key
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$cache"

make_disk() {
    say "making its disk (once, a minute)"
    root=$work/root
    mmdebstrap --quiet --variant=apt --include="$PACKAGES" bookworm "$root" "$sources"
    # What the tests import, for that system's Python whichever this host's is.
    .venv/bin/pip install --quiet --target "$root/opt/python" --python-version 3.11 --only-binary=:all: \
        -c constraints.txt requests psutil click msgspec isal zstandard tree-sitter tree-sitter-json platformdirs textual \
        pytest pytest-asyncio pytest-timeout pytest-xdist hypothesis
    echo /opt/python > "$root/usr/lib/python3/dist-packages/tests.pth"
    cat > "$root/run-tests" <<'END'
mkdir /cutaway
tar -xf /dev/vdb -C /cutaway
cd /cutaway
export CUTAWAY_NO_SKIP=1
{ sh arguments; echo "pytest ended with $?"; } > /dev/ttyS1 2>&1
sync
systemctl poweroff --force --force
END
    cat > "$root/etc/systemd/system/tests.service" <<'END'
[Unit]
After=local-fs.target systemd-tmpfiles-setup.service

[Service]
Type=oneshot
ExecStart=/bin/sh /run-tests
END
    mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
    ln -s ../tests.service "$root/etc/systemd/system/multi-user.target.wants/"
    mkdir "$work/machine"
    cp "$root"/boot/vmlinuz-* "$work/machine/kernel"
    cp "$root"/boot/initrd.img-* "$work/machine/initrd"
    mkfs.ext4 -q -F -d "$root" "$work/machine/disk" 2G
    rm -rf "$root"
    rm -rf "$cache"/vm-*
    cp -R --sparse=always "$work/machine" "$machine"
}

# One at a time: another test run may be making the same disk.
exec 9> "$cache/vm-lock"
flock 9
[ -e "$machine/disk" ] || make_disk
exec 9>&-

mkdir "$work/checkout"
git ls-files -z --cached --others --exclude-standard |
    tar --create --null --files-from=- --ignore-failed-read --file=- | tar --extract --directory="$work/checkout"
# shellcheck disable=SC2046 # file names without blanks; collecting the others takes longer there than these run
[ $# -gt 0 ] || set -- -m cgroups $(grep -l mark.cgroups tests/root/*.py)
{
    printf 'exec python3 -m pytest -q --color=no --durations=5 -p no:cacheprovider --timeout 300'
    for word in "$@"; do
        printf " '%s'" "$(printf '%s' "$word" | sed "s/'/'\\\\''/g")"
    done
    echo
} > "$work/checkout/arguments"
tar --create --file="$work/checkout.tar" --directory="$work/checkout" .

: > "$work/results"
timeout "$SECONDS_TO_RUN" qemu-system-x86_64 -machine q35 -cpu max -accel tcg,thread=multi -smp 2 -m 2048 \
    -display none -no-reboot -nic none -kernel "$machine/kernel" -initrd "$machine/initrd" \
    -append "root=/dev/vda rw console=ttyS0 quiet" \
    -drive "file=$machine/disk,format=raw,if=virtio,snapshot=on" \
    -drive "file=$work/checkout.tar,format=raw,if=virtio,readonly=on" \
    -serial "file:$work/console" -serial "file:$work/results" 2> "$work/qemu" ||
    say "qemu ended with $?: $(tail -n 3 "$work/qemu")"
tr -d '\r' < "$work/results" | tee "$work/read"
code=$(sed -n 's/^pytest ended with //p' "$work/read")
[ -n "$code" ] || { tail -n 20 "$work/console"; say "it did not come to an end"; exit 1; }
exit "$code"
