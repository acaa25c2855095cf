#!/usr/bin/env bash
# Pictures of every page of the demo, light and dark, 1440 and 390 pixels wide: whole, and (-top) what fits a window.
# They go to the folder that is named, else to target/screenshots. Needs what tests/run.sh installs.
set -euo pipefail
cd "$(dirname "$0")/.."
folder="${1:-target/screenshots}"
mkdir -p "$folder"
BURSAR_SCREENSHOTS="$(cd "$folder" && pwd)" cargo test --locked --test it -- pictures_are_made_of_every_page
echo "$(find "$folder" -name '*.png' | wc -l) pictures in $folder"
