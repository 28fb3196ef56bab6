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

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};
use serde::ser::{Error as _, SerializeMap, SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};

use super::{Depth, Map, Value, ValueError, Values};

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Map::deserialize(deserializer).map(Self)
    }
}

impl Serialize for Map {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Entries(self, Depth::ROOT).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Map {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        MapReader(Depth::ROOT).deserialize(deserializer)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Node(self, Depth::ROOT).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        NodeReader(Depth::ROOT).deserialize(deserializer)
    }
}

/// Writes a value that is somewhere below the root.
struct Node<'a>(&'a Value, Depth);

impl Serialize for Node<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            self.serialize_plain(serializer)
        } else {
            self.serialize_tagged(serializer)
        }
    }
}

impl Node<'_> {
    fn serialize_plain<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(value, depth) = *self;
        match value {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(v) => serializer.serialize_bool(*v),
            Value::Int(n) => serializer.serialize_i64(*n),
            Value::UInt(n) => serializer.serialize_u64(*n),
            Value::Float(n) => serializer.serialize_f64(*n),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Value::Array(items) => Elements(items, depth).serialize(serializer),
            Value::Map(map) => Entries(map, depth).serialize(serializer),
        }
    }

    fn serialize_tagged<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(value, depth) = *self;
        match value {
            Value::Null => serializer.serialize_unit_variant(NAME, 0, "Null"),
            Value::Bool(v) => serializer.serialize_newtype_variant(NAME, 1, "Bool", v),
            Value::Int(n) => match u64::try_from(*n) {
                Ok(n) => serializer.serialize_newtype_variant(NAME, 3, "UInt", &n),
                Err(_) => serializer.serialize_newtype_variant(NAME, 2, "Int", n),
            },
            Value::UInt(n) => serializer.serialize_newtype_variant(NAME, 3, "UInt", n),
            Value::Float(n) => serializer.serialize_newtype_variant(NAME, 4, "Float", n),
            Value::Text(text) => serializer.serialize_newtype_variant(NAME, 5, "Text", text),
            Value::Bytes(bytes) => {
                serializer.serialize_newtype_variant(NAME, 6, "Bytes", &Octets(bytes))
            }
            Value::Array(items) => {
                serializer.serialize_newtype_variant(NAME, 7, "Array", &Elements(items, depth))
            }
            Value::Map(map) => {
                serializer.serialize_newtype_variant(NAME, 8, "Map", &Entries(map, depth))
            }
        }
    }
}

struct Octets<'a>(&'a [u8]);

impl Serialize for Octets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// Writes an array; the depth is the one outside of it.
struct Elements<'a>(&'a [Value], Depth);

impl Serialize for Elements<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The serializer goes first, to report the depth itself if it can.
        let mut seq = serializer.serialize_seq(Some(self.0.len()))?;
        let depth = self.1.enter().map_err(S::Error::custom)?;
        for value in self.0 {
            seq.serialize_element(&Node(value, depth))?;
        }
        seq.end()
    }
}

/// Writes a map; the depth is the one outside of it.
struct Entries<'a>(&'a Map, Depth);

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        let depth = self.1.enter().map_err(S::Error::custom)?;
        for (key, value) in self.0 {
            map.serialize_entry(key, &Node(value, depth))?;
        }
        map.end()
    }
}

/// Reads a value that is somewhere below the root.
#[derive(Clone, Copy)]
struct NodeReader(Depth);

impl<'de> DeserializeSeed<'de> for NodeReader {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(PlainReader(self.0))
        } else {
            deserializer.deserialize_enum(NAME, VARIANTS, TaggedReader(self.0))
        }
    }
}

/// Reads the human-readable form of a value.
struct PlainReader(Depth);

impl<'de> Visitor<'de> for PlainReader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a session value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let depth = self.0.wrap().map_err(D::Error::custom)?;
        NodeReader(depth).deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Value, D::Error> {
        self.visit_some(deserializer)
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_i128<E: serde::de::Error>(self, v: i128) -> Result<Value, E> {
        Value::from_integer(v).map_err(E::custom)
    }

    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(Value::UInt(v))
    }

    fn visit_u128<E: serde::de::Error>(self, v: u128) -> Result<Value, E> {
        Value::from_integer(v).map_err(E::custom)
    }

    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(Value::Float(v))
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_string<E>(self, v: String) -> Result<Value, E> {
        Ok(Value::Text(v))
    }

    fn visit_bytes<E>(self, v: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(v.to_vec()))
    }

    fn visit_byte_buf<E>(self, v: Vec<u8>) -> Result<Value, E> {
        Ok(Value::Bytes(v))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Value, A::Error> {
        ArrayReader(self.0).visit_seq(seq).map(Value::Array)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        MapReader(self.0).visit_map(map).map(Value::Map)
    }
}

/// Reads the binary form of a value.
struct TaggedReader(Depth);

impl<'de> Visitor<'de> for TaggedReader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a session value")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Value, A::Error> {
        let (tag, content) = data.variant::<Tag>()?;
        match tag {
            Tag::Null => content.unit_variant().map(|()| Value::Null),
            Tag::Bool => content.newtype_variant().map(Value::Bool),
            Tag::Int => {
                let n: i64 = content.newtype_variant()?;
                if n >= 0 {
                    return Err(A::Error::custom(ValueError::IntegerRange));
                }
                Ok(Value::Int(n))
            }
            Tag::UInt => content.newtype_variant().map(Value::UInt),
            Tag::Float => content.newtype_variant().map(Value::Float),
            Tag::Text => content.newtype_variant().map(Value::Text),
            Tag::Bytes => content.newtype_variant_seed(OctetsReader).map(Value::Bytes),
            Tag::Array => content
                .newtype_variant_seed(ArrayReader(self.0))
                .map(Value::Array),
            Tag::Map => content
                .newtype_variant_seed(MapReader(self.0))
                .map(Value::Map),
        }
    }
}

