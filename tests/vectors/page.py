"""SPEC.md as a program: what `generate.py` makes the vectors of. It shares no code with the library.

Needs the package `cryptography` for AES; all else is Python's standard library. The small encoder
makes the deflate streams, so that they depend on no version of zlib, which only checks them.
"""

import base64
import hashlib
import hmac
import pathlib
import re
import struct
import zlib

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "SPEC.md"
LAST = 2**32 - 1

# --- SPEC 2 and 3: primitives and keys ------------------------------------------------------


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


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b, strict=True))


def aes(key):
    """AES-256 of one block."""
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update


def gcm(key, iv, aad, plaintext):
    return AESGCM(key).encrypt(iv, plaintext, aad)


def xaes_parts(key, nonce):
    """L, K1, M1, M2 and Kx of SPEC 2."""
    block = aes(key)
    left = block(bytes(16))
    doubled = int.from_bytes(left, "big") << 1
    k1 = (doubled & (1 << 128) - 1).to_bytes(16, "big")
    k1 = k1[:15] + bytes([k1[15] ^ 0x87]) if doubled >> 128 else k1
    m1, m2 = (bytes([0, i, 0x58, 0]) + nonce[:12] for i in (1, 2))
    return {"l": left, "k1": k1, "m1": m1, "m2": m2, "kx": block(xor(m1, k1)) + block(xor(m2, k1))}


def xaes(key, nonce, aad, plaintext):
    return gcm(xaes_parts(key, nonce)["kx"], nonce[12:], aad, plaintext)


def root_of(start):
    """One of the eight published roots."""
    return bytes(range(start, start + 32))


def kid_of(root):
    return expand(root, b"SSC1/kid")[:16]


def counted(text):
    return u16(len(text.encode())) + text.encode()


def sub_key(root, purpose, ctx, name):
    return expand(root, b"SSC1/" + purpose.encode() + b"\0" + counted(ctx) + counted(name))


def key_text(root):
    return "ssc1_key_" + b64(root)


# --- SPEC 1.2: layouts ------------------------------------------------------------------------

PURPOSES = {"encrypted": "seal", "signed": "sign"}


def encrypt(key, suite, kid, nonce, extra, plaintext):
    header = bytes([suite]) + kid + nonce
    return header + xaes(key, nonce, header + extra, plaintext)


def sign(key, kid, aad, content):
    message = b"\x02" + kid + content
    return message + mac(key, u64(len(aad)) + aad + message)


# --- SPEC 4: claims ---------------------------------------------------------------------------


def subject_of(ctx, user_id):
    return sha256(b"SSC1/subject\0", counted(ctx), user_id.encode())[:16]


def revocation_of(subject):
    return sha256(b"SSC1/subject-id\0", subject)


def public_id(sid):
    """Also the row key, and the name of the session's revocation."""
    return sha256(b"SSC1/store-id\0", sid)


