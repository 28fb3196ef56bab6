//! A self-describing key-value session, for applications that do not want a
//! typed struct.
//!
//! [`Values`] is an ordered map from text to [`Value`]. Anything that
//! implements [`Serialize`] goes in, anything that implements
//! [`DeserializeOwned`] comes out, and the data model is the one of JSON plus
//! byte strings: structs and maps are a [`Map`], sequences and tuples an
//! array, `()` and `None` are null, `Some(x)` is `x`, and enums are
//! externally tagged.
//!
//! Session values are secrets, so no `Debug` or `Display` text of this module
//! contains one.

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
pub use map::{Iter, Map};
pub use value::Value;

use limits::Depth;

/// A key-value session that describes itself.
///
/// Keys keep the order in which they were first inserted. Two `Values` are
/// equal when they hold equal entries in the same order.
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
    /// An empty session.
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

    /// Sets `key` to `value`. A key that exists keeps its position.
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

    /// The keys, in order.
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

    /// The entries, in order.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
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
    /// [`ValueError::TooDeep`]; the session is then unchanged.
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

impl<'a> IntoIterator for &'a Values {
    type Item = (&'a str, &'a Value);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Converts anything serializable to a [`Value`].
///
/// Structs and maps become [`Value::Map`], `()` and `None` [`Value::Null`],
/// `Some(x)` what `x` becomes, bytes [`Value::Bytes`], a `char` text, and enums
/// are externally tagged. Floats are kept as they are, NaN and the infinities
/// included. The value is told that the format is human-readable.
///
/// # Errors
///
/// When it nests deeper than [`MAX_DEPTH`], has a map key that is not a
/// string, a character, a boolean or an integer, has a key twice, has an
/// integer outside `i64` and `u64`, or refuses to be serialized.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize) -> Value {
        (0..levels).fold(Value::Null, |inner, _| Value::Array(vec![inner]))
    }

    #[test]
    fn values_come_out_as_they_went_in() {
        let mut session = Values::new();
        assert!(session.is_empty());
        session.insert("user", "alice").unwrap();
        session.insert("visits", &3_u8).unwrap();
        session.insert("last", &Some(-7_i32)).unwrap();
        session.insert("none", &None::<u8>).unwrap();
        assert_eq!(
            session.get::<String>("user").unwrap().as_deref(),
            Some("alice")
        );
        assert_eq!(session.get::<i64>("visits").unwrap(), Some(3));
        assert_eq!(session.get::<f64>("last").unwrap(), Some(-7.0));
        assert_eq!(session.get::<Option<u8>>("none").unwrap(), Some(None));
        assert!(session.get::<u8>("none").is_err());
        assert_eq!(session.get::<u8>("absent").unwrap(), None);
        assert_eq!(session.raw("visits"), Some(&Value::UInt(3)));
        assert!(session.contains_key("user"));
        assert_eq!(session.len(), 4);
        session.clear();
        assert_eq!(session, Values::new());
    }

    #[test]
    fn values_are_sealed_and_opened_as_they_are() {
        use core::time::Duration;

        use crate::{
            EncryptedCodec, Policy,
            keys::{Key, KeyRing},
        };

        let keys = KeyRing::single(Key::generate().unwrap()).unwrap();
        let policy = Policy::new(Duration::from_mins(1), Duration::from_mins(1)).unwrap();
        let codec = EncryptedCodec::builder("example.com", keys, policy)
            .build()
            .unwrap();
        let mut session = Values::new();
        session.insert("user", "alice").unwrap();
        let identity = codec.new_identity().unwrap();
        let sealed = codec.seal(&identity, &session).unwrap();
        let opened = codec.open::<Values>(sealed.value()).unwrap();
        assert_eq!(opened.data(), &session);
    }

    #[test]
    fn a_failed_insert_leaves_the_session_unchanged() {
        let mut session = Values::new();
        session.insert("k", "old").unwrap();
        assert_eq!(session.insert("k", &nested(64)), Err(ValueError::TooDeep));
        assert_eq!(session.set_raw("k", nested(64)), Err(ValueError::TooDeep));
        assert_eq!(session.raw("k"), Some(&Value::from("old")));
    }

    #[test]
    fn sixty_four_levels_fit_and_the_map_of_values_is_the_first() {
        let mut session = Values::new();
        session.insert("k", &nested(63)).unwrap();
        session.set_raw("k", nested(63)).unwrap();
        assert_eq!(session.get::<Value>("k"), Ok(Some(nested(63))));

        assert_eq!(to_value(&nested(64)), Ok(nested(64)));
        assert_eq!(from_value(&nested(64)), Ok(nested(64)));
        for levels in [65, 1000] {
            assert_eq!(to_value(&nested(levels)), Err(ValueError::TooDeep));
            let back = from_value::<Value>(&nested(levels));
            assert_eq!(back, Err(ValueError::TooDeep));
        }
    }

    #[test]
    fn debug_shows_no_content() {
        let mut session = Values::new();
        session.insert("secret-key", "secret").unwrap();
        session.insert("pin", &98_765).unwrap();
        assert_eq!(format!("{session:?}"), "Values(len 2)");
        assert_eq!(
            format!("{:?}", session.raw("secret-key")),
            "Some(Text(len 6))"
        );
        assert_eq!(format!("{:?}", session.raw("pin")), "Some(UInt)");
        let value = to_value(&session).unwrap();
        assert_eq!(format!("{value:?}"), "Map(len 2)");
        assert_eq!(format!("{:?}", session.iter()), "Iter(len 2)");
    }
}
