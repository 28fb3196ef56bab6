"""Runs every vector of tests/vectors against ssc1.py. Exits with 1 if one comes out otherwise."""

import collections
import hashlib
import json
import pathlib
import struct
import sys

import ssc1

VECTORS = pathlib.Path(__file__).parent.parent / "vectors"
SHAPE = (
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
    ("shapes", ("sequence", SHAPE)),
)
KINDS = {"unit": "unit", "bytes": "bytes", "text": "string", "values": "values", "example": EXAMPLE}


# The vectors' JSON, and Python's objects


def value(tagged):
    """One value of a `values` session."""
    ((kind, inner),) = tagged.items()
    if kind == "nest":
        count, inner = inner
        inner = value(inner)
        for _ in range(count):
            inner = [inner]
        return inner
    read = {
        "int": int,
        "uint": int,
        "float": lambda bits: struct.unpack(">d", bytes.fromhex(bits))[0],
        "bytes": bytes.fromhex,
        "array": lambda values: [value(v) for v in values],
        "map": lambda entries: {key: value(v) for key, v in entries},
    }
    return read.get(kind, lambda inner: inner)(inner)


def tagged(value):
    """The reverse: what differs in Python differs here, and NaN is equal to itself."""
    if isinstance(value, list):
        return {"array": [tagged(v) for v in value]}
    if isinstance(value, dict):
        return {"map": [[key, tagged(v)] for key, v in value.items()]}
    if isinstance(value, (type(None), bool)):
        return {"null" if value is None else "bool": value}
    if isinstance(value, int):
        return {"int" if value < 0 else "uint": str(value)}
    if isinstance(value, float):
        return {"float": struct.pack(">d", value).hex()}
    return {"text": value} if isinstance(value, str) else {"bytes": value.hex()}


def session(kind, json):
    if kind == "bytes":
        return bytes.fromhex(json)
    if kind == "text" and isinstance(json, dict):
        return json["repeat"][0] * json["repeat"][1]
    if kind == "values":
        return value({"map": json})
    if kind == "example":
        shapes = [(s, None) if isinstance(s, str) else s.popitem() for s in json["shapes"]]
        shapes = [(name, tuple(v) if isinstance(v, list) else v) for name, v in shapes]
        return {**json, "tuple": tuple(json["tuple"]), "shapes": shapes}
    return json


def equal(one, other):
    if isinstance(one, dict) and "u128" not in one:
        return tagged(one) == tagged(other)
    return one == other


# Vectors


def policy(json):
    return [ssc1.Timeouts(**timeouts) for timeouts in json]


def ring(json):
    return [
        ssc1.Key(bytes.fromhex(k["root"]), k["seals_from"], k["opens_until"]) for k in json["keys"]
    ]


def former(json):
    return [ssc1.Former(**also) for also in json["accept_also"]]


def open_vector(vector):
    o = vector["open"]
    return ssc1.open_token(
        vector["token"],
        o["suite"],
        o["context"],
        o["name"],
        ring(o),
        policy(o["policy"]),
        o["now"],
        KINDS[o["type"]],
        o["schema"],
        bytes.fromhex(o["caller_aad"]),
        former(o),
    )


def seal_vector(vector):
    s, kind = vector["seal"], vector["seal"]["session"]["type"]
    random = bytes.fromhex(s["random"])
    return ssc1.seal_token(
        session(kind, s["session"]["value"]),
        vector["open"]["suite"],
        s["context"],
        s["name"],
        bytes.fromhex(s["root"]),
        policy(s["policy"]),
        s["now"],
        random[:16],
        random[16:],
        s["created"],
        s["class"],
        None if s["user_id"] is None else s["user_id"].encode(),
        KINDS[kind],
        s["session"]["schema"],
        bytes.fromhex(s["caller_aad"]),
        s["compression"],
    )


def claims_json(claims):
    json = {k: v.hex() if isinstance(v, bytes) else v for k, v in claims._asdict().items()}
    json["class"] = json.pop("lifetime")
    return json


def opened_alike(opened, expect, kind):
    wrong = ["claims"] * (claims_json(opened.claims) != expect["claims"])
    postcard = opened.postcard.hex()
    if isinstance(expect["postcard"], dict):
        digest = hashlib.sha256(opened.postcard).hexdigest()
        postcard = {"len": len(opened.postcard), "sha256": digest}
    wrong += ["postcard"] * (postcard != expect["postcard"])
    return wrong + ["session"] * (not equal(opened.session, session(kind, expect["session"])))


