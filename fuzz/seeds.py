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
    return json.loads((VECTORS / f"{name}.json").read_text())["vectors"]


def tokens():
    for name in ("encrypted", "signed", "body", "values", "time", "reject"):
        yield from vectors(name)


def seeds():
    """Pairs of a target and an input."""
    for vector in tokens():
        yield "open", vector["token"].encode()
        yield "cli", b"v" + vector["token"].encode()
        yield "cookie_header", b"__Host-session=" + vector["token"].encode()
        yield "mutate", vector["token"].encode()
        derived = vector.get("derived") or {}
        if "body" not in derived:
            continue
        claims, body = bytes.fromhex(derived["claims"]), bytes.fromhex(derived["body"])
        now = vector["open"]["now"].to_bytes(4, "big")
        yield "claims", now + claims + body[:64]
        flags = claims[0] if claims else 0
        yield "inflate", bytes([flags & 8 | ~flags & 4]) + body
        yield "round_trip", body
        yield "values" if vector["open"]["type"] == "values" else "typed", body
    for vector in vectors("records"):
        if "record" in vector:
            yield "record", b"\0" + bytes.fromhex(vector["record"])
            derived = vector.get("derived") or {}
            if "body" in derived:
                content = bytes.fromhex(derived["claims"]) + bytes.fromhex(derived["body"])
                # The session of the target, not that of the vectors.
                content = content[:13] + b"\x07" * 16 + content[29:]
                yield "record", b"\1" + content[:1] + NOW + content[5:]
                yield "record", b"\1" + content
    for change in (b"", b"\x00\x00\x01", b"\x00\x29\x80\x01", b"\x00\x00\x00\x00"):
        yield "record", b"\2" + change
    keys = [vector["text"] for vector in vectors("keys")]
    for text in keys:
        yield "ring_file", text.encode()
        yield "ring_file", ring([(text, "2026-11-22T00:00:00Z", None)])
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
    for path in sorted(CORPUS.glob("*.json")):
        yield "cli", path.read_bytes()
    for text in ('{"a":[null,true,-1,1.5,"x",{"b":{}}]}', '{"a":1,"a":2}', '{"":-0.0}', "[]"):
        yield "cli", text.encode()
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
