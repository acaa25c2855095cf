#!/usr/bin/env bash
# Tests that take too long for every change. Arguments go to `cargo test`.
set -euo pipefail
cd "$(dirname "$0")/.."

# Crash points of a release in all cells of the table of outcomes: about an hour.
BURSAR_LONG=1 cargo test --locked --test it -- --nocapture release::points "$@"

# A thousand sites with 1,024 open files: a minute.
BURSAR_LONG=1 cargo test --locked --test it -- --nocapture bounds::many_sites "$@"
