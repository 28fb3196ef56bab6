//! Which key seals and which keys open, at any instant.

use core::time::Duration;

use super::key::{Key, KeyError, KeyId};
use crate::time::Timestamp;

/// The most keys a ring may hold.
pub const MAX_KEYS: usize = 8;

/// How much longer than the longest idle timeout a key must go on opening after the next
/// one took over: time for the slowest server to load the new ring, and for clocks that
/// disagree.
pub const ROTATION_MARGIN: Duration = Duration::from_mins(10);

/// A key and the time it serves.
///
/// From the moment a key is in the ring it opens, until `opens_until`; from `seals_from`
/// on it also seals, until a newer key does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RingKey {
    key: Key,
    seals_from: Timestamp,
    opens_until: Option<Timestamp>,
}

impl RingKey {
    /// A key that seals from then on, and opens until it is retired.
    #[must_use]
    pub fn new(key: Key, seals_from: Timestamp) -> Self {
        Self {
            key,
            seals_from,
            opens_until: None,
        }
    }

    /// Sets the instant from which the key neither opens nor seals.
    #[must_use]
    pub fn with_opens_until(mut self, instant: Timestamp) -> Self {
        self.opens_until = Some(instant);
        self
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// When it begins to seal.
    #[must_use]
    pub fn seals_from(&self) -> Timestamp {
        self.seals_from
    }

    /// When it ceases to open, if that is decided.
    #[must_use]
    pub fn opens_until(&self) -> Option<Timestamp> {
        self.opens_until
    }

    /// Whether tokens under this key are accepted at `now`.
    #[must_use]
    pub fn opens_at(&self, now: Timestamp) -> bool {
        self.opens_until.is_none_or(|until| now < until)
    }
}

/// A set of keys whose roles follow from time.
///
/// At any instant the key that **seals** is the one with the newest `seals_from` that is
/// not in the future, among those still open; every key that has not passed its
/// `opens_until` **opens**. So a new key can be rolled out to every server while it is
/// still pending, takes over everywhere at the same instant, and the old one retires by
/// itself once no live session can carry it.
///
/// ```
/// use core::time::Duration;
/// use sealed_session::{keys::{Key, KeyRing}, time::{Clock, SystemClock}};
///
/// # fn main() -> Result<(), Box<dyn core::error::Error>> {
/// let ring = KeyRing::single(Key::generate()?)?;
/// let now = SystemClock.now();
///
/// // Add a key that takes over in 24 hours; sessions idle for up to 30 days survive.
/// let month = Duration::from_hours(30 * 24);
/// let rotated = ring.rotate(now, Duration::from_hours(24), month, Key::generate()?)?;
/// let seals = |ring: &KeyRing, at| ring.sealing_key(at).map(|entry| entry.key().id());
/// assert_eq!(seals(&rotated, now), seals(&ring, now));
/// assert_ne!(seals(&rotated, now + Duration::from_hours(24)), seals(&ring, now));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRing {
    /// By `seals_from`, oldest first.
    keys: Vec<RingKey>,
}

impl KeyRing {
    /// A ring of these keys, in any order.
    ///
    /// # Errors
    /// [`RingError`] when the ring is empty or holds more than [`MAX_KEYS`], a key twice,
    /// a key from this project's documentation or vectors, two keys with the same
    /// `seals_from`, a key that closes before it would seal, or when some instant after
    /// the first `seals_from` would be without a key that seals.
    pub fn new(keys: impl IntoIterator<Item = RingKey>) -> Result<Self, RingError> {
        let ring = Self::dangerous_with_published_keys(keys)?;
        match ring.keys.iter().find(|entry| entry.key.is_published()) {
            Some(entry) => Err(RingError::Published(entry.key.id())),
            None => Ok(ring),
        }
    }

