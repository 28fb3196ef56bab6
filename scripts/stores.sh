#!/usr/bin/env bash
# The session stores keep the rules, with real servers where they need one. The tests start
# and stop the servers themselves; this installs them.
. "$(dirname "$0")/lib.sh"
say "session stores"
if ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then
    # The package would make a server of its own and start it.
    if need pg_createcluster postgresql-common && [ -w /etc/postgresql-common/createcluster.conf ]; then
        sed -i -E 's/^#? *create_main_cluster.*/create_main_cluster = false/' \
            /etc/postgresql-common/createcluster.conf
    fi
    need initdb postgresql ||
        compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null ||
        skip "PostgreSQL's tests" "PostgreSQL is not installed"
fi
need redis-server redis-server redis-tools || skip "Redis's tests" "redis-server is not installed"
need python3 python3 || skip "the tests of a locked file" "python3 is not installed"
need openssl openssl || skip "the tests of TLS" "openssl is not installed"
need pgrep procps || skip "the tests of dying servers" "pgrep is not installed"
cargo test --quiet --all-features --test 'stores_*'
say "faults under load: what became of all requests"
cargo test --quiet --all-features --test faults -- --nocapture
say "memory for a session of 10 MiB"
cargo test --quiet --all-features --test large -- --nocapture
# A hundred thousand in each store without the variable.
export SOAK_SESSIONS=${SOAK_SESSIONS:-20000}
say "$SOAK_SESSIONS sessions expire in each store"
cargo test --quiet --all-features --test soak -- --nocapture
