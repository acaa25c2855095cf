# The commands CI runs, by name.

default:
    @just --list

# Everything CI runs.
ci:
    bash .ci/run

# All tests, with real servers.
test *args:
    tests/run.sh {{args}}

lint:
    cargo fmt --check
    cargo clippy --locked --all-targets -- -D warnings

# Writes the generated files anew: docs/configuration.md, config/bursar.schema.json, docs/events.md,
# docs/events/*.schema.json, docs/templates-reference.md.
generate:
    UPDATE_GENERATED=1 cargo test --test it -- config:: templates:: payloads::

demo:
    cargo run --release -- demo
