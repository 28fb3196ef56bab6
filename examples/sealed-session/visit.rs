//! A store as this program may touch it, whose clock is whatever `--at` says.

use std::sync::Arc;

use sealed_session::{
    store::{
        Created, NewRow, RevocationDelta, RevocationId, Revoked, Row, RowChange, RowKey, RowState,
        SessionStore, StoreFuture, SyncCursor, Updated,
    },
    time::Timestamp,
};

/// Deletes nothing for having expired: that is for the servers, who know the time. While
/// reading, it notes nothing in rows either.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) store: Arc<dyn SessionStore>,
    pub(crate) reading: bool,
}

impl SessionStore for Visit {
    fn create<'a>(
        &'a self,
        key: &'a RowKey,
        row: NewRow<'a>,
        now: Timestamp,
    ) -> StoreFuture<'a, Created> {
        self.store.create(key, row, now)
    }

    fn load<'a>(&'a self, key: &'a RowKey, now: Timestamp) -> StoreFuture<'a, Option<Row>> {
        self.store.load(key, now)
    }

    fn update<'a>(
        &'a self,
        key: &'a RowKey,
        expected: RowState,
        change: RowChange<'a>,
        now: Timestamp,
    ) -> StoreFuture<'a, Updated> {
        if self.reading {
            // The first read of a row notes in it that its reference has arrived.
            return Box::pin(async { Ok(Updated::Updated) });
        }
        self.store.update(key, expected, change, now)
    }

    fn expire_at<'a>(
        &'a self,
        key: &'a RowKey,
        expires: Timestamp,
        now: Timestamp,
    ) -> StoreFuture<'a, ()> {
        self.store.expire_at(key, expires, now)
    }

    fn delete<'a>(&'a self, key: &'a RowKey) -> StoreFuture<'a, ()> {
        self.store.delete(key)
    }

    fn delete_expired(&self, _: Timestamp, _: u32) -> StoreFuture<'_, u64> {
        Box::pin(async { Ok(0) })
    }

    fn revoke(&self, revoked: Revoked, now: Timestamp) -> StoreFuture<'_, Option<Revoked>> {
        self.store.revoke(revoked, now)
    }

    fn revoked<'a>(
        &'a self,
        ids: &'a [RevocationId],
        now: Timestamp,
    ) -> StoreFuture<'a, Vec<Revoked>> {
        self.store.revoked(ids, now)
    }

    fn revoked_since(
        &self,
        cursor: Option<SyncCursor>,
        now: Timestamp,
    ) -> StoreFuture<'_, RevocationDelta> {
        self.store.revoked_since(cursor, now)
    }
}
