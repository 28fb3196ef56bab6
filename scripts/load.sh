#!/usr/bin/env bash
# Sustained load with rotations, revocations and store restarts, then hostile load, for
# SECONDS each: 600 by hand, optimised; less in CI, from the build that the tests have.
. "$(dirname "$0")/lib.sh"
export LOAD_SECONDS=${1:-600}
say "load for $LOAD_SECONDS seconds each"
need redis-server redis-server || skip load "redis-server is not to be had"
profile=()
[ "$LOAD_SECONDS" -lt 300 ] || profile=(--release)
cargo test --quiet "${profile[@]}" --features _stories,_servers,example-axum,store-memory,store-redis \
    --test load -- --nocapture --test-threads 1
