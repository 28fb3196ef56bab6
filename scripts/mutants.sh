#!/usr/bin/env bash
# Mutation testing: changes one thing of the code after the other, and asks whether a test
# notices. `--ci` does the smallest files with their unit tests; without it, everything
# that holds a promise, which takes hours.
#
# scripts/mutants.sh [--ci] [FILE...]
. "$(dirname "$0")/lib.sh"
say "mutation testing"
need_cargo cargo-mutants || {
    skip "mutation testing" "cargo-mutants is not installed and cannot be built"
    exit 0
}
tests=(--lib --test sessions --test vectors --test parallel)
files=(src/token.rs src/crypto.rs src/expiry.rs src/cookie/reader.rs
    'src/keys/*.rs' 'src/codec/*.rs' 'src/manager/*.rs')
if [ "${1:-}" = --ci ]; then
    shift
    tests=(--lib)
    files=(src/crypto.rs)
fi
[ $# = 0 ] || files=("$@")
out=${MUTANTS_OUT:-${CARGO_TARGET_DIR:-target}/mutants}
mkdir -p "$out"
arguments=()
for file in "${files[@]}"; do arguments+=(--file "$file"); done
for test in "${tests[@]}"; do arguments+=("--cargo-arg=$test"); done
# Its own copy of the project and its own build folder.
env -u CARGO_TARGET_DIR cargo mutants --no-shuffle --colors never --output "$out" "${arguments[@]}"
