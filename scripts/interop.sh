#!/usr/bin/env bash
# Runs the second implementation of SSC1, tests/interop/ssc1.py, which was written from
# docs/SPEC.md and docs/SPEC-STORE.md alone: against every vector, then against the library in
# both directions.
#
# Needs python3 (3.11 or later) and its package `pycryptodome`, which is installed into a
# temporary environment when it is missing. Without them it is skipped, except under CI=true,
# where that is a failure.
source "$(dirname "$0")/lib.sh"

temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT

usable() {
    "$1" -c 'import tomllib
from Crypto.Cipher import AES' 2>>"$temp/log"
}

find_python() {
    reason="there is no python3"
    command -v python3 >/dev/null || return 1
    python=python3
    usable "$python" && return 0
    reason="the Python package pycryptodome is missing and cannot be installed, or Python is older than 3.11"
    echo "installing the Python package pycryptodome into a temporary environment"
    python3 -m venv "$temp/venv" >>"$temp/log" 2>&1 || return 1
    python="$temp/venv/bin/python"
    "$python" -m pip install --quiet pycryptodome >>"$temp/log" 2>&1 || return 1
    usable "$python"
}

find_python || {
    [ "${CI:-}" != true ] || cat "$temp/log" >&2
    skip interop "$reason"
    exit 0
}
export PYTHONDONTWRITEBYTECODE=1

say "every vector, in Python"
"$python" tests/interop/check.py

say "Python and the library open what the other seals"
cargo build -q --features store-sqlite --example sealed-session
library="${CARGO_TARGET_DIR:-target}/debug/examples/sealed-session"
"$python" tests/interop/cross.py "$library"

say "Python and the library judge ring files alike"
"$python" tests/interop/rings.py "$library"
