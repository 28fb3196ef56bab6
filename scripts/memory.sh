#!/usr/bin/env bash
# Keys are gone from memory after they were dropped, unoptimised and optimised, with each
# provider of the AEAD.
. "$(dirname "$0")/lib.sh"
say "secrets in memory"
cargo test --quiet --features aws-lc --test memory -- --nocapture
cargo test --quiet --release --features aws-lc --test memory -- --nocapture
