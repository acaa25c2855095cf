#!/bin/bash
# Builds the package for Debian and prints its path.
#
#   deploy/debian/build.sh             builds the program, and the package
#   BINARY=path/to/bursar deploy/debian/build.sh
#                                      packages a program that is there already
#
# Needs: cargo install --locked cargo-deb
#
# Environment:
#   BINARY    program to package (default: cargo build --profile dist)
#   REVISION  the package's revision (default 1)
#   OUT       folder or file to write (default target/debian)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
command -v cargo-deb >/dev/null || {
    echo "cargo-deb not found: cargo install --locked cargo-deb" >&2
    exit 1
}
binary=${BINARY:-}
if [ -z "$binary" ]; then
    cargo build --locked --profile dist --bin bursar >&2
    binary=${CARGO_TARGET_DIR:-$root/target}/dist/bursar
fi

made=$root/target/debian
rm -rf "$made/man" "$made/completions"
mkdir -p "$made/man" "$made/completions" "${OUT:-$made}"
[ "$binary" -ef "$made/bursar" ] || install -m 0755 "$binary" "$made/bursar"
strip --strip-all "$made/bursar"
"$made/bursar" man --folder "$made/man"
"$made/bursar" completions bash >"$made/completions/bursar"
"$made/bursar" completions zsh >"$made/completions/_bursar"
"$made/bursar" completions fish >"$made/completions/bursar.fish"
cargo deb --no-build --no-strip --deb-revision "${REVISION:-1}" --output "${OUT:-$made}" | tail -1
