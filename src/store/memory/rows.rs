//! The rows: a cache without a capacity, and the room that they may take.

use core::time::Duration;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use moka::{
    Expiry,
    ops::compute::Op,
    sync::{Cache, CacheBuilder},
};

use crate::{
    store::{
        Created, NewRow, Row, RowChange, RowKey, RowState, StoreError, StoreErrorKind, Updated,
    },
    time::Timestamp,
};

/// Rows of at most so many bytes together.
#[derive(Clone)]
pub(super) struct Rows {
    cache: Cache<RowKey, Arc<Slot>>,
    room: Arc<Room>,
}

/// What a row takes besides its bytes: key, states, links and counters of the cache. An
/// estimate, so that empty rows are not free.
const OVERHEAD: u64 = 400;

impl Rows {
    pub(super) fn new(limit: u64) -> Self {
        let room = Arc::new(Room {
            limit,
            used: AtomicU64::new(0),
        });
        let freed = Arc::clone(&room);
        // No capacity is given to the cache: it would evict.
        let cache = CacheBuilder::default()
            .expire_after(RealTime)
            .eviction_listener(move |_, slot: Arc<Slot>, _| freed.give_back(slot.weight()))
            .build();
        Self { cache, room }
    }

    pub(super) fn used(&self) -> u64 {
        self.cache.run_pending_tasks();
        self.room.used.load(Ordering::Acquire)
    }

    pub(super) fn limit(&self) -> u64 {
        self.room.limit
    }

    pub(super) fn load(&self, key: &RowKey, now: Timestamp) -> Option<Row> {
        let slot = self.cache.get(key).filter(|slot| slot.expires > now);
        slot.map(|slot| slot.row())
    }

    /// As a change like any other, so that an update in flight cannot bring the row back.
    pub(super) fn delete(&self, key: &RowKey) -> Result<(), StoreError> {
        self.change(key, |_| Ok((Op::Remove, ())))
    }

    /// Takes room for `new` in place of `old`, which the cache gives back once it is gone.
    fn reserve(&self, new: u64, old: u64) -> Result<(), StoreError> {
        if self.room.reserve(new, old) {
            return Ok(());
        }
        // Rows that have expired may still be counted.
        self.cache.run_pending_tasks();
        if self.room.reserve(new, old) {
            return Ok(());
        }
        let cause = format!("no room for {new} bytes within {}", self.room.limit);
        Err(StoreError::new(StoreErrorKind::Full, cause))
    }

    /// Changes one row while no other call changes it, and tells what `change` told.
    fn change<T>(
        &self,
        key: &RowKey,
        change: impl FnOnce(Option<Arc<Slot>>) -> Result<(Op<Arc<Slot>>, T), StoreError>,
    ) -> Result<T, StoreError> {
        let mut outcome = None;
        self.cache.entry(*key).and_try_compute_with(|entry| {
            let (op, told) = change(entry.map(moka::Entry::into_value))?;
            outcome = Some(told);
            Ok::<_, StoreError>(op)
        })?;
        outcome.ok_or_else(|| StoreError::new(StoreErrorKind::Failed, "nothing was computed"))
    }

    pub(super) fn create(
        &self,
        key: &RowKey,
        row: &NewRow<'_>,
        now: Timestamp,
    ) -> Result<Created, StoreError> {
        self.change(key, |old| {
            if old.as_ref().is_some_and(|old| old.expires > now) {
                return Ok((Op::Nop, Created::Exists));
            }
            let slot = Slot {
                state: RowState {
                    version: 1,
                    moved: false,
                },
                written: now,
                expires: row.expires,
                remaining: row.expires.since(now),
                bytes: row.bytes.into(),
            };
            let op = self.put(slot, old.as_deref(), now)?;
            Ok((op, Created::Created))
        })
    }

    pub(super) fn update(
        &self,
        key: &RowKey,
        expected: RowState,
        change: &RowChange<'_>,
        now: Timestamp,
    ) -> Result<Updated, StoreError> {
        self.change(key, |old| {
            let Some(old) = old.filter(|old| old.expires > now) else {
                return Ok((Op::Nop, Updated::Missing));
            };
            if old.state != expected {
                return Ok((Op::Nop, Updated::Conflict));
            }
            let expires = change.expires.unwrap_or(old.expires);
            let slot = Slot {
                state: RowState {
                    version: expected.version.saturating_add(1),
                    moved: change.moved,
                },
                written: now,
                expires,
                remaining: expires.since(now),
                bytes: change.bytes.into(),
            };
            let op = self.put(slot, Some(&old), now)?;
            Ok((op, Updated::Updated))
        })
    }

