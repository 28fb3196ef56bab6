//! A self-describing key-value session, for applications that do not want a
//! typed struct.
//!
//! [`Values`] is a sorted map from text to [`Value`]. Anything that implements
//! [`Serialize`] goes in, anything that implements [`DeserializeOwned`] comes
//! out:
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use sealed_session::{Values, codec::encoded_len};
//!
//! let mut session = Values::new();
//! session.insert("user_id", "00112233-4455-6677-8899-aabbccddeeff")?;
//! session.insert("cart", &[BTreeMap::from([("sku", 7), ("qty", 1)])])?;
//!
//! let cart: Vec<BTreeMap<String, u32>> = session.get("cart")?.unwrap_or_default();
//! assert_eq!(cart[0]["qty"], 1);
//! // As JSON, they take 77 bytes.
//! assert_eq!(encoded_len(&session)?, 35);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Data model
//! JSON's and byte strings: structs and maps are a [`Map`], sequences and
//! tuples an array, `()` and `None` are null, `Some(x)` is `x`, and enums are
//! externally tagged. NaN and the infinities are refused. JSON comes in and out
//! as it is, its members sorted (SPEC 8.3).
//!
//! # In a token
//! Values are one byte string of CBOR (RFC 8949; SPEC 8.2). It is small without
//! compression, so its length depends on each text by itself:
//!
//! * 128 frequent names are numbers of one or two bytes
//!   (`docs/STATIC-TABLE.md`);
//! * in an array of maps, a key of an earlier map is a reference of one byte;
//! * a text that is wholly base64url, lower-case base16, a UUID or a JWT is
//!   written as its bytes, and comes back character for character.
//!
//! Session values are secrets, so no `Debug` or `Display` text of this module
//! contains one. Keys are not: the length of a token depends on which keys the
//! maps of an array have in common.

mod de;
mod error;
mod form;
mod limits;
mod map;
mod packed;
mod read;
mod rows;
mod ser;
mod table;
mod value;
mod write;

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use error::ValueError;
pub use limits::MAX_DEPTH;
pub use map::Map;
pub use value::Value;

use limits::Depth;

/// A key-value session that describes itself.
///
/// Its entries are sorted by key. Two `Values` are equal when they hold equal
/// entries.
///
/// ```
/// use sealed_session::{Values, payload::values::ValueError};
///
/// let mut session = Values::new();
/// session.insert("user", "alice")?;
/// session.insert("visits", &3_u32)?;
///
/// assert_eq!(session.get::<String>("user")?.as_deref(), Some("alice"));
/// assert_eq!(session.get::<u64>("visits")?, Some(3));
/// assert_eq!(session.get::<String>("theme")?, None);
/// assert!(session.get::<bool>("user").is_err());
/// assert_eq!(format!("{session:?}"), "Values(len 2)");
/// # Ok::<(), ValueError>(())
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct Values(Map);

impl Values {
    /// Creates an empty session.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of `key`, converted to `V`; `None` when there is no such key.
    ///
    /// # Errors
    ///
    /// When the value under `key` is not a `V`. A null is a value: it is read
    /// as `()` or as an `Option`, and is an error for most other types.
    pub fn get<V: DeserializeOwned>(&self, key: &str) -> Result<Option<V>, ValueError> {
        let Some(value) = self.0.get(key) else {
            return Ok(None);
        };
        V::deserialize(de::ValueDeserializer(value, Depth::ROOT.enter()?)).map(Some)
    }

    /// Sets `key` to `value`.
    ///
    /// # Errors
    ///
    /// When `value` has no form in the data model, see [`to_value`]. The
    /// session is then unchanged.
    pub fn insert<V: Serialize + ?Sized>(
        &mut self,
        key: impl Into<String>,
        value: &V,
    ) -> Result<(), ValueError> {
        let value = value.serialize(ser::ValueSerializer(Depth::ROOT.enter()?))?;
        self.0.insert(key, value);
        Ok(())
    }

    /// Removes `key` and returns what it held.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        self.0.remove(key)
    }

    /// Whether there is an entry for `key`.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// The keys, sorted.
    #[must_use]
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> + DoubleEndedIterator {
        self.0.keys()
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Removes all entries.
    pub fn clear(&mut self) {
        self.0 = Map::new();
    }

    /// The entries, sorted by key.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> + DoubleEndedIterator {
        self.0.iter()
    }

    /// The value of `key` as it is stored.
    #[must_use]
    pub fn raw(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// Sets `key` to an already converted value and returns the old one.
    ///
    /// Non-negative [`Value::Int`]s inside are turned into [`Value::UInt`]s.
    ///
    /// # Errors
    ///
    /// [`ValueError::TooDeep`] and [`ValueError::NotFinite`]; the session is
    /// then unchanged.
    pub fn set_raw(
        &mut self,
        key: impl Into<String>,
        mut value: Value,
    ) -> Result<Option<Value>, ValueError> {
        value.normalize(Depth::ROOT.enter()?)?;
        Ok(self.0.insert(key, value))
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Values(len {})", self.len())
    }
}

/// Under schema 0, as [`Plain<Values>`](super::Plain) has it.
impl super::SessionData for Values {
    const SHAPE: u16 = SHAPE;
}

/// The shape of `Values`, whatever they hold. No hash of a type has it.
pub(super) const SHAPE: u16 = 0xffff;

/// Converts anything serializable to a [`Value`].
///
/// Structs and maps become [`Value::Map`], `()` and `None` [`Value::Null`],
/// `Some(x)` what `x` becomes, bytes [`Value::Bytes`], a `char` text, and enums
/// are externally tagged. The type is told that the format is human-readable.
///
/// # Errors
///
/// When it nests deeper than [`MAX_DEPTH`], has a map key that is not a
/// string, a character, a boolean or an integer, has a key twice, has an
/// integer outside `i64` and `u64` or a float that is not finite, or refuses
/// to be serialized.
pub fn to_value<V: Serialize + ?Sized>(value: &V) -> Result<Value, ValueError> {
    value.serialize(ser::ValueSerializer(Depth::ROOT))
}

/// Converts a [`Value`] to anything deserializable, the reverse of [`to_value`].
///
/// An integer is read as a float where a float is asked for. Bytes and an
/// array of integers from 0 to 255 are read as each other.
///
/// # Errors
///
/// When the value is not a `V`, or nests deeper than [`MAX_DEPTH`].
pub fn from_value<V: DeserializeOwned>(value: &Value) -> Result<V, ValueError> {
    V::deserialize(de::ValueDeserializer(value, Depth::ROOT))
}
