#!/bin/bash
# Checks the files for Kubernetes against its schemas, by kubernetes-validate from PyPI (which carries them).
#
#   deploy/kubernetes/verify.sh [VERSION...]     of Kubernetes (default: one of two years ago, and a new one)
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
versions=("$@")
[ ${#versions[@]} -gt 0 ] || versions=(1.30 1.37)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install kubernetes-validate==1.37.0
for version in "${versions[@]}"; do
    "$work/venv/bin/kubernetes-validate" --strict --kubernetes-version "$version" "$here"/*.yaml
done
