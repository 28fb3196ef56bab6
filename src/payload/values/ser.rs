//! From anything serializable to a [`Value`].

use std::fmt;

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::error::display;
use super::key::KeySerializer;
use super::limits::capacity;
use super::{Depth, Map, Value, ValueError};

/// Serializes one value, somewhere below the root.
#[derive(Clone, Copy)]
pub(super) struct ValueSerializer {
    depth: Depth,
}

impl ValueSerializer {
    pub(super) fn new(depth: Depth) -> Self {
        Self { depth }
    }

    fn items(self, tag: Option<&'static str>, len: Option<usize>) -> Result<Items, ValueError> {
        Ok(Items {
            tag,
            done: Vec::with_capacity(capacity(len)),
            depth: self.inside(tag)?,
        })
    }

    fn entries(self, tag: Option<&'static str>, len: Option<usize>) -> Result<Entries, ValueError> {
        Ok(Entries {
            tag,
            key: None,
            done: Vec::with_capacity(capacity(len)),
            depth: self.inside(tag)?,
        })
    }

    /// Inside an array or a map, which is inside the map from a tag if there is one.
    fn inside(self, tag: Option<&'static str>) -> Result<Depth, ValueError> {
        let depth = self.depth.enter()?;
        tag.map_or(Ok(depth), |_| depth.enter())
    }
}

macro_rules! integers {
    ($($method:ident: $integer:ty,)*) => {$(
        fn $method(self, v: $integer) -> Result<Value, ValueError> {
            Value::from_integer(v)
        }
    )*};
}

impl Serializer for ValueSerializer {
    type Ok = Value;
    type Error = ValueError;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = Items;
    type SerializeMap = Entries;
    type SerializeStruct = Entries;
    type SerializeStructVariant = Entries;

    integers! {
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
    }

    fn serialize_bool(self, v: bool) -> Result<Value, ValueError> {
        Ok(Value::Bool(v))
    }

    fn serialize_f32(self, v: f32) -> Result<Value, ValueError> {
        Ok(v.into())
    }

    fn serialize_f64(self, v: f64) -> Result<Value, ValueError> {
        Ok(Value::Float(v))
    }

    fn serialize_char(self, v: char) -> Result<Value, ValueError> {
        Ok(Value::Text(v.into()))
    }

    fn serialize_str(self, v: &str) -> Result<Value, ValueError> {
        Ok(v.into())
    }

    fn serialize_bytes(self, v: &[u8]) -> Result<Value, ValueError> {
        Ok(Value::Bytes(v.to_vec()))
    }

    fn serialize_none(self) -> Result<Value, ValueError> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, ValueError> {
        value.serialize(Self::new(self.depth.wrap()?))
    }

