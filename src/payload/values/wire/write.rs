//! Writing both forms.

use serde::ser::{Error as _, Serialize, SerializeMap, SerializeSeq, Serializer};

use super::super::{Depth, Map, Value, Values};
use super::NAME;

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Serialize for Map {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Entries(self, Depth::ROOT).serialize(serializer)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Node(self, Depth::ROOT).serialize(serializer)
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
