#!/usr/bin/env bash
# Runs every test. Sets itself up: the real servers that the tests start (Mosquitto, Exim, InfluxDB 1.x,
# a server of the InfluxDB 2.x write API, Alertmanager and Prometheus) are installed from Debian's packages when missing.
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

# Everything, for other platforms too: the license check looks at all of it, offline.
cargo fetch --locked
cargo test --locked --lib --bins --tests "$@"
cargo test --locked --doc
