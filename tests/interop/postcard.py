"""SPEC 8.1: postcard. Raises ValueError.

A type is the name of a primitive one, "values", or a tuple: ("option", T), ("tuple", T, ...),
("struct", (field, T), ...), ("sequence", T), ("map", KEY, VALUE), ("enum", (variant, T), ...).
"""

import struct

import values

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
        fields = value if name == "tuple" else [value[field] for field, _ in parts]
        return b"".join(map(encode, kinds, fields))
    if name == "sequence":
        return varint(len(value)) + b"".join(encode(parts[0], part) for part in value)
    if name == "map":
        return varint(len(value)) + b"".join(
            encode(parts[0], key) + encode(parts[1], part) for key, part in value.items()
        )
    if name == "enum":
        place = [variant for variant, _ in parts].index(value[0])
        return varint(place) + encode(parts[place][1], value[1])
    check(name == "values")
    return encode("bytes", values.encode(value))


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
    if name == "string":
        return input.take(input.varint()).decode("utf-8")  # UnicodeDecodeError is a ValueError
    if name == "char":
        check(1 <= (length := input.varint()) <= 4)
        return input.take(length).decode("utf-8")[0]
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
    return values.decode(input.take(input.varint()))  # "values"
