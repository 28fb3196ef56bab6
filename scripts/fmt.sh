#!/usr/bin/env bash
# Formatting is rustfmt's.
. "$(dirname "$0")/lib.sh"
say "format"
cargo fmt --all --check
