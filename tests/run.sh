#!/usr/bin/env bash
# Runs every test. Sets itself up: the real servers that the tests start (Mosquitto, Exim, InfluxDB 1.x,
# a server of the InfluxDB 2.x write API, Alertmanager and Prometheus) and Chromium are installed from Debian's packages
# when missing, and axe-core, which looks whether pages are accessible, is fetched from npm.
# Arguments go to `cargo test`, for example a test's name.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
need() { # command, package
    command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ] || [ -x "/usr/bin/$1" ] || missing+=("$2")
}
need mosquitto mosquitto
need exim4 exim4-daemon-light
need influxd influxdb
need victoria-metrics victoria-metrics
need prometheus-alertmanager prometheus-alertmanager
need promtool prometheus
need python3 python3-minimal
need openssl openssl
need systemd-analyze systemd
need chromium chromium
find /usr/share/fonts -name 'DejaVuSans.ttf' 2>/dev/null | grep -q . || missing+=(fonts-dejavu-core)
axe=axe-core-4.14.1
axe_file="${CARGO_TARGET_DIR:-target}/$axe.min.js"
[ -s "$axe_file" ] || need npm npm
command -v cc >/dev/null || missing+=(gcc libc6-dev)
command -v git >/dev/null || missing+=(git)

if [ ${#missing[@]} -gt 0 ]; then
    echo "installing ${missing[*]}"
    as_root=()
    [ "$(id -u)" -eq 0 ] || as_root=(sudo)
    "${as_root[@]}" apt-get update -qq
    # The servers are started by the tests, on ports of their own; the packages' services stay off.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
        "${as_root[@]}" chmod +x "$policy"
        trap '"${as_root[@]}" rm -f "$policy"' EXIT
    fi
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends \
        "${missing[@]}"
fi

# Only what was published then, whoever serves it.
if [ ! -s "$axe_file" ]; then
    echo "fetching $axe"
    sha512='FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=='
    fetched="$(mktemp -d)"
    npm pack --silent --ignore-scripts --pack-destination "$fetched" "${axe%-*}@${axe##*-}" >/dev/null
    found="$(openssl dgst -sha512 -binary "$fetched/$axe.tgz" | openssl base64 -A)"
    if [ "$found" != "$sha512" ]; then
        echo "$axe is not what it was: its SHA-512 is $found, not $sha512" >&2
        exit 1
    fi
    tar -xzf "$fetched/$axe.tgz" -C "$fetched" package/axe.min.js
    mkdir -p "$(dirname "$axe_file")"
    mv "$fetched/package/axe.min.js" "$axe_file"
    rm -rf "$fetched"
fi

# Everything, for other platforms too: the license check looks at all of it, offline.
cargo fetch --locked
cargo test --locked --lib --bins --tests "$@"
cargo test --locked --doc
