#!/bin/bash
# Makes a release in target/release-files: program, packages, list of parts, sums. The same commit is to give the same
# bytes, wherever it is built: --twice proves it.
#
#   deploy/release.sh             everything that can be made here
#   deploy/release.sh --twice     also builds the program in another folder, and compares
#   deploy/release.sh --program   only the program (with --twice: the proof alone)
#
# Needs: cargo install --locked cargo-auditable cargo-cyclonedx cargo-deb
# The zip for Windows is made where deploy/windows/build.sh can build (WINDOWS=1).
#
# Environment:
#   PROFILE   cargo profile (default dist, what is shipped)
#   DIRTY=1   changes that are not committed may be in it: for trials
#   WINDOWS=1 the zip for Windows, too
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
profile=${PROFILE:-dist}
twice='' program_only=''
for argument in "$@"; do
    case $argument in
    --twice) twice=1 ;;
    --program) program_only=1 ;;
    *)
        echo "unknown argument $argument; see the head of $0" >&2
        exit 1
        ;;
    esac
done
die() {
    echo "$*" >&2
    exit 1
}
needs=(cargo-auditable)
[ -n "$program_only" ] || needs+=(cargo-cyclonedx cargo-deb)
for tool in "${needs[@]}"; do
    command -v "$tool" >/dev/null || die "$tool not found: cargo install --locked $tool"
done
cd "$root"
[ -n "${DIRTY:-}" ] || [ -z "$(git status --porcelain)" ] || die "there are changes that are not committed"

host=$(rustc -vV | sed -n 's/^host: //p')
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export LC_ALL=C TZ=UTC
folder=$profile
[ "$profile" != dev ] || folder=debug

# Builds the program of the sources in $1 into the folder $2, with no path of this computer in it, and prints where it is.
program() {
    local source=$1 target=$2 home
    home=${CARGO_HOME:-$HOME/.cargo}
    local separator=$'\x1f' flags=(
        "--remap-path-prefix=$home=/cargo"
        "--remap-path-prefix=$(rustc --print sysroot)=/rustc"
        "--remap-path-prefix=$target=/target"
        "--remap-path-prefix=$source=/bursar"
        -Ctarget-feature=+crt-static
    )
    local joined
    joined=$(printf "%s$separator" "${flags[@]}")
    # The C parts name their files in what they assert.
    local maps="-ffile-prefix-map=$home=/cargo -ffile-prefix-map=$target=/target -ffile-prefix-map=$source=/bursar"
    (
        cd "$source"
        unset RUSTFLAGS
        CARGO_ENCODED_RUSTFLAGS=${joined%"$separator"} CFLAGS="${CFLAGS:-} $maps" CARGO_TARGET_DIR=$target \
            cargo auditable build --locked --profile "$profile" --bin bursar --target "$host" >&2
    )
    echo "$target/$host/$folder/bursar"
}

sum() { sha256sum "$1" | cut -d' ' -f1; }

binary=$(program "$root" "$root/target/reproducible")
echo "program $(sum "$binary")" >&2
if grep -aq -e "$root" -e "${CARGO_HOME:-$HOME/.cargo}" "$binary"; then
    die "$binary names folders of this computer"
fi

if [ -n "$twice" ]; then
    other=$(mktemp -d)
    trap 'rm -rf "$other"' EXIT
    mkdir -p "$other/another folder"
    git ls-files -z | tar --null --files-from=- -cf - | tar -xf - -C "$other/another folder"
    again=$(program "$other/another folder" "$other/target")
    echo "again   $(sum "$again")" >&2
    cmp "$binary" "$again" || die "the two builds differ"
    echo "two builds in two folders are equal" >&2
fi
if [ -n "$program_only" ]; then
    echo "$binary"
    exit
fi

out=$root/target/release-files
rm -rf "$out"
mkdir -p "$out"

# The archive for any Linux.
name=bursar-$version-linux-$(uname -m)
stage=$(mktemp -d)
trap 'rm -rf "$stage" ${other:+"$other"}' EXIT
mkdir -p "$stage/$name/man" "$stage/$name/completions"
install -m 0755 "$binary" "$stage/$name/bursar"
"$binary" man --folder "$stage/$name/man"
for shell in bash zsh fish; do "$binary" completions "$shell" >"$stage/$name/completions/bursar.$shell"; done
# What is under version control: deploy/certificates may hold somebody's private key.
mapfile -d '' -t files < <(git ls-files -z README.md CHANGELOG.md LICENSE docs config deploy)
tar -cf - "${files[@]}" | tar -xf - -C "$stage/$name"
chmod -R u=rwX,go=rX "$stage/$name"
tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner -C "$stage" -cf - "$name" |
    gzip -9n >"$out/$name.tar.gz"

BINARY=$binary OUT=$out deploy/debian/build.sh >/dev/null
[ -z "${WINDOWS:-}" ] || OUT=$out deploy/windows/package.sh "$(PROFILE=$profile deploy/windows/build.sh)" >/dev/null

# What it is made of, without what would differ each time.
cargo cyclonedx --quiet --format json --override-filename bursar-sbom >&2
python3 - bursar-sbom.json "$out/bursar-$version.cdx.json" "$SOURCE_DATE_EPOCH" "$root" <<'PYTHON'
import datetime, json, os, sys

source, target, epoch, root = sys.argv[1:]
text = open(source).read().replace(root, "/bursar")
parts = json.loads(text)
parts.pop("serialNumber", None)
when = datetime.datetime.fromtimestamp(int(epoch), datetime.timezone.utc)
parts["metadata"]["timestamp"] = when.strftime("%Y-%m-%dT%H:%M:%SZ")
with open(target, "w") as out:
    json.dump(parts, out, indent=1, sort_keys=True)
    out.write("\n")
os.remove(source)
PYTHON

(cd "$out" && sha256sum -- * >SHA256SUMS)
cat "$out/SHA256SUMS"
