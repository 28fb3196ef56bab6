"""Runs every vector of tests/vectors against ssc1.py. Exits with 1 if one comes out otherwise."""

import collections
import hashlib
import json
import pathlib
import struct
import sys

import postcard
import rings
import ssc1
import values

VECTORS = pathlib.Path(__file__).parent.parent / "vectors"
DEFAULTS = json.loads((VECTORS / "defaults.json").read_text("utf-8"))
SHAPES = (
    "enum",
    ("Point", "unit"),
    ("Circle", "u32"),
    ("Pair", ("tuple", "u32", "u32")),
    ("Named", ("struct", ("name", "string"))),
)
NUMBERS = "u8 i8 u16 u32 u64 u128 i16 i32 i64 i128 f32 f64".split()
EXAMPLE = ("struct", ("flag", "bool"), *[(name, name) for name in NUMBERS]) + (
    ("char", "char"),
    ("string", "string"),
    ("sequence", ("sequence", "u32")),
    ("some", ("option", "u32")),
    ("none", ("option", "u32")),
    ("tuple", ("tuple", "u8", "string")),
    ("map", ("map", "string", "u32")),
    ("shapes", ("sequence", SHAPES)),
)
KINDS = {"unit": "unit", "bytes": "bytes", "text": "string", "values": "values", "example": EXAMPLE}


# The vectors' JSON, and Python's objects


def value(noted):
    if isinstance(noted, list):
        return [value(each) for each in noted]
    if not isinstance(noted, dict):
        return noted
    ((kind, inner),) = noted.items()
    if kind in ("nest", "nest-map"):
        count, inner = inner
        inner = value(inner)
        for _ in range(count):
            inner = [inner] if kind == "nest" else {"": inner}
        return inner
    if kind == "map":
        return {key: value(each) for key, each in inner.items()}
    read = {
        "int": int,
        "float": lambda bits: struct.unpack(">d", bytes.fromhex(bits))[0],
        "bytes": bytes.fromhex,
        "repeat": lambda pair: pair[0] * pair[1],
    }
    return read[kind](inner)


def tagged(value):
    """A form in which values differ that are equal in Python."""
    if isinstance(value, (list, tuple)):
        return [tagged(each) for each in value]
    if isinstance(value, dict):
        return {key: tagged(each) for key, each in value.items()}
    return type(value).__name__, struct.pack(">d", value) if isinstance(value, float) else value


def session(kind, json):
    if kind == "values":
        return value({"map": json})
    if isinstance(json, dict) and "repeat" in json:
        json = value(json)
    if kind == "bytes":
        return bytes.fromhex(json)
    if kind == "example":
        shapes = [(s, None) if isinstance(s, str) else next(iter(s.items())) for s in json["shapes"]]
        shapes = [(name, tuple(v) if isinstance(v, list) else v) for name, v in shapes]
        wide = {name: int(json[name]) for name in ("u64", "u128", "i64", "i128")}
        return {**json, **wide, "tuple": tuple(json["tuple"]), "shapes": shapes}
    return json


def unhex(text):
    return None if text is None else bytes.fromhex(text)


def policy(json):
    return [ssc1.Timeouts(*timeouts) for timeouts in json]


def ring(keys):
    return [ssc1.Key(bytes.fromhex(root), *times) for root, *times in keys]


def wanted(json):
    return ssc1.Type(KINDS[json["type"]], json["schema"], json["shape"])


def extensions(json):
    return tuple((kind, bytes.fromhex(content)) for kind, content in json)


class Place:
    """How a vector is opened, the defaults filled in."""

    def __init__(self, vector):
        self.json = o = DEFAULTS["open"] | vector["open"]
        self.names = (o["context"], o["name"])
        self.ring, self.policy, self.now = ring(o["keys"]), policy(o["policy"]), o["now"]
        self.aad = bytes.fromhex(o["caller_aad"])
        self.former = [ssc1.Former(*each) for each in o["accept_also"]]

    def token(self):
        o, wants = self.json, wanted(self.json)
        return o["suite"], *self.names, self.ring, self.policy, self.now, wants, self.aad, self.former

    def other(self):
        return *self.names, self.ring, self.now

    def reference(self):
        return *self.names, self.ring, self.policy, self.now, self.former


