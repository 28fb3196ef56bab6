#!/usr/bin/env bash
# Keys are gone from memory after they were dropped, unoptimised and optimised.
. "$(dirname "$0")/lib.sh"
say "secrets in memory"
cargo test --quiet --test memory -- --nocapture
cargo test --quiet --release --test memory -- --nocapture
