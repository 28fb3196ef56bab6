//! Sessions in this process's memory.

use core::fmt;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use self::rows::Rows;
use super::{
    Created, NewRow, RevocationDelta, RevocationId, Revoked, Row, RowChange, RowKey, RowState,
    SYNC_OVERLAP_SECONDS, SessionStore, StoreFuture, SyncCursor, Updated,
};
use crate::time::Timestamp;

mod room;
mod rows;
mod slot;

/// A store in the memory of one process. Clones are handles on the same rows.
///
/// Everything in it is lost when the process ends, and no other process sees it: all
/// sessions that live here end with a restart, and so do revocations. It suits tests,
/// development, and a single server whose sessions may be lost.
///
/// Rows take up to a number of bytes, 64 MiB unless
/// [`with_limit`](Self::with_limit) says otherwise, each counted with its overhead. When
/// there is no room, [`create`](SessionStore::create) and
/// [`update`](SessionStore::update) fail with [`StoreErrorKind::Full`]; no live session is
/// ever dropped to make room for another, since that would log somebody out. Revocations
/// are never refused and do not count; [`delete_expired`](SessionStore::delete_expired)
/// keeps their number down.
///
/// Memory is freed by the process's own clock too: a row goes once the time between `now`
/// and `expires` has passed, as it was when `expires` was last set. An update that keeps
/// `expires` changes the row where it is, and costs the least.
///
/// [`StoreErrorKind::Full`]: super::StoreErrorKind::Full
///
/// ```
/// use sealed_session::store::memory::MemoryStore;
///
/// let store = MemoryStore::with_limit(16 << 20);
/// assert_eq!(store.used_bytes(), 0);
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    rows: Rows,
    list: Arc<Mutex<List>>,
    began: Instant,
}

impl MemoryStore {
    /// A store of 64 MiB.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limit(64 << 20)
    }

    /// A store whose rows take up to `bytes` bytes.
    #[must_use]
    pub fn with_limit(bytes: u64) -> Self {
        Self {
            rows: Rows::new(bytes),
            list: Arc::default(),
            began: Instant::now(),
        }
    }

    /// How many bytes the rows take, their overhead included.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.rows.used()
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Microseconds since the store was made.
    fn tick(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("used", &self.rows.used())
            .field("limit", &self.rows.limit())
            .finish_non_exhaustive()
    }
}

impl SessionStore for MemoryStore {
    fn create<'a>(
        &'a self,
        key: &'a RowKey,
        row: NewRow<'a>,
        now: Timestamp,
    ) -> StoreFuture<'a, Created> {
        Box::pin(async move { self.rows.create(key, &row, now) })
    }

    fn load<'a>(&'a self, key: &'a RowKey, now: Timestamp) -> StoreFuture<'a, Option<Row>> {
        Box::pin(async move { Ok(self.rows.load(key, now)) })
    }

    fn update<'a>(
        &'a self,
        key: &'a RowKey,
        expected: RowState,
        change: RowChange<'a>,
        now: Timestamp,
    ) -> StoreFuture<'a, Updated> {
        Box::pin(async move { self.rows.update(key, expected, &change, now) })
    }

    fn expire_at<'a>(
        &'a self,
        key: &'a RowKey,
        expires: Timestamp,
        now: Timestamp,
    ) -> StoreFuture<'a, ()> {
        Box::pin(async move { self.rows.expire_at(key, expires, now) })
    }

    fn delete<'a>(&'a self, key: &'a RowKey) -> StoreFuture<'a, ()> {
        Box::pin(async move { self.rows.delete(key) })
    }

    fn delete_expired(&self, now: Timestamp, batch: u32) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let batch = usize::try_from(batch).unwrap_or(usize::MAX);
            let revocations = self.list().purge(now, batch);
            Ok(revocations.saturating_add(self.rows.purge(now, batch)?))
        })
    }

    fn revoke(&self, revoked: Revoked, now: Timestamp) -> StoreFuture<'_, Option<Revoked>> {
        Box::pin(async move {
            let mut list = self.list();
            Ok(list.add(revoked, self.tick(), now))
        })
    }

    fn revoked<'a>(
        &'a self,
        ids: &'a [RevocationId],
        now: Timestamp,
    ) -> StoreFuture<'a, Vec<Revoked>> {
        Box::pin(async move {
            let list = self.list();
            let known = ids.iter().filter_map(|id| list.entries.get(id));
            let entries = known.map(|(_, entry)| *entry);
            Ok(entries.filter(|entry| entry.expires > now).collect())
        })
    }

    fn revoked_since(
        &self,
        cursor: Option<SyncCursor>,
        now: Timestamp,
    ) -> StoreFuture<'_, RevocationDelta> {
        Box::pin(async move {
            let list = self.list();
            let back = u64::from(SYNC_OVERLAP_SECONDS).saturating_mul(1_000_000);
            let from = cursor.map_or(0, |cursor| cursor.0.saturating_sub(back));
            let all = list.entries.values();
            let entries = all.filter(|(tick, entry)| *tick >= from && entry.expires > now);
            Ok(RevocationDelta {
                entries: entries.map(|(_, entry)| *entry).collect(),
                cursor: SyncCursor(self.tick()),
            })
        })
    }
}

/// The revocations, each with the tick of its last change.
#[derive(Debug, Default)]
struct List {
    entries: HashMap<RevocationId, (u64, Revoked)>,
}

impl List {
    fn add(&mut self, new: Revoked, tick: u64, now: Timestamp) -> Option<Revoked> {
        let known = self.entries.get(&new.id).map(|(_, entry)| *entry);
        let before = known.filter(|entry| entry.expires > now);
        self.entries.insert(new.id, (tick, new.after(before)));
        before
    }

    fn purge(&mut self, now: Timestamp, batch: usize) -> u64 {
        let mut deleted = 0_usize;
        self.entries.retain(|_, (_, entry)| {
            let goes = entry.expires <= now && deleted < batch;
            deleted = deleted.saturating_add(usize::from(goes));
            !goes
        });
        u64::try_from(deleted).unwrap_or(u64::MAX)
    }
}
