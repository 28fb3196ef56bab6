#!/usr/bin/env bash
# Cookie against store, measured on the corpus. Without arguments a short run is checked and
# nothing is changed; `--write` measures beside real Redis and PostgreSQL, and writes
# docs/COMPARE.md.
. "$(dirname "$0")/lib.sh"
out=$(mktemp -d)
children=()
cleanup() {
    for child in "${children[@]}"; do kill -INT "$child" 2>/dev/null || true; done
    wait || true
    rm -rf "$out"
}
trap cleanup EXIT
run() { cargo run --release --quiet --example sealed-session --features "$1" -- compare "${@:2}"; }

free_port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }

if [ "${1:-}" = --write ]; then
    say "comparison beside Redis and PostgreSQL"
    need python3 python3
    stores=()
    if need redis-server redis-server; then
        port=$(free_port)
        redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no --dir "$out" >/dev/null &
        children+=($!)
        until redis-cli -p "$port" ping >/dev/null 2>&1; do sleep 0.1; done
        stores+=(--store "redis://127.0.0.1:$port")
    fi
    bin=$(compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -1 || true)
    if [ -n "$bin" ]; then
        port=$(free_port) as=()
        mkdir "$out/pg"
        if [ "$(id -u)" = 0 ]; then
            chmod 711 "$out" && chown postgres "$out/pg"
            as=(setpriv --reuid=postgres --regid=postgres --init-groups)
        fi
        (cd "$out/pg" && HOME=$out/pg "${as[@]}" "$bin/initdb" --auth=trust --username=web --pgdata "$out/pg/data" >/dev/null)
        (cd "$out/pg" && HOME=$out/pg exec "${as[@]}" "$bin/postgres" -D "$out/pg/data" -p "$port" -h 127.0.0.1 -k '' >"$out/pg.log" 2>&1) &
        children+=($!)
        until "$bin/pg_isready" -q -h 127.0.0.1 -p "$port"; do sleep 0.2; done
        stores+=(--store "postgres://web@127.0.0.1:$port/postgres")
    fi
    run compare,store-redis,store-postgres --markdown docs/COMPARE.md "${stores[@]}" >/dev/null
    exit
fi

say "comparison, a short run"
run compare --rounds 2 --json --html "$out/report.html" >"$out/report.json"
python3 - "$out" <<'PYTHON'
import html.parser, json, sys
folder = sys.argv[1]
report = json.load(open(f"{folder}/report.json"))
assert report["partial"] is None and report["troubles"] == [], report["troubles"]

class Page(html.parser.HTMLParser):
    """Every element that is opened is closed, in order."""
    open, empty = [], {"meta", "link"}
    def handle_starttag(self, tag, attributes):
        names = [name for name, _ in attributes]
        assert len(names) == len(set(names)), (tag, names)
        if tag not in self.empty:
            self.open.append(tag)
    def handle_startendtag(self, tag, attributes):
        pass
    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, (tag, self.getpos())

page = Page()
page.feed(open(f"{folder}/report.html", encoding="utf-8").read())
assert page.open == [], page.open
missing = [row["id"] for row in report["properties"] if row["verdict"] == "not-recorded"]
print(f"{len(report['properties'])} claims, {len(missing)} not recorded yet {missing}")
sys.exit(bool(missing))
PYTHON
