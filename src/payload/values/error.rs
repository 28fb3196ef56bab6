//! Why a conversion failed, without a word out of the session.

use std::fmt::{self, Write as _};

use serde::de::{Expected, Unexpected};
use serde::{de, ser};

use super::MAX_DEPTH;

/// Why a value could not be converted.
///
/// Neither `Display` nor `Debug` contains anything out of a session: messages
/// of foreign `Serialize` and `Deserialize` impls are dropped for this reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// The value has another type than the one asked for, or is refused by it.
    #[error("expected {expected}")]
    WrongType {
        /// What the type asked for says it expects.
        expected: String,
    },
    /// An array or a map has too many or too few entries.
    #[error("the value has the wrong number of entries")]
    WrongLength,
    /// Arrays and maps are nested deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// A map key cannot be written as text, or not be read back from it.
    #[error("a map key must be a string, a character, a boolean or an integer")]
    KeyKind,
    /// A key occurs twice in a map.
    #[error("a map has the same key twice")]
    DuplicateKey,
    /// An integer does not fit the type asked for, or neither `i64` nor `u64`.
    #[error("an integer is out of range")]
    IntegerRange,
    /// A float is NaN or infinite, which neither JSON nor a token has.
    #[error("a float is not a finite number")]
    NotFinite,
    /// A field that the type asked for needs is not there.
    #[error("the field `{0}` is missing")]
    MissingField(&'static str),
    /// The `Deserialize` impl of the type asked for refused the value.
    #[error("the value does not have the requested type")]
    Rejected,
    /// The `Serialize` impl of the value failed.
    #[error("the value cannot be serialized")]
    Unserializable,
}

impl ser::Error for ValueError {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Unserializable
    }
}

impl de::Error for ValueError {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Rejected
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = display(&expected).unwrap_or_else(|_| "another type".to_owned());
        Self::WrongType { expected }
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        match found {
            Unexpected::Unsigned(_) | Unexpected::Signed(_) => Self::IntegerRange,
            _ => Self::invalid_type(found, expected),
        }
    }

    fn invalid_length(_: usize, _: &dyn Expected) -> Self {
        Self::WrongLength
    }

    fn missing_field(field: &'static str) -> Self {
        Self::MissingField(field)
    }
}

/// `to_string` without its panic when `Display` fails.
pub(super) fn display<T: fmt::Display + ?Sized>(value: &T) -> Result<String, ValueError> {
    let mut text = String::new();
    write!(text, "{value}").map_err(|_| ValueError::Unserializable)?;
    Ok(text)
}
