//! One value of a session, and what converts into it directly.

use std::fmt;

use super::{Depth, Map, ValueError};

/// One value of a session.
///
/// `Debug` prints the variant and the length, never the content.
///
/// Serializes in human-readable formats only. In postcard, a type holds
/// [`Values`](super::Values) instead.
///
/// Cloning, comparing, serializing and dropping recurse. Nothing deeper than
/// [`MAX_DEPTH`](super::MAX_DEPTH) enters a [`Values`](super::Values) or comes
/// out of decoding or [`to_value`](super::to_value), so only values nested by
/// hand can exhaust the stack.
#[derive(Clone, Default, PartialEq)]
pub enum Value {
    /// No value: `()` or `None`.
    #[default]
    Null,
    /// A boolean.
    Bool(bool),
    /// A negative integer. A non-negative one is always a [`Value::UInt`]: the
    /// `From` impls see to it, and [`Values::set_raw`](super::Values::set_raw)
    /// corrects it.
    Int(i64),
    /// A non-negative integer.
    UInt(u64),
    /// A floating-point number. [`Values`](super::Values) hold no NaN and no infinity.
    Float(f64),
    /// A text.
    Text(String),
    /// A byte string.
    Bytes(Vec<u8>),
    /// A sequence of values.
    Array(Vec<Value>),
    /// A sorted map from text to values.
    Map(Map),
}

impl Value {
    /// Turns non-negative `Int`s into `UInt`s, and checks the depth and the floats.
    pub(super) fn normalize(&mut self, depth: Depth) -> Result<(), ValueError> {
        match self {
            Self::Int(n) => *self = Self::from(*n),
            Self::Float(n) if !n.is_finite() => return Err(ValueError::NotFinite),
            Self::Array(items) => {
                let depth = depth.enter()?;
                for item in items {
                    item.normalize(depth)?;
                }
            }
            Self::Map(map) => {
                let depth = depth.enter()?;
                for value in map.values_mut() {
                    value.normalize(depth)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Bool(_) => f.write_str("Bool"),
            Self::Int(_) => f.write_str("Int"),
            Self::UInt(_) => f.write_str("UInt"),
            Self::Float(_) => f.write_str("Float"),
            Self::Text(text) => write!(f, "Text(len {})", text.len()),
            Self::Bytes(bytes) => write!(f, "Bytes(len {})", bytes.len()),
            Self::Array(items) => write!(f, "Array(len {})", items.len()),
            Self::Map(map) => map.fmt(f),
        }
    }
}

macro_rules! from {
    ($($from:ty, $v:ident => $value:expr;)*) => {$(
        impl From<$from> for Value {
            fn from($v: $from) -> Self {
                $value
            }
        }
    )*};
}

from! {
    (), _v => Self::Null;
    bool, v => Self::Bool(v);
    i8, v => i64::from(v).into();
    i16, v => i64::from(v).into();
    i32, v => i64::from(v).into();
    i64, v => u64::try_from(v).map_or(Self::Int(v), Self::UInt);
    u8, v => u64::from(v).into();
    u16, v => u64::from(v).into();
    u32, v => u64::from(v).into();
    u64, v => Self::UInt(v);
    f32, v => f64::from(v).into();
    f64, v => Self::Float(v);
    &str, v => Self::Text(v.to_owned());
    String, v => Self::Text(v);
    Vec<u8>, v => Self::Bytes(v);
    Vec<Value>, v => Self::Array(v);
    Map, v => Self::Map(v);
}

impl<V: Into<Value>> From<Option<V>> for Value {
    fn from(value: Option<V>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
