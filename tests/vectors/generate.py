#!/usr/bin/env python3
"""Computes the vectors of SSC1 from docs/SPEC.md, independently of the Rust library.

    generate.py FOLDER      writes the JSON files into FOLDER

Needs the package `cryptography` for AES-GCM; all else is Python's standard library. The
output depends on nothing but this file: no clock, no randomness, no zlib (streams that a
test needs are made by the small encoder below, and zlib only checks them).
"""

import base64
import hashlib
import hmac
import json
import pathlib
import struct
import sys
import zlib

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

# --- Section 2 and 3: primitives and keys --------------------------------------------


def u16(n):
    return n.to_bytes(2, "big")


def u32(n):
    return n.to_bytes(4, "big")


def u64(n):
    return n.to_bytes(8, "big")


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def expand(key, info):
    return mac(key, info + b"\x01")


def sha256(data):
    return hashlib.sha256(data).digest()


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def root_of(start):
    """One of the eight published roots."""
    return bytes(range(start, start + 32))


def kid_of(root):
    return expand(root, b"SSC1/kid")[:16]


def sub_key(root, purpose, ctx, name):
    ctx, name = ctx.encode(), name.encode()
    domain = u16(len(ctx)) + ctx + u16(len(name)) + name
    return expand(root, b"SSC1/" + purpose.encode() + b"\x00" + domain)


def subject_of(ctx, user_id):
    ctx = ctx.encode()
    return sha256(b"SSC1/subject\x00" + u16(len(ctx)) + ctx + user_id.encode())[:8]


def row_key_of(sid):
    return sha256(b"SSC1/store-id\x00" + sid)


# --- Section 1: layouts --------------------------------------------------------------


def encrypt(key, suite, kid, nonce, aad, content):
    header = bytes([suite]) + kid + nonce
    message_key = expand(key, header + b"ek")
    sealed = AESGCM(message_key).encrypt(nonce[12:], content, header + aad)
    return header, message_key, header + sealed


def sign(key, kid, aad, content):
    header = b"\x02" + kid
    return header + content + mac(key, u64(len(aad)) + aad + header + content)


# --- Section 4: claims ---------------------------------------------------------------


def claims_bytes(c):
    flags = c["kind"] | c["deflated"] << 2 | c["padded"] << 3
    flags |= (c["subject"] is not None) << 4 | c["class"] << 5 | c.get("bit7", 0) << 7
    out = bytes([flags]) + u32(c["created"]) + u32(c["issued"]) + u32(c["expires"])
    out += bytes.fromhex(c["sid"]) + u16(c["schema"])
    return out + bytes.fromhex(c["subject"] or "")


# --- Section 8: postcard -------------------------------------------------------------


def varint(n):
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes(out) + bytes([n])


def zigzag(n):
    return 2 * n if n >= 0 else -2 * n - 1


def text(t):
    t = t.encode()
    return varint(len(t)) + t


