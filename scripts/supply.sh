#!/usr/bin/env bash
# What this project is built from: licences, sources and bans (deny.toml), known
# vulnerabilities, the table in SECURITY.md, the oldest versions that Cargo.toml allows, and
# the oldest compiler.
. "$(dirname "$0")/lib.sh"
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT

say "every crate of the build without features stands in SECURITY.md"
target=x86_64-unknown-linux-gnu
cargo tree --locked --target "$target" --edges normal --prefix none --format '{p}' |
    cut -d' ' -f1 | sort -u | grep -vx sealed-session >"$temp/built"
sed -n '/^| crate |/,/^$/p' SECURITY.md | cut -d'|' -f2 | grep -oE '`[a-z0-9_-]+`' |
    tr -d '`' | sort >"$temp/listed"
diff "$temp/listed" "$temp/built" || {
    echo "the table of dependencies in SECURITY.md (<) is not what is built (>)" >&2
    exit 1
}
echo "$(wc -l <"$temp/built") crates, each with what it is trusted with"

say "one version of each crate without features"
cargo tree --quiet --locked --target "$target" --edges normal --duplicates --depth 0 >"$temp/twice"
if [ -s "$temp/twice" ]; then
    cat "$temp/twice" >&2
    exit 1
fi
echo "none is built twice"

if need_cargo cargo-deny; then
    say "licences, bans and sources"
    cargo deny --log-level error check --hide-inclusion-graph licenses bans sources 2>&1 |
        tail -n 1 | tee "$temp/deny"
    grep -q 'bans ok, licenses ok, sources ok' "$temp/deny"
    say "known vulnerabilities"
    # The database lies on GitHub. Not to reach it says nothing about this project.
    if timeout 120 cargo deny --log-level error fetch db >"$temp/fetch" 2>&1; then
        cargo deny --log-level error check advisories
    else
        note_skip advisories "the database cannot be fetched from github.com/RustSec"
    fi
else
    skip "cargo deny" "cargo-deny is not installed and cannot be built"
fi

say "the oldest versions that Cargo.toml allows"
mkdir "$temp/oldest"
git ls-files -z -- . ':!Cargo.lock' | xargs -0 cp --parents -t "$temp/oldest"
# The option is not stable yet; what it makes is built with the stable compiler.
(cd "$temp/oldest" && RUSTC_BOOTSTRAP=1 cargo -Z direct-minimal-versions generate-lockfile --quiet)
features=${SUPPLY_FEATURES:-derive,store-memory,axum-0-8}
for choice in "" "$features"; do
    echo "builds with the features: ${choice:-none}"
    CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}/oldest" \
        cargo check --quiet --manifest-path "$temp/oldest/Cargo.toml" --features "$choice"
done

say "the oldest compiler"
oldest=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
command -v rustup >/dev/null && ! rustup run "$oldest" rustc --version >/dev/null 2>&1 &&
    timeout 300 rustup toolchain install "$oldest" --profile minimal --no-self-update >/dev/null 2>&1 || true
if rustup run "$oldest" rustc --version 2>/dev/null; then
    CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}/msrv" \
        rustup run "$oldest" cargo check --quiet --locked
    echo "builds with Rust $oldest"
else
    note_skip "the build with Rust $oldest" "that compiler cannot be had here"
fi
# Whatever is built: none of the dependencies, of any feature, asks for a newer one.
cargo metadata --locked --all-features --format-version 1 | python3 -c '
import json, sys
limit = tuple(int(n) for n in sys.argv[1].split("."))
packages = [p for p in json.load(sys.stdin)["packages"] if p.get("rust_version")]
newer = [p for p in packages if tuple(int(n) for n in p["rust_version"].split("."))[:2] > limit]
for package in newer:
    print(package["name"], package["version"], "asks for Rust", package["rust_version"])
print(len(packages), "dependencies say which Rust they need: none a newer one" if not newer else "")
sys.exit(bool(newer))' "$oldest"
