"""SSC1 in Python, written from docs/SPEC.md and docs/SPEC-STORE.md alone: a second reader and writer.

It shows that the pages are enough: tokens, auxiliary tokens, references, records, cookies. It is
for reading rather than for use: it is slow, and it trusts its caller. Section 8 is in postcard.py
and values.py, ring files (3.2) are in rings.py. Of a store there is only what needs no store.
"SPEC n" names a section. AES is that of pycryptodome; the vectors come from another one.
"""

import base64
import hashlib
import hmac
import re
import struct
import zlib
from collections import namedtuple

import postcard
from Crypto.Cipher import AES

LARGEST_VALUE = 4096
LARGEST_BODY = 65536
LARGEST_RECORD = 1 << 20
LAST_SECOND = 2**32 - 1
LONGEST_TIMEOUT = 34_560_000
TOLERANCE = 120
INLINE, REFERENCE, RECORD, RESERVED = range(4)
DEVICE, STAY, END, LAST_AUTH = 1, 2, 3, 4

# suite: first byte, purpose of the sub-key, bytes before the claims, bytes of the tag
Suite = namedtuple("Suite", "byte purpose header tag")
SUITES = {"encrypted": Suite(1, "seal", 41, 16), "signed": Suite(2, "sign", 17, 32)}
AUXILIARY = Suite(4, "aux", 41, 16)

Key = namedtuple("Key", "root seals_from opens_until")  # opens_until may be None
Timeouts = namedtuple("Timeouts", "idle absolute")  # a policy is a list of these
Former = namedtuple("Former", "context name until")
Type = namedtuple("Type", "kind schema shape")  # kind as in postcard.py
VALUES = Type("values", 0, 0xFFFF)
Claims = namedtuple(
    "Claims",
    "kind deflated padded lifetime created issued expires sid schema shape subject extensions",
)
Unread = namedtuple("Unread", "claims body needs_rekey needs_refresh")
Opened = namedtuple("Opened", "claims postcard session needs_rekey needs_refresh")


class Refused(Exception):
    """What is not opened or not sealed: str() is the category, or the writer's refusal."""

    def __init__(self, category, step=None):
        super().__init__(category)
        self.step = step


def check(holds, category, step=None):
    if not holds:
        raise Refused(category, step)


# SPEC 1.1, 2 and 3: text, primitives, keys


def to_text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_text(text, category="malformed", step=None):
    check(re.fullmatch("[A-Za-z0-9_-]*", text) and len(text) % 4 != 1, category, step)
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    check(to_text(data) == text, category, step)  # the unused bits are zero
    return data


def expand(key, info):
    return hmac.digest(key, info + b"\x01", "sha256")


def xaes(key, nonce):
    """The AES-256-GCM of one message."""
    block = AES.new(key, AES.MODE_ECB).encrypt
    k1 = int.from_bytes(block(bytes(16)), "big") << 1
    k1 = (k1 ^ 0x87) & (1 << 128) - 1 if k1 >> 128 else k1

    def half(i):
        message = bytes([0, i]) + b"X\0" + nonce[:12]
        return block((int.from_bytes(message, "big") ^ k1).to_bytes(16, "big"))

    return half(1) + half(2), nonce[12:]


def encrypt(key, nonce, aad, plaintext):
    message_key, iv = xaes(key, nonce)
    cipher = AES.new(message_key, AES.MODE_GCM, nonce=iv).update(aad)
    return b"".join(cipher.encrypt_and_digest(plaintext))


def decrypt(key, nonce, aad, sealed):
    """None if the tag is wrong."""
    message_key, iv = xaes(key, nonce)
    cipher = AES.new(message_key, AES.MODE_GCM, nonce=iv).update(aad)
    try:
        return cipher.decrypt_and_verify(sealed[:-16], sealed[-16:])
    except ValueError:
        return None


def counted(text):
    data = text.encode("utf-8")
    return struct.pack(">H", len(data)) + data


def kid(root):
    return expand(root, b"SSC1/kid")[:16]


def sub_key(root, purpose, context, name):
    return expand(root, b"SSC1/" + purpose.encode() + b"\0" + counted(context) + counted(name))


def subject(context, user_id):
    return hashlib.sha256(b"SSC1/subject\0" + counted(context) + user_id).digest()[:16]


def public_id(sid):
    """Also the row key, and the name of the session's revocation."""
    return hashlib.sha256(b"SSC1/store-id\0" + sid).digest()


def log_id(sid):
    return public_id(sid)[:8].hex()


def check_root(root):
    check(len(root) == 32, "encoding")
    check(len(set(root)) > 1, "not-random")
    return root


