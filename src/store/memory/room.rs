//! The bytes that rows may take and do take.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// So many bytes, for all rows together.
#[derive(Debug)]
pub(super) struct Room {
    limit: u64,
    used: AtomicU64,
}

impl Room {
    pub(super) fn new(limit: u64) -> Self {
        Self {
            limit,
            used: AtomicU64::new(0),
        }
    }

    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Acquire)
    }

    /// `new` bytes in place of `old` ones, in one step: nobody else takes what is given back.
    fn swap(&self, old: u64, new: u64) -> Result<(), NoRoom> {
        let swapped = |used: u64| {
            let after = used.saturating_sub(old).saturating_add(new);
            // What shrinks always fits.
            (after <= self.limit || new <= old).then_some(after)
        };
        let order = (Ordering::AcqRel, Ordering::Acquire);
        let before = self.used.fetch_update(order.0, order.1, swapped);
        before.map(|_| ()).map_err(|_| NoRoom)
    }
}

/// There is not that much room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoRoom;

/// The part of the room that one row has. It gives it back when it is dropped, so that
/// nothing is given back twice, or not at all.
#[derive(Debug)]
pub(super) struct Part {
    room: Arc<Room>,
    bytes: u64,
}

impl Part {
    pub(super) fn of(room: &Arc<Room>, bytes: u64) -> Result<Self, NoRoom> {
        room.swap(0, bytes)?;
        Ok(Self {
            room: Arc::clone(room),
            bytes,
        })
    }

    /// Makes the part `bytes` large. Where there is no room for that, it stays as it is.
    pub(super) fn resize(&mut self, bytes: u64) -> Result<(), NoRoom> {
        if bytes != self.bytes {
            self.room.swap(self.bytes, bytes)?;
            self.bytes = bytes;
        }
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Never refused: it shrinks.
        let _ = self.room.swap(self.bytes, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_fit_the_room_exactly_and_what_is_refused_changes_nothing() {
        let room = Arc::new(Room::new(100));
        let mut a = Part::of(&room, 60).unwrap();
        assert_eq!(Part::of(&room, 41).unwrap_err(), NoRoom);
        assert_eq!(room.used(), 60);
        let b = Part::of(&room, 40).unwrap();
        assert_eq!(room.used(), 100);
        assert_eq!(a.resize(61).unwrap_err(), NoRoom);
        assert_eq!(room.used(), 100);
        a.resize(60).unwrap();
        a.resize(10).unwrap();
        assert_eq!(room.used(), 50);
        a.resize(60).unwrap();
        assert_eq!(room.used(), 100);
        drop(b);
        assert_eq!(room.used(), 60);
        drop(a);
        assert_eq!(room.used(), 0);
    }

    #[test]
    fn no_number_is_too_large() {
        let room = Arc::new(Room::new(u64::MAX - 1));
        let part = Part::of(&room, u64::MAX - 1).unwrap();
        assert_eq!(Part::of(&room, 1).unwrap_err(), NoRoom);
        assert_eq!(Part::of(&room, u64::MAX).unwrap_err(), NoRoom);
        drop(part);
        assert_eq!(room.used(), 0);
    }
}
