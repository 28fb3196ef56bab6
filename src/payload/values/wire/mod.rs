//! How [`Value`], [`Map`] and [`Values`] are written and read.
//!
//! # The human-readable form
//!
//! In JSON and its like: null, bool, number, string, array, and object in the
//! order of the map. Bytes are what the format makes of them, in JSON an array
//! of numbers, so that they come back as an array. JSON has no NaN and no
//! infinities: `serde_json` writes null for them. An integer outside `i64` and
//! `u64` is a float if the format reads it as one, and an error otherwise.
//!
//! # The binary form
//!
//! In postcard, a `varint` is an unsigned LEB128 integer, and a value is one
//! byte for its kind and then its content:
//!
//! | kind | value | content                                               |
//! |------|-------|-------------------------------------------------------|
//! | `00` | null  | nothing                                               |
//! | `01` | bool  | `00` or `01`                                          |
//! | `02` | int   | a varint of the zigzag encoding; always negative      |
//! | `03` | uint  | a varint                                              |
//! | `04` | float | IEEE 754 binary64, 8 bytes, little-endian             |
//! | `05` | text  | the length in bytes as a varint, then UTF-8           |
//! | `06` | bytes | the length as a varint, then the bytes                |
//! | `07` | array | the count as a varint, then as many values            |
//! | `08` | map   | the count as a varint, then as many keys with a value |
//!
//! A key is encoded like the content of a text. A [`Values`] or a [`Map`] by
//! itself is the content of a map, without the `08`.
//!
//! In both forms, nesting deeper than [`MAX_DEPTH`](super::MAX_DEPTH), a key
//! that occurs twice in a map, and in the binary form an int that is not
//! negative are errors.

mod read;
mod write;

