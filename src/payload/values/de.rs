//! From a [`Value`] to anything deserializable.

use serde::de::value::{BorrowedStrDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::{Depth, Value, ValueError};

/// Deserializes one value, somewhere below the root.
#[derive(Clone, Copy)]
pub(super) struct ValueDeserializer<'de>(pub(super) &'de Value, pub(super) Depth);

impl<'de> Deserializer<'de> for ValueDeserializer<'de> {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(v) => visitor.visit_bool(*v),
            Value::Int(n) => visitor.visit_i64(*n),
            Value::UInt(n) => visitor.visit_u64(*n),
            Value::Float(n) => visitor.visit_f64(*n),
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
            Value::Array(items) => {
                let depth = self.1.enter()?;
                let items = items.iter().map(|item| Self(item, depth));
                let mut items = SeqDeserializer::new(items);
                let value = visitor.visit_seq(&mut items)?;
                items.end().map(|()| value)
            }
            Value::Map(map) => {
                let depth = self.1.enter()?;
                let entry = |(key, value)| (KeyDeserializer(key, depth), Self(value, depth));
                let mut entries = MapDeserializer::new(map.iter().map(entry));
                let value = visitor.visit_map(&mut entries)?;
                entries.end().map(|()| value)
            }
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        let byte = |value: &Value| match value {
            Value::UInt(n) => u8::try_from(*n).ok(),
            _ => None,
        };
        match self.0 {
            Value::Array(items) => match items.iter().map(byte).collect::<Option<Vec<u8>>>() {
                Some(bytes) => visitor.visit_byte_buf(bytes),
                None => self.deserialize_any(visitor),
            },
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(Self(self.0, self.1.wrap()?)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        visitor.visit_newtype_struct(Self(self.0, self.1.wrap()?))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.0 {
            Value::Bytes(bytes) => {
                let mut bytes = SeqDeserializer::new(bytes.iter().copied());
                let value = visitor.visit_seq(&mut bytes)?;
                bytes.end().map(|()| value)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        match self.0 {
            Value::Text(variant) => visitor.visit_enum(BorrowedStrDeserializer::new(variant)),
            Value::Map(map) => {
                let depth = self.1.enter()?;
                let mut entries = map.iter();
                let (Some((name, value)), None) = (entries.next(), entries.next()) else {
                    return Err(ValueError::WrongLength);
                };
                visitor.visit_enum(Variant(name, Self(value, depth)))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string unit unit_struct
        map struct identifier
    }
}

impl<'de> IntoDeserializer<'de, ValueError> for ValueDeserializer<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// An enum variant that is more than its name.
struct Variant<'de>(&'de str, ValueDeserializer<'de>);

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = ValueError;
    type Variant = ValueDeserializer<'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self::Variant), ValueError> {
        let name = seed.deserialize(BorrowedStrDeserializer::<ValueError>::new(self.0))?;
        Ok((name, self.1))
    }
}

impl<'de> VariantAccess<'de> for ValueDeserializer<'de> {
    type Error = ValueError;

    fn unit_variant(self) -> Result<(), ValueError> {
        serde::Deserialize::deserialize(self)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, ValueError> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.deserialize_any(visitor)
    }
}

/// Deserializes a map key, which is text but may stand for something else.
struct KeyDeserializer<'de>(&'de str, Depth);

macro_rules! integer_keys {
    ($($method:ident)*) => {$(
        /// Only the one text of an integer is accepted, and not `05`.
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
            if let Some(n) = self.0.parse().ok().filter(|n: &u64| n.to_string() == self.0) {
                return visitor.visit_u64(n);
            }
            let n = self.0.parse().ok().filter(|n: &i64| n.to_string() == self.0);
            visitor.visit_i64(n.ok_or(ValueError::KeyKind)?)
        }
    )*};
}

