//! Map keys: scalars as text, and back.

use std::fmt;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde::ser::{Impossible, Serialize, Serializer};

use super::error::display;
use super::{Depth, ValueError};

/// Serializes a map key to text.
pub(super) struct KeySerializer {
    pub(super) depth: Depth,
}

macro_rules! keys {
    ($($method:ident: $key:ty,)*) => {$(
        fn $method(self, v: $key) -> Result<String, ValueError> {
            Ok(v.to_string())
        }
    )*};
}

macro_rules! not_keys {
    ($($method:ident($($argument:ty),*) -> $ok:ty,)*) => {$(
        fn $method(self, $(_: $argument),*) -> Result<$ok, ValueError> {
            Err(ValueError::KeyKind)
        }
    )*};
}

type NoKey = Impossible<String, ValueError>;

impl Serializer for KeySerializer {
    type Ok = String;
    type Error = ValueError;
    type SerializeSeq = NoKey;
    type SerializeTuple = NoKey;
    type SerializeTupleStruct = NoKey;
    type SerializeTupleVariant = NoKey;
    type SerializeMap = NoKey;
    type SerializeStruct = NoKey;
    type SerializeStructVariant = NoKey;

    keys! {
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_i128: i128,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_u128: u128,
        serialize_char: char,
        serialize_str: &str,
    }

    not_keys! {
        serialize_f32(f32) -> String,
        serialize_f64(f64) -> String,
        serialize_bytes(&[u8]) -> String,
        serialize_none() -> String,
        serialize_unit() -> String,
        serialize_unit_struct(&'static str) -> String,
        serialize_seq(Option<usize>) -> NoKey,
        serialize_tuple(usize) -> NoKey,
        serialize_tuple_struct(&'static str, usize) -> NoKey,
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> NoKey,
        serialize_map(Option<usize>) -> NoKey,
        serialize_struct(&'static str, usize) -> NoKey,
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> NoKey,
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<String, ValueError> {
        let depth = self.depth.wrap()?;
        value.serialize(Self { depth })
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<String, ValueError> {
        let depth = self.depth.wrap()?;
        value.serialize(Self { depth })
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<String, ValueError> {
        Ok(variant.to_owned())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _value: &T,
    ) -> Result<String, ValueError> {
        Err(ValueError::KeyKind)
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<String, ValueError> {
        display(value)
    }

    fn is_human_readable(&self) -> bool {
        true
    }
}

/// Deserializes a map key, which is text but may stand for something else.
pub(super) struct KeyDeserializer<'de> {
    pub(super) key: &'de str,
    pub(super) depth: Depth,
}

impl KeyDeserializer<'_> {
    /// Only the one text of a value is accepted: `05` is no integer.
    fn parse<T: std::str::FromStr + ToString>(&self) -> Result<T, ValueError> {
        let parsed: T = self.key.parse().map_err(|_| ValueError::KeyKind)?;
        if parsed.to_string() == self.key {
            Ok(parsed)
        } else {
            Err(ValueError::KeyKind)
        }
    }

    fn wrapped(self) -> Result<Self, ValueError> {
        Ok(Self {
            key: self.key,
            depth: self.depth.wrap()?,
        })
    }
}

macro_rules! parsed_keys {
    ($($method:ident, $visit:ident;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
            visitor.$visit(self.parse()?)
        }
    )*};
}

impl<'de> Deserializer<'de> for KeyDeserializer<'de> {
    type Error = ValueError;

    parsed_keys! {
        deserialize_bool, visit_bool;
        deserialize_i8, visit_i8;
        deserialize_i16, visit_i16;
        deserialize_i32, visit_i32;
        deserialize_i64, visit_i64;
        deserialize_i128, visit_i128;
        deserialize_u8, visit_u8;
        deserialize_u16, visit_u16;
        deserialize_u32, visit_u32;
        deserialize_u64, visit_u64;
        deserialize_u128, visit_u128;
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_borrowed_str(self.key)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_some(self.wrapped()?)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        visitor.visit_newtype_struct(self.wrapped()?)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        visitor.visit_enum(BorrowedStrDeserializer::new(self.key))
    }

    fn is_human_readable(&self) -> bool {
        true
    }

    forward_to_deserialize_any! {
        f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, ValueError> for KeyDeserializer<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::hash::Hash;

    use serde::de::DeserializeOwned;

    use super::super::{Map, from_value, to_value};
    use super::*;

    fn written<K: Serialize>(key: K) -> Result<(), ValueError> {
        struct Pair<K>(K);

        impl<K: Serialize> Serialize for Pair<K> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map([(&self.0, 1)])
            }
        }

        to_value(&Pair(key)).map(drop)
    }

    fn read<K: DeserializeOwned + Eq + Hash>(key: &str) -> Result<K, ValueError> {
        let mut map = Map::new();
        map.insert(key, 1_u8);
        let read: HashMap<K, u8> = from_value(&map.into())?;
        Ok(read.into_keys().next().unwrap())
    }

    #[test]
    fn keys_that_are_no_scalars_are_refused() {
        assert_eq!(written(Some(1)), Ok(()));
        assert_eq!(written((1, 2)), Err(ValueError::KeyKind));
        assert_eq!(written(()), Err(ValueError::KeyKind));
        assert_eq!(written(None::<u8>), Err(ValueError::KeyKind));
        assert_eq!(written(1.5), Err(ValueError::KeyKind));
        assert!(read::<()>("x").is_err());
    }

    #[test]
    fn a_key_is_read_back_from_its_one_text() {
        assert_eq!(read::<i8>("-5"), Ok(-5));
        for key in ["05", "+5", "5 ", "", "-0", "128", "5.0"] {
            assert_eq!(read::<i8>(key), Err(ValueError::KeyKind));
        }
        assert_eq!(read::<bool>("true"), Ok(true));
        assert_eq!(read::<bool>("1"), Err(ValueError::KeyKind));
        assert_eq!(read::<Option<char>>("x"), Ok(Some('x')));
    }
}
