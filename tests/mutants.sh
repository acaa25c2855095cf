#!/usr/bin/env bash
# Mutants of what decides about a seat: cargo-mutants names what may be changed, one thing at a time; all are built into
# one program (tests/mutants), and the unit tests run once for each. What none of them notices is missed. Half an hour;
# needs `cargo install cargo-mutants`. Not in CI.
#
# Stopped, it goes on where it was: what was caught is not tried again, so a second run after tests were written tries
# only the missed ones. `rm -r target/mutants` to begin anew. Files as arguments: only these.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$PWD/target/mutants
tree=$out/tree

if [ $# -gt 0 ]; then
  files=("$@")
else
  mapfile -t files < <(find src/release/{rules,guard,plan} -name '*.rs' ! -path '*/tests/*' ! -name tests.rs | sort)
  files+=(src/release/{verdict,verify,settle}.rs)
fi
chosen=()
for file in "${files[@]}"; do chosen+=(-f "$file"); done

rm -rf "$tree"
mkdir -p "$tree"
git ls-files -z --cached --others --exclude-standard | tar --null -cT - | tar -xC "$tree"
printf 'pub(crate) mod mutant;\n' >> "$tree/src/lib.rs"
sed -i '1s/^/#![allow(warnings, clippy::all)]\n/' "$tree/src/lib.rs"
# Optimised a little, the tests take a third of the time.
printf '\n[profile.dev.package.bursar]\nopt-level = 1\n' >> "$tree/Cargo.toml"
cat > "$tree/src/mutant.rs" << 'RUST'
/// Whether this mutant is the chosen one.
pub(crate) fn is(number: usize) -> bool {
    static CHOSEN: std::sync::LazyLock<usize> = std::sync::LazyLock::new(|| {
        std::env::var("BURSAR_MUTANT").ok().and_then(|text| text.parse().ok()).unwrap_or(0)
    });
    *CHOSEN == number
}
RUST
cargo mutants --list --json "${chosen[@]}" > "$out/list.json"
CARGO_TARGET_DIR=$out/tool cargo build -q --locked --manifest-path tests/mutants/Cargo.toml
# The quick tests first.
quick="release::rules release::plan release::guard release::verdict release::verify policy:: --skip properties"
CARGO_TARGET_DIR=$out/target "$out/tool/debug/mutants" "$tree" "$out/list.json" "$out" \
  "$quick" "release:: policy::"
