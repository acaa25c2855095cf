#!/bin/bash
# Builds bursar.exe for 64-bit Windows on Debian 12, from Debian's packages alone.
#
#   deploy/windows/build.sh            fetches the tools if needed, builds, prints the path
#   deploy/windows/build.sh --tools    only fetches the tools and shows their versions
#
# Where rustup can add the target x86_64-pc-windows-gnu, that is all it takes, with mingw-w64. This
# script is for computers where it can't: it builds the standard library from its sources with
# Debian's newer compiler (the "-web" packages). Those conflict with rustup when installed, so they
# are only unpacked into a folder.
#
# Needs: apt-get install mingw-w64 libgit2-1.5 libedit2 libz3-4
#
# Environment:
#   TOOLS             where the compiler is unpacked (default target/windows-tools)
#   CARGO_TARGET_DIR  where to build (default target/windows, away from the native builds: the
#                     compiler is another one)
#   RUST_WEB_STD      package of the compiler's libraries; its name carries the version
#   LLVM              package of the LLVM library that the compiler is linked with
#   PROFILE           cargo profile (default dist)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
tools=${TOOLS:-$root/target/windows-tools}
rust_web_std=${RUST_WEB_STD:-libstd-rust-web-1.96}
llvm=${LLVM:-libllvm22}
profile=${PROFILE:-dist}
target=x86_64-pc-windows-gnu
mingw=x86_64-w64-mingw32

die() {
    echo "$*" >&2
    exit 1
}

fetch_tools() {
    [ ! -e "$tools/complete" ] || return 0
    command -v dpkg-deb >/dev/null || die "dpkg-deb not found: this script is for Debian"
    rm -rf "$tools"
    mkdir -p "$tools/packages"
    # All of one version: rustc and its libraries must be of the same build.
    local version
    version=$(apt-cache madison rustc-web | awk -F' *[|] *' 'NR == 1 { print $2 }')
    [ -n "$version" ] || die "no package rustc-web: run apt-get update on Debian 12"
    (
        cd "$tools/packages"
        apt-get download -q "rustc-web=$version" "cargo-web=$version" "$rust_web_std=$version" \
            "libstd-rust-web-dev=$version" "rust-web-src=$version" "$llvm"
    ) >&2
    local package
    for package in "$tools"/packages/*.deb; do
        dpkg-deb -x "$package" "$tools"
    done
    rm -rf "$tools/packages"
    touch "$tools/complete"
}

use_tools() {
    export PATH="$tools/usr/bin:$PATH"
    export LD_LIBRARY_PATH="$tools/usr/lib:$tools/usr/lib/x86_64-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
    export RUSTC="$tools/usr/bin/rustc"
    # No wrapper or toolchain choice of the caller's.
    unset RUSTUP_TOOLCHAIN RUSTC_WRAPPER RUSTFLAGS
    "$RUSTC" --version >&2 || die "the unpacked compiler does not start: apt-get install libedit2 libz3-4"
    cargo --version >&2 || die "the unpacked cargo does not start: apt-get install libgit2-1.5"
    [ -e "$("$RUSTC" --print sysroot)/lib/rustlib/src/rust/library/Cargo.lock" ] ||
        die "the sources of the standard library are not where cargo looks for them"
}

fetch_tools
use_tools
[ "${1:-}" != --tools ] || exit 0
[ $# -eq 0 ] || die "unknown argument $1; see the head of $0"
command -v "$mingw-gcc" >/dev/null || die "$mingw-gcc not found: apt-get install mingw-w64"

# Building the standard library is an unstable feature of cargo; this lets a stable one do it.
export RUSTC_BOOTSTRAP=1
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target/windows}
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=$mingw-gcc
# For the C parts: SQLite and ring.
export CC_x86_64_pc_windows_gnu=$mingw-gcc
export AR_x86_64_pc_windows_gnu=$mingw-ar

cd "$root"
cargo build --locked -Zbuild-std=std,panic_unwind --target "$target" --profile "$profile" --bin bursar >&2
folder=$profile
[ "$profile" != dev ] || folder=debug
echo "$CARGO_TARGET_DIR/$target/$folder/bursar.exe"
