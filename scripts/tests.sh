#!/usr/bin/env bash
# Tests bare, and with all features; and each feature builds alone. What needs servers is
# in stores.sh.
. "$(dirname "$0")/lib.sh"
say "tests without features"
cargo test --quiet
say "tests of the derive macros"
cargo test --quiet -p sealed-session-derive
# Those that the project's own checks need build with them.
features=$(cargo metadata --no-deps --format-version 1 | python3 -c '
import json, sys
packages = {package["name"]: package for package in json.load(sys.stdin)["packages"]}
features = packages["sealed-session"]["features"]
print(*(f for f in features if f != "default" and not f.startswith(("_", "example-"))))')
for feature in $features; do
    say "builds with $feature alone"
    cargo check --quiet --features "$feature"
done
say "tests with all features"
offline=()
for test in tests/*.rs tests/*/main.rs; do
    name=${test#tests/} name=${name%.rs} name=${name%/main}
    case $name in stores_* | faults | load | soak | '*') ;; *) offline+=(--test "$name") ;; esac
done
# The program that the tests of the command line run: `cargo test` with a choice of tests
# leaves the one without features in its place.
cargo build --quiet --all-features --example sealed-session
cargo test --quiet --all-features --lib --examples "${offline[@]}"
cargo test --quiet --all-features --doc
