#!/usr/bin/env bash
# Every check, one script each. A person runs the same thing as CI.
. "$(dirname "$0")/lib.sh"
for check in fmt clippy docs lean stores tests compare vectors interop; do
    bash "scripts/$check.sh"
done
say "all checks passed"