def node_bytes(node):
    ((kind, v),) = node.items()
    if kind == "null":
        return b"\x00"
    if kind == "bool":
        return b"\x01" + bytes([v])
    if kind == "int":
        return b"\x02" + varint(zigzag(int(v)))
    if kind == "uint":
        return b"\x03" + varint(int(v))
    if kind == "float":
        return b"\x04" + bytes.fromhex(v)[::-1]
    if kind == "text":
        return b"\x05" + text(v)
    if kind == "repeat":
        return b"\x05" + text(v[0] * v[1])
    if kind == "bytes":
        return b"\x06" + varint(len(v) // 2) + bytes.fromhex(v)
    if kind == "array":
        return b"\x07" + varint(len(v)) + b"".join(map(node_bytes, v))
    if kind == "nest":
        return b"\x07\x01" * v[0] + node_bytes(v[1])
    if kind == "map":
        return b"\x08" + map_bytes(v)
    raise ValueError(kind)


def map_bytes(entries):
    return varint(len(entries)) + b"".join(text(k) + node_bytes(v) for k, v in entries)


def example_bytes(e):
    """The struct `Example` of README.md, by the table of section 8.1."""
    out = bytes([e["flag"]])
    out += bytes([e["u8"]]) + bytes([e["i8"] & 0xFF])
    out += b"".join(varint(e[k]) for k in ("u16", "u32", "u64", "u128"))
    out += b"".join(varint(zigzag(e[k])) for k in ("i16", "i32", "i64", "i128"))
    out += struct.pack("<f", e["f32"]) + struct.pack("<d", e["f64"])
    out += text(e["char"]) + text(e["string"])
    out += varint(len(e["sequence"])) + b"".join(map(varint, e["sequence"]))
    for k in ("some", "none"):
        out += b"\x00" if e[k] is None else b"\x01" + varint(e[k])
    out += bytes([e["tuple"][0]]) + text(e["tuple"][1])
    out += varint(len(e["map"]))
    out += b"".join(text(k) + varint(v) for k, v in e["map"].items())
    out += varint(len(e["shapes"]))
    for shape in e["shapes"]:
        if shape == "Point":
            out += b"\x00"
        elif "Circle" in shape:
            out += b"\x01" + varint(shape["Circle"])
        elif "Pair" in shape:
            out += b"\x02" + varint(shape["Pair"][0]) + varint(shape["Pair"][1])
        else:
            out += b"\x03" + text(shape["Named"]["name"])
    return out


def session_bytes(session):
    kind, v = session["type"], session["value"]
    if kind == "unit":
        return b""
    if kind == "bytes":
        raw = bytes.fromhex(v)
        return varint(len(raw)) + raw
    if kind == "text":
        return text(v if isinstance(v, str) else v["repeat"][0] * v["repeat"][1])
    if kind == "values":
        return map_bytes(v)
    if kind == "example":
        return example_bytes(v)
    raise ValueError(kind)


# --- Section 6: body -----------------------------------------------------------------


def pad(content, size):
    return (u32(len(content)) + content).ljust(size, b"\x00")


def padded_size(length, room):
    need = length + 4
    power = 1 << (need - 1).bit_length()
    step = max(512, power // 8)
    return min(-(-need // step) * step, room)


class Bits:
    """Bits as RFC 1951 section 3.1.1 packs them."""

    def __init__(self):
        self.bits = []

    def number(self, value, width):
        self.bits += [value >> i & 1 for i in range(width)]

    def code(self, value, width):
        self.bits += [value >> i & 1 for i in reversed(range(width))]

    def align(self):
        self.bits += [0] * (-len(self.bits) % 8)

    def done(self):
        self.align()
        return bytes(
            sum(bit << i for i, bit in enumerate(self.bits[at : at + 8]))
            for at in range(0, len(self.bits), 8)
        )


LENGTHS = [(257 + i, 3 + i, 0) for i in range(8)]
for _extra in range(1, 6):
    for _i in range(4):
        _code, _base, _bits = LENGTHS[-1]
        LENGTHS.append((_code + 1, _base + (1 << _bits), _extra))
LENGTHS[-1] = (284, 227, 5)
LENGTHS.append((285, 258, 0))
DISTANCES = [(i, 1 + i, 0) for i in range(4)]
for _extra in range(1, 14):
    for _i in range(2):
        _code, _base, _bits = DISTANCES[-1]
        DISTANCES.append((_code + 1, _base + (1 << _bits), _extra))


def symbol(out, s):
    """The fixed Huffman code of RFC 1951 section 3.2.6."""
    if s < 144:
        out.code(0x30 + s, 8)
    elif s < 256:
        out.code(0x190 + s - 144, 9)
    elif s < 280:
        out.code(s - 256, 7)
    else:
        out.code(0xC0 + s - 280, 8)


def fixed_block(out, plain, final):
    out.number(final, 1)
    out.number(1, 2)
    seen, at = {}, 0
    while at < len(plain):
        key = plain[at : at + 3]
        found, length = seen.get(key), 0
        if found is not None and len(key) == 3 and at - found <= 32768:
            while length < 258 and at + length < len(plain):
                if plain[found + length] != plain[at + length]:
                    break
                length += 1
        seen[key] = at
        if length >= 3:
            code, base, extra = [row for row in LENGTHS if row[1] <= length][-1]
            symbol(out, code)
            out.number(length - base, extra)
            code, base, extra = [row for row in DISTANCES if row[1] <= at - found][-1]
            out.code(code, 5)
            out.number(at - found - base, extra)
            at += length
        else:
            symbol(out, plain[at])
            at += 1
    symbol(out, 256)


def stored_block(out, plain, final):
    out.number(final, 1)
    out.number(0, 2)
    out.align()
    for byte in struct.pack("<HH", len(plain), len(plain) ^ 0xFFFF) + plain:
        out.number(byte, 8)


def deflate(plain, blocks=("fixed",)):
    """A raw deflate stream; the last block takes what the ones before have left."""
    out, kinds = Bits(), {"fixed": fixed_block, "stored": stored_block}
    share = len(plain) // len(blocks) if blocks[-1] != "empty" else len(plain)
    for i, kind in enumerate(blocks):
        final = i == len(blocks) - 1
        part = plain[i * share :] if final else plain[i * share : (i + 1) * share]
        kinds["stored" if kind == "empty" else kind](out, part, final)
    stream = out.done()
    checker = zlib.decompressobj(-15)
    assert checker.decompress(stream) == plain and checker.eof
    assert not checker.unused_data
    return stream


# --- Building vectors ----------------------------------------------------------------

NOW = 1_800_000_000
POLICY = [{"idle": 1800, "absolute": 86400}]
POLICIES = [
    {"idle": 1800, "absolute": 86400},
    {"idle": 604800, "absolute": 2592000},
    {"idle": 2592000, "absolute": 31536000},
    {"idle": 60, "absolute": 600},
]
CTX, NAME = "example.com", "__Host-session"
SID = "000102030405060708090a0b0c0d0e0f"
NONCE = bytes(range(0x40, 0x58)).hex()
SMALL = {
    "type": "values",
    "schema": 0,
    "value": [["user", {"uint": "42"}], ["theme", {"text": "dark"}]],
}

REASONS = {
    "empty": ("absent", "empty value"),
    "long": ("too-large", "longer than any cookie"),
    "text": ("malformed", "not strict base64url without padding"),
    "short": ("malformed", "shorter than any token"),
    "suite": ("wrong-suite", "the first byte names another suite"),
    "key": ("unknown-key", "the ring has no such key, or it is closed"),
    "auth": ("not-authentic", "altered, or of another context, name or caller data"),
    "cut": ("malformed", "claims are cut short"),
    "kind3": ("malformed", "kind 3 is reserved"),
    "bit7": ("malformed", "flag bit 7 is reserved"),
    "order": ("malformed", "created, issued and expires are not in order"),
    "class": ("malformed", "unknown lifetime class"),
    "future": ("not-yet-valid", "issued in the future"),
    "absolute": ("expired-absolute", "too old"),
    "idle": ("expired-idle", "unused for too long"),
    "kind": ("wrong-kind", "not an inline session"),
    "padding": ("malformed", "padding is not as specified"),
    "deflate": ("malformed", "not one whole deflate stream"),
    "bomb": ("too-large", "inflates to more than is allowed"),
    "schema": ("schema", "the data is not of the type that was asked for"),
}


def make(
    *,
    suite="encrypted",
    root=0x00,
    context=CTX,
    name=NAME,
    caller_aad="",
    policy=POLICY,
    now=NOW,
    created=None,
    cls=0,
    sid=SID,
    nonce=NONCE,
    user_id=None,
    session=SMALL,
    compression="when-needed",
    claims=None,
    body=None,
    content=None,
):
    """Seals; `claims`, `body` and `content` put something else in the place of what a
    writer would make."""
    root = root_of(root)
    created = now if created is None else created
    issued = max(now, created)
    life = policy[cls] if cls < len(policy) else policy[0]
    limit = 0xFFFF_FFFF
    expires = min(issued + life["idle"], created + life["absolute"], limit)
    subject = None if user_id is None else subject_of(context, user_id).hex()
    c = {
        "kind": 0,
        "deflated": 0,
        "padded": 0,
        "class": cls,
        "created": created,
        "issued": issued,
        "expires": expires,
        "sid": sid,
        "schema": session["schema"],
        "subject": subject,
    }
    c.update(claims or {})
    postcard = session_bytes(session)
    if body is None:
        body = postcard
    if content is None:
        content = claims_bytes(c) + body
    aad, kid = bytes.fromhex(caller_aad), kid_of(root)
    derived = {"kid": kid.hex()}
    if suite == "encrypted":
        key = sub_key(root, "seal", context, name)
        iv = bytes.fromhex(nonce)
        header, message_key, token = encrypt(key, 1, kid, iv, aad, content)
        derived |= {"sub_key": key.hex(), "message_key": message_key.hex()}
    else:
        key = sub_key(root, "sign", context, name)
        header, token = b"\x02" + kid, sign(key, kid, aad, content)
        derived |= {"sub_key": key.hex()}
    cut = len(claims_bytes(c))
    derived |= {
        "header": header.hex(),
        "claims": content[:cut].hex(),
        "body": content[cut:].hex(),
    }
    seal = {
        "root": root.hex(),
        "context": context,
        "name": name,
        "caller_aad": caller_aad,
        "policy": policy,
        "now": now,
        "created": created,
        "class": cls,
        "user_id": user_id,
        "random": sid + (nonce if suite == "encrypted" else ""),
        "compression": compression,
        "session": session,
    }
    return {
        "suite": suite,
        "seal": seal,
        "derived": derived,
        "claims": {k: c[k] for k in c if k != "bit7"},
        "postcard": postcard,
        "bytes": token,
        "token": b64(token),
    }


def ring(*entries):
    return [{"root": root_of(e[0]).hex(), "seals_from": e[1], "opens_until": e[2]} for e in entries]


def opening(m, over):
    """How a vector is opened: as it was sealed, except where `over` says otherwise."""
    seal = m["seal"]
    o = {
        "suite": m["suite"],
        "now": seal["now"],
        "context": seal["context"],
        "name": seal["name"],
        "caller_aad": seal["caller_aad"],
        "keys": [{"root": seal["root"], "seals_from": 0, "opens_until": None}],
        "policy": seal["policy"],
        "accept_also": [],
        "type": seal["session"]["type"],
        "schema": seal["session"]["schema"],
    }
    assert set(over) <= set(o), over
    return o | over


FILES = {}


def emit(file, vector):
    vectors = FILES.setdefault(file, [])
    assert all(v["name"] != vector["name"] for v in vectors), vector["name"]
    vectors.append(vector)


def accept(file, name, rule, m=None, /, *, reproducible=True, reseal=False, reissue=False, **over):
    m = m or make()
    p = m["postcard"]
    if len(p) > 4096:
        shown = {"len": len(p), "sha256": sha256(p).hex()}
    else:
        shown = p.hex()
    c = dict(m["claims"])
    c["deflated"], c["padded"] = bool(c["deflated"]), bool(c["padded"])
    emit(
        file,
        {
            "name": name,
            "rule": rule,
            "verdict": "accept",
            "reproducible": reproducible,
            "seal": m["seal"],
            "derived": m["derived"],
            "token": m["token"],
            "open": opening(m, over),
            "expect": {
                "claims": c,
                "postcard": shown,
                "session": m["seal"]["session"]["value"],
                "needs_reseal": reseal,
                "needs_reissue": reissue,
            },
        },
    )


def reject(file, name, rule, why, m=None, /, *, token=None, **over):
    m = m or make()
    category, reason = REASONS[why]
    vector = {"name": name, "rule": rule, "verdict": "reject"}
    if token is None:
        vector |= {"seal": m["seal"], "derived": m["derived"]}
        token = m["token"]
    vector |= {
        "token": token,
        "open": opening(m, over),
        "expect": {"category": category, "reason": reason},
    }
    emit(file, vector)


def filler(n):
    """Bytes that no deflate shortens."""
    out = b""
    while len(out) < n:
        out += sha256(b"SSC1 vectors" + u64(len(out)))
    return out[:n]


def bytes_session(n):
    """A session whose postcard has `n` bytes."""
    size = n - len(varint(n)) if n > 1 else 0
    while size + len(varint(size)) < n:
        size += 1
    session = {"type": "bytes", "schema": 0, "value": filler(size).hex()}
    assert len(session_bytes(session)) == n
    return session


# --- keys.json: section 3, and the derivations of sections 4 and 10 -------------------


def keys():
    def key(name, verdict, text, **more):
        emit("keys.json", {"name": name, "rule": "SPEC 3", "verdict": verdict, "text": text} | more)

    for start in range(0, 256, 32):
        root = root_of(start)
        key(
            f"published root from {start:02x}",
            "accept",
            "ssc1_key_" + b64(root),
            root=root.hex(),
            kid=kid_of(root).hex(),
            published=True,
            sub_keys=[
                {"purpose": p, "context": c, "name": n, "key": sub_key(root, p, c, n).hex()}
                for p in ("seal", "sign", "store")
                for c, n in ((CTX, NAME), ("", "s"))
            ],
        )
    good = "ssc1_key_" + b64(root_of(0x20))
    for name, error, bad in [
        ("no text", "prefix", ""),
        ("the prefix alone", "encoding", "ssc1_key_"),
        ("no prefix", "prefix", good[9:]),
        ("another prefix", "prefix", good.replace("ssc1", "ssc2")),
        ("the prefix in capitals", "prefix", good.replace("ssc1_key_", "SSC1_KEY_")),
        ("white space in front", "prefix", " " + good),
        ("white space at the end", "encoding", good + "\n"),
        ("padding", "encoding", good + "="),
        ("one character fewer", "encoding", good[:-1]),
        ("one character more", "encoding", good + "A"),
        ("the other alphabet", "encoding", good[:-2] + "+" + good[-1]),
        ("an unused bit set", "encoding", good[:-1] + chr(ord(good[-1]) + 1)),
        ("hexadecimal", "encoding", "ssc1_key_" + root_of(0x20).hex()),
        ("all zeros", "not-random", "ssc1_key_" + b64(bytes(32))),
        ("all ones", "not-random", "ssc1_key_" + b64(b"\xff" * 32)),
        ("32 equal bytes", "not-random", "ssc1_key_" + b64(b"k" * 32)),
    ]:
        key(name, "reject", bad, error=error)

    def derive(name, rule, **more):
        emit("derivations.json", {"name": name, "rule": rule, "verdict": "accept"} | more)

    for context, user in [
        (CTX, "42"),
        (CTX, ""),
        ("", "42"),
        ("example.co", "m42"),
        ("bücher.example", "zoë"),
        (CTX, "22b37598-90da-4cb6-8bdb-5e6aea046636"),
    ]:
        derive(
            f"subject of {user!r} in {context!r}",
            "SPEC 4",
            context=context,
            user_id=user,
            subject=subject_of(context, user).hex(),
        )
    for sid in (SID, "ff" * 16, filler(16).hex()):
        derive(
            f"row key of {sid}", "SPEC 10", sid=sid, row_key=row_key_of(bytes.fromhex(sid)).hex()
        )

    anchor = make(content=b"hello session")
    assert anchor["derived"]["kid"] == "abece2b67da5b36945a892523ff6f9ec"
    assert anchor["derived"]["sub_key"] == (
        "65d35b87b6146dc1c19b2d7056138cc4ad5dd1e42cb62e8ad8f9070fdf90c6b6"
    )
    assert anchor["derived"]["message_key"] == (
        "0e44ae66fc14388b7bbe7bbf09f652bf82f06b3ae3091d2fd84244f0d35e2758"
    )
    assert anchor["token"] == (
        "Aavs4rZ9pbNpRaiSUj_2-exAQUJDREVGR0hJSktMTU5PUFFSU1RVVlc0mf00LHgFBN1PHcQ0Nr76gbbJ"
        "e8FdkVxubl5dRA"
    )
    assert subject_of(CTX, "42").hex() == "9f98ab0a781e8c11"
    assert row_key_of(bytes(range(16))).hex() == (
        "bb8b13f56c4da2a19e1161dae1562c08cc4e345405267262907d82bafb950581"
    )
    derived = {k: anchor["derived"][k] for k in ("kid", "sub_key", "message_key", "header")}
    derive(
        "the first vector: its bytes are defined, but they are no session",
        "SPEC 9",
        root=root_of(0).hex(),
        context=CTX,
        cookie_name=NAME,
        caller_aad="",
        nonce=NONCE,
        plaintext=b"hello session".hex(),
        derived=derived,
        token=anchor["token"],
    )
    # A record: specified, read by no release yet.
    handle, version = bytes(range(0x80, 0xA0)), 7
    root = root_of(0)
    claims = {
        "kind": 2,
        "deflated": 0,
        "padded": 0,
        "class": 0,
        "created": NOW,
        "issued": NOW,
        "expires": NOW + 1800,
        "sid": SID,
        "schema": 0,
        "subject": subject_of(CTX, "42").hex(),
    }
    store_key = sub_key(root, "store", CTX, NAME)
    record_key = expand(store_key, handle)
    content = claims_bytes(claims) + session_bytes(SMALL)
    row_key = row_key_of(bytes.fromhex(SID))
    _, message_key, record = encrypt(
        record_key, 3, kid_of(root), bytes.fromhex(NONCE), row_key + u64(version), content
    )
    derive(
        "a record, for the release that has a store; in a cookie it is of the wrong suite",
        "SPEC 10",
        root=root.hex(),
        context=CTX,
        cookie_name=NAME,
        handle=handle.hex(),
        version=version,
        nonce=NONCE,
        sid=SID,
        user_id="42",
        plaintext=content.hex(),
        derived={
            "kid": kid_of(root).hex(),
            "store_key": store_key.hex(),
            "record_key": record_key.hex(),
            "row_key": row_key.hex(),
            "message_key": message_key.hex(),
        },
        token=b64(record),
    )


# --- encrypted.json and signed.json: sections 1 to 4 ----------------------------------


def layouts(suite):
    file = f"{suite}.json"

    def ok(name, rule, /, m=None, **over):
        accept(file, name, rule, m, **over)

    def mk(**how):
        return make(suite=suite, **how)

    frame = {"encrypted": 88, "signed": 80}[suite]
    ok("a small session", "SPEC 1.2", mk())
    ok("with a subject", "SPEC 4", mk(user_id="42"))
    ok(
        "no body at all: the shortest token",
        "SPEC 1.2",
        mk(session={"type": "unit", "schema": 0, "value": None}),
    )
    for cls in range(4):
        ok(f"lifetime class {cls}", "SPEC 4", mk(policy=POLICIES, cls=cls))
    ok("lifetime class 3 with a subject", "SPEC 4", mk(policy=POLICIES, cls=3, user_id="zoë"))
    for schema in (1, 513, 65535):
        ok(f"schema {schema}", "SPEC 4", mk(session=SMALL | {"schema": schema}))
    for n, aad in [(1, "00"), (9, b"device-17".hex()), (64, filler(64).hex())]:
        ok(f"caller_aad of {n} bytes", "SPEC 1.2", mk(caller_aad=aad))
    for start in range(0x20, 256, 32):
        nonce = filler(24 + start)[-24:].hex()
        ok(f"root from {start:02x}", "SPEC 3", mk(root=start, nonce=nonce, sid=filler(16).hex()))
    ok("another context", "SPEC 3", mk(context="shop.example.org"))
    ok("an empty context", "SPEC 3", mk(context=""))
    ok("a context beyond ASCII", "SPEC 3", mk(context="bücher.example", user_id="42"))
    ok("another name", "SPEC 3", mk(name="sid"))
    ok("sealed anew an hour later", "SPEC 5", mk(created=NOW - 3600, user_id="42"))

    # The longest: name and value of exactly 4096 bytes.
    ok("4096 bytes of name and value", "SPEC 1.1", mk(session=bytes_session(3061 - frame)))
    ok(
        "4096 bytes of name and value, with a subject",
        "SPEC 1.1",
        mk(session=bytes_session(3061 - frame - 8), user_id="42"),
    )
    for name in ("s", "sid", "__Secure-session"):
        size = 3 * (4096 - len(name)) // 4 - frame
        m = mk(session=bytes_session(size), name=name)
        assert len(m["token"]) + len(name) in (4095, 4096)
        ok(f"as long as fits beside the name {name}", "SPEC 1.1", m)
    m = mk(session=bytes_session(3072 - frame))
    assert len(m["token"]) == 4096
    ok("a value of 4096 characters is still read", "SPEC 1.1", m, reproducible=False)

    # Rings: pending, sealing, retired; and who should be sealed anew.
    turn, week = NOW + 3600, 604800
    two = ring((0x00, 0, None), (0x20, turn, None))
    three = ring((0x00, 0, turn + 2400), (0x20, turn, None), (0x40, turn + week, None))
    ok("the older of two keys, still sealing", "SPEC 3", mk(), keys=two)
    ok(
        "a pending key, of a server whose clock is ahead",
        "SPEC 3",
        mk(root=0x20, now=turn),
        keys=two,
        now=turn - 100,
        reseal=False,
    )
    ok("the newer of two keys", "SPEC 3", mk(root=0x20, now=turn), keys=two)
    late = mk(now=turn - 1)
    ok("a retired key in the second before its successor", "SPEC 3", late, keys=three, now=turn - 1)
    ok("a retired key", "SPEC 3", late, keys=three, now=turn, reseal=True)
    ok(
        "a retired key in its last second",
        "SPEC 3",
        mk(now=turn + 1000),
        keys=three,
        now=turn + 2399,
        reseal=True,
        reissue=True,
    )
    reject(
        file,
        "a key that closes now",
        "SPEC 3",
        "key",
        mk(now=turn + 1000),
        keys=three,
        now=turn + 2400,
    )
    reject(
        file,
        "a key that is long closed",
        "SPEC 3",
        "key",
        mk(now=turn + 1000),
        keys=three,
        now=turn + week,
    )
    reject(file, "a key that the ring does not hold", "SPEC 3", "key", mk(root=0x60), keys=three)
    reject(file, "another ring altogether", "SPEC 3", "key", mk(), keys=ring((0xE0, 0, None)))

    # Former contexts and names.
    former = [
        {"context": "old.example", "name": "sid", "until": NOW + 1000},
        {"context": CTX, "name": "__Secure-session", "until": NOW + 500},
    ]
    ok(
        "a former context and name",
        "SPEC 7",
        mk(context="old.example", name="sid"),
        context=CTX,
        name=NAME,
        accept_also=former,
        reseal=True,
    )
    ok(
        "a former name",
        "SPEC 7",
        mk(name="__Secure-session"),
        name=NAME,
        accept_also=former,
        reseal=True,
    )
    ok("its own name beside former ones", "SPEC 7", mk(), accept_also=former)
    for at, fine in ((999, True), (1000, False)):
        m = mk(context="old.example", name="sid", user_id="42")
        over = {"context": CTX, "name": NAME, "accept_also": former, "now": NOW + at}
        if fine:
            ok(
                "a former context in its last second",
                "SPEC 7",
                m,
                reseal=True,
                reissue=True,
                **over,
            )
        else:
            reject(file, "a former context after its date", "SPEC 7", "auth", m, **over)
    reject(
        file,
        "the context of one former pair and the name of another",
        "SPEC 7",
        "auth",
        mk(context="old.example", name="__Secure-session"),
        context=CTX,
        name=NAME,
        accept_also=former,
    )

    # What the key and the tag bind.
    reject(file, "opened under another context", "SPEC 3", "auth", mk(), context="example.org")
    reject(file, "opened under another name", "SPEC 3", "auth", mk(), name="__Host-Session")
    reject(
        file,
        "a byte moved between context and name",
        "SPEC 3",
        "auth",
        mk(context="ab", name="c"),
        context="a",
        name="bc",
    )
    reject(
        file,
        "opened with caller_aad that it was not sealed with",
        "SPEC 1.2",
        "auth",
        mk(),
        caller_aad="00",
    )
    reject(
        file,
        "opened without its caller_aad",
        "SPEC 1.2",
        "auth",
        mk(caller_aad="00"),
        caller_aad="",
    )
    reject(
        file,
        "opened with another caller_aad",
        "SPEC 1.2",
        "auth",
        mk(caller_aad="0102"),
        caller_aad="0103",
    )
    reject(
        file,
        "opened with a longer caller_aad",
        "SPEC 1.2",
        "auth",
        mk(caller_aad="0102"),
        caller_aad="010200",
    )

    # Alterations, region by region.
    good = mk(user_id="42")["bytes"]
    end = len(good)
    if suite == "encrypted":
        regions = {"nonce": (17, 41), "ciphertext": (41, end - 16), "tag": (end - 16, end)}
        tag = 16
    else:
        regions = {"claims": (17, 56), "body": (56, end - 32), "tag": (end - 32, end)}
        tag = 32

    def altered(name, data, why, rule="SPEC 7"):
        reject(file, name, rule, why, mk(), token=b64(data))

    def flipped(at, bit=0):
        out = bytearray(good)
        out[at] ^= 1 << bit
        return bytes(out)

    other = {"encrypted": 2, "signed": 1}[suite]
    for byte in (0, other, 3, 4, 255):
        altered(f"suite {byte}", bytes([byte]) + good[1:], "suite", "SPEC 7 step 4")
    for at in (1, 8, 16):
        altered(f"the kid altered at byte {at}", flipped(at), "key", "SPEC 7 step 5")
    for region, (start, stop) in regions.items():
        places = {start, (start + stop) // 2, stop - 1} | ({28, 29} if region == "nonce" else set())
        for at in sorted(places):
            altered(
                f"the {region} altered at byte {at - start}",
                flipped(at, at % 8),
                "auth",
                "SPEC 7 step 8",
            )
    altered("an all-zero tag", good[:-tag] + bytes(tag), "auth", "SPEC 7 step 8")
    altered("an all-ones tag", good[:-tag] + b"\xff" * tag, "auth", "SPEC 7 step 8")
    altered("the tag of another token", good[:-tag] + mk()["bytes"][-tag:], "auth", "SPEC 7 step 8")
    altered("the last byte cut off", good[:-1], "auth", "SPEC 7 step 8")
    altered(
        "the whole tag cut off, of a longer token",
        mk(session=bytes_session(60))["bytes"][:-tag],
        "auth",
        "SPEC 7 step 8",
    )
    altered("a byte appended", good + b"\x00", "auth", "SPEC 7 step 8")
    altered(
        "a byte inserted before the tag",
        good[:-tag] + b"\x00" + good[-tag:],
        "auth",
        "SPEC 7 step 8",
    )
    altered("one byte shorter than any token", good[: frame - 1], "short", "SPEC 7 step 7")
    altered("as short as a token can be, but cut", good[:frame], "auth", "SPEC 7 step 8")
    altered("suite and key id alone", good[:17] + b"\x00", "short", "SPEC 7 step 7")
    kid = kid_of(root_of(0x20))
    altered(
        "the kid of another key of the ring", good[:1] + kid + good[17:], "key", "SPEC 7 step 5"
    )
    reject(
        file,
        "the kid of another key that the ring holds",
        "SPEC 7 step 8",
        "auth",
        mk(),
        token=b64(good[:1] + kid + good[17:]),
        keys=ring((0x00, 0, None), (0x20, 1, None)),
    )


def crossed():
    file = "reject.json"
    e, s = make(session=bytes_session(100)), make(suite="signed", session=bytes_session(100))
    reject(
        file,
        "a signed token where encrypted ones are expected",
        "SPEC 7 step 4",
        "suite",
        e,
        token=s["token"],
    )
    reject(
        file,
        "an encrypted token where signed ones are expected",
        "SPEC 7 step 4",
        "suite",
        s,
        token=e["token"],
    )
    reject(
        file,
        "a signed token that calls itself encrypted",
        "SPEC 7 step 8",
        "auth",
        e,
        token=b64(b"\x01" + s["bytes"][1:]),
    )
    reject(
        file,
        "an encrypted token that calls itself signed",
        "SPEC 7 step 8",
        "auth",
        s,
        token=b64(b"\x02" + e["bytes"][1:]),
    )
    header, _, token = encrypt(
        sub_key(root_of(0), "sign", CTX, NAME),
        1,
        kid_of(root_of(0)),
        bytes.fromhex(NONCE),
        b"",
        claims_bytes(e["claims"]) + e["postcard"],
    )
    reject(file, "encrypted with the key for signing", "SPEC 3", "auth", e, token=b64(token))
    token = s["bytes"][:-32]
    token += mac(sub_key(root_of(0), "seal", CTX, NAME), u64(0) + token)
    reject(file, "signed with the key for encrypting", "SPEC 3", "auth", s, token=b64(token))
    token = s["bytes"][:-32]
    reject(
        file,
        "signed without the length of caller_aad",
        "SPEC 1.2",
        "auth",
        s,
        token=b64(token + mac(sub_key(root_of(0), "sign", CTX, NAME), token)),
    )
    header = b"\x01" + kid_of(root_of(0)) + bytes.fromhex(NONCE)
    key = sub_key(root_of(0), "seal", CTX, NAME)
    plain = claims_bytes(e["claims"]) + e["postcard"]
    for name, k, iv, aad in [
        ("encrypted without a message key", key, header[29:], header),
        (
            "the first bytes of the nonce as the iv",
            expand(key, header + b"ek"),
            header[17:29],
            header,
        ),
        ("the header not authenticated", expand(key, header + b"ek"), header[29:], b""),
    ]:
        reject(
            file, name, "SPEC 1.2", "auth", e, token=b64(header + AESGCM(k).encrypt(iv, plain, aad))
        )


# --- reject.json: text, claims and kinds, for readers of encrypted tokens --------------


def texts():
    file = "reject.json"
    good = make()["token"]
    for name, why, token, rule in [
        ("an empty value", "empty", "", "SPEC 7 step 1"),
        ("4097 characters", "long", "A" * 4097, "SPEC 7 step 2"),
        ("10,000 characters", "long", good + "A" * 10_000, "SPEC 7 step 2"),
        (
            "4097 characters, the first of them a token",
            "long",
            good + "A" * (4097 - len(good)),
            "SPEC 7 step 2",
        ),
        ("4096 characters of zeros", "suite", "A" * 4096, "SPEC 7 step 4"),
        ("one character", "text", "A", "SPEC 7 step 3"),
        ("a removed cookie's words", "text", "deleted", "SPEC 7 step 3"),
        ("23 characters of a token", "text", good[:23], "SPEC 7 step 3"),
        ("24 characters of a token", "short", good[:24], "SPEC 7 step 7"),
        ("25 characters of a token", "text", good[:25], "SPEC 7 step 6"),
        (
            "a JSON web token",
            "text",
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiI0MiJ9.AAAAAAAA",
            "SPEC 7 step 3",
        ),
        ("quoted", "text", f'"{good}"', "SPEC 7 step 3"),
        ("white space in front", "text", " " + good, "SPEC 7 step 3"),
        ("white space at the end", "text", good + " ", "SPEC 7 step 6"),
        ("a line break at the end", "text", good + "\n", "SPEC 7 step 6"),
        ("a line break inside", "text", good[:76] + "\r\n" + good[76:], "SPEC 7 step 6"),
        ("a NUL at the end", "text", good + "\0", "SPEC 7 step 6"),
        ("percent-encoded", "text", good[:40] + "%2D" + good[41:], "SPEC 7 step 6"),
        ("not ASCII, early", "text", "é" + good, "SPEC 7 step 3"),
        ("not ASCII, late", "text", good[:60] + "é" + good[61:], "SPEC 7 step 6"),
        ("a full-width letter", "text", good[:60] + "Ａ" + good[61:], "SPEC 7 step 6"),
        ("a dot at the end", "text", good + ".", "SPEC 7 step 6"),
    ]:
        reject(file, name, rule, why, token=token)
    for count in (1, 2, 3):
        reject(file, f"padding of {count}", "SPEC 7 step 6", "text", token=good + "=" * count)
    # A token for each number of unused bits: 0, 2 and 4.
    for size in range(3):
        m = make(session=bytes_session(20 + size))
        t, unused = m["token"], {0: 0, 2: 2, 1: 4}[len(m["bytes"]) % 3]
        reject(
            file,
            f"{unused} unused bits: padded to a multiple of 4 and once more",
            "SPEC 7 step 6",
            "text",
            m,
            token=t + "=" * (-len(t) % 4 or 4),
        )
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        for bit in range(unused):
            last = alphabet[alphabet.index(t[-1]) | 1 << bit]
            assert last != t[-1]
            reject(
                file,
                f"{unused} unused bits: bit {bit} set",
                "SPEC 7 step 6",
                "text",
                m,
                token=t[:-1] + last,
            )
        length = len(m["bytes"]) + (-len(m["bytes"]) % 3)
        extra = t + "A" * ((length * 4 // 3) - len(t)) + "A"
        reject(
            file,
            f"{unused} unused bits: a length of 1 more than a multiple of 4",
            "SPEC 7 step 6",
            "text",
            m,
            token=extra,
        )
    plus = next(
        m["token"]
        for i in range(64)
        if {"-", "_"} <= set((m := make(sid=filler(16 + i)[-16:].hex()))["token"][24:])
    )
    for own, other in (("-", "+"), ("_", "/")):
        token = plus[:24] + plus[24:].replace(own, other)
        reject(file, f"the other alphabet: {other}", "SPEC 7 step 6", "text", token=token)
    # The order of the checks.
    junk = "!" * 60
    reject(
        file,
        "a wrong suite is told before what follows is read",
        "SPEC 7 step 4",
        "suite",
        token="Ag" + good[2:24] + junk,
    )
    reject(
        file,
        "an unknown key is told before what follows is read",
        "SPEC 7 step 5",
        "key",
        token=make(root=0x20)["token"][:24] + junk,
    )
    reject(
        file, "a known key, and then no base64url", "SPEC 7 step 6", "text", token=good[:24] + junk
    )
    reject(
        file,
        "no base64url within the first 24 characters comes first",
        "SPEC 7 step 3",
        "text",
        token="Ag" + good[2:23] + "!" + good[24:],
    )


def claims():
    file = "reject.json"

    def no(name, why, rule, /, suite="encrypted", claims=None, over=None, **how):
        reject(
            file,
            f"{name} ({suite})",
            rule,
            why,
            make(suite=suite, claims=claims, **how),
            **(over or {}),
        )

    for suite in ("encrypted", "signed"):
        nine = "SPEC 7 step 9"
        no("flag bit 7", "bit7", nine, suite, {"bit7": 1})
        no("kind 3", "kind3", nine, suite, {"kind": 3})
        no(
            "kind 1 where inline is expected",
            "kind",
            "SPEC 7 step 15",
            suite,
            {"kind": 1},
            body=bytes(range(0x80, 0xA0)),
        )
        no("kind 2 where inline is expected", "kind", "SPEC 7 step 15", suite, {"kind": 2})
        no("issued before created", "order", nine, suite, {"created": NOW + 1})
        no("expires before issued", "order", nine, suite, {"expires": NOW - 1})
        no(
            "expires before created",
            "order",
            nine,
            suite,
            {"created": NOW - 10, "issued": NOW - 5, "expires": NOW - 11},
        )
        no("a subject announced and not there", "cut", nine, suite, {"subject": ""}, body=b"")
        no("a subject of 7 bytes", "cut", nine, suite, {"subject": "00" * 7}, body=b"")
        for cls in (1, 2, 3):
            no(
                f"class {cls} under a policy of {cls}",
                "class",
                "SPEC 7 step 10",
                suite,
                {"class": cls},
                policy=POLICIES[:cls],
            )
    no("a reference without a handle", "kind", "SPEC 7 step 15", claims={"kind": 1}, body=b"")
    # The order of the checks.
    no(
        "disordered times are told before the unknown class",
        "order",
        "SPEC 7 step 9",
        claims={"class": 3, "expires": NOW - 1},
    )
    no(
        "the unknown class is told before the future",
        "class",
        "SPEC 7 step 10",
        claims={"class": 3},
        over={"now": NOW - 500},
    )
    no(
        "the time is told before the kind",
        "idle",
        "SPEC 7 step 13",
        claims={"kind": 1},
        over={"now": NOW + 1800},
    )
    no(
        "the kind is told before the padding",
        "kind",
        "SPEC 7 step 15",
        claims={"kind": 2, "padded": 1},
        body=b"\xff" * 40,
    )
    no(
        "the body is told before the schema",
        "padding",
        "SPEC 7 step 16",
        claims={"padded": 1},
        body=b"\xff" * 40,
        over={"schema": 1},
    )
    no(
        "altered and expired is altered",
        "auth",
        "SPEC 7 step 8",
        over={"now": NOW + 10**6, "caller_aad": "00"},
    )


# --- time.json: section 5 ---------------------------------------------------------------


def times():
    file = "time.json"
    for suite in ("encrypted", "signed"):

        def ok(name, m, **over):
            accept(file, f"{name} ({suite})", "SPEC 5", m, **over)

        def no(name, why, m, **over):
            reject(file, f"{name} ({suite})", "SPEC 5", why, m, **over)

        def mk(**how):
            return make(suite=suite, **how)

        m = mk()
        ok("at its issue", m)
        ok("a second before a tenth of the idle time", m, now=NOW + 179)
        ok("after a tenth of the idle time", m, now=NOW + 180, reissue=True)
        ok("its last second", m, now=NOW + 1799, reissue=True)
        no("at expires", "idle", m, now=NOW + 1800)
        no("long after expires, within the absolute time", "idle", m, now=NOW + 80000)
        no("idle and too old: too old is told", "absolute", m, now=NOW + 86400)

        odd = mk(policy=[{"idle": 1795, "absolute": 86400}])
        ok("before a tenth of the idle time, rounded up", odd, now=NOW + 179)
        ok("after a tenth of the idle time, rounded up", odd, now=NOW + 180, reissue=True)

        old = mk(created=NOW - 85000, user_id="42")
        assert old["claims"]["expires"] == NOW + 1400
        ok("the last second of its absolute time", old, now=NOW + 1399)
        no("at the end of its absolute time", "absolute", old, now=NOW + 1400)
        ok("near the end, a new token would not live longer", old, now=NOW + 600)
        middle = mk(created=NOW - 84000)
        assert middle["claims"]["expires"] == NOW + 1800
        ok("near the end, a new token would live longer", middle, now=NOW + 200, reissue=True)

        ok("120 seconds in the future", m, now=NOW - 120)
        no("121 seconds in the future", "future", m, now=NOW - 121)
        no("a year in the future", "future", m, now=NOW - 31536000)
        ahead = mk(now=NOW, created=NOW + 120)
        assert ahead["claims"]["issued"] == NOW + 120
        ok("begun on a server whose clock is ahead by 120 seconds", ahead)
        ahead = mk(now=NOW, created=NOW + 60)
        ok("begun on a server whose clock is ahead", ahead, now=NOW + 1859, reissue=True)
        no("begun on a server whose clock was ahead, at expires", "idle", ahead, now=NOW + 1860)

        tight = [{"idle": 600, "absolute": 86400}]
        ok("tightened idle time, its last second", m, policy=tight, now=NOW + 599)
        no("tightened idle time", "idle", m, policy=tight, now=NOW + 600)
        ok(
            "a tightened policy counts a tenth of its own idle time",
            m,
            policy=[{"idle": 1700, "absolute": 86400}],
            now=NOW + 170,
            reissue=True,
        )
        short = [{"idle": 1800, "absolute": 3600}]
        hour = mk(created=NOW - 3000)
        ok("tightened absolute time, its last second", hour, policy=short, now=NOW + 599)
        no("tightened absolute time", "absolute", hour, policy=short, now=NOW + 600)
        loose = [{"idle": 864000, "absolute": 864000}]
        ok("a loosened policy revives nothing, a second before", m, policy=loose, now=NOW + 1799)
        no("a loosened policy revives nothing", "idle", m, policy=loose, now=NOW + 1800)
        no("a loosened policy revives no absolute time", "idle", old, policy=loose, now=NOW + 1400)

        for cls, life in enumerate(POLICIES):
            c = mk(policy=POLICIES, cls=cls)
            end = NOW + life["idle"]
            ok(f"class {cls}, its last second", c, now=end - 1, reissue=True)
            no(f"class {cls} at expires", "idle", c, now=end)
        c = mk(policy=POLICIES, cls=1)
        swapped = [POLICIES[0], POLICIES[3]]
        no("a class whose timeouts were tightened", "idle", c, policy=swapped, now=NOW + 60)

        day = [{"idle": 34560000, "absolute": 34560000}]
        c = mk(policy=day)
        ok("400 days, the last second", c, now=NOW + 34559999)
        no("after 400 days", "absolute", c, now=NOW + 34560000)
        tiny = mk(policy=[{"idle": 1, "absolute": 1}])
        ok("one second", tiny)
        no("after one second", "absolute", tiny, now=NOW + 1)

        top = 2**32 - 1
        last = mk(now=top - 1000)
        assert last["claims"]["expires"] == top
        ok("the last second but one of the clock", last, now=top - 1)
        no("the last second of the clock", "absolute", last, now=top)
        zero = mk(now=0)
        ok("the first second of the clock", zero)
        same = mk(claims={"expires": NOW})
        no("a token that expires when it is issued", "idle", same)
        far = mk(claims={"expires": NOW + 10**6})
        ok(
            "expires later than the policy allows, a second before the policy's end",
            far,
            now=NOW + 1799,
            reproducible=False,
        )
        no("expires later than the policy allows", "idle", far, now=NOW + 1800)
        near = mk(claims={"expires": NOW + 10})
        ok("expires earlier than the policy allows", near, now=NOW + 9, reproducible=False)
        no("expires earlier than the policy allows, at expires", "idle", near, now=NOW + 10)
        no(
            "created long ago, by a token that never should have been",
            "absolute",
            mk(claims={"created": NOW - 86400}),
        )


# --- body.json: section 6 ---------------------------------------------------------------

# A stream with a dynamic Huffman block, made once with zlib at level 6, of the postcard of
# DYNAMIC_TEXT; here as bytes, so that it depends on no version of zlib.
DYNAMIC_TEXT = " ".join(f"item {n * n} of {n}," for n in range(300))
DYNAMIC_STREAM = (
    "4d9841922d270c04aff2d70e2f9084401cc88ef0c2e18d6fe88b99f75455ccb2677a201b24a534fffdf6"
    "d7bf7ffcfd6bfcfae7cf5fe3f75fdf07fb3c181ee6e7c1f1703e0fc1d7d6e769e2c9f3f394788aefef16"
    "d7f8feddc6d3fa2e5978aaef6e876b8e2f8909c51b863436bf7f6c2e86efd226a6f3ddd844d55896a2ec"
    "df93ccabff9e6ce1bd7ee93b7a7ff2cde673f2cdf9fdbdebb4aacf8b7ce9dff59d7cb9bffb3bf956f339"
    "f9167e4fbe8dbf27dfc6fa3a3dec4fbed37c41bed3fca1f31bfd81a1031c7d02a113b43ea298ba82668c"
    "d40ffa908390167d0bb1df2df52ec4b4ec7b0cddf36ad0a98b5e1d0853a4bbe3648ab43a8ce6bbeb8eb2"
    "a9cb1e4d3a75db8618d575fbe83548ea317a1792fa1ccd4152cf264d92faea3792a4be7b8d24a957ef92"
    "24f5d31c49d200692a5facbf25497a03b1d75064469f472a34679f58923470a68ba4b1fbd41749a3fa5e"
    "1649e3f4cd2d92ced177bb483a71fb8ba4333a3e96927b76042d92ced531b6483a7747e15216214c3749"
    "73741c6f92a675a06f255274266c65d2ec54d9244de4d226696ebc41d23c584395686017925ef2e620e9"
    "42c2174957f6b71449d7eeaf2d92aeeaf32892eed1275624dd38d322e98e3ef552da67df4b29ef77df5c"
    "91749fbedb2269a1741e9296a3b492b46647d02169ad8eb143d2aa8ec243d283383d24bdbbf61b243db3"
    "63fd90f4acce8643d2539d2fe7478d679557f60fef976cbc4a357ba1fb3bfd68f5663654034635d07d5d"
    "050cd03654b1cc036fa966dd1a85b554b56c2deca8ba6555e012bdd3513f2415d494e83d61aaa72adf90"
    "d5b3951ff84ac2b2a0b2e42c8b096bd98f8a0b71c95c1607ee92bc6c1af4257fddaf06bd1466372cfa2d"
    "7f96ad8267459fd6c96372996574829974664c4293d12c8b6f897e692dd1afe08ea25fe27ad640e13009"
    "ce36bff1396e4f9cc4b3dce6793dcfed83537da62b9efd73dd950ede127df11e9fefcec06d3fe31dc6c4"
    "73de4181b667bdc3f892f76e22200a653e1f8c55b9cfc746443ffb29ee7ff82f901dcf80c61c7a0efce0"
    "f78f6441673e3e0f5284f64ce8486d7b2e0cc35acf86811261cf87b1c125235eefb25513fd0c7ca3ace8"
    "1325cbe4c5eb499c97cce889d267f92cceb3971d3d51424d7ef45bff7b2d19d2174ab1c9917e63095da4"
    "e859d24d9ef49dec3545bfa106932bfd861c76147d4131265fde2e15f432a61fa8cae44c3f891c92356f"
    "7d41a6c99bb7f5403eeed78d306be5ce18876fa923b1e05aea492e35765457e2835cea4b9c3547160d47"
    "4b60f26884b1f7567712682d4c2e8d289caa6c1a6c514c3ebd05133724a3c644ab63726a64e0b665d548"
    "b44c56afab62bd97596f2786f8925b6f3d4614caaeb7fb42accaafb75e22a265d828c6bd1c7b2b21b243"
    "968d424b69f2ec2df7c83499f67611c8c7f3635ee1c4a29165a0c575b9768eeab55cae9d8656d9e5da8f"
    "4d7a3a19af3b04bdcbb5b7f606de5287e868dd5dae9de10b3baa4b0c8c002ed7dee90af4f6062e8c122e"
    "d7dee2d8f7e872ed4c8c242ed7cedc1d132ed7de4615f472ed5c2bf196e8374624976be74ec78eafc7c5"
    "a8e56f562c4e8b6f5c2c0e6c6f623cce9951f48763df9b1b876132946b9359eb726dde66066fa9e7358e"
    "a0726dde88c18ea4bf9f43aea31fa1e6b85c9b8171d8e5da8cc249c8b53931547bfce8d571aa726d26cf"
    "5eaebdf5123724d7de4a887b946bf3b605d851f41bff2670b9f6ced9a0976bb306e24baecd5b4c7a2db9"
    "36af0b7b47b9364f22a2e5dabb38e8e5da3512d921d77e2a07d6d2c471ed891ddfcc31908f72eda26b5d"
    "ae5dc1b7e4da155c4baefd8c2bbda35cbb26b9e4da95a4976b57f21be5dab5781272ed2739b0a3e8374f"
    "55ae5d3a7bb9f666366e48aefd14cc5e4bae5d87b72dd7de88404cc8b57b3072e4da3d185f72ed0d0944"
    "a15cbb8db12ad76e6744cbb55b712fd7ee6076c8b57762430ec9b57b32d3e4da9dcc47b976b34376b9f6"
    "aa906f897ee91f3f6f02649d906bf76635916bb76a8e5cbb8b9549aebdad2f4e42aeadc12a27d7d6602d"
    "946b8bff0c72b9b68c7555ae2d67f5956bcb59a3e5da0a56f237c3aadebf2976d20a6f8e4dbae34db249"
    "c3bc5976d143726d6dc6bd5c7b7b7964875c5b45f3c9b555f4a35c5b8716bdaefd1f"
)


def bodies():
    file = "body.json"
    room = 2973
    long = {"type": "text", "schema": 0, "value": {"repeat": ["session ", 500]}}
    plain = session_bytes(long)
    FLAGS = {"deflated": 1, "padded": 1}

    def whole(session, blocks=("fixed",), stream=None, size=None, **how):
        stream = stream or deflate(session_bytes(session), blocks)
        size = size or padded_size(len(stream), room)
        return make(session=session, claims=dict(FLAGS), body=pad(stream, size), **how)

    def bare(session, blocks=("fixed",), stream=None, **how):
        stream = stream if stream is not None else deflate(session_bytes(session), blocks)
        return make(
            session=session, claims={"deflated": 1}, body=stream, compression="always", **how
        )

    def ok(name, rule, m):
        accept(file, name, rule, m, reproducible=False)

    accept(file, "raw, because it fits", "SPEC 6.3", make(session=bytes_session(room)))
    accept(
        file,
        "raw, although deflate would shorten it",
        "SPEC 6.3",
        make(session={"type": "text", "schema": 0, "value": {"repeat": ["a", room - 2]}}),
    )
    accept(
        file,
        "raw, by the rule never",
        "SPEC 6.3",
        make(compression="never", session=bytes_session(1000)),
    )
    accept(
        file,
        "raw, by the rule always, because deflate would not shorten it",
        "SPEC 6.3",
        make(compression="always", session=bytes_session(1000)),
    )
    for suite in ("encrypted", "signed"):
        ok(f"deflated and padded ({suite})", "SPEC 6", whole(long, suite=suite))
        ok(f"deflated only ({suite})", "SPEC 6", bare(long, suite=suite))
    ok(
        "deflated and padded, with a subject, class 3",
        "SPEC 6",
        whole(long, user_id="42", policy=POLICIES, cls=3),
    )
    incompressible = {"type": "bytes", "schema": 0, "value": (filler(1400) + bytes(3000)).hex()}
    ok("deflated and padded to another size", "SPEC 6.3", whole(incompressible))
    ok("deflated and padded to the whole room", "SPEC 6.3", whole(incompressible, size=room))
    ok(
        "padded by less than a size class",
        "SPEC 6.2",
        whole(long, size=4 + len(deflate(plain)) + 1),
    )
    ok("padded by nothing", "SPEC 6.2", whole(long, size=4 + len(deflate(plain))))
    small = {"type": "text", "schema": 0, "value": "hello session"}
    ok(
        "padded and not deflated",
        "SPEC 6.2",
        make(session=small, claims={"padded": 1}, body=pad(session_bytes(small), 512)),
    )
    unit = {"type": "unit", "schema": 0, "value": None}
    ok(
        "padded, with no content",
        "SPEC 6.2",
        make(session=unit, claims={"padded": 1}, body=bytes(4)),
    )
    ok(
        "deflated, of nothing",
        "SPEC 6.1",
        make(session=unit, claims={"deflated": 1}, body=deflate(b"")),
    )
    ok("a stored block", "SPEC 6.1", bare(small, ("stored",)))
    ok("two blocks", "SPEC 6.1", whole(long, ("fixed", "fixed")))
    ok(
        "a stored block and a fixed one",
        "SPEC 6.1",
        bare({"type": "text", "schema": 0, "value": {"repeat": ["ab", 300]}}, ("stored", "fixed")),
    )
    ok("an empty block at the end", "SPEC 6.1", bare(long, ("fixed", "empty")))
    dynamic = {"type": "text", "schema": 0, "value": DYNAMIC_TEXT}
    stream = bytes.fromhex(DYNAMIC_STREAM)
    assert zlib.decompress(stream, -15) == session_bytes(dynamic) and stream[0] >> 1 & 3 == 2
    ok("a dynamic block", "SPEC 6.1", whole(dynamic, stream=stream))

    def of(n):
        session = {"type": "text", "schema": 0, "value": {"repeat": ["a", n - 3]}}
        assert len(session_bytes(session)) == n
        return session

    ok("inflates to exactly 65,536 bytes", "SPEC 6.1", whole(of(65536)))
    ok(
        "inflates to exactly 65,536 bytes, and then an empty block",
        "SPEC 6.1",
        whole(of(65536), ("fixed", "empty")),
    )
    ok("inflates to exactly 65,536 bytes, from a few stored bytes", "SPEC 6.1", bare(of(65536)))

    def no(name, why, m):
        reject(file, name, "SPEC 6.1" if why != "padding" else "SPEC 6.2", why, m)

    no("inflates to 65,537 bytes", "bomb", whole(of(65537)))
    no("inflates to 65,537 bytes, unpadded", "bomb", bare(of(65537)))
    no(
        "inflates to 65,537 bytes, the last of them in a block of its own",
        "bomb",
        bare(of(65537), stream=tail_block(session_bytes(of(65537)))),
    )
    no("inflates to a quarter of a mebibyte", "bomb", bare(of(1 << 18)))

    good = deflate(plain)

    def broken(name, stream, why="deflate"):
        no(name, why, bare(long, stream=stream))

    broken("an empty stream", b"")
    broken("a byte after the stream", good + b"\x00")
    broken("a second stream after the first", good + good)
    broken("the last byte cut off", good[:-1])
    broken("half a stream", good[: len(good) // 2])
    open_end = Bits()
    fixed_block(open_end, plain, 0)
    broken("no final block", open_end.done())
    zeros = Bits()
    fixed_block(zeros, b"\x00" * 8, 1)
    cut = zeros.done()[:-1]
    broken("cut inside the end-of-block code", cut)
    broken("a zlib header", zlib_wrapped(plain))
    broken("block type 3", b"\x07" + bytes(20))
    broken("a stored block whose length check is wrong", b"\x01\x05\x00\xff\xffhello")
    broken("a stored block that is cut", b"\x01\x05\x00\xfa\xffhell")
    back = Bits()
    back.number(1, 1)
    back.number(1, 2)
    symbol(back, 97)
    symbol(back, 257)
    back.code(1, 5)  # a distance of 2 after one byte
    symbol(back, 256)
    broken("a distance from before the beginning", back.done())
    reserved = Bits()
    reserved.number(1, 1)
    reserved.number(1, 2)
    symbol(reserved, 286)
    symbol(reserved, 256)
    broken("a length code that does not exist", reserved.done())
    far = Bits()
    far.number(1, 1)
    far.number(1, 2)
    for _ in range(4):
        symbol(far, 97)
    symbol(far, 257)
    far.code(30, 5)
    symbol(far, 256)
    broken("a distance code that does not exist", far.done())
    no(
        "padding inside the stream's content",
        "deflate",
        make(session=long, claims=dict(FLAGS), body=pad(good + b"\x00", 512)),
    )
    reject(
        file, "not deflated, and said to be", "SPEC 6.1", "deflate", make(claims={"deflated": 1})
    )
    reject(file, "deflated, and not said to be", "SPEC 6", "schema", make(session=long, body=good))
    reject(
        file,
        "padded, and not said to be",
        "SPEC 6",
        "schema",
        make(session=small, body=pad(session_bytes(small), 64)),
    )

    def unpaddable(name, body):
        no(name, "padding", make(session=small, claims={"padded": 1}, body=body))

    content = session_bytes(small)
    for n in range(4):
        unpaddable(f"a padded body of {n} bytes", bytes(n))
    unpaddable("a length of one more than there is", u32(len(content) + 1) + content)
    unpaddable("a length of 2^32 - 1", b"\xff" * 4 + content)
    unpaddable(
        "a byte that is not zero, right after the content",
        u32(len(content)) + content + b"\x01\x00\x00",
    )
    unpaddable("a byte that is not zero, at the very end", pad(content, 64)[:-1] + b"\x80")
    unpaddable("a length in little-endian", len(content).to_bytes(4, "little") + content)
    reject(
        file,
        "a length of one less than there is",
        "SPEC 6.2",
        "padding",
        make(session=small, claims={"padded": 1}, body=u32(len(content) - 1) + content),
    )
    reject(
        file,
        "a length that leaves out a zero of the content",
        "SPEC 7 step 20",
        "schema",
        make(session=small, claims={"padded": 1}, body=u32(3) + b"\x03ab\x00"),
    )


def tail_block(plain):
    out = Bits()
    fixed_block(out, plain[:-1], 0)
    stored_block(out, plain[-1:], 1)
    return out.done()


def zlib_wrapped(plain):
    return b"\x78\x9c" + deflate(plain) + zlib.adler32(plain).to_bytes(4, "big")


# --- values.json: section 8 ---------------------------------------------------------------

EXAMPLE = {
    "flag": True,
    "u8": 200,
    "i8": -2,
    "u16": 300,
    "u32": 4294967295,
    "u64": 18446744073709551615,
    "u128": 18446744073709551615,
    "i16": -32768,
    "i32": 2147483647,
    "i64": -9223372036854775808,
    "i128": -9223372036854775808,
    "f32": 1.5,
    "f64": -0.1,
    "char": "ß",
    "string": "grüße",
    "sequence": [0, 127, 128, 16383, 16384],
    "some": 7,
    "none": None,
    "tuple": [9, "x"],
    "map": {"a": 1, "b": 200},
    "shapes": ["Point", {"Circle": 5}, {"Pair": [1, 300]}, {"Named": {"name": "n"}}],
}


def encodings():
    file = "values.json"

    def values(*entries):
        return {"type": "values", "schema": 0, "value": [list(e) for e in entries]}

    def ok(name, *entries, **more):
        accept(file, name, "SPEC 8.2", make(session=values(*entries)), **more)

    ok("empty")
    ok("null", ("k", {"null": None}))
    ok("bool", ("t", {"bool": True}), ("f", {"bool": False}))
    ok(
        "int",
        *(
            (f"i{n}", {"int": str(n)})
            for n in (-1, -2, -63, -64, -65, -128, -8192, -8193, -(2**31), -(2**63) + 1, -(2**63))
        ),
    )
    ok(
        "uint",
        *(
            (f"u{n}", {"uint": str(n)})
            for n in (
                0,
                1,
                127,
                128,
                255,
                300,
                16383,
                16384,
                2**31,
                2**32,
                2**53 + 1,
                2**63,
                2**64 - 1,
            )
        ),
    )
    floats = {
        "zero": "0000000000000000",
        "minus zero": "8000000000000000",
        "one and a half": "3ff8000000000000",
        "a tenth": "3fb999999999999a",
        "smallest": "0000000000000001",
        "greatest": "7fefffffffffffff",
        "infinity": "7ff0000000000000",
        "minus infinity": "fff0000000000000",
        "not a number": "7ff8000000000000",
        "not a number, with a payload": "fff8000000001234",
    }
    ok("float", *((k, {"float": v}) for k, v in floats.items()))
    ok(
        "text",
        *(
            (str(i), {"text": t})
            for i, t in enumerate(
                ["", "a", "é", "😀", "nul\0inside", '"quoted"', "x" * 127, "x" * 128]
            )
        ),
    )
    ok(
        "bytes",
        *(
            (str(i), {"bytes": b.hex()})
            for i, b in enumerate([b"", b"\x00", b"\xff\x00", filler(127), filler(128)])
        ),
    )
    ok(
        "array",
        ("none", {"array": []}),
        (
            "mixed",
            {"array": [{"uint": "1"}, {"null": None}, {"text": "x"}, {"array": [{"bool": True}]}]},
        ),
    )
    ok(
        "map",
        ("none", {"map": []}),
        ("inner", {"map": [["b", {"uint": "1"}], ["a", {"map": [["a", {"int": "-1"}]]}]]}),
    )
    ok("the order of the entries is kept", *((k, {"uint": str(i)}) for i, k in enumerate("zyxabc")))
    ok(
        "keys of any text",
        ("", {"uint": "0"}),
        ("é", {"uint": "1"}),
        ("e\u0301", {"uint": "2"}),
        ("a b", {"uint": "3"}),
        ("\0", {"uint": "4"}),
    )
    ok("128 entries", *((f"{i}", {"uint": str(i)}) for i in range(128)))
    ok("64 levels of arrays", ("k", {"nest": [63, {"null": None}]}))
    accept(
        file,
        "a typed struct of all that postcard has",
        "SPEC 8.1",
        make(session={"type": "example", "schema": 0, "value": EXAMPLE}),
    )
    accept(file, "bytes alone", "SPEC 8.1", make(session=bytes_session(200)))
    accept(
        file, "unit alone", "SPEC 8.1", make(session={"type": "unit", "schema": 0, "value": None})
    )

    one = values(("k", {"uint": "1"}))

    def longer(name, body):
        m = make(session=one, body=body)
        accept(file, name, "SPEC 8.1", m | {"postcard": body}, reproducible=False)

    longer("a varint of more bytes than needed", b"\x01\x01k\x03\x81\x00")
    longer("a varint of ten bytes for 1", b"\x01\x01k\x03\x81" + b"\x80" * 8 + b"\x00")
    longer("a kind of more bytes than needed", b"\x01\x01k\x83\x00\x01")
    longer("a count and a length of more bytes than needed", b"\x81\x00\x81\x80\x00k\x03\x01")

    def no(name, body, rule="SPEC 8.2"):
        reject(file, name, rule, "schema", make(session=one, body=body))

    k = b"\x01\x01k"
    no("no bytes at all", b"")
    no("a kind that does not exist", k + b"\x09")
    no("a kind of 2^32", k + b"\x80\x80\x80\x80\x10")
    no("a kind in six bytes", k + b"\x80\x80\x80\x80\x80\x00")
    no("a bool of 2", k + b"\x01\x02")
    no("an int of 0", k + b"\x02\x00")
    no("an int of 1", k + b"\x02\x02")
    no("the greatest int", k + b"\x02" + varint(2**64 - 2))
    no("a uint of 2^64", k + b"\x03" + varint(2**64))
    no("a uint in eleven bytes", k + b"\x03" + b"\x80" * 10 + b"\x00")
    no("a float that is cut", k + b"\x04" + bytes(7))
    no("a text that is not UTF-8", k + b"\x05\x01\xff")
    no("a text with half a surrogate pair", k + b"\x05\x03\xed\xa0\x80")
    no("a text with an overlong character", k + b"\x05\x02\xc0\x80")
    no("a key that is not UTF-8", b"\x01\x01\xff\x00")
    no("a text longer than what is left", k + b"\x05\x02x")
    no("bytes longer than what is left", k + b"\x06\x02x")
    no("bytes of 2^64 - 1", k + b"\x06" + varint(2**64 - 1) + b"x")
    no("an array of more than what is left", k + b"\x07\x02\x00")
    no("an array of 2^64 - 1", k + b"\x07" + varint(2**64 - 1) + b"\x00")
    no("a map of more than what is left", k + b"\x08\x02\x01a\x00")
    no("more entries counted than there are", b"\x02\x01k\x00")
    no("fewer entries counted than there are", b"\x01\x01k\x00\x01l\x00", "SPEC 7 step 20")
    no("a byte left over", k + b"\x03\x01\x00", "SPEC 7 step 20")
    no("the same key twice", b"\x02" + (b"\x01k\x00" * 2))
    no("the same key twice, with other values", b"\x03\x01k\x00\x01l\x00\x01k\x03\x01")
    no("the same key twice in an inner map", k + b"\x08\x02\x01a\x00\x01a\x00")
    no("the empty key twice", b"\x02\x00\x00\x00\x00")
    no("65 levels of arrays", k + b"\x07\x01" * 64 + b"\x00")
    no("65 levels of maps", k + b"\x08\x01\x00" * 64 + b"\x00")
    no("65 levels, the innermost an empty array", k + b"\x07\x01" * 63 + b"\x07\x00")
    no("a thousand levels", k + b"\x07\x01" * 1000 + b"\x00")
    full = map_bytes([["a", {"text": "xyz"}], ["b", {"array": [{"int": "-9"}]}]])
    for n in range(1, len(full)):
        no(f"cut after {n} of {len(full)} bytes", full[:n], "SPEC 8.1")

    def typed(name, session, body=None, **over):
        reject(file, name, "SPEC 7 step 20", "schema", make(session=session, body=body), **over)

    example = {"type": "example", "schema": 0, "value": EXAMPLE}
    data = session_bytes(example)
    typed("a struct that is cut", example, data[:-1])
    typed("a struct with a byte left over", example, data + b"\x00")
    typed("a bool of 2 in a struct", example, b"\x02" + data[1:])
    at = data.index(varint(300))
    typed("a u16 of 65,536", example, data[:at] + b"\x80\x80\x04" + data[at + 2 :])
    typed("a variant that does not exist", example, data[:-3] + b"\x04" + data[-2:])
    typed("unit with a byte", {"type": "unit", "schema": 0, "value": None}, b"\x00")
    typed("values read as a struct", one, type="example")
    typed("a struct read as values", example, type="values")
    for schema, asked in ((0, 1), (1, 0), (513, 1), (1, 513), (65535, 0)):
        reject(
            file,
            f"schema {schema} where {asked} is expected",
            "SPEC 7 step 19",
            "schema",
            make(session=SMALL | {"schema": schema}),
            schema=asked,
        )


# --- records.json: section 10 ---------------------------------------------------------

HANDLE = bytes(range(0x80, 0xA0)).hex()
OTHER_HANDLE = bytes(range(0x81, 0xA1)).hex()
LARGEST_RECORD = 1 << 20
RECORD_REASONS = {
    "short": ("malformed", "shorter than any token"),
    "suite": ("wrong-suite", "the first byte names another suite"),
    "key": ("unknown-key", "the record's key is not in the ring, or is closed"),
    "auth": ("not-authentic", "the record is not the one that this reference names"),
    "session": ("not-authentic", "the record is of another session"),
    "kind": ("wrong-kind", "not a record"),
    "place": ("wrong-kind", "neither an inline session nor a reference"),
}


def revocation_of(subject):
    return sha256(b"SSC1/subject-id\x00" + subject)


def text_session(content, schema=0):
    return {"type": "text", "schema": schema, "value": content}


# No deflate makes it shorter.
SHORT_TEXT = text_session("a short session")


def make_reference(*, handle=HANDLE, claims=None, body=None, **how):
    """Seals the reference to a session: everything but the handle is as in a token."""
    m = make(
        claims={"kind": 1} | (claims or {}),
        body=bytes.fromhex(handle) if body is None else body,
        session=SHORT_TEXT,
        **how,
    )
    seal = m["seal"]
    random = seal.pop("random")
    seal |= {"handle": handle, "sid": random[:32], "nonce": random[32:]}
    seal["schema"] = seal.pop("session")["schema"]
    del seal["compression"], seal["caller_aad"]
    return m


def make_record(
    *,
    root=0x00,
    context=CTX,
    name=NAME,
    handle=HANDLE,
    version=1,
    policy=POLICY,
    now=NOW,
    created=None,
    cls=0,
    sid=SID,
    nonce=NONCE,
    user_id=None,
    session=SHORT_TEXT,
    compression="when-needed",
    suite=3,
    kid=None,
    claims=None,
    body=None,
):
    """Seals a record; `suite`, `kid`, `claims` and `body` put something else in the place of
    what a writer would make. Nothing is deflated here, except by way of `body`."""
    root = root_of(root)
    created = now if created is None else created
    life = policy[cls]
    subject = None if user_id is None else subject_of(context, user_id).hex()
    c = {
        "kind": 2,
        "deflated": 0,
        "padded": 1,
        "class": cls,
        "created": created,
        "issued": max(now, created),
        "expires": min(max(now, created) + life["idle"], created + life["absolute"]),
        "sid": sid,
        "schema": session["schema"],
        "subject": subject,
    }
    c.update(claims or {})
    postcard = session_bytes(session)
    if body is None:
        body = pad(postcard, padded_size(len(postcard), 1 << 32))
    store_key = sub_key(root, "store", context, name)
    record_key = expand(store_key, bytes.fromhex(handle))
    row_key = row_key_of(bytes.fromhex(sid))
    kid = kid_of(root) if kid is None else kid
    content = claims_bytes(c) + body
    _, message_key, record = encrypt(
        record_key, suite, kid, bytes.fromhex(nonce), row_key + u64(version), content
    )
    cut = len(claims_bytes(c))
    return {
        "seal": {
            "root": root.hex(),
            "context": context,
            "name": name,
            "handle": handle,
            "version": str(version),
            "policy": policy,
            "now": now,
            "created": created,
            "class": cls,
            "sid": sid,
            "user_id": user_id,
            "nonce": nonce,
            "compression": compression,
            "session": session,
        },
        "derived": {
            "kid": kid.hex(),
            "store_key": store_key.hex(),
            "record_key": record_key.hex(),
            "row_key": row_key.hex(),
            "message_key": message_key.hex(),
            "claims": content[:cut].hex(),
            "body": content[cut:].hex(),
        },
        "claims": {k: c[k] for k in c if k != "bit7"},
        "postcard": postcard,
        "record": record.hex(),
    }


def as_expected(claims):
    return claims | {k: bool(claims[k]) for k in ("deflated", "padded")}


def records():
    file = "records.json"

    # Names of rows and of revocations.
    def named(name, **more):
        emit(file, {"name": name, "rule": "SPEC 10", "verdict": "accept"} | more)

    for sid in (SID, "00" * 16, filler(16).hex()):
        named(
            f"row key and revocation of {sid}",
            sid=sid,
            row_key=row_key_of(bytes.fromhex(sid)).hex(),
        )
    for context, user in [(CTX, "42"), (CTX, ""), ("old.example", "42"), ("bücher.example", "zoë")]:
        subject = subject_of(context, user)
        named(
            f"revocation of {user!r} in {context!r}",
            context=context,
            user_id=user,
            subject=subject.hex(),
            revocation=revocation_of(subject).hex(),
        )

    # References.
    def opened(m, over):
        seal = m["seal"]
        o = {
            "now": seal["now"],
            "context": seal["context"],
            "name": seal["name"],
            "keys": [{"root": seal["root"], "seals_from": 0, "opens_until": None}],
            "policy": seal["policy"],
            "accept_also": [],
        }
        assert set(over) <= set(o), over
        return o | over

    def reference(name, rule, m, /, *, reproducible=True, reseal=False, reissue=False, **over):
        vector = {"name": "a reference " + name, "rule": rule, "verdict": "accept"}
        vector |= {"reproducible": reproducible, "seal": m["seal"], "derived": m["derived"]}
        vector |= {"token": m["token"], "open": opened(m, over)}
        vector["expect"] = {
            "claims": as_expected(m["claims"]),
            "handle": m["seal"]["handle"],
            "needs_reseal": reseal,
            "needs_reissue": reissue,
        }
        emit(file, vector)

    def no_reference(name, rule, why, m, /, **over):
        category, reason = RECORD_REASONS[why] if why == "place" else REASONS[why]
        vector = {"name": "a reference " + name, "rule": rule, "verdict": "reject"}
        vector |= {"seal": m["seal"], "derived": m["derived"]}
        vector |= {"token": m["token"], "open": opened(m, over)}
        vector["expect"] = {"category": category, "reason": reason}
        emit(file, vector)

    m = make_reference()
    assert (len(m["bytes"]), len(m["token"])) == (120, 160)
    reference("of 160 characters", "SPEC 10.1", m)
    m = make_reference(user_id="42", handle=filler(32).hex())
    assert (len(m["bytes"]), len(m["token"])) == (128, 171)
    reference("of 171 characters, with a subject", "SPEC 10.1", m)
    reference("of class 2", "SPEC 10.1", make_reference(policy=POLICIES, cls=2))
    reference("that is to be issued anew", "SPEC 5", make_reference(), now=NOW + 180, reissue=True)
    two = ring((0x00, 0, None), (0x20, NOW, None))
    reference("under a key that has been followed", "SPEC 5", m, keys=two, reseal=True)
    reference(
        "under a pending key",
        "SPEC 5",
        make_reference(root=0x20),
        keys=ring((0, 0, None), (0x20, NOW + 1, None)),
    )
    former = [{"context": "old.example", "name": "sid", "until": NOW + 1}]
    old = make_reference(context="old.example", name="sid", user_id="42")
    over = {"context": CTX, "name": NAME, "accept_also": former}
    reference("of a former context and name", "SPEC 7", old, reseal=True, **over)
    reference("with every bit of the handle set", "SPEC 10.1", make_reference(handle="ff" * 32))
    for what, how in [
        ("without a handle", {"body": b""}),
        ("whose handle is cut", {"body": bytes.fromhex(HANDLE)[:31]}),
        ("whose handle is too long", {"body": bytes.fromhex(HANDLE) + b"\x00"}),
        ("marked as deflated", {"claims": {"deflated": 1}}),
        ("marked as padded", {"claims": {"padded": 1}}),
        (
            "that is padded, and would hold a handle",
            {"claims": {"padded": 1}, "body": pad(bytes.fromhex(HANDLE), 512)},
        ),
        ("that says it is a record", {"claims": {"kind": 2}}),
    ]:
        no_reference(what, "SPEC 7 step 15", "place", make_reference(**how))
    for what, why, now in [
        ("past its idle timeout", "idle", NOW + 1800),
        ("past its absolute timeout", "absolute", NOW + 86400),
        ("from the future", "future", NOW - 121),
    ]:
        no_reference(what, "SPEC 7", why, make_reference(), now=now)
    no_reference(
        "past its idle timeout whose handle is cut",
        "SPEC 7",
        "idle",
        make_reference(body=b"x"),
        now=NOW + 1800,
    )
    no_reference("of another name", "SPEC 7 step 8", "auth", make_reference(), name="sid")
    no_reference("of a former name, later", "SPEC 7", "auth", old, now=NOW + 1, **over)

    # Records.
    def opening_of(m, over):
        seal = m["seal"]
        o = {
            "now": seal["now"],
            "context": seal["context"],
            "name": seal["name"],
            "keys": [{"root": seal["root"], "seals_from": 0, "opens_until": None}],
            "accept_also": [],
            "handle": seal["handle"],
            "version": seal["version"],
            "sid": seal["sid"],
            "created": m["claims"]["created"],
            "subject": m["claims"]["subject"],
            "max_record_bytes": LARGEST_RECORD,
            "type": "text",
            "schema": 0,
        }
        assert set(over) <= set(o), over
        return o | over

    def record(name, rule, m, /, *, reproducible=True, reseal=False, **over):
        p = m["postcard"]
        shown = {"len": len(p), "sha256": sha256(p).hex()} if len(p) > 4096 else p.hex()
        vector = {"name": "a record " + name, "rule": rule, "verdict": "accept"}
        vector |= {"reproducible": reproducible, "seal": m["seal"], "derived": m["derived"]}
        vector |= {"record": m["record"], "open": opening_of(m, over)}
        vector["expect"] = {
            "claims": as_expected(m["claims"]),
            "postcard": shown,
            "session": m["seal"]["session"]["value"],
            "needs_reseal": reseal,
        }
        emit(file, vector)

    def no_record(name, rule, why, m=None, /, *, bytes_=None, **over):
        m = m or make_record(user_id="42")
        category, reason = (REASONS | RECORD_REASONS)[why]
        vector = {"name": "a record " + name, "rule": rule, "verdict": "reject"}
        vector["record"] = m["record"]
        if bytes_ is None:
            vector |= {"seal": m["seal"], "derived": m["derived"]}
        else:
            vector["record"] = bytes_.hex()
        vector["open"] = opening_of(m, over)
        vector["expect"] = {"category": category, "reason": reason}
        emit(file, vector)

    record("of a short session", "SPEC 10.3", make_record())
    record("of somebody's session", "SPEC 10.3", make_record(user_id="42", version=7))
    record("of the last version", "SPEC 10.3", make_record(version=2**64 - 1))
    record("under a handle without order", "SPEC 10.3", make_record(handle=filler(32).hex()))
    record("under another key", "SPEC 10.3", make_record(root=0xA0, nonce=filler(24).hex()))
    record("of another context and name", "SPEC 10.3", make_record(context="", name="s"))
    for length in (508, 509, 4092, 4093, 9000):
        # Of all letters, and never deflated: `never` is what makes it reproducible.
        letters = base64.b32encode(filler(length)).decode()
        content = letters[: length - len(varint(length))]
        m = make_record(session=text_session(content), compression="never")
        assert len(m["postcard"]) == length
        size = len(bytes.fromhex(m["derived"]["body"]))
        record(f"of {length} bytes, padded to {size}", "SPEC 10.3", m)
    repeated = text_session({"repeat": ["a session that repeats itself ", 4000]})
    stream = deflate(session_bytes(repeated))
    size = padded_size(len(stream), 1 << 32)
    deflated = {"claims": {"deflated": 1}, "session": repeated}
    long = make_record(**deflated, body=pad(stream, size))
    record(
        "that is deflated, and longer than any inline body", "SPEC 10.3", long, reproducible=False
    )
    plain = session_bytes(SHORT_TEXT)
    record(
        "that is neither deflated nor padded",
        "SPEC 10.4",
        make_record(claims={"padded": 0}, body=plain),
        reproducible=False,
    )
    record(
        "that is deflated and not padded",
        "SPEC 10.4",
        make_record(claims={"deflated": 1, "padded": 0}, body=deflate(plain)),
        reproducible=False,
    )
    record(
        "that was written long ago: its own times are not looked at",
        "SPEC 10.4",
        make_record(),
        now=NOW + 86399,
    )
    record(
        "written by a clock that is ahead",
        "SPEC 10.4",
        make_record(claims={"issued": NOW + 5000, "expires": NOW + 6000}),
        reproducible=False,
    )
    record(
        "of a class that the policy does not have",
        "SPEC 10.4",
        make_record(claims={"class": 3}),
        reproducible=False,
    )
    record("under a key that has been followed", "SPEC 10.4", make_record(), keys=two, reseal=True)
    record(
        "under a pending key",
        "SPEC 10.4",
        make_record(root=0x20),
        keys=ring((0, 0, None), (0x20, NOW + 1, None)),
    )
    renamed = make_record(context="old.example", name="sid", user_id="42")
    record("of a former context and name", "SPEC 10.4", renamed, reseal=True, **over)

    m = make_record(user_id="42")
    raw = bytes.fromhex(m["record"])
    no_record("opened with another handle", "SPEC 10.4", "auth", handle=OTHER_HANDLE)
    no_record("of another version", "SPEC 10.4", "auth", version="2")
    no_record("of version 0", "SPEC 10.4", "auth", version="0")
    no_record("of another sid", "SPEC 10.4", "auth", sid="ff" + SID[2:])
    no_record("of another created", "SPEC 10.4", "session", created=NOW - 1)
    no_record("of another subject", "SPEC 10.4", "session", subject=subject_of(CTX, "43").hex())
    no_record("with a subject that the reference has not", "SPEC 10.4", "session", subject=None)
    no_record(
        "without the reference's subject",
        "SPEC 10.4",
        "session",
        make_record(),
        subject=subject_of(CTX, "42").hex(),
    )
    no_record(
        "under a key that the ring does not hold", "SPEC 10.4", "key", keys=ring((0x20, 0, None))
    )
    no_record(
        "under a key that closes now",
        "SPEC 10.4",
        "key",
        keys=ring((0x00, 0, NOW), (0x20, NOW - 3600, None)),
    )
    no_record(
        "under one key with the kid of another",
        "SPEC 10.4",
        "auth",
        make_record(user_id="42", kid=kid_of(root_of(0x20))),
        keys=ring((0x00, 0, None), (0x20, 1, None)),
    )
    no_record("opened in another context", "SPEC 10.4", "auth", context="example.org")
    no_record("opened under another name", "SPEC 10.4", "auth", name="sid")
    no_record("of a former name, later", "SPEC 10.4", "auth", renamed, now=NOW + 1, **over)
    for suite in (0, 1, 2, 4):
        no_record(f"of suite {suite}", "SPEC 10.4", "suite", make_record(user_id="42", suite=suite))
    no_record("of suite 1, cut short", "SPEC 10.4", "short", bytes_=b"\x01" + raw[1:16])
    no_record(
        "of suite 1 under a key that the ring does not hold",
        "SPEC 10.4",
        "suite",
        make_record(suite=1),
        keys=ring((0x20, 0, None)),
    )
    inline = make(user_id="42", session=SHORT_TEXT)
    no_record("that is an inline token", "SPEC 10.4", "suite", bytes_=inline["bytes"])
    no_record(
        "that is an inline token under a record's suite",
        "SPEC 10.4",
        "auth",
        bytes_=b"\x03" + inline["bytes"][1:],
    )
    no_record("of kind inline", "SPEC 10.4", "kind", make_record(claims={"kind": 0}))
    no_record("of kind reference", "SPEC 10.4", "kind", make_record(claims={"kind": 1}))
    no_record("of kind 3", "SPEC 4", "kind3", make_record(claims={"kind": 3}))
    no_record("with flag bit 7", "SPEC 4", "bit7", make_record(claims={"bit7": 1}))
    no_record(
        "whose times are in no order", "SPEC 4", "order", make_record(claims={"expires": NOW - 1})
    )
    no_record(
        "of kind inline and another created",
        "SPEC 10.4",
        "kind",
        make_record(claims={"kind": 0}),
        created=NOW - 1,
    )
    for length in (0, 16):
        no_record(f"of {length} bytes", "SPEC 10.4", "short", bytes_=raw[:length])
    for length in (17, 40, 41, 56, 57, 87, len(raw) - 1):
        no_record(f"of {length} bytes", "SPEC 10.4", "auth", bytes_=raw[:length])
    no_record("with a byte more", "SPEC 10.4", "auth", bytes_=raw + b"\x00")
    for what, at in [
        ("nonce", 17),
        ("iv", 40),
        ("claims", 41),
        ("body", 90),
        ("tag", len(raw) - 1),
    ]:
        altered = bytearray(raw)
        altered[at] ^= 0x01
        no_record(f"whose {what} is altered", "SPEC 10.4", "auth", bytes_=bytes(altered))
    no_record(
        "whose kid is altered",
        "SPEC 10.4",
        "key",
        bytes_=raw[:1] + bytes([raw[1] ^ 1]) + raw[2:],
    )
    no_record(
        "whose padding is not zero",
        "SPEC 6.2",
        "padding",
        make_record(body=pad(plain, 512)[:-1] + b"\x01"),
    )
    no_record("whose padding is cut", "SPEC 6.2", "padding", make_record(body=pad(plain, 0)[:-1]))
    no_record(
        "whose stream is cut",
        "SPEC 6.1",
        "deflate",
        make_record(claims={"deflated": 1}, body=pad(deflate(plain)[:-1], 512)),
    )
    no_record(
        "whose stream is cut, of another created",
        "SPEC 10.4",
        "session",
        make_record(claims={"deflated": 1}, body=pad(deflate(plain)[:-1], 512)),
        created=NOW - 1,
    )
    length = len(long["postcard"])
    no_record(
        "that inflates to more than is allowed",
        "SPEC 10.4",
        "bomb",
        long,
        max_record_bytes=length - 1,
    )
    no_record(
        "of schema 1 where 0 is expected",
        "SPEC 7 step 19",
        "schema",
        make_record(session=SHORT_TEXT | {"schema": 1}),
    )
    no_record(
        "with a byte left over",
        "SPEC 7 step 20",
        "schema",
        make_record(body=pad(plain + b"\x00", 512)),
    )


def main():
    folder = pathlib.Path(sys.argv[1])
    keys()
    layouts("encrypted")
    layouts("signed")
    texts()
    claims()
    crossed()
    times()
    bodies()
    encodings()
    records()
    for file, vectors in FILES.items():
        content = {"format": "SSC1", "see": "README.md", "vectors": vectors}
        out = json.dumps(content, indent=1, ensure_ascii=True) + "\n"
        (folder / file).write_text(out, encoding="ascii", newline="\n")
        verdicts = [v["verdict"] for v in vectors]
        print(f"{file}: {verdicts.count('accept')} accept, {verdicts.count('reject')} reject")


if __name__ == "__main__":
    main()