/// The name that a format may show for the enum of the kinds.
const NAME: &str = "Value";

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::super::{Map, Value, Values, to_value};

    fn encode<T: Serialize>(value: &T) -> Vec<u8> {
        postcard::to_allocvec(value).unwrap()
    }

    /// Decodes all of `bytes`.
    fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, postcard::Error> {
        let (value, rest) = postcard::take_from_bytes(bytes)?;
        assert!(rest.is_empty());
        Ok(value)
    }

    fn map(entries: &[(&str, Value)]) -> Map {
        let mut map = Map::new();
        for (key, value) in entries {
            map.insert(*key, value.clone());
        }
        map
    }

    fn nested_arrays(levels: usize) -> Value {
        (0..levels).fold(Value::Null, |inner, _| Value::Array(vec![inner]))
    }

    fn nested_maps(levels: usize) -> Value {
        (0..levels).fold(Value::Null, |inner, _| Value::Map(map(&[("", inner)])))
    }

    fn sample() -> Values {
        Values(map(&[
            ("z", Value::Null),
            ("b", Value::Bool(true)),
            ("i", Value::Int(-3)),
            ("u", Value::UInt(300)),
            ("f", Value::Float(1.5)),
            ("t", Value::from("é")),
            ("y", Value::Bytes(vec![0, 255])),
            ("a", Value::Array(vec![Value::UInt(1), Value::Null])),
            ("m", Value::Map(map(&[("k", Value::Bool(false))]))),
        ]))
    }

    #[test]
    fn the_binary_form_is_the_documented_one() {
        let bytes = encode(&sample());
        #[rustfmt::skip]
        let expected = [
            9,
            1, b'z', 0,
            1, b'b', 1, 1,
            1, b'i', 2, 5,
            1, b'u', 3, 0xac, 0x02,
            1, b'f', 4, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f,
            1, b't', 5, 2, 0xc3, 0xa9,
            1, b'y', 6, 2, 0, 255,
            1, b'a', 7, 2, 3, 1, 0,
            1, b'm', 8, 1, 1, b'k', 1, 0,
        ];
        assert_eq!(bytes, expected);
        assert_eq!(decode::<Values>(&bytes).unwrap(), sample());
        let map = Value::Map(sample().0);
        let tagged = encode(&map);
        assert_eq!(tagged[0], 8);
        assert_eq!(tagged[1..], expected);
        assert_eq!(decode::<Value>(&tagged).unwrap(), map);
    }

    #[test]
    fn malformed_bytes_are_refused() {
        for (what, value) in [
            ("an unknown kind", &[9][..]),
            ("a long unknown kind", &[0xff, 0x01]),
            ("a bool of 2", &[1, 2]),
            ("an int of 0", &[2, 0]),
            ("an int of 1", &[2, 2]),
            ("a text that is not UTF-8", &[5, 1, 0xff]),
            ("a key twice", &[8, 2, 1, b'a', 0, 1, b'a', 0]),
        ] {
            assert!(decode::<Value>(value).is_err(), "{what}");
        }
        let mut huge = [0xff; 110];
        huge[9..].fill(1);
        assert!(decode::<Values>(&huge).is_err());
        for kind in [5, 6, 7, 8] {
            assert!(decode::<Value>(&[&[kind], &huge[..]].concat()).is_err());
            assert!(decode::<Value>(&[&[kind], &huge[..10]].concat()).is_err());
        }
    }

    #[test]
    fn an_int_that_is_not_negative_is_written_as_a_uint() {
        assert_eq!(decode::<Value>(&[2, 1]).unwrap(), Value::Int(-1));
        assert_eq!(encode(&Value::Int(7)), [3, 7]);
        assert_eq!(to_value(&Value::Int(7)), Ok(Value::UInt(7)));
    }

    #[test]
    fn the_depth_is_limited_when_writing_and_reading() {
        for nested in [nested_arrays, nested_maps] {
            let (deepest, too_deep) = (nested(64), nested(65));
            let bytes = encode(&deepest);
            assert_eq!(decode::<Value>(&bytes).unwrap(), deepest);
            let text = serde_json::to_string(&deepest).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), deepest);

            assert!(postcard::to_allocvec(&too_deep).is_err());
            assert!(serde_json::to_string(&too_deep).is_err());
            let inside = Values(map(&[("k", deepest)]));
            assert!(postcard::to_allocvec(&inside).is_err());
            assert!(serde_json::to_string(&inside).is_err());

            let mut inside = vec![1, 1, b'k'];
            inside.extend(&bytes);
            assert!(decode::<Values>(&inside).is_err());
            assert!(serde_json::from_str::<Value>(&format!("[{text}]")).is_err());
            assert!(serde_json::from_str::<Values>(&format!("{{\"k\":{text}}}")).is_err());
        }
    }

    #[test]
    fn ten_thousand_levels_are_an_error_and_no_overflow() {
        let mut arrays = [7, 1].repeat(10_000);
        arrays.push(0);
        assert!(decode::<Value>(&arrays).is_err());
        let mut maps = [8, 1, 0].repeat(10_000);
        maps.push(0);
        assert!(decode::<Value>(&maps).is_err());
        assert!(decode::<Values>(&maps[1..]).is_err());
        for (open, close) in [("[", "]"), ("{\"\":", "}")] {
            let text = format!("{}0{}", open.repeat(10_000), close.repeat(10_000));
            assert!(serde_json::from_str::<Value>(&text).is_err());
            assert!(serde_json::from_str::<Values>(&format!("{{\"\":{text}}}")).is_err());
        }
    }

    #[test]
    fn compact_json_comes_back_byte_for_byte() {
        let text = concat!(
            r#"{"z":null,"a":[true,false,[],{}],"n":[0,-1,18446744073709551615,"#,
            r#"-9223372036854775808,1.5,-0.0,1.0,5e-324,0.1],"":{"k":"\"\\\n ü 😀"}}"#
        );
        let values: Values = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&values).unwrap(), text);
        let values: Values = decode(&encode(&values)).unwrap();
        assert_eq!(serde_json::to_string(&values).unwrap(), text);
    }

    #[test]
    fn json_has_neither_bytes_nor_nan_nor_wide_integers() {
        let bytes = Value::Bytes(vec![1, 255]);
        assert_eq!(serde_json::to_string(&bytes).unwrap(), "[1,255]");
        let nan = Value::Float(f64::NAN);
        assert_eq!(serde_json::to_string(&nan).unwrap(), "null");
        assert_eq!(
            serde_json::from_str::<Value>("18446744073709551616").unwrap(),
            Value::Float(18_446_744_073_709_551_616.0)
        );
    }

    #[test]
    fn values_are_a_map_without_duplicates_and_nothing_else() {
        for text in ["null", "1", "[]", "\"x\"", r#"{"key":1,"key":1}"#] {
            assert!(serde_json::from_str::<Values>(text).is_err());
        }
    }
}

