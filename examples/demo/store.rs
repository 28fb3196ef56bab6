//! A store that can be switched off, and counts how often it is asked.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use sealed_session::{
    store::{
        Created, NewRow, RevocationDelta, RevocationId, Revoked, Row, RowChange, RowKey, RowState,
        SessionStore, StoreError, StoreErrorKind, StoreFuture, SyncCursor, Updated,
        memory::MemoryStore,
    },
    time::Timestamp,
};

/// Rows in memory behind a switch. Clones are the same store.
#[derive(Clone, Debug, Default)]
pub(crate) struct SwitchStore {
    rows: MemoryStore,
    switch: Arc<Switch>,
}

#[derive(Debug, Default)]
struct Switch {
    stopped: AtomicBool,
    calls: AtomicU64,
}

impl SwitchStore {
    pub(crate) fn stop(&self, stop: bool) {
        self.switch.stopped.store(stop, Ordering::SeqCst);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.switch.stopped.load(Ordering::SeqCst)
    }

    /// How often it was asked, answered or not.
    pub(crate) fn calls(&self) -> u64 {
        self.switch.calls.load(Ordering::SeqCst)
    }

    pub(crate) fn used_bytes(&self) -> u64 {
        self.rows.used_bytes()
    }

    fn ask<'a, T: Send + 'a>(
        &'a self,
        answer: impl FnOnce(&'a MemoryStore) -> StoreFuture<'a, T>,
    ) -> StoreFuture<'a, T> {
        self.switch.calls.fetch_add(1, Ordering::SeqCst);
        if self.is_stopped() {
            let error = StoreError::new(StoreErrorKind::Unreachable, "stopped by its visitor");
            return Box::pin(async { Err(error) });
        }
        answer(&self.rows)
    }
}

impl SessionStore for SwitchStore {
    fn create<'a>(
        &'a self,
        key: &'a RowKey,
        row: NewRow<'a>,
        now: Timestamp,
    ) -> StoreFuture<'a, Created> {
        self.ask(move |rows| rows.create(key, row, now))
    }

    fn load<'a>(&'a self, key: &'a RowKey, now: Timestamp) -> StoreFuture<'a, Option<Row>> {
        self.ask(move |rows| rows.load(key, now))
    }

    fn update<'a>(
        &'a self,
        key: &'a RowKey,
        expected: RowState,
        change: RowChange<'a>,
        now: Timestamp,
    ) -> StoreFuture<'a, Updated> {
        self.ask(move |rows| rows.update(key, expected, change, now))
    }

    fn expire_at<'a>(
        &'a self,
        key: &'a RowKey,
        expires: Timestamp,
        now: Timestamp,
    ) -> StoreFuture<'a, ()> {
        self.ask(move |rows| rows.expire_at(key, expires, now))
    }

    fn delete<'a>(&'a self, key: &'a RowKey) -> StoreFuture<'a, ()> {
        self.ask(move |rows| rows.delete(key))
    }

    fn delete_expired(&self, now: Timestamp, batch: u32) -> StoreFuture<'_, u64> {
        self.ask(move |rows| rows.delete_expired(now, batch))
    }

    fn revoke(&self, revoked: Revoked, now: Timestamp) -> StoreFuture<'_, Option<Revoked>> {
        self.ask(move |rows| rows.revoke(revoked, now))
    }

    fn revoked<'a>(
        &'a self,
        ids: &'a [RevocationId],
        now: Timestamp,
    ) -> StoreFuture<'a, Vec<Revoked>> {
        self.ask(move |rows| rows.revoked(ids, now))
    }

    fn revoked_since(
        &self,
        cursor: Option<SyncCursor>,
        now: Timestamp,
    ) -> StoreFuture<'_, RevocationDelta> {
        self.ask(move |rows| rows.revoked_since(cursor, now))
    }
}
