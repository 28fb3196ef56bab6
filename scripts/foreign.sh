#!/usr/bin/env bash
# Cases that others have published, and strict reading of text, against what this library
# calls. Prints how many cases ran, and how many do not apply (tests/foreign/README.md).
. "$(dirname "$0")/lib.sh"
say "the files are those that were published"
for folder in wycheproof xaes; do
    (cd "tests/foreign/$folder" && sha256sum --check --quiet SHA256SUMS)
done
say "Wycheproof and C2SP with each provider of AES, RFC 4648, strict base64, Cookie headers"
out=$(cargo test --quiet --features aws-lc --lib -- wycheproof c2sp strict_base64 --nocapture --test-threads=1 2>&1 &&
    cargo test --quiet --release --features aws-lc --lib -- c2sp --ignored --nocapture 2>&1 &&
    cargo test --quiet --test cookie_headers -- --nocapture --test-threads=1 2>&1) || {
    printf '%s\n' "$out" >&2
    exit 1
}
# A filter that matches nothing is no success.
counts=$(sed -nE 's/^[.]*(.*: [0-9]+ cases .*)/\1/p' <<<"$out")
printf '%s\n' "$counts"
[ "$(wc -l <<<"$counts")" = 10 ]
