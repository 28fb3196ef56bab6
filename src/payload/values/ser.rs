//! From anything serializable to a [`Value`].

use std::fmt;

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::error::display;
use super::map::Key;
use super::{Depth, Map, Value, ValueError};

/// Serializes one value, somewhere below the root.
#[derive(Clone, Copy)]
pub(super) struct ValueSerializer(pub(super) Depth);

impl ValueSerializer {
    /// An array or map in the making, inside a map from `tag` if there is one.
    fn inside(self, tag: Option<&'static str>) -> Result<Compound, ValueError> {
        let depth = self.0.enter()?;
        Ok(Compound {
            tag,
            inside: Self(tag.map_or(Ok(depth), |_| depth.enter())?),
            items: Vec::new(),
            key: None,
            entries: Vec::new(),
        })
    }
}

/// Methods of a serializer by what they give: `method(arguments) => result;`.
macro_rules! methods {
    ($($method:ident($($argument:ident: $type:ty),*) => $result:expr;)*) => {$(
        fn $method(self, $($argument: $type),*) -> Result<Value, ValueError> {
            Ok(Value::from($result))
        }
    )*};
}

/// The same for arrays and maps: `method(arguments) in tag;`.
macro_rules! compounds {
    ($($method:ident($this:ident, $($argument:ident: $type:ty),*) in $tag:expr;)*) => {$(
        fn $method($this, $($argument: $type),*) -> Result<Compound, ValueError> {
            $this.inside($tag)
        }
    )*};
}

impl Serializer for ValueSerializer {
    type Ok = Value;
    type Error = ValueError;
    type SerializeSeq = Compound;
    type SerializeTuple = Compound;
    type SerializeTupleStruct = Compound;
    type SerializeTupleVariant = Compound;
    type SerializeMap = Compound;
    type SerializeStruct = Compound;
    type SerializeStructVariant = Compound;

    methods! {
        serialize_bool(v: bool) => v;
        serialize_i8(v: i8) => v;
        serialize_i16(v: i16) => v;
        serialize_i32(v: i32) => v;
        serialize_i64(v: i64) => v;
        serialize_u8(v: u8) => v;
        serialize_u16(v: u16) => v;
        serialize_u32(v: u32) => v;
        serialize_u64(v: u64) => v;
        serialize_char(v: char) => String::from(v);
        serialize_str(v: &str) => v;
        serialize_bytes(v: &[u8]) => v.to_vec();
        serialize_none() => ();
        serialize_unit() => ();
        serialize_unit_struct(_name: &'static str) => ();
        serialize_unit_variant(_name: &'static str, _index: u32, variant: &'static str) => variant;
    }

    compounds! {
        serialize_seq(self, _len: Option<usize>) in None;
        serialize_tuple(self, _len: usize) in None;
        serialize_tuple_struct(self, _name: &'static str, _len: usize) in None;
        serialize_tuple_variant(
            self, _name: &'static str, _index: u32, variant: &'static str, _len: usize
        ) in Some(variant);
        serialize_map(self, _len: Option<usize>) in None;
        serialize_struct(self, _name: &'static str, _len: usize) in None;
        serialize_struct_variant(
            self, _name: &'static str, _index: u32, variant: &'static str, _len: usize
        ) in Some(variant);
    }

    fn serialize_i128(self, v: i128) -> Result<Value, ValueError> {
        let negative = i64::try_from(v).map(Value::from);
        let value = negative.or_else(|_| u64::try_from(v).map(Value::from));
        value.map_err(|_| ValueError::IntegerRange)
    }

    fn serialize_u128(self, v: u128) -> Result<Value, ValueError> {
        let value = u64::try_from(v).map(Value::from);
        value.map_err(|_| ValueError::IntegerRange)
    }

    fn serialize_f32(self, v: f32) -> Result<Value, ValueError> {
        self.serialize_f64(v.into())
    }

    fn serialize_f64(self, v: f64) -> Result<Value, ValueError> {
        let float = v.is_finite().then_some(Value::Float(v));
        float.ok_or(ValueError::NotFinite)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, ValueError> {
        value.serialize(Self(self.0.wrap()?))
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

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<Value, ValueError> {
        display(value).map(Value::Text)
    }
}

/// An array or a map in the making, inside a map from `tag` if there is one.
pub(super) struct Compound {
    tag: Option<&'static str>,
    inside: ValueSerializer,
    /// An array's.
    items: Vec<Value>,
    /// A map's key whose value has not come yet.
    key: Option<Key>,
    /// A map's.
    entries: Vec<(Key, Value)>,
}

macro_rules! arrays {
    ($($kind:ident, $method:ident;)*) => {$(
        impl $kind for Compound {
            type Ok = Value;
            type Error = ValueError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
                self.items.push(value.serialize(self.inside)?);
                Ok(())
            }

            fn end(self) -> Result<Value, ValueError> {
                tagged(self.tag, self.items.into())
            }
        }
    )*};
}

arrays! {
    SerializeSeq, serialize_element;
    SerializeTuple, serialize_element;
    SerializeTupleStruct, serialize_field;
    SerializeTupleVariant, serialize_field;
}

impl SerializeMap for Compound {
    type Ok = Value;
    type Error = ValueError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), ValueError> {
        let text = match key.serialize(self.inside)? {
            Value::Text(text) => text,
            Value::Bool(v) => v.to_string(),
            Value::Int(n) => n.to_string(),
            Value::UInt(n) => n.to_string(),
            _ => return Err(ValueError::KeyKind),
        };
        self.key = Some(Key::new(&text));
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        let key = self.key.take().ok_or(ValueError::Unserializable)?;
        self.entries.push((key, value.serialize(self.inside)?));
        Ok(())
    }

    fn end(self) -> Result<Value, ValueError> {
        tagged(self.tag, Map::from_entries(self.entries)?.into())
    }
}

macro_rules! structs {
    ($($kind:ident)*) => {$(
        impl $kind for Compound {
            type Ok = Value;
            type Error = ValueError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), ValueError> {
                self.entries.push((Key::new(key), value.serialize(self.inside)?));
                Ok(())
            }

            fn end(self) -> Result<Value, ValueError> {
                SerializeMap::end(self)
            }
        }
    )*};
}

structs! { SerializeStruct SerializeStructVariant }

fn tagged(tag: Option<&'static str>, value: Value) -> Result<Value, ValueError> {
    match tag {
        None => Ok(value),
        Some(tag) => Map::from_entries(vec![(Key::new(tag), value)]).map(Value::Map),
    }
}