def accepted_token(vector):
    """The names of what differs."""
    suite, expect, derived, seal = (vector[k] for k in ("open expect derived seal".split()))
    suite = suite["suite"]
    opened = open_vector(vector)
    plaintext = bytes.fromhex(derived["claims"] + derived["body"])

    wrong = opened_alike(opened, expect, vector["open"]["type"])
    wrong += ["claims' bytes"] * (ssc1.pack_claims(opened.claims).hex() != derived["claims"])
    wrong += [k for k in ("needs_reseal", "needs_reissue") if getattr(opened, k) != expect[k]]

    root, random = bytes.fromhex(seal["root"]), bytes.fromhex(seal["random"])
    names = (seal["context"], seal["name"])
    token = ssc1.wrap(
        suite, root, *names, bytes.fromhex(seal["caller_aad"]), random[16:], plaintext
    )
    wrong += ["wrap"] * (ssc1.to_text(token) != vector["token"])
    key = ssc1.sub_key(root, ssc1.SUITES[suite].purpose, *names)
    header = bytes.fromhex(derived["header"])
    wrong += ["kid"] * (ssc1.kid(root).hex() != derived["kid"])
    wrong += ["sub_key"] * (key.hex() != derived["sub_key"])
    if "message_key" in derived:
        wrong += ["message_key"] * (ssc1.message_key(key, header).hex() != derived["message_key"])
    if vector["reproducible"]:
        wrong += ["sealing"] * (seal_vector(vector) != vector["token"])
    return wrong


def refusal(call, *arguments, **named):
    try:
        call(*arguments, **named)
    except ssc1.Refused as refused:
        return str(refused)
    return "accepted"


def refused(run, vector):
    category, seen = vector["expect"]["category"], refusal(run, vector)
    return [] if seen == category else [f"{seen} instead of {category}"]


def rejected_token(vector):
    return refused(open_vector, vector)


def key_vector(vector):
    try:
        root = ssc1.key_from_text(vector["text"])
    except ssc1.Refused as refused:
        return [] if str(refused) == vector.get("error") else [f"refused: {refused}"]
    if vector["verdict"] == "reject":
        return ["accepted"]
    wrong = ["root"] * (root.hex() != vector["root"])
    wrong += ["text"] * (ssc1.key_to_text(root) != vector["text"])
    wrong += ["kid"] * (ssc1.kid(root).hex() != vector["kid"])
    wrong += ["published"] * (ssc1.is_published(root) != vector["published"])
    for sub in vector["sub_keys"]:
        key = ssc1.sub_key(root, sub["purpose"], sub["context"], sub["name"])
        wrong += ["sub_key"] * (key.hex() != sub["key"])
    return wrong


def derivation(vector):
    if "subject" in vector:
        made = ssc1.subject(vector["context"], vector["user_id"].encode()).hex()
        return ["subject"] * (made != vector["subject"])
    if "token" not in vector:
        made = ssc1.row_key(bytes.fromhex(vector["sid"])).hex()
        return ["row key"] * (made != vector["row_key"])
    root, nonce = bytes.fromhex(vector["root"]), bytes.fromhex(vector["nonce"])
    names, plaintext = (
        (vector["context"], vector["cookie_name"]),
        bytes.fromhex(vector["plaintext"]),
    )
    if "handle" not in vector:
        aad = bytes.fromhex(vector["caller_aad"])
        token = ssc1.wrap("encrypted", root, *names, aad, nonce, plaintext)
        return ["token"] * (ssc1.to_text(token) != vector["token"])
    claims, body = ssc1.split_claims(plaintext)
    handle, version = bytes.fromhex(vector["handle"]), vector["version"]
    token = ssc1.wrap_record(root, *names, handle, version, nonce, claims, body)
    ring = [ssc1.Key(root, 0, None)]
    opened = ssc1.open_record(token, *names, ring, claims.issued, claims, handle, version)
    wrong = ["token"] * (ssc1.to_text(token) != vector["token"])
    return wrong + ["opening"] * ((opened.claims, opened.postcard) != (claims, body))


