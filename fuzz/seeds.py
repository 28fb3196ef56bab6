"""Writes seeds for the fuzz targets, made of the vectors and the corpus of the tests.

    seeds.py FOLDER
"""

import base64
import hashlib
import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
VECTORS = HERE.parent / "tests" / "vectors"
CORPUS = HERE.parent / "tests" / "corpus"
NOW = (1_800_000_000).to_bytes(4, "big")
COOKIES = [
    "__Host-session=abc",
    "theme=dark; __Host-session=abc; s=1",
    "__Host-session=a; __Host-session=b\n__Host-session=c; __Host-session=d; __Host-session=e",
    "%5F%5FHost-session=x; __host-session=x; =__Host-session=x",
    " \t__Host-session \t=\t x \t;;; ;=;",
    '__Host-session="quoted"; __Host-session=a,b; __Host-session=',
    "$Version=1; __Host-session=x; $Path=/",
    "s=" + "x" * 4096,
    "a%20b=c",
]
INSTANTS = ["2026-11-22T00:00:00Z", "2026-11-22t00:00:00.5+01:00", "1970-01-01T00:00:00-00:00"]


def vectors(name):
    return json.loads((VECTORS / f"{name}.json").read_text())


OPEN = vectors("defaults")["open"]


def tokens():
    for name in ("encrypted", "signed", "body", "extensions", "time", "reject"):
        yield from vectors(name)


def parts(vector):
    """Claims and body, where the vector has both in full."""
    derived = vector.get("derived", {})
    if isinstance(derived.get("body"), str):
        yield bytes.fromhex(derived["claims"]), bytes.fromhex(derived["body"])


def length(data):
    return bytes([len(data)]) if len(data) < 128 else bytes([len(data) & 127 | 128, len(data) >> 7])


def seeds():
    """Pairs of a target and an input."""
    for vector in tokens():
        yield "open", vector["token"].encode()
        yield "cli", b"v" + vector["token"].encode()
        yield "cookie_header", b"__Host-session=" + vector["token"].encode()
        yield "mutate", vector["token"].encode()
        o = OPEN | vector["open"]
        for claims, body in parts(vector):
            yield "claims", o["now"].to_bytes(4, "big") + claims + body[:64]
            yield "inflate", bytes([claims[0] & 8 | ~claims[0] & 4]) + body
            yield "round_trip", body
            yield "values" if o["type"] == "values" else "typed", body
    for vector in vectors("postcard"):
        yield "values" if vector["type"] == "values" else "typed", bytes.fromhex(vector["bytes"])
    for vector in vectors("values"):
        data = bytes.fromhex(vector["cbor"])
        if len(data) < 1 << 14:
            yield "values", length(data) + data
    for vector in vectors("records"):
        yield "record", b"\0" + base64.urlsafe_b64decode(vector["record"] + "==")
        for claims, body in parts(vector):
            # The session of the target, not that of the vectors.
            content = claims[:13] + b"\x07" * 16 + claims[29:] + body
            yield "record", b"\1" + content[:1] + NOW + content[5:]
            yield "record", b"\1" + content
    for change in (b"", b"\x00\x00\x01", b"\x00\x29\x80\x01", b"\x00\x00\x00\x00"):
        yield "record", b"\2" + change
    keys = [vector["text"] for vector in vectors("keys")]
    for text in keys:
        yield "ring_file", text.encode()
        yield "ring_file", ring([(text, "2026-11-22T00:00:00Z", None)])
    for vector in vectors("rings"):
        yield "ring_file", vector.get("toml", "").encode()
    # Keys that no document has, so that rings of them are accepted.
    made = []
    for number in range(8):
        secret = hashlib.sha256(f"seed {number}".encode()).digest()
        made.append((secret_text(secret), f"2026-11-2{number}T00:00:00Z", None))
        yield "ring_file", ring(made)
        closing = [(key, start, "2027-01-01T00:00:00Z") for key, start, _ in made[:-1]]
        yield "ring_file", ring(closing + made[-1:])
    # Rings that break one rule each, by as little as can be.
    first, second, third = made[0], made[1], made[2]
    for broken in (
        [first, (second[0], second[1], second[1])],
        [first, (second[0], second[1], "2026-11-21T00:00:01Z"), third],
        [first, (second[0], first[1], None)],
        [first, (first[0], second[1], None)],
        [(first[0], first[1], "2026-11-20T23:59:59Z"), second],
        [(first[0], first[1], second[1]), second],
        [(first[0], first[1], "2026-11-21T00:00:00Z")],
        made + [(secret_text(bytes(range(3, 35))), "2026-12-01T00:00:00Z", None)],
    ):
        yield "ring_file", ring(broken)
    for line in COOKIES:
        yield "cookie_header", line.encode()
    for vector in vectors("cookies"):
        yield "cookie_header", "\n".join(vector["cookies"]).encode()
    for path in sorted(CORPUS.glob("*.json")):
        yield "cli", path.read_bytes()
    for vector in vectors("json"):
        yield "cli", vector.get("json", "[]").encode()
    for instant in INSTANTS:
        yield "cli", b"t" + instant.encode()


def ring(keys):
    lines = []
    for secret, start, until in keys:
        lines += ["[[key]]", f'secret = "{secret}"', f"seals_from = {start}"]
        lines += [f"opens_until = {until}"] if until else []
    return "\n".join(lines + [""]).encode()


def secret_text(secret):
    return "ssc1_key_" + base64.urlsafe_b64encode(secret).decode().rstrip("=")


def main(folder):
    for target, data in seeds():
        place = Path(folder) / target
        place.mkdir(parents=True, exist_ok=True)
        (place / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    for place in sorted(Path(folder).iterdir()):
        print(f"{place.name}: {len(list(place.iterdir()))} seeds")


if __name__ == "__main__":
    main(*sys.argv[1:])
