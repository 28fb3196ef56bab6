#!/usr/bin/env bash
# Documentation builds without a warning, and no link in it is dead.
. "$(dirname "$0")/lib.sh"
say "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --quiet --workspace --no-deps --all-features
# Links between the project's own documents.
status=0
for page in *.md docs/*.md docs/*/*.md tests/*/*.md; do
    [ -e "$page" ] || continue
    while read -r link; do
        target=${link%%#*}
        [ -z "$target" ] || [ -e "$(dirname "$page")/$target" ] || {
            echo "$page: dead link to $target"
            status=1
        }
    done < <(grep -oE '\]\([^)]+\)' "$page" | sed 's/^](//; s/)$//' | grep -vE '^[a-z]+:' || true)
done
# Every test that SECURITY.md names exists.
while read -r name; do
    grep -rqE --include="*.rs" "fn $name\\(" src tests crates || {
        echo "SECURITY.md names the test $name, which does not exist"
        status=1
    }
done < <(grep -oE '`[a-z0-9]+(_[a-z0-9]+){2,}`' SECURITY.md | tr -d '`' | sort -u)
# And so does every script that a document names.
while read -r script; do
    [ -e "$script" ] || {
        echo "a document names $script, which does not exist"
        status=1
    }
done < <(grep -ohE 'scripts/[a-z-]+\.sh' *.md docs/*.md docs/*/*.md | sort -u)
exit $status
