#!/usr/bin/env bash
# No warning in any target, without features and with all of them.
. "$(dirname "$0")/lib.sh"
say "clippy"
cargo clippy --quiet --all-targets -- -D warnings
cargo clippy --quiet --all-targets --all-features -- -D warnings
