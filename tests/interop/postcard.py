"""Section 8 of docs/SPEC.md: postcard, and the type `Values`. Raises ValueError.

A type is the name of a primitive one, "values", or a tuple: ("option", T), ("tuple", T, ...),
("struct", (field, T), ...), ("sequence", T), ("map", KEY, VALUE), ("enum", (variant, T), ...).
"""

import struct

WIDTHS = {f"{sign}{bits}": bits for sign in "ui" for bits in (16, 32, 64, 128)}
FLOATS = {"f32": "<f", "f64": "<d"}


def check(holds):
    if not holds:
        raise ValueError("not of the type")


def varint(number):
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + varint(number >> 7)


def encode(kind, value):
    name, parts = (kind, ()) if isinstance(kind, str) else (kind[0], kind[1:])
    if name in ("unit", "bool", "u8", "i8"):
        return b"" if name == "unit" else bytes([value & 255])
    if name in WIDTHS:
        bits, unsigned = WIDTHS[name], name[0] == "u"
        number = value if unsigned else 2 * value if value >= 0 else -2 * value - 1
        check(0 <= number < 1 << bits)
        return varint(number)
    if name in FLOATS:
        return struct.pack(FLOATS[name], value)
    if name in ("string", "char", "bytes"):
        data = value if name == "bytes" else value.encode("utf-8")
        return varint(len(data)) + data
    if name == "option":
        return b"\0" if value is None else b"\1" + encode(parts[0], value)
    if name in ("tuple", "struct"):
        kinds = parts if name == "tuple" else [kind for _, kind in parts]
        values = value if name == "tuple" else [value[field] for field, _ in parts]
        return b"".join(map(encode, kinds, values))
    if name == "sequence":
        return varint(len(value)) + b"".join(encode(parts[0], part) for part in value)
    if name == "map":
        return varint(len(value)) + b"".join(
            encode(parts[0], key) + encode(parts[1], part) for key, part in value.items()
        )
    if name == "enum":
        place = [variant for variant, _ in parts].index(value[0])
        return varint(place) + encode(parts[place][1], value[1])
    check(name == "values" and isinstance(value, dict))
    return encode_any(value, 1)[1:]  # the outermost map has no kind byte


def encode_any(value, level):
    """A VALUE of SPEC 8.2. The Python types stand for the nine kinds."""
    if isinstance(value, (list, dict)):
        check(level <= 64)
        if isinstance(value, list):
            return b"\7" + varint(len(value)) + b"".join(encode_any(v, level + 1) for v in value)
        entries = [encode("string", k) + encode_any(v, level + 1) for k, v in value.items()]
        return b"\x08" + varint(len(value)) + b"".join(entries)
    if value is None or isinstance(value, bool):
        return b"\0" if value is None else b"\1" + encode("bool", value)
    if isinstance(value, int):
        return b"\2" + encode("i64", value) if value < 0 else b"\3" + encode("u64", value)
    kind = {float: (4, "f64"), str: (5, "string"), bytes: (6, "bytes")}[type(value)]
    return bytes([kind[0]]) + encode(kind[1], value)


class Input:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        check(count <= len(self.data) - self.at)
        self.at += count
        return self.data[self.at - count : self.at]

    def varint(self, bits=64):
        number, shift, more = 0, 0, True
        while more:
            check(shift < bits)
            byte = self.take(1)[0]
            number |= (byte & 127) << shift
            shift, more = shift + 7, byte > 127
        check(number < 1 << bits)
        return number


def decode(kind, data):
    input = Input(data)
    value = read(kind, input)
    check(input.at == len(data))
    return value


def read(kind, input):
    name, parts = (kind, ()) if isinstance(kind, str) else (kind[0], kind[1:])
    if name == "unit":
        return None
    if name in ("bool", "option"):
        check((flag := input.take(1)[0]) <= 1)
        return bool(flag) if name == "bool" else read(parts[0], input) if flag else None
    if name in ("u8", "i8"):
        return struct.unpack("B" if name == "u8" else "b", input.take(1))[0]
    if name in WIDTHS:
        number = input.varint(WIDTHS[name])
        return number if name[0] == "u" else number >> 1 if number % 2 == 0 else ~(number >> 1)
    if name in FLOATS:
        return struct.unpack(FLOATS[name], input.take(struct.calcsize(FLOATS[name])))[0]
    if name == "bytes":
        return input.take(input.varint())
    if name in ("string", "char"):
        text = input.take(input.varint()).decode("utf-8")  # UnicodeDecodeError is a ValueError
        check(name == "string" or len(text) == 1)
        return text
    if name == "tuple":
        return tuple(read(part, input) for part in parts)
    if name == "struct":
        return {field: read(part, input) for field, part in parts}
    if name == "sequence":
        return [read(parts[0], input) for _ in range(input.varint())]
    if name == "map":
        return {read(parts[0], input): read(parts[1], input) for _ in range(input.varint())}
    if name == "enum":
        check((place := input.varint(32)) < len(parts))
        return parts[place][0], read(parts[place][1], input)
    return read_any(input, 8, 1)  # "values": a MAP


def read_any(input, kind, level):
    if kind < 7:
        value = read(("unit", "bool", "i64", "u64", "f64", "string", "bytes")[kind], input)
        check(kind != 2 or value < 0)
        return value
    check(kind <= 8 and level <= 64)
    count = input.varint()
    if kind == 7:
        return [read_any(input, input.varint(32), level + 1) for _ in range(count)]
    entries = {}
    for _ in range(count):
        key = read("string", input)
        check(key not in entries)
        entries[key] = read_any(input, input.varint(32), level + 1)
    return entries
