"""SPEC 8.2 to 8.4: the type `Values` in CBOR and in JSON. Raises ValueError.

Python's types stand for the values: None, bool, int, float, str, bytes, list, dict.
"""

import base64
import json
import math
import pathlib
import re
import struct

DEEPEST = 64
PAGE = pathlib.Path(__file__).parents[2] / "docs" / "SPEC.md"
TABLE = re.findall("[a-z_]+", re.search("### 8.4.*?```\n(.*?)```", PAGE.read_text("utf-8"), re.S)[1])
BASE64URL, UUID, BASE16, JWT = 21, 37, 47888, 47889


def check(holds):
    if not holds:
        raise ValueError("not Values")


# Packed text: from bytes to the text, and back


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def uuid(data):
    return "-".join(data.hex()[a:b] for a, b in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32)))


UNPACK = {BASE64URL: base64url, UUID: uuid, BASE16: bytes.hex}
FEWEST = {BASE64URL: 16, UUID: 16, BASE16: 8}


def packed(text):
    """Pairs of a tag and the bytes (of a JWT: a list of bytes) that stand for this text."""
    if (data := un_base64url(text)) is not None:
        yield BASE64URL, data
    if re.fullmatch("[0-9a-f-]*", text):
        digits = text.replace("-", "")
        if len(digits) % 2 == 0:
            yield from ((tag, bytes.fromhex(digits)) for tag in (UUID, BASE16))
    parts = [un_base64url(part) for part in text.split(".")]
    if len(parts) == 3 and all(parts):
        yield JWT, parts


def un_base64url(text):
    if not re.fullmatch("[A-Za-z0-9_-]*", text):
        return None
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None


def unpack(tag, data):
    """The text, or None where this tag does not stand for any."""
    if tag == JWT:
        return ".".join(map(base64url, data)) if len(data) == 3 and all(data) else None
    if tag not in UNPACK or len(data) < FEWEST[tag] or tag == UUID and len(data) != 16:
        return None
    return UNPACK[tag](data)


# CBOR


def head(major, number):
    for lead, form in ((24, "B"), (25, ">H"), (26, ">I"), (27, ">Q")):
        if number < 24:
            return bytes([major << 5 | number])
        if number < 1 << 8 * struct.calcsize(form):
            return bytes([major << 5 | lead]) + struct.pack(form, number)
    raise ValueError("an integer out of range")


def string(major, data):
    return head(major, len(data)) + data


def encode(value):
    check(isinstance(value, dict))
    return encode_any(value, 1, {})


def encode_any(value, level, rows):
    if value is None or isinstance(value, bool):
        return {None: b"\xf6", False: b"\xf4", True: b"\xf5"}[value]
    if isinstance(value, int):
        check(value >= -(2**63))
        return head(0, value) if value >= 0 else head(1, ~value)
    if isinstance(value, float):
        check(math.isfinite(value))
        return encode_float(value)
    if isinstance(value, bytes):
        return string(2, value)
    if isinstance(value, str):
        return encode_text(value)
    check(level <= DEEPEST)
    if isinstance(value, dict):
        entries = sorted((key.encode("utf-8"), key) for key in value)
        pairs = (encode_key(key, rows) + encode_any(value[key], level + 1, {}) for _, key in entries)
        return head(5, len(value)) + b"".join(pairs)
    out, rows = head(4, len(value)), {}
    for element in value:
        out += encode_any(element, level + 1, rows)
        remember(rows, element)
    return out


def remember(rows, element):
    """Counts the keys of an array's element."""
    if isinstance(element, dict):
        for key in sorted(element, key=lambda key: key.encode("utf-8")):
            rows.setdefault(key, len(rows))


def encode_float(value):
    for lead, form in ((b"\xf9", ">e"), (b"\xfa", ">f")):
        try:
            if struct.unpack(form, struct.pack(form, value))[0] == value:
                return lead + struct.pack(form, value)
        except OverflowError:
            pass
    return b"\xfb" + struct.pack(">d", value)


