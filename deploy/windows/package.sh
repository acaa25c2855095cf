#!/bin/bash
# Makes the zip for Windows: bursar.exe, settings to start from, install.ps1, the license. Prints its path.
#
#   deploy/windows/package.sh [bursar.exe]     by default the one that build.sh builds
#
# Equal files make an equal zip: times are those of SOURCE_DATE_EPOCH, or of the last commit. Needs python3.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
exe=${1:-}
[ -n "$exe" ] || exe=$("$here/build.sh")
[ -s "$exe" ] || {
    echo "$exe is not a program" >&2
    exit 1
}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -1)
epoch=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct)}
out=${OUT:-$root/target}
mkdir -p "$out"
python3 - "$out/bursar-$version-windows-x86_64.zip" "$epoch" "$version" "$exe=bursar.exe" \
    "$here/bursar.yaml=bursar.yaml" "$here/install.ps1=install.ps1" "$root/LICENSE=LICENSE.txt" \
    "$root/docs/install.md=install.md" <<'PYTHON'
import sys, time, zipfile

name, epoch, version, *files = sys.argv[1:]
when = time.gmtime(int(epoch))[:6]
with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
    for file in files:
        path, inside = file.rsplit("=", 1)
        data = open(path, "rb").read()
        # Notepad of old Windows and PowerShell read these.
        if not inside.endswith(".exe"):
            data = data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        entry = zipfile.ZipInfo(f"bursar-{version}/{inside}", when)
        entry.external_attr, entry.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
        out.writestr(entry, data)
print(name)
PYTHON
