"""SSC1 in Python, written from docs/SPEC.md alone: a second reader and writer.

It shows that the page is enough. It makes every check on tokens, references, records and
their times. Ring files (SPEC 3.1) are in rings.py; rows and the list of revocations (10.2,
10.5) are a store's affair and not here. It is for reading rather than for use: it is slow, and it trusts its caller.
"SPEC n" names a section of the page; section 8 is in postcard.py.
"""

import base64
import hashlib
import hmac
import re
import struct
import zlib
from collections import namedtuple

import postcard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

LARGEST_VALUE = 4096
LARGEST_BODY = 65536
LARGEST_RECORD = 1 << 20
LAST_SECOND = 2**32 - 1
LONGEST_TIMEOUT = 34_560_000
TOLERANCE = 120
INLINE, REFERENCE, RECORD = 0, 1, 2

# suite: first byte, purpose of the sub-key, bytes before the claims, bytes of the tag
Suite = namedtuple("Suite", "byte purpose header tag")
SUITES = {"encrypted": Suite(1, "seal", 41, 16), "signed": Suite(2, "sign", 17, 32)}

Key = namedtuple("Key", "root seals_from opens_until")  # opens_until may be None
Timeouts = namedtuple("Timeouts", "idle absolute")  # a policy is a list of these
Former = namedtuple("Former", "context name until")
Claims = namedtuple(
    "Claims", "kind deflated padded lifetime created issued expires sid schema subject"
)
Opened = namedtuple("Opened", "claims postcard session needs_reseal needs_reissue")
Reference = namedtuple("Reference", "claims handle needs_reseal needs_reissue")


class Refused(Exception):
    """A token that is not opened or a session that is not sealed; str() is the category."""


def check(holds, category):
    if not holds:
        raise Refused(category)


# SPEC 1.1 and 3: text, keys


def to_text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_text(text, category="malformed"):
    check(re.fullmatch("[A-Za-z0-9_-]*", text) and len(text) % 4 != 1, category)
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    check(to_text(data) == text, category)  # the unused bits are zero
    return data


def expand(key, info):
    return hmac.digest(key, info + b"\x01", "sha256")


def counted(text):
    data = text.encode("utf-8")
    return struct.pack(">H", len(data)) + data


def kid(root):
    return expand(root, b"SSC1/kid")[:16]


def sub_key(root, purpose, context, name):
    return expand(root, b"SSC1/" + purpose.encode() + b"\0" + counted(context) + counted(name))


def message_key(key, header):
    return expand(key, header + b"ek")


def subject(context, user_id):
    return hashlib.sha256(b"SSC1/subject\0" + counted(context) + user_id).digest()[:8]


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


def opening_key(ring, data, now):
    """The key that the kid in bytes 1 to 17 names."""
    found = [key for key in ring if opens(key, now) and kid(key.root) == data[1:17]]
    check(found, "unknown-key")
    return found[0]


def is_superseded(key, ring, now):
    sealing = sealing_key(ring, now)
    return sealing is None or key.seals_from < sealing.seals_from


# SPEC 1.2: layouts


def wrap(suite, root, context, name, caller_aad, nonce, plaintext):
    """The token, in bytes, of CLAIMS || BODY. `nonce` is empty in the signed suite."""
    suite = SUITES[suite]
    header = bytes([suite.byte]) + kid(root) + nonce
    check(len(header) == suite.header, "nonce")
    key = sub_key(root, suite.purpose, context, name)
    if suite.purpose == "seal":
        cipher = AESGCM(message_key(key, header))
        return header + cipher.encrypt(nonce[12:], plaintext, header + caller_aad)
    return header + plaintext + mac(key, caller_aad, header + plaintext)


def mac(key, caller_aad, message):
    counted_aad = struct.pack(">Q", len(caller_aad)) + caller_aad
    return hmac.digest(key, counted_aad + message, "sha256")


def unwrap(suite, root, context, name, caller_aad, token):
    """CLAIMS || BODY of a token whose tag is right, else None."""
    suite = SUITES[suite]
    key = sub_key(root, suite.purpose, context, name)
    if suite.purpose == "seal":
        header, sealed = token[: suite.header], token[suite.header :]
        cipher = AESGCM(message_key(key, header))
        try:
            return cipher.decrypt(header[29:41], sealed, header + caller_aad)
        except InvalidTag:
            return None
    message, tag = token[: -suite.tag], token[-suite.tag :]
    right = hmac.compare_digest(tag, mac(key, caller_aad, message))
    return message[suite.header :] if right else None


# SPEC 4: claims


def pack_claims(claims):
    flags = claims.kind | claims.deflated << 2 | claims.padded << 3 | claims.lifetime << 5
    flags |= (claims.subject is not None) << 4
    fixed = struct.pack(">BIII", flags, claims.created, claims.issued, claims.expires)
    return fixed + claims.sid + struct.pack(">H", claims.schema) + (claims.subject or b"")


