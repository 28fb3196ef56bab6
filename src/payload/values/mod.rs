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
mod ser;
mod wire;

use std::collections::HashSet;
use std::fmt;
use std::iter::FusedIterator;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// How many arrays and maps may be nested in each other.
///
/// The top-level map of a [`Values`] is the first level. Anything deeper is
/// [`ValueError::TooDeep`], whether it is converted, written or read.
pub const MAX_DEPTH: usize = 64;

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
        V::deserialize(de::ValueDeserializer::new(value, Depth::ROOT.enter()?)).map(Some)
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
        let value = value.serialize(ser::ValueSerializer::new(Depth::ROOT.enter()?))?;
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
impl super::SessionData for Values {}

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
    value.serialize(ser::ValueSerializer::new(Depth::ROOT))
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
    V::deserialize(de::ValueDeserializer::new(value, Depth::ROOT))
}

/// One value of a session.
///
/// Equality is that of the parts: a NaN is not equal to itself, and maps are
/// equal when their entries are in the same order. `Debug` prints the variant
/// and the length, never the content.
///
/// Cloning, comparing and dropping recurse, so code that nests values by hand
/// without a limit can exhaust the stack. Decoding and [`to_value`] stop at
/// [`MAX_DEPTH`].
#[derive(Clone, Default, PartialEq)]
pub enum Value {
    /// No value: `()` or `None`.
    #[default]
    Null,
    /// A boolean.
    Bool(bool),
    /// A negative integer. A non-negative one is always a [`Value::UInt`]: the
    /// `From` impls see to it, [`Values::set_raw`] and the `Serialize` impl
    /// correct it, and it is refused when decoded.
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
    fn kind(&self) -> &'static str {
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
    fn normalize(&mut self, depth: Depth) -> Result<(), ValueError> {
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
                for (_, value) in &mut map.entries {
                    value.normalize(depth)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// An integer as the one variant it belongs to.
    fn from_integer<N>(n: N) -> Result<Self, ValueError>
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

impl From<()> for Value {
    fn from((): ()) -> Self {
        Self::Null
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        u64::try_from(value).map_or(Self::Int(value), Self::UInt)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::UInt(value)
    }
}

macro_rules! from_small_integers {
    ($($small:ty => $wide:ty),*) => {$(
        impl From<$small> for Value {
            fn from(value: $small) -> Self {
                Self::from(<$wide>::from(value))
            }
        }
    )*};
}

from_small_integers!(i8 => i64, i16 => i64, i32 => i64, u8 => u64, u16 => u64, u32 => u64);

impl From<f32> for Value {
    fn from(value: f32) -> Self {
        Self::Float(f64::from(value))
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl From<Vec<Value>> for Value {
    fn from(value: Vec<Value>) -> Self {
        Self::Array(value)
    }
}

impl From<Map> for Value {
    fn from(value: Map) -> Self {
        Self::Map(value)
    }
}

impl<V: Into<Value>> From<Option<V>> for Value {
    fn from(value: Option<V>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A map from text to [`Value`] that keeps the order of insertion.
///
/// Made for a handful of entries: a lookup walks the map. `Debug` prints the
/// length only.
#[derive(Clone, Default, PartialEq)]
pub struct Map {
    /// No key occurs twice.
    entries: Vec<(String, Value)>,
}

impl Map {
    /// An empty map.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries
            .iter()
            .find_map(|(k, value)| (k == key).then_some(value))
    }

    /// Sets `key` to `value` and returns the old value. A key that exists keeps
    /// its position, a new one goes to the end.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        let (key, value) = (key.into(), value.into());
        if let Some((_, old)) = self.entries.iter_mut().find(|(k, _)| *k == key) {
            return Some(std::mem::replace(old, value));
        }
        self.entries.push((key, value));
        None
    }

    /// Removes `key` and returns what it held. The others keep their order.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let position = self.entries.iter().position(|(k, _)| k == key)?;
        Some(self.entries.remove(position).1)
    }

    /// The entries, in order.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.entries.iter())
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether there is an entry for `key`.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The keys, in order.
    #[must_use]
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> + DoubleEndedIterator {
        self.entries.iter().map(|(key, _)| key.as_str())
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Map(len {})", self.len())
    }
}

/// Fails with [`ValueError::DuplicateKey`] when a key occurs twice.
impl TryFrom<Vec<(String, Value)>> for Map {
    type Error = ValueError;

    fn try_from(entries: Vec<(String, Value)>) -> Result<Self, ValueError> {
        if has_duplicates(&entries) {
            return Err(ValueError::DuplicateKey);
        }
        Ok(Self { entries })
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = (&'a str, &'a Value);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// The entries of a [`Map`] or a [`Values`], in order.
#[derive(Clone)]
pub struct Iter<'a>(std::slice::Iter<'a, (String, Value)>);

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(borrowed)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(borrowed)
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl FusedIterator for Iter<'_> {}

impl fmt::Debug for Iter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Iter(len {})", self.len())
    }
}

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

/// What may still be nested at some place: counted down, so that zero is the
/// limit.
#[derive(Clone, Copy)]
struct Depth {
    levels: usize,
    wrappers: usize,
}

impl Depth {
    /// Outside of any array or map.
    const ROOT: Self = Self {
        levels: MAX_DEPTH,
        wrappers: MAX_WRAPPERS,
    };

    /// One array or map further in.
    fn enter(self) -> Result<Self, ValueError> {
        let levels = self.levels.checked_sub(1).ok_or(ValueError::TooDeep)?;
        Ok(Self { levels, ..self })
    }

    /// One `Some` or newtype further in. They leave no trace in a `Value`, but
    /// a type that consists of nothing else would recurse without end.
    fn wrap(self) -> Result<Self, ValueError> {
        let wrappers = self.wrappers.checked_sub(1).ok_or(ValueError::TooDeep)?;
        Ok(Self { wrappers, ..self })
    }
}

/// How many `Some`s and newtypes may be on the way to a value: several for
/// each level.
const MAX_WRAPPERS: usize = 256;

/// The capacity to reserve when `hint` entries are announced. The hint can be
/// an attacker's.
fn capacity(hint: Option<usize>) -> usize {
    hint.unwrap_or(0).min(64)
}

fn has_duplicates(entries: &[(String, Value)]) -> bool {
    if entries.len() <= 16 {
        let mut rest = entries;
        while let Some(((key, _), after)) = rest.split_first() {
            if after.iter().any(|(other, _)| other == key) {
                return true;
            }
            rest = after;
        }
        return false;
    }
    let mut seen = HashSet::with_capacity(entries.len());
    !entries.iter().all(|(key, _)| seen.insert(key.as_str()))
}

fn borrowed((key, value): &(String, Value)) -> (&str, &Value) {
    (key, value)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
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
    fn replacing_keeps_the_position_and_removing_keeps_the_order() {
        let mut map = Map::new();
        for key in ["a", "b", "c"] {
            assert_eq!(map.insert(key, true), None);
        }
        assert_eq!(map.insert("a", 1_u8), Some(Value::Bool(true)));
        assert_eq!(map.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(map.remove("b"), Some(Value::Bool(true)));
        assert_eq!(map.remove("b"), None);
        assert_eq!(map.insert("b", ()), None);
        assert_eq!(map.keys().collect::<Vec<_>>(), ["a", "c", "b"]);
        assert_eq!(map.iter().next_back(), Some(("b", &Value::Null)));
        assert_eq!(map.get("a"), Some(&Value::UInt(1)));
        assert_eq!((&map).into_iter().len(), 3);
    }

    #[test]
    fn non_negative_integers_are_normalized_on_construction() {
        assert_eq!(Value::from(5_i32), Value::UInt(5));
        assert_eq!(Value::from(0_i64), Value::UInt(0));
        assert_eq!(Value::from(-1_i8), Value::Int(-1));
        let mut session = Values::new();
        let inner = Map::try_from(vec![("k".to_owned(), Value::Int(1))]).unwrap();
        let raw = Value::Array(vec![Value::Int(5), Value::Map(inner)]);
        assert_eq!(session.set_raw("n", raw).unwrap(), None);
        assert_eq!(session.get::<(u8, Map)>("n").unwrap().unwrap().0, 5);
        let Some(Value::Array(items)) = session.raw("n") else {
            unreachable!()
        };
        assert_eq!(items.first(), Some(&Value::UInt(5)));
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
    fn the_map_of_values_is_the_first_level() {
        let mut session = Values::new();
        session.insert("k", &nested(63)).unwrap();
        session.set_raw("k", nested(63)).unwrap();
        assert_eq!(session.get::<Value>("k").unwrap(), Some(nested(63)));
        assert_eq!(to_value(&nested(64)).unwrap(), nested(64));
        assert_eq!(to_value(&nested(65)), Err(ValueError::TooDeep));
        assert_eq!(from_value::<Value>(&nested(64)).unwrap(), nested(64));
        assert_eq!(from_value::<Value>(&nested(65)), Err(ValueError::TooDeep));
        assert_eq!(to_value(&nested(1000)), Err(ValueError::TooDeep));
        assert_eq!(from_value::<Value>(&nested(1000)), Err(ValueError::TooDeep));
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

    #[test]
    fn duplicate_keys_are_found_in_small_and_in_large_maps() {
        for n in [2, 16, 17, 10_000] {
            let mut entries: Vec<_> = (0..n).map(|i| (i.to_string(), Value::Null)).collect();
            assert!(Map::try_from(entries.clone()).is_ok());
            entries.last_mut().unwrap().0 = "0".to_owned();
            assert_eq!(Map::try_from(entries), Err(ValueError::DuplicateKey));
        }
    }
}