def stored(vector):
    """The vectors of section 10."""
    if "open" not in vector:
        if "sid" in vector:
            return ["row key"] * (
                ssc1.row_key(bytes.fromhex(vector["sid"])).hex() != vector["row_key"]
            )
        subject = ssc1.subject(vector["context"], vector["user_id"].encode())
        wrong = ["subject"] * (subject.hex() != vector["subject"])
        return wrong + ["revocation"] * (
            ssc1.subject_revocation(subject).hex() != vector["revocation"]
        )
    run = reference if "token" in vector else record
    if vector["verdict"] == "accept":
        return run(vector)
    return refused(run, vector)


def identity(seal, kind):
    """The claims that a writer begins with."""
    return ssc1.make_claims(
        kind,
        seal["context"],
        policy(seal["policy"]),
        seal["now"],
        bytes.fromhex(seal["sid"]),
        seal["created"],
        seal["class"],
        None if seal["user_id"] is None else seal["user_id"].encode(),
    )


def reference(vector):
    o, seal, expect = vector["open"], vector["seal"], vector["expect"]
    place = (o["context"], o["name"], ring(o), policy(o["policy"]), o["now"])
    also = former(o)
    inline = refusal(ssc1.open_token, vector["token"], "encrypted", *place, accept_also=also)
    opened = ssc1.open_reference(vector["token"], *place, also)
    seen = {"claims": claims_json(opened.claims), "handle": opened.handle.hex()}
    seen |= {k: getattr(opened, k) for k in ("needs_reseal", "needs_reissue")}
    wrong = ["inline"] * (inline != "wrong-kind") + [k for k in expect if seen[k] != expect[k]]
    root, handle, nonce = (bytes.fromhex(seal[k]) for k in ("root", "handle", "nonce"))
    claims = identity(seal, ssc1.REFERENCE)
    made = ssc1.seal_reference(root, seal["context"], seal["name"], claims, handle, nonce)
    return wrong + ["sealing"] * (vector["reproducible"] and made != vector["token"])


def record(vector):
    o, expect = vector["open"], vector["expect"]
    subject = o["subject"] and bytes.fromhex(o["subject"])
    # Of the reference's claims, only these three are looked at.
    claims = ssc1.Claims(*[None] * 7, bytes.fromhex(o["sid"]), None, subject)
    opened = ssc1.open_record(
        bytes.fromhex(vector["record"]),
        o["context"],
        o["name"],
        ring(o),
        o["now"],
        claims._replace(created=o["created"]),
        bytes.fromhex(o["handle"]),
        int(o["version"]),
        KINDS[o["type"]],
        o["schema"],
        o["max_record_bytes"],
        former(o),
    )
    wrong = opened_alike(opened, expect, o["type"])
    wrong += ["needs_reseal"] * (opened.needs_reseal != expect["needs_reseal"])
    seal, derived = vector["seal"], vector["derived"]
    root, handle, nonce, sid = (bytes.fromhex(seal[k]) for k in "root handle nonce sid".split())
    names, version = (seal["context"], seal["name"]), int(seal["version"])
    header, body = bytes.fromhex(vector["record"])[:41], bytes.fromhex(derived["body"])
    store_key = ssc1.sub_key(root, "store", *names)
    key = ssc1.expand(store_key, handle)
    made = {"kid": ssc1.kid(root), "store_key": store_key, "record_key": key}
    made |= {"row_key": ssc1.row_key(sid), "message_key": ssc1.message_key(key, header)}
    made |= {"claims": ssc1.pack_claims(opened.claims), "body": body}
    wrong += [k for k in derived if made[k].hex() != derived[k]]
    token = ssc1.wrap_record(root, *names, handle, version, nonce, opened.claims, body)
    wrong += ["wrap_record"] * (token.hex() != vector["record"])
    if vector["reproducible"]:
        claims, compression = identity(seal, ssc1.RECORD), seal["compression"]
        place = (root, *names, claims, handle, version, nonce, KINDS[o["type"]], compression)
        token = ssc1.seal_record(session(o["type"], seal["session"]["value"]), *place)
        wrong += ["sealing"] * (token.hex() != vector["record"])
    return wrong


def main():
    counts, failed = collections.Counter(), 0
    for path in sorted(VECTORS.glob("*.json")):
        vectors, here = json.loads(path.read_text("utf-8"))["vectors"], collections.Counter()
        for vector in vectors:
            run = {"keys": key_vector, "derivations": derivation, "records": stored}.get(path.stem)
            run = run or (accepted_token if vector["verdict"] == "accept" else rejected_token)
            try:
                wrong = run(vector)
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
