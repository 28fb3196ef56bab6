#!/usr/bin/env bash
# Every check, one script each. A person runs the same thing as CI.
. "$(dirname "$0")/lib.sh"
SKIPPED_LIST=$(mktemp)
export SKIPPED_LIST
trap 'rm -f "$SKIPPED_LIST"' EXIT
for check in fmt clippy docs lean stores tests shops compare vectors interop foreign browser express \
    fuzz fleet memory constant-time compression supply; do
    bash "scripts/$check.sh"
done
bash scripts/mutants.sh --ci
bash scripts/load.sh 30
if [ -s "$SKIPPED_LIST" ]; then
    say "all other checks passed; skipped were"
    cat "$SKIPPED_LIST"
else
    say "all checks passed"
fi