    fn serialize_unit(self) -> Result<Value, ValueError> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<Value, ValueError> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<Value, ValueError> {
        Ok(variant.into())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<Value, ValueError> {
        value.serialize(Self::new(self.depth.wrap()?))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value, ValueError> {
        let value = value.serialize(Self::new(self.depth.enter()?))?;
        Ok(tagged(Some(variant), value))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Items, ValueError> {
        self.items(None, len)
    }

    fn serialize_tuple(self, len: usize) -> Result<Items, ValueError> {
        self.items(None, Some(len))
    }

    fn serialize_tuple_struct(self, _name: &'static str, len: usize) -> Result<Items, ValueError> {
        self.items(None, Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Items, ValueError> {
        self.items(Some(variant), Some(len))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Entries, ValueError> {
        self.entries(None, len)
    }

    fn serialize_struct(self, _name: &'static str, len: usize) -> Result<Entries, ValueError> {
        self.entries(None, Some(len))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Entries, ValueError> {
        self.entries(Some(variant), Some(len))
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<Value, ValueError> {
        display(value).map(Value::Text)
    }

    fn is_human_readable(&self) -> bool {
        true
    }
}

/// An array in the making, inside a map from `tag` if there is one.
pub(super) struct Items {
    tag: Option<&'static str>,
    done: Vec<Value>,
    depth: Depth,
}

macro_rules! items {
    ($($kind:ident, $method:ident;)*) => {$(
        impl $kind for Items {
            type Ok = Value;
            type Error = ValueError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
                self.done.push(value.serialize(ValueSerializer::new(self.depth))?);
                Ok(())
            }

            fn end(self) -> Result<Value, ValueError> {
                Ok(tagged(self.tag, Value::Array(self.done)))
            }
        }
    )*};
}

items! {
    SerializeSeq, serialize_element;
    SerializeTuple, serialize_element;
    SerializeTupleStruct, serialize_field;
    SerializeTupleVariant, serialize_field;
}

/// A map in the making, inside a map from `tag` if there is one.
pub(super) struct Entries {
    tag: Option<&'static str>,
    /// A key whose value has not come yet.
    key: Option<String>,
    done: Vec<(String, Value)>,
    depth: Depth,
}

impl Entries {
    fn push<T: Serialize + ?Sized>(&mut self, key: String, value: &T) -> Result<(), ValueError> {
        let value = value.serialize(ValueSerializer::new(self.depth))?;
        self.done.push((key, value));
        Ok(())
    }

    fn finish(self) -> Result<Value, ValueError> {
        let map = Map::try_from(self.done)?;
        Ok(tagged(self.tag, Value::Map(map)))
    }
}

impl SerializeMap for Entries {
    type Ok = Value;
    type Error = ValueError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), ValueError> {
        self.key = Some(key.serialize(KeySerializer { depth: self.depth })?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        let key = self.key.take().ok_or(ValueError::Unserializable)?;
        self.push(key, value)
    }

    fn end(self) -> Result<Value, ValueError> {
        self.finish()
    }
}

macro_rules! fields {
    ($($kind:ident;)*) => {$(
        impl $kind for Entries {
            type Ok = Value;
            type Error = ValueError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), ValueError> {
                self.push(key.to_owned(), value)
            }

            fn end(self) -> Result<Value, ValueError> {
                self.finish()
            }
        }
    )*};
}

fields! {
    SerializeStruct;
    SerializeStructVariant;
}

fn tagged(tag: Option<&'static str>, value: Value) -> Value {
    match tag {
        None => value,
        Some(tag) => {
            let mut map = Map::new();
            map.insert(tag, value);
            Value::Map(map)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serialize;

    use super::super::to_value;
    use super::*;

    #[derive(Serialize)]
    enum Shape {
        Unit,
        Newtype(u8),
        Tuple(u8, i8),
        Struct { a: Option<u8>, b: char },
    }

    #[derive(Serialize)]
    struct Wrapped(Option<Box<Wrapped>>);

    /// Serializes its text as bytes.
    struct Raw(&'static [u8]);

    impl Serialize for Raw {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            assert!(serializer.is_human_readable());
            serializer.serialize_bytes(self.0)
        }
    }

    /// Fails to be displayed.
    struct Broken;

    impl fmt::Display for Broken {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            Err(fmt::Error)
        }
    }

    impl Serialize for Broken {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(self)
        }
    }

    fn json<T: Serialize>(value: &T) -> String {
        serde_json::to_string(&to_value(value).unwrap()).unwrap()
    }

    #[test]
    fn the_data_model_is_the_one_of_serde_json() {
        let shapes = (
            [Shape::Unit, Shape::Newtype(1), Shape::Tuple(2, -3)],
            Shape::Struct { a: None, b: 'x' },
            ((), Some(1.5), true, "text"),
            BTreeMap::from([(-1, 'a'), (1, 'b')]),
            BTreeMap::from([(true, 0)]),
            BTreeMap::from([('c', u64::MAX)]),
            i64::MIN,
        );
        assert_eq!(json(&shapes), serde_json::to_string(&shapes).unwrap());
    }

    #[test]
    fn leaves_become_the_expected_variants() {
        assert_eq!(to_value(&-1_i8), Ok(Value::Int(-1)));
        assert_eq!(to_value(&1_i8), Ok(Value::UInt(1)));
        assert_eq!(to_value(&0.5_f32), Ok(Value::Float(0.5)));
        assert_eq!(to_value(&Raw(b"ab")), Ok(Value::Bytes(b"ab".to_vec())));
        assert!(matches!(to_value(&f64::NAN), Ok(Value::Float(f)) if f.is_nan()));
    }

    #[test]
    fn wide_integers_must_fit() {
        assert_eq!(to_value(&u128::from(u64::MAX)), Ok(Value::UInt(u64::MAX)));
        assert_eq!(to_value(&i128::from(i64::MIN)), Ok(Value::Int(i64::MIN)));
        for wide in [i128::from(u64::MAX) + 1, i128::from(i64::MIN) - 1] {
            assert_eq!(to_value(&wide), Err(ValueError::IntegerRange));
        }
    }

    #[test]
    fn a_key_that_comes_twice_is_refused() {
        assert_eq!(
            to_value(&Pairs(&[("a", 1), ("a", 2)])),
            Err(ValueError::DuplicateKey)
        );
        assert_eq!(json(&Pairs(&[("b", 1), ("a", 2)])), r#"{"b":1,"a":2}"#);
    }

    #[test]
    fn a_type_of_wrappers_only_does_not_recurse_without_end() {
        let wrapped = (0..1000).fold(Wrapped(None), |inner, _| Wrapped(Some(Box::new(inner))));
        assert_eq!(to_value(&wrapped), Err(ValueError::TooDeep));
    }

    #[test]
    fn a_failing_display_is_an_error_and_no_panic() {
        assert_eq!(to_value(&Broken), Err(ValueError::Unserializable));
        assert_eq!(
            to_value(&Pairs(&[(Broken, 1)])),
            Err(ValueError::Unserializable)
        );
    }

    /// A map that is serialized from its pairs.
    struct Pairs<'a, K>(&'a [(K, u8)]);

    impl<K: Serialize> Serialize for Pairs<'_, K> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map(self.0.iter().map(|(k, v)| (k, v)))
        }
    }
}
