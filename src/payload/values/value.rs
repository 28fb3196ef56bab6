//! One value of a session, and what converts into it directly.

use std::fmt;

use super::{Depth, Map, ValueError};

/// One value of a session.
///
/// Equality is that of the parts: a NaN is not equal to itself, and maps are
/// equal when their entries are in the same order. `Debug` prints the variant
/// and the length, never the content.
///
/// Cloning, comparing and dropping recurse. Nothing deeper than
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
    /// `From` impls see to it, [`Values::set_raw`](super::Values::set_raw) and
    /// the `Serialize` impl correct it, and it is refused when decoded.
    Int(i64),
    /// A non-negative integer.
    UInt(u64),
    /// A floating-point number.
    Float(f64),
    /// A text.
    Text(String),
    /// A byte string.
    Bytes(Vec<u8>),
    /// A sequence of values.
    Array(Vec<Value>),
    /// An ordered map from text to values.
    Map(Map),
}

impl Value {
    /// The name of the variant, for error messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::UInt(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Text(_) => "a text",
            Self::Bytes(_) => "bytes",
            Self::Array(_) => "an array",
            Self::Map(_) => "a map",
        }
    }

    /// Turns non-negative `Int`s into `UInt`s, and checks the depth.
    pub(super) fn normalize(&mut self, depth: Depth) -> Result<(), ValueError> {
        match self {
            Self::Int(n) => *self = Self::from(*n),
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

    /// An integer as the one variant it belongs to.
    pub(super) fn from_integer<N>(n: N) -> Result<Self, ValueError>
    where
        N: Copy + TryInto<u64> + TryInto<i64>,
    {
        if let Ok(n) = TryInto::<u64>::try_into(n) {
            Ok(Self::UInt(n))
        } else if let Ok(n) = TryInto::<i64>::try_into(n) {
            Ok(Self::Int(n))
        } else {
            Err(ValueError::IntegerRange)
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_non_negative_integer_has_one_variant() {
        assert_eq!(Value::from(5_i32), Value::UInt(5));
        assert_eq!(Value::from(0_i64), Value::UInt(0));
        assert_eq!(Value::from(-1_i8), Value::Int(-1));

        let nested = |n| {
            let mut map = Map::new();
            map.insert("k", n);
            Value::Array(vec![map.into()])
        };
        let mut value = nested(Value::Int(5));
        value.normalize(Depth::ROOT).unwrap();
        assert_eq!(value, nested(Value::UInt(5)));
    }
}
