#!/usr/bin/env bash
# Mutation testing: changes one thing of the code after the other, and asks whether a test
# notices. First those tests are asked that are quick to build and to run; what they miss,
# all others are asked too. What nobody notices has to stand in tests/mutants.txt, under the
# reason why that may be.
#
# scripts/mutants.sh [--ci] [FILE...]     all that holds a promise; with --ci the cryptography
#                                         and the token, by their unit tests alone; or the
#                                         files that are named
. "$(dirname "$0")/lib.sh"
say "mutation testing"
need_cargo cargo-mutants || {
    skip "mutation testing" "cargo-mutants is not installed and cannot be built"
    exit 0
}
crypto=(src/crypto.rs src/crypto_{aws_lc,rust_crypto,xaes}.rs)
all=(--lib --test=sessions --test=sessions_edges --test=vectors --test=keys --test=cookie_headers
    --test=sizes --test=parallel --test=revocation)
files=("${crypto[@]}" src/token.rs src/expiry.rs src/cookie/reader.rs src/keys/*.rs src/codec/*.rs
    src/manager/*.rs)
if [ "${1:-}" = --ci ]; then
    shift
    all=()
    # What the other files of the cryptography would miss is seen by the search of the memory.
    files=(src/crypto.rs src/crypto_aws_lc.rs src/token.rs)
fi
[ $# = 0 ] || files=("$@")

# A copy of the project, always in the same place: what is built there serves the next run.
# Its files are new, so that nothing built from a change of the last run seems fresh.
out=$(realpath -m "${MUTANTS_OUT:-${CARGO_TARGET_DIR:-target}/mutants}")
mkdir -p "$out/tree"
find "$out/tree" -mindepth 1 -maxdepth 1 ! -name target -exec rm -rf {} +
tar -c --exclude=./target --exclude=./.git --exclude=node_modules . | tar -xm -C "$out/tree"
rm -f "$out"/*.txt
# A change that makes a list without end is stopped before it takes the machine's memory.
ulimit -v 8388608 2>/dev/null || true

# mutants ARGUMENT...: with each implementation of the AEAD. cargo-mutants says 0 when all are
# noticed, 2 when some are not, 3 when some are out of time; the rest is trouble.
mutants() {
    local code=0
    env -u CARGO_TARGET_DIR RUST_BACKTRACE=0 cargo mutants --dir "$out/tree" --in-place \
        --features aws-lc --colors never --output "$out" "$@" || code=$?
    case $code in 0 | 2 | 3) ;; *) exit "$code" ;; esac
}

keep() { for fate in "$@"; do cat "$out/mutants.out/$fate.txt" >>"$out/$fate.txt"; done; }

# judge TESTS FILE...: what those tests miss is put to all.
judge() {
    local quick=$1 file
    local -a arguments=()
    shift
    [ $# -gt 0 ] || return 0
    for file in "$@"; do arguments+=("--file=$file"); done
    rm -rf "$out"/mutants.out*
    say "with $quick"
    mutants "--cargo-arg=$quick" "${arguments[@]}"
    keep caught timeout unviable
    if [ ${#all[@]} -gt 0 ] && [ -s "$out/mutants.out/missed.txt" ]; then
        say "what that missed, with all tests"
        # What is out of time is noticed: not again.
        cat "$out/mutants.out/timeout.txt" >>"$out/mutants.out/caught.txt"
        mutants --iterate "${all[@]/#/--cargo-arg=}" "${arguments[@]}"
        keep caught timeout unviable
    fi
    keep missed
}

# The manager is held by the tests of whole requests, all else by its unit tests.
units=() requests=()
for file in "${files[@]}"; do
    case $file in src/manager/*) requests+=("$file") ;; *) units+=("$file") ;; esac
done
judge --lib "${units[@]}"
judge --test=sessions "${requests[@]}"

say "by file"
for fate in caught unviable timeout missed; do cut -d: -f1 "$out/$fate.txt" | sed "s/^/$fate /"; done |
    awk '
    { n[$2, $1]++; total[$1]++; if (!($2 in seen)) { seen[$2]; order[++count] = $2 } }
    function row(name, a, b, c, d) {
        printf "| %s | %d | %d | %d | %d | %d |\n", name, a + b + c + d, a, b, c, d
    }
    END {
        print "| file | changes | noticed | do not compile | out of time | not noticed |"
        print "|---|---:|---:|---:|---:|---:|"
        for (i = 1; i <= count; i++) {
            f = order[i]
            row(f, n[f, "caught"], n[f, "unviable"], n[f, "timeout"], n[f, "missed"])
        }
        row("all", total["caught"], total["unviable"], total["timeout"], total["missed"])
    }'

# names FILE...: without line and column, which change with every edit; in order.
names() { sed -E 's/^([^:]+):[0-9]+:[0-9]+:/\1:/' "$@" | sort; }

# Of the list, what concerns the files that were run.
cat "$out"/{caught,unviable,timeout,missed}.txt | cut -d: -f1 | sort -u | sed 's/$/:/' >"$out/ran"
grep -v '^#' tests/mutants.txt | grep -F -f "$out/ran" | sort >"$out/known" || true
names "$out/missed.txt" >"$out/survived"
failed=0
if comm -23 "$out/survived" "$out/known" | grep .; then
    echo "No test notices these, and tests/mutants.txt does not say why that may be." >&2
    failed=1
fi
if comm -13 "$out/survived" "$out/known" | grep .; then
    echo "These stand in tests/mutants.txt, but a test notices them." >&2
    failed=1
fi
[ $failed = 1 ] || echo "$(wc -l <"$out/survived") not noticed, each with its reason in tests/mutants.txt"
exit $failed
