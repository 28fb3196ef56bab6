#!/bin/sh
# Computes the vectors again from the specification, compares them with the committed ones,
# and runs them against the library.
#
# Needs python3 and its package `cryptography`, which is installed into a temporary environment
# when it is missing. Without them the comparison is skipped, except under CI=true, where that
# is a failure.
set -eu

cd "$(dirname "$0")/.."
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
trap 'exit 1' HUP INT TERM

has_cryptography() {
    "$1" -c 'from cryptography.hazmat.primitives.ciphers.aead import AESGCM' 2>/dev/null
}

find_python() {
    command -v python3 >/dev/null 2>&1 || {
        reason="there is no python3"
        return 1
    }
    python=python3
    has_cryptography "$python" && return 0
    reason="the Python package cryptography is missing and cannot be installed"
    echo "installing the Python package cryptography into a temporary environment"
    python3 -m venv "$temp/venv" >"$temp/log" 2>&1 || return 1
    python="$temp/venv/bin/python"
    "$python" -m pip install --quiet cryptography >>"$temp/log" 2>&1 || return 1
    has_cryptography "$python"
}

export PYTHONDONTWRITEBYTECODE=1
if find_python; then
    mkdir "$temp/vectors"
    "$python" tests/vectors/generate.py "$temp/vectors"
    for committed in tests/vectors/*.json; do
        test -e "$temp/vectors/${committed##*/}" || {
            echo "$committed is not made by generate.py" >&2
            exit 1
        }
    done
    for made in "$temp"/vectors/*.json; do
        diff -u "tests/vectors/${made##*/}" "$made" >"$temp/diff" || {
            head -n 40 "$temp/diff" >&2
            echo "tests/vectors/${made##*/} is not what generate.py computes" >&2
            exit 1
        }
    done
    echo "the committed vectors are those of generate.py"
elif [ "${CI:-}" = true ]; then
    echo "the vectors cannot be computed again: $reason" >&2
    test ! -e "$temp/log" || cat "$temp/log" >&2
    exit 1
else
    echo "skipped computing the vectors again: $reason"
fi

# With each provider of the AEAD.
cargo test --features aws-lc --test vectors -- --nocapture
# Opening a record is no part of the public interface.
cargo test --features aws-lc --lib vectors
