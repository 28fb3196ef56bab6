#!/bin/sh
# bench-floor.sh [--scaling] [--quick]
# Compares the library with the least that a sealed cookie can cost, and with a peer; then
# prints what further threads add. --scaling prints the latter alone, --quick shortens it.
# Needs a C compiler; the library itself does not.
set -eu
cd "$(dirname "$0")/../benches/floor"
exec cargo run --release --quiet -- "$@"
