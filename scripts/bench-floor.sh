#!/bin/sh
# Compares the library with the least that a sealed cookie can cost, and with a peer.
# Needs a C compiler; the library itself does not.
set -eu
cd "$(dirname "$0")/../benches/floor"
exec cargo run --release --quiet "$@"
