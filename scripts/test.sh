#!/usr/bin/env bash
# Every check, one script each. A person runs the same thing as CI.
. "$(dirname "$0")/lib.sh"
for check in fmt clippy docs lean stores tests shops compare vectors interop foreign browser express \
    fuzz fleet memory constant-time compression supply; do
    bash "scripts/$check.sh"
done
bash scripts/mutants.sh --ci
bash scripts/load.sh 30
say "all checks passed"
