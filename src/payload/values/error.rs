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
    /// The value has another type than the one asked for.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// What the type asked for says it expects.
        expected: String,
        /// The kind of value that is there.
        found: &'static str,
    },
    /// The value has the right type, but its content was refused.
    #[error("this value is not allowed, expected {expected}")]
    WrongValue {
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
    /// A field that the type asked for does not have.
    #[error("there is a field that the requested type does not have")]
    UnknownField,
    /// An enum variant that the type asked for does not have.
    #[error("the requested type does not have this variant")]
    UnknownVariant,
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

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::WrongType {
            expected: describe(expected),
            found: kind(found),
        }
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        match found {
            Unexpected::Unsigned(_) | Unexpected::Signed(_) => Self::IntegerRange,
            _ => Self::WrongValue {
                expected: describe(expected),
            },
        }
    }

    fn invalid_length(_: usize, _: &dyn Expected) -> Self {
        Self::WrongLength
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Self::UnknownVariant
    }

    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        Self::UnknownField
    }

    fn missing_field(field: &'static str) -> Self {
        Self::MissingField(field)
    }

    fn duplicate_field(_: &'static str) -> Self {
        Self::DuplicateKey
    }
}

/// What a visitor says it expects: a text of the program, not of the session.
fn describe(expected: &dyn Expected) -> String {
    display(&expected).unwrap_or_else(|_| "another type".to_owned())
}

fn kind(found: Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "an integer",
        Unexpected::Float(_) => "a float",
        Unexpected::Char(_) | Unexpected::Str(_) => "a text",
        Unexpected::Bytes(_) => "bytes",
        Unexpected::Unit | Unexpected::Option => "null",
        Unexpected::Seq => "an array",
        Unexpected::Map => "a map",
        Unexpected::Enum
        | Unexpected::UnitVariant
        | Unexpected::NewtypeVariant
        | Unexpected::TupleVariant
        | Unexpected::StructVariant => "an enum variant",
        Unexpected::NewtypeStruct | Unexpected::Other(_) => "another type",
    }
}

/// `to_string` without its panic when `Display` fails.
pub(super) fn display<T: fmt::Display + ?Sized>(value: &T) -> Result<String, ValueError> {
    let mut text = String::new();
    write!(text, "{value}").map_err(|_| ValueError::Unserializable)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde::de::DeserializeOwned;
    use serde::{Deserialize, Deserializer};

    use super::super::{Map, Value, from_value};
    use super::*;

    #[derive(Deserialize, Debug)]
    enum Shape {}

    #[derive(Deserialize, Debug)]
    #[serde(tag = "t")]
    enum Tagged {}

    #[derive(Deserialize, Debug)]
    #[serde(untagged)]
    enum Untagged {
        Number(#[expect(dead_code)] i64),
    }

    /// Quotes the text it refuses.
    #[derive(Debug)]
    struct Chatty;

    impl<'de> Deserialize<'de> for Chatty {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let text = String::deserialize(deserializer)?;
            Err(de::Error::custom(format!("bad {text}")))
        }
    }

    fn read<T: DeserializeOwned>(value: impl Into<Value>) -> Result<T, ValueError> {
        from_value(&value.into())
    }

    #[test]
    fn errors_do_not_quote_the_value() {
        #[derive(Deserialize, Debug)]
        #[serde(deny_unknown_fields)]
        struct Strict {
            #[serde(rename = "field")]
            _field: u8,
        }

        let mut unknown = Map::new();
        unknown.insert("secret", "secret");
        let errors = [
            read::<Chatty>("secret").unwrap_err(),
            read::<bool>("secret").unwrap_err(),
            read::<char>("secret").unwrap_err(),
            read::<Shape>("secret").unwrap_err(),
            read::<std::net::IpAddr>("secret").unwrap_err(),
            read::<Untagged>(vec![Value::from("secret")]).unwrap_err(),
            read::<Tagged>("secret").unwrap_err(),
            read::<Strict>(unknown.clone()).unwrap_err(),
            read::<HashMap<u8, String>>(unknown.clone()).unwrap_err(),
            read::<String>(unknown).unwrap_err(),
        ];
        for error in errors {
            assert!(!format!("{error} {error:?}").contains("secret"));
        }
        assert_eq!(
            read::<bool>("secret").unwrap_err().to_string(),
            "expected a boolean, found a text"
        );
        assert_eq!(
            read::<Strict>(Map::new()).unwrap_err().to_string(),
            "the field `field` is missing"
        );
    }
}
