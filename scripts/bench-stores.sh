#!/usr/bin/env bash
# How much longer a request takes with its session in a store than with it in the cookie.
# Stores whose server is not installed are left out.
. "$(dirname "$0")/lib.sh"
say "stores against the cookie"
cargo bench --quiet --all-features --bench stores