def sealing(vector):
    return DEFAULTS["seal"] | vector["seal"]


def seal(s, suite, keys=None, limit=ssc1.LARGEST_VALUE):
    wants = wanted(s["session"])
    keys = [[s["root"], 0, None]] if keys is None else keys
    return ssc1.seal_token(
        session(s["session"]["type"], s["session"]["value"]), suite, s["context"], s["name"],
        ring(keys), policy(s["policy"]), s["now"], bytes.fromhex(s["random"]), wants, s["created"],
        s["class"], None if s["user_id"] is None else s["user_id"].encode(),
        extensions(s["extensions"]), bytes.fromhex(s["caller_aad"]), s["compression"], limit,
    )


def identity(s, kind):
    """The claims that a writer of a reference or record begins with."""
    user, place = s["user_id"], (s["context"], policy(s["policy"]), s["now"])
    return ssc1.make_claims(
        kind, *place, bytes.fromhex(s["random"][:32]), wanted(s["session"]), s["created"],
        s["class"], None if user is None else user.encode(), extensions(s["extensions"]),
    )


def claims_json(claims):
    json = {k: v.hex() if isinstance(v, bytes) else v for k, v in claims._asdict().items()}
    json["class"], json["id"] = json.pop("lifetime"), ssc1.public_id(claims.sid).hex()
    return json | {"extensions": [[kind, content.hex()] for kind, content in claims.extensions]}


def shown(data, like):
    """Bytes as the vector shows them: in full, or their length and hash."""
    if isinstance(like, str):
        return data.hex()
    return {"len": len(data), "sha256": hashlib.sha256(data).hexdigest()}


# Vectors. Each function gives the names of what differs.


def differing(seen, expected):
    return [key for key in expected if seen.get(key) != expected[key]]


def refusal(call, *arguments):
    try:
        call(*arguments)
    except ssc1.Refused as refused:
        return {"category": str(refused), "refusal": str(refused), "step": refused.step}
    except ValueError:
        return {"error": "value"}
    return {"accepted": True}


def refused(vector, call, *arguments):
    seen = refusal(call, *arguments)
    expected = {k: v for k, v in vector["expect"].items() if k != "reason"}
    return [f"{seen} instead of {expected}"] if differing(seen, expected) else []


def token(vector):
    place = Place(vector)
    if vector["verdict"] == "reject":
        return refused(vector, ssc1.open_token, vector["token"], *place.token())
    opened, expect, s = ssc1.open_token(vector["token"], *place.token()), vector["expect"], sealing(vector)
    seen = {"claims": claims_json(opened.claims), "postcard": shown(opened.postcard, expect["postcard"])}
    wrong = differing(seen | {k: getattr(opened, k) for k in ("needs_rekey", "needs_refresh")}, expect)
    data = session(s["session"]["type"], s["session"]["value"])
    wrong += ["session"] * (tagged(opened.session) != tagged(data))

    suite, root = ssc1.SUITES[place.json["suite"]], bytes.fromhex(s["root"])
    names, aad, derived = (s["context"], s["name"]), bytes.fromhex(s["caller_aad"]), vector["derived"]
    nonce, key = bytes.fromhex(s["random"])[16:], ssc1.sub_key(root, suite.purpose, *names)
    plaintext = ssc1.unwrap(suite, root, *names, aad, ssc1.from_text(vector["token"]))
    _, body = ssc1.split_claims(plaintext, 9)
    seen = {"kid": ssc1.kid(root).hex(), "sub_key": key.hex(), "message_key": ssc1.xaes(key, nonce)[0].hex()}
    seen |= {"claims": ssc1.pack_claims(opened.claims).hex(), "body": shown(body, derived["body"])}
    wrong += differing(seen, derived)
    nonce = nonce if suite.purpose == "seal" else b""
    again = ssc1.wrap(suite, root, *names, aad, nonce, ssc1.pack_claims(opened.claims) + body)
    wrong += ["wrap"] * (ssc1.to_text(again) != vector["token"])
    if vector["reproducible"]:
        wrong += ["sealing"] * (seal(s, place.json["suite"]) != vector["token"])
    return wrong


