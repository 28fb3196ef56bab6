#!/usr/bin/env python3
"""Computes the vectors of SSC1 from docs/SPEC.md and docs/SPEC-STORE.md, without the library.

    generate.py FOLDER      writes the JSON files into FOLDER; fails if the page's dump is stale
    generate.py --page      writes the dump of two tokens into docs/SPEC.md

The output depends on this file, on page.py and on the static table of the page alone: no clock, no
randomness, no zlib.
"""

import hashlib
import json
import pathlib
import sys
import zlib

from page import (
    LAST, PAGE, PURPOSES, TABLE, Bits, aes, b64, cbor, cbor_bytes, cbor_text, claims_bytes, deflate,
    dynamic, encrypt, example_bytes, expand, fixed_block, gcm, head, in_order, inflated, key_text,
    kid_of, mac, noted, pad, padded_size, public_id, revocation_of, root_of, session_bytes, sha256,
    sign, stored_block, sub_key, subject_of, symbol, text, text_forms, u32, u64, varint, xaes,
    xaes_parts,
)

# --- Building vectors -------------------------------------------------------------------------

NOW = 1_800_000_000
CTX, NAME = "example.com", "__Host-session"
SID = bytes(range(16)).hex()
NONCE = bytes(range(0x40, 0x58)).hex()
POLICIES = [[1800, 86400], [604800, 2592000], [2592000, 31536000], [60, 600]]
VALUES = 0xFFFF
SMALL = {"type": "values", "schema": 0, "shape": VALUES}
SMALL["value"] = {"theme": "dark", "user": {"int": "42"}}
# What a field is where a vector does not name it.
DEFAULTS = {
    "seal": {
        "root": root_of(0).hex(), "context": CTX, "name": NAME, "caller_aad": "",
        "policy": POLICIES[:1], "now": NOW, "created": None, "class": 0, "user_id": None,
        "extensions": [], "random": SID + NONCE, "compression": "never", "session": SMALL,
    },
    "open": {
        "suite": "encrypted", "now": NOW, "context": CTX, "name": NAME, "caller_aad": "",
        "keys": [[root_of(0).hex(), 0, None]], "policy": POLICIES[:1], "accept_also": [],
        "type": "values", "schema": 0, "shape": VALUES,
    },
}
# Step of SPEC 7, category, and this library's reason.
REASONS = {
    "empty": (1, "absent", "empty value"),
    "long": (2, "too-large", "longer than any cookie"),
    "early": (3, "malformed", "not strict base64url without padding"),
    "suite": (4, "wrong-suite", "the first byte names another suite"),
    "key": (5, "unknown-key", "the ring has no such key, or it is closed"),
    "text": (6, "malformed", "not strict base64url without padding"),
    "short": (7, "malformed", "shorter than any token"),
    "auth": (8, "not-authentic", "altered, or of another context, name or caller data"),
    "cut": (9, "malformed", "claims are cut short"),
    "order": (9, "malformed", "created, issued and expires are not in order"),
    "extensions": (9, "malformed", "the extensions are not as specified"),
    "ext-order": (9, "malformed", "extensions are not in ascending order"),
    "ext-length": (9, "malformed", "an extension has another length than its type"),
    "ext-key": (9, "malformed", "the device key is no compressed point"),
    "ext-stay": (9, "malformed", "only an inline token says which stay it left"),
    "ext-auth": (9, "malformed", "the last authentication is not after the beginning"),
    "class": (10, "malformed", "unknown lifetime class"),
    "future": (11, "not-yet-valid", "issued in the future"),
    "absolute": (12, "expired-absolute", "too old"),
    "idle": (13, "expired-idle", "unused for too long"),
    "newer": (14, "unsupported", "a newer version of the format wrote it"),
    "kind": (15, "wrong-kind", "not an inline session"),
    "padding": (16, "malformed", "padding is not as specified"),
    "deflate": (17, "malformed", "not one whole deflate stream"),
    "bomb": (18, "too-large", "inflates to more than is allowed"),
    "newer-schema": (19, "unsupported", "a newer version of the session type wrote the data"),
    "schema": (20, "schema", "the data is not of the type that was asked for"),
    "shape": (20, "schema", "the type changed without a new version"),
    "type": (21, "schema", "the data is not of the type that was asked for"),
}
FILES = {}


def emit(file, name, rule, verdict, **fields):
    vectors = FILES.setdefault(file, [])
    assert all(v["name"] != name for v in vectors), (file, name)
    vectors.append({"name": name, "rule": rule, "verdict": verdict} | fields)


def differing(kind, fields):
    assert set(fields) <= set(DEFAULTS[kind]), fields
    return {k: v for k, v in fields.items() if v != DEFAULTS[kind][k]}


def shown(data):
    """Bytes in full, or their length and hash."""
    return data.hex() if len(data) <= 256 else {"len": len(data), "sha256": sha256(data).hex()}


def typed(kind, value=None, schema=0, shape=0):
    return {"type": kind, "schema": schema, "shape": shape, "value": value}


def values(v):
    return SMALL | {"value": noted(v)["map"]}


def filler(n):
    """Bytes that no deflate shortens."""
    return b"".join(sha256(b"SSC1 vectors", u64(at)) for at in range(0, n, 32))[:n]


def bytes_session(n, *, random=False):
    """A session whose postcard has `n` bytes."""
    size = next(s for s in range(max(n - 3, 0), n) if s + len(varint(s)) == n)
    return typed("bytes", filler(size).hex() if random else {"repeat": ["5a", size]})


def text_session(n):
    return typed("text", {"repeat": ["a", n - len(varint(n - 2))]})


def claims_of(seal, kind=0):
    """What a writer makes of the inputs of `seal`."""
    created = seal["now"] if seal["created"] is None else seal["created"]
    issued = max(seal["now"], created)
    idle, absolute = seal["policy"][min(seal["class"], len(seal["policy"]) - 1)]
    ends = [int(value, 16) for t, value in seal["extensions"] if t == 3]
    user, session = seal["user_id"], seal["session"]
    return {
        "kind": kind, "deflated": 0, "padded": 0, "class": seal["class"], "created": created,
        "issued": issued, "expires": min(issued + idle, created + absolute, LAST, *ends),
        "sid": seal["random"][:32], "schema": session["schema"], "shape": session["shape"],
        "subject": None if user is None else subject_of(seal["context"], user).hex(),
        "extensions": seal["extensions"],
    }


def make(suite="encrypted", *, claims=None, body=None, **inputs):
    """Seals; `claims` and `body` put something else in the place of what a writer makes."""
    seal = DEFAULTS["seal"] | inputs
    assert set(seal) == set(DEFAULTS["seal"]), inputs
    c = claims_of(seal) | (claims or {})
    postcard = session_bytes(seal["session"])
    body = postcard if body is None else body
    plaintext = claims_bytes(c) + body
    root, aad = bytes.fromhex(seal["root"]), bytes.fromhex(seal["caller_aad"])
    key = sub_key(root, PURPOSES[suite], seal["context"], seal["name"])
    derived = {"kid": kid_of(root).hex(), "sub_key": key.hex()}
    if suite == "encrypted":
        nonce = bytes.fromhex(seal["random"][32:])
        derived["message_key"] = xaes_parts(key, nonce)["kx"].hex()
        token = encrypt(key, 1, kid_of(root), nonce, aad, plaintext)
    else:
        token = sign(key, kid_of(root), aad, plaintext)
    derived |= {"claims": claims_bytes(c).hex(), "body": shown(body)}
    return {"suite": suite, "seal": seal, "derived": derived, "claims": c, "postcard": postcard,
            "bytes": token, "token": b64(token)}


def opening(m, over):
    """How a vector is opened: as it was sealed, except where `over` differs."""
    seal = m["seal"]
    o = {k: seal[k] for k in ("now", "context", "name", "caller_aad", "policy")}
    o |= {k: seal["session"][k] for k in ("type", "schema", "shape")}
    o |= {"suite": m["suite"], "keys": [[seal["root"], 0, None]], "accept_also": []}
    return differing("open", o | over)


def claims_json(c):
    c = {k: v for k, v in c.items() if k != "raw_extensions"}
    c["deflated"], c["padded"] = bool(c["deflated"]), bool(c["padded"])
    return c | {"id": public_id(bytes.fromhex(c["sid"])).hex()}


def accept(file, name, rule, m=None, /, *, reproducible=True, rekey=False, refresh=False, **over):
    m = m or make()
    expect = {"claims": claims_json(m["claims"]), "postcard": shown(m["postcard"]),
              "needs_rekey": rekey, "needs_refresh": refresh}
    emit(file, name, rule, "accept", reproducible=reproducible, token=m["token"],
         seal=differing("seal", m["seal"]), derived=m["derived"], open=opening(m, over),
         expect=expect)


def reject(file, name, rule, why, m=None, /, *, token=None, **over):
    m = m or make()
    step, category, reason = REASONS[why]
    fields = {"token": m["token"] if token is None else token}
    if token is None and step > 8:
        fields["derived"] = {k: m["derived"][k] for k in ("claims", "body")}
    expect = {"step": step, "category": category, "reason": reason}
    emit(file, name, rule, "reject", **fields, open=opening(m, over), expect=expect)


def ring(*entries):
    return [[root_of(start).hex(), begins, ends] for start, begins, ends in entries]


def root_hex(start):
    return root_of(start).hex()


# --- keys.json, derivations.json --------------------------------------------------------------


def keys():
    for start in range(0, 256, 32):
        root = root_of(start)
        sub_keys = [
            {"purpose": p, "context": c, "name": n, "key": sub_key(root, p, c, n).hex()}
            for p in ("seal", "sign", "store", "aux")
            for c, n in ((CTX, NAME), ("", "s"))
        ]
        emit("keys", f"published root from {start:02x}", "SPEC 3", "accept", text=key_text(root),
             root=root.hex(), kid=kid_of(root).hex(), published=True, sub_keys=sub_keys)
    good = key_text(root_of(0x20))
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
        ("all zeros", "not-random", key_text(bytes(32))),
        ("all ones", "not-random", key_text(b"\xff" * 32)),
        ("32 equal bytes", "not-random", key_text(b"k" * 32)),
    ]:
        emit("keys", name, "SPEC 3", "reject", text=bad, error=error)


