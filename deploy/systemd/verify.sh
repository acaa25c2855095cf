#!/bin/sh
# Checks the systemd files: verify.sh [BINARY]
#
# Their keys, and that the unit leaves no more open than docs/install.md gives a reason for: an exposure
# of 1.5 at most.
#
# systemd-analyze verify exits 0 even for keys it doesn't know, so any word of it is a failure. It
# also wants ExecStart's program to exist: BINARY (default: /bin/true) stands in for an installed
# /usr/bin/bursar.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
binary=${1:-/bin/true}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

command -v systemd-analyze >/dev/null || {
    echo "systemd-analyze not found: apt-get install systemd" >&2
    exit 1
}
[ -x "$binary" ] || {
    echo "$binary is not a program" >&2
    exit 1
}
grep -q '^ExecStart=/usr/bin/bursar ' "$here/bursar.service"
sed "s|^\(Exec[A-Za-z]*\)=/usr/bin/bursar |\1=$binary |" "$here/bursar.service" >"$work/bursar.service"

said=$(systemd-analyze verify --man=no "$work/bursar.service" 2>&1) || said="$said (exit $?)"
[ -z "$said" ] || {
    printf 'bursar.service:\n%s\n' "$said" >&2
    exit 1
}
# The threshold is in tenths.
said=$(systemd-analyze security --offline=true --threshold=15 --no-pager "$work/bursar.service" 2>&1) || {
    printf 'bursar.service is more exposed than 1.5:\n%s\n' "$said" | grep -v '^✓' >&2
    exit 1
}
said=$(systemd-sysusers --dry-run "$here/bursar.sysusers" 2>&1) || {
    printf 'bursar.sysusers:\n%s\n' "$said" >&2
    exit 1
}
echo "systemd files are fine"
