//! How [`Value`], [`Map`] and [`Values`] are serialized and deserialized.
//!
//! In human-readable formats such as JSON: null, bool, number, string, array and object, whose
//! members are sorted. Bytes are what the format makes of them, in JSON an array of numbers. An
//! integer outside `i64` and `u64` is a float if the format reads it as one, and an error
//! otherwise. In other formats such as postcard, [`Values`] are a byte string of CBOR; a
//! [`Value`] or a [`Map`] by itself has no such form.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, Serializer};
use serde::{Deserialize, Serialize};

use super::limits::capacity;
use super::map::{Key, Map};
use super::{Depth, Value, Values, read, write};

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return self.0.serialize(serializer);
        }
        serializer.serialize_bytes(&write::write(&self.0).map_err(S::Error::custom)?)
    }
}

impl Serialize for Map {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        only_readable(&serializer)?;
        serializer.collect_map(self)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        only_readable(&serializer)?;
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(v) => serializer.serialize_bool(*v),
            Self::Int(n) => serializer.serialize_i64(*n),
            Self::UInt(n) => serializer.serialize_u64(*n),
            Self::Float(n) => serializer.serialize_f64(*n),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Self::Array(items) => serializer.collect_seq(items),
            Self::Map(map) => map.serialize(serializer),
        }
    }
}

fn only_readable<S: Serializer>(serializer: &S) -> Result<(), S::Error> {
    if serializer.is_human_readable() {
        return Ok(());
    }
    Err(S::Error::custom("only `Values` have a binary form"))
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return Map::deserialize(deserializer).map(Self);
        }
        deserializer.deserialize_bytes(Binary)
    }
}

impl<'de> Deserialize<'de> for Map {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Map(map) => Ok(map),
            _ => Err(D::Error::custom("expected a map")),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Readable(Depth::ROOT).deserialize(deserializer)
    }
}

/// Reads the binary form of [`Values`].
struct Binary;

impl Visitor<'_> for Binary {
    type Value = Values;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the CBOR of a session")
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Values, E> {
        let map = read::read(bytes).ok_or_else(|| E::custom("not the CBOR of a session"))?;
        Ok(Values(map))
    }
}

/// Reads the human-readable form of a value, somewhere below the root.
#[derive(Clone, Copy)]
struct Readable(Depth);

impl<'de> DeserializeSeed<'de> for Readable {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

macro_rules! leaves {
    ($($method:ident($leaf:ty))*) => {$(
        fn $method<E>(self, v: $leaf) -> Result<Value, E> {
            Ok(v.into())
        }
    )*};
}

impl<'de> Visitor<'de> for Readable {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a session value")
    }

    leaves! {
        visit_bool(bool) visit_i64(i64) visit_u64(u64) visit_str(&str) visit_string(String)
        visit_byte_buf(Vec<u8>)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_f64<E: serde::de::Error>(self, v: f64) -> Result<Value, E> {
        let float = v.is_finite().then_some(Value::Float(v));
        float.ok_or_else(|| E::custom(super::ValueError::NotFinite))
    }

    fn visit_bytes<E>(self, v: &[u8]) -> Result<Value, E> {
        Ok(v.to_vec().into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inside = Self(self.0.enter().map_err(A::Error::custom)?);
        let mut items = Vec::with_capacity(capacity(seq.size_hint()));
        while let Some(value) = seq.next_element_seed(inside)? {
            items.push(value);
        }
        Ok(items.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inside = Self(self.0.enter().map_err(A::Error::custom)?);
        let mut entries = Vec::with_capacity(capacity(map.size_hint()));
        while let Some(key) = map.next_key::<String>()? {
            entries.push((Key::text(&key), map.next_value_seed(inside)?));
        }
        Map::from_entries(entries)
            .map(Value::Map)
            .map_err(A::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize) -> Value {
        (0..levels).fold(Value::Null, |inner, _| Value::Array(vec![inner]))
    }

    #[test]
    fn values_are_a_byte_string_in_postcard() {
        let values: Values = serde_json::from_str(r#"{"user_id":7}"#).unwrap();
        let bytes = postcard::to_allocvec(&("a", &values, 1_u8)).unwrap();
        assert_eq!(bytes, b"\x01a\x03\xa1\x16\x07\x01");
        let back: (String, Values, u8) = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(back, ("a".to_owned(), values, 1));
        for bad in [
            &b""[..],
            b"\x00",
            b"\x01\x80",
            b"\x02\xa0\x00",
            b"\x04\xa1\x16\x07",
        ] {
            assert!(postcard::from_bytes::<Values>(bad).is_err());
        }
    }

    #[test]
    fn a_value_or_map_by_itself_has_no_binary_form() {
        assert!(postcard::to_allocvec(&Value::Null).is_err());
        assert!(postcard::to_allocvec(&Map::new()).is_err());
        assert!(postcard::from_bytes::<Value>(&[0]).is_err());
        assert!(postcard::from_bytes::<Map>(&[1, 0xa0]).is_err());
    }

    #[test]
    fn compact_sorted_json_comes_back_byte_for_byte() {
        let text = concat!(
            r#"{"":{"k":"\"\\\n ü 😀"},"a":[true,false,[],{}],"n":[0,-1,18446744073709551615,"#,
            r#"-9223372036854775808,1.5,-0.0,1.0,5e-324,0.1,1.7976931348623157e+308],"z":null}"#
        );
        let values: Values = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&values).unwrap(), text);
        let bytes = postcard::to_allocvec(&values).unwrap();
        let values: Values = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(serde_json::to_string(&values).unwrap(), text);
    }

    #[test]
    fn json_has_neither_bytes_nor_wide_integers() {
        let bytes = Value::Bytes(vec![1, 255]);
        assert_eq!(serde_json::to_string(&bytes).unwrap(), "[1,255]");
        assert_eq!(
            serde_json::from_str::<Value>("18446744073709551616").unwrap(),
            Value::Float(18_446_744_073_709_551_616.0)
        );
        assert!(serde_json::from_str::<Value>("1e400").is_err());
    }

    #[test]
    fn values_are_a_map_without_duplicates_and_nothing_else() {
        for text in ["null", "1", "[]", "\"x\"", r#"{"key":1,"key":1}"#] {
            assert!(serde_json::from_str::<Values>(text).is_err());
        }
    }

    #[test]
    fn the_depth_of_json_is_limited() {
        let text = serde_json::to_string(&nested(64)).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), nested(64));
        assert!(serde_json::from_str::<Value>(&format!("[{text}]")).is_err());
        assert!(serde_json::from_str::<Values>(&format!("{{\"k\":{text}}}")).is_err());
        let inside = text.strip_prefix('[').unwrap().strip_suffix(']').unwrap();
        assert!(serde_json::from_str::<Values>(&format!("{{\"k\":{inside}}}")).is_ok());
    }
}

#[cfg(all(test, feature = "_proptest"))]
mod properties {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::{from_value, to_value};
    use super::*;