def key(vector):
    try:
        root = ssc1.key_from_text(vector["text"])
    except ssc1.Refused as refused:
        return [] if str(refused) == vector.get("error") else [f"refused: {refused}"]
    if vector["verdict"] == "reject":
        return ["accepted"]
    seen = {"root": root.hex(), "text": ssc1.key_to_text(root), "kid": ssc1.kid(root).hex()}
    seen["published"] = ssc1.is_published(root)
    seen["sub_keys"] = [
        each | {"key": ssc1.sub_key(root, each["purpose"], each["context"], each["name"]).hex()}
        for each in vector["sub_keys"]
    ]
    return differing(seen, {k: vector[k] for k in ("root", "text", "kid", "published", "sub_keys")})


def derivation(vector):
    if "subject" in vector:
        subject = ssc1.subject(vector["context"], vector["user_id"].encode())
        seen = {"subject": subject.hex(), "revocation": ssc1.subject_revocation(subject).hex()}
    elif "sid" in vector:
        sid = bytes.fromhex(vector["sid"])
        seen = {"public_id": ssc1.public_id(sid).hex(), "log_id": ssc1.log_id(sid)}
    elif "iterations" in vector:
        seen = {"hash": accumulated(vector["iterations"])}
    else:
        key, nonce, aad, plaintext = (
            bytes.fromhex(vector[k]) for k in ("key", "nonce", "aad", "plaintext")
        )
        message_key, iv = ssc1.xaes(key, nonce)
        out = ssc1.encrypt(key, nonce, aad, plaintext)
        seen = {"kx": message_key.hex(), "iv": iv.hex(), "ciphertext": out.hex()}
        if ssc1.decrypt(key, nonce, aad, out) != plaintext:
            return ["decrypt"]
    return differing(vector | seen, vector)


def accumulated(iterations):
    """C2SP's test: what is encrypted comes from one SHAKE-128, what it gives goes into another."""
    stream, out = hashlib.shake_128().digest(400 * iterations), hashlib.shake_128()
    at = 0
    for _ in range(iterations):
        fields = []
        for size in (32, 24, None, None):
            if size is None:
                size, at = stream[at], at + 1
            fields.append(stream[at : at + size])
            at += size
        key, nonce, plaintext, aad = fields
        out.update(ssc1.encrypt(key, nonce, aad, plaintext))
    return out.digest(32).hex()


def encoding(vector):
    kind, data = KINDS[vector["type"]], bytes.fromhex(vector["bytes"])
    if vector["verdict"] == "reject":
        return ["accepted"] * (refusal(postcard.decode, kind, data) != {"error": "value"})
    expected = session(vector["type"], vector["value"])
    wrong = ["value"] * (tagged(postcard.decode(kind, data)) != tagged(expected))
    return wrong + ["bytes"] * ((postcard.encode(kind, expected) == data) != vector["canonical"])


def cbor(vector):
    data = bytes.fromhex(vector["cbor"])
    if vector["verdict"] == "reject":
        return ["accepted"] * (refusal(values.decode, data) != {"error": "value"})
    expected = value({"map": vector["value"]})
    wrong = ["value"] * (tagged(values.decode(data)) != tagged(expected))
    return wrong + ["bytes"] * ((values.encode(expected) == data) != vector["canonical"])


