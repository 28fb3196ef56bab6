//! The ordered map.

use std::collections::HashSet;
use std::fmt;
use std::iter::FusedIterator;

use super::{Value, ValueError};

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

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.entries.iter_mut().map(|(_, value)| value)
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
        let mut seen = HashSet::with_capacity(entries.len());
        if entries.iter().all(|(key, _)| seen.insert(key.as_str())) {
            Ok(Self { entries })
        } else {
            Err(ValueError::DuplicateKey)
        }
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = (&'a str, &'a Value);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// The entries of a [`Map`] or a [`Values`](super::Values), in order.
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

fn borrowed((key, value): &(String, Value)) -> (&str, &Value) {
    (key, value)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_key_that_comes_twice_is_refused() {
        let entries = |keys: [&str; 3]| keys.map(|key| (key.to_owned(), Value::Null)).to_vec();
        assert!(Map::try_from(entries(["b", "a", ""])).is_ok());
        let twice = Map::try_from(entries(["b", "a", "b"]));
        assert_eq!(twice, Err(ValueError::DuplicateKey));
    }
}
