//! The map, and its keys.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use super::{Value, ValueError, table};

/// A map from text to [`Value`], sorted by key.
///
/// Two maps are equal when they hold equal entries, in whatever order they were inserted.
/// `Debug` prints the length only.
#[derive(Clone, Default, PartialEq)]
pub struct Map {
    /// In strictly ascending order of the keys.
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
        let (key, mut value) = (key.into(), value.into());
        match self.find(&key) {
            Ok(place) => {
                let (_, old) = self.entries.get_mut(place)?;
                std::mem::swap(old, &mut value);
                Some(value)
            }
            Err(place) => {
                self.entries.insert(place, (Key::text(&key), value));
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
        self.find(key).is_ok()
    }

    /// The keys, sorted.
    #[must_use]
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> + DoubleEndedIterator {
        self.iter().map(|(key, _)| key)
    }

    /// Makes a map of entries in any order. Fails with [`ValueError::DuplicateKey`].
    pub(super) fn from_entries(mut entries: Vec<(Key, Value)>) -> Result<Self, ValueError> {
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut pairs = entries.iter().zip(entries.iter().skip(1));
        if pairs.any(|((one, _), (next, _))| one == next) {
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

impl<'a> IntoIterator for &'a Map {
    type Item = (&'a str, &'a Value);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// The entries of a [`Map`] or a [`Values`](super::Values), sorted by key.
#[derive(Clone)]
pub struct Iter<'a>(std::slice::Iter<'a, (Key, Value)>);

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(key, value)| (&**key, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|(key, value)| (&**key, value))
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl fmt::Debug for Iter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Iter(len {})", self.len())
    }
}

/// The key of an entry. Rows that have the same key share its text, so that a reference of one
/// byte does not become a copy.
#[derive(Clone)]
pub(super) enum Key {
    /// An entry of the static table: its number and its name.
    Table(u8, &'static str),
    /// A name of the program that is not in the table.
    Static(&'static str),
    /// Any other that is not in the table.
    Shared(Arc<str>),
}

impl Deref for Key {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Table(_, text) | Self::Static(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl Key {
    pub(super) fn name(name: &'static str) -> Self {
        table::find(name).unwrap_or(Self::Static(name))
    }

    pub(super) fn text(text: &str) -> Self {
        table::find(text).unwrap_or_else(|| Self::Shared(text.into()))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Table(one, _), Self::Table(other, _)) => one == other,
            (Self::Shared(one), Self::Shared(other)) if Arc::ptr_eq(one, other) => true,
            _ => **self == **other,
        }
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_sorted_whatever_is_inserted_and_removed() {
        let mut map = Map::new();
        for key in ["b", "c", "a"] {
            assert_eq!(map.insert(key, true), None);
        }
        assert_eq!(map.insert("a", 1_u8), Some(Value::Bool(true)));
        assert_eq!(map.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(map.remove("b"), Some(Value::Bool(true)));
        assert_eq!(map.remove("b"), None);
        assert_eq!(map.insert("", ()), None);
        assert_eq!(map.keys().collect::<Vec<_>>(), ["", "a", "c"]);
        assert_eq!(map.iter().next_back(), Some(("c", &Value::Bool(true))));
        assert_eq!(map.get("a"), Some(&Value::UInt(1)));
        assert_eq!((map.get("b"), map.contains_key("c")), (None, true));
        assert_eq!((&map).into_iter().len(), 3);
    }

    #[test]
    fn maps_are_equal_whatever_the_order_of_insertion() {
        let map = |keys: [&str; 3]| {
            let mut map = Map::new();
            for key in keys {
                map.insert(key, key);
            }
            map
        };
        assert_eq!(map(["a", "b", "c"]), map(["c", "a", "b"]));
        assert_ne!(map(["a", "b", "c"]), map(["a", "b", "d"]));
    }

    #[test]
    fn a_key_that_comes_twice_is_refused() {
        let entries = |keys: [&str; 3]| {
            let entry = |key: &str| (Key::text(key), Value::Null);
            Map::from_entries(keys.map(entry).to_vec())
        };
        let sorted = entries(["b", "a", ""]).unwrap();
        assert_eq!(sorted.keys().collect::<Vec<_>>(), ["", "a", "b"]);
        assert_eq!(entries(["b", "a", "b"]), Err(ValueError::DuplicateKey));
    }
}