def jsons(vector):
    if vector["verdict"] == "reject":
        return ["accepted"] * (refusal(values.from_json, vector["json"]) != {"error": "value"})
    expected = value({"map": vector["value"]})
    if "written" in vector:
        ours, theirs = (json.loads(text, object_pairs_hook=list) for text in (values.to_json(expected), vector["written"]))
        return ["written"] * (tagged(ours) != tagged(theirs))
    seen = values.from_json(vector["json"])
    wrong = ["value"] * (tagged(seen) != tagged(expected))
    return wrong + ["cbor"] * (values.encode(seen).hex() != vector["cbor"])


def auxiliary(vector):
    place = Place(vector)
    arguments = (vector["token"], *place.other(), place.former)
    if vector["verdict"] == "reject":
        return refused(vector, ssc1.open_auxiliary, *arguments)
    opened = ssc1.open_auxiliary(*arguments)
    wrong = differing({k: v.hex() if isinstance(v, bytes) else v for k, v in opened.items()}, vector["expect"])
    s = vector["seal"]
    root, nonce, aux = (bytes.fromhex(s[k]) for k in ("root", "nonce", "aux"))
    made = ssc1.wrap(ssc1.AUXILIARY, root, s["context"], s["name"], b"", nonce, aux)
    return wrong + ["wrap"] * (ssc1.to_text(made) != vector["token"])


def reference(vector):
    place = Place(vector)
    inline = (vector["token"], *place.token())
    if vector["verdict"] == "reject":
        return refused(vector, ssc1.open_reference, vector["token"], *place.reference())
    expect, s = vector["expect"], sealing(vector)
    opened = ssc1.open_reference(vector["token"], *place.reference())
    seen = {"claims": claims_json(opened.claims), "handle": opened.body.hex()}
    wrong = differing(seen | {k: getattr(opened, k) for k in ("needs_rekey", "needs_refresh")}, expect)
    wrong += ["inline"] * (refusal(ssc1.open_token, *inline).get("category") != "wrong-kind")
    claims, nonce = identity(s, ssc1.REFERENCE), bytes.fromhex(s["random"])[16:]
    place = (bytes.fromhex(s["root"]), s["context"], s["name"], claims, bytes.fromhex(s["handle"]), nonce)
    made = ssc1.seal_reference(*place)
    return wrong + ["sealing"] * (vector["reproducible"] and made != vector["token"])


def record(vector):
    place, o = Place(vector), vector["open"]
    # Of the reference's claims, only these three are looked at.
    claims = ssc1.Claims(*[None] * 4, o["created"], *[None] * 2, unhex(o["sid"]), *[None] * 2, unhex(o["subject"]), ())
    arguments = (
        ssc1.from_text(vector["record"]), *place.other(), claims, bytes.fromhex(o["handle"]),
        int(o["version"]), wanted(place.json), o["max_record_bytes"], place.former,
    )
    if vector["verdict"] == "reject":
        return refused(vector, ssc1.open_record, *arguments)
    expect, s, derived = vector["expect"], sealing(vector), vector["derived"]
    opened = ssc1.open_record(*arguments)
    seen = {"claims": claims_json(opened.claims), "postcard": shown(opened.postcard, expect["postcard"])}
    wrong = differing(seen | {"needs_rekey": opened.needs_rekey}, expect)
    data = session(s["session"]["type"], s["session"]["value"])
    wrong += ["session"] * (tagged(opened.session) != tagged(data))

    root, handle, nonce = (bytes.fromhex(each) for each in (s["root"], s["handle"], s["random"][32:]))
    where, version = (root, s["context"], s["name"]), int(s["version"])
    key, raw = ssc1.record_key(*where, handle), arguments[0]
    plaintext = ssc1.decrypt(key, nonce, ssc1.record_aad(raw[:41], opened.claims.sid, version), raw[41:])
    _, body = ssc1.split_claims(plaintext, 5)
    seen = {"kid": ssc1.kid(root), "record_key": key, "row_key": ssc1.public_id(opened.claims.sid)}
    seen |= {"message_key": ssc1.xaes(key, nonce)[0], "claims": ssc1.pack_claims(opened.claims)}
    seen = {k: v.hex() for k, v in seen.items()} | {"body": shown(body, derived["body"])}
    wrong += differing(seen, derived)
    if vector["reproducible"]:
        kind = wanted(s["session"]).kind
        made = ssc1.seal_record(data, *where, identity(s, ssc1.RECORD), handle, version, nonce, kind, s["compression"])
        wrong += ["sealing"] * (made != raw)
    return wrong


