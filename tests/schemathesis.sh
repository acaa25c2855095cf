#!/usr/bin/env bash
# The API of the demo against its OpenAPI document, by schemathesis (PyPI): no answer of 5xx, each by its schema.
# EXAMPLES=100 by default, of each path.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --locked
folder=$(mktemp -d)
demo=
trap '[ -z "$demo" ] || kill "$demo"; wait; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q install schemathesis==4.32.5

mkdir "$folder/demo"
target/debug/bursar demo --speed 1 --port 0 --level error --dir "$folder/demo" >"$folder/said" 2>&1 &
demo=$!
page=
for _ in $(seq 300); do
    page=$(sed -n 's|^ *page  *\(http://[^ ]*\).*|\1|p' "$folder/said" | head -n 1)
    [ -z "$page" ] || break
    kill -0 "$demo" || { cat "$folder/said"; exit 1; }
    sleep 0.2
done
[ -n "$page" ] || { echo "the demo names no page:"; cat "$folder/said"; exit 1; }
base=${page%/}/api/v1
# Until the seats are there.
for _ in $(seq 300); do
    curl -s "$base/sites/default/seats?limit=1" | grep -q '"total":[1-9]' && break
    sleep 0.2
done
"$folder/venv/bin/schemathesis" run "$base/openapi.json" --url "$base" --max-examples "${EXAMPLES:-100}" --seed 1 \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,negative_data_rejection
