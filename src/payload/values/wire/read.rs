//! Reading both forms.

use std::fmt;

use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};

use super::super::limits::capacity;
use super::super::{Depth, Map, Value, ValueError, Values};
use super::NAME;

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Map::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for Map {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        MapReader(Depth::ROOT).deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        NodeReader(Depth::ROOT).deserialize(deserializer)
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
