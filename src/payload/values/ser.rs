//! From anything serializable to a [`Value`].

use std::fmt;

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::error::display;
use super::limits::capacity;
use super::map::Key;
use super::{Depth, Map, Value, ValueError};

/// Serializes one value, somewhere below the root.
#[derive(Clone, Copy)]
pub(super) struct ValueSerializer(pub(super) Depth);

impl ValueSerializer {
    fn items(self, tag: Option<&'static str>, len: Option<usize>) -> Result<Items, ValueError> {
        let inside = self.inside(tag)?;
        let done = Vec::with_capacity(capacity(len));
        Ok(Items { tag, done, inside })
    }

    fn entries(self, tag: Option<&'static str>, len: Option<usize>) -> Result<Entries, ValueError> {
        Ok(Entries {
            tag,
            key: None,
            done: Vec::with_capacity(capacity(len)),
            inside: self.inside(tag)?,
        })
    }

    /// Inside an array or a map, which is inside the map from a tag if there is one.
    fn inside(self, tag: Option<&'static str>) -> Result<Self, ValueError> {
        let depth = self.0.enter()?;
        tag.map_or(Ok(depth), |_| depth.enter()).map(Self)
    }
}

macro_rules! leaves {
    ($($method:ident: $leaf:ty,)*) => {$(
        fn $method(self, v: $leaf) -> Result<Value, ValueError> {
            Ok(v.into())
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

    leaves! {
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_str: &str,
    }

    fn serialize_i128(self, v: i128) -> Result<Value, ValueError> {
        let negative = i64::try_from(v).map(Value::from);
        negative
            .or_else(|_| u64::try_from(v).map(Value::from))
            .map_err(|_| ValueError::IntegerRange)
    }

    fn serialize_u128(self, v: u128) -> Result<Value, ValueError> {
        let v = u64::try_from(v).map_err(|_| ValueError::IntegerRange)?;
        Ok(v.into())
    }

    fn serialize_f32(self, v: f32) -> Result<Value, ValueError> {
        self.serialize_f64(v.into())
    }

    fn serialize_f64(self, v: f64) -> Result<Value, ValueError> {
        let float = v.is_finite().then_some(Value::Float(v));
        float.ok_or(ValueError::NotFinite)
    }

    fn serialize_char(self, v: char) -> Result<Value, ValueError> {
        Ok(Value::Text(v.into()))
    }

    fn serialize_bytes(self, v: &[u8]) -> Result<Value, ValueError> {
        Ok(v.to_vec().into())
    }

    fn serialize_none(self) -> Result<Value, ValueError> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, ValueError> {
        value.serialize(Self(self.0.wrap()?))
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
        self.serialize_some(value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value, ValueError> {
        let value = value.serialize(Self(self.0.enter()?))?;
        tagged(Some(variant), value)
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
}

/// An array in the making, inside a map from `tag` if there is one.
pub(super) struct Items {
    tag: Option<&'static str>,
    done: Vec<Value>,
    inside: ValueSerializer,
}

macro_rules! items {
    ($($kind:ident, $method:ident;)*) => {$(
        impl $kind for Items {
            type Ok = Value;
            type Error = ValueError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
                self.done.push(value.serialize(self.inside)?);
                Ok(())
            }

            fn end(self) -> Result<Value, ValueError> {
                tagged(self.tag, self.done.into())
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
    key: Option<Key>,
    done: Vec<(Key, Value)>,
    inside: ValueSerializer,
}

impl SerializeMap for Entries {
    type Ok = Value;
    type Error = ValueError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), ValueError> {
        self.key = Some(match key.serialize(self.inside)? {
            Value::Text(text) => Key::text(&text),
            Value::Bool(v) => Key::text(&v.to_string()),
            Value::Int(n) => Key::text(&n.to_string()),
            Value::UInt(n) => Key::text(&n.to_string()),
            _ => return Err(ValueError::KeyKind),
        });
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        let key = self.key.take().ok_or(ValueError::Unserializable)?;
        self.done.push((key, value.serialize(self.inside)?));
        Ok(())
    }

    fn end(self) -> Result<Value, ValueError> {
        tagged(self.tag, Map::from_entries(self.done)?.into())
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
                self.done.push((Key::name(key), value.serialize(self.inside)?));
                Ok(())
            }

            fn end(self) -> Result<Value, ValueError> {
                SerializeMap::end(self)
            }
        }
    )*};
}

fields! {
    SerializeStruct;
    SerializeStructVariant;
}

fn tagged(tag: Option<&'static str>, value: Value) -> Result<Value, ValueError> {
    match tag {
        None => Ok(value),
        Some(tag) => Map::from_entries(vec![(Key::name(tag), value)]).map(Value::Map),
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

    /// A map that is serialized from its pairs.
    struct Pairs<'a, K>(&'a [(K, u8)]);

    impl<K: Serialize> Serialize for Pairs<'_, K> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map(self.0.iter().map(|(k, v)| (k, v)))
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
    }

    #[test]
    fn floats_that_json_does_not_have_are_refused() {
        for float in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(to_value(&float), Err(ValueError::NotFinite));
            assert_eq!(to_value(&[Value::Float(float)]), Err(ValueError::NotFinite));
        }
        assert_eq!(to_value(&f32::INFINITY), Err(ValueError::NotFinite));
    }

    #[test]
    fn wide_integers_must_fit() {
        assert_eq!(to_value(&u128::from(u64::MAX)), Ok(Value::UInt(u64::MAX)));
        assert_eq!(to_value(&i128::from(u64::MAX)), Ok(Value::UInt(u64::MAX)));
        assert_eq!(to_value(&i128::from(i64::MIN)), Ok(Value::Int(i64::MIN)));
        assert_eq!(to_value(&u128::MAX), Err(ValueError::IntegerRange));
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
        assert_eq!(json(&Pairs(&[("b", 1), ("a", 2)])), r#"{"a":2,"b":1}"#);
    }

    #[test]
    fn keys_that_are_no_scalars_are_refused() {
        let written = |key: &dyn Fn() -> Result<Value, ValueError>| key().map(drop);
        assert_eq!(written(&|| to_value(&Pairs(&[(Some(1), 0)]))), Ok(()));
        let refused = Err(ValueError::KeyKind);
        assert_eq!(written(&|| to_value(&Pairs(&[((1, 2), 0)]))), refused);
        assert_eq!(written(&|| to_value(&Pairs(&[((), 0)]))), refused);
        assert_eq!(written(&|| to_value(&Pairs(&[(None::<u8>, 0)]))), refused);
        assert_eq!(written(&|| to_value(&Pairs(&[(1.5, 0)]))), refused);
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
}
