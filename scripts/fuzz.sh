#!/usr/bin/env bash
# Fuzzes every target, one after the other: fuzz.sh [SECONDS [TARGET...]], 30 seconds each if
# nothing is said. Prints executions per target, and fails on the first finding.
#
# What was found to be interesting stays in fuzz/corpus, so that the next run goes on from
# there; the seeds are made again of the vectors. Needs python3, a C++ compiler and cargo-fuzz,
# which is installed into the target folder when it is missing.
#
# RUSTC_BOOTSTRAP=1 lets the stable compiler take the options of the sanitizer, which are
# nightly's: the library is then fuzzed as the toolchain that it is built with compiles it,
# and no second toolchain is needed. It applies to this build alone.
. "$(dirname "$0")/lib.sh"
seconds=${1:-30}
shift $(($# > 0 ? 1 : 0))
version=0.13.2
target=${CARGO_TARGET_DIR:-$PWD/target}
tools=$target/tools
PATH=$PATH:$tools/bin

need python3 python3 || { skip fuzz "there is no python3"; exit 0; }
need c++ g++ || { skip fuzz "there is no C++ compiler for libFuzzer"; exit 0; }
case "$(rustc -vV)" in
*'host: x86_64-unknown-linux-gnu'* | *'host: aarch64-unknown-linux-gnu'*) ;;
*) skip fuzz "the address sanitizer of this platform is untried"; exit 0 ;;
esac
command -v cargo-fuzz >/dev/null || {
    say "installing cargo-fuzz"
    cargo install --quiet --locked --root "$tools" --version "$version" cargo-fuzz ||
        { skip fuzz "cargo-fuzz cannot be installed"; exit 0; }
}

say "building the fuzz targets"
host=$(rustc -vV | sed -n 's/^host: //p')
log=$(mktemp)
trap 'rm -f "$log"' EXIT
RUSTC_BOOTSTRAP=1 cargo fuzz build --target "$host" --target-dir "$target/fuzz" >"$log" 2>&1 || {
    cat "$log" >&2
    exit 1
}
rm -rf fuzz/seeds
python3 fuzz/seeds.py fuzz/seeds >/dev/null

[ $# -gt 0 ] || mapfile -t targets < <(cargo fuzz list)
[ $# -eq 0 ] || targets=("$@")
say "${#targets[@]} targets, $seconds seconds each"
printf '%-14s %6s %12s %8s %6s\n' target seeds executions 'a second' edges
total=0
for name in "${targets[@]}"; do
    mkdir -p "fuzz/corpus/$name" "fuzz/artifacts/$name"
    # Nothing that is read is longer than 9,000 bytes, so nothing allocates 16 MiB at once.
    "$target/fuzz/$host/release/$name" "fuzz/corpus/$name" "fuzz/seeds/$name" \
        -dict=fuzz/ssc1.dict -max_len=9000 -max_total_time="$seconds" -timeout=10 \
        -malloc_limit_mb=16 -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix="fuzz/artifacts/$name/" >"$log" 2>&1 || {
        grep -vE '^#[0-9]+|NEW_FUNC' "$log" | tail -n 60 >&2
        echo "$name: found something; the input is in fuzz/artifacts/$name" >&2
        exit 1
    }
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    edges=$(grep -oE 'cov: [0-9]+' "$log" | tail -n 1 | tr -dc 0-9)
    seeds=$(find "fuzz/seeds/$name" -type f | wc -l)
    printf '%-14s %6s %12s %8s %6s\n' "$name" "$seeds" "$executions" \
        $((executions / seconds)) "$edges"
    total=$((total + executions))
done
echo "$total executions, nothing found"
[ "$total" -gt 0 ]
