#!/usr/bin/env bash
# Whether the time of a refusal tells how much of a forgery was right. Prints Welch's t.
# TIMING_SAMPLES=1000000 for a closer look.
. "$(dirname "$0")/lib.sh"
say "side channels"
cargo test --quiet --release --features aws-lc --test constant_time -- --nocapture --test-threads=1