def split_claims(plaintext):
    """Claims and BODY."""
    check(len(plaintext) >= 31, "malformed")
    flags, created, issued, expires, sid, schema = struct.unpack(">BIII16sH", plaintext[:31])
    end = 39 if flags & 16 else 31
    check(len(plaintext) >= end and not flags & 128 and flags & 3 != 3, "malformed")
    check(created <= issued <= expires, "malformed")
    deflated, padded, lifetime = bool(flags & 4), bool(flags & 8), flags >> 5 & 3
    times = (created, issued, expires)
    head = (flags & 3, deflated, padded, lifetime)
    return Claims(*head, *times, sid, schema, plaintext[31:end] or None), plaintext[end:]


# SPEC 5: time


def later(time, seconds):
    return min(time + seconds, LAST_SECOND)


def deadlines(policy, lifetime, created, now):
    """`issued` and `expires` of a token sealed at `now`."""
    check(lifetime < len(policy), "lifetime")
    idle, absolute = policy[lifetime]
    check(1 <= idle <= absolute <= LONGEST_TIMEOUT, "policy")
    issued = max(now, created)
    expires = min(later(issued, idle), later(created, absolute))
    check(issued <= later(now, TOLERANCE) and expires > now, "clock")
    return issued, expires


def check_time(claims, policy, now):
    check(claims.lifetime < len(policy), "malformed")
    idle, absolute = policy[claims.lifetime]
    check(max(claims.created, claims.issued) <= later(now, TOLERANCE), "not-yet-valid")
    check(now < later(claims.created, absolute), "expired-absolute")
    check(now < claims.expires and now < later(claims.issued, idle), "expired-idle")


