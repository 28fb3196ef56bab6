#!/usr/bin/env bash
# The shop and the demo in a real browser: Chromium with profiles of its own, driven by
# tests/browser.
#
#   scripts/browser.sh                        every check
#   scripts/browser.sh --only TEXT            those whose name contains TEXT
#   scripts/browser.sh --screenshots [FOLDER] and pictures of the demo, for people to look at
#                                             (in target/screenshots)
#   scripts/browser.sh --record               and writes tests/evidence anew
. "$(dirname "$0")/lib.sh"
say "in a browser"

arguments=()
while [ $# -gt 0 ]; do
    case $1 in
    --record) mkdir -p tests/evidence && arguments+=(--record "$PWD/tests/evidence") && shift ;;
    --screenshots)
        shift
        folder=target/screenshots
        if [ $# -gt 0 ] && [[ $1 != --* ]]; then folder=$1 && shift; fi
        arguments+=(--screenshots "$(realpath -m "$folder")")
        ;;
    --only) arguments+=(--only "$2") && shift 2 ;;
    *) echo "usage: $0 [--only TEXT] [--screenshots FOLDER] [--record]" >&2 && exit 2 ;;
    esac
done

leave() {
    skip "the checks in a browser" "$1"
    exit 0
}
need chromium chromium || leave "Chromium is not installed"
need node nodejs || leave "Node.js is not installed"
need npm npm || leave "npm is not installed"
node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' || leave "Node.js is older than 20"
if [ ! -e tests/browser/node_modules/.package-lock.json ] ||
    [ tests/browser/package-lock.json -nt tests/browser/node_modules/.package-lock.json ]; then
    npm ci --prefix tests/browser --ignore-scripts --no-audit --no-fund --silent ||
        leave "the packages of tests/browser cannot be had"
fi

cargo build --quiet --example demo --example axum_0_8 --features example-axum,store-memory
built=$(cargo metadata --no-deps --format-version 1 |
    node -e 'process.stdin.toArray().then((parts) => console.log(JSON.parse(Buffer.concat(parts)).target_directory))')/debug/examples
CHROMIUM=$(command -v chromium) node tests/browser/run.mjs \
    --demo "$built/demo" --shop "$built/axum_0_8" "${arguments[@]}"
