#!/usr/bin/env bash
# bench-requests.sh [ROUNDS] [SECONDS] [--write]
# What a session costs a request in every framework, and beside other session libraries: wrk
# on loopback, every run between two of the framework's bare program. --write puts the figures
# into docs/REQUESTS.md. Builds for minutes, then says how long it measures, which is about
# twenty minutes: nothing else should be at work meanwhile.
. "$(dirname "$0")/lib.sh"
numbers=()
write=()
for argument in "$@"; do
    case $argument in
        --write) write=(--write) ;;
        *) numbers+=("$argument") ;;
    esac
done
say "requests"
need wrk wrk || { skip "requests per second" "wrk is not installed"; exit 0; }
need taskset util-linux || echo "without taskset: servers and wrk share the processors"
need redis-server redis-server redis-tools || echo "without redis-server: no stored sessions in Redis"
need openssl openssl || true
cd benches/requests
exec cargo run --release --quiet --locked -- measure "${numbers[0]:-9}" "${numbers[1]:-1}" "${write[@]}"