def revocation(vector):
    if "after" in vector:
        new, old = vector["new"], vector["before"]
        return ["after"] * (vector["after"] != (new if old is None else [*map(ssc1.merged, new, old)]))
    now, absolute = vector["now"], vector["absolute"]
    if "token" in vector:
        created, expires = vector["token"] or (now, 0)
        entry = [ssc1.LAST_SECOND, max(now + absolute, created + absolute, expires) + ssc1.TOLERANCE]
    else:
        not_before = ssc1.later(now, 60)
        entry = [not_before, not_before + absolute + ssc1.TOLERANCE]
    return ["entry"] * (vector["entry"] != [min(each, ssc1.LAST_SECOND) for each in entry])


def ring_file(vector):
    data = bytes.fromhex(vector["hex"]) if "hex" in vector else vector["toml"].encode()
    data = data.ljust(vector.get("filled", 0), b"#")

    def read():
        ring = rings.read(data)
        if "idle" in vector:
            rings.judged_with(ring, vector["idle"])
        return ring

    if vector["verdict"] == "reject":
        return refused({"expect": {"category": vector["error"]}}, read)
    found = sorted(read(), key=lambda key: key.seals_from)
    keys = [[ssc1.kid(key.root).hex(), key.seals_from, key.opens_until] for key in found]
    roles = [[now, [rings.role(key, found, now) for key in found]] for now, _ in vector["roles"]]
    return differing({"keys": keys, "roles": roles}, {k: vector[k] for k in ("keys", "roles")})


def writer(vector):
    arguments = (sealing(vector), vector["suite"], vector["keys"], vector["limit"])
    if vector["verdict"] == "reject":
        return refused(vector, seal, *arguments)
    return ["token"] * (seal(*arguments) != vector["token"])


def cookies(vector):
    place = Place(vector)
    if vector["verdict"] == "reject":
        return refused(vector, ssc1.open_cookies, vector["cookies"], *place.token())
    return ["token"] * (ssc1.open_cookies(vector["cookies"], *place.token()) != vector["expect"]["token"])


RUN = {
    "keys": key, "derivations": derivation, "postcard": encoding, "values": cbor, "json": jsons,
    "auxiliary": auxiliary, "references": reference, "records": record, "revocations": revocation,
    "rings": ring_file, "writer": writer, "cookies": cookies,
}


def main():
    counts, failed = collections.Counter(), 0
    if json.loads((VECTORS / "table.json").read_text("utf-8")) != values.TABLE:
        failed += 1
        print("table.json: not the static table of the page", file=sys.stderr)
    for path in sorted(VECTORS.glob("*.json")):
        if path.stem in ("defaults", "table"):
            continue
        here = collections.Counter()
        for vector in json.loads(path.read_text("utf-8")):
            try:
                wrong = RUN.get(path.stem, token)(vector)
            except Exception as error:  # a refusal, or a mistake in ssc1.py
                wrong = [repr(error)]
            here[vector["verdict"]] += 1
            here["sealed again"] += vector.get("reproducible", False)
            for what in wrong:
                print(f"{path.name}: {vector['name']}: {what}", file=sys.stderr)
            failed += bool(wrong)
        print(f"{path.name}: {dict(here)}")
        counts += here
    print(f"all: {dict(counts)}, {failed} differ")
    return 1 if failed or not counts else 0


if __name__ == "__main__":
    sys.exit(main())
