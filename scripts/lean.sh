#!/usr/bin/env bash
# The crate without features builds no framework and no server client, and neither does
# the first command of README, which also builds the development dependencies.
. "$(dirname "$0")/lib.sh"
say "lean dependencies"
for edges in normal normal,dev,build; do
    if cargo tree --edges "$edges" --prefix none --format '{p}' | cut -d' ' -f1 | sort -u |
        grep -xE 'tokio|hyper|axum(-core)?|actix-.*|rocket.*|poem.*|salvo.*|tower.*|http|sqlx.*|redis|moka|async-.*|aws-lc-.*|openssl.*|rustls'; then
        echo "the tree of $edges names what only a feature may bring" >&2
        exit 1
    fi
done
echo "$(cargo tree --edges normal --prefix none --format '{p}' | sed 's| (\*)$||' | sort -u | wc -l) packages, this one included"
