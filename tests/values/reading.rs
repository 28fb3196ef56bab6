//! What the reader of CBOR refuses, and what that costs.

use sealed_session::payload::values::Value;

use super::{from_hex as bytes, read, write};

/// The JSON of this CBOR.
fn json(hex: &str) -> Option<String> {
    read(&bytes(hex)).map(|values| serde_json::to_string(&values).unwrap())
}

/// Which rule is broken, and how.
const REFUSED: &[(&str, &str)] = &[
    ("nothing", ""),
    ("no map", "80"),
    ("no map", "f6"),
    ("a map in a tag", "d9d9f7 a0"),
    ("bytes left over", "a0 00"),
    ("a value missing", "a1 6178"),
    ("a key missing", "a1"),
    ("a text that ends early", "a1 6178 62 61"),
    ("bytes that end early", "a1 6178 42 61"),
    ("a head that ends early", "a1 6178 1b 00000000000000"),
    ("a float that ends early", "a1 6178 f9 3c"),
    ("an array that ends early", "a1 6178 82 00"),
    // Heads that are not the shortest.
    ("a long number", "a1 6178 18 17"),
    ("a long number", "a1 6178 19 00ff"),
    ("a long number", "a1 6178 1a 0000ffff"),
    ("a long number", "a1 6178 1b 00000000ffffffff"),
    ("a long negative number", "a1 6178 38 17"),
    ("a long text", "a1 6178 78 01 61"),
    ("long bytes", "a1 6178 58 01 61"),
    ("a long array", "a1 6178 98 01 00"),
    ("a long map", "b8 01 6178 00"),
    (
        "a long tag",
        "a1 6178 d9 0025 50 00112233445566778899aabbccddeeff",
    ),
    ("a long key", "a1 78 01 78 00"),
    ("a long number of the table", "a1 18 17 00"),
    // Indefinite lengths.
    ("a map without end", "bf 6178 00 ff"),
    ("an array without end", "a1 6178 9f 00 ff"),
    ("a text without end", "a1 6178 7f 6161 ff"),
    ("bytes without end", "a1 6178 5f 4161 ff"),
    ("a break", "a1 6178 ff"),
    ("reserved information", "a1 6178 1c"),
    // Numbers.
    ("less than -2^63", "a1 6178 3b 8000000000000000"),
    ("an unsigned bignum", "a1 6178 c2 41 01"),
    ("a negative bignum", "a1 6178 c3 41 01"),
    ("a decimal fraction", "a1 6178 c4 82 00 00"),
    // Floats.
    ("half a NaN", "a1 6178 f97e00"),
    ("half infinity", "a1 6178 f97c00"),
    ("half minus infinity", "a1 6178 f9fc00"),
    ("a single NaN", "a1 6178 fa7fc00000"),
    ("single infinity", "a1 6178 fa7f800000"),
    ("a double NaN", "a1 6178 fb7ff8000000000000"),
    ("double infinity", "a1 6178 fb7ff0000000000000"),
    ("a single that is a half", "a1 6178 fa3f800000"),
    ("a single zero", "a1 6178 fa80000000"),
    ("a double that is a half", "a1 6178 fb3ff0000000000000"),
    ("a double that is a single", "a1 6178 fb47efffffe0000000"),
    // Simple values.
    ("undefined", "a1 6178 f7"),
    ("a simple value", "a1 6178 e0"),
    ("a long simple value", "a1 6178 f8 ff"),
    ("true in two bytes", "a1 6178 f8 15"),
    // Tags.
    ("a date", "a1 6178 c0 6161"),
    (
        "upper-case base16",
        "a1 6178 d7 50 00112233445566778899aabbccddeeff",
    ),
    (
        "base64url of a text",
        "a1 6178 d5 70 61616161616161616161616161616161",
    ),
    (
        "short base64url",
        "a1 6178 d5 4f 00112233445566778899aabbccddee",
    ),
    (
        "a short UUID",
        "a1 6178 d825 4f 00112233445566778899aabbccddee",
    ),
    (
        "a long UUID",
        "a1 6178 d825 51 00112233445566778899aabbccddeeff00",
    ),
    ("short base16", "a1 6178 d9bb10 47 00112233445566"),
    ("a JWT of two", "a1 6178 d9bb11 82 41004100"),
    ("a JWT of four", "a1 6178 d9bb11 84 4100410041004100"),
    ("a JWT with nothing in it", "a1 6178 d9bb11 83 4100404100"),
    ("a JWT of text", "a1 6178 d9bb11 83 410041006161"),
    ("a JWT that is a text", "a1 6178 d9bb11 63 616263"),
    (
        "a tag in a tag",
        "a1 6178 d5 d5 50 00112233445566778899aabbccddeeff",
    ),
    (
        "a tag of a key",
        "a1 d825 50 00112233445566778899aabbccddeeff 00",
    ),
    // Texts.
    ("a text that is not UTF-8", "a1 6178 61ff"),
    ("a surrogate", "a1 6178 63eda080"),
    ("a key that is not UTF-8", "a1 61ff 00"),
    // Keys.
    ("a number beyond the table", "a1 1880 00"),
    ("a key of bytes", "a1 4178 00"),
    ("a key of null", "a1 f6 00"),
    ("a key of a float", "a1 f93c00 00"),
    ("a key that is a map", "a1 a0 00"),
    ("a key twice", "a2 6178 00 6178 00"),
    ("a key twice, by number", "a2 16 00 16 00"),
    (
        "a key twice, by number and text",
        "a2 16 00 67 757365725f6964 00",
    ),
    ("keys that are not sorted", "a2 6179 00 6178 00"),
    ("keys that are sorted by length", "a2 617a 00 626161 00"),
    ("keys that are sorted by number", "a2 17 00 1818 00"),
    // References to rows.
    ("a reference at the top", "a1 20 00"),
    ("a reference in no array", "a1 6178 a1 20 00"),
    ("a reference in the first row", "a1 6178 81 a1 20 00"),
    ("a reference to the same row", "a1 6178 81 a2 6162 00 20 00"),
    (
        "a reference to what is not seen",
        "a1 6178 82 a1 6162 00 a1 21 00",
    ),
    (
        "a reference to another array",
        "a1 6178 82 81 a1 6162 00 81 a1 20 00",
    ),
    (
        "a reference out of an array",
        "a1 6178 82 a1 6162 00 81 a1 20 00",
    ),
    (
        "a reference to a nested map",
        "a1 6178 82 a1 6162 a1 6163 00 a1 21 00",
    ),
    (
        "a key twice, by reference",
        "a1 6178 82 a1 6162 00 a2 6162 00 20 00",
    ),
    (
        "a huge reference",
        "a1 6178 82 a1 6162 00 a1 3bffffffffffffffff 00",
    ),
];

