# How a container comes to be, with ordinary tools and no container engine:
# curl fetches, sha256sum checks, tar unpacks, mount joins the layers, runc starts the process.
#
#   sh replay.sh              in a temporary directory, which goes at the end
#   sh replay.sh DIRECTORY    in that new directory, which stays, to be looked at
#
# It needs root: it mounts, and it gives files their owners. Where a registry asks for a login, curl takes
# it from ~/.netrc.

set -eu

say() { echo "replay: $*" >&2; }
fail() { say "$*"; exit 125; }

[ "$(id -u)" -eq 0 ] || fail "this needs root, for its mounts and for the owners of files"
for tool in $tools; do
    command -v "$tool" >/dev/null || fail "$tool is not installed"
done

if [ $# -gt 0 ]; then
    mkdir -- "$1" || fail "$1 has to be a new directory"
    work=$(cd -- "$1" && pwd)
    keep=yes
else
    work=$(mktemp -d)
    keep=no
fi

connected=
leave() {
    if [ -n "$connected" ]; then disconnect "$connected"; fi
    if [ -e "$work/bundle/merged/." ] && [ "$(stat -c %d "$work/bundle/merged")" != "$(stat -c %d "$work/bundle")" ]; then
        umount "$work/bundle/merged"
    fi
    if [ "$keep" = no ]; then rm -rf "$work"; fi
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
cd "$work"
mkdir blobs layers bundle bundle/upper bundle/work bundle/merged
umask 022

# A registry that wants to know who asks says in its 401 where tokens are to be had (the distribution spec's
# "Bearer"). The token goes into a file, and so into no argument list.
token_for() { # URL
    : > header
    challenge=$(curl -sS "$@" --head | tr -d '\r' | sed -n 's/^[Ww][Ww][Ww]-[Aa]uthenticate: *[Bb]earer *//p')
    [ -n "$challenge" ] || return 0
    part() { printf '%s\n' "$challenge" | sed -n "s/.*$1=\"\([^\"]*\)\".*/\1/p"; }
    curl -fsSL --netrc-optional --get --data-urlencode "service=$(part service)" \
        --data-urlencode "scope=$(part scope)" "$(part realm)" |
        sed -n 's/.*"\(access_\)\{0,1\}token": *"\([^"]*\)".*/Authorization: Bearer \2/p' > header
}

# A blob is named by the hash of its content, so whoever sent it, it is known to be the right one.
verified() { # HEX
    echo "$1  blobs/$1" | sha256sum --check --quiet - || fail "blob $1 is not what its name promises"
}

fetch() { # HEX CURL-ARGUMENT...
    hex=$1
    shift
    say "fetch $hex"
    [ -e header ] || token_for "$@"
    curl -fsSL --netrc-optional --header @header --output "blobs/$hex" "$@"
    verified "$hex"
}

copy() { # HEX FILE
    say "copy $1"
    cp -- "$2" "blobs/$1"
    verified "$1"
}

# A layer is a tar archive of what it adds and changes. Two kinds of names in it mean something else:
# .wh.NAME deletes NAME of the layers below, and .wh..wh..opq all that they have in its directory.
# overlayfs says the same by a character device 0:0, and by the attribute trusted.overlay.opaque.
expand() { # NUMBER HEX DECOMPRESSOR
    say "expand layer $1"
    mkdir "layers/$1"
    # shellcheck disable=SC2086 # a program and its option
    $3 < "blobs/$2" > layer.tar
    tar --extract --file layer.tar --directory "layers/$1" --preserve-permissions --numeric-owner \
        --delay-directory-restore --xattrs --xattrs-include='*' --xattrs-exclude='trusted.overlay.*' \
        --warning=no-timestamp
    continue_below "$1"
    find "layers/$1" -name '.wh..wh..opq' -exec sh -euc '
        for mark do
            directory=${mark%/*}
            touch --reference="$directory" times
            rm -r -- "$mark"
            setfattr --name=trusted.overlay.opaque --value=y -- "$directory"
            touch --reference=times "$directory"
        done' sh {} +
    find "layers/$1" -name '.wh.*' -prune -exec sh -euc '
        for mark do
            directory=${mark%/*}
            name=${mark##*/.wh.}
            touch --reference="$directory" times
            rm -r -- "$mark"
            if [ ! -e "$directory/$name" ] && [ ! -L "$directory/$name" ]; then mknod "$directory/$name" c 0 0; fi
            touch --reference=times "$directory"
        done' sh {} +
    rm -f layer.tar times
}

# Directories that the archive has no entry for are there because of the names in them: they go on as the
# layer below has them, and where that has a link, the names belong where it leads.
continue_below() { # NUMBER
    tar --list --file layer.tar --quoting-style=literal | sed 's,^\./,,; s,/*$,,; s,^$,.,' | sort -u > listed
    (cd "layers/$1" && find . -type d) | sed 's,^\./,,' | sort -u > there
    comm -13 listed there | while IFS= read -r directory; do
        [ -d "layers/$1/$directory" ] || continue
        below=$(layer_below "$1" "$directory")
        if [ -n "$below" ] && [ -L "layers/$below/$directory" ]; then
            follow "$1" "$directory" "$(readlink -- "layers/$below/$directory")"
        else
            like_below "$1" "$directory"
        fi
    done
    rm listed there
}

layer_below() { # NUMBER PATH: the number of the nearest layer below that has it
    below=$(($1 - 1))
    while [ "$below" -gt 0 ]; do
        if [ -e "layers/$below/$2" ] || [ -L "layers/$below/$2" ]; then
            echo "$below"
            return
        fi
        below=$((below - 1))
    done
}

like_below() { # NUMBER DIRECTORY
    below=$(layer_below "$1" "$2")
    if [ -n "$below" ] && [ -d "layers/$below/$2" ]; then
        chmod --reference="layers/$below/$2" "layers/$1/$2"
        chown --reference="layers/$below/$2" "layers/$1/$2"
        touch --reference="layers/$below/$2" "layers/$1/$2"
    else
        chmod 0755 "layers/$1/$2"
        touch --date=@0 "layers/$1/$2"
    fi
}

follow() { # NUMBER DIRECTORY TARGET: move the directory's content where the link that it hides leads
    case $3 in
        *..*) fail "layer $1: cannot follow the link $2 -> $3" ;;
        /*) to=${3#/} ;;
        *) to=$(dirname -- "$2")/$3 ;;
    esac
    path=$to
    while [ "$path" != . ]; do # no link of this layer leads out of it, to this host's own files
        [ ! -L "layers/$1/$path" ] || fail "layer $1: $2 -> $3 leads through a link"
        path=$(dirname -- "$path")
    done
    touch --reference="layers/$1/$(dirname -- "$2")" times-there
    : > fresh
    path=$to
    while [ ! -d "layers/$1/$path" ]; do
        echo "$path" >> fresh
        path=$(dirname -- "$path")
    done
    touch --reference="layers/$1/$path" times-here
    mkdir -p -- "layers/$1/$to"
    cp -a -- "layers/$1/$2/." "layers/$1/$to/"
    rm -r -- "layers/$1/$2"
    touch --reference=times-here "layers/$1/$path"
    touch --reference=times-there "layers/$1/$(dirname -- "$2")"
    while IFS= read -r path; do like_below "$1" "$path"; done < fresh
    rm fresh times-here times-there
}

# A network for the container: a namespace, a cable (veth) from there to this host, the address that it has had, and
# this host's rules that let it out and lead published ports in. netavark and the CNI plugins do the same, with a
# bridge in between where the cables of other containers end, too. Where a firewall drops what this host would
# forward, the container reaches this host alone.
connect() { # NAME ADDRESS LENGTH GATEWAY CARD [PROTOCOL/HOST-ADDRESS/HOST-PORT/PORT]...
    name=$1 address=$2 length=$3 gateway=$4 card=$5 cable=c${1#replay-} table=$(echo "$1" | tr - _)
    shift 5
    say "connect $address"
    ip netns add "$name"
    connected=$name
    ip link add "$cable" type veth peer name eth0 netns "$name"
    ip address add "$gateway/32" dev "$cable"
    ip link set "$cable" up
    ip route add "$address/32" dev "$cable"
    ip -n "$name" link set lo up
    [ -z "$card" ] || ip -n "$name" link set eth0 address "$card"
    ip -n "$name" address add "$address/$length" dev eth0
    ip -n "$name" link set eth0 up
    ip -n "$name" route add default via "$gateway"
    echo 1 > /proc/sys/net/ipv4/ip_forward
    echo 1 > "/proc/sys/net/ipv4/conf/$cable/route_localnet"
    nft -f - <<RULES
table ip $table {
    chain out {
        type nat hook postrouting priority 100
        ip saddr $address masquerade
        oifname $cable ip saddr 127.0.0.0/8 masquerade
    }
    chain in {
        type nat hook prerouting priority -100
    }
    chain here {
        type nat hook output priority -100
    }
}
RULES
    for port do
        protocol=${port%%/*} rest=${port#*/}
        on=${rest%%/*} rest=${rest#*/}
        to="${on:+ip daddr $on} fib daddr type local $protocol dport ${rest%/*} dnat to $address:${rest#*/}"
        for chain in in here; do
            # shellcheck disable=SC2086 # words of a rule
            nft add rule ip "$table" $chain $to
        done
    done
}

disconnect() { # NAME
    nft delete table ip "$(echo "$1" | tr - _)" 2>/dev/null || true
    ip netns delete "$1" # and with it the cable
}
