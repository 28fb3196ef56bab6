//! The rows: a cache without a capacity, and the room that they may take.

use core::time::Duration;
use std::{sync::Arc, time::Instant};

use moka::{
    Expiry,
    ops::compute::Op,
    sync::{Cache, CacheBuilder},
};

use super::{
    room::{NoRoom, Room},
    slot::{Lease, weight},
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
    cache: Cache<RowKey, Lease>,
    room: Arc<Room>,
}

impl Rows {
    pub(super) fn new(limit: u64) -> Self {
        // No capacity is given to the cache: it would evict. Of a lease that another one has
        // replaced, it tells as well.
        let cache = CacheBuilder::default()
            .expire_after(RealTime)
            .eviction_listener(|_, lease: Lease, _| lease.end())
            .build();
        Self {
            cache,
            room: Arc::new(Room::new(limit)),
        }
    }

    pub(super) fn used(&self) -> u64 {
        self.cache.run_pending_tasks();
        self.room.used()
    }

    pub(super) fn limit(&self) -> u64 {
        self.room.limit()
    }

    pub(super) fn create(
        &self,
        key: &RowKey,
        row: &NewRow<'_>,
        now: Timestamp,
    ) -> Result<Created, StoreError> {
        let create = |old: Option<Lease>| {
            if old.as_ref().is_some_and(|old| old.is_live(now)) {
                return (Op::Nop, Ok(Created::Exists));
            }
            if let Some(old) = &old {
                old.end();
            }
            let lease = (row.expires > now).then(|| Lease::of(row, now, &self.room));
            let lease = lease.transpose();
            let op = match (&lease, old) {
                (Ok(Some(lease)), _) => Op::Put(lease.clone()),
                (_, Some(_)) => Op::Remove,
                (_, None) => Op::Nop,
            };
            (op, lease.map(|_| Created::Created))
        };
        self.with_room(row.bytes, || self.change(key, create))
    }

    pub(super) fn load(&self, key: &RowKey, now: Timestamp) -> Option<Row> {
        self.cache.get(key)?.row(now)
    }

    /// Without an expiry, the cache has nothing to do (`Op::Nop`) and is only asked where the
    /// row is: anything else costs several times as much.
    pub(super) fn update(
        &self,
        key: &RowKey,
        expected: RowState,
        change: &RowChange<'_>,
        now: Timestamp,
    ) -> Result<Updated, StoreError> {
        let update = |lease: Option<Lease>| {
            let updated = lease.map(|lease| lease.update(expected, change, now));
            match updated.unwrap_or(Ok((Op::Nop, Updated::Missing))) {
                Ok((op, updated)) => (op, Ok(updated)),
                Err(no_room) => (Op::Nop, Err(no_room)),
            }
        };
        self.with_room(change.bytes, || match change.expires {
            None => match self.cache.get(key) {
                Some(lease) => Ok(update(Some(lease)).1),
                // Whoever gives the row a new lease may be about to put it back.
                None => self.change(key, update),
            },
            Some(_) => self.change(key, update),
        })
    }

    pub(super) fn expire_at(
        &self,
        key: &RowKey,
        expires: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.change(key, |old| {
            let op = old.map(|old| old.expire_at(expires, now));
            (op.unwrap_or(Op::Nop), ())
        })
    }

    pub(super) fn delete(&self, key: &RowKey) -> Result<(), StoreError> {
        self.change(key, |old| {
            if let Some(old) = old {
                old.end();
            }
            (Op::Remove, ())
        })
    }

    pub(super) fn purge(&self, now: Timestamp, batch: usize) -> Result<u64, StoreError> {
        self.cache.run_pending_tasks();
        let expired = self.cache.iter().filter(|(_, row)| row.has_expired(now));
        let keys: Vec<RowKey> = expired.take(batch).map(|(key, _)| *key).collect();
        let mut deleted = 0_u64;
        for key in keys {
            deleted = deleted.saturating_add(self.change(&key, |old| {
                let Some(expired) = old.filter(|old| old.has_expired(now)) else {
                    return (Op::Nop, 0);
                };
                expired.end();
                (Op::Remove, 1)
            })?);
        }
        Ok(deleted)
    }

    /// Tries what needs room for `bytes`, and once more after the cache has let go of rows
    /// that have expired and were still counted.
    fn with_room<T>(
        &self,
        bytes: &[u8],
        attempt: impl Fn() -> Result<Result<T, NoRoom>, StoreError>,
    ) -> Result<T, StoreError> {
        if let Ok(done) = attempt()? {
            return Ok(done);
        }
        self.cache.run_pending_tasks();
        attempt()?.map_err(|NoRoom| {
            let (bytes, limit) = (weight(bytes.len()), self.room.limit());
            let cause = format!("no room for {bytes} bytes within {limit}");
            StoreError::new(StoreErrorKind::Full, cause)
        })
    }

    /// Changes what the cache has under that key, while no other call does, and tells what
    /// `change` told.
    fn change<T>(
        &self,
        key: &RowKey,
        change: impl FnOnce(Option<Lease>) -> (Op<Lease>, T),
    ) -> Result<T, StoreError> {
        let mut outcome = None;
        self.cache.entry(*key).and_compute_with(|entry| {
            let (op, told) = change(entry.map(moka::Entry::into_value));
            outcome = Some(told);
            op
        });
        outcome.ok_or_else(|| StoreError::new(StoreErrorKind::Failed, "nothing was computed"))
    }
}

/// Rows leave the cache when their time is over by the process's clock.
struct RealTime;

impl Expiry<RowKey, Lease> for RealTime {
    fn expire_after_create(&self, _: &RowKey, lease: &Lease, _: Instant) -> Option<Duration> {
        Some(lease.remaining())
    }

    fn expire_after_update(
        &self,
        _: &RowKey,
        lease: &Lease,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(lease.remaining())
    }
}

#[cfg(test)]
mod tests;