#[test]
fn what_breaks_a_rule_is_refused() {
    assert_eq!(json("a1 6178 00").as_deref(), Some(r#"{"x":0}"#));
    for (why, hex) in REFUSED {
        assert_eq!(json(hex), None, "{why}: {hex}");
    }
}

#[test]
fn what_the_writer_does_not_choose_is_read_where_no_rule_forbids_it() {
    for (hex, expected) in [
        // A name of the table as text, also in rows.
        ("a1 67 757365725f6964 00", r#"{"user_id":0}"#),
        (
            "a1 6178 82 a1 67 757365725f6964 00 a1 20 01",
            r#"{"x":[{"user_id":0},{"user_id":1}]}"#,
        ),
        // Keys of rows in full. They count once.
        (
            "a1 6178 84 a1 6162 00 a1 6162 01 a1 6163 02 a1 21 03",
            r#"{"x":[{"b":0},{"b":1},{"c":2},{"c":3}]}"#,
        ),
        // A text that could be packed, and one in a longer form.
        (
            "a1 6178 70 30303131323233333434353536363737",
            r#"{"x":"0011223344556677"}"#,
        ),
        (
            "a1 6178 d5 52 d35db7e39ebbf3d69b71d79fd35db7e39ebb",
            r#"{"x":"0123456789abcdef01234567"}"#,
        ),
        // A JWT that is longer than its text.
        ("a1 6178 d9bb11 83 410041004100", r#"{"x":"AA.AA.AA"}"#),
    ] {
        assert_eq!(json(hex).as_deref(), Some(expected));
    }
}

#[test]
fn counts_and_lengths_are_bounded_by_what_is_left() {
    // Four of each kind of head, and 2 KB behind it.
    for kind in ["5", "7", "9", "b"] {
        for length in [
            "a7fffffff",
            "affffffff",
            "b000000ffffffffff",
            "bffffffffffffffff",
        ] {
            let mut claim = bytes(&format!("a16178{kind}{length}"));
            assert_eq!(read(&claim), None);
            claim.resize(2_048, 0);
            assert_eq!(read(&claim), None);
        }
    }
    // A map of as many entries as there are bytes.
    let mut claim = bytes("b90400");
    claim.resize(2_048, 0);
    assert_eq!(read(&claim), None);
}

/// Each of 64 arrays claims all that is left of a megabyte. If any of them allocated what
/// it claims, they would take 2 GB.
#[test]
fn nested_claims_do_not_add_up() {
    let mut claim = bytes("a16178");
    while claim.len() < 64 * 5 {
        claim.extend(bytes("9a000ffe00"));
    }
    claim.resize(1 << 20, 0);
    assert_eq!(read(&claim), None);
}

#[test]
fn ten_thousand_levels_are_an_error_and_no_overflow() {
    for level in [&b"\x81"[..], b"\xa1\x61x"] {
        let mut nested = b"\xa1\x61x".to_vec();
        nested.extend(level.repeat(10_000));
        nested.push(0);
        assert_eq!(read(&nested), None);
    }
}

#[test]
fn sixty_four_levels_are_read_and_no_more() {
    for level in [&b"\x81"[..], b"\xa1\x61x"] {
        let nested = |levels| {
            let mut nested = b"\xa1\x61x".to_vec();
            nested.extend(level.repeat(levels));
            nested.push(0);
            nested
        };
        let values = read(&nested(63)).unwrap();
        assert_eq!(*write(&values).unwrap(), *nested(63));
        assert_eq!(read(&nested(64)), None);
    }
}

/// A key of a kilobyte, and rows that refer to it in one byte: they share its text.
#[test]
fn rows_share_the_text_of_their_keys() {
    let mut rows = bytes("a16178 9903e8 a1 790400");
    rows.extend([b'k'; 1_024]);
    rows.push(0);
    rows.extend(b"\xa1\x20\x00".repeat(999));
    let values = read(&rows).unwrap();
    let Some(Value::Array(items)) = values.raw("x") else {
        panic!("an array");
    };
    let key = |item: &Value| match item {
        Value::Map(row) => row.keys().next().map(str::as_ptr),
        _ => None,
    };
    assert_eq!(items.len(), 1_000);
    assert!(
        items
            .iter()
            .all(|item| key(item).is_some() && key(item) == key(&items[0]))
    );
    assert_eq!(*write(&values).unwrap(), *rows);
}

/// Maps with as many different keys as fit take no time that grows with their square.
#[test]
fn many_different_keys_of_rows_are_found_at_once() {
    let mut rows = bytes("a16178 9a00010000");
    for n in 0..65_536_u32 {
        rows.extend(b"\xa1\x65");
        rows.extend(format!("{n:05x}").bytes());
        rows.push(0);
    }
    let values = read(&rows).unwrap();
    assert_eq!(*write(&values).unwrap(), *rows);
}
