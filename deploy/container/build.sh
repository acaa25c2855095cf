#!/bin/bash
# Builds the container image with Buildah: no engine, no daemon, no privileges beyond chroot.
#
#   deploy/container/build.sh                     everything inside, from the rust image
#   BINARY=path/to/bursar deploy/container/build.sh
#                                                 a static binary that is there already: needs no
#                                                 base image and no registry
#   deploy/container/build.sh --binary-only       only makes the static binary and prints its path
#
# Environment:
#   TAG          name of the image (default localhost/bursar:latest)
#   BUILD_IMAGE  image with Rust for the build stage
#   CA_FILE      certificate authorities to put in with BINARY (default: this computer's)
#   ARCHIVE      where to write the image as an OCI archive, if anywhere
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
tag=${TAG:-localhost/bursar:latest}
binary=${BINARY:-}
ca_file=${CA_FILE:-/etc/ssl/certs/ca-certificates.crt}

die() {
    echo "$*" >&2
    exit 1
}

# The same flags as in the Dockerfile.
build_static() {
    local host
    host=$(rustc -vV | sed -n 's/^host: //p')
    (cd "$root" && RUSTFLAGS="-C target-feature=+crt-static" \
        cargo build --locked --profile dist --bin bursar --target "$host" >&2)
    echo "${CARGO_TARGET_DIR:-$root/target}/$host/dist/bursar"
}

if [ "${1:-}" = --binary-only ]; then
    build_static
    exit
fi
[ $# -eq 0 ] || die "unknown argument $1; see the head of $0"
command -v buildah >/dev/null || die "buildah not found: apt-get install buildah"

# HEALTHCHECK is a thing of Docker's image format; the OCI format drops it. chroot isolation and
# the vfs driver work without user namespaces and without an overlay file system.
options=(
    --isolation chroot
    --format docker
    --file "$root/Dockerfile"
    --ignorefile "$root/.dockerignore"
    --tag "$tag"
)
[ -z "${BUILD_IMAGE:-}" ] || options+=(--build-arg "BUILD_IMAGE=$BUILD_IMAGE")

if [ -n "$binary" ]; then
    [ -x "$binary" ] || die "$binary is not a program"
    if ldd "$binary" 2>/dev/null | grep -q '=>'; then
        die "$binary is linked dynamically and would not start in an empty image; use --binary-only"
    fi
    # Stands in for the build stage: the same two trees.
    stage=$(mktemp -d)
    trap 'rm -rf "$stage"' EXIT
    install -D -m 0755 "$binary" "$stage/out/usr/bin/bursar"
    install -D -m 0644 "$ca_file" "$stage/out/etc/ssl/certs/ca-certificates.crt"
    install -d -m 0755 "$stage/out/etc/bursar"
    printf 'bursar:x:10001:0::/var/lib/bursar:/\n' >"$stage/out/etc/passwd"
    printf 'root:x:0:\n' >"$stage/out/etc/group"
    install -d -m 0770 "$stage/state/bursar"
    options+=(--pull-never --build-context "build=$stage")
fi

buildah --storage-driver vfs build "${options[@]}" "$root"
if [ -n "${ARCHIVE:-}" ]; then
    buildah --storage-driver vfs push "$tag" "docker-archive:$ARCHIVE:$tag"
fi
echo "built $tag"