const NAME: &str = "Value";

const VARIANTS: &[&str] = &[
    "Null", "Bool", "Int", "UInt", "Float", "Text", "Bytes", "Array", "Map",
];

/// The kinds of the binary form, in the order of their numbers.
#[derive(Deserialize)]
#[serde(variant_identifier)]
enum Tag {
    Null,
    Bool,
    Int,
    UInt,
    Float,
    Text,
    Bytes,
    Array,
    Map,
}

struct OctetsReader;

impl<'de> DeserializeSeed<'de> for OctetsReader {
    type Value = Vec<u8>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<u8>, D::Error> {
        deserializer.deserialize_byte_buf(self)
    }
}

impl Visitor<'_> for OctetsReader {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E>(self, v: &[u8]) -> Result<Vec<u8>, E> {
        Ok(v.to_vec())
    }

    fn visit_byte_buf<E>(self, v: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(v)
    }
}

/// Reads an array; the depth is the one outside of it.
struct ArrayReader(Depth);

impl<'de> DeserializeSeed<'de> for ArrayReader {
    type Value = Vec<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Value>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ArrayReader {
    type Value = Vec<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<Value>, A::Error> {
        let reader = NodeReader(self.0.enter().map_err(A::Error::custom)?);
        let mut items = Vec::with_capacity(capacity(seq.size_hint()));
        while let Some(value) = seq.next_element_seed(reader)? {
            items.push(value);
        }
        Ok(items)
    }
}

/// Reads a map; the depth is the one outside of it.
struct MapReader(Depth);

impl<'de> DeserializeSeed<'de> for MapReader {
    type Value = Map;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Map, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for MapReader {
    type Value = Map;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Map, A::Error> {
        let reader = NodeReader(self.0.enter().map_err(A::Error::custom)?);
        let mut entries = Vec::with_capacity(capacity(map.size_hint()));
        while let Some(key) = map.next_key::<String>()? {
            entries.push((key, map.next_value_seed(reader)?));
        }
        Map::try_from(entries).map_err(A::Error::custom)
    }
}

/// The capacity to reserve when `hint` entries are announced. The hint can be
/// an attacker's.
pub(super) fn capacity(hint: Option<usize>) -> usize {
    hint.unwrap_or(0).min(64)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::{from_value, to_value};
    use super::*;

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
        let owned = |(key, value): &(&str, Value)| ((*key).to_owned(), value.clone());
        entries
            .iter()
            .map(owned)
            .collect::<Vec<_>>()
            .try_into()
            .unwrap()
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
    fn every_truncation_is_an_error() {
        let bytes = encode(&sample());
        for end in 0..bytes.len() {
            assert!(postcard::take_from_bytes::<Values>(&bytes[..end]).is_err());
        }
    }

    #[test]
    fn a_huge_claimed_length_is_an_error() {
        let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert!(decode::<Values>(&huge).is_err());
        for tag in [5, 6, 7, 8] {
            let mut bytes = vec![tag];
            bytes.extend(huge);
            assert!(decode::<Value>(&bytes).is_err());
            bytes.extend([0; 100]);
            assert!(decode::<Value>(&bytes).is_err());
        }
    }

    #[test]
    fn an_int_that_is_not_negative_is_refused_and_never_written() {
        assert!(decode::<Value>(&[2, 0]).is_err());
        assert!(decode::<Value>(&[2, 2]).is_err());
        assert_eq!(decode::<Value>(&[2, 1]).unwrap(), Value::Int(-1));
        assert_eq!(encode(&Value::Int(7)), [3, 7]);
        assert_eq!(to_value(&Value::Int(7)), Ok(Value::UInt(7)));
    }

    #[test]
    fn unknown_kinds_and_bad_contents_are_refused() {
        for bytes in [&[9][..], &[0xff, 0x01], &[1, 2], &[5, 1, 0xff]] {
            assert!(decode::<Value>(bytes).is_err());
        }
    }

    #[test]
    fn a_key_that_comes_twice_is_refused() {
        assert!(decode::<Values>(&[2, 1, b'a', 0, 1, b'a', 0]).is_err());
        assert!(decode::<Value>(&[8, 2, 0, 0, 0, 0]).is_err());
        let error = serde_json::from_str::<Values>(r#"{"key":1,"key":1}"#).unwrap_err();
        assert!(error.to_string().contains("same key twice"));
        let mut bytes = vec![100];
        for n in 0..99 {
            bytes.extend([1, n, 0]);
        }
        bytes.extend([1, 98, 0]);
        assert!(decode::<Values>(&bytes).is_err());
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
    fn values_are_a_map_and_nothing_else() {
        for text in ["null", "1", "[]", "\"x\""] {
            assert!(serde_json::from_str::<Values>(text).is_err());
        }
    }

    #[test]
    fn large_maps_are_read_in_reasonable_time() {
        let entries: Vec<_> = (0..50_000)
            .map(|n: u32| (n.to_string(), Value::Null))
            .collect();
        let values = Values(entries.try_into().unwrap());
        assert!(decode::<Values>(&encode(&values)).unwrap() == values);
    }

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
            let bytes = encode(&values);
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
        fn plausible_bytes_are_decoded_without_a_panic(bytes in vec(0_u8..10, 0..200)) {
            if let Ok((values, rest)) = postcard::take_from_bytes::<Values>(&bytes) {
                let read = bytes.len().checked_sub(rest.len()).unwrap();
                prop_assert_eq!(encode(&values), &bytes[..read]);
            }
            let _ = postcard::take_from_bytes::<Value>(&bytes);
        }
    }
}
