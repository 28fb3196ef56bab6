"""Writes seeds for the fuzz targets, made of the vectors and the corpus of the tests.

    seeds.py FOLDER
"""

import base64
import hashlib
import json
import sys
import zlib
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


def tokens():
    for name in ("encrypted", "signed", "reject", "extensions", "time", "body", "references"):
        yield from vectors(name)


def seeds():
    """Pairs of a target and an input."""
    for vector in [*tokens(), *vectors("auxiliary")]:
        token = vector["token"].encode()
        yield "open", token
        yield "cli", b"v" + token
        yield "cookie_header", b"__Host-session=" + token
        yield "mutate", token
    now = vectors("defaults")["open"]["now"]
    for vector in tokens():
        derived = vector.get("derived", {})
        if "claims" not in derived:
            continue
        claims = bytes.fromhex(derived["claims"])
        body = body_of(vector, claims)
        opened = vector["open"].get("now", now).to_bytes(4, "big")
        yield "claims", opened + claims + body[:64]
        flags = claims[0] if claims else 0
        yield "inflate", bytes([flags & 8 | ~flags & 4]) + body
        yield "round_trip", body
    for vector in vectors("records"):
        yield "record", b"\0" + base64.urlsafe_b64decode(vector["record"] + "==")
        if "derived" not in vector:
            continue
        claims = bytes.fromhex(vector["derived"]["claims"])
        body = body_of(vector, claims)
        # The session of the target, not that of the vectors.
        claims = claims[:13] + b"\x07" * 16 + claims[29:]
        yield "record", b"\1" + claims[:1] + NOW + claims[5:] + body
        yield "record", b"\1" + claims + body
    for change in (b"", b"\x00\x00\x01", b"\x00\x29\x80\x01", b"\x00\x00\x00\x00"):
        yield "record", b"\2" + change
    for vector in vectors("postcard"):
        if isinstance(vector["bytes"], str):
            # Of the target's own versions, and of one that it converts.
            for choice in (0b0000, 0b0101, 0b1010, 0b0010):
                yield "typed", bytes([choice]) + bytes.fromhex(vector["bytes"])
    for vector in vectors("values"):
        if isinstance(vector["cbor"], str):
            yield "values", bytes.fromhex(vector["cbor"])
    for vector in vectors("keys"):
        yield "ring_file", vector["text"].encode()
    for vector in vectors("rings"):
        yield "ring_file", bytes.fromhex(vector["hex"]) if "hex" in vector else vector["toml"].encode()
    for vector in vectors("cookies"):
        yield "cookie_header", "\n".join(vector["cookies"]).encode()
    for line in COOKIES:
        yield "cookie_header", line.encode()
    for path in sorted(CORPUS.glob("*.json")):
        yield "cli", path.read_bytes()
    for vector in vectors("json"):
        if "json" in vector:
            yield "cli", vector["json"].encode()
    for text in ('{"a":[null,true,-1,1.5,"x",{"b":{}}]}', '{"a":1,"a":2}', '{"":-0.0}', "[]"):
        yield "cli", text.encode()
    for instant in INSTANTS:
        yield "cli", b"t" + instant.encode()


def body_of(vector, claims):
    """The vector's body; a short one in place of a long one that is given by its hash."""
    body = vector["derived"]["body"]
    if isinstance(body, str):
        return bytes.fromhex(body)
    postcard = vector["expect"].get("postcard")
    content = bytes.fromhex(postcard) if isinstance(postcard, str) else b"\x40" + b"seed" * 16
    if claims[0] & 4:
        deflate = zlib.compressobj(wbits=-15)
        content = deflate.compress(content) + deflate.flush()
    return len(content).to_bytes(4, "big") + content + bytes(3) if claims[0] & 8 else content


def main(folder):
    for target, data in seeds():
        place = Path(folder) / target
        place.mkdir(parents=True, exist_ok=True)
        (place / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    for place in sorted(Path(folder).iterdir()):
        print(f"{place.name}: {len(list(place.iterdir()))} seeds")


if __name__ == "__main__":
    main(*sys.argv[1:])