    pub(super) fn expire_at(
        &self,
        key: &RowKey,
        expires: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.change(key, |old| {
            let Some(old) = old.filter(|old| old.expires > now) else {
                return Ok((Op::Nop, ()));
            };
            let slot = Slot {
                expires,
                remaining: expires.since(now),
                ..Slot::clone(&old)
            };
            Ok((self.put(slot, Some(&old), now)?, ()))
        })
    }

    fn put(
        &self,
        slot: Slot,
        old: Option<&Slot>,
        now: Timestamp,
    ) -> Result<Op<Arc<Slot>>, StoreError> {
        if slot.expires <= now {
            return Ok(old.map_or(Op::Nop, |_| Op::Remove));
        }
        self.reserve(slot.weight(), old.map_or(0, Slot::weight))?;
        Ok(Op::Put(Arc::new(slot)))
    }

    pub(super) fn purge(&self, now: Timestamp, batch: usize) -> Result<u64, StoreError> {
        self.cache.run_pending_tasks();
        let expired = self.cache.iter().filter(|(_, slot)| slot.expires <= now);
        let keys: Vec<RowKey> = expired.take(batch).map(|(key, _)| *key).collect();
        let mut deleted = 0_u64;
        for key in keys {
            deleted = deleted.saturating_add(self.change(&key, |old| {
                let expired = old.is_some_and(|old| old.expires <= now);
                let op = if expired { Op::Remove } else { Op::Nop };
                Ok((op, u64::from(expired)))
            })?);
        }
        Ok(deleted)
    }
}

/// A row in the cache.
#[derive(Clone)]
struct Slot {
    state: RowState,
    written: Timestamp,
    expires: Timestamp,
    /// How long it lived from its last change on, by any clock.
    remaining: Duration,
    bytes: Arc<[u8]>,
}

impl Slot {
    fn weight(&self) -> u64 {
        u64::try_from(self.bytes.len())
            .unwrap_or(u64::MAX)
            .saturating_add(OVERHEAD)
    }

    fn row(&self) -> Row {
        Row {
            state: self.state,
            written: self.written,
            expires: self.expires,
            bytes: self.bytes.to_vec(),
        }
    }
}

/// Rows leave the cache when their time is over by the process's clock.
struct RealTime;

impl Expiry<RowKey, Arc<Slot>> for RealTime {
    fn expire_after_create(&self, _: &RowKey, slot: &Arc<Slot>, _: Instant) -> Option<Duration> {
        Some(slot.remaining)
    }

    fn expire_after_update(
        &self,
        _: &RowKey,
        slot: &Arc<Slot>,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(slot.remaining)
    }
}

/// The bytes that rows may take and do take.
#[derive(Debug)]
struct Room {
    limit: u64,
    used: AtomicU64,
}

impl Room {
    fn reserve(&self, new: u64, old: u64) -> bool {
        let more = |used: u64| {
            let after = used.saturating_sub(old).saturating_add(new);
            // What shrinks always fits.
            (after <= self.limit || new <= old).then(|| used.saturating_add(new))
        };
        let order = (Ordering::AcqRel, Ordering::Acquire);
        self.used.fetch_update(order.0, order.1, more).is_ok()
    }

    fn give_back(&self, bytes: u64) {
        let less = |used: u64| Some(used.saturating_sub(bytes));
        let _ = self
            .used
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, less);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_comes_back_when_the_processs_clock_ends_a_row() {
        let rows = Rows::new(1 << 20);
        let slot = |remaining| Slot {
            state: RowState {
                version: 1,
                moved: false,
            },
            written: Timestamp::MIN,
            expires: Timestamp::MAX,
            remaining,
            bytes: [0; 100].into(),
        };
        let put = |n: u8, remaining| {
            let key = RowKey([n; 32]);
            let put = rows.change(&key, |old| {
                let op = rows.put(slot(remaining), old.as_deref(), Timestamp::MIN)?;
                Ok((op, ()))
            });
            put.unwrap();
        };
        let one = slot(Duration::ZERO).weight();
        for n in 0..10 {
            put(n, Duration::from_millis(1));
        }
        let deadline = Instant::now() + Duration::from_secs(30);
        while rows.load(&RowKey([3; 32]), Timestamp::MIN).is_some() {
            assert!(Instant::now() < deadline, "the row stays");
        }
        // Over one that has expired and may not have been removed yet.
        put(3, Duration::from_hours(1));
        while rows.used() > one {
            assert!(Instant::now() < deadline, "{} bytes stay", rows.used());
        }
        assert!(rows.load(&RowKey([3; 32]), Timestamp::MIN).is_some());
        rows.delete(&RowKey([3; 32])).unwrap();
        assert_eq!(rows.used(), 0);
    }
}