    fn value(json: bool) -> impl Strategy<Value = Value> {
        let bytes = vec(any::<u8>(), 0..20).prop_map(move |bytes| match json {
            true => Value::Null,
            false => Value::Bytes(bytes),
        });
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (0_u64..70_000).prop_map(Value::from),
            any::<f64>()
                .prop_filter("is a value", |float| float.is_finite())
                .prop_map(Value::from),
            any::<f32>()
                .prop_filter("is a value", |float| float.is_finite())
                .prop_map(Value::from),
            (-3_000_i16..3_000).prop_map(|n| Value::from(f64::from(n) / 8.0)),
            text().prop_map(Value::from),
            bytes,
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..6).prop_map(Value::from),
                map(inner.clone(), 6).prop_map(Value::from),
                vec(map(inner, 6).prop_map(Value::from), 0..6).prop_map(Value::from),
            ]
        })
    }

    fn map(value: impl Strategy<Value = Value>, len: usize) -> impl Strategy<Value = Map> {
        let key = prop_oneof!["[a-c]?", "(aud|id|sub|user_id|zoneinfo)", text()];
        vec((key, value), 0..len).prop_map(|entries| {
            let mut map = Map::new();
            for (key, value) in entries {
                map.insert(key, value);
            }
            map
        })
    }

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            vec(any::<char>(), 0..8).prop_map(String::from_iter),
            "[ -~]{0,40}",
            "[A-Za-z0-9_-]{14,40}",
            "([0-9a-f]{2}){6,20}",
            "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "[A-Z]{0,12}\\.[a-z]{0,40}\\.[0-9]{0,12}",
        ]
    }

    proptest! {
        #[test]
        fn any_values_round_trip_in_postcard(map in map(value(false), 20)) {
            let values = Values(map);
            let bytes = postcard::to_allocvec(&values).unwrap();
            let (decoded, rest) = postcard::take_from_bytes::<Values>(&bytes).unwrap();
            prop_assert!(rest.is_empty());
            prop_assert_eq!(postcard::to_allocvec(&decoded).unwrap(), &bytes[..]);
            prop_assert!(decoded == values);
            for end in 0..bytes.len().min(40) {
                prop_assert!(postcard::take_from_bytes::<Values>(&bytes[..end]).is_err());
            }
        }

        /// Another implementation reads the same bytes, and would write them in no other way.
        #[test]
        fn any_values_are_plain_cbor_for_a_stranger(map in map(value(false), 20)) {
            let bytes = write::write(&map).unwrap();
            let mut rest = &bytes[..];
            let read: ciborium::Value = ciborium::from_reader(&mut rest).unwrap();
            prop_assert!(rest.is_empty());
            let mut again = Vec::new();
            ciborium::into_writer(&read, &mut again).unwrap();
            prop_assert_eq!(&again[..], &bytes[..]);
        }

        #[test]
        fn any_values_round_trip_in_json(map in map(value(true), 20)) {
            let values = Values(map);
            let text = serde_json::to_string(&values).unwrap();
            let decoded: Values = serde_json::from_str(&text).unwrap();
            prop_assert!(decoded == values);
            prop_assert_eq!(serde_json::to_string(&decoded).unwrap(), text);
        }

        #[test]
        fn any_value_is_itself_in_the_data_model(value in value(false)) {
            prop_assert!(to_value(&value).unwrap() == value);
            prop_assert!(from_value::<Value>(&value).unwrap() == value);
        }

        #[test]
        fn what_is_read_from_any_bytes_is_written_in_no_more(bytes in vec(any::<u8>(), 0..200)) {
            if let Some(map) = read::read(&bytes) {
                prop_assert!(write::write(&map).unwrap().len() <= bytes.len());
            }
        }

        /// Bytes that are likely to be CBOR of this form.
        #[test]
        fn small_bytes_that_are_read_are_written_the_same(
            bytes in vec(prop_oneof![0_u8..24, 0x20_u8..0x23, 0x60_u8..0x63, 0x80_u8..0x84, 0xa0_u8..0xa4], 0..20)
        ) {
            let bytes = [&[0xa1, 0], &bytes[..]].concat();
            if let Some(map) = read::read(&bytes) {
                let written = write::write(&map).unwrap();
                prop_assert!(written.len() <= bytes.len());
                prop_assert!(read::read(&written) == Some(map));
            }
        }
    }
}