    /// Like [`new`](Self::new), but accepts keys that stand in documentation and vectors.
    /// Everybody knows them: for tests only.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn dangerous_with_published_keys(
        keys: impl IntoIterator<Item = RingKey>,
    ) -> Result<Self, RingError> {
        // One more than allowed is enough to know that there are too many.
        let mut keys: Vec<RingKey> = keys.into_iter().take(MAX_KEYS.saturating_add(1)).collect();
        keys.sort_by_key(|entry| entry.seals_from);
        check(&keys)?;
        Ok(Self { keys })
    }

    /// A ring of one key that seals and opens at all times.
    ///
    /// # Errors
    /// [`RingError::Published`] for a key from this project's documentation or vectors.
    pub fn single(key: Key) -> Result<Self, RingError> {
        Self::new([RingKey::new(key, Timestamp::MIN)])
    }

    /// The keys, oldest `seals_from` first.
    #[must_use]
    pub fn keys(&self) -> &[RingKey] {
        &self.keys
    }

    /// The key that seals at `now`; `None` only before the first `seals_from`.
    #[must_use]
    pub fn sealing_key(&self, now: Timestamp) -> Option<&RingKey> {
        self.keys
            .iter()
            .rev()
            .find(|entry| entry.seals_from <= now && entry.opens_at(now))
    }

    /// The key of that id, if it opens at `now`.
    #[must_use]
    pub fn opening_key(&self, id: KeyId, now: Timestamp) -> Option<&RingKey> {
        self.keys
            .iter()
            .find(|entry| entry.key.id() == id && entry.opens_at(now))
    }

    /// Whether a key with a later `seals_from` seals at `now` (SPEC section 3.1).
    ///
    /// A pending key is not superseded: a server with a fast clock may already seal with it.
    /// Before the first `seals_from` no key is. A key that the ring does not hold is.
    #[must_use]
    pub fn is_superseded(&self, id: KeyId, now: Timestamp) -> bool {
        let own = self.keys.iter().find(|entry| entry.key.id() == id);
        let sealing = self.sealing_key(now).map(|entry| entry.seals_from);
        own.is_none_or(|own| sealing.is_some_and(|sealing| own.seals_from < sealing))
    }

    /// Checks that no rotation of this ring ends a session that is idle for less than
    /// `longest_idle`: every key that seals must go on opening for that long, and
    /// [`ROTATION_MARGIN`] more, after the next one takes over; and the newest key must not
    /// have an end.
    ///
    /// # Errors
    /// [`RingError::ClosesTooEarly`] names the key and the earliest instant allowed.
    pub fn check_idle(&self, longest_idle: Duration) -> Result<(), RingError> {
        for (position, entry) in self.keys.iter().enumerate() {
            // Without a newer key it seals until it closes, and must not.
            let next = self.keys.get(position.saturating_add(1));
            let earliest = next.map_or(Timestamp::MAX, |next| {
                next.seals_from + longest_idle + ROTATION_MARGIN
            });
            if let Some(closes) = entry.opens_until
                && closes < earliest
            {
                return Err(RingError::ClosesTooEarly {
                    key: entry.key.id(),
                    closes,
                    earliest,
                });
            }
        }
        Ok(())
    }
}

/// A ring that would fail in use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RingError {
    /// No key at all.
    #[error("the key ring is empty")]
    Empty,
    /// More than [`MAX_KEYS`].
    #[error("the key ring holds more than {MAX_KEYS} keys")]
    TooMany,
    /// The same key twice.
    #[error("the key {0} stands in the ring twice")]
    Duplicate(KeyId),
    /// A key that everybody knows.
    #[error("the key {0} is published in documentation and protects nothing")]
    Published(KeyId),
    /// Two keys would begin to seal at once.
    #[error("two keys seal from {0}")]
    SameStart(Timestamp),
    /// A key that closes before it would seal.
    #[error("the key {0} closes before it would seal")]
    NeverSeals(KeyId),
    /// From that instant no key would seal.
    #[error("from {0} on no key seals: the newest key must stay open")]
    NoSealingKey(Timestamp),
    /// The rotation would end live sessions.
    #[error("the key {key} closes at {closes}, which ends live sessions: not before {earliest}")]
    ClosesTooEarly {
        /// The key that closes too early.
        key: KeyId,
        /// When it closes.
        closes: Timestamp,
        /// The earliest instant at which it may.
        earliest: Timestamp,
    },
    /// A rotation that a pending key would undo.
    #[error("the key {key} is pending and seals from {seals_from}: let the new one seal later")]
    Pending {
        /// The pending key.
        key: KeyId,
        /// When it begins to seal.
        seals_from: Timestamp,
    },
    /// A key that cannot be used.
    #[error("line {line} of the ring file: {error}")]
    Key {
        /// Where in the file, counted from 1.
        line: usize,
        /// What is wrong with it.
        error: KeyError,
    },
    /// Not a ring file.
    #[error("line {0} of the ring file is not what a ring file holds")]
    Syntax(usize),
    /// Neither a key's text nor a ring file.
    #[error("the environment variable {0} is not set, or not Unicode")]
    Variable(String),
    /// The file cannot be read.
    #[error("the ring file cannot be read: {0}")]
    File(std::io::ErrorKind),
}

