#!/usr/bin/env bash
# The shops of README, each in its framework: log in, outgrow the cookie, log out.
. "$(dirname "$0")/lib.sh"
need curl curl && need python3 python3 || skip shops "curl or python3 is not to be had"
say "shops"
cargo build --quiet --all-features --examples
folder=$(mktemp -d)
shop=
trap '[ -z "$shop" ] || kill "$shop" 2>/dev/null || true; rm -rf "$folder"' EXIT

free_port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }
# The page without its tags.
page() { curl -fsS "$@" "$url/" | sed 's/<[^>]*>//g'; }
post() { curl -fsS -o "$folder/body" -b "$jar" -c "$jar" "$url/$1" "${@:2}"; }
expect() {
    local seen
    seen=$(page -b "$jar")
    grep -qiE "$1" <<<"$seen" || {
        echo "$name: expected $1 after $2, and saw:"
        echo "$seen"
        exit 1
    }
}

bin=${CARGO_TARGET_DIR:-target}/debug/examples
"$bin/sealed-session" keys new --out "$folder/ring.toml" >/dev/null
SEALED_SESSION_KEY=$(grep -oE 'ssc1_key_[A-Za-z0-9_-]+' "$folder/ring.toml")
export SEALED_SESSION_KEY

for name in axum_0_8 actix_web_4 rocket_0_5 poem_3 salvo_1 hyper_1; do
    port=$(free_port) jar=$folder/$name
    url=http://localhost:$port
    "$bin/$name" "127.0.0.1:$port" >"$folder/log" 2>&1 &
    shop=$!
    for _ in $(seq 100); do
        curl -fsS -o "$folder/body" "$url/" 2>"$folder/wait" && break
        sleep 0.1
    done
    expect 'nobody.*nowhere' "nothing"
    post login -d user=ada
    expect 'ada.*cookie' "the login"
    # A tool without the shop's type shows the claims, and of the data its size and shape.
    decoded=$(awk '/__Host-session/ {print $NF}' "$jar" |
        "$bin/sealed-session" decode --keys "$folder/ring.toml" --context shop.example)
    grep -qE '"data":"typed data, [0-9]+ bytes, schema [0-9]+, shape [0-9]+"' <<<"$decoded" || {
        echo "$name: decode printed $decoded"
        exit 1
    }
    # What no compression makes small, and no cookie holds.
    for _ in 1 2 3 4; do
        post add -d count=1 --data-urlencode "item=$(head -c 900 /dev/urandom | base64 -w0)"
    done
    expect 'ada.*4.*store' "four large items"
    cp "$jar" "$jar.copy"
    post logout -d ''
    expect 'nobody.*nowhere' "the logout"
    jar=$jar.copy
    expect 'nobody.*nowhere' "a replay of the cookie"
    post login -d user=bob
    cp "$jar" "$jar.other"
    post everywhere -d ''
    jar=$jar.other
    expect 'nobody.*nowhere' "logging out everywhere"
    kill "$shop"
    wait "$shop" 2>/dev/null || true
    shop=
    echo "$name: logged in, outgrew its cookie, logged out, here and everywhere"
done
