# Sourced by every script: strict mode, the project's folder, and what to do without a tool.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '\n== %s\n' "$*"; }

# skip WHAT WHY: a check that cannot run here. Not an option where CI=true.
skip() {
    note_skip "$1" "$2"
    if [ "${CI:-}" = true ]; then
        echo "A skipped check fails under CI=true." >&2
        exit 1
    fi
}

# note_skip WHAT WHY: the same for what depends on the world outside (a database, a compiler
# of another version): never a failure. scripts/test.sh lists both at its end.
note_skip() {
    printf 'SKIPPED %s: %s\n' "$1" "$2"
    [ -z "${SKIPPED_LIST:-}" ] || printf '  %s: %s\n' "$1" "$2" >>"$SKIPPED_LIST"
}

# need COMMAND PACKAGE...: installs Debian packages where COMMAND is missing; false if it
# stays missing.
need() {
    local command=$1
    shift
    command -v "$command" >/dev/null && return 0
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing $*"
        apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "$@" >/dev/null || true
    fi
    command -v "$command" >/dev/null
}

# need_cargo CRATE: installs a cargo command where it is missing; false if it stays missing.
# Building one takes minutes: where CARGO_HOME is kept, once.
need_cargo() {
    command -v "$1" >/dev/null && return 0
    echo "building $1"
    CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/tools" cargo install --quiet --locked "$1" >/dev/null || true
    PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"
    command -v "$1" >/dev/null
}
