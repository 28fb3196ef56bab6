//! The map, and its keys.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::{Value, ValueError, table};

/// A map from text to [`Value`], sorted by key.
///
/// Two maps are equal when they hold equal entries, in whatever order they were inserted.
/// `Debug` prints the length only.
#[derive(Clone, Default, PartialEq)]
pub struct Map {
    /// In strictly ascending order of the keys' texts.
    entries: Vec<(Key, Value)>,
}

impl Map {
    /// Creates an empty map.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        let place = self.find(key).ok()?;
        self.entries.get(place).map(|(_, value)| value)
    }

    /// Sets `key` to `value` and returns the old value.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        let (key, value) = (key.into(), value.into());
        match self.find(&key) {
            Ok(place) => {
                let (_, old) = self.entries.get_mut(place)?;
                Some(std::mem::replace(old, value))
            }
            Err(place) => {
                self.entries.insert(place, (Key::new(&key), value));
                None
            }
        }
    }

    /// Removes `key` and returns what it held.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let place = self.find(key).ok()?;
        Some(self.entries.remove(place).1)
    }

    /// The entries, sorted by key.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> + DoubleEndedIterator {
        self.entries.iter().map(|(key, value)| (&**key, value))
    }

    /// The keys, sorted.
    #[must_use]
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> + DoubleEndedIterator {
        self.iter().map(|(key, _)| key)
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
        self.find(key).is_ok()
    }

    /// Makes a map of entries in any order. Fails with [`ValueError::DuplicateKey`].
    pub(super) fn from_entries(mut entries: Vec<(Key, Value)>) -> Result<Self, ValueError> {
        entries.sort_by(|(one, _), (other, _)| (**one).cmp(other));
        if entries
            .array_windows()
            .any(|[(one, _), (next, _)]| one == next)
        {
            return Err(ValueError::DuplicateKey);
        }
        Ok(Self { entries })
    }

    /// Makes a map of entries in strictly ascending order.
    pub(super) fn from_sorted(entries: Vec<(Key, Value)>) -> Self {
        Self { entries }
    }

    pub(super) fn entries(&self) -> &[(Key, Value)] {
        &self.entries
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.entries.iter_mut().map(|(_, value)| value)
    }

    fn find(&self, key: &str) -> Result<usize, usize> {
        self.entries
            .binary_search_by(|(found, _)| (**found).cmp(key))
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Map(len {})", self.len())
    }
}

/// The key of an entry. Rows that have the same key share its text, so that a reference of one
/// byte does not become a copy.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// The number of an entry of the static table.
    Table(u8),
    /// Any other.
    Text(Arc<str>),
}

impl Key {
    pub(super) fn new(text: &str) -> Self {
        table::find(text).unwrap_or_else(|| Self::Text(text.into()))
    }
}

impl Deref for Key {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Table(number) => table::name(*number),
            Self::Text(text) => text,
        }
    }
}
