#!/usr/bin/env bash
# A fleet of servers, simulated for days: no live session refused, no ended one accepted.
# FLEET_REQUESTS=20000000 for a long run, FLEET_SEED for another one.
. "$(dirname "$0")/lib.sh"
say "a simulated fleet"
FLEET_REQUESTS=${FLEET_REQUESTS:-2000000} \
    cargo test --quiet --release --test fleet -- --nocapture --test-threads=1
