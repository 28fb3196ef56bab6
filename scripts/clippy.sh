#!/usr/bin/env bash
# No warning in any target, without features and with all of them.
. "$(dirname "$0")/lib.sh"
say "clippy"
cargo clippy --quiet --workspace --all-targets -- -D warnings
cargo clippy --quiet --workspace --all-targets --all-features -- -D warnings