impl<'de> Deserializer<'de> for KeyDeserializer<'de> {
    type Error = ValueError;

    integer_keys! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_bool(self.0.parse().map_err(|_| ValueError::KeyKind)?)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_some(Self(self.0, self.1.wrap()?))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        visitor.visit_newtype_struct(Self(self.0, self.1.wrap()?))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        visitor.visit_enum(BorrowedStrDeserializer::new(self.0))
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
    use std::collections::{BTreeMap, HashMap};
    use std::fmt;
    use std::hash::Hash;
    use std::num::NonZeroU8;

    use serde::de::{DeserializeOwned, Error, IgnoredAny};
    use serde::{Deserialize, Serialize};

    use super::super::{Map, from_value, to_value};
    use super::*;

    #[derive(Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord, Debug, Clone)]
    enum Shape {
        Unit,
        Newtype(u8),
        Tuple(u8, i8),
        Struct { a: Option<u8>, b: char },
    }

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    #[serde(tag = "t")]
    enum Tagged {
        A { n: u32 },
        B,
    }

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    #[serde(untagged)]
    enum Untagged {
        Number(i64),
        Text(String),
        Real(f64),
    }

    #[derive(Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord, Debug)]
    struct Id(u32);

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Everything {
        unit: (),
        id: Id,
        shapes: Vec<Shape>,
        by_id: BTreeMap<Id, bool>,
        by_flag: BTreeMap<bool, char>,
        by_shape: BTreeMap<Shape, i16>,
        by_wide: BTreeMap<i128, u128>,
        tagged: (Tagged, Tagged),
        untagged: [Untagged; 3],
        ratio: f32,
        #[serde(flatten)]
        rest: BTreeMap<String, u64>,
    }

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Wrapped(Option<Box<Wrapped>>);

    /// Asks for bytes and takes all forms of them.
    #[derive(PartialEq, Debug)]
    struct Blob(Vec<u8>);

    impl<'de> Deserialize<'de> for Blob {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct BlobVisitor;

            impl Visitor<'_> for BlobVisitor {
                type Value = Blob;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("a blob")
                }

                fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Blob, E> {
                    Ok(Blob(bytes.to_vec()))
                }
            }

            assert!(deserializer.is_human_readable());
            deserializer.deserialize_byte_buf(BlobVisitor)
        }
    }

    fn read<T: DeserializeOwned>(value: impl Into<Value>) -> Result<T, ValueError> {
        from_value(&value.into())
    }

    #[test]
    fn everything_round_trips() {
        let everything = Everything {
            unit: (),
            id: Id(7),
            shapes: vec![
                Shape::Unit,
                Shape::Newtype(1),
                Shape::Tuple(2, -3),
                Shape::Struct {
                    a: Some(4), b: 'ß'
                },
                Shape::Struct { a: None, b: 'x' },
            ],
            by_id: BTreeMap::from([(Id(1), true), (Id(2), false)]),
            by_flag: BTreeMap::from([(true, 't')]),
            by_shape: BTreeMap::from([(Shape::Unit, -9)]),
            by_wide: BTreeMap::from([(i64::MIN.into(), 5), (u64::MAX.into(), 6)]),
            tagged: (Tagged::A { n: 1 }, Tagged::B),
            untagged: [
                Untagged::Number(-1),
                Untagged::Text("x".into()),
                Untagged::Real(0.5),
            ],
            ratio: 0.1,
            rest: BTreeMap::from([("extra".to_owned(), u64::MAX)]),
        };
        let value = to_value(&everything).unwrap();
        assert_eq!(from_value(&value), Ok(everything));
    }

    #[test]
    fn text_and_bytes_can_be_borrowed() {
        let text = Value::from("abc");
        let value = ValueDeserializer(&text, Depth::ROOT);
        assert_eq!(<&str>::deserialize(value).unwrap(), "abc");
        let bytes = Value::from(b"abc".to_vec());
        let value = ValueDeserializer(&bytes, Depth::ROOT);
        assert_eq!(<&[u8]>::deserialize(value).unwrap(), b"abc");
    }

    #[test]
    fn integers_are_checked_for_their_range() {
        let out_of_range = ValueError::IntegerRange;
        assert_eq!(read::<u8>(255_u16), Ok(255));
        assert_eq!(read::<u8>(256_u16).unwrap_err(), out_of_range);
        assert_eq!(read::<u64>(-1).unwrap_err(), out_of_range);
        assert_eq!(read::<i64>(u64::MAX).unwrap_err(), out_of_range);
        assert_eq!(read::<i128>(u64::MAX), Ok(i128::from(u64::MAX)));
        assert_eq!(read::<NonZeroU8>(0_u8).unwrap_err(), out_of_range);
    }

    #[test]
    fn an_integer_is_a_float_but_a_float_is_no_integer() {
        assert_eq!(read::<f64>(3_u8), Ok(3.0));
        assert_eq!(read::<f32>(-3), Ok(-3.0));
        assert!(matches!(
            read::<u8>(3.0),
            Err(ValueError::WrongType {
                found: "a float",
                ..
            })
        ));
    }

    #[test]
    fn bytes_and_arrays_of_integers_are_read_as_each_other() {
        let bytes = Value::from(vec![1_u8, 2, 255]);
        let array = to_value(&[1, 2, 255]).unwrap();
        for value in [&bytes, &array] {
            assert_eq!(from_value::<Vec<u8>>(value), Ok(vec![1, 2, 255]));
            assert_eq!(from_value::<[u8; 3]>(value), Ok([1, 2, 255]));
            assert_eq!(from_value::<Blob>(value), Ok(Blob(vec![1, 2, 255])));
            assert_eq!(from_value::<[u8; 2]>(value), Err(ValueError::WrongLength));
            assert_eq!(from_value::<[u8; 4]>(value), Err(ValueError::WrongLength));
        }
        assert!(from_value::<Blob>(&to_value(&[256]).unwrap()).is_err());
        assert!(from_value::<Blob>(&to_value(&[-1]).unwrap()).is_err());
    }

    #[test]
    fn enums_need_exactly_one_entry_and_a_known_variant() {
        let mut map = Map::new();
        assert_eq!(read::<Shape>(map.clone()), Err(ValueError::WrongLength));
        map.insert("Newtype", 1_u8);
        assert_eq!(read::<Shape>(map.clone()), Ok(Shape::Newtype(1)));
        map.insert("Unit", ());
        assert_eq!(read::<Shape>(map), Err(ValueError::WrongLength));
        assert_eq!(read::<Shape>("Secret"), Err(ValueError::UnknownVariant));
        assert!(read::<Shape>("Newtype").is_err());
        assert!(read::<Shape>("Struct").is_err());
        assert!(read::<Shape>(1).is_err());
    }

    #[test]
    fn a_type_of_wrappers_only_does_not_recurse_without_end() {
        assert_eq!(read::<Wrapped>(1), Err(ValueError::TooDeep));
        let mut map = Map::new();
        map.insert("1", ());
        assert!(read::<HashMap<String, Wrapped>>(map).is_ok());
    }

    #[test]
    fn a_key_is_read_back_from_its_one_text() {
        fn key<K: DeserializeOwned + Eq + Hash>(key: &str) -> Result<K, ValueError> {
            let mut map = Map::new();
            map.insert(key, 1_u8);
            let read: HashMap<K, u8> = read(map)?;
            Ok(read.into_keys().next().unwrap())
        }
        assert_eq!(key::<i8>("-5"), Ok(-5));
        for text in ["05", "+5", "5 ", "", "-0", "5.0"] {
            assert_eq!(key::<i8>(text), Err(ValueError::KeyKind));
        }
        assert_eq!(key::<i8>("128"), Err(ValueError::IntegerRange));
        assert_eq!(key::<bool>("true"), Ok(true));
        assert_eq!(key::<bool>("1"), Err(ValueError::KeyKind));
        assert_eq!(key::<Option<char>>("x"), Ok(Some('x')));
        assert!(key::<()>("x").is_err());
    }

    #[test]
    fn anything_can_be_ignored() {
        assert!(read::<IgnoredAny>(vec![Value::Null]).is_ok());
    }
}
