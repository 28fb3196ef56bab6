#!/usr/bin/env bash
# Tests bare, with each feature alone, and with all.
. "$(dirname "$0")/lib.sh"
say "tests without features"
cargo test --quiet
features=$(cargo metadata --no-deps --format-version 1 |
    python3 -c 'import json,sys; print(*(f for f in json.load(sys.stdin)["packages"][0]["features"] if f != "default"))')
for feature in $features; do
    say "builds with $feature alone"
    cargo check --quiet --features "$feature"
done
if [ -n "$features" ]; then
    # Tests of a store whose server is missing say so, and fail under CI=true.
    need redis-server redis-server redis-tools openssl || true
    say "tests with all features"
    cargo test --quiet --all-features
fi
