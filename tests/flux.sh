#!/usr/bin/env bash
# Every query of the dashboards for InfluxDB 2 by InfluxData's own parser and type checker of Flux, from npm: there is no
# Debian package of a server that runs it.
set -euo pipefail
cd "$(dirname "$0")/.."
dashboards=$PWD/deploy/grafana/dashboards/flux
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit @influxdata/flux-lsp-node@0.8.40
cat >check.cjs <<'END'
const fs = require('fs');
const { is_valid_flux } = require('@influxdata/flux-lsp-node');
const folder = process.argv[2];
const v = 'option v = {timeRangeStart: -1d, timeRangeStop: now(), windowPeriod: 1h}\n';
if (is_valid_flux('from(bucket: "a") |> no_such_step()') || is_valid_flux('from(bucket: "a"')) {
  throw new Error('the checker takes everything');
}
let checked = 0, wrong = 0;
const check = (title, query) => {
  checked += 1;
  if (!is_valid_flux(query)) { wrong += 1; console.error(`${title}:\n${query}`); }
};
for (const file of fs.readdirSync(folder)) {
  const board = JSON.parse(fs.readFileSync(`${folder}/${file}`));
  for (const panel of board.panels) {
    for (const { query } of panel.targets) {
      check(`${file}: ${panel.title}`, v + query.replaceAll('${site:regex}', '(prod|test)'));
    }
  }
  check(`${file}: sites`, board.templating.list[0].query);
}
console.log(`${checked} queries of Flux, ${wrong} wrong`);
process.exit(wrong > 0 || checked < 30 ? 1 : 0);
END
node check.cjs "$dashboards"