def key_from_text(text):
    check(text.startswith("ssc1_key_"), "prefix")
    return check_root(from_text(text[9:], "encoding"))


def key_to_text(root):
    return "ssc1_key_" + to_text(check_root(root))


def is_published(root):
    return root in [bytes(range(first, first + 32)) for first in range(0, 256, 32)]


def opens(key, now):
    return key.opens_until is None or key.opens_until > now


def sealing_key(ring, now):
    ready = [key for key in ring if opens(key, now) and key.seals_from <= now]
    return max(ready, key=lambda key: key.seals_from, default=None)


def opening_key(ring, data, now, step):
    """The key that the kid in bytes 1 to 17 names."""
    found = [key for key in ring if opens(key, now) and kid(key.root) == data[1:17]]
    check(found, "unknown-key", step)
    return found[0]


def is_superseded(key, ring, now):
    sealing = sealing_key(ring, now)
    return sealing is not None and sealing.seals_from > key.seals_from


# SPEC 1.2: layouts


def wrap(suite, root, context, name, caller_aad, nonce, plaintext):
    """The token's bytes. `nonce` is empty in the signed suite."""
    header = bytes([suite.byte]) + kid(root) + nonce
    check(len(header) == suite.header, "random")
    key = sub_key(root, suite.purpose, context, name)
    if suite.purpose == "sign":
        return header + plaintext + mac(key, caller_aad, header + plaintext)
    return header + encrypt(key, nonce, header + caller_aad, plaintext)


def mac(key, caller_aad, message):
    counted_aad = struct.pack(">Q", len(caller_aad)) + caller_aad
    return hmac.digest(key, counted_aad + message, "sha256")


def unwrap(suite, root, context, name, caller_aad, token):
    """The plaintext of a token whose tag is right, else None."""
    key = sub_key(root, suite.purpose, context, name)
    header, sealed = token[: suite.header], token[suite.header :]
    if suite.purpose != "sign":
        return decrypt(key, header[17:], header + caller_aad, sealed)
    right = hmac.compare_digest(token[-32:], mac(key, caller_aad, token[:-32]))
    return sealed[:-32] if right else None


# SPEC 4: claims


def pack_claims(claims):
    entries = [bytes([kind, len(value)]) + value for kind, value in claims.extensions]
    entries = b"".join(entries)
    flags = claims.kind | claims.deflated << 2 | claims.padded << 3 | claims.lifetime << 5
    flags |= (claims.subject is not None) << 4 | bool(entries) << 7
    fixed = struct.pack(">BIII", flags, claims.created, claims.issued, claims.expires)
    fixed += claims.sid + struct.pack(">HH", claims.schema, claims.shape)
    return fixed + (claims.subject or b"") + (bytes([len(entries)]) + entries if entries else b"")


def split_claims(plaintext, step):
    """Claims and BODY."""
    check(len(plaintext) >= 33, "malformed", step)
    flags, created, issued, expires, sid, schema, shape = struct.unpack(">BIII16sHH", plaintext[:33])
    at = 49 if flags & 16 else 33
    check(len(plaintext) >= at and created <= issued <= expires, "malformed", step)
    who, extensions = plaintext[33:at] or None, ()
    if flags & 128:
        check(len(plaintext) > at, "malformed", step)
        end = at + 1 + plaintext[at]
        check(plaintext[at] and len(plaintext) >= end, "malformed", step)
        extensions, at = split_extensions(plaintext[at + 1 : end], flags & 3, created, step), end
    head = (flags & 3, bool(flags & 4), bool(flags & 8), flags >> 5 & 3)
    return Claims(*head, created, issued, expires, sid, schema, shape, who, extensions), plaintext[at:]


def split_extensions(data, kind, created, step):
    found = []
    while data:
        check(len(data) >= 2 and len(data) >= 2 + data[1], "malformed", step)
        check(data[0] > (found[-1][0] if found else 0), "malformed", step)
        found.append((data[0], data[2 : 2 + data[1]]))
        data = data[2 + data[1] :]
    known = dict(found)
    if DEVICE in known:
        check(len(known[DEVICE]) == 33 and known[DEVICE][0] in (2, 3), "malformed", step)
    for each in (STAY, END, LAST_AUTH):
        check(len(known.get(each, bytes(4))) == 4, "malformed", step)
    check(STAY not in known or kind not in (REFERENCE, RECORD), "malformed", step)
    check(LAST_AUTH not in known or number(known[LAST_AUTH]) > created, "malformed", step)
    return tuple(found)


def number(data):
    return int.from_bytes(data, "big")


