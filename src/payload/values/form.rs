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
        serializer.collect_map(self.iter())
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
        let mut items = Vec::with_capacity(capacity(seq.size_hint().unwrap_or(0)));
        while let Some(value) = seq.next_element_seed(inside)? {
            items.push(value);
        }
        Ok(items.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inside = Self(self.0.enter().map_err(A::Error::custom)?);
        let mut entries = Vec::with_capacity(capacity(map.size_hint().unwrap_or(0)));
        while let Some(key) = map.next_key::<String>()? {
            entries.push((Key::new(&key), map.next_value_seed(inside)?));
        }
        Map::from_entries(entries)
            .map(Value::Map)
            .map_err(A::Error::custom)
    }
}