def extension_bytes(extensions):
    entries = b"".join(bytes([t, len(v) // 2]) + bytes.fromhex(v) for t, v in extensions)
    return bytes([len(entries)]) + entries


def claims_bytes(c):
    """`raw_extensions`, in hexadecimal, take the place of what a writer would make."""
    extensions = extension_bytes(c["extensions"]) if c["extensions"] else b""
    if "raw_extensions" in c:
        extensions = bytes.fromhex(c["raw_extensions"])
    flags = c["kind"] | c["deflated"] << 2 | c["padded"] << 3 | c["class"] << 5
    flags |= (c["subject"] is not None) << 4 | (extensions != b"") << 7
    out = bytes([flags]) + u32(c["created"]) + u32(c["issued"]) + u32(c["expires"])
    out += bytes.fromhex(c["sid"]) + u16(c["schema"]) + u16(c["shape"])
    return out + bytes.fromhex(c["subject"] or "") + extensions


# --- SPEC 8.1: postcard -----------------------------------------------------------------------


def varint(n):
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes(out) + bytes([n])


def zigzag(n):
    return 2 * n if n >= 0 else -2 * n - 1


def text(t):
    return varint(len(t.encode())) + t.encode()


def example_bytes(e):
    """The struct `Example` of README.md."""
    out = bytes([e["flag"], e["u8"], e["i8"] & 0xFF])
    out += b"".join(varint(int(e[k])) for k in ("u16", "u32", "u64", "u128"))
    out += b"".join(varint(zigzag(int(e[k]))) for k in ("i16", "i32", "i64", "i128"))
    out += struct.pack("<f", e["f32"]) + struct.pack("<d", e["f64"])
    out += text(e["char"]) + text(e["string"])
    out += varint(len(e["sequence"])) + b"".join(map(varint, e["sequence"]))
    out += b"".join(b"\0" if e[k] is None else b"\1" + varint(e[k]) for k in ("some", "none"))
    out += bytes([e["tuple"][0]]) + text(e["tuple"][1]) + varint(len(e["map"]))
    out += b"".join(text(k) + varint(v) for k, v in e["map"].items()) + varint(len(e["shapes"]))
    for shape in e["shapes"]:
        ((variant, v),) = ({shape: None} if isinstance(shape, str) else shape).items()
        out += {
            "Point": lambda v: b"\0",
            "Circle": lambda v: b"\1" + varint(v),
            "Pair": lambda v: b"\2" + varint(v[0]) + varint(v[1]),
            "Named": lambda v: b"\3" + text(v["name"]),
        }[variant](v)
    return out


def session_bytes(session):
    kind, v = session["type"], session["value"]
    if isinstance(v, dict) and "repeat" in v:
        v = v["repeat"][0] * v["repeat"][1]
    if kind == "unit":
        return b""
    if kind == "bytes":
        return varint(len(v) // 2) + bytes.fromhex(v)
    if kind == "text":
        return text(v)
    if kind == "values":
        return values_bytes(unnoted({"map": v}))
    return example_bytes(v)


# --- SPEC 8.2: Values -------------------------------------------------------------------------

TABLE = re.search(r"from this block. -->\n```\n(.*?)\n```", PAGE.read_text("utf-8"), re.S)
TABLE = [name for name in TABLE[1].split() if not name.isdigit()]
assert len(set(TABLE)) == 128


def head(major, n):
    if n < 24:
        return bytes([major << 5 | n])
    size = next(i for i in range(4) if n < 1 << (8 << i))
    return bytes([major << 5 | 24 + size]) + n.to_bytes(1 << size, "big")


def cbor_bytes(data):
    return head(2, len(data)) + data


def cbor_text(t):
    return head(3, len(t.encode())) + t.encode()


def from_base64url(t):
    if not re.fullmatch("[A-Za-z0-9_-]*", t) or len(t) % 4 == 1:
        return None
    data = base64.urlsafe_b64decode(t + "=" * (-len(t) % 4))
    return data if b64(data) == t else None


def text_forms(t):
    """Every form of a text that a reader accepts, in the order in which a writer prefers them."""
    yield cbor_text(t)
    data = from_base64url(t)
    if data is not None and len(data) >= 16:
        yield head(6, 21) + cbor_bytes(data)
    if re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", t):
        yield head(6, 37) + cbor_bytes(bytes.fromhex(t.replace("-", "")))
    if re.fullmatch("([0-9a-f]{2}){8,}", t):
        yield head(6, 47888) + cbor_bytes(bytes.fromhex(t))
    parts = [from_base64url(part) for part in t.split(".")]
    if len(parts) == 3 and all(parts):
        yield head(6, 47889) + head(4, 3) + b"".join(map(cbor_bytes, parts))


def float_bytes(x):
    for lead, form in ((0xF9, ">e"), (0xFA, ">f"), (0xFB, ">d")):
        try:
            data = struct.pack(form, x)
        except OverflowError:
            continue
        if struct.unpack(form, data)[0] == x:
            return bytes([lead]) + data


def cbor(v):
    if v is None or isinstance(v, bool):
        return {None: b"\xf6", False: b"\xf4", True: b"\xf5"}[v]
    if isinstance(v, int):
        return head(0, v) if v >= 0 else head(1, -1 - v)
    if isinstance(v, float):
        return float_bytes(v)
    if isinstance(v, str):
        return min(text_forms(v), key=len)
    if isinstance(v, bytes):
        return cbor_bytes(v)
    if isinstance(v, dict):
        return cbor_map(v, {})
    rows, out = {}, head(4, len(v))
    for element in v:
        if isinstance(element, dict):
            out += cbor_map(element, rows)
            for key in in_order(element):
                rows.setdefault(key, len(rows))
        else:
            out += cbor(element)
    return out


def in_order(entries):
    return sorted(entries, key=lambda key: key.encode())


def cbor_map(entries, rows):
    out = head(5, len(entries))
    for key in in_order(entries):
        forms = [head(0, TABLE.index(key))] if key in TABLE else []
        forms += [head(1, rows[key])] if key in rows else []
        out += min(forms + [cbor_text(key)], key=len) + cbor(entries[key])
    return out


def values_bytes(v):
    return varint(len(cbor(v))) + cbor(v)


def noted(v):
    """A value in the notation of README.md."""
    if isinstance(v, bool) or v is None:
        return v
    if isinstance(v, int):
        return {"int": str(v)}
    if isinstance(v, float):
        return {"float": struct.pack(">d", v).hex()}
    if isinstance(v, bytes):
        return {"bytes": v.hex()}
    if isinstance(v, str):
        return {"repeat": [v[0], len(v)]} if len(v) > 99 and len(set(v)) == 1 else v
    levels, inner = 0, v
    if isinstance(v, dict):
        while isinstance(inner, dict) and list(inner) == [""]:
            levels, inner = levels + 1, inner[""]
        if levels > 9:
            return {"nest-map": [levels, noted(inner)]}
        return {"map": {key: noted(each) for key, each in v.items()}}
    while isinstance(inner, list) and len(inner) == 1:
        levels, inner = levels + 1, inner[0]
    return {"nest": [levels, noted(inner)]} if levels > 9 else [noted(each) for each in v]


def unnoted(v):
    if isinstance(v, list):
        return [unnoted(inner) for inner in v]
    if not isinstance(v, dict):
        return v
    ((kind, inner),) = v.items()
    if kind in ("nest", "nest-map"):
        levels, inner = inner[0], unnoted(inner[1])
        for _ in range(levels):
            inner = [inner] if kind == "nest" else {"": inner}
        return inner
    return {
        "int": int,
        "float": lambda bits: struct.unpack(">d", bytes.fromhex(bits))[0],
        "bytes": bytes.fromhex,
        "repeat": lambda pair: pair[0] * pair[1],
        "map": lambda entries: {key: unnoted(v) for key, v in entries.items()},
    }[kind](inner)


# --- SPEC 6: body -----------------------------------------------------------------------------


def pad(content, size):
    return (u32(len(content)) + content).ljust(size, b"\0")


def padded_size(length, room=1 << 32):
    need = length + 4
    step = max(512, (1 << (need - 1).bit_length()) // 8)
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
        eights = (self.bits[at : at + 8] for at in range(0, len(self.bits), 8))
        return bytes(sum(bit << i for i, bit in enumerate(eight)) for eight in eights)


LENGTHS = [(257 + i, 3 + i, 0) for i in range(8)]
for _extra in range(1, 6):
    for _ in range(4):
        LENGTHS.append((LENGTHS[-1][0] + 1, LENGTHS[-1][1] + (1 << LENGTHS[-1][2]), _extra))
LENGTHS[-1] = (284, 227, 5)
LENGTHS.append((285, 258, 0))
DISTANCES = [(i, 1 + i, 0) for i in range(4)]
for _extra in range(1, 14):
    for _ in range(2):
        _row = DISTANCES[-1]
        DISTANCES.append((_row[0] + 1, _row[1] + (1 << _row[2]), _extra))


def symbol(out, s):
    """The fixed code of RFC 1951 section 3.2.6."""
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
            most = min(258, len(plain) - at)
            while length < most and plain[found + length] == plain[at + length]:
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
    out, kinds = Bits(), {"fixed": fixed_block, "stored": stored_block, "empty": stored_block}
    share = len(plain) // len(blocks) if blocks[-1] != "empty" else len(plain)
    for i, kind in enumerate(blocks):
        final = i == len(blocks) - 1
        kinds[kind](out, plain[i * share :] if final else plain[i * share : (i + 1) * share], final)
    assert inflated(out.done()) == plain
    return out.done()


def inflated(stream):
    """What zlib makes of a whole stream, else None."""
    checker = zlib.decompressobj(-15)
    try:
        plain = checker.decompress(stream)
    except zlib.error:
        return None
    return plain if checker.eof and not checker.unused_data else None


def canonical(lengths):
    """The code of each symbol, by RFC 1951 section 3.2.2, also where the lengths are wrong."""
    codes, code = {}, 0
    for bits in range(1, 16):
        for s in sorted(s for s in lengths if lengths[s] == bits):
            codes[s] = (code, bits)
            code += 1
        code <<= 1
    return codes


PRECODE = {s: 4 for s in range(16)}


def dynamic(literals, distances, symbols, *, precode=PRECODE, lengths=None, counts=None):
    """A dynamic block: `symbols` are of the first code, or ("d", n) of the second, or ("b",
    value, width). `lengths` and `counts` take the place of the announced ones."""
    out, codes = Bits(), [canonical(literals), canonical(distances)]
    hlit, hdist = counts or (max(literals) + 1, max(distances, default=0) + 1)
    hlit = max(hlit, 257)
    out.number(0b101, 3)
    out.number(hlit - 257, 5)
    out.number(hdist - 1, 5)
    out.number(15, 4)
    for s in (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15):
        out.number(precode.get(s, 0), 3)
    announced = [literals.get(s, 0) for s in range(hlit)]
    announced += [distances.get(s, 0) for s in range(hdist)]
    for entry in announced if lengths is None else lengths:
        s, extra = entry if isinstance(entry, tuple) else (entry, None)
        out.code(*canonical(precode).get(s, (0, 1)))
        if extra is not None:
            out.number(*extra)
    for s in symbols:
        if isinstance(s, int):
            out.code(*codes[0][s])
        elif s[0] == "d":
            out.code(*codes[1][s[1]])
        else:
            out.code(*s[1:])
    return out.done()