def check_known(claims, step):
    newer = claims.kind == RESERVED or any(kind > LAST_AUTH for kind, _ in claims.extensions)
    check(not newer, "unsupported", step)


# SPEC 5: time


def later(time, seconds):
    return min(time + seconds, LAST_SECOND)


def last(created, absolute, extensions):
    return min([later(created, absolute)] + [number(v) for kind, v in extensions if kind == END])


def deadlines(policy, lifetime, created, extensions, now):
    """`issued` and `expires` of a token sealed at `now`."""
    issued = max(now, created)
    check(issued <= later(now, TOLERANCE), "future")
    check(lifetime < len(policy), "class")
    idle, absolute = policy[lifetime]
    assert 1 <= idle <= absolute <= LONGEST_TIMEOUT
    expires = min(later(issued, idle), last(created, absolute, extensions))
    check(expires > issued, "expired")
    return issued, expires


def check_time(claims, policy, now):
    check(claims.lifetime < len(policy), "malformed", 10)
    idle, absolute = policy[claims.lifetime]
    check(max(claims.created, claims.issued) <= later(now, TOLERANCE), "not-yet-valid", 11)
    check(now < last(claims.created, absolute, claims.extensions), "expired-absolute", 12)
    check(now < claims.expires and now < later(claims.issued, idle), "expired-idle", 13)