def needs_reissue(claims, policy, now):
    idle, absolute = policy[claims.lifetime]
    lives_until = min(later(now, idle), later(claims.created, absolute))
    return now - claims.issued >= -(-idle // 10) and lives_until > claims.expires


# SPEC 6: body


def inflate(data, limit=LARGEST_BODY):
    stream, content = zlib.decompressobj(-15), bytearray()
    # Byte by byte, because zlib gives no content when it finds an error further on. One byte
    # inflates to a kilobyte at most.
    for byte in data:
        try:
            content += stream.decompress(bytes([byte]))
        except zlib.error:
            raise Refused("malformed") from None
        check(len(content) <= limit, "too-large")
    check(stream.eof and not stream.unused_data, "malformed")
    return bytes(content)


def deflate(data):
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return stream.compress(data) + stream.flush()


def pad(content, length):
    padded = struct.pack(">I", len(content)) + content
    return padded + bytes(length - len(padded))


def unpad(body):
    check(len(body) >= 4, "malformed")
    end = 4 + struct.unpack(">I", body[:4])[0]
    check(end <= len(body) and not any(body[end:]), "malformed")
    return body[4:end]


def padded_length(length):
    needed = 4 + length
    step = max(512, (1 << (needed - 1).bit_length()) // 8)
    return -(-needed // step) * step


def make_body(encoded, compression, room):
    """BODY, and the flags deflated and padded."""
    check(len(encoded) <= LARGEST_BODY, "too-large")  # nobody could open it
    if compression == "never" or compression == "when-needed" and len(encoded) <= room:
        check(len(encoded) <= room, "too-large")
        return encoded, False, False
    stream = deflate(encoded)
    if compression == "always":
        body = min(encoded, stream, key=len)
        check(len(body) <= room, "too-large")
        return body, body is stream, False
    check(4 + len(stream) <= room, "too-large")
    return pad(stream, min(padded_length(len(stream)), room)), True, True


# SPEC 7: opening, and its reverse


def pairs(context, name, accept_also, now):
    former = [(also.context, also.name) for also in accept_also if also.until > now]
    return [(context, name)] + former


def open_unread(text, suite, context, name, ring, policy, now, caller_aad=b"", accept_also=()):
    """Steps 1 to 13: the claims, BODY as it stands, and whether to seal or issue anew."""
    check(text != "", "absent")
    check(len(text.encode("utf-8")) <= LARGEST_VALUE, "too-large")
    check(len(text) >= 24, "malformed")
    head = from_text(text[:24])
    check(head[0] == SUITES[suite].byte, "wrong-suite")
    key = opening_key(ring, head, now)
    token = from_text(text)
    check(len(token) >= SUITES[suite].header + 31 + SUITES[suite].tag, "malformed")
    for place, pair in enumerate(pairs(context, name, accept_also, now)):
        plaintext = unwrap(suite, key.root, *pair, caller_aad, token)
        if plaintext is not None:
            break
    check(plaintext is not None, "not-authentic")
    claims, body = split_claims(plaintext)
    check_time(claims, policy, now)
    reseal = place > 0 or is_superseded(key, ring, now)
    return claims, body, reseal, needs_reissue(claims, policy, now)


def read_body(claims, body, kind, schema, limit=LARGEST_BODY):
    """Steps 16 to 20: the postcard and the session."""
    body = unpad(body) if claims.padded else body
    body = inflate(body, limit) if claims.deflated else body
    check(claims.schema == schema, "schema")
    try:
        return body, postcard.decode(kind, body)
    except ValueError:
        raise Refused("schema") from None


def open_token(
    text, suite, context, name, ring, policy, now, kind="values", schema=0,
    caller_aad=b"", accept_also=(),
):  # fmt: skip
    claims, body, *needs = open_unread(
        text, suite, context, name, ring, policy, now, caller_aad, accept_also
    )
    check(claims.kind == INLINE, "wrong-kind")
    return Opened(claims, *read_body(claims, body, kind, schema), *needs)


def make_claims(
    kind, context, policy, now, sid, created=None, lifetime=0, user_id=None, schema=0,
    deflated=False, padded=False,
):  # fmt: skip
    created = now if created is None else created
    times = (created, *deadlines(policy, lifetime, created, now))
    who = None if user_id is None else subject(context, user_id)
    return Claims(kind, deflated, padded, lifetime, *times, sid, schema, who)


def seal_token(
    session, suite, context, name, root, policy, now, sid, nonce=b"", created=None,
    lifetime=0, user_id=None, kind="values", schema=0, caller_aad=b"",
    compression="when-needed", limit=LARGEST_VALUE,
):  # fmt: skip
    """The token's text. `sid` and `nonce` are 16 and 24 (signed: 0) random bytes."""
    claims = make_claims(INLINE, context, policy, now, sid, created, lifetime, user_id, schema)
    frame = SUITES[suite].header + len(pack_claims(claims)) + SUITES[suite].tag
    room = 3 * (limit - len(name.encode("utf-8"))) // 4 - frame
    body, deflated, padded = make_body(postcard.encode(kind, session), compression, room)
    claims = claims._replace(deflated=deflated, padded=padded)
    plaintext = pack_claims(claims) + body
    return to_text(wrap(suite, check_root(root), context, name, caller_aad, nonce, plaintext))


# SPEC 10: references, records, revocations


def row_key(sid):
    """Also the name of the session's revocation."""
    return hashlib.sha256(b"SSC1/store-id\0" + sid).digest()


def subject_revocation(subject):
    return hashlib.sha256(b"SSC1/subject-id\0" + subject).digest()


def open_reference(text, context, name, ring, policy, now, accept_also=()):
    claims, body, *needs = open_unread(
        text, "encrypted", context, name, ring, policy, now, accept_also=accept_also
    )
    check(claims.kind == REFERENCE and not claims.deflated and not claims.padded, "wrong-kind")
    check(len(body) == 32, "wrong-kind")
    return Reference(claims, body, *needs)


def seal_reference(root, context, name, claims, handle, nonce):
    plaintext = pack_claims(claims._replace(kind=REFERENCE)) + handle
    return to_text(wrap("encrypted", check_root(root), context, name, b"", nonce, plaintext))


def record_cipher(root, context, name, handle, version, sid, header):
    key = expand(sub_key(root, "store", context, name), handle)
    aad = header + row_key(sid) + struct.pack(">Q", version)
    return AESGCM(message_key(key, header)), header[29:41], aad


def wrap_record(root, context, name, handle, version, nonce, claims, body):
    header = b"\x03" + kid(root) + nonce
    cipher, iv, aad = record_cipher(root, context, name, handle, version, claims.sid, header)
    return header + cipher.encrypt(iv, pack_claims(claims) + body, aad)


def seal_record(
    session, root, context, name, claims, handle, version, nonce, kind="values",
    compression="when-needed", limit=LARGEST_RECORD,
):  # fmt: skip
    content = postcard.encode(kind, session)
    check(len(content) <= limit, "too-large")
    stream = content if compression == "never" else deflate(content)
    deflated = len(stream) < len(content)
    content = stream if deflated else content
    claims = claims._replace(kind=RECORD, deflated=deflated, padded=True)
    body = pad(content, padded_length(len(content)))
    return wrap_record(check_root(root), context, name, handle, version, nonce, claims, body)


def open_record(
    data, context, name, ring, now, reference, handle, version, kind="values", schema=0,
    limit=LARGEST_RECORD, accept_also=(),
):  # fmt: skip
    """`reference` are the claims of the reference, whose times have been checked."""
    check(len(data) >= 17, "malformed")
    check(data[0] == 3, "wrong-suite")
    key, plaintext = opening_key(ring, data, now), None
    check(len(data) >= 41 + 16, "not-authentic")
    for pair in pairs(context, name, accept_also, now):
        place = (key.root, *pair, handle, version, reference.sid, data[:41])
        cipher, iv, aad = record_cipher(*place)
        try:
            plaintext = cipher.decrypt(iv, data[41:], aad)
            break
        except InvalidTag:
            pass
    check(plaintext is not None, "not-authentic")
    claims, body = split_claims(plaintext)
    check(claims.kind == RECORD, "wrong-kind")
    who = [(each.sid, each.created, each.subject) for each in (claims, reference)]
    check(who[0] == who[1], "not-authentic")
    reseal = is_superseded(key, ring, now) or pair != (context, name)
    return Opened(claims, *read_body(claims, body, kind, schema, limit), reseal, False)
