#!/usr/bin/env bash
# The attack on compression: what it recovers where, in characters and requests.
. "$(dirname "$0")/lib.sh"
say "the attack on compression"
cargo test --quiet --release --test compression_attack -- --nocapture
