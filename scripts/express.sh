#!/usr/bin/env bash
# express-session, cookie-session and this library run the same shop beside each other.
#
#   scripts/express.sh             what they do, compared with what was recorded
#   scripts/express.sh --record    also sizes and requests per second; writes
#                                  tests/express/record.json and what is made of it
#
# Servers listen on free ports of 127.0.0.1 and end with this script. Needs node 20 or
# later, npm and its registry, and redis-server; to record, also wrk and two cores. ROUNDS
# sets the number of rounds for speed.
. "$(dirname "$0")/lib.sh"
say "Express beside us"
need node nodejs && need npm npm || {
    skip express "node or npm is not installed"
    exit 0
}
major=$(node -p 'process.versions.node.split(".")[0]')
[ "$major" -ge 20 ] || {
    skip express "node $major is older than 20"
    exit 0
}
need redis-server redis-server || {
    skip express "redis-server is not installed"
    exit 0
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
npm ci --prefix tests/express --ignore-scripts --no-audit --no-fund >"$log" 2>&1 || {
    cat "$log" >&2
    skip express "npm cannot install the packages"
    exit 0
}
# One target folder, so that what the library's own checks built serves here too.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
build() { cargo build --quiet --manifest-path tests/express/ours/Cargo.toml "$@"; }
program=sealed-session-beside-express

case "${1:-}" in
--record)
    need wrk wrk || {
        skip express "wrk is not installed"
        exit 0
    }
    build --release
    SHOP="$CARGO_TARGET_DIR/release/$program" node tests/express/drive.js record
    ;;
'')
    node tests/express/drive.js pages
    build
    export SHOP="$CARGO_TARGET_DIR/debug/$program"
    # Some rows wait in real time, for other programs: a difference must show twice.
    node tests/express/drive.js check || node tests/express/drive.js check
    ;;
*)
    echo "usage: scripts/express.sh [--record]" >&2
    exit 2
    ;;
esac