fn check(keys: &[RingKey]) -> Result<(), RingError> {
    if keys.is_empty() {
        return Err(RingError::Empty);
    }
    if keys.len() > MAX_KEYS {
        return Err(RingError::TooMany);
    }
    for (position, entry) in keys.iter().enumerate() {
        let later = keys.iter().skip(position.saturating_add(1));
        if later.clone().any(|other| other.key == entry.key) {
            return Err(RingError::Duplicate(entry.key.id()));
        }
        if later
            .clone()
            .any(|other| other.seals_from == entry.seals_from)
        {
            return Err(RingError::SameStart(entry.seals_from));
        }
        let Some(closes) = entry.opens_until else {
            continue;
        };
        if closes <= entry.seals_from {
            return Err(RingError::NeverSeals(entry.key.id()));
        }
        if !keys
            .iter()
            .any(|other| other.seals_from <= closes && other.opens_at(closes))
        {
            return Err(RingError::NoSealingKey(closes));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn at(seconds: u32) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    fn key(first: u8) -> Key {
        Key::from_bytes(&[&[first], &[0xd5; 31][..]].concat()).unwrap()
    }

    #[test]
    fn the_newest_key_in_force_seals_and_every_open_key_opens() {
        let ring = KeyRing::new([
            RingKey::new(key(2), at(2_000)),
            RingKey::new(key(1), at(1_000)).with_opens_until(at(9_000)),
        ])
        .unwrap();
        let seals = |now| ring.sealing_key(at(now)).map(|entry| entry.key().clone());
        assert_eq!(seals(999), None);
        assert_eq!(seals(1_000), Some(key(1)));
        assert_eq!(seals(1_999), Some(key(1)));
        assert_eq!(seals(2_000), Some(key(2)));
        assert_eq!(seals(u32::MAX), Some(key(2)));
        let opens = |first, now| ring.opening_key(key(first).id(), at(now)).is_some();
        assert!(opens(2, 0), "a pending key opens: clocks disagree");
        assert!(opens(1, 8_999));
        assert!(!opens(1, 9_000));
        assert!(!opens(3, 1_500));
        let superseded = |first, now| ring.is_superseded(key(first).id(), at(now));
        assert!(!superseded(1, 1_999));
        assert!(superseded(1, 2_000));
        assert!(!superseded(2, 1_500), "pending is not superseded");
        assert!(!superseded(2, 2_000));
        assert!(superseded(3, 2_000));
        assert!(!superseded(1, 999), "no key seals yet");
    }

    /// GHSA-4grg-w6v8-c28g: the order of the keys in a list decided which one sealed.
    #[test]
    fn the_order_of_a_list_decides_nothing() {
        let old = RingKey::new(key(1), at(1_000));
        let new = RingKey::new(key(2), at(2_000));
        let one = KeyRing::new([old.clone(), new.clone()]).unwrap();
        assert_eq!(one, KeyRing::new([new, old]).unwrap());
        assert_eq!(one.sealing_key(at(3_000)).unwrap().key(), &key(2));
    }

    #[test]
    fn rings_that_would_fail_in_use_are_refused() {
        let entry = |first, from| RingKey::new(key(first), at(from));
        assert_eq!(KeyRing::new([]), Err(RingError::Empty));
        assert_eq!(
            KeyRing::new((1..=9).map(|n| entry(n, u32::from(n)))),
            Err(RingError::TooMany)
        );
        assert_eq!(
            KeyRing::new([entry(1, 1), entry(1, 2)]),
            Err(RingError::Duplicate(key(1).id()))
        );
        assert_eq!(
            KeyRing::new([entry(1, 1), entry(2, 1)]),
            Err(RingError::SameStart(at(1)))
        );
        assert_eq!(
            KeyRing::new([entry(1, 1), entry(2, 5).with_opens_until(at(5))]),
            Err(RingError::NeverSeals(key(2).id()))
        );
        assert_eq!(
            KeyRing::new([entry(1, 1).with_opens_until(at(100))]),
            Err(RingError::NoSealingKey(at(100)))
        );
        let published = Key::from_bytes(&(0..32).collect::<Vec<_>>()).unwrap();
        assert_eq!(
            KeyRing::single(published.clone()),
            Err(RingError::Published(published.id()))
        );
    }

    #[test]
    fn a_gap_between_two_keys_is_refused() {
        let gap = [
            RingKey::new(key(1), at(1_000)).with_opens_until(at(2_000)),
            RingKey::new(key(2), at(2_001)),
        ];
        assert_eq!(KeyRing::new(gap), Err(RingError::NoSealingKey(at(2_000))));
    }

    /// It would hand sealing back to an older key, and its last tokens would die at once.
    #[test]
    fn a_newest_key_that_closes_is_refused_for_any_idle_time() {
        let ring = KeyRing::new([
            RingKey::new(key(1), at(1_000)),
            RingKey::new(key(2), at(2_000)).with_opens_until(at(9_000_000)),
        ])
        .unwrap();
        assert_eq!(ring.sealing_key(at(9_000_000)).unwrap().key(), &key(1));
        assert!(matches!(
            ring.check_idle(Duration::from_secs(1)),
            Err(RingError::ClosesTooEarly { .. })
        ));
    }

    #[test]
    fn a_key_that_closes_before_the_longest_idle_time_is_over_is_refused() {
        let ring = |closes: Timestamp| {
            KeyRing::new([
                RingKey::new(key(1), at(1_000)).with_opens_until(closes),
                RingKey::new(key(2), at(2_000)),
            ])
            .unwrap()
        };
        let earliest = at(2_000) + HOUR + ROTATION_MARGIN;
        assert_eq!(ring(earliest).check_idle(HOUR), Ok(()));
        assert!(matches!(
            ring(earliest - Duration::from_secs(1)).check_idle(HOUR),
            Err(RingError::ClosesTooEarly { .. })
        ));
    }
}
