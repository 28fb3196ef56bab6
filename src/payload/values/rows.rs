//! The keys that the rows of an array have in common.

use std::collections::HashMap;
use std::hash::Hash;

/// The distinct keys of an array's maps so far, in the order of their first appearance.
pub(super) struct Rows<K> {
    keys: Vec<K>,
    /// The places of all from the 24th on.
    late: HashMap<K, usize>,
    /// Where the next key stands if this row is like the last one.
    expected: usize,
}

/// How many keys are compared one by one.
const FEW: usize = 24;

impl<K: Clone + Eq + Hash> Rows<K> {
    /// The place of a key that was there before. Appends it otherwise.
    pub(super) fn place(&mut self, key: &K) -> Option<usize> {
        let found = if self.keys.get(self.expected) == Some(key) {
            Some(self.expected)
        } else {
            let few = self.keys.iter().take(FEW).position(|found| found == key);
            few.or_else(|| self.late.get(key).copied())
        };
        let place = found.unwrap_or(self.keys.len());
        if found.is_none() {
            self.keys.push(key.clone());
            if place >= FEW {
                self.late.insert(key.clone(), place);
            }
        }
        let next = place.saturating_add(1);
        self.expected = if next < self.keys.len() { next } else { 0 };
        found
    }

    /// The key at a place.
    pub(super) fn get(&self, place: usize) -> Option<&K> {
        self.keys.get(place)
    }
}

impl<K> Default for Rows<K> {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            late: HashMap::new(),
            expected: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::map::Key;
    use super::*;

    #[test]
    fn a_key_keeps_the_place_of_its_first_appearance() {
        let keys: Vec<Key> = (0..100).map(|n| Key::new(&format!("key{n}"))).collect();
        let mut rows = Rows::default();
        for key in &keys {
            assert_eq!(rows.place(&key), None);
        }
        let ordered = keys.iter().enumerate();
        for (place, key) in ordered.clone().rev().chain(ordered) {
            assert_eq!(rows.place(&key), Some(place));
            assert!(rows.get(place) == Some(&key));
        }
        let new = Key::new("user_id");
        assert_eq!((rows.place(&&new), rows.place(&&new)), (None, Some(100)));
    }
}
