//! One row, which changes in its place, and for how long the cache keeps it.

use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use moka::ops::compute::Op;

use super::room::{NoRoom, Part, Room};
use crate::{
    store::{NewRow, Row, RowChange, RowPhase, RowState, Updated},
    time::Timestamp,
};

/// What a row takes besides its bytes: key, states, links and counters of the cache. Of
/// 200,000 rows, each took 504 to 516 bytes of a process's memory.
const OVERHEAD: u64 = 512;

/// What a row of `len` bytes takes.
pub(super) fn weight(len: usize) -> u64 {
    u64::try_from(len)
        .unwrap_or(u64::MAX)
        .saturating_add(OVERHEAD)
}

/// A row in the cache, for as long as it may stay there. To change how long, the next lease
/// of the same row takes this one's place: one call at a time does that, while others may
/// change the row.
#[derive(Clone)]
pub(super) struct Lease {
    slot: Arc<Slot>,
    number: u64,
    remaining: Duration,
}

impl Lease {
    /// The first lease of a new row.
    pub(super) fn of(row: &NewRow<'_>, now: Timestamp, room: &Arc<Room>) -> Result<Self, NoRoom> {
        let live = Live {
            state: RowState {
                version: 1,
                phase: RowPhase::Fresh,
            },
            written: now,
            expires: row.expires,
            part: Part::of(room, weight(row.bytes.len()))?,
            bytes: row.bytes.into(),
            lease: 0,
        };
        Ok(Self {
            slot: Arc::new(Slot(Mutex::new(Some(live)))),
            number: 0,
            remaining: row.expires.since(now),
        })
    }

    /// How long the row lives from the beginning of this lease on, by any clock.
    pub(super) fn remaining(&self) -> Duration {
        self.remaining
    }

    pub(super) fn is_live(&self, now: Timestamp) -> bool {
        let slot = self.slot.lock();
        slot.as_ref().is_some_and(|live| live.expires > now)
    }

    pub(super) fn has_expired(&self, now: Timestamp) -> bool {
        let slot = self.slot.lock();
        slot.as_ref().is_some_and(|live| live.expires <= now)
    }

    pub(super) fn row(&self, now: Timestamp) -> Option<Row> {
        let slot = self.slot.lock();
        let live = slot.as_ref().filter(|live| live.expires > now)?;
        Some(Row {
            state: live.state,
            written: live.written,
            expires: live.expires,
            bytes: live.bytes.to_vec(),
        })
    }

    /// Changes the row, and tells what the cache has to do: nothing, unless the change has
    /// an expiry.
    pub(super) fn update(
        &self,
        expected: RowState,
        change: &RowChange<'_>,
        now: Timestamp,
    ) -> Result<(Op<Self>, Updated), NoRoom> {
        let mut slot = self.slot.lock();
        let Some(live) = slot.as_mut().filter(|live| live.expires > now) else {
            return Ok((Op::Nop, Updated::Missing));
        };
        if live.state != expected {
            return Ok((Op::Nop, Updated::Conflict));
        }
        if change.expires.is_some_and(|expires| expires <= now) {
            *slot = None;
            return Ok((Op::Remove, Updated::Updated));
        }
        live.write(change.bytes)?;
        live.state = RowState {
            version: expected.version.saturating_add(1),
            phase: change.phase,
        };
        live.written = now;
        let op = change
            .expires
            .map_or(Op::Nop, |expires| Op::Put(self.renewed(live, expires, now)));
        Ok((op, Updated::Updated))
    }

    /// Changes when the row expires, and tells what the cache has to do.
    pub(super) fn expire_at(&self, expires: Timestamp, now: Timestamp) -> Op<Self> {
        let mut slot = self.slot.lock();
        let Some(live) = slot.as_mut().filter(|live| live.expires > now) else {
            return Op::Nop;
        };
        if expires <= now {
            *slot = None;
            return Op::Remove;
        }
        Op::Put(self.renewed(live, expires, now))
    }

    /// Ends the row and gives back its room, unless another lease has taken this one's
    /// place: then the row goes on. What is in flight finds no row any more.
    pub(super) fn end(&self) {
        let mut slot = self.slot.lock();
        slot.take_if(|live| live.lease == self.number);
    }

    fn renewed(&self, live: &mut Live, expires: Timestamp, now: Timestamp) -> Self {
        live.expires = expires;
        live.lease = live.lease.wrapping_add(1);
        Self {
            slot: Arc::clone(&self.slot),
            number: live.lease,
            remaining: expires.since(now),
        }
    }
}

/// A row, or nothing once it has ended: it never comes back. Nobody calls the cache while
/// it is locked, since the cache locks it when a lease is over.
struct Slot(Mutex<Option<Live>>);

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Option<Live>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Live {
    state: RowState,
    written: Timestamp,
    expires: Timestamp,
    bytes: Box<[u8]>,
    part: Part,
    /// The number of the lease that holds.
    lease: u64,
}

impl Live {
    fn write(&mut self, bytes: &[u8]) -> Result<(), NoRoom> {
        self.part.resize(weight(bytes.len()))?;
        // Records are padded: most changes do not change how long they are.
        if self.bytes.len() == bytes.len() {
            self.bytes.copy_from_slice(bytes);
        } else {
            self.bytes = bytes.into();
        }
        Ok(())
    }
}

#[cfg(test)]
impl Lease {
    pub(super) fn with_remaining(mut self, remaining: Duration) -> Self {
        self.remaining = remaining;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_elsewhere_while_the_row_was_locked_leaves_it_in_use() {
        let now = Timestamp::from_unix_seconds(1_795_348_800);
        let room = Arc::new(Room::new(1 << 20));
        let row = NewRow {
            bytes: b"kept",
            expires: now + Duration::from_secs(1),
        };
        let lease = Lease::of(&row, now, &room).unwrap();
        std::thread::scope(|scope| {
            let panicked = scope.spawn(|| {
                let _slot = lease.slot.lock();
                panic!("on purpose, while the lock is held");
            });
            panicked.join().unwrap_err();
        });
        assert!(lease.slot.0.is_poisoned());
        assert_eq!(lease.row(now).unwrap().bytes, b"kept");
        lease.end();
        assert_eq!((lease.row(now), room.used()), (None, 0));
    }
}