#[cfg(all(test, feature = "_proptest"))]
mod properties {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::{Map, Value, Values, from_value, to_value};

    fn arbitrary_value(json: bool) -> impl Strategy<Value = Value> {
        let float = any::<f64>().prop_filter("equal to itself in the format", move |n| {
            if json { n.is_finite() } else { !n.is_nan() }
        });
        let bytes = if json { 0..1 } else { 0..20 };
        let bytes = vec(any::<u8>(), bytes).prop_map(move |bytes| {
            if json {
                Value::Null
            } else {
                Value::Bytes(bytes)
            }
        });
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            float.prop_map(Value::from),
            text().prop_map(Value::from),
            bytes,
        ];
        leaf.prop_recursive(4, 16, 4, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..4).prop_map(Value::from),
                arbitrary_map(inner, 4).prop_map(Value::from),
            ]
        })
    }

    fn arbitrary_map(
        value: impl Strategy<Value = Value>,
        len: usize,
    ) -> impl Strategy<Value = Map> {
        vec((text(), value), 0..len).prop_map(|entries| {
            let mut map = Map::new();
            for (key, value) in entries {
                map.insert(key, value);
            }
            map
        })
    }

    fn text() -> impl Strategy<Value = String> {
        vec(any::<char>(), 0..8).prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn any_values_round_trip_in_postcard(map in arbitrary_map(arbitrary_value(false), 20)) {
            let values = Values(map);
            let bytes = postcard::to_allocvec(&values).unwrap();
            let (decoded, rest) = postcard::take_from_bytes::<Values>(&bytes).unwrap();
            prop_assert!(rest.is_empty());
            prop_assert!(decoded == values);
            for end in 0..bytes.len().min(40) {
                prop_assert!(postcard::take_from_bytes::<Values>(&bytes[..end]).is_err());
            }
        }

        #[test]
        fn any_values_round_trip_in_json(map in arbitrary_map(arbitrary_value(true), 20)) {
            let values = Values(map);
            let text = serde_json::to_string(&values).unwrap();
            let decoded: Values = serde_json::from_str(&text).unwrap();
            prop_assert!(decoded == values);
            prop_assert_eq!(serde_json::to_string(&decoded).unwrap(), text);
        }

        #[test]
        fn any_value_is_itself_in_the_data_model(value in arbitrary_value(false)) {
            prop_assert!(to_value(&value).unwrap() == value);
            prop_assert!(from_value::<Value>(&value).unwrap() == value);
        }

        #[test]
        fn any_bytes_are_decoded_without_a_panic(bytes in vec(any::<u8>(), 0..200)) {
            let _ = postcard::take_from_bytes::<Values>(&bytes);
            let _ = postcard::take_from_bytes::<Value>(&bytes);
        }

        #[test]
        fn small_bytes_that_are_decoded_are_encoded_again(bytes in vec(0_u8..10, 0..200)) {
            if let Ok((values, rest)) = postcard::take_from_bytes::<Values>(&bytes) {
                let read = bytes.len() - rest.len();
                prop_assert_eq!(postcard::to_allocvec(&values).unwrap(), &bytes[..read]);
            }
        }
    }
}
