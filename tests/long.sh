#!/usr/bin/env bash
# Tests that take too long for every change. Arguments go to `cargo test`.
set -euo pipefail
cd "$(dirname "$0")/.."

# Crash points of a release in all cells of the table of outcomes: about an hour.
BURSAR_LONG=1 cargo test --locked --test it -- --nocapture release::points "$@"

# A thousand sites with 1,024 open files: a minute.
BURSAR_LONG=1 cargo test --locked --test it -- --nocapture bounds::many_sites "$@"

# A list of seats of 480 MB beside a small site: minutes.
BURSAR_LONG=1 cargo test --locked --test it -- --nocapture bounds::lists::a_list_of_480 "$@"

# A queue of 100,000 events whose destination changes: a minute.
BURSAR_LONG=1 cargo test --locked --test it -- --nocapture reload::a_destination_with_100_000 "$@"

# The whole daemon on seeds, 2 to 5 seconds each: docs/testing.md.
BURSAR_SEEDS="${BURSAR_SEEDS:-20000}" cargo test --locked --test it -- --nocapture simulation::whatever "$@"

# 200 kill -9 under load: five minutes. A month: a quarter of an hour.
BURSAR_KILLS="${BURSAR_KILLS:-200}" cargo test --locked --test it -- --nocapture endurance::hundreds "$@"
BURSAR_MONTH_SPEED="${BURSAR_MONTH_SPEED:-3000}" cargo test --locked --test it -- --nocapture endurance::a_month "$@"

# Changed bytes for each reader of text of others: ten minutes each.
BURSAR_FUZZ_SECONDS="${BURSAR_FUZZ_SECONDS:-600}" cargo test --locked --test it -- --nocapture fuzz:: "$@"

# A browser with 50 tabs, and 200 readers beside polls: five minutes. `--release` makes what it tells like what is shipped.
BURSAR_LONG=1 cargo test --locked --test it -- --nocapture browser::many "$@"

# Real servers, and every five minutes an event that each of them refuses to take: an hour and a quarter at most.
BURSAR_SOAK_MINUTES="${BURSAR_SOAK_MINUTES:-60}" cargo test --locked --test it -- --nocapture an_hour_with_a_poison "$@"

# The API against its OpenAPI document, by schemathesis from PyPI: minutes.
tests/schemathesis.sh

# The dashboards for InfluxDB 2, by the parser of Flux from npm: seconds.
tests/flux.sh

# The example for Kubernetes against its schemas, by kubernetes-validate from PyPI: a minute.
deploy/kubernetes/verify.sh

# The package for Debian, installed, upgraded and purged in a system of its own: ten minutes, most of them the build.
if command -v cargo-deb && command -v debootstrap && command -v systemd-nspawn; then deploy/debian/test.sh; fi

# Mutants of what decides about a seat: hours, and where they were left. `tests/mutants.sh NAME...` for some of them.
if command -v cargo-mutants > /dev/null; then tests/mutants.sh; fi