def derivations():
    def derive(name, rule, **fields):
        emit("derivations", name, rule, "accept", **fields)

    for context, user in [
        (CTX, "42"), (CTX, ""), ("", "42"), ("example.co", "m42"), ("old.example", "42"),
        ("bücher.example", "zoë"), (CTX, "22b37598-90da-4cb6-8bdb-5e6aea046636"),
    ]:
        subject = subject_of(context, user)
        derive(f"subject and revocation of {user!r} in {context!r}", "SPEC 4.3", context=context,
               user_id=user, subject=subject.hex(), revocation=revocation_of(subject).hex())
    for sid in (SID, "00" * 16, "ff" * 16, filler(16).hex()):
        row_key = public_id(bytes.fromhex(sid)).hex()
        derive(f"public id of {sid}", "SPEC 4.2", sid=sid, public_id=row_key, log_id=row_key[:16])
    # The first two are C2SP's, of which the second has the top bit of L set.
    spelled = b"ABCDEFGHIJKLMNOPQRSTUVWX"
    for name, key, nonce, aad, plaintext, expected in [
        ("of C2SP, top bit clear", b"\1" * 32, spelled, b"", b"XAES-256-GCM",
         "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
        ("of C2SP, top bit set", b"\3" * 32, spelled, b"c2sp.org/XAES-256-GCM", b"XAES-256-GCM",
         "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"),
        ("of the default sub-key", sub_key(root_of(0), "seal", CTX, NAME), bytes.fromhex(NONCE),
         b"", b"", None),
        ("of 1000 bytes", filler(32), filler(56)[32:], filler(100), filler(1000), None),
    ]:
        out = xaes(key, nonce, aad, plaintext)
        assert expected in (None, out.hex())
        parts = {k: v.hex() for k, v in xaes_parts(key, nonce).items()}
        derive("XAES-256-GCM " + name, "SPEC 2", key=key.hex(), nonce=nonce.hex(), aad=aad.hex(),
               plaintext=plaintext.hex(), **parts, iv=nonce[12:].hex(), ciphertext=out.hex())
    accumulated = "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"
    assert xaes_accumulated(10_000) == accumulated
    derive("XAES-256-GCM accumulated, of C2SP", "SPEC 2", iterations=10_000, hash=accumulated)


def xaes_accumulated(iterations):
    stream, at = hashlib.shake_128().digest(400 * iterations), 0
    out = hashlib.shake_128()

    def take(n):
        nonlocal at
        at += n
        return stream[at - n : at]

    for _ in range(iterations):
        key, nonce = take(32), take(24)
        plaintext = take(take(1)[0])
        out.update(xaes(key, nonce, take(take(1)[0]), plaintext))
    return out.digest(32).hex()


# --- encrypted.json, signed.json --------------------------------------------------------------


def layouts(suite):
    file, frame = suite, {"encrypted": 90, "signed": 82}[suite]

    def ok(name, rule, /, m=None, **over):
        accept(file, name, rule, m, **over)

    def no(name, rule, why, m, /, **over):
        reject(file, name, rule, why, m, **over)

    def mk(**how):
        return make(suite, **how)

    ok("annotated", "SPEC 13", annotated(suite))
    ok("a small session", "SPEC 1.2", mk())
    ok("with a subject", "SPEC 4.3", mk(user_id="42"))
    shortest = mk(session=typed("unit"))
    assert len(shortest["bytes"]) == frame
    ok("no body at all: the shortest token", "SPEC 1.2", shortest)
    for cls in range(4):
        ok(f"lifetime class {cls}", "SPEC 4", mk(policy=POLICIES, **{"class": cls}))
    ok("lifetime class 3 with a subject", "SPEC 4",
       mk(policy=POLICIES, user_id="zoë", **{"class": 3}))
    for schema in (1, 513, 65535):
        ok(f"schema {schema}", "SPEC 6.4", mk(session=SMALL | {"schema": schema}))
    for n, aad in [(1, "00"), (9, b"device-17".hex()), (64, filler(64).hex())]:
        ok(f"caller_aad of {n} bytes", "SPEC 1.2", mk(caller_aad=aad))
    for start in range(0x20, 256, 32):
        random = filler(16).hex() + filler(24 + start)[-24:].hex()
        ok(f"root from {start:02x}", "SPEC 3", mk(root=root_hex(start), random=random))
    ok("another context", "SPEC 3", mk(context="shop.example.org"))
    ok("an empty context", "SPEC 3", mk(context=""))
    ok("a context beyond ASCII", "SPEC 3", mk(context="bücher.example", user_id="42"))
    ok("another name", "SPEC 3", mk(name="sid"))
    ok("sealed again an hour later", "SPEC 5", mk(created=NOW - 3600, user_id="42"))

    # The longest: name and value of exactly 4096 bytes.
    ok("4096 bytes of name and value", "SPEC 1.1", mk(session=bytes_session(3061 - frame)))
    ok("4096 bytes of name and value, with a subject", "SPEC 1.1",
       mk(session=bytes_session(3045 - frame), user_id="42"))
    for name in ("s", "sid", "__Secure-session"):
        m = mk(session=bytes_session(3 * (4096 - len(name)) // 4 - frame), name=name)
        assert len(m["token"]) + len(name) in (4095, 4096)
        ok(f"as long as fits beside the name {name}", "SPEC 1.1", m)
    m = mk(session=bytes_session(3072 - frame))
    assert len(m["token"]) == 4096
    ok("a value of 4096 characters is still read", "SPEC 1.1", m, reproducible=False)

    # Rings: pending, sealing, retired; and what is to be re-keyed.
    turn, week = NOW + 3600, 604800
    two = ring((0x00, 0, None), (0x20, turn, None))
    three = ring((0x00, 0, turn + 2400), (0x20, turn, None), (0x40, turn + week, None))
    second = mk(root=root_hex(0x20), now=turn)
    ok("the older of two keys, still sealing", "SPEC 3.1", mk(), keys=two)
    ok("a pending key, of a server with a fast clock", "SPEC 3.1", second, keys=two, now=turn - 100)
    ok("the newer of two keys", "SPEC 3.1", second, keys=two)
    ok("the order of the keys has no meaning", "SPEC 3.1", second, keys=two[::-1])
    late, later = mk(now=turn - 1), mk(now=turn + 1000)
    ok("the second before the successor seals", "SPEC 3.1", late, keys=three, now=turn - 1)
    ok("a superseded key", "SPEC 3.1", late, keys=three, now=turn, rekey=True)
    ok("a superseded key in its last second", "SPEC 3.1", later, keys=three, now=turn + 2399,
       rekey=True, refresh=True)
    no("a key that closes now", "SPEC 3.1", "key", later, keys=three, now=turn + 2400)
    no("a key that is long closed", "SPEC 3.1", "key", later, keys=three, now=turn + week)
    no("a key that the ring does not hold", "SPEC 3.1", "key", mk(root=root_hex(0x60)), keys=three)
    no("another ring altogether", "SPEC 3.1", "key", mk(), keys=ring((0xE0, 0, None)))
    early = ring((0x00, NOW + 10, None), (0x20, turn, None))
    ok("before the first key of the ring seals", "SPEC 3.1", mk(), keys=early)
    ok("the later key, before the first one seals", "SPEC 3.1", mk(root=root_hex(0x20)), keys=early)

    # Former contexts and names.
    former = [["old.example", "sid", NOW + 1000], [CTX, "__Secure-session", NOW + 500]]
    here = {"context": CTX, "name": NAME, "accept_also": former}
    old = mk(context="old.example", name="sid", user_id="42")
    ok("a former context and name", "SPEC 7.2", old, rekey=True, **here)
    ok("a former name", "SPEC 7.2", mk(name="__Secure-session"), rekey=True, **here)
    ok("its own name beside former ones", "SPEC 7.2", mk(), accept_also=former)
    ok("a former context in its last second", "SPEC 7.2", old, now=NOW + 999, rekey=True,
       refresh=True, **here)
    no("a former context after its instant", "SPEC 7.2", "auth", old, now=NOW + 1000, **here)
    no("the context of one former pair and the name of another", "SPEC 7.2", "auth",
       mk(context="old.example", name="__Secure-session"), **here)

    # What the key and the tag bind.
    no("opened under another context", "SPEC 3", "auth", mk(), context="example.org")
    no("opened under another name", "SPEC 3", "auth", mk(), name="__Host-Session")
    no("a byte moved between context and name", "SPEC 3", "auth", mk(context="ab", name="c"),
       context="a", name="bc")
    for name, sealed, opened in [
        ("opened with caller_aad that it was not sealed with", "", "00"),
        ("opened without its caller_aad", "00", ""),
        ("opened with another caller_aad", "0102", "0103"),
        ("opened with a longer caller_aad", "0102", "010200"),
    ]:
        no(name, "SPEC 1.2", "auth", mk(caller_aad=sealed), caller_aad=opened)

    # Schema and shape.
    for schema, asked in ((0, 1), (1, 513), (513, 65535)):
        no(f"schema {schema} where {asked} is expected", "SPEC 6.4", "schema",
           mk(session=SMALL | {"schema": schema}), schema=asked)
    for schema, asked in ((1, 0), (513, 1), (65535, 513)):
        no(f"schema {schema} where {asked} is expected, newer", "SPEC 6.4", "newer-schema",
           mk(session=SMALL | {"schema": schema}), schema=asked)
    for shape, asked, fine in [
        (0x1234, 0x1234, True), (0, 0x1234, True), (0x1234, 0, True), (0, 0, True),
        (0x1234, 0x1235, False), (0xFFFE, 1, False), (VALUES, 0x1234, False),
        (0x1234, VALUES, False), (VALUES, 0, False), (0, VALUES, False),
    ]:
        name = f"shape {shape:04x} where {asked:04x} is expected"
        m = mk(session=typed("text", "dark", shape=shape))
        (ok if fine else no)(name, "SPEC 6.4", *([m] if fine else ["shape", m]), shape=asked)
    no("another schema and another shape, newer", "SPEC 6.4", "newer-schema",
       mk(session=typed("text", "dark", 1, 0x1234)), schema=0, shape=0x1235)
    no("another schema of the same shape", "SPEC 6.4", "schema",
       mk(session=typed("text", "dark", 0, 0x1234)), schema=1)

    # Alterations, region by region.
    good = mk(user_id="42")["bytes"]
    end, tag = len(good), {"encrypted": 16, "signed": 32}[suite]
    regions = {
        "encrypted": {"nonce": (17, 41), "ciphertext": (41, end - 16), "tag": (end - 16, end)},
        "signed": {"claims": (17, 66), "body": (66, end - 32), "tag": (end - 32, end)},
    }[suite]

    def altered(name, data, why):
        no(name, "SPEC 7", why, mk(), token=b64(data))

    def flipped(at, bit=0):
        return good[:at] + bytes([good[at] ^ 1 << bit]) + good[at + 1 :]

    for byte in (0, {"encrypted": 2, "signed": 1}[suite], 3, 4, 255):
        altered(f"suite {byte}", bytes([byte]) + good[1:], "suite")
    for at in (1, 8, 16):
        altered(f"the kid altered at byte {at}", flipped(at), "key")
    for region, (start, stop) in regions.items():
        places = {start, (start + stop) // 2, stop - 1} | ({28, 29} if region == "nonce" else set())
        for at in sorted(places):
            altered(f"the {region} altered at byte {at - start}", flipped(at, at % 8), "auth")
    for name, data in [
        ("an all-zero tag", good[:-tag] + bytes(tag)),
        ("an all-ones tag", good[:-tag] + b"\xff" * tag),
        ("the tag of another token", good[:-tag] + mk()["bytes"][-tag:]),
        ("the last byte cut off", good[:-1]),
        ("the whole tag cut off, of a longer token", mk(session=bytes_session(60))["bytes"][:-tag]),
        ("a byte appended", good + b"\0"),
        ("a byte inserted before the tag", good[:-tag] + b"\0" + good[-tag:]),
        ("as short as a token can be, but cut", good[:frame]),
    ]:
        altered(name, data, "auth")
    altered("one byte shorter than any token", good[: frame - 1], "short")
    altered("suite and key id alone", good[:17] + b"\0", "short")
    other = good[:1] + kid_of(root_of(0x20)) + good[17:]
    altered("the kid of another key", other, "key")
    no("the kid of another key that the ring holds", "SPEC 7", "auth", mk(), token=b64(other),
       keys=ring((0x00, 0, None), (0x20, 1, None)))


# --- reject.json ------------------------------------------------------------------------------


def crossed():
    e, s = (make(suite, session=bytes_session(100)) for suite in PURPOSES)
    seal, signing = (sub_key(root_of(0), p, CTX, NAME) for p in PURPOSES.values())
    kid, nonce, message = kid_of(root_of(0)), bytes.fromhex(NONCE), s["bytes"][:-32]
    plain = claims_bytes(e["claims"]) + e["postcard"]
    header = b"\x01" + kid + nonce
    kx = xaes_parts(seal, nonce)["kx"]

    def no(name, rule, why, m, token):
        reject("reject", name, rule, why, m, token=b64(token))

    no("a signed token where encrypted ones are expected", "SPEC 7", "suite", e, s["bytes"])
    no("an encrypted token where signed ones are expected", "SPEC 7", "suite", s, e["bytes"])
    no("a signed token that claims to be encrypted", "SPEC 7", "auth", e, b"\x01" + s["bytes"][1:])
    no("an encrypted token that claims to be signed", "SPEC 7", "auth", s, b"\x02" + e["bytes"][1:])
    no("encrypted with the key for signing", "SPEC 3", "auth", e,
       encrypt(signing, 1, kid, nonce, b"", plain))
    no("encrypted with the key for auxiliary tokens", "SPEC 3", "auth", e,
       encrypt(sub_key(root_of(0), "aux", CTX, NAME), 1, kid, nonce, b"", plain))
    no("signed with the key for encrypting", "SPEC 3", "auth", s,
       message + mac(seal, u64(0) + message))
    no("signed without the length of caller_aad", "SPEC 1.2", "auth", s,
       message + mac(signing, message))
    block = aes(seal)
    parts = xaes_parts(seal, nonce)
    without_k1 = block(parts["m1"]) + block(parts["m2"])
    swapped = kx[16:] + kx[:16]
    for name, k, iv, aad in [
        ("encrypted under the sub-key itself", seal, header[29:], header),
        ("XAES without K1", without_k1, header[29:], header),
        ("XAES with its halves swapped", swapped, header[29:], header),
        ("a message key by HMAC", expand(seal, header), header[29:], header),
        ("the first bytes of the nonce as the iv", kx, header[17:29], header),
        ("the header not authenticated", kx, header[29:], b""),
    ]:
        no(name, "SPEC 1.2", "auth", e, header + gcm(k, iv, aad, plain))


def texts():
    good = make()["token"]

    def no(name, why, token, m=None):
        reject("reject", name, "SPEC 1.1" if why in ("early", "text") else "SPEC 7", why, m,
               token=token)

    for name, why, token in [
        ("an empty value", "empty", ""),
        ("4097 characters", "long", "A" * 4097),
        ("10,000 characters", "long", good + "A" * 10_000),
        ("4097 characters, the first of them a token", "long", good + "A" * (4097 - len(good))),
        ("2049 characters of two bytes each", "long", "é" * 2049),
        ("2048 characters of two bytes each", "early", "é" * 2048),
        ("4096 characters of zeros", "suite", "A" * 4096),
        ("one character", "early", "A"),
        ("the text of a removed cookie", "early", "deleted"),
        ("23 characters of a token", "early", good[:23]),
        ("24 characters of a token", "short", good[:24]),
        ("25 characters of a token", "text", good[:25]),
        ("a JSON web token", "early", "eyJhbGciOiJub25lIn0.eyJzdWIiOiI0MiJ9.AAAAAAAA"),
        ("quoted", "early", f'"{good}"'),
        ("white space in front", "early", " " + good),
        ("white space at the end", "text", good + " "),
        ("a line break at the end", "text", good + "\n"),
        ("a line break inside", "text", good[:76] + "\r\n" + good[76:]),
        ("a NUL at the end", "text", good + "\0"),
        ("percent-encoded", "text", good[:40] + "%2D" + good[41:]),
        ("not ASCII, early", "early", "é" + good),
        ("not ASCII, across byte 24", "early", good[:23] + "é" + good[24:]),
        ("not ASCII, late", "text", good[:60] + "é" + good[61:]),
        ("a full-width letter", "text", good[:60] + "Ａ" + good[61:]),
        ("a dot at the end", "text", good + "."),
        ("a byte order mark in front", "early", "\ufeff" + good),
        # The order of the checks.
        ("a wrong suite, before what follows is read", "suite", "Ag" + good[2:24] + "!" * 60),
        ("an unknown key, before what follows is read", "key",
         make(root=root_hex(0x20))["token"][:24] + "!" * 60),
        ("a known key, and then no base64url", "text", good[:24] + "!" * 60),
        ("no base64url within the first 24 characters comes first", "early",
         "Ag" + good[2:23] + "!" + good[24:]),
    ]:
        no(name, why, token)
    for count in (1, 2, 3):
        no(f"padding of {count}", "text", good + "=" * count)
    # A token for each number of unused bits: 0, 2 and 4.
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for size in range(3):
        m = make(session=bytes_session(20 + size))
        t, unused = m["token"], {0: 0, 2: 2, 1: 4}[len(m["bytes"]) % 3]
        no(f"{unused} unused bits: padded to a multiple of 4 and once more", "text",
           t + "=" * (-len(t) % 4 or 4), m)
        for bit in range(unused):
            last = alphabet[alphabet.index(t[-1]) | 1 << bit]
            assert last != t[-1]
            no(f"{unused} unused bits: bit {bit} set", "text", t[:-1] + last, m)
        no(f"{unused} unused bits: a length of 1 more than a multiple of 4", "text",
           t + "A" * (-len(t) % 4 + 1), m)
    randoms = (filler(16 + i)[-16:].hex() + NONCE for i in range(64))
    plus = next(t for r in randoms if {"-", "_"} <= set((t := make(random=r)["token"])[24:]))
    for own, other in (("-", "+"), ("_", "/")):
        no(f"the other alphabet: {other}", "text", plus[:24] + plus[24:].replace(own, other))


def claims():
    def no(name, why, suite="encrypted", claims=None, over=None, rule="SPEC 4", **how):
        m = make(suite, claims=claims, **how)
        reject("reject", f"{name} ({suite})", rule, why, m, **(over or {}))

    for suite in PURPOSES:
        handle = bytes(range(0x80, 0xA0))
        no("kind 3", "newer", suite, {"kind": 3})
        no("kind 1 where inline is expected", "kind", suite, {"kind": 1}, body=handle)
        no("kind 2 where inline is expected", "kind", suite, {"kind": 2})
        no("issued before created", "order", suite, {"created": NOW + 1})
        no("expires before issued", "order", suite, {"expires": NOW - 1})
        no("expires before created", "order", suite,
           {"created": NOW - 10, "issued": NOW - 5, "expires": NOW - 11})
        no("a subject announced and not there", "cut", suite, {"subject": ""}, body=b"")
        no("a subject of 15 bytes", "cut", suite, {"subject": "00" * 15}, body=b"")
        for cls in (1, 2, 3):
            no(f"class {cls} under a policy of {cls}", "class", suite, {"class": cls},
               policy=POLICIES[:cls])
        no("issued beyond the tolerance, created within", "future", suite,
           {"issued": NOW + 121, "expires": NOW + 1800}, rule="SPEC 5")
    no("a reference without a handle", "kind", claims={"kind": 1}, body=b"")
    # The order of the checks.
    for name, why, claims, over, body in [
        ("disordered times come before the unknown class", "order",
         {"class": 3, "expires": NOW - 1}, {}, None),
        ("the unknown class comes before the future", "class", {"class": 3}, {"now": NOW - 500},
         None),
        ("the time comes before the kind", "idle", {"kind": 1}, {"now": NOW + 1800}, None),
        ("the time comes before kind 3", "idle", {"kind": 3}, {"now": NOW + 1800}, None),
        ("the kind comes before the padding", "kind", {"kind": 2, "padded": 1}, {}, b"\xff" * 40),
        ("kind 3 comes before the padding", "newer", {"kind": 3, "padded": 1}, {}, b"\xff" * 40),
        ("the padding comes before the schema", "padding", {"padded": 1}, {"schema": 1},
         b"\xff" * 40),
        ("a newer schema comes before the shape and the type", "newer-schema", {"schema": 1},
         {"shape": 1}, b"\xff"),
        ("altered and expired is altered", "auth", {}, {"now": NOW + 10**6, "caller_aad": "00"},
         None),
    ]:
        no(name, why, claims=claims, over=over, body=body, rule="SPEC 7")


# --- extensions.json --------------------------------------------------------------------------

DEVICE = "02" + filler(32).hex()


def extensions():
    file, rule = "extensions", "SPEC 4.1"

    def ext(*entries):
        return [[t, v if isinstance(v, str) else u32(v).hex()] for t, v in entries]

    for suite in PURPOSES:

        def ok(name, *entries, over=None, m=None, **how):
            m = m or make(suite, extensions=ext(*entries), **how)
            accept(file, f"{name} ({suite})", rule, m, **(over or {}))

        def no(name, why, raw=None, *, entries=(), claims=None, over=None, **how):
            claims = (claims or {}) | ({} if raw is None else {"raw_extensions": raw})
            m = make(suite, extensions=ext(*entries), claims=claims, **how)
            reject(file, f"{name} ({suite})", rule, why, m, **(over or {}))

        ok("a device key", (1, DEVICE))
        ok("a device key that begins with 03", (1, "03" + DEVICE[2:]))
        ok("a stay", (2, 7))
        ok("a stay of 0", (2, 0))
        ok("an end beyond every deadline", (3, NOW + 10**6))
        ok("a last authentication", (4, NOW - 50), created=NOW - 100)
        ok("a last authentication one second after created", (4, NOW - 99), created=NOW - 100)
        ok("a last authentication that lies ahead", (4, NOW + 10**6))
        ok("all four", (1, DEVICE), (2, LAST), (3, NOW + 5000), (4, NOW + 1))
        ok("all four, with a subject", (1, DEVICE), (2, 1), (3, NOW + 5000), (4, NOW + 1),
           user_id="42")
        # The session's own end.
        soon = {"extensions": ext((3, NOW + 600))}
        assert make(suite, **soon)["claims"]["expires"] == NOW + 600
        ok("an end before the idle deadline", m=make(suite, **soon))
        ok("an end before the idle deadline, its last second", m=make(suite, **soon),
           over={"now": NOW + 599})
        no("at its own end", "absolute", entries=((3, NOW + 600),), over={"now": NOW + 600})
        no("past its own end, which comes before idle", "absolute", entries=((3, NOW + 600),),
           over={"now": NOW + 3000})
        no("an own end before the token's expires", "absolute", entries=((3, NOW + 600),),
           claims={"expires": NOW + 1800}, over={"now": NOW + 600})
        ok("a refresh would live longer, but for the end: no refresh", (3, NOW + 1800),
           over={"now": NOW + 300})
        ok("a refresh up to the end", (3, NOW + 1801), over={"now": NOW + 300, "refresh": True})
        no("past the absolute timeout, before its own end", "absolute", entries=((3, NOW + 10**6),),
           created=NOW - 86399, over={"now": NOW + 1})
        # Structure.
        for name, raw in [
            ("a total of 0", "00"),
            ("a total of 1", "0105"),
            ("a total beyond the plaintext", "ff0500"),
            ("a total that ends within an entry", "03050201"),
            ("an entry beyond the total, within the plaintext", "0205010000"),
            ("a last entry without a length", "03050006"),
        ]:
            no(name, "extensions", raw)
        for name, why, raw in [
            ("type 0", "order", "020000"),
            ("the same type twice", "order", "0406000600"),
            ("descending types", "order", "0407000600"),
            ("the same known type twice", "order", "0c" + "030477359400" * 2),
            ("known types in descending order", "order", "0c" + "04047fffffff" + "030477359400"),
            ("a device key of 32 bytes", "key", "220120" + "02" * 32),
            ("a device key of 34 bytes", "key", "240122" + "02" * 34),
            ("a device key of no bytes", "key", "020100"),
            ("a device key that begins with 04", "key", "230121" + "04" * 33),
            ("a device key that begins with 00", "key", "230121" + "00" * 33),
            ("a stay of 3 bytes", "length", "050203000001"),
            ("a stay of 5 bytes", "length", "0702050000000001"),
            ("an end of 8 bytes", "length", "0a0308" + "00" * 4 + "7fffffff"),
            ("an end of no bytes", "length", "020300"),
            ("a last authentication of 1 byte", "length", "03040101"),
            ("a last authentication at created", "auth", "060404" + u32(NOW).hex()),
            ("a last authentication before created", "auth", "060404" + u32(NOW - 1).hex()),
        ]:
            no(name, "ext-" + why, raw)
        no("a total of 0 at the very end", "extensions", "00", body=b"")
        no("extensions cut short with the plaintext", "extensions", "2301210203", body=b"")
        no("a stay in a reference", "ext-stay", entries=((2, 1),), claims={"kind": 1})
        no("a stay in a record", "ext-stay", entries=((2, 1),), claims={"kind": 2})
        no("a stay in kind 3", "newer", entries=((2, 1),), claims={"kind": 3})
        no("a device key in a reference", "kind", entries=((1, DEVICE),), claims={"kind": 1})
        # Of a later version.
        no("an unknown type", "newer", entries=((5, ""),))
        no("an unknown type of 251 bytes", "newer", entries=((255, "00" * 253),))
        no("an unknown type after known ones", "newer", entries=((1, DEVICE), (4, NOW + 1), (9, "00")))
        no("an unknown type of a token that has expired", "idle", entries=((5, ""),),
           over={"now": NOW + 1800})
        no("an unknown type of a token that is past its end", "absolute",
           entries=((3, NOW + 5), (5, "")), over={"now": NOW + 5})
        no("an unknown type in a reference", "newer", entries=((5, ""),), claims={"kind": 1})
        no("a broken known type beside an unknown one", "ext-length", "05" + "020000" + "0500")
        no("an unknown type and a padding that is wrong", "newer", entries=((5, ""),),
           claims={"padded": 1}, body=b"\xff" * 40)


# --- time.json --------------------------------------------------------------------------------


def times():
    for suite in PURPOSES:

        def ok(name, m, **over):
            accept("time", f"{name} ({suite})", "SPEC 5", m, **over)

        def no(name, why, m, **over):
            reject("time", f"{name} ({suite})", "SPEC 5", why, m, **over)

        def mk(**how):
            return make(suite, **how)

        m = mk()
        ok("at its issue", m)
        ok("a second before a tenth of the idle time", m, now=NOW + 179)
        ok("after a tenth of the idle time", m, now=NOW + 180, refresh=True)
        ok("its last second", m, now=NOW + 1799, refresh=True)
        no("at expires", "idle", m, now=NOW + 1800)
        no("long after expires, within the absolute time", "idle", m, now=NOW + 80000)
        no("idle and too old is too old", "absolute", m, now=NOW + 86400)
        odd = mk(policy=[[1795, 86400]])
        ok("before a tenth of the idle time, rounded up", odd, now=NOW + 179)
        ok("after a tenth of the idle time, rounded up", odd, now=NOW + 180, refresh=True)

        old = mk(created=NOW - 85000, user_id="42")
        assert old["claims"]["expires"] == NOW + 1400
        ok("the last second of its absolute time", old, now=NOW + 1399)
        no("at the end of its absolute time", "absolute", old, now=NOW + 1400)
        ok("near the end, a new token would not live longer", old, now=NOW + 600)
        ok("near the end, a new token would live longer", mk(created=NOW - 84000), now=NOW + 200,
           refresh=True)

        ok("120 seconds in the future", m, now=NOW - 120)
        no("121 seconds in the future", "future", m, now=NOW - 121)
        no("a year in the future", "future", m, now=NOW - 31536000)
        ok("begun on a server whose clock is ahead by 120 seconds", mk(created=NOW + 120))
        ahead = mk(created=NOW + 60)
        ok("begun on a server whose clock is ahead", ahead, now=NOW + 1859, refresh=True)
        no("begun on a server whose clock was ahead, at expires", "idle", ahead, now=NOW + 1860)

        tight = [[600, 86400]]
        ok("tightened idle time, its last second", m, policy=tight, now=NOW + 599)
        no("tightened idle time", "idle", m, policy=tight, now=NOW + 600)
        ok("a tightened policy counts a tenth of its own idle time", m, policy=[[1700, 86400]],
           now=NOW + 170, refresh=True)
        short, hour = [[1800, 3600]], mk(created=NOW - 3000)
        ok("tightened absolute time, its last second", hour, policy=short, now=NOW + 599)
        no("tightened absolute time", "absolute", hour, policy=short, now=NOW + 600)
        loose = [[864000, 864000]]
        ok("a loosened policy revives nothing, a second before", m, policy=loose, now=NOW + 1799)
        no("a loosened policy revives nothing", "idle", m, policy=loose, now=NOW + 1800)
        no("a loosened policy revives no absolute time", "idle", old, policy=loose, now=NOW + 1400)

        for cls, (idle, _) in enumerate(POLICIES):
            c = mk(policy=POLICIES, **{"class": cls})
            ok(f"class {cls}, its last second", c, now=NOW + idle - 1, refresh=True)
            no(f"class {cls} at expires", "idle", c, now=NOW + idle)
        no("a class whose timeouts were tightened", "idle", mk(policy=POLICIES, **{"class": 1}),
           policy=[POLICIES[0], POLICIES[3]], now=NOW + 60)
        days = mk(policy=[[34560000, 34560000]])
        ok("400 days, the last second", days, now=NOW + 34559999)
        no("after 400 days", "absolute", days, now=NOW + 34560000)
        tiny = mk(policy=[[1, 1]])
        ok("one second", tiny)
        no("after one second", "absolute", tiny, now=NOW + 1)

        last = mk(now=LAST - 1000)
        assert last["claims"]["expires"] == LAST
        ok("the last second but one of the clock", last, now=LAST - 1)
        no("the last second of the clock", "absolute", last, now=LAST)
        ok("the first second of the clock", mk(now=0))
        no("a token that expires when it is issued", "idle", mk(claims={"expires": NOW}))
        far = mk(claims={"expires": NOW + 10**6})
        ok("expires later than the policy allows, a second before the policy's end", far,
           now=NOW + 1799, reproducible=False)
        no("expires later than the policy allows", "idle", far, now=NOW + 1800)
        near = mk(claims={"expires": NOW + 10})
        ok("expires earlier than the policy allows", near, now=NOW + 9, reproducible=False)
        no("expires earlier than the policy allows, at expires", "idle", near, now=NOW + 10)
        no("created long ago, issued now", "absolute", mk(claims={"created": NOW - 86400}))


# --- body.json --------------------------------------------------------------------------------

# A stream with a dynamic block, made once with zlib at level 6, of the postcard of DYNAMIC_TEXT;
# here as bytes, so that it depends on no version of zlib.
DYNAMIC_TEXT = " ".join(f"item {n * n} of {n}," for n in range(300))
DYNAMIC_STREAM = """
4d9841922d270c04aff2d70e2f9084401cc88ef0c2e18d6fe88b99f75455ccb2677a201b24a534fffdf6
d7bf7ffcfd6bfcfae7cf5fe3f75fdf07fb3c181ee6e7c1f1703e0fc1d7d6e769e2c9f3f394788aefef16
d7f8feddc6d3fa2e5978aaef6e876b8e2f8909c51b863436bf7f6c2e86efd226a6f3ddd844d55896a2ec
df93ccabff9e6ce1bd7ee93b7a7ff2cde673f2cdf9fdbdebb4aacf8b7ce9dff59d7cb9bffb3bf956f339
f9167e4fbe8dbf27dfc6fa3a3dec4fbed37c41bed3fca1f31bfd81a1031c7d02a113b43ea298ba82668c
d40ffa908390167d0bb1df2df52ec4b4ec7b0cddf36ad0a98b5e1d0853a4bbe3648ab43a8ce6bbeb8eb2
a9cb1e4d3a75db8618d575fbe83548ea317a1792fa1ccd4152cf264d92faea3792a4be7b8d24a957ef92
24f5d31c49d200692a5facbf25497a03b1d75064469f472a34679f58923470a68ba4b1fbd41749a3fa5e
1649e3f4cd2d92ced177bb483a71fb8ba4333a3e96927b76042d92ced531b6483a7747e15216214c3749
73741c6f92a675a06f255274266c65d2ec54d9244de4d226696ebc41d23c584395686017925ef2e620e9
42c2174957f6b71449d7eeaf2d92aeeaf32892eed1275624dd38d322e98e3ef552da67df4b29ef77df5c
91749fbedb2269a1741e9296a3b492b46647d02169ad8eb143d2aa8ec243d283383d24bdbbf61b243db3
63fd90f4acce8643d2539d2fe7478d679557f60fef976cbc4a357ba1fb3bfd68f5663654034635d07d5d
050cd03654b1cc036fa966dd1a85b554b56c2deca8ba6555e012bdd3513f2415d494e83d61aaa72adf90
d5b3951ff84ac2b2a0b2e42c8b096bd98f8a0b71c95c1607ee92bc6c1af4257fddaf06bd1466372cfa2d
7f96ad8267459fd6c96372996574829974664c4293d12c8b6f897e692dd1afe08ea25fe27ad640e13009
ce36bff1396e4f9cc4b3dce6793dcfed83537da62b9efd73dd950ede127df11e9fefcec06d3fe31dc6c4
73de4181b667bdc3f892f76e22200a653e1f8c55b9cfc746443ffb29ee7ff82f901dcf80c61c7a0efce0
f78f6441673e3e0f5284f64ce8486d7b2e0cc35acf86811261cf87b1c125235eefb25513fd0c7ca3ace8
1325cbe4c5eb499c97cce889d267f92cceb3971d3d51424d7ef45bff7b2d19d2174ab1c9917e63095da4
e859d24d9ef49dec3545bfa106932bfd861c76147d4131265fde2e15f432a61fa8cae44c3f891c92356f
7d41a6c99bb7f5403eeed78d306be5ce18876fa923b1e05aea492e35765457e2835cea4b9c3547160d47
4b60f26884b1f7567712682d4c2e8d289caa6c1a6c514c3ebd05133724a3c644ab63726a64e0b665d548
b44c56afab62bd97596f2786f8925b6f3d4614caaeb7fb42accaafb75e22a265d828c6bd1c7b2b21b243
968d424b69f2ec2df7c83499f67611c8c7f3635ee1c4a29165a0c575b9768eeab55cae9d8656d9e5da8f
4d7a3a19af3b04bdcbb5b7f606de5287e868dd5dae9de10b3baa4b0c8c002ed7dee90af4f6062e8c122e
d7dee2d8f7e872ed4c8c242ed7cedc1d132ed7de4615f472ed5c2bf196e8374624976be74ec78eafc7c5
a8e56f562c4e8b6f5c2c0e6c6f623cce9951f48763df9b1b876132946b9359eb726dde66066fa9e7358e
a0726dde88c18ea4bf9f43aea31fa1e6b85c9b8171d8e5da8cc249c8b53931547bfce8d571aa726d26cf
5eaebdf5123724d7de4a887b946bf3b605d851f41bff2670b9f6ced9a0976bb306e24baecd5b4c7a2db9
36af0b7b47b9364f22a2e5dabb38e8e5da3512d921d77e2a07d6d2c471ed891ddfcc31908f72eda26b5d
ae5dc1b7e4da155c4baefd8c2bbda35cbb26b9e4da95a4976b57f21be5dab5781272ed2739b0a3e8374f
55ae5d3a7bb9f666366e48aefd14cc5e4bae5d87b72dd7de88404cc8b57b3072e4da3d185f72ed0d0944
a15cbb8db12ad76e6744cbb55b712fd7ee6076c8b57762430ec9b57b32d3e4da9dcc47b976b34376b9f6
aa906f897ee91f3f6f02649d906bf76635916bb76a8e5cbb8b9549aebdad2f4e42aeadc12a27d7d6602d
946b8bff0c72b9b68c7555ae2d67f5956bcb59a3e5da0a56f237c3aadebf2976d20a6f8e4dbae34db249
c3bc5976d143726d6dc6bd5c7b7b7964875c5b45f3c9b555f4a35c5b8716bdaefd1f
"""


def bodies():
    room, long = 2971, typed("text", {"repeat": ["session ", 500]})
    plain, small, unit = session_bytes(long), typed("text", "hello session"), typed("unit")
    both = {"deflated": 1, "padded": 1}

    def whole(session, blocks=("fixed",), stream=None, size=None, suite="encrypted", **how):
        stream = stream or deflate(session_bytes(session), blocks)
        size = size or padded_size(len(stream), room)
        return make(suite, session=session, claims=both, body=pad(stream, size),
                    compression="when-needed", **how)

    def bare(session, blocks=("fixed",), stream=None, suite="encrypted"):
        stream = stream if stream is not None else deflate(session_bytes(session), blocks)
        return make(suite, session=session, claims={"deflated": 1}, body=stream,
                    compression="always")

    def padded(body, session=small):
        return make(session=session, claims={"padded": 1}, body=body)

    def written(name, compression, session):
        accept("body", name, "SPEC 6.3", make(compression=compression, session=session))

    written("raw, because it fits", "when-needed", bytes_session(room))
    written("raw, although deflate would shorten it", "when-needed", text_session(room))
    written("raw, by the rule never", "never", bytes_session(1000))
    written("raw, by the rule in-store", "in-store", bytes_session(1000))
    written("raw, by the rule always, because deflate would not shorten it", "always",
            bytes_session(400, random=True))

    def ok(name, rule, m):
        accept("body", name, rule, m, reproducible=False)

    for suite in PURPOSES:
        ok(f"deflated and padded ({suite})", "SPEC 6", whole(long, suite=suite))
        ok(f"deflated only ({suite})", "SPEC 6", bare(long, suite=suite))
    ok("deflated and padded, with a subject, class 3", "SPEC 6",
       whole(long, user_id="42", policy=POLICIES, **{"class": 3}))
    mixed = typed("bytes", (filler(700) + bytes(3000)).hex())
    ok("deflated and padded to another size", "SPEC 6.3", whole(mixed))
    ok("deflated and padded to the whole room", "SPEC 6.3", whole(mixed, size=room))
    exact = 4 + len(deflate(plain))
    ok("padded by less than a size class", "SPEC 6.2", whole(long, size=exact + 1))
    ok("padded by nothing", "SPEC 6.2", whole(long, size=exact))
    ok("padded and not deflated", "SPEC 6.2", padded(pad(session_bytes(small), 512)))
    ok("padded, with no content", "SPEC 6.2", padded(bytes(4), unit))
    ok("deflated, of nothing", "SPEC 6.1", bare(unit))
    ok("a stored block", "SPEC 6.1", bare(small, ("stored",)))
    ok("two blocks", "SPEC 6.1", whole(long, ("fixed", "fixed")))
    ok("a stored block and a fixed one", "SPEC 6.1",
       bare(typed("text", {"repeat": ["ab", 300]}), ("stored", "fixed")))
    ok("an empty block at the end", "SPEC 6.1", bare(long, ("fixed", "empty")))
    stream = bytes.fromhex(DYNAMIC_STREAM.replace("\n", ""))
    assert inflated(stream) == session_bytes(typed("text", DYNAMIC_TEXT)) and stream[0] >> 1 & 3 == 2
    ok("a dynamic block", "SPEC 6.1", whole(typed("text", DYNAMIC_TEXT), stream=stream))

    def of(n):
        session = typed("text", {"repeat": ["a", n - 3]})
        assert len(session_bytes(session)) == n
        return session

    ok("inflates to exactly 65,536 bytes", "SPEC 6.1", whole(of(65536)))
    ok("inflates to exactly 65,536 bytes, and then an empty block", "SPEC 6.1",
       whole(of(65536), ("fixed", "empty")))
    ok("inflates to exactly 65,536 bytes, unpadded", "SPEC 6.1", bare(of(65536)))

    def no(name, why, m):
        reject("body", name, "SPEC 6.2" if why == "padding" else "SPEC 6.1", why, m)

    no("inflates to 65,537 bytes", "bomb", whole(of(65537)))
    no("inflates to 65,537 bytes, unpadded", "bomb", bare(of(65537)))
    tail = Bits()
    fixed_block(tail, session_bytes(of(65537))[:-1], 0)
    stored_block(tail, b"a", 1)
    no("inflates to 65,537 bytes, the last of them in a block of its own", "bomb",
       bare(of(65537), stream=tail.done()))
    no("inflates to a quarter of a mebibyte", "bomb", bare(of(1 << 18)))

    good = deflate(plain)

    def broken(name, stream):
        assert inflated(stream) is None, name
        no(name, "deflate", bare(small, stream=stream))

    def block(*steps):
        """One final fixed block of these symbols, (distance code, extra bits) and all."""
        out = Bits()
        out.number(0b011, 3)
        for step in steps:
            symbol(out, step) if isinstance(step, int) else out.code(step[0], 5)
        return out.done()

    open_end, zeros = Bits(), Bits()
    fixed_block(open_end, plain, 0)
    fixed_block(zeros, bytes(8), 1)
    wrapped = b"\x78\x9c" + deflate(plain) + zlib.adler32(plain).to_bytes(4, "big")
    for name, stream in [
        ("an empty stream", b""),
        ("a byte after the stream", good + b"\0"),
        ("a second stream after the first", good + good),
        ("the last byte cut off", good[:-1]),
        ("half a stream", good[: len(good) // 2]),
        ("no final block", open_end.done()),
        ("cut inside the end-of-block code", zeros.done()[:-1]),
        ("a zlib header", wrapped),
        ("block type 3", b"\x07" + bytes(20)),
        ("a stored block whose length check is wrong", b"\x01\x05\x00\xff\xffhello"),
        ("a stored block that is cut", b"\x01\x05\x00\xfa\xffhell"),
        ("a distance from before the beginning", block(97, 257, (1,), 256)),
        ("length symbol 286", block(286, 256)),
        ("length symbol 287", block(287, 256)),
        ("distance symbol 30", block(97, 97, 97, 97, 257, (30,), 256)),
        ("distance symbol 31", block(97, 97, 97, 97, 257, (31,), 256)),
    ]:
        broken(name, stream)

    # The rules for Huffman codes, each by itself. The content is the text "a": 01 61.
    one_a, literals = typed("text", "a"), {1: 2, 97: 2, 256: 2, 257: 2}
    content = [1, 97, 256]
    for name, stream in [
        ("a code for distances of one symbol of one bit", dynamic(literals, {0: 1}, content)),
        ("a code for distances of no symbol", dynamic(literals, {}, content)),
        ("a complete code for distances", dynamic(literals, {0: 1, 1: 1}, content)),
        ("30 distances, of which one has a code",
         dynamic(literals, {0: 1}, content, counts=(258, 30))),
        ("286 literals and lengths",
         dynamic({**literals, 257: 3, 285: 3}, {0: 1}, content, counts=(286, 1))),
        ("lengths repeated by 17 and 18",
         dynamic(literals, {0: 1}, content, precode={0: 2, 1: 2, 2: 2, 17: 3, 18: 3},
                 lengths=[0, 2, (18, (84, 7)), 2, (18, (127, 7)), (17, (7, 3)), (17, (7, 3)), 2, 2,
                          1])),
        ("lengths repeated by 16",
         dynamic({1: 2, 97: 3, 98: 3, 99: 3, 100: 3, 256: 2}, {0: 1}, content,
                 precode={0: 2, 1: 3, 2: 3, 3: 3, 16: 3, 17: 3, 18: 3},
                 lengths=[0, 2, (18, (84, 7)), 3, (16, (0, 2)), (18, (127, 7)), (17, (7, 3)),
                          (17, (4, 3)), 2, 1])),
    ]:
        assert inflated(stream) == session_bytes(one_a), name
        ok(name, "SPEC 6.1", bare(one_a, stream=stream))
    empty = dynamic({256: 1}, {}, [256])
    assert inflated(empty) == b""
    ok("a code for literals of the end of the block alone", "SPEC 6.1", bare(unit, stream=empty))
    repeat_first = [(16, (0, 2))] + [0] * 254 + [1]
    for name, stream in [
        ("an oversubscribed code for literals",
         dynamic({1: 1, 97: 1, 256: 1}, {0: 1}, content)),
        ("an incomplete code for literals", dynamic({1: 2, 97: 2, 256: 2}, {0: 1}, content)),
        ("a code for literals of one symbol of two bits", dynamic({256: 2}, {}, [256])),
        ("a code for literals without the end of the block",
         dynamic({1: 1, 97: 1}, {0: 1}, [1, 97], counts=(257, 1))),
        ("the other bit of a code of one symbol",
         dynamic({256: 1}, {}, [("b", 1, 1), 256])),
        ("an oversubscribed code for distances",
         dynamic(literals, {0: 1, 1: 1, 2: 1}, content)),
        ("an incomplete code for distances", dynamic(literals, {0: 2, 1: 2, 2: 2}, content)),
        ("a code for distances of one symbol of two bits", dynamic(literals, {0: 2}, content)),
        ("a distance, where distances have no symbol",
         dynamic(literals, {}, [97, 257, ("b", 0, 1), 256])),
        ("the other bit of a code for distances of one symbol",
         dynamic(literals, {0: 1}, [97, 257, ("b", 1, 1), 256])),
        ("an oversubscribed code for code lengths",
         dynamic(literals, {0: 1}, content, precode={s: 3 for s in range(16)})),
        ("an incomplete code for code lengths",
         dynamic(literals, {0: 1}, content, precode={0: 2, 1: 2, 2: 2})),
        ("a code for code lengths of one symbol of one bit",
         dynamic({256: 1}, {}, [256], precode={1: 1}, lengths=[1] * 258)),
        ("a code for code lengths of no symbol",
         dynamic({256: 1}, {}, [256], precode={}, lengths=[1] * 258)),
        ("a repetition with nothing before it",
         dynamic({256: 1}, {}, [256], precode={0: 2, 1: 2, 2: 2, 16: 2}, lengths=repeat_first)),
        ("a repetition beyond the last code",
         dynamic(literals, {0: 1}, content, precode={0: 2, 1: 2, 2: 2, 17: 3, 18: 3},
                 lengths=[0, 2, (18, (84, 7)), 2, (18, (127, 7)), (17, (7, 3)), (17, (7, 3)), 2, 2,
                          (17, (0, 3))])),
        ("287 literals and lengths",
         dynamic({**literals, 257: 3, 285: 3}, {0: 1}, content, counts=(287, 1))),
        ("288 literals and lengths",
         dynamic({**literals, 257: 3, 285: 3}, {0: 1}, content, counts=(288, 1))),
        ("31 distances", dynamic(literals, {0: 1}, content, counts=(258, 31))),
        ("32 distances", dynamic(literals, {0: 1}, content, counts=(258, 32))),
    ]:
        broken(name, stream)

    no("padding inside the stream's content", "deflate",
       make(session=long, claims=both, body=pad(good + b"\0", 512)))
    no("not deflated, but announced", "deflate", make(claims={"deflated": 1}))
    reject("body", "deflated, and not announced", "SPEC 6", "type", make(session=long, body=good))
    reject("body", "padded, and not announced", "SPEC 6", "type",
           make(session=small, body=pad(session_bytes(small), 64)))
    content = session_bytes(small)
    for n in range(4):
        no(f"a padded body of {n} bytes", "padding", padded(bytes(n)))
    for name, body in [
        ("a length of one more than there is", u32(len(content) + 1) + content),
        ("a length of 2^32 - 1", b"\xff" * 4 + content),
        ("a byte that is not zero, right after the content", pad(content, 0) + b"\1\0\0"),
        ("a byte that is not zero, at the very end", pad(content, 64)[:-1] + b"\x80"),
        ("a length in little-endian", len(content).to_bytes(4, "little") + content),
        ("a length of one less than there is", u32(len(content) - 1) + content),
    ]:
        no(name, "padding", padded(body))
    reject("body", "a length that leaves out a zero of the content", "SPEC 6.2", "type",
           padded(u32(3) + b"\x03ab\0"))


# --- postcard.json, values.json, json.json ----------------------------------------------------

EXAMPLE = {
    "flag": True, "u8": 200, "i8": -2, "u16": 300, "u32": 4294967295, "u64": str(2**64 - 1),
    "u128": str(2**128 - 1), "i16": -32768, "i32": 2147483647, "i64": str(-(2**63) + 1),
    "i128": str(-(2**127)), "f32": 1.5, "f64": -0.1, "char": "ß", "string": "\ufeffgrüße",
    "sequence": [0, 127, 128, 16383, 16384], "some": 7, "none": None, "tuple": [9, "x"],
    "map": {"a": 1, "b": 200},
    "shapes": ["Point", {"Circle": 5}, {"Pair": [1, 300]}, {"Named": {"name": "n"}}],
}


def postcards():
    def ok(name, kind, data, value, *, canonical=True, rule="SPEC 8.1"):
        if canonical:
            assert session_bytes(typed(kind, value)) == data, name
        emit("postcard", name, rule, "accept", type=kind, bytes=data.hex(), value=value,
             canonical=canonical)

    def no(name, kind, data, rule="SPEC 8.1"):
        emit("postcard", name, rule, "reject", type=kind, bytes=data.hex())

    data = example_bytes(EXAMPLE)

    def changed(old, new):
        assert data.count(old) == 1
        return data.replace(old, new)

    ok("a struct of all that postcard has", "example", data, EXAMPLE)
    ok("unit alone", "unit", b"", None)
    for n in (0, 1, 127, 128, 200):
        ok(f"{n} bytes", "bytes", varint(n) + filler(n), filler(n).hex())
    for t in ("", "a", "é", "😀", "nul\0inside", "\ufeff", "\ufefftext", "e\u0301", "x" * 128):
        ok(f"text {t[:9]!a} of {len(t)}", "text", text(t), t)
    theme = {"theme": "dark"}
    cbor_theme = cbor(theme)
    ok("values", "values", varint(len(cbor_theme)) + cbor_theme, theme, rule="SPEC 8.2")
    ok("no values", "values", b"\x01\xa0", {}, rule="SPEC 8.2")
    # More bytes than needed.
    a = {"canonical": False}
    ok("a length in two bytes", "text", b"\x81\0k", "k", **a)
    ok("a length in ten bytes", "text", b"\x81" + b"\x80" * 8 + b"\0k", "k", **a)
    ok("a length of values in two bytes", "values", b"\x81\0\xa0", {}, rule="SPEC 8.2", **a)
    u16_300 = varint(300) + varint(2**32 - 1)
    ok("a u16 in three bytes", "example", changed(u16_300, b"\xac\x82\0" + u16_300[2:]), EXAMPLE, **a)
    named = b"\x03\x01n"
    ok("a variant in five bytes", "example", changed(named, b"\x83\x80\x80\x80\0\x01n"), EXAMPLE, **a)
    char = b"\x02\xc3\x9f"
    ok("a char of two characters is the first", "example", changed(char, b"\x03\xc3\x9fx"), EXAMPLE,
       **a)
    no("a char of no bytes", "example", changed(char, b"\0"))
    no("a char of five bytes", "example", changed(char, b"\x05\xc3\x9fxyz"))
    no("a char that is not UTF-8", "example", changed(char, b"\x02\xc3x"))
    no("a char whose second character is not UTF-8", "example", changed(char, b"\x03\xc3\x9f\xff"))
    no("a struct that is cut", "example", data[:-1])
    no("a struct with a byte left over", "example", data + b"\0")
    no("a bool of 2", "example", b"\x02" + data[1:])
    options = b"\x01\x07\x00\x09"
    no("an option byte of 2", "example", changed(options, b"\x02\x07\x00\x09"))
    no("an option byte of 2, of none", "example", changed(options, b"\x01\x07\x02\x09"))
    no("an option byte of 255", "example", changed(options, b"\xff\x07\x00\x09"))
    no("a u16 of 65,536", "example", changed(u16_300, b"\x80\x80\x04" + u16_300[2:]))
    no("a u16 in four bytes", "example", changed(u16_300, b"\xac\x82\x80\0" + u16_300[2:]))
    no("a u32 of 2^32", "example", changed(u16_300, varint(300) + varint(2**32)))
    u64_u128 = varint(2**64 - 1) + varint(2**128 - 1)
    no("a u64 of 2^64", "example", changed(u64_u128, varint(2**64) + varint(2**128 - 1)))
    no("a u128 of 2^128", "example", changed(u64_u128, varint(2**64 - 1) + varint(2**128)))
    no("a variant that does not exist", "example", changed(named, b"\x04\x01n"))
    no("a variant of 2^32", "example", changed(named, b"\x80\x80\x80\x80\x10\x01n"))
    no("unit with a byte", "unit", b"\0")
    no("no bytes at all", "text", b"")
    no("a text that is cut", "text", b"\x02x")
    no("a text with a byte left over", "text", b"\x01xy")
    no("a text of 2^64 - 1 bytes", "text", varint(2**64 - 1) + b"x")
    no("a length of 2^64", "text", varint(2**64) + b"x")
    no("a length in eleven bytes", "text", b"\x81" + b"\x80" * 9 + b"\0x")
    no("bytes of 2^63", "bytes", varint(2**63) + b"x")
    for name, bad in [("that is not UTF-8", b"\xff"), ("with half a surrogate pair", b"\xed\xa0\x80"),
                      ("with an overlong character", b"\xc0\x80"),
                      ("with a character beyond U+10FFFF", b"\xf4\x90\x80\x80")]:
        no(f"a text {name}", "text", varint(len(bad)) + bad)
    no("values without a length", "values", cbor_theme, "SPEC 8.2")
    no("values shorter than their length", "values", varint(len(cbor_theme) + 1) + cbor_theme, "SPEC 8.2")
    no("values longer than their length", "values", varint(len(cbor_theme)) + cbor_theme + b"\0", "SPEC 8.2")
    no("values of no bytes", "values", b"\0", "SPEC 8.2")
    no("values of 2^64 - 1 bytes", "values", varint(2**64 - 1) + cbor_theme, "SPEC 8.2")


def value_vectors():
    def ok(name, v, data=None):
        """Without `data`, what a writer makes of the value."""
        made = cbor(v)
        assert data != made, name
        emit("values", name, "SPEC 8.2", "accept", cbor=(made if data is None else data).hex(),
             value=noted(v)["map"], canonical=data is None)

    def no(name, data):
        emit("values", name, "SPEC 8.2", "reject", cbor=data.hex())

    def k(data, key=b"\x61k"):
        """A map whose one value these bytes are."""
        return b"\xa1" + key + data

    def each(name, items):
        ok(name, {f"{i:03}": item for i, item in enumerate(items)})

    ok("empty", {})
    each("null, false, true", [None, False, True])
    edges = [0, 1, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**53 + 1, 2**63 - 1]
    each("integers", edges + [2**63, 2**64 - 1])
    each("negative integers", [-1 - n for n in edges])
    each("floats of two bytes", [0.0, -0.0, 1.0, -1.5, 65504.0, 2.0**-24, 2.0**-14, 1 + 2.0**-10])
    each("floats of four bytes", [65505.0, 65536.0, 2.0**-25, 1 + 2.0**-11, 1 + 2.0**-23,
                                  2.0**-149, 3.4028234663852886e38])
    each("floats of eight bytes", [0.1, 1 + 2.0**-24, 2.0**-150, 3.4028235677973366e38, 5e-324,
                                   1.7976931348623157e308, -1e300])
    each("text", ["", "a", "é", "😀", "nul\0inside", '"quoted"', "x" * 23, "x." * 12, "x" * 256])
    ok("a byte order mark is kept", {"\ufeffkey": "\ufeff", "text": "\ufefftext"})
    ok("no normalisation", {"é": 1, "e\u0301": 2, "ﬁ": 3})
    each("bytes", [b"", b"\0", b"\xff\0", filler(16), filler(23), filler(24), filler(256)])
    ok("arrays", {"none": [], "mixed": [1, None, "x", [True], [[]]]})
    ok("maps", {"none": {}, "inner": {"b": 1, "a": {"a": -1}}})
    ok("keys in order of their bytes", {"": 0, "\0": 1, "a": 2, "a\0": 3, "aa": 4, "b": 5, "B": 6,
                                        "é": 7, "\uffff": 8, "😀": 9, "a b": 10})
    ok("128 keys", {f"{i}": i for i in range(128)})
    ok("64 levels of arrays", {"k": in_arrays(63, None)})
    ok("64 levels of maps", {"k": in_maps(62, {})})

    # The static table.
    ok("every name of the static table", {name: i for i, name in enumerate(TABLE)})
    for name, first, second in (("one byte", 0, 23), ("two bytes", 24, 127)):
        ok(f"names of the table in {name}", {TABLE[first]: 1, TABLE[second]: 2})
    ok("names of the table in other cases are text", {TABLE[0].upper(): 1, TABLE[0] + " ": 2})
    ok("names of the table are no values", {"k": TABLE[0], "l": [TABLE[24]]})
    ok("a name of the table as text", {TABLE[0]: 1}, k(b"\x01", cbor_text(TABLE[0])))
    ok("a late name of the table as text", {TABLE[127]: 1}, k(b"\x01", cbor_text(TABLE[127])))

    # Packed text.
    sixteen, uuid = b64(filler(16)), "22b37598-90da-4cb6-8bdb-5e6aea046636"
    each("base64url", [sixteen, b64(filler(17)), b64(filler(18)), b64(filler(300)), "A" * 22,
                       "-" * 24, "a text of words " * 2])
    each("not quite base64url", [sixteen[:21], sixteen[:-1] + chr(ord(sixteen[-1]) + 1),
                                 b64(filler(17))[:-1] + "B", sixteen + "=", "A" * 25, "+" * 24])
    each("UUIDs", [uuid, "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"])
    each("not quite UUIDs", [uuid.upper(), uuid[:-1], "{" + uuid + "}", uuid.replace("-", "_")])
    each("base16", ["00" * 8, filler(16).hex(), filler(32).hex(), "0123456789abcdef"])
    each("not quite base16", ["00" * 7, "0" * 17, "ABCDEF0123456789", "0123456789abcdeg", "0" * 23])
    jwt = ".".join([b64(b'{"alg":"ES256"}'), b64(b'{"sub":"42"}'), b64(filler(64))])
    each("JWTs", [jwt, jwt + b64(filler(3)), f"{sixteen}.{sixteen}.{sixteen}", "AAAAAAAAAAA.AAAA.AAAA"])
    each("not quite JWTs", [jwt + ".AAAA", jwt[: jwt.rindex(".")], jwt + "=", "..", f"{sixteen}..{sixteen}",
                            f"{sixteen}.{sixteen}.", "AAAA.AAAA.AAAA"])
    tie = "AAAAAAAA.AAAA.AAAA"
    assert len({len(form) for form in text_forms(tie)}) == 1
    each("text where a JWT is no shorter", [tie])
    ok("keys are never packed", {sixteen: 1, uuid: 2, filler(16).hex(): 3, jwt: 4})
    ok("packed text within arrays and maps", {"k": [sixteen, {"x": uuid}, [jwt]]})
    for name, v in [("base64url", sixteen), ("a UUID", uuid), ("base16", filler(16).hex()),
                    ("a JWT", jwt)]:
        for i, form in enumerate(text_forms(v)):
            if form != cbor(v):
                ok(f"{name} in form {i}, which is not the shortest", {"k": v}, k(form))
    ok("a JWT that is no shorter", {"k": tie}, k(list(text_forms(tie))[1]))
    ok("a short JWT", {"k": "AA.AAA.AAAA"}, k(b"\xd9\xbb\x11\x83\x41\0\x42\0\0\x43\0\0\0"))
    ok("64 levels, the innermost packed", {"k": in_arrays(63, jwt)})

    # Row references.
    late = TABLE[100]
    ok("rows", {"k": [{"zz": 1, "yy": 2}, {"zz": 3}]})
    ok("rows of one map", {"k": [{"zz": 1}]})
    ok("rows: a late name of the table, first from the table, then as a reference",
       {"k": [{late: 1}, {late: 2}]})
    ok("rows: an early name of the table is always taken from there", {"k": [{TABLE[0]: 1}] * 3})
    ok("rows: the empty key", {"k": [{"": 1}, {"": 2}]})
    ok("rows with other elements between", {"k": [{"zz": 1}, None, 5, [], [{"yy": 1}], {"zz": 2, "yy": 3}]})
    ok("rows: each array has its own", {"k": [[{"zz": 1}, {"zz": 2}], [{"zz": 3}, {"zz": 4}]],
                                        "l": [{"zz": 5}], "zz": 6})
    ok("rows within rows", {"k": [{"in": [{"zz": 1}, {"zz": 2}], "zz": 3}, {"in": [{"zz": 4}], "zz": 5}]})
    ok("rows: maps within rows are no rows", {"k": [{"zz": {"yy": 1}}, {"zz": {"yy": 2}}]})
    ok("rows: new keys late", {"k": [{"a1": 1}, {"a1": 1, "b1": 2}, {"c1": 3, "b1": 2, "a1": 1}]})
    many = {f"key{i:03}": i for i in range(260)}
    ok("rows of 260 keys", {"k": [many, many]})
    ties = [{f"k{i:02}": i for i in range(24)} | {"x": 1, late: 2}] * 2
    ok("rows: ties between reference, table and text", {"k": ties})
    rows = b"\x61k\x82\xa1\x62zz\x01\xa1"
    ok("rows: text where a reference is shorter", {"k": [{"zz": 1}, {"zz": 2}]},
       b"\xa1" + rows + b"\x62zz\x02")
    one = head(0, 0)
    ok("rows: a reference where the table is as short", {"k": [{TABLE[0]: 1}, {TABLE[0]: 2}]},
       b"\xa1\x61k\x82\xa1" + one + b"\x01\xa1\x20\x02")
    ok("rows: a key of text and of the table is one key", {"k": [{TABLE[0]: 1}, {TABLE[0]: 2}, {"zz": 3}, {"zz": 4}]},
       b"\xa1\x61k\x84\xa1" + one + b"\x01\xa1" + cbor_text(TABLE[0]) + b"\x02\xa1\x62zz\x03\xa1\x21\x04")

    # What is refused.
    no("no bytes at all", b"")
    for name, data in [
        ("null", b"\xf6"), ("an array", b"\x80"), ("an integer", b"\0"), ("text", b"\x60"),
        ("bytes", b"\x40"), ("a map under a tag", b"\xd9\xd9\xf7\xa0"),
    ]:
        no(f"{name} in place of the map", data)
    no("a byte left over", b"\xa0\0")
    no("a second map left over", b"\xa0\xa0")
    for name, data in [
        ("undefined", b"\xf7"), ("simple value 0", b"\xe0"), ("simple value 19", b"\xf3"),
        ("simple value 32", b"\xf8\x20"), ("true in two bytes", b"\xf8\x15"),
        ("a break", b"\xff"), ("additional information 28", b"\x1c"),
        ("additional information 30 of text", b"\x7e"), ("additional information 29 of floats", b"\xfd"),
    ]:
        no(name, k(data))
    for name, data in [
        ("0 in two bytes", b"\x18\0"), ("23 in two bytes", b"\x18\x17"), ("24 in three bytes", b"\x19\0\x18"),
        ("255 in three bytes", b"\x19\0\xff"), ("256 in five bytes", b"\x1a\0\0\x01\0"),
        ("2^16 in nine bytes", b"\x1b\0\0\0\0\0\x01\0\0"), ("-1 in two bytes", b"\x38\0"),
        ("-25 in three bytes", b"\x39\0\x18"), ("a text of one byte with a long head", b"\x78\x01x"),
        ("bytes of one byte with a long head", b"\x58\x01x"), ("an array with a long head", b"\x98\0"),
        ("a map with a long head", b"\xb8\0"), ("tag 21 with a long head", b"\xd8\x15\x50" + filler(16)),
        ("tag 37 with a long head", b"\xd9\0\x25\x50" + filler(16)),
        ("tag 47888 with a long head", b"\xda\0\0\xbb\x10\x50" + filler(16)),
        ("packed text with a long head", b"\xd5\x58\x10" + filler(16)),
        ("-2^63 - 1", b"\x3b\x80" + bytes(7)), ("-2^64", b"\x3b" + b"\xff" * 8),
        ("a positive bignum", b"\xc2\x41\x01"), ("a negative bignum", b"\xc3\x49\x01" + bytes(8)),
        ("0.0 in four bytes", b"\xfa" + bytes(4)), ("1.5 in four bytes", b"\xfa\x3f\xc0\0\0"),
        ("1.5 in eight bytes", b"\xfb\x3f\xf8" + bytes(6)), ("65505.0 in eight bytes", b"\xfb\x40\xef\xfc\x20" + bytes(4)),
        ("a subnormal of two bytes in four", b"\xfa\x33\x80\0\0"),
        ("infinity", b"\xf9\x7c\0"), ("minus infinity", b"\xf9\xfc\0"), ("NaN", b"\xf9\x7e\0"),
        ("infinity in eight bytes", b"\xfb\x7f\xf0" + bytes(6)), ("NaN with a payload", b"\xfb\x7f\xf8\0\0\0\0\0\x01"),
        ("NaN in four bytes", b"\xfa\x7f\xc0\0\0"),
        ("an indefinite text", b"\x7f\x61x\xff"), ("indefinite bytes", b"\x5f\x41x\xff"),
        ("an indefinite array", b"\x9f\x01\xff"), ("an indefinite map", b"\xbf\x61x\x01\xff"),
    ]:
        no(name, k(data))
    no("an indefinite map in place of the outermost", b"\xbf\x61k\x01\xff")
    no("an indefinite text as a key", k(b"\x01", b"\x7f\x61x\xff"))
    no("a key with a long head", k(b"\x01", b"\x78\x01k"))
    for bad in (b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80"):
        no(f"a text of the bytes {bad.hex()}", k(head(3, len(bad)) + bad))
        no(f"a key of the bytes {bad.hex()}", k(b"\x01", head(3, len(bad)) + bad))
    for name, data in [
        ("a text", b"\x62x"), ("bytes", b"\x42x"), ("an array", b"\x82\x01"), ("a map", b"\xa2\x61x\x01"),
        ("a text of 2^64 - 1", b"\x7b" + b"\xff" * 8 + b"x"), ("bytes of 2^64 - 1", b"\x5b" + b"\xff" * 8 + b"x"),
        ("an array of 2^64 - 1", b"\x9b" + b"\xff" * 8 + b"\0"), ("a map of 2^64 - 1", b"\xbb" + b"\xff" * 8 + b"\x60\0"),
        ("a text of 2^32", b"\x7b\0\0\0\x01\0\0\0\0x"),
    ]:
        no(f"{name}: more than what is left", k(data))
    no("more entries counted than there are", b"\xa2\x61k\x01")
    no("fewer entries counted than there are", b"\xa1\x61k\x01\x61l\x01")
    # Tags.
    for tag in (0, 1, 4, 22, 23, 24, 34, 38, 47887, 47890, 55799):
        no(f"tag {tag}", k(head(6, tag) + cbor_bytes(filler(16))))
    for name, data in [
        ("tag 21 of 15 bytes", b"\xd5\x4f" + filler(15)), ("tag 21 of a text", b"\xd5" + cbor_text(sixteen)),
        ("tag 21 of tag 21", b"\xd5\xd5\x50" + filler(16)), ("tag 21 of nothing", b"\xd5"),
        ("tag 21 of indefinite bytes", b"\xd5\x5f\x50" + filler(16) + b"\xff"),
        ("tag 37 of 15 bytes", b"\xd8\x25\x4f" + filler(15)), ("tag 37 of 17 bytes", b"\xd8\x25\x51" + filler(17)),
        ("tag 37 of a text", b"\xd8\x25" + cbor_text(uuid)),
        ("tag 47888 of 7 bytes", b"\xd9\xbb\x10\x47" + filler(7)), ("tag 47888 of a text", b"\xd9\xbb\x10" + cbor_text("00" * 8)),
        ("tag 47889 of two byte strings", b"\xd9\xbb\x11\x82\x41\0\x41\0"),
        ("tag 47889 of four byte strings", b"\xd9\xbb\x11\x84" + b"\x41\0" * 4),
        ("tag 47889 with an empty byte string", b"\xd9\xbb\x11\x83\x41\0\x40\x41\0"),
        ("tag 47889 with a text", b"\xd9\xbb\x11\x83\x41\0\x61A\x41\0"),
        ("tag 47889 with packed text", b"\xd9\xbb\x11\x83\x41\0\x41\0\xd5\x50" + filler(16)),
        ("tag 47889 of bytes", b"\xd9\xbb\x11\x43\0\0\0"),
        ("tag 47889 with a long head", b"\xd9\xbb\x11\x98\x03\x41\0\x41\0\x41\0"),
        ("tag 21 of an array", b"\xd5\x83\x41\0\x41\0\x41\0"),
    ]:
        no(name, k(data))
    no("a packed key", k(b"\x01", b"\xd5\x50" + filler(16)))
    # Keys.
    for name, key in [
        ("128", b"\x18\x80"), ("2^64 - 1", b"\x1b" + b"\xff" * 8), ("a name of the table with a long head", b"\x18\x05"),
        ("a negative integer outside an array", b"\x20"), ("bytes", b"\x41k"), ("null", b"\xf6"), ("true", b"\xf5"),
        ("a float", b"\xf9\x3c\0"), ("an array", b"\x80"), ("a map", b"\xa0"),
    ]:
        no(f"a key that is {name}", k(b"\x01", key))
    for name, data in [
        ("in the first map", b"\x82\xa1\x20\x01\xa0"), ("one beyond", b"\x82\xa1\x62zz\x01\xa1\x21\x02"),
        ("to a key of the same map", b"\x81\xa2\x62yy\x01\x20\x02"),
        ("in a map that is no element", b"\x82\xa1\x62zz\x01\xa1\x62zz\xa1\x20\x02"),
        ("to a key of an inner map", b"\x82\xa1\x62zz\xa1\x62yy\x01\xa1\x21\x02"),
        ("to a key of another array", b"\x82\x82\xa1\x62zz\x01\xa0\x81\xa1\x20\x02"),
        ("to a key of an inner array", b"\x82\x81\xa1\x62zz\x01\xa1\x20\x02"),
        ("to a key of an outer array", b"\x82\xa1\x62zz\x01\x81\xa1\x20\x02"),
        ("to a key that was counted once only", b"\x83\xa1\x62zz\x01\xa1\x62zz\x01\xa1\x21\x02"),
        ("of -2^64", b"\x82\xa1\x62zz\x01\xa1\x3b" + b"\xff" * 8 + b"\x02"),
        ("with a long head", b"\x82\xa1\x62zz\x01\xa1\x38\0\x02"),
    ]:
        no(f"a row reference {name}", k(data))
    # Order.
    early, name24 = head(0, 0), head(0, 24)
    low, high = in_order([TABLE[0], TABLE[1]])
    no("the same key twice", b"\xa2\x61k\x01\x61k\x01")
    no("the empty key twice", b"\xa2\x60\x01\x60\x01")
    no("the same key twice in an inner map", k(b"\xa2\x61k\x01\x61k\x01"))
    no("the same key from the table and as text", b"\xa2" + early + b"\x01" + cbor_text(TABLE[0]) + b"\x01")
    no("the same key from the table twice", b"\xa2" + name24 + b"\x01" + name24 + b"\x01")
    no("the same key as a reference and as text", k(b"\x82\xa1\x62zz\x01\xa2\x20\x01\x62zz\x01"))
    no("keys in descending order", b"\xa2\x61l\x01\x61k\x01")
    no("a longer key before its beginning", b"\xa2\x62kk\x01\x61k\x01")
    no("keys in order of their length", b"\xa2\x61l\x01\x62kk\x01")
    no("names of the table in descending order",
       b"\xa2" + head(0, TABLE.index(high)) + b"\x01" + head(0, TABLE.index(low)) + b"\x01")
    no("references in descending order", k(b"\x82\xa2\x62yy\x01\x62zz\x01\xa2\x21\x01\x20\x01"))
    no("keys in the order of UTF-16", b"\xa2\x64" + "😀".encode() + b"\x01\x63" + "\uffff".encode() + b"\x01")
    # Depth.
    no("65 levels of arrays", k(b"\x81" * 64 + b"\xf6"))
    no("65 levels of maps", b"\xa1\x60" * 64 + b"\xa0")
    no("65 levels, the innermost an empty array", k(b"\x81" * 63 + b"\x80"))
    no("a thousand levels", k(b"\x81" * 1000 + b"\xf6"))
    full = cbor({"a": "xyz", "b": [{"zz": -9.5}, {"zz": uuid}]})
    for n in range(1, len(full)):
        no(f"cut after {n} of {len(full)} bytes", full[:n])


def in_arrays(levels, v):
    for _ in range(levels):
        v = [v]
    return v


def in_maps(levels, v):
    for _ in range(levels):
        v = {"": v}
    return v


def from_json(t):
    def entries(pairs):
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    def integer(digits):
        n = int(digits)
        return n if digits != "-0" and -(2**63) <= n < 2**64 else float(digits)

    v = json.loads(t, object_pairs_hook=entries, parse_int=integer)
    json.dumps(v, ensure_ascii=False, allow_nan=False).encode("utf-8")
    return v


def sorted_members(v):
    if isinstance(v, dict):
        return {key: sorted_members(v[key]) for key in in_order(v)}
    return [sorted_members(inner) for inner in v] if isinstance(v, (list, bytes)) else v


def jsons():
    def ok(name, t):
        v = from_json(t)
        emit("json", name, "SPEC 8.3", "accept", json=t, value=noted(v)["map"], cbor=cbor(v).hex())

    corpus = PAGE.parents[1] / "tests" / "corpus"
    for name in ("minimal", "login", "flash", "oauth", "cart10", "cart40"):
        ok(f"the session {name}", (corpus / f"{name}.json").read_text("utf-8").strip())
    for name, t in [
        ("an empty object", "{}"), ("white space", ' \t\r\n{ "k" : [ 1 , 2 ] }\n'),
        ("members are sorted", '{"z":1,"a":{"y":2,"b":3}}'),
        ("integers", '{"a":[0,-1,9223372036854775808,18446744073709551615,-9223372036854775808]}'),
        ("integers beyond", '{"a":[18446744073709551616,-9223372036854775809,1e2,1E+2,1.0,-0,-0.0,0e5]}'),
        ("floats", '{"a":[1.5,0.1,1e300,1e-400,5e-324,2.2250738585072011e-308,9007199254740993.0]}'),
        ("escapes", r'{"a":"\"\\\/\b\f\n\r\té😀\u0000","é":1}'),
        ("a byte order mark in a text", '{"a":"\\ufeffx","b":"\ufeff"}'),
        ("64 levels", '{"a":' + "[" * 63 + "]" * 63 + "}"),
        ("the empty name", '{"":null}'),
    ]:
        ok(name, t)
    for name, t in [
        ("an array outermost", "[]"), ("null outermost", "null"), ("a text outermost", '"a"'),
        ("no text", ""), ("white space alone", " "), ("two objects", "{}{}"), ("a byte order mark", "\ufeff{}"),
        ("a name twice", '{"a":1,"a":1}'), ("a name twice, escaped", '{"a":1,"\\u0061":2}'),
        ("a name twice in an inner object", '{"a":{"b":1,"b":2}}'),
        ("half a surrogate pair", r'{"a":"\ud800"}'), ("the other half", r'{"a":"\udc00x"}'),
        ("the halves in the wrong order", r'{"a":"\udc00\ud800"}'), ("half a surrogate pair in a name", r'{"\ud800":1}'),
        ("a number beyond binary64", '{"a":1e400}'), ("a negative number beyond binary64", '{"a":-1e309}'),
        ("an integer beyond binary64", '{"a":1' + "0" * 400 + "}"),
        ("NaN", '{"a":NaN}'), ("Infinity", '{"a":Infinity}'), ("a leading zero", '{"a":01}'), ("a plus", '{"a":+1}'),
        ("a number without a digit before the point", '{"a":.5}'), ("a number without a digit after it", '{"a":1.}'),
        ("a trailing comma", '{"a":1,}'), ("a comment", '{"a":1/**/}'), ("single quotes", "{'a':1}"),
        ("a control character", '{"a":"\x01"}'), ("an unknown escape", r'{"a":"\x41"}'), ("cut", '{"a":1'),
        ("65 levels", '{"a":' + "[" * 64 + "]" * 64 + "}"),
    ]:
        emit("json", name, "SPEC 8.3", "reject", json=t)
    for name, v in [
        ("integers and floats", {"i": [1, -1, 2**64 - 1, -(2**63)], "f": [1.0, -0.0, 1e16, 1e300, 5e-324, 0.1]}),
        ("bytes become numbers", {"b": b"\x00\xff", "e": b""}),
        ("members in order", {"b": 1, "a": {"d": 1, "c": 2}, "é": 3, "😀": 4, "\uffff": 5}),
        ("texts", {"t": ['"\\/\b\f\n\r\t\0\x1f', "\ufeff", "é😀", "</script>"]}),
        ("null and bool", {"n": [None, True, False, {}]}),
    ]:
        written = json.dumps(sorted_members(v), separators=(",", ":"), ensure_ascii=False)
        emit("json", "written: " + name, "SPEC 8.3", "accept", written=written, value=noted(v)["map"])


# --- auxiliary.json ---------------------------------------------------------------------------

ID, DEV, KEY = filler(32)[:16].hex(), filler(48)[32:].hex(), "03" + filler(80)[48:].hex()


def auxiliaries():
    fields = {1: {"id": ID, "dev": DEV}, 2: {"id": ID}, 3: {"dev": DEV}, 4: {"id": ID, "key": KEY}}

    def mk(kind, body=None, *, issued=NOW, expires=NOW + 60, root=0, context=CTX, name=NAME,
           purpose="aux", suite=4, plaintext=None):
        body = "".join(fields[kind].values()) if body is None else body
        aux = bytes([kind]) + u32(issued) + u32(expires) + bytes.fromhex(body)
        aux = aux if plaintext is None else plaintext
        key, kid = sub_key(root_of(root), purpose, context, name), kid_of(root_of(root))
        token = encrypt(key, suite, kid, bytes.fromhex(NONCE), b"", aux)
        seal = {"root": root_of(root).hex(), "context": context, "name": name, "nonce": NONCE,
                "aux": aux.hex()}
        return {"seal": seal, "bytes": token, "token": b64(token)}

    def opened(m, over):
        o = {k: m["seal"][k] for k in ("context", "name")}
        return differing("open", o | {"keys": [[m["seal"]["root"], 0, None]]} | over)

    def ok(title, kind, *, over=None, **how):
        m = mk(kind, **how)
        expect = {"type": kind, "issued": how.get("issued", NOW), "expires": how.get("expires", NOW + 60)}
        emit("auxiliary", title, "SPEC 9", "accept", token=m["token"], seal=m["seal"],
             open=opened(m, over or {}), expect=expect | fields[kind])

    def no(name, step, category, m, /, *, token=None, **over):
        emit("auxiliary", name, "SPEC 9", "reject", token=m["token"] if token is None else token,
             open=opened(m, over), expect={"step": step, "category": category})

    for kind, name in ((1, "proof"), (2, "registration challenge"), (3, "refresh challenge"), (4, "binding")):
        ok(f"a {name}", kind)
        ok(f"a {name}, its last second", kind, over={"now": NOW + 59})
        no(f"a {name}, at expires", 12, "expired-idle", mk(kind), now=NOW + 60)
        body = "".join(fields[kind].values())
        no(f"a {name}, one byte short", 10, "malformed", mk(kind, body[:-2]))
        no(f"a {name}, one byte long", 10, "malformed", mk(kind, body + "00"))
    ok("120 seconds in the future", 2, over={"now": NOW - 120})
    no("121 seconds in the future", 11, "not-yet-valid", mk(2), now=NOW - 121)
    ok("another context, name and root", 2, context="shop.example.org", name="sid", root=0x20)
    ok("a pending key", 2, root=0x20, over={"keys": ring((0, 0, None), (0x20, NOW + 1, None))})
    former = {"context": CTX, "name": NAME, "accept_also": [["old.example", "sid", NOW + 1]]}
    ok("a former context and name", 1, context="old.example", name="sid", over=former)
    no("a former context after its instant", 8, "not-authentic", mk(1, context="old.example", name="sid"),
       now=NOW + 1, **former)
    for kind in (0, 5, 6, 255):
        no(f"type {kind}", 13, "unsupported", mk(kind, ID))
    no("type 5, at expires", 12, "expired-idle", mk(5, ID), now=NOW + 60)
    no("type 5, 121 seconds in the future", 11, "not-yet-valid", mk(5, ID), now=NOW - 121)
    no("type 5, of disordered times", 9, "malformed", mk(5, ID, expires=NOW - 1))
    no("type 5, of no body", 13, "unsupported", mk(5, ""))
    no("a binding whose key begins with 04", 10, "malformed", mk(4, ID + "04" + KEY[2:]))
    no("a binding whose key begins with 00", 10, "malformed", mk(4, ID + "00" + KEY[2:]))
    no("a wrong length comes before the future", 10, "malformed", mk(2, "00", issued=NOW + 500, expires=NOW + 500))
    no("expires before issued", 9, "malformed", mk(2, expires=NOW - 1))
    no("disordered times come before the future", 9, "malformed", mk(2, issued=NOW + 500, expires=NOW))
    no("expires when it is issued", 12, "expired-idle", mk(2, expires=NOW))
    no("a plaintext of 8 bytes", 7, "malformed", mk(2, plaintext=bytes(8)))
    no("a plaintext of no bytes", 7, "malformed", mk(2, plaintext=b""))
    no("a plaintext of 9 bytes", 10, "malformed", mk(2, ""))
    m = mk(1)
    raw = m["bytes"]
    no("empty", 1, "absent", m, token="")
    no("4097 characters", 2, "too-large", m, token="A" * 4097)
    no("23 characters", 3, "malformed", m, token=m["token"][:23])
    for suite in (1, 2, 3, 5):
        no(f"suite {suite}", 4, "wrong-suite", m, token=b64(bytes([suite]) + raw[1:]))
    no("an encrypted session", 4, "wrong-suite", m, token=make()["token"])
    no("a session under suite 4", 8, "not-authentic", m, token=b64(b"\4" + make()["bytes"][1:]))
    no("a key that the ring does not hold", 5, "unknown-key", mk(1, root=0x40), keys=ring((0, 0, None)))
    no("padding", 6, "malformed", m, token=m["token"] + "=")
    no("65 bytes", 7, "malformed", m, token=b64(raw[:65]))
    no("66 bytes", 8, "not-authentic", m, token=b64(raw[:66]))
    for name, at in (("nonce", 17), ("type", 41), ("body", 60), ("tag", len(raw) - 1)):
        no(f"the {name} altered", 8, "not-authentic", m, token=b64(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]))
    no("opened under another context", 8, "not-authentic", m, context="example.org")
    no("opened under another name", 8, "not-authentic", m, name="sid")
    for purpose in ("seal", "sign", "store"):
        no(f"sealed with the key for {purpose}", 8, "not-authentic", mk(1, purpose=purpose))


# --- references.json, records.json, revocations.json: SPEC-STORE --------------------------------

HANDLE, OTHER_HANDLE = bytes(range(0x80, 0xA0)).hex(), bytes(range(0x81, 0xA1)).hex()
LARGEST_RECORD = 1 << 20
PLACE = (15, "wrong-kind", "neither an inline session nor a reference")
# Step of SPEC-STORE 4, category, reason.
RECORD_REASONS = {
    "short": (1, "malformed", "shorter than any token"),
    "suite": (2, "wrong-suite", "the first byte names another suite"),
    "key": (3, "unknown-key", "the record's key is not in the ring, or is closed"),
    "auth": (4, "not-authentic", "the record is not the one that this reference names"),
    "cut": (5, *REASONS["cut"][1:]),
    "order": (5, *REASONS["order"][1:]),
    "ext-key": (5, *REASONS["ext-key"][1:]),
    "ext-stay": (5, *REASONS["ext-stay"][1:]),
    "newer": (6, *REASONS["newer"][1:]),
    "kind": (7, "wrong-kind", "not a record"),
    "session": (8, "not-authentic", "the record is of another session"),
    "padding": (9, *REASONS["padding"][1:]),
    "deflate": (10, *REASONS["deflate"][1:]),
    "bomb": (11, *REASONS["bomb"][1:]),
    "newer-schema": (12, *REASONS["newer-schema"][1:]),
    "schema": (13, *REASONS["schema"][1:]),
    "shape": (13, *REASONS["shape"][1:]),
    "type": (14, *REASONS["type"][1:]),
}
SHORT_TEXT = typed("text", "a short session")


def make_reference(*, handle=HANDLE, claims=None, body=None, **how):
    m = make(claims={"kind": 1, "schema": 0, "shape": 0} | (claims or {}), session=SHORT_TEXT,
             body=bytes.fromhex(handle) if body is None else body, **how)
    return m | {"handle": handle}


def references():
    rule = "SPEC-STORE 1"

    def opened(m, over):
        o = {k: m["seal"][k] for k in ("now", "context", "name", "policy")}
        return differing("open", o | {"keys": [[m["seal"]["root"], 0, None]]} | over)

    def sealed(m):
        return {k: v for k, v in differing("seal", m["seal"]).items() if k != "session"}

    def ok(name, m, /, *, reproducible=True, rekey=False, refresh=False, **over):
        expect = {"claims": claims_json(m["claims"]), "handle": m["handle"], "needs_rekey": rekey,
                  "needs_refresh": refresh}
        emit("references", name, rule, "accept", reproducible=reproducible, token=m["token"],
             seal=sealed(m) | {"handle": m["handle"]}, open=opened(m, over), expect=expect)

    def no(name, why, m, /, **over):
        step, category, reason = PLACE if why == "place" else REASONS[why]
        emit("references", name, rule, "reject", token=m["token"], open=opened(m, over),
             expect={"step": step, "category": category, "reason": reason})

    m = make_reference()
    assert (len(m["bytes"]), len(m["token"])) == (122, 163)
    ok("of 163 characters", m)
    named = make_reference(user_id="42", handle=filler(32).hex())
    assert (len(named["bytes"]), len(named["token"])) == (138, 184)
    ok("of 184 characters, with a subject", named)
    ok("of class 2", make_reference(policy=POLICIES, **{"class": 2}))
    ok("that is to be refreshed", m, now=NOW + 180, refresh=True)
    two = ring((0x00, 0, None), (0x20, NOW, None))
    ok("under a superseded key", m, keys=two, rekey=True)
    ok("under a pending key", make_reference(root=root_hex(0x20)), keys=ring((0, 0, None), (0x20, NOW + 1, None)))
    former = {"context": CTX, "name": NAME, "accept_also": [["old.example", "sid", NOW + 1]]}
    old = make_reference(context="old.example", name="sid", user_id="42")
    ok("of a former context and name", old, rekey=True, **former)
    ok("with every bit of the handle set", make_reference(handle="ff" * 32))
    ok("with extensions", make_reference(extensions=[[1, DEVICE], [3, u32(NOW + 900).hex()], [4, u32(NOW + 1).hex()]]))
    ok("with a schema and a shape, which are not looked at", make_reference(claims={"schema": 7, "shape": 9}),
       reproducible=False)
    for name, how in [
        ("without a handle", {"body": b""}), ("with a handle of 31 bytes", {"body": bytes(31)}),
        ("with a handle of 33 bytes", {"body": bytes(33)}), ("marked as deflated", {"claims": {"deflated": 1}}),
        ("marked as padded", {"claims": {"padded": 1}}),
        ("that is padded, and holds a handle", {"claims": {"padded": 1}, "body": pad(bytes.fromhex(HANDLE), 512)}),
        ("of kind record", {"claims": {"kind": 2}}),
    ]:
        no(name, "place", make_reference(**how))
    no("past its idle timeout", "idle", m, now=NOW + 1800)
    no("past its absolute timeout", "absolute", m, now=NOW + 86400)
    no("from the future", "future", m, now=NOW - 121)
    no("past its idle timeout, without a handle", "idle", make_reference(body=b""), now=NOW + 1800)
    no("of another name", "auth", m, name="sid")
    no("of a former name, later", "auth", old, now=NOW + 1, **former)
    no("with a stay", "ext-stay", make_reference(extensions=[[2, "00000001"]]))
    no("with an unknown extension, without a handle", "newer", make_reference(extensions=[[5, ""]], body=b""))


def make_record(*, handle=HANDLE, version=1, suite=3, kid=None, row=None, claims=None, body=None, **inputs):
    """`suite`, `kid`, `row`, `claims` and `body` put something else in the place of what a
    writer makes. Nothing is deflated here, except by way of `body`."""
    seal = DEFAULTS["seal"] | {"session": SHORT_TEXT} | inputs
    kept = [e for e in seal["extensions"] if e[0] != 2]
    c = claims_of(seal, 2) | {"padded": 1, "extensions": kept} | (claims or {})
    postcard, root = session_bytes(seal["session"]), bytes.fromhex(seal["root"])
    body = pad(postcard, padded_size(len(postcard))) if body is None else body
    key = expand(sub_key(root, "store", seal["context"], seal["name"]), bytes.fromhex(handle))
    row_key = public_id(bytes.fromhex(row or seal["random"][:32]))
    kid, nonce = kid_of(root) if kid is None else kid, bytes.fromhex(seal["random"][32:])
    record = encrypt(key, suite, kid, nonce, row_key + u64(version), claims_bytes(c) + body)
    derived = {"kid": kid.hex(), "record_key": key.hex(), "row_key": row_key.hex(),
               "message_key": xaes_parts(key, nonce)["kx"].hex(), "claims": claims_bytes(c).hex(),
               "body": shown(body)}
    return {"seal": seal, "handle": handle, "version": str(version), "derived": derived, "claims": c,
            "postcard": postcard, "bytes": record}


def records():
    rule = "SPEC-STORE 4"

    def opened(m, over):
        o = {k: m["seal"][k] for k in ("now", "context", "name")}
        o |= {"keys": [[m["seal"]["root"], 0, None]], "accept_also": [], "type": "text", "schema": 0, "shape": 0}
        also = {"handle": m["handle"], "version": m["version"], "sid": m["seal"]["random"][:32],
                "created": m["claims"]["created"], "subject": m["claims"]["subject"],
                "max_record_bytes": LARGEST_RECORD}
        o = {k: over.get(k, v) for k, v in (o | also).items()}
        return differing("open", {k: v for k, v in o.items() if k not in also}) | {k: o[k] for k in also}

    def ok(name, m, /, *, reproducible=True, rekey=False, rule=rule, **over):
        expect = {"claims": claims_json(m["claims"]), "postcard": shown(m["postcard"]), "needs_rekey": rekey}
        seal = differing("seal", m["seal"]) | {k: m[k] for k in ("handle", "version")}
        emit("records", name, rule, "accept", reproducible=reproducible, record=b64(m["bytes"]), seal=seal,
             derived=m["derived"], open=opened(m, over), expect=expect)

    def no(name, why, m=None, /, *, data=None, rule=rule, **over):
        m = m or make_record(user_id="42")
        step, category, reason = RECORD_REASONS[why]
        emit("records", name, rule, "reject", record=b64(m["bytes"] if data is None else data),
             open=opened(m, over), expect={"step": step, "category": category, "reason": reason})

    ok("of a short session", make_record())
    ok("of a user's session", make_record(user_id="42", version=7))
    ok("of the last version", make_record(version=2**64 - 1))
    ok("under another handle", make_record(handle=filler(32).hex()))
    ok("under another key", make_record(root=root_hex(0xA0), random=SID + filler(24).hex()))
    ok("of another context and name", make_record(context="", name="s"))
    ok("with extensions, of which a stay is dropped",
       make_record(extensions=[[1, DEVICE], [2, "00000009"], [3, u32(NOW + 900).hex()], [4, u32(NOW + 1).hex()]]))
    for length in (508, 509, 4092, 4093, 9000):
        m = make_record(session=text_session(length))
        assert len(m["postcard"]) == length
        size = padded_size(length)
        ok(f"of {length} bytes, padded to {size}", m, rule="SPEC-STORE 3")
    m = make_record(session=text_session(4095), compression="always")
    ok("of 4,095 bytes, which are not deflated", m, rule="SPEC-STORE 3")
    for compression in ("in-store", "always", "when-needed"):
        session = text_session(4096)
        body = pad(deflate(session_bytes(session)), 512)
        m = make_record(session=session, compression=compression, claims={"deflated": 1}, body=body)
        ok(f"of 4,096 bytes, which are deflated by the rule {compression}", m, rule="SPEC-STORE 3", reproducible=False)
    repeated = typed("text", {"repeat": ["a session that repeats itself ", 4000]})
    stream = deflate(session_bytes(repeated))
    long = make_record(session=repeated, compression="in-store", claims={"deflated": 1},
                       body=pad(stream, padded_size(len(stream))))
    ok("that is deflated, and longer than any inline body", long, reproducible=False)
    plain = session_bytes(SHORT_TEXT)
    for name, how in [
        ("that is neither deflated nor padded", {"claims": {"padded": 0}, "body": plain}),
        ("that is deflated and not padded", {"claims": {"deflated": 1, "padded": 0}, "body": deflate(plain)}),
        ("written by a clock that is ahead", {"claims": {"issued": NOW + 5000, "expires": NOW + 6000}}),
        ("of a class that the policy does not have", {"claims": {"class": 3}}),
        ("past its own end, which is not looked at", {"extensions": [[3, u32(NOW + 1).hex()]], "claims": {"expires": NOW + 1800}}),
    ]:
        ok(name, make_record(**how), reproducible=False)
    ok("that was written long ago: its own times are not looked at", make_record(), now=NOW + 86399)
    two = ring((0x00, 0, None), (0x20, NOW, None))
    ok("under a superseded key", make_record(), keys=two, rekey=True)
    ok("under a pending key", make_record(root=root_hex(0x20)), keys=ring((0, 0, None), (0x20, NOW + 1, None)))
    former = {"context": CTX, "name": NAME, "accept_also": [["old.example", "sid", NOW + 1]]}
    renamed = make_record(context="old.example", name="sid", user_id="42")
    ok("of a former context and name", renamed, rekey=True, **former)

    m = make_record(user_id="42")
    raw, other = m["bytes"], "ff" + SID[2:]
    no("opened with another handle", "auth", handle=OTHER_HANDLE)
    no("of another version", "auth", version="2")
    no("of version 0", "auth", version="0")
    no("opened with another sid", "auth", sid=other)
    no("of another sid, in the right row", "session", make_record(user_id="42", claims={"sid": other}))
    no("of another created", "session", created=NOW - 1)
    no("of another subject", "session", subject=subject_of(CTX, "43").hex())
    no("with a subject that the reference has not", "session", subject=None)
    no("without the reference's subject", "session", make_record(), subject=subject_of(CTX, "42").hex())
    no("under a key that the ring does not hold", "key", keys=ring((0x20, 0, None)))
    no("under a key that closes now", "key", keys=ring((0x00, 0, NOW), (0x20, NOW - 3600, None)))
    no("under one key with the kid of another", "auth", make_record(user_id="42", kid=kid_of(root_of(0x20))),
       keys=ring((0x00, 0, None), (0x20, 1, None)))
    no("opened in another context", "auth", context="example.org")
    no("opened under another name", "auth", name="sid")
    no("of a former name, later", "auth", renamed, now=NOW + 1, **former)
    for suite in (0, 1, 2, 4):
        no(f"of suite {suite}", "suite", make_record(user_id="42", suite=suite))
    no("of suite 1, cut short", "short", data=b"\x01" + raw[1:16])
    no("of suite 1 under a key that the ring does not hold", "suite", make_record(suite=1), keys=ring((0x20, 0, None)))
    inline = make(user_id="42", session=SHORT_TEXT)["bytes"]
    no("that is an inline token", "suite", data=inline)
    no("that is an inline token under a record's suite", "auth", data=b"\x03" + inline[1:])
    no("of kind inline", "kind", make_record(claims={"kind": 0}))
    no("of kind reference", "kind", make_record(claims={"kind": 1}))
    no("of kind 3", "newer", make_record(claims={"kind": 3}))
    no("with an unknown extension", "newer", make_record(extensions=[[5, ""]]))
    no("with an unknown extension, of kind inline", "newer", make_record(extensions=[[5, ""]], claims={"kind": 0}))
    no("with a stay", "ext-stay", make_record(claims={"extensions": [[2, "00000001"]]}))
    no("with a device key that is cut", "ext-key", make_record(extensions=[[1, DEVICE[:-2]]]))
    no("with disordered times", "order", make_record(claims={"expires": NOW - 1}))
    no("of kind inline and another created", "kind", make_record(claims={"kind": 0}), created=NOW - 1)
    for length in (0, 16):
        no(f"of {length} bytes", "short", data=raw[:length])
    for length in (17, 40, 41, 56, 57, 89, len(raw) - 1):
        no(f"of {length} bytes", "auth", data=raw[:length])
    no("with a byte more", "auth", data=raw + b"\0")
    for name, at in (("nonce", 17), ("iv", 40), ("claims", 41), ("body", 90), ("tag", len(raw) - 1)):
        no(f"whose {name} is altered", "auth", data=raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
    no("whose kid is altered", "key", data=raw[:1] + bytes([raw[1] ^ 1]) + raw[2:])
    no("of no claims", "cut", make_record(claims={"subject": None}, body=b"") | {"bytes": bare_record(b"")})
    no("of claims of 32 bytes", "cut", make_record() | {"bytes": bare_record(bytes(32))})
    no("whose padding is not zero", "padding", make_record(body=pad(plain, 512)[:-1] + b"\x01"))
    no("whose padding is cut", "padding", make_record(body=pad(plain, 0)[:-1]))
    cut = {"claims": {"deflated": 1}, "body": pad(deflate(plain)[:-1], 512)}
    no("whose stream is cut", "deflate", make_record(**cut))
    no("whose stream is cut, of another created", "session", make_record(**cut), created=NOW - 1)
    no("that inflates to more than is allowed", "bomb", long, max_record_bytes=len(long["postcard"]) - 1)
    no("of a newer schema", "newer-schema", make_record(session=SHORT_TEXT | {"schema": 1}))
    no("of an older schema", "schema", make_record(), schema=1)
    no("of another shape", "shape", make_record(session=SHORT_TEXT | {"shape": 5}), shape=6)
    no("with a byte left over", "type", make_record(body=pad(plain + b"\0", 512)))


def bare_record(plaintext):
    """A record of any plaintext."""
    key = expand(sub_key(root_of(0), "store", CTX, NAME), bytes.fromhex(HANDLE))
    row_key = public_id(bytes.fromhex(SID))
    return encrypt(key, 3, kid_of(root_of(0)), bytes.fromhex(NONCE), row_key + u64(1), plaintext)


def revocations():
    def merged(new, old):
        return max(new, old, min(old + 1, new + 120, LAST))

    for name, old, new in [
        ("nothing is there", None, [NOW, NOW + 100]),
        ("the same again", [NOW, NOW + 100], [NOW, NOW + 100]),
        ("a later one", [NOW, NOW + 100], [NOW + 60, NOW + 160]),
        ("one second later", [NOW, NOW + 100], [NOW + 1, NOW + 101]),
        ("an earlier one", [NOW + 60, NOW + 160], [NOW, NOW + 100]),
        ("119 seconds ahead", [NOW + 119, NOW + 219], [NOW, NOW + 100]),
        ("120 seconds ahead", [NOW + 120, NOW + 220], [NOW, NOW + 100]),
        ("121 seconds ahead", [NOW + 121, NOW + 221], [NOW, NOW + 100]),
        ("a logout after a logout", [LAST, NOW + 100], [LAST, NOW + 50]),
        ("at the end of the clock", [LAST - 1, LAST], [LAST - 1, LAST - 1]),
        ("each part by itself", [NOW + 500, NOW], [NOW, NOW + 500]),
    ]:
        after = new if old is None else [merged(n, o) for n, o in zip(new, old, strict=True)]
        emit("revocations", "merging: " + name, "SPEC-STORE 5", "accept", before=old, new=new, after=after)
    for name, now, absolute, held in [
        ("no token at hand", NOW, 86400, None), ("a token", NOW, 86400, [NOW - 100, NOW + 1700]),
        ("a token of a longer policy", NOW, 86400, [NOW - 100, NOW + 10**6]),
        ("a token of a fast clock", NOW, 86400, [NOW + 90, NOW + 1890]), ("the end of the clock", LAST - 5, 86400, None),
    ]:
        created, expires = held or (now, 0)
        until = min(max(now + absolute, created + absolute, expires) + 120, LAST)
        emit("revocations", "a session: " + name, "SPEC-STORE 5", "accept", now=now, absolute=absolute,
             token=held, entry=[LAST, until])
    for now in (NOW, LAST - 30):
        before = min(now + 60, LAST)
        emit("revocations", f"a user at {now}", "SPEC-STORE 5", "accept", now=now, absolute=86400,
             entry=[before, min(before + 86400 + 120, LAST)])


# --- rings.json -------------------------------------------------------------------------------


def rings():
    """Ring files are for production, so their roots are none of the published ones."""
    roots = [sha256(b"SSC1 ring vectors", bytes([n])) for n in range(9)]
    texts = [key_text(root) for root in roots]
    kids = [kid_of(root).hex() for root in roots]
    begin = "2027-01-15T08:00:00Z"  # NOW

    def stamp(second):
        days, rest = divmod(second - NOW, 86400)
        assert 0 <= days < 16
        hour, minute, sec = 8 + rest // 3600, rest // 60 % 60, rest % 60
        days, hour = days + hour // 24, hour % 24
        return f"2027-01-{15 + days:02}T{hour:02}:{minute:02}:{sec:02}Z"

    def entry(n, begins, ends=None):
        lines = f'[[key]]\nsecret = "{texts[n]}"\nseals_from = {begins if isinstance(begins, str) else stamp(begins)}\n'
        return lines + (f"opens_until = {stamp(ends)}\n" if ends is not None else "")

    def ok(name, toml, *keys, roles=(), idle=None):
        keys = [[kids[n], begins, ends] for n, begins, ends in keys]
        more = {} if idle is None else {"idle": idle}
        emit("rings", name, "SPEC 3.2", "accept", toml=toml, keys=keys, roles=[list(r) for r in roles], **more)

    def no(name, error, toml, line=None, rule="SPEC 3.2", **more):
        more |= {} if line is None else {"line": line}
        emit("rings", name, rule, "reject", toml=toml, error=error, **more)

    one = [(0, NOW, None)]
    good = entry(0, NOW)
    ok("one key", good, *one, roles=[(NOW - 1, ["pending"]), (NOW, ["seals"])])
    ok("two keys", entry(0, NOW, NOW + 7200) + "\n" + entry(1, NOW + 3600), (0, NOW, NOW + 7200), (1, NOW + 3600, None),
       roles=[(NOW - 1, ["pending", "pending"]), (NOW, ["seals", "pending"]), (NOW + 3600, ["opens", "seals"]),
              (NOW + 7199, ["opens", "seals"]), (NOW + 7200, ["closed", "seals"])])
    ok("two keys in the other order", entry(1, NOW + 3600) + entry(0, NOW), (0, NOW, None), (1, NOW + 3600, None),
       roles=[(NOW + 3600, ["opens", "seals"])])
    ok("the older key seals again", entry(0, NOW) + entry(1, NOW + 60, NOW + 120), (0, NOW, None), (1, NOW + 60, NOW + 120),
       roles=[(NOW + 119, ["opens", "seals"]), (NOW + 120, ["seals", "closed"])])
    ok("eight keys", "".join(entry(n, NOW + n) for n in range(8)), *[(n, NOW + n, None) for n in range(8)])
    closing = entry(0, NOW, NOW + 60 + 2400) + entry(1, NOW + 60)
    ok("a key that closes after the idle timeout and ten minutes", closing, (0, NOW, NOW + 2460), (1, NOW + 60, None), idle=1800)
    # Spellings of the same data.
    key, secret = texts[0], f'secret = "{texts[0]}"'
    for name, toml in [
        ("an inline table", f'key = [{{ {secret}, seals_from = {begin} }}]'),
        ("a literal string", f"[[key]]\nsecret = '{key}'\nseals_from = {begin}"),
        ("a multi-line string", f'[[key]]\nsecret = """\n{key}"""\nseals_from = {begin}'),
        ("a multi-line string with a line ending backslash", f'[[key]]\nsecret = """\\\n   {key}"""\nseals_from = {begin}'),
        ("a multi-line literal string", f"[[key]]\nsecret = '''\n{key}'''\nseals_from = {begin}"),
        ("an escape", f'[[key]]\nsecret = "\\u0073{key[1:]}"\nseals_from = {begin}'),
        ("quoted names", f'[["key"]]\n"secret" = "{key}"\n\'seals_from\' = {begin}'),
        ("comments, white space and line breaks of Windows",
         f"# ours\r\n\r\n[[ key ]] # one\r\n\t{secret}\r\n  seals_from={begin}   # now\r\n"),
        ("another order of the names", f"[[key]]\nseals_from = {begin}\n{secret}"),
        ("a space in the date-time", f"[[key]]\n{secret}\nseals_from = 2027-01-15 08:00:00Z"),
        ("small letters in the date-time", f"[[key]]\n{secret}\nseals_from = 2027-01-15t08:00:00z"),
        ("another offset", f"[[key]]\n{secret}\nseals_from = 2027-01-15T13:45:00+05:45"),
        ("a negative offset", f"[[key]]\n{secret}\nseals_from = 2027-01-14T23:59:59.999-08:00".replace("14T23:59:59.999", "15T00:00:00")),
        ("an offset of minus zero", f"[[key]]\n{secret}\nseals_from = 2027-01-15T08:00:00-00:00"),
        ("a fraction, which is cut off", f"[[key]]\n{secret}\nseals_from = 2027-01-15T08:00:00.999999999Z"),
    ]:
        ok("spelled with " + name, toml, *one)
    ok("the first second", f"[[key]]\n{secret}\nseals_from = 1970-01-01T00:00:00Z", (0, 0, None))
    ok("the last second", f"[[key]]\n{secret}\nseals_from = 2106-02-07T06:28:15.9Z", (0, LAST, None))
    ok("65,536 bytes", good, *one)
    FILES["rings"][-1]["filled"] = 65536
    # Refused.
    for name, line, toml in [
        ("nothing", 1, ""), ("a comment alone", 1, "# ours"), ("65,537 bytes", 1, good),
        ("another table", 4, good + "[other]\n"), ("another name at the top", 1, "version = 1\n" + good),
        ("another name in a key", 4, good + "name = 1\n"), ("a misspelled name", 4, good + f"opens_til = {begin}\n"),
        ("a table in place of an array", 1, good.replace("[[key]]", "[key]")), ("a text in place of a table", 1, f'key = "{key}"'),
        ("no secret", 1, f"[[key]]\nseals_from = {begin}"), ("no instant", 1, f"[[key]]\n{secret}"),
        ("a secret that is a number", 2, f"[[key]]\nsecret = 1\nseals_from = {begin}"),
        ("an instant that is a text", 3, f'[[key]]\n{secret}\nseals_from = "{begin}"'),
        ("an instant that is a number", 3, f"[[key]]\n{secret}\nseals_from = {NOW}"),
        ("an instant without a time", 3, f"[[key]]\n{secret}\nseals_from = 2027-01-15"),
        ("an instant without an offset", 3, f"[[key]]\n{secret}\nseals_from = 2027-01-15T08:00:00"),
        ("an instant without a date", 3, f"[[key]]\n{secret}\nseals_from = 08:00:00"),
        ("a second of 60", 3, f"[[key]]\n{secret}\nseals_from = 2026-12-31T23:59:60Z"),
        ("a day that does not exist", 3, f"[[key]]\n{secret}\nseals_from = 2027-02-29T08:00:00Z"),
        ("the second before the first", 3, f"[[key]]\n{secret}\nseals_from = 1969-12-31T23:59:59Z"),
        ("a fraction before the first second", 3, f"[[key]]\n{secret}\nseals_from = 1969-12-31T23:59:59.5Z"),
        ("the second after the last", 3, f"[[key]]\n{secret}\nseals_from = 2106-02-07T06:28:16Z"),
        ("no TOML", 1, "key"), ("the same name twice", 3, f"[[key]]\n{secret}\n{secret}\nseals_from = {begin}"),
    ]:
        no(name, "syntax", toml, line, **({"filled": 65537} if "65,537" in name else {}))
    FILES["rings"].append({"name": "not UTF-8", "rule": "SPEC 3.2", "verdict": "reject", "hex": "ff", "error": "syntax", "line": 1})
    no("an empty array", "count", "key = []")
    for name, error, text_ in [
        ("an empty secret", "prefix", ""), ("a secret without its prefix", "prefix", key[9:]), ("a secret that is cut", "encoding", key[:-1]),
        ("a secret with a space", "encoding", key + " "), ("a secret of zeros", "not-random", key_text(bytes(32))),
    ]:
        no(name, error, f'[[key]]\nsecret = "{text_}"\nseals_from = {begin}', 2)
    no("a line break at the end of a multi-line string", "encoding", f'[[key]]\nsecret = """{key}\n"""\nseals_from = {begin}', 2)
    for start in range(0, 256, 32):
        no(f"the published key from {start:02x}", "published",
           f'[[key]]\nsecret = "{key_text(root_of(start))}"\nseals_from = {begin}', rule="SPEC 3.1")
    for name, error, toml in [
        ("nine keys", "count", "".join(entry(n, NOW + n) for n in range(9))),
        ("the same key twice", "twice", entry(0, NOW) + entry(0, NOW + 1)),
        ("two keys that seal from the same instant", "same-start", entry(0, NOW) + entry(1, NOW)),
        ("the same instant in two offsets", "same-start", entry(0, begin) + entry(1, "2027-01-15T09:00:00+01:00")),
        ("a key that closes when it would seal", "order", entry(0, NOW) + entry(1, NOW + 5, NOW + 5)),
        ("a key that closes before it would seal", "order", entry(0, NOW) + entry(1, NOW + 5, NOW + 4)),
        ("the only key closes", "gap", entry(0, NOW, NOW + 100)),
        ("a second between two keys", "gap", entry(0, NOW, NOW + 100) + entry(1, NOW + 101)),
        ("both keys close", "gap", entry(0, NOW, NOW + 100) + entry(1, NOW + 50, NOW + 200)),
    ]:
        no(name, error, toml, rule="SPEC 3.1")
    early = entry(0, NOW, NOW + 60 + 2399) + entry(1, NOW + 60)
    no("a key that closes a second too early for the policy", "closes-early", early, rule="SPEC 3.1", idle=1800)
    no("the newest key closes", "closes-early", entry(0, NOW) + entry(1, NOW + 60, NOW + 10**6), rule="SPEC 3.1", idle=1)


# --- writer.json ------------------------------------------------------------------------------


def writers():
    def no(name, refusal, suite="encrypted", /, *, keys=None, limit=4096, **inputs):
        seal = DEFAULTS["seal"] | inputs
        keys = [[seal["root"], 0, None]] if keys is None else keys
        emit("writer", f"{name} ({suite})", "SPEC 5", "reject", suite=suite, limit=limit, keys=keys,
             seal=differing("seal", inputs), expect={"refusal": refusal})

    def ok(name, m, limit):
        emit("writer", f"{name} ({m['suite']})", "SPEC 6.3", "accept", suite=m["suite"], limit=limit,
             keys=[[m["seal"]["root"], 0, None]], seal=differing("seal", m["seal"]), token=m["token"])

    for suite in PURPOSES:
        room = 3061 - {"encrypted": 90, "signed": 82}[suite]
        end = [[3, u32(NOW + 30).hex()]]
        no("begun 121 seconds ahead", "future", suite, created=NOW + 121)
        no("a class that the policy does not have", "class", suite, **{"class": 1})
        no("at the absolute timeout", "expired", suite, created=NOW - 86400)
        no("long past the absolute timeout", "expired", suite, created=0)
        no("at its own end", "expired", suite, extensions=[[3, u32(NOW).hex()]])
        no("begun ahead, and ended by its own end before it begins", "expired", suite, created=NOW + 60, extensions=end)
        no("begun ahead, and ended when it begins", "expired", suite, created=NOW + 30, extensions=end)
        no("the last second of the clock", "expired", suite, now=LAST)
        no("65 levels", "encoding", suite, session=values({"k": in_arrays(64, None)}))
        no("one byte too long", "too-large", suite, session=bytes_session(room + 1))
        no("one byte too long, with a subject", "too-large", suite, session=bytes_session(room - 15), user_id="42")
        no("one byte too long for extensions", "too-large", suite, session=bytes_session(room - 6),
           extensions=[[3, u32(NOW + 10**6).hex()]])
        for rule in ("in-store", "never"):
            no(f"one byte too long, by the rule {rule}, whatever deflate makes of it", "too-large", suite,
               session=text_session(room + 1), compression=rule)
        for rule in ("when-needed", "always"):
            no(f"too long, by the rule {rule}, and no deflate shortens it", "too-large", suite,
               session=bytes_session(room + 200, random=True), compression=rule)
            no(f"65,537 bytes, by the rule {rule}", "too-large", suite, session=text_session(65537), compression=rule)
        no("a limit that the frame alone exceeds", "too-large", suite, session=typed("unit"), user_id="42",
           limit={"encrypted": 134, "signed": 124}[suite])
        no("a key that does not seal yet", "no-key", suite, keys=ring((0, NOW + 1, None)))
        no("a key that seals only later beside one that opens", "no-key", suite, keys=ring((0, NOW + 1, None), (0x20, NOW + 9, None)))
        # The order.
        no("from the future and of an unknown class", "future", suite, created=NOW + 121, **{"class": 1})
        no("of an unknown class and expired", "class", suite, created=0, **{"class": 1})
        no("expired and too long", "expired", suite, created=0, session=bytes_session(room + 1))
        no("too long and without a key", "too-large", suite, session=bytes_session(room + 1), keys=ring((0, NOW + 1, None)))
    no("no nonce", "random", random=SID + NONCE[:-2])
    no("no nonce and no key", "no-key", random=SID, keys=ring((0, NOW + 1, None)))
    for limit, name in ((4096, "s"), (3300, NAME), (200, NAME)):
        for suite, frame in (("encrypted", 90), ("signed", 82)):
            room = 3 * (limit - len(name)) // 4 - frame
            if room > 3:
                ok(f"as long as a limit of {limit} allows beside {name}", make(suite, session=bytes_session(room), name=name), limit)
                no(f"one byte longer than a limit of {limit} allows beside {name}", "too-large", suite, limit=limit,
                   session=bytes_session(room + 1), name=name)


# --- cookies.json -----------------------------------------------------------------------------


def cookies():
    def session(n, issued=NOW, **how):
        return make(random=f"{n:032x}" + NONCE, now=issued, created=NOW - 4000, **how)["token"]

    def case(name, lines, expect, /, **over):
        verdict = "accept" if "token" in expect else "reject"
        emit("cookies", name, "SPEC 7.3", verdict, cookies=lines, open=differing("open", over), expect=expect)

    def two(a, b, name=NAME):
        return [f"{name}={a}; {name}={b}"]

    one, again, other = session(1), session(1, NOW + 10), session(2, NOW + 20)
    sid = {"name": "sid"}
    late = session(3, NOW - 3000)
    newer = make(extensions=[[5, ""]], random=f"{9:032x}" + NONCE)["token"]
    now = {"now": NOW + 30}
    for name, lines, token in [
        ("one", [f"{NAME}={one}"], one), ("one among others", [f"a=b; {NAME}={one}; c=d"], one),
        ("two of one session, the newer first", two(again, one), again), ("two of one session, the newer last", two(one, again), again),
        ("two sessions, the newer first", two(other, one), other), ("two sessions, the newer last", two(one, other), other),
        ("in two headers", [f"{NAME}={one}", f"{NAME}={again}"], again),
        ("one that does not open, first", two("x", one), one), ("one that does not open, last", two(one, "x"), one),
        ("an expired one, first", two(late, one), one), ("one of a newer format beside one that opens", two(newer, one), one),
        ("an empty one, first", two("", one), one), ("equal instants: the first", two(session(5), session(4)), session(5)),
        ("the newest as the fourth", ["; ".join(f"{NAME}={t}" for t in ("x", "y", one, again))], again),
        ("the newest as the fifth is not looked at", ["; ".join(f"{NAME}={t}" for t in ("x", "y", "z", one, again))], one),
        ("white space", [f" \t{NAME} \t=\t{one}\t ;"], one), ("another case of the name", [f"__host-session={other}; {NAME}={one}"], one),
        ("a quoted one is not looked at", [f'{NAME}="{other}"; {NAME}={one}'], one),
    ]:
        case(name, lines, {"token": token}, **now)
    for name, lines, category in [
        ("none", ["a=b"], "absent"), ("an empty one alone", [f"{NAME}="], "absent"),
        ("the first refusal counts", two(late, "x"), "expired-idle"), ("the first refusal counts, the other way", two("x", late), "malformed"),
        ("a newer format comes before other refusals", two("x", newer), "unsupported"),
        ("an encoded name", [f"%5F%5FHost-session={one}"], "absent"), ("a name in front", [f"={NAME}={one}"], "absent"),
    ]:
        case(name, lines, {"category": category}, **now)
    bare = [make(random=f"{n:032x}" + NONCE, name="sid", created=NOW - 100, now=NOW + n)["token"] for n in range(3)]
    same = make(random=f"{1:032x}" + NONCE, name="sid", created=NOW - 100, now=NOW + 5)["token"]
    case("two of one session under a name that others may set", two(bare[1], same, "sid"), {"token": same}, **now, **sid)
    case("two sessions under a name that others may set", two(bare[1], bare[2], "sid"), {"category": "ambiguous"}, **now, **sid)
    case("five values under a name that others may set", ["; ".join(f"sid={bare[1]}" for _ in range(5))],
         {"category": "ambiguous"}, **now, **sid)
    case("one session and one that does not open, under such a name", two(bare[1], "x", "sid"), {"token": bare[1]}, **now, **sid)
    former = {"accept_also": [[CTX, "sid", NOW + 100]]}
    case("a former name", [f"sid={bare[1]}"], {"token": bare[1]}, **now, **former)
    case("a former name, after its instant", [f"sid={bare[1]}"], {"category": "absent"}, now=NOW + 100, **former)
    case("a former name beside one that opens", [f"sid={bare[2]}; {NAME}={one}"], {"token": one}, **now, **former)
    case("a former name beside one that does not open", [f"{NAME}=x; sid={bare[2]}"], {"token": bare[2]}, **now, **former)
    case("a former name beside one of a newer format", [f"{NAME}={newer}; sid={bare[2]}"], {"category": "unsupported"},
         **now, **former)
    case("two sessions under a former name", two(bare[1], bare[2], "sid"), {"category": "ambiguous"}, **now, **former)
    case("a newer schema decides after the choice", two(one, session(7, NOW + 20, session=SMALL | {"schema": 1})),
         {"category": "unsupported"}, **now)


# --- The two annotated tokens of SPEC 13 ------------------------------------------------------


def annotated(suite):
    if suite == "encrypted":
        session = values({"user_id": "7fb77e3a-a15c-4c66-8742-f0b1b4ce8478", "theme": "dark"})
        return make(suite, session=session, random=filler(16).hex() + NONCE)
    session = typed("text", "hello session", 2, 0x1234)
    return make(suite, session=session, user_id="42", created=NOW - 600, caller_aad=b"device-17".hex(),
                extensions=[[4, u32(NOW - 60).hex()]])


def dump():
    lines = []

    def row(label, data, note=""):
        data = data.hex() if isinstance(data, bytes) else data
        for at in range(0, max(len(data), 1), 64):
            lines.append(f"{label if at == 0 else '':13}{data[at : at + 64]:66}{note if at == 0 else ''}".rstrip())

    def parts(data, start, *cuts):
        at = start
        for size, note in cuts:
            row(f"{at:4}", data[at : at + size], note)
            at += size

    for suite in PURPOSES:
        m = annotated(suite)
        seal, raw, c = m["seal"], m["bytes"], m["claims"]
        lines.append(f"{suite.upper()}, {len(raw)} bytes, {len(m['token'])} characters")
        row("root", seal["root"])
        row("ctx, name", f"{seal['context']}, {seal['name']}")
        row("caller_aad", seal["caller_aad"] or "(empty)")
        row("kid", m["derived"]["kid"])
        row("K_seal" if suite == "encrypted" else "K_sign", m["derived"]["sub_key"])
        if suite == "encrypted":
            xs = xaes_parts(bytes.fromhex(m["derived"]["sub_key"]), bytes.fromhex(seal["random"][32:]))
            for label in ("L", "K1", "M1", "M2", "Kx"):
                row(label, xs[label.lower()])
        for at in range(0, len(m["token"]), 76):
            lines.append(f"{'token' if at == 0 else '':13}{m['token'][at : at + 76]}")
        lines.append("")
        plain = claims_bytes(c) + m["postcard"]
        lines.append("token bytes")
        if suite == "encrypted":
            parts(raw, 0, (1, "suite"), (16, "kid"), (24, "nonce"), (len(plain), "ciphertext"), (16, "tag"))
            lines.append("plaintext")
            base, data = 0, plain
        else:
            parts(raw, 0, (1, "suite"), (16, "kid"))
            base, data = 17, raw
        flags = f"flags: inline, class {c['class']}" + (", subject, extensions" if c["subject"] else "")
        parts(data, base, (1, flags), (4, f"created {c['created']}"), (4, f"issued {c['issued']}"),
              (4, f"expires {c['expires']}"), (16, "sid"), (2, f"schema {c['schema']}"),
              (2, f"shape {c['shape']:#06x}" + (": Values" if c["shape"] == VALUES else "")))
        at = base + 33
        if c["subject"]:
            parts(data, at, (16, "subject of user 42"), (1, "extensions: total"), (1, "type 4, last authentication"),
                  (1, "length"), (4, f"{NOW - 60}"), (1, "BODY: length of the text"), (13, "hello session"))
            parts(data, len(raw) - 32, (32, "tag"))
        else:
            where = TABLE.index("user_id") if "user_id" in TABLE else None
            assert in_order(["theme", "user_id"]) == ["theme", "user_id"] and where is not None
            theme = 1 + (len("theme") if "theme" not in TABLE else TABLE.index("theme") > 23)
            parts(data, at, (1, f"BODY: {len(m['postcard']) - 1} bytes of CBOR"), (1, "map of 2"),
                  (theme, 'key "theme"' + (f", name {TABLE.index('theme')} of the table" if "theme" in TABLE else "")),
                  (5, '"dark"'), (1 + (where > 23), f'key "user_id", name {where} of the table'),
                  (2, "tag 37: UUID"), (17, "7fb77e3a-a15c-4c66-8742-f0b1b4ce8478"))
        row("public id", public_id(bytes.fromhex(c["sid"])))
        lines.append("")
    return "\n".join(["```", *lines[:-1], "```"])


MARKS = [f"<!-- generated by tests/vectors/generate.py: {end} -->" for end in ("begin", "end")]


def page_with_dump():
    before, rest = PAGE.read_text("utf-8").split(MARKS[0])
    return before + MARKS[0] + "\n" + dump() + "\n" + MARKS[1] + rest.split(MARKS[1])[1]


def main(argument):
    if argument == "--page":
        PAGE.write_text(page_with_dump(), "utf-8")
        return None
    if PAGE.read_text("utf-8") != page_with_dump():
        return "the two tokens in docs/SPEC.md are stale: run generate.py --page"
    keys()
    derivations()
    layouts("encrypted")
    layouts("signed")
    for make_file in (texts, claims, crossed, extensions, times, bodies, postcards, value_vectors, jsons,
                      auxiliaries, references, records, revocations, rings, writers, cookies):
        make_file()
    folder, compact = pathlib.Path(argument), {"separators": (",", ":"), "ensure_ascii": True}
    (folder / "defaults.json").write_text(json.dumps(DEFAULTS, **compact) + "\n", "ascii", newline="\n")
    table = ",\n".join(json.dumps(name) for name in TABLE)
    (folder / "table.json").write_text(f"[\n{table}\n]\n", "ascii", newline="\n")
    for file, vectors in FILES.items():
        lines = ",\n".join(json.dumps(vector, **compact) for vector in vectors)
        (folder / f"{file}.json").write_text(f"[\n{lines}\n]\n", "ascii", newline="\n")
        verdicts = [v["verdict"] for v in vectors]
        print(f"{file}.json: {verdicts.count('accept')} accept, {verdicts.count('reject')} reject")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
