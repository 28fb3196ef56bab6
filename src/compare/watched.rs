//! A store that is looked at while it works: counted, timed, copied, switched off.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::clock::Monotonic;
use crate::{
    store::{
        Created, NewRow, RevocationDelta, RevocationId, Revoked, Row, RowChange, RowKey, RowState,
        SessionStore, StoreError, StoreErrorKind, StoreFuture, SyncCursor, Updated,
    },
    time::Timestamp,
};

/// Another store with a window in it.
pub(super) struct Watched {
    store: Arc<dyn SessionStore>,
    clock: Arc<dyn Monotonic>,
    down: AtomicBool,
    calls: AtomicU64,
    waited: AtomicU64,
    last: AtomicU64,
    record_len: AtomicU64,
    rows: Mutex<HashMap<RowKey, Vec<u8>>>,
    keeps_rows: bool,
}

/// What a store did since it was last asked.
#[derive(Clone, Copy, Default)]
pub(super) struct Seen {
    /// Calls, the list of revocations included.
    pub(super) calls: u64,
    /// Nanoseconds of all of them.
    pub(super) waited: u64,
    /// Nanoseconds of the last one.
    pub(super) last: u64,
}

impl Watched {
    /// Counts and times.
    pub(super) fn new(store: Arc<dyn SessionStore>, clock: Arc<dyn Monotonic>) -> Self {
        Self {
            store,
            clock,
            down: AtomicBool::new(false),
            calls: AtomicU64::new(0),
            waited: AtomicU64::new(0),
            last: AtomicU64::new(0),
            record_len: AtomicU64::new(0),
            rows: Mutex::default(),
            keeps_rows: false,
        }
    }

    /// Keeps a copy of every row as well, as a thief of the store would have it.
    pub(super) fn with_copies(mut self) -> Self {
        self.keeps_rows = true;
        self
    }

    /// From now on the store does not answer, or answers again.
    pub(super) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    /// What was done since the last time, which is then forgotten.
    pub(super) fn take(&self) -> Seen {
        Seen {
            calls: self.calls.swap(0, Ordering::Relaxed),
            waited: self.waited.swap(0, Ordering::Relaxed),
            last: self.last.swap(0, Ordering::Relaxed),
        }
    }

    /// Bytes of the record that was written last; 0 before the first.
    pub(super) fn record_len(&self) -> usize {
        usize::try_from(self.record_len.load(Ordering::Relaxed)).unwrap_or(usize::MAX)
    }

    /// Deletes every row that was made through this window.
    pub(super) async fn clear(&self) {
        let keys: Vec<RowKey> = self.lock().drain().map(|(key, _)| key).collect();
        for key in keys {
            // What cannot be deleted now expires with its session.
            let _ = self.store.delete(&key).await;
        }
    }

    /// The rows that are there, if copies are kept.
    pub(super) fn rows(&self) -> Vec<(RowKey, Vec<u8>)> {
        let rows = self.lock();
        rows.iter().map(|(key, row)| (*key, row.clone())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RowKey, Vec<u8>>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wrote(&self, key: &RowKey, bytes: &[u8]) {
        let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.record_len.store(len, Ordering::Relaxed);
        let copy = if self.keeps_rows { bytes } else { &[] };
        self.lock().insert(*key, copy.to_vec());
    }

    async fn call<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        if self.down.load(Ordering::SeqCst) {
            let cause = "switched off for the comparison";
            return Err(StoreError::new(StoreErrorKind::Unreachable, cause));
        }
        let began = self.clock.nanos();
        let outcome = call.await;
        let took = self.clock.nanos().saturating_sub(began);
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.waited.fetch_add(took, Ordering::Relaxed);
        self.last.store(took, Ordering::Relaxed);
        outcome
    }
}

impl core::fmt::Debug for Watched {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Watched").field(&self.store).finish()
    }
}

impl SessionStore for Watched {
    fn create<'a>(
        &'a self,
        key: &'a RowKey,
        row: NewRow<'a>,
        now: Timestamp,
    ) -> StoreFuture<'a, Created> {
        Box::pin(async move {
            let created = self.call(self.store.create(key, row, now)).await?;
            if created == Created::Created {
                self.wrote(key, row.bytes);
            }
            Ok(created)
        })
    }

    fn load<'a>(&'a self, key: &'a RowKey, now: Timestamp) -> StoreFuture<'a, Option<Row>> {
        Box::pin(self.call(self.store.load(key, now)))
    }

    fn update<'a>(
        &'a self,
        key: &'a RowKey,
        expected: RowState,
        change: RowChange<'a>,
        now: Timestamp,
    ) -> StoreFuture<'a, Updated> {
        Box::pin(async move {
            let updated = self.store.update(key, expected, change, now);
            let updated = self.call(updated).await?;
            if updated == Updated::Updated {
                self.wrote(key, change.bytes);
            }
            Ok(updated)
        })
    }

    fn expire_at<'a>(
        &'a self,
        key: &'a RowKey,
        expires: Timestamp,
        now: Timestamp,
    ) -> StoreFuture<'a, ()> {
        Box::pin(self.call(self.store.expire_at(key, expires, now)))
    }

    fn delete<'a>(&'a self, key: &'a RowKey) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.call(self.store.delete(key)).await?;
            self.lock().remove(key);
            Ok(())
        })
    }

    fn delete_expired(&self, _: Timestamp, _: u32) -> StoreFuture<'_, u64> {
        // The store may be the reader's own, and the comparison has a clock of its own.
        Box::pin(async { Ok(0) })
    }

    fn revoke(&self, revoked: Revoked, now: Timestamp) -> StoreFuture<'_, Option<Revoked>> {
        Box::pin(self.call(self.store.revoke(revoked, now)))
    }

    fn revoked<'a>(
        &'a self,
        ids: &'a [RevocationId],
        now: Timestamp,
    ) -> StoreFuture<'a, Vec<Revoked>> {
        Box::pin(self.call(self.store.revoked(ids, now)))
    }

    fn revoked_since(
        &self,
        cursor: Option<SyncCursor>,
        now: Timestamp,
    ) -> StoreFuture<'_, RevocationDelta> {
        if self.keeps_rows {
            return Box::pin(self.call(self.store.revoked_since(cursor, now)));
        }
        // The reader's own list may be long, and every server of the comparison would have
        // a copy of it. What it costs is in the model of costs.
        Box::pin(async {
            Ok(RevocationDelta {
                entries: Vec::new(),
                cursor: SyncCursor(0),
            })
        })
    }
}