def encode_text(text):
    best = string(3, text.encode("utf-8"))
    for tag, data in packed(text):
        if unpack(tag, data) == text:
            content = head(4, 3) + b"".join(string(2, part) for part in data) if tag == JWT else string(2, data)
            best = min(best, head(6, tag) + content, key=len)
    return best


def encode_key(key, rows):
    forms = [head(0, TABLE.index(key))] if key in TABLE else []
    forms += [head(1, rows[key])] if key in rows else []
    return min([*forms, string(3, key.encode("utf-8"))], key=len)


class Input:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        check(count <= len(self.data) - self.at)
        self.at += count
        return self.data[self.at - count : self.at]

    def head(self):
        """Major type, additional information and argument."""
        first = self.take(1)[0]
        major, info = first >> 5, first & 31
        check(info < 28)
        if info < 24:
            return major, info, info
        argument = int.from_bytes(self.take(1 << info - 24), "big")
        check(major == 7 or argument >= (24, 1 << 8, 1 << 16, 1 << 32)[info - 24])
        return major, info, argument


def decode(data):
    source = Input(data)
    value = decode_any(source, 1, [])
    check(isinstance(value, dict) and source.at == len(data))
    return value


def decode_any(source, level, rows):
    major, info, argument = source.head()
    if major == 0:
        return argument
    if major == 1:
        check(argument < 1 << 63)
        return ~argument
    if major in (2, 3):
        data = source.take(argument)
        return data if major == 2 else data.decode("utf-8")
    if major == 6:
        return decode_packed(source, argument)
    if major == 7:
        check(info in (20, 21, 22, 25, 26, 27))
        if info < 25:
            return {20: False, 21: True, 22: None}[info]
        value = struct.unpack({25: ">e", 26: ">f", 27: ">d"}[info], source.data[source.at - (1 << info - 24) : source.at])[0]
        check(math.isfinite(value) and len(encode_float(value)) == 1 + (1 << info - 24))
        return value
    check(level <= DEEPEST and argument <= len(source.data) - source.at)
    if major == 4:
        found, rows = [], {}
        for _ in range(argument):
            found.append(decode_any(source, level + 1, rows))
            remember(rows, found[-1])
        return found
    found, before = {}, None
    for _ in range(argument):
        key = decode_key(source, list(rows))
        check(before is None or before < key.encode("utf-8"))
        before = key.encode("utf-8")
        found[key] = decode_any(source, level + 1, {})
    return found


def decode_key(source, rows):
    major, _, argument = source.head()
    if major == 3:
        return source.take(argument).decode("utf-8")
    check(major in (0, 1))
    known = TABLE if major == 0 else rows
    check(argument < len(known))
    return known[argument]


def decode_packed(source, tag):
    major, _, argument = source.head()
    if tag == JWT:
        check(major == 4 and argument == 3)
        heads, parts = [], []
        for _ in range(3):
            heads.append(source.head())
            check(heads[-1][0] == 2)
            parts.append(source.take(heads[-1][2]))
        text = unpack(JWT, parts)
    else:
        check(major == 2)
        text = unpack(tag, source.take(argument))
    check(text is not None)
    return text


# JSON


def from_json(text):
    def members(pairs):
        check(len({key for key, _ in pairs}) == len(pairs))
        return dict(pairs)

    def integer(digits):
        number = int(digits)
        return number if digits != "-0" and -(2**63) <= number < 2**64 else float(digits)

    def constant(name):
        raise ValueError(name)

    check(not text.startswith("\ufeff"))
    try:
        value = json.loads(text, object_pairs_hook=members, parse_int=integer, parse_constant=constant)
    except RecursionError:
        raise ValueError("too deep") from None
    encode(value)  # refuses half surrogate pairs, what is too deep, and floats out of range
    return value


def to_json(value):
    def plain(value):
        if isinstance(value, dict):
            return {key: plain(value[key]) for key in sorted(value, key=lambda key: key.encode("utf-8"))}
        return [plain(each) for each in value] if isinstance(value, (list, bytes)) else value

    return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"))
