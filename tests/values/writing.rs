//! The bytes that are written, each form of a value and of a key.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sealed_session::{Values, payload::values::Value};

use super::{read, to_hex, write};

/// What this JSON becomes, in hex; it is read as the same.
fn cbor(json: &str) -> String {
    let values: Values = serde_json::from_str(json).unwrap();
    let bytes = write(&values).unwrap();
    assert_eq!(read(&bytes), Some(values));
    to_hex(&bytes)
}

/// The bytes of one value under the key `x`.
fn value(json: &str) -> String {
    let map = cbor(&format!(r#"{{"x":{json}}}"#));
    map.strip_prefix("a16178").unwrap().to_owned()
}

#[test]
fn integers_have_the_shortest_heads() {
    for (json, hex) in [
        ("0", "00"),
        ("23", "17"),
        ("24", "1818"),
        ("255", "18ff"),
        ("256", "190100"),
        ("65535", "19ffff"),
        ("65536", "1a00010000"),
        ("4294967295", "1affffffff"),
        ("4294967296", "1b0000000100000000"),
        ("18446744073709551615", "1bffffffffffffffff"),
        ("-1", "20"),
        ("-24", "37"),
        ("-25", "3818"),
        ("-256", "38ff"),
        ("-9223372036854775808", "3b7fffffffffffffff"),
    ] {
        assert_eq!(value(json), hex);
    }
}

/// The last four are the smallest and the largest of binary16.
#[test]
fn floats_are_the_shortest_that_are_exact() {
    for (json, hex) in [
        ("0.0", "f90000"),
        ("-0.0", "f98000"),
        ("1.0", "f93c00"),
        ("-4.5", "f9c480"),
        ("1.1", "fb3ff199999999999a"),
        ("3.4028234663852886e38", "fa7f7fffff"),
        ("1e300", "fb7e37e43c8800759c"),
        ("5e-324", "fb0000000000000001"),
        ("1.401298464324817e-45", "fa00000001"),
        ("65505.0", "fa477fe100"),
        ("65536.0", "fa47800000"),
        ("2.9802322387695312e-8", "fa33000000"),
        ("5.960464477539063e-8", "f90001"),
        ("0.00006097555160522461", "f903ff"),
        ("0.00006103515625", "f90400"),
        ("65504.0", "f97bff"),
    ] {
        assert_eq!(value(json), hex);
    }
}

#[test]
fn the_other_values_are_plain_cbor() {
    for (json, hex) in [
        ("null", "f6"),
        ("false", "f4"),
        ("true", "f5"),
        (r#""""#, "60"),
        (r#""é""#, "62c3a9"),
        ("[]", "80"),
        ("[1,[2]]", "82018102"),
        ("{}", "a0"),
    ] {
        assert_eq!(value(json), hex);
    }
    let mut values = Values::new();
    values.set_raw("x", Value::Bytes(vec![0, 255])).unwrap();
    assert_eq!(write(&values).unwrap(), b"\xa1\x61x\x42\x00\xff");
}

/// `auth_time` has the number 0, `user_id` 22, `username` 23 and `access_token` 24.
#[test]
fn names_of_the_table_are_numbers_and_maps_are_sorted_by_name() {
    assert_eq!(cbor("{}"), "a0");
    assert_eq!(
        cbor(r#"{"username":1,"b":2,"access_token":3,"auth_time":4,"user_id":5}"#),
        "a5181803000461620216051701"
    );
    assert_eq!(value(r#"{"user_id":1}"#), "a11601");
}

#[test]
fn rows_refer_to_the_keys_of_earlier_rows() {
    // A reference of one byte beats text, and a name of the table that takes two.
    assert_eq!(
        value(r#"[{"b":1,"aud":2},{"b":3,"aud":4},5,{"c":6,"b":7}]"#),
        "84a2182002616201a22004210305a22107616306"
    );
    // A name of the table that takes one is as short, and comes first.
    assert_eq!(value(r#"[{"user_id":1},{"user_id":2}]"#), "82a11601a11602");
    // Neither a nested map nor another array refers to what is outside.
    assert_eq!(
        value(r#"[{"b":{"b":[{"b":1}]}},[{"b":2}]]"#),
        "82a16162a1616281a161620181a1616202"
    );
    // The empty key is as short as a reference, which comes first.
    assert_eq!(value(r#"[{"":1},{"":2}]"#), "82a16001a12002");
}

#[test]
fn a_reference_that_is_longer_than_its_key_is_not_written() {
    // 24 keys before these three: an empty one, one of a letter, a name of two bytes.
    let first: Vec<String> = (0..24).map(|n| format!(r#""A{n:02}":0"#)).collect();
    let rows = format!(
        r#"[{{{}}},{{"":1,"b":1,"aud":1}},{{"":2,"b":2,"aud":2}}]"#,
        first.join(",")
    );
    let hex = value(&rows);
    // As text, by number, and by the place 26.
    assert!(hex.ends_with("a36002182002381a02"), "{hex}");
}

/// The bytes of a text, in hex; they are read as the same.
fn packed(text: &str) -> String {
    let mut values = Values::new();
    values.insert("x", text).unwrap();
    let bytes = write(&values).unwrap();
    assert_eq!(read(&bytes), Some(values), "{text}");
    to_hex(&bytes).strip_prefix("a16178").unwrap().to_owned()
}

fn is_text(text: &str) -> bool {
    let head = if text.len() < 24 { 2 } else { 4 };
    packed(text).len() == head + 2 * text.len()
}

#[test]
fn texts_that_are_bytes_are_written_as_bytes() {
    for (text, hex) in [
        // 16 digits and 22 characters are the least.
        ("0123456789abcdef", "d9bb10480123456789abcdef"),
        ("0011223344556677889aab", "d9bb104b0011223344556677889aab"),
        (
            "AAECAwQFBgcICQoLDA0ODw",
            "d550000102030405060708090a0b0c0d0e0f",
        ),
        (
            "________-----________w",
            "d550fffffffffffffbefbefbffffffffffff",
        ),
        // Digits in upper case, or an odd number of them.
        (
            "000102030405060708090A",
            "d550d34d35d36d37d38d39d3ad3bd3cd3dd0",
        ),
        (
            "00010203040506070809000",
            "d551d34d35d36d37d38d39d3ad3bd3cd3dd34d",
        ),
        (
            "00112233-4455-6677-8899-aabbccddeeff",
            "d8255000112233445566778899aabbccddeeff",
        ),
        (
            "00112233-4455-6677-8899-AABBCCDDEEFF",
            "d5581bd34d75db6df7fb8e39e7eebaefbfbcf3df7e0000410820c3104145",
        ),
        ("AA.AAAAAA.AAAAAA", "d9bb1183410044000000004400000000"),
    ] {
        assert_eq!(packed(text), hex, "{text}");
    }
}

#[test]
fn texts_that_are_no_bytes_or_no_shorter_stay_texts() {
    for text in [
        "",
        "0123456789abcde",
        "0123456789abcdeg",
        "0123456789ABCDEF",
        "AAECAwQFBgcICQoLDA0OD",
        // Bits that are not zero behind the last byte, a length that no bytes have, padding.
        "AAECAwQFBgcICQoLDA0ODx",
        "AAECAwQFBgcICQoLDA0ODwAA0",
        "AAECAwQFBgcICQoLDA0ODw==",
        "AAECAwQFBgcICQoLDA0OD+",
        "AAECAwQFBgcICQoLDA0OD/",
        "AAECAwQFBgcICQoLDA0O DA",
        "morgan.riley@example.com",
        "Your order has been placed.",
        "ABCDEFGHIJKLMNOPQRSTUVWXYé",
        // Three parts that are as long as their text; two, four, and an empty one.
        "AAAA.AAAA.AAAAAA",
        "AAAAAAAAAAAA.AAAAAAAAAAAA",
        "AAAAAAAA.AAAAAAAA.AAAAAAAA.AAAAAAAA",
        "AAAAAAAAAAAA..AAAAAAAAAAAA",
        ".AAAAAAAAAAAA.AAAAAAAAAAAA",
        "AAAAAAAAAAAA.AAAAAAAAAAAA.",
        "AAAAAAAAAAAA.AAAAAAAAAAAAx.AAAA",
        "AAAAAAAAAAAA.AAAAAA!AAAAA.AAAA",
    ] {
        assert!(is_text(text), "{text}");
    }
}

#[test]
fn every_length_of_packed_text_comes_back() {
    for len in 0..200 {
        let bytes: Vec<u8> = (0..len).map(|n: u8| n.wrapping_mul(37)).collect();
        let base64url = URL_SAFE_NO_PAD.encode(&bytes);
        let base16 = to_hex(&bytes);
        assert_eq!(is_text(&base64url), base64url.len() < 22, "{base64url}");
        assert_eq!(is_text(&base16), base16.len() < 16, "{base16}");
        let jwt = format!("{base64url}.{base64url}.{base64url}");
        assert_eq!(is_text(&jwt), len < 4, "{jwt}");
    }
}