def needs_refresh(claims, policy, now):
    idle, absolute = policy[claims.lifetime]
    lives_until = min(later(now, idle), last(claims.created, absolute, claims.extensions))
    return now - claims.issued >= -(-idle // 10) and lives_until > claims.expires


# SPEC 6: body


def inflate(data, limit, step):
    stream, content = zlib.decompressobj(-15), bytearray()
    # Byte by byte, because zlib gives no content when it finds an error further on. One byte
    # inflates to a kilobyte at most.
    for byte in data:
        try:
            content += stream.decompress(bytes([byte]))
        except zlib.error:
            raise Refused("malformed", step) from None
        check(len(content) <= limit, "too-large", step + 1)
    check(stream.eof and not stream.unused_data, "malformed", step)
    return bytes(content)


def deflate(data):
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return stream.compress(data) + stream.flush()


def pad(content, length):
    padded = struct.pack(">I", len(content)) + content
    return padded + bytes(length - len(padded))


def unpad(body, step):
    check(len(body) >= 4, "malformed", step)
    end = 4 + number(body[:4])
    check(end <= len(body) and not any(body[end:]), "malformed", step)
    return body[4:end]


def padded_length(length):
    needed = 4 + length
    step = max(512, (1 << (needed - 1).bit_length()) // 8)
    return -(-needed // step) * step


def make_body(encoded, compression, room):
    """BODY, and the flags deflated and padded."""
    if compression in ("in-store", "never") or compression == "when-needed" and len(encoded) <= room:
        check(len(encoded) <= room, "too-large")
        return encoded, False, False
    check(len(encoded) <= LARGEST_BODY, "too-large")  # no reader would inflate it
    stream = deflate(encoded)
    if compression == "always":
        body = min(encoded, stream, key=len)
        check(len(body) <= room, "too-large")
        return body, body is stream, False
    check(4 + len(stream) <= room, "too-large")
    return pad(stream, min(padded_length(len(stream)), room)), True, True


def read_body(claims, body, wanted, limit, step):
    """Steps 16 to 21, or 9 to 14 of a record: the postcard and the session."""
    body = unpad(body, step) if claims.padded else body
    body = inflate(body, limit, step + 1) if claims.deflated else body
    check(claims.schema <= wanted.schema, "unsupported", step + 3)
    shapes = {claims.shape, wanted.shape}
    alike = len(shapes) == 1 or 0 in shapes and VALUES.shape not in shapes
    check(claims.schema == wanted.schema and alike, "schema", step + 4)
    try:
        return body, postcard.decode(wanted.kind, body)
    except ValueError:
        raise Refused("schema", step + 5) from None


# SPEC 7: opening, and its reverse


def pairs(context, name, accept_also, now):
    former = [(also.context, also.name) for also in accept_also if also.until > now]
    return [(context, name)] + former


def open_frame(text, suite, least, context, name, ring, now, caller_aad, accept_also):
    """Steps 1 to 8: the plaintext, and whether to re-key."""
    data = text.encode("utf-8")
    check(data, "absent", 1)
    check(len(data) <= LARGEST_VALUE, "too-large", 2)
    check(len(data) >= 24, "malformed", 3)
    head = from_text(data[:24].decode("latin-1"), step=3)
    check(head[0] == suite.byte, "wrong-suite", 4)
    key = opening_key(ring, head, now, 5)
    token = from_text(text, step=6)
    check(len(token) >= suite.header + least + suite.tag, "malformed", 7)
    for place, pair in enumerate(pairs(context, name, accept_also, now)):
        plaintext = unwrap(suite, key.root, *pair, caller_aad, token)
        if plaintext is not None:
            return plaintext, place > 0 or is_superseded(key, ring, now)
    raise Refused("not-authentic", 8)


def open_unread(text, suite, context, name, ring, policy, now, caller_aad=b"", accept_also=()):
    """Steps 1 to 14."""
    place = (context, name, ring, now, caller_aad, accept_also)
    plaintext, rekey = open_frame(text, SUITES[suite], 33, *place)
    claims, body = split_claims(plaintext, 9)
    check_time(claims, policy, now)
    check_known(claims, 14)
    return Unread(claims, body, rekey, needs_refresh(claims, policy, now))


def open_token(text, suite, context, name, ring, policy, now, wanted=VALUES, caller_aad=b"",
               accept_also=()):
    place = (suite, context, name, ring, policy, now, caller_aad, accept_also)
    claims, body, *needs = open_unread(text, *place)
    check(claims.kind == INLINE, "wrong-kind", 15)
    return Opened(claims, *read_body(claims, body, wanted, LARGEST_BODY, 16), *needs)


def make_claims(kind, context, policy, now, sid, wanted, created=None, lifetime=0, user_id=None,
                extensions=()):
    created = now if created is None else created
    times = (created, *deadlines(policy, lifetime, created, extensions, now))
    who = None if user_id is None else subject(context, user_id)
    kept = tuple(each for each in extensions if each[0] != STAY or kind == INLINE)
    return Claims(kind, False, False, lifetime, *times, sid, wanted.schema, wanted.shape, who, kept)


def seal_token(session, suite, context, name, ring, policy, now, random, wanted=VALUES,
               created=None, lifetime=0, user_id=None, extensions=(), caller_aad=b"",
               compression="in-store", limit=LARGEST_VALUE):
    """The token's text. `random` are 16 bytes of sid and 24 (signed: 0) of nonce."""
    who = (random[:16], wanted, created, lifetime, user_id, extensions)
    claims = make_claims(INLINE, context, policy, now, *who)
    kind = SUITES[suite]
    frame = kind.header + len(pack_claims(claims)) + kind.tag
    room = 3 * (limit - len(name.encode("utf-8"))) // 4 - frame
    try:
        encoded = postcard.encode(wanted.kind, session)
    except ValueError:
        raise Refused("encoding") from None
    body, deflated, padded = make_body(encoded, compression, room)
    plaintext = pack_claims(claims._replace(deflated=deflated, padded=padded)) + body
    key = sealing_key(ring, now)
    check(key, "no-key")
    nonce = random[16:40] if suite == "encrypted" else b""
    return to_text(wrap(kind, check_root(key.root), context, name, caller_aad, nonce, plaintext))


# SPEC 7.3: several cookies


def open_cookies(lines, suite, context, name, ring, policy, now, wanted=VALUES, caller_aad=b"",
                 accept_also=()):
    """The value that counts."""
    place = (suite, context, name, ring, policy, now, caller_aad, accept_also)
    refusals, unsupported, opened, may_be_planted, too_many = [], [], [], False, False
    former = [also.name for also in accept_also if also.until > now]
    for names in ([name], dict.fromkeys(former)):
        if opened or unsupported:
            break
        for each in names:
            found = list(cookie_values(lines, each))
            may_be_planted |= bool(found) and not each.startswith("__Host-")
            too_many |= len(found) > 4
            for value in filter(None, found[:4]):
                try:
                    opened.append((open_inline(value, *place), value))
                except Refused as refused:
                    refusals.append(refused)
                    if str(refused) == "unsupported" and (each == name or each.startswith("__Host-")):
                        unsupported.append(refused)
    if not opened:
        raise (unsupported + refusals + [Refused("absent")])[0]
    several = too_many or len({unread.claims.sid for unread, _ in opened}) > 1
    check(not (may_be_planted and several), "ambiguous")
    unread, value = max(opened, key=lambda each: each[0].claims.issued)
    read_body(unread.claims, unread.body, wanted, LARGEST_BODY, 16)
    return value


def open_inline(text, *place):
    unread = open_unread(text, *place)
    check(unread.claims.kind == INLINE, "wrong-kind", 15)
    return unread


def cookie_values(lines, name):
    """All values of the cookie of that name, except those with bytes that no value has."""
    for pair in ";".join(lines).split(";"):
        key, equals, value = pair.partition("=")
        value = value.strip(" \t")
        named = equals and key.strip(" \t") == name and len(pair.strip(" \t")) <= 8192
        if named and re.fullmatch(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*", value):
            yield value


# SPEC 9: auxiliary tokens

AUX_FIELDS = {1: {"id": 16, "dev": 16}, 2: {"id": 16}, 3: {"dev": 16}, 4: {"id": 16, "key": 33}}


def open_auxiliary(text, context, name, ring, now, accept_also=()):
    aux, _ = open_frame(text, AUXILIARY, 9, context, name, ring, now, b"", accept_also)
    kind, issued, expires = struct.unpack(">BII", aux[:9])
    found, at = {"type": kind, "issued": issued, "expires": expires}, 9
    check(issued <= expires, "malformed", 9)
    for field, size in AUX_FIELDS.get(kind, {}).items():
        found[field], at = aux[at : at + size], at + size
    if kind in AUX_FIELDS:
        check(len(aux) == at and found.get("key", b"\2")[0] in (2, 3), "malformed", 10)
    check(issued <= later(now, TOLERANCE), "not-yet-valid", 11)
    check(now < expires, "expired-idle", 12)
    check(kind in AUX_FIELDS, "unsupported", 13)
    return found


# SPEC-STORE: references, records, revocations


def subject_revocation(subject):
    return hashlib.sha256(b"SSC1/subject-id\0" + subject).digest()


def merged(new, old):
    return max(new, old, min(later(old, 1), later(new, 120)))


def open_reference(text, context, name, ring, policy, now, accept_also=()):
    place = ("encrypted", context, name, ring, policy, now, b"", accept_also)
    unread = open_unread(text, *place)
    claims = unread.claims
    fits = claims.kind == REFERENCE and not claims.deflated and not claims.padded
    check(fits and len(unread.body) == 32, "wrong-kind", 15)
    return unread


def seal_reference(root, context, name, claims, handle, nonce):
    kept = tuple(each for each in claims.extensions if each[0] != STAY)
    claims = claims._replace(kind=REFERENCE, schema=0, shape=0, extensions=kept)
    plaintext = pack_claims(claims) + handle
    return to_text(wrap(SUITES["encrypted"], check_root(root), context, name, b"", nonce, plaintext))


def record_key(root, context, name, handle):
    return expand(sub_key(root, "store", context, name), handle)


def record_aad(header, sid, version):
    return header + public_id(sid) + struct.pack(">Q", version)


def wrap_record(root, context, name, handle, version, nonce, claims, body):
    header, key = b"\x03" + kid(root) + nonce, record_key(root, context, name, handle)
    return header + encrypt(key, nonce, record_aad(header, claims.sid, version), pack_claims(claims) + body)


def seal_record(session, root, context, name, claims, handle, version, nonce, kind="values",
                compression="in-store", limit=LARGEST_RECORD):
    content = postcard.encode(kind, session)
    check(len(content) <= limit, "too-large")
    shorten = compression != "never" and len(content) >= 4096
    stream = deflate(content) if shorten else content
    deflated = len(stream) < len(content)
    content = stream if deflated else content
    kept = tuple(each for each in claims.extensions if each[0] != STAY)
    claims = claims._replace(kind=RECORD, deflated=deflated, padded=True, extensions=kept)
    body = pad(content, padded_length(len(content)))
    return wrap_record(check_root(root), context, name, handle, version, nonce, claims, body)


def open_record(data, context, name, ring, now, reference, handle, version, wanted=VALUES,
                limit=LARGEST_RECORD, accept_also=()):
    """`reference` are the claims of the reference, whose times have been checked."""
    check(len(data) >= 17, "malformed", 1)
    check(data[0] == 3, "wrong-suite", 2)
    key, plaintext = opening_key(ring, data, now, 3), None
    check(len(data) >= 57, "not-authentic", 4)
    for pair in pairs(context, name, accept_also, now):
        aad = record_aad(data[:41], reference.sid, version)
        plaintext = decrypt(record_key(key.root, *pair, handle), data[17:41], aad, data[41:])
        if plaintext is not None:
            break
    check(plaintext is not None, "not-authentic", 4)
    claims, body = split_claims(plaintext, 5)
    check_known(claims, 6)
    check(claims.kind == RECORD, "wrong-kind", 7)
    who = [(each.sid, each.created, each.subject) for each in (claims, reference)]
    check(who[0] == who[1], "not-authentic", 8)
    rekey = is_superseded(key, ring, now) or pair != (context, name)
    return Opened(claims, *read_body(claims, body, wanted, limit, 9), rekey, False)
