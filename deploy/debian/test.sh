#!/bin/bash
# Installs, upgrades and purges the package in a Debian of its own, with systemd as its first process.
#
#   deploy/debian/test.sh              builds two revisions and tries them
#   deploy/debian/test.sh OLD NEW      tries these two packages
#
# As root, with: apt-get install debootstrap systemd-container; some 500 MB in WORK. BINARY: see build.sh.
#
# Environment:
#   WORK     folder for the system (default: one in /var/tmp that is removed afterwards)
#   SUITE    of Debian (default bookworm)
#   MIRROR   of Debian (default http://deb.debian.org/debian)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
suite=${SUITE:-bookworm}
mirror=${MIRROR:-http://deb.debian.org/debian}
work=${WORK:-}

for command in debootstrap systemd-nspawn; do
    command -v "$command" >/dev/null || {
        echo "$command not found: apt-get install debootstrap systemd-container" >&2
        exit 1
    }
done
if [ -z "$work" ]; then
    work=$(mktemp -d -p /var/tmp)
    trap 'rm -rf "$work"' EXIT
fi
mkdir -p "$work/packages"
if [ $# -eq 2 ]; then
    old=$1 new=$2
else
    old=$(REVISION=1 OUT="$work/packages" "$here/build.sh")
    new=$(REVISION=2 OUT="$work/packages" BINARY="$here/../../target/debian/bursar" "$here/build.sh")
fi

# A new copy each time; what was made before is taken from WORK.
base=$work/base system=$work/system
if [ ! -e "$base/complete" ]; then
    rm -rf "$base"
    debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,debconf,ca-certificates,sqlite3 \
        "$suite" "$base" "$mirror" >"$work/debootstrap.log" || {
        tail "$work/debootstrap.log" >&2
        exit 1
    }
    touch "$base/complete"
fi
rm -rf "$system"
cp -a "$base" "$system"
install -D -m 0644 "$old" "$system/root/old.deb"
install -D -m 0644 "$new" "$system/root/new.deb"
install -m 0755 "$here/test-inside.sh" "$system/root/test-inside.sh"
gunzip -c "$here/../../tests/data/stored/store-6.db.gz" >"$system/root/store-6.db"
cat >"$system/etc/systemd/system/bursar-test.service" <<'UNIT'
[Unit]
After=multi-user.target

[Service]
Type=oneshot
ExecStart=/bin/bash /root/test-inside.sh
StandardOutput=file:/root/said
StandardError=file:/root/said
ExecStopPost=/bin/systemctl --no-block poweroff
TimeoutStartSec=900

[Install]
WantedBy=default.target
UNIT
mkdir -p "$system/etc/systemd/system/default.target.wants"
ln -sf /etc/systemd/system/bursar-test.service "$system/etc/systemd/system/default.target.wants/"
# A network of its own, with loopback alone: nothing but what is in it is asked.
systemd-nspawn --quiet --boot --register=no --keep-unit --private-network --directory="$system" \
    >"$work/boot.log" 2>&1 </dev/null || tail -5 "$work/boot.log" >&2
cat "$system/root/said"
[ -e "$system/root/passed" ] || {
    echo "the package failed" >&2
    exit 1
}
echo "the package is fine"
