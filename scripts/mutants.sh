#!/usr/bin/env bash
# Mutation testing: changes one thing of the code after the other, and asks whether a test
# notices. First the unit tests are asked; what they miss, the tests in tests/ are asked too.
# What nobody notices has to stand in tests/mutants.txt, with the reason why it may.
#
# scripts/mutants.sh [--ci] [FILE...]     all that holds a promise; with --ci the cryptography
#                                         and the token alone; or the files that are named
. "$(dirname "$0")/lib.sh"
say "mutation testing"
need_cargo cargo-mutants || {
    skip "mutation testing" "cargo-mutants is not installed and cannot be built"
    exit 0
}
tests=(sessions vectors keys cookie_headers sizes parallel)
files=(src/token.rs src/crypto.rs src/expiry.rs src/cookie/reader.rs
    'src/keys/*.rs' 'src/codec/*.rs' 'src/manager/*.rs')
if [ "${1:-}" = --ci ]; then
    shift
    files=(src/crypto.rs src/token.rs)
fi
[ $# = 0 ] || files=("$@")

# A copy of the project, always in the same place: what is built there serves the next run.
# Its files are new, so that nothing built from a change of the last run seems fresh.
out=$(realpath -m "${MUTANTS_OUT:-${CARGO_TARGET_DIR:-target}/mutants}")
mkdir -p "$out/tree"
find "$out/tree" -mindepth 1 -maxdepth 1 ! -name target -exec rm -rf {} +
tar -c --exclude=./target --exclude=./.git --exclude=node_modules . | tar -xm -C "$out/tree"
rm -rf "$out"/mutants.out* "$out"/{first,second}

# A change that makes a list without end is stopped before it takes the machine's memory.
ulimit -v 8388608 2>/dev/null || true

# mutants STAGE ARGUMENT...: 0 all noticed, 2 some not, 3 some out of time; the rest is trouble.
mutants() {
    local stage=$1 code=0 file
    shift
    for file in "${files[@]}"; do set -- "$@" --file "$file"; done
    env -u CARGO_TARGET_DIR RUST_BACKTRACE=0 cargo mutants --dir "$out/tree" --in-place --colors never \
        --output "$out" "$@" || code=$?
    case $code in 0 | 2 | 3) ;; *) exit "$code" ;; esac
    mkdir "$out/$stage"
    cp "$out"/mutants.out/{caught,missed,timeout,unviable}.txt "$out/$stage"
}

# names FILE...: without line and column, which change with every edit; in order.
names() { cat "$@" | sed -E 's/^([^:]+):[0-9]+:[0-9]+:/\1:/' | sort; }

mutants first --cargo-arg=--lib
last=first
if [ -s "$out/first/missed.txt" ]; then
    # What timed out is noticed: not again with slower tests.
    cat "$out/first/timeout.txt" >>"$out/mutants.out/caught.txt"
    say "what the unit tests do not notice, with the tests in tests/"
    mutants second --iterate "${tests[@]/#/--cargo-arg=--test=}"
    last=second
fi

say "by file"
for stage in first $last; do
    for fate in caught unviable timeout missed; do
        # What was not noticed the first time is judged by the second.
        [ "$stage" = "$last" ] || [ "$fate" != missed ] || continue
        cut -d: -f1 "$out/$stage/$fate.txt" | sed "s/^/$fate /"
    done
    [ "$stage" != "$last" ] || break
done | awk '
    { n[$2, $1]++; total[$1]++; if (!($2 in seen)) { seen[$2]; order[++count] = $2 } }
    function row(name, a, b, c, d) {
        printf "| %s | %d | %d | %d | %d | %d |\n", name, a + b + c + d, a, b, c, d
    }
    END {
        print "| file | changes | noticed | do not compile | time out | not noticed |"
        print "|---|---:|---:|---:|---:|---:|"
        for (i = 1; i <= count; i++) {
            f = order[i]
            row(f, n[f, "caught"], n[f, "unviable"], n[f, "timeout"], n[f, "missed"])
        }
        row("all", total["caught"], total["unviable"], total["timeout"], total["missed"])
    }'

# Of the list, what concerns the files that were run.
ran=$(cut -d: -f1 "$out"/{first,second}/*.txt 2>/dev/null | sort -u)
grep -v -e '^#' -e '^$' tests/mutants.txt | grep -F -f <(sed 's/$/:/' <<<"$ran") | sort >"$out/known" || true
names "$out/$last/missed.txt" >"$out/missed"
failed=0
comm -23 "$out/missed" "$out/known" | grep . && {
    echo "No test notices these, and tests/mutants.txt does not say why that may be." >&2
    failed=1
}
comm -13 "$out/missed" "$out/known" | grep . && {
    echo "These stand in tests/mutants.txt, but a test notices them." >&2
    failed=1
}
[ $failed = 0 ] && echo "$(wc -l <"$out/missed") not noticed, each with its reason in tests/mutants.txt"
exit $failed
