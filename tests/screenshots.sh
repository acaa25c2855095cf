#!/usr/bin/env bash
# Pictures of every page of the demo, light and dark, 1440 and 390 pixels wide: whole, and (-top) what fits a window.
# They go to target/screenshots. Needs what tests/run.sh installs.
# `tests/screenshots.sh --docs` makes those of docs/images anew from them (with pngquant, each below 150 kB).
set -euo pipefail
cd "$(dirname "$0")/.."
folder=target/screenshots
rm -rf "$folder"
mkdir -p "$folder"
BURSAR_SCREENSHOTS="$PWD/$folder" cargo test --locked --test it -- pictures_are_made_of_every_page
echo "$(find "$folder" -name '*.png' | wc -l) pictures in $folder"

if [ "${1:-}" = --docs ]; then
    command -v pngquant >/dev/null || { echo "pngquant is not installed: apt-get install pngquant" >&2; exit 1; }
    while read -r picture name; do
        pngquant --force --strip --quality 70-95 --speed 1 --output "docs/images/$name.png" "$folder/$picture-top.png"
    done <<'END'
overview-light-1440 overview
site-trends-dark-1440 trends
site-seats-light-1440 seats
site-releases-dark-390 releases-narrow
END
fi
