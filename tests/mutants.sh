#!/usr/bin/env bash
# Mutants of what decides about a seat: cargo-mutants changes one thing at a time, and what no unit test notices is
# missed. Hours; needs `cargo install cargo-mutants`. Not in CI.
#
# A shard a file. It goes on where it was stopped: mutants that were caught before are not tried again, so a second run
# after tests were written tries only the missed ones. `rm -r target/mutants` to begin anew. Names of shards as
# arguments: only these (`tests/mutants.sh rules-glob plan-order`).
set -euo pipefail
cd "$(dirname "$0")/.."
repository=$PWD
out=$repository/target/mutants
tree=$out/tree

# Rules, plan and guards, with the rooms below them, as a library of their own: it builds in seconds and not in minutes.
rooms="form ledger license plain policy who release/guard release/plan release/rules release/text"
crates="chrono chrono-tz clap fastrand gethostname hex icu_normalizer rustix schemars serde serde_json sha2 strsim
  strum thiserror tokio unicode-width uuid insta proptest tempfile"

mkdir -p "$tree/src/release"
rm -rf "$tree/src" "$tree/tests" "$tree/docs" "$tree/proptest-regressions"
mkdir -p "$tree/src/release" "$tree/tests"
for room in $rooms; do
  if [ -d "src/$room" ]; then cp -rp "src/$room" "$tree/src/$room"; else cp -p "src/$room.rs" "$tree/src/$room.rs"; fi
done
cp -r docs "$tree/docs"
cp -r tests/data "$tree/tests/data"
cp Cargo.lock "$tree/Cargo.lock"
{
  echo '#![allow(dead_code, unreachable_pub)]'
  for room in $rooms; do case $room in */*) ;; *) echo "pub mod $room;" ;; esac; done
  echo 'pub mod release { pub mod guard; pub mod plan; pub mod rules; mod text;'
  echo '  pub use plan::{Decision, Keep, Outcome, Plan, TypePlan}; }'
} > "$tree/src/lib.rs"
{
  printf '[package]\nname = "bursar"\nversion = "0.1.0"\nedition = "2024"\npublish = false\n\n[workspace]\n\n[dependencies]\n'
  for crate in $crates; do grep -m1 -E "^$crate = " Cargo.toml; done
  printf '\n[profile.dev]\ndebug = false\nopt-level = 1\n'
} > "$tree/Cargo.toml"

export INSTA_UPDATE=no
missed=0
# try NAME FOLDER FILE [OPTION...]
try() {
  local name=$1 folder=$2 file=$3
  shift 3
  if [ -n "$wanted" ] && [[ " $wanted " != *" $name "* ]]; then return; fi
  if [ -e "$out/$name/done" ]; then return; fi
  mkdir -p "$out/$name"
  echo "== $file"
  if cargo mutants --dir "$folder" -f "$file" -o "$out/$name" --iterate --baseline skip --timeout "${BURSAR_MUTANTS_TIMEOUT:-120}" \
    --colors never "$@"; then
    touch "$out/$name/done"
  else
    missed=1
  fi
}
wanted=$*

for file in $(cd "$tree" && find src/release -name '*.rs' ! -path '*/tests/*' ! -name tests.rs ! -name text.rs | sort); do
  name=${file#src/release/}
  name=${name%.rs}
  name=${name%/mod}
  try "${name//\//-}" "$tree" "$file" --in-place -- --lib -- release:: policy::
done

# These need the store and the site's client: each mutant builds the whole library.
for name in verdict verify settle; do
  try "$name" "$repository" "src/release/$name.rs" -- --lib -- release::
done

cat "$out"/*/mutants.out/missed.txt "$out"/*/mutants.out/timeout.txt 2> /dev/null || true
exit $missed
