//! The next ring: planned rotation, and the emergency.

use core::time::Duration;

use super::{
    key::Key,
    ring::{KeyRing, ROTATION_MARGIN, RingError, RingKey},
};
use crate::time::{CLOCK_TOLERANCE, Timestamp};

/// How long a new key stays pending by default, so that every server has loaded it before
/// it seals.
pub const DEFAULT_ACTIVATION: Duration = Duration::from_hours(24);

impl KeyRing {
    /// The ring with `key` added, sealing from `now + activation`. Keys that have no end
    /// yet get one: they open for `longest_idle` and [`ROTATION_MARGIN`] after the new key
    /// takes over, so nobody is logged out. Keys that are closed already are dropped.
    ///
    /// # Errors
    /// As for [`KeyRing::new`]; notably [`RingError::TooMany`] when keys rotate faster
    /// than they retire, and [`RingError::Pending`] when a key that is still pending would
    /// take over from the new one.
    pub fn rotate(
        &self,
        now: Timestamp,
        activation: Duration,
        longest_idle: Duration,
        key: Key,
    ) -> Result<Self, RingError> {
        let seals_from = now + activation;
        if let Some(newest) = self.keys().last()
            && newest.seals_from() >= seals_from
        {
            return Err(RingError::Pending {
                key: newest.key().id(),
                seals_from: newest.seals_from(),
            });
        }
        let closes = seals_from + longest_idle + ROTATION_MARGIN;
        let kept = self
            .keys()
            .iter()
            .filter(|entry| entry.opens_at(now))
            .map(|entry| match entry.opens_until() {
                Some(_) => entry.clone(),
                None => entry.clone().with_opens_until(closes),
            });
        Self::new(kept.chain([RingKey::new(key, seals_from)]))
    }

    /// The ring after a leak: `key` alone, sealing from now on. Every session under the
    /// old keys ends at once. That is the purpose: whoever holds a leaked key can make
    /// sessions, so revoking the known ones is no answer.
    ///
    /// # Errors
    /// As for [`KeyRing::single`].
    pub fn emergency(now: Timestamp, key: Key) -> Result<Self, RingError> {
        // Servers whose clocks are late must be able to seal with it at once.
        Self::new([RingKey::new(key, now - CLOCK_TOLERANCE)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn key(first: u8) -> Key {
        Key::from_bytes(&[&[first], &[0xd5; 31][..]].concat()).unwrap()
    }

    #[test]
    fn a_rotation_takes_over_at_its_time_and_closes_the_old_key_after_the_longest_idle_time() {
        let now = Timestamp::from_unix_seconds(1_000_000);
        let ring = KeyRing::single(key(1)).unwrap();
        let ring = ring.rotate(now, DAY, 2 * DAY, key(2)).unwrap();
        let seals = |at| ring.sealing_key(at).unwrap().key().clone();
        assert_eq!(seals(now + DAY - Duration::from_secs(1)), key(1));
        assert_eq!(seals(now + DAY), key(2));
        assert_eq!(ring.check_idle(2 * DAY), Ok(()));
        assert!(ring.check_idle(2 * DAY + Duration::from_secs(1)).is_err());
        let closes = now + 3 * DAY + ROTATION_MARGIN;
        assert!(
            ring.opening_key(key(1).id(), closes - Duration::from_secs(1))
                .is_some()
        );
        assert!(ring.opening_key(key(1).id(), closes).is_none());
    }

    #[test]
    fn closed_keys_leave_the_ring_with_the_next_rotation() {
        let mut now = Timestamp::from_unix_seconds(1_000_000);
        let mut ring = KeyRing::single(key(1)).unwrap();
        for n in 2..50 {
            ring = ring.rotate(now, DAY, DAY, key(n)).unwrap();
            now = now + 7 * DAY;
        }
        assert_eq!(ring.keys().len(), 2);
    }

    #[test]
    fn rotating_faster_than_keys_retire_is_refused() {
        let now = Timestamp::from_unix_seconds(1_000_000);
        let mut ring = KeyRing::single(key(1)).unwrap();
        for n in 2..=8 {
            let later = now + DAY * u32::from(n);
            ring = ring.rotate(later, DAY, 30 * DAY, key(n)).unwrap();
        }
        assert_eq!(
            ring.rotate(now + 9 * DAY, DAY, 30 * DAY, key(9)),
            Err(RingError::TooMany)
        );
    }

    #[test]
    fn a_rotation_does_not_overtake_a_pending_key() {
        let now = Timestamp::from_unix_seconds(1_000_000);
        let ring = KeyRing::single(key(1)).unwrap();
        let ring = ring.rotate(now, DAY, DAY, key(2)).unwrap();
        assert_eq!(
            ring.rotate(now, DAY, DAY, key(3)),
            Err(RingError::Pending {
                key: key(2).id(),
                seals_from: now + DAY
            })
        );
        assert!(ring.rotate(now, 2 * DAY, DAY, key(3)).is_ok());
    }

    #[test]
    fn an_emergency_leaves_the_new_key_alone_sealing_at_once() {
        let now = Timestamp::from_unix_seconds(1_000_000);
        let ring = KeyRing::emergency(now, key(2)).unwrap();
        assert_eq!(ring.keys().len(), 1);
        assert_eq!(ring.sealing_key(now).unwrap().key(), &key(2));
        assert!(ring.sealing_key(now - CLOCK_TOLERANCE).is_some());
    }
}
