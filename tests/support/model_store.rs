//! The store contract as plainly as it can be said, and with a switch to break it.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use sealed_session::{
    store::{
        Created, NewRow, RevocationDelta, RevocationId, Revoked, Row, RowChange, RowKey, RowPhase,
        RowState, SessionStore, StoreError, StoreErrorKind, StoreFuture, SyncCursor, Updated,
    },
    time::Timestamp,
};

/// A store in a map. It tells revocations in order of arrival, each once per change.
#[derive(Debug, Default)]
pub(crate) struct ModelStore {
    rows: Mutex<HashMap<RowKey, Row>>,
    revoked: Mutex<HashMap<RevocationId, Revoked>>,
    /// The ids in the order in which they were revoked.
    log: Mutex<Vec<RevocationId>>,
    down: AtomicBool,
    deletes_fail: AtomicBool,
    stands_still: AtomicBool,
    calls: AtomicU64,
}

impl ModelStore {
    /// From now on it answers nothing, or answers again.
    pub(crate) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    /// From now on it deletes nothing, or deletes again.
    pub(crate) fn fail_deletes(&self, fail: bool) {
        self.deletes_fail.store(fail, Ordering::SeqCst);
    }

    /// From now on a repeated revocation moves nothing on by itself, or does again.
    #[allow(dead_code, reason = "only the fleet needs it")]
    pub(crate) fn stand_still(&self, still: bool) {
        self.stands_still.store(still, Ordering::SeqCst);
    }

    /// How many calls it has had.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// How many rows it holds, expired ones included.
    pub(crate) fn rows(&self) -> usize {
        self.rows.lock().unwrap().len()
    }

    /// All bytes it holds, as somebody who steals the database would have them.
    pub(crate) fn dump(&self) -> Vec<(RowKey, Row)> {
        let rows = self.rows.lock().unwrap();
        rows.iter().map(|(key, row)| (*key, row.clone())).collect()
    }

    /// Puts a row in place as it is.
    pub(crate) fn plant(&self, key: RowKey, row: Row) {
        self.rows.lock().unwrap().insert(key, row);
    }

    fn answer<'a, T: Send + 'a>(&self, answer: impl FnOnce() -> T) -> StoreFuture<'a, T> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let answer = if self.down.load(Ordering::SeqCst) {
            Err(StoreError::new(StoreErrorKind::Unreachable, "switched off"))
        } else {
            Ok(answer())
        };
        Box::pin(core::future::ready(answer))
    }
}

impl SessionStore for ModelStore {
    fn create<'a>(
        &'a self,
        key: &'a RowKey,
        row: NewRow<'a>,
        now: Timestamp,
    ) -> StoreFuture<'a, Created> {
        self.answer(|| {
            let mut rows = self.rows.lock().unwrap();
            if rows.get(key).is_some_and(|row| now < row.expires) {
                return Created::Exists;
            }
            let row = Row {
                state: RowState {
                    version: 1,
                    phase: RowPhase::Fresh,
                },
                written: now,
                expires: row.expires,
                bytes: row.bytes.to_vec(),
            };
            rows.insert(*key, row);
            Created::Created
        })
    }

    fn load<'a>(&'a self, key: &'a RowKey, now: Timestamp) -> StoreFuture<'a, Option<Row>> {
        self.answer(|| {
            let rows = self.rows.lock().unwrap();
            rows.get(key).filter(|row| now < row.expires).cloned()
        })
    }

    fn update<'a>(
        &'a self,
        key: &'a RowKey,
        expected: RowState,
        change: RowChange<'a>,
        now: Timestamp,
    ) -> StoreFuture<'a, Updated> {
        self.answer(|| {
            let mut rows = self.rows.lock().unwrap();
            let Some(row) = rows.get_mut(key).filter(|row| now < row.expires) else {
                return Updated::Missing;
            };
            if row.state != expected {
                return Updated::Conflict;
            }
            *row = Row {
                state: RowState {
                    version: expected.version + 1,
                    phase: change.phase,
                },
                written: now,
                expires: change.expires.unwrap_or(row.expires),
                bytes: change.bytes.to_vec(),
            };
            Updated::Updated
        })
    }

    fn expire_at<'a>(
        &'a self,
        key: &'a RowKey,
        expires: Timestamp,
        now: Timestamp,
    ) -> StoreFuture<'a, ()> {
        self.answer(|| {
            let mut rows = self.rows.lock().unwrap();
            if let Some(row) = rows.get_mut(key).filter(|row| now < row.expires) {
                row.expires = expires;
            }
        })
    }

    fn delete<'a>(&'a self, key: &'a RowKey) -> StoreFuture<'a, ()> {
        if self.deletes_fail.load(Ordering::SeqCst) {
            let error = StoreError::new(StoreErrorKind::Failed, "does not delete");
            return Box::pin(core::future::ready(Err(error)));
        }
        self.answer(|| {
            self.rows.lock().unwrap().remove(key);
        })
    }

    fn delete_expired(&self, now: Timestamp, batch: u32) -> StoreFuture<'_, u64> {
        self.answer(|| {
            let mut rows = self.rows.lock().unwrap();
            let gone: Vec<RowKey> = rows
                .iter()
                .filter(|(_, row)| row.expires <= now)
                .map(|(key, _)| *key)
                .take(batch as usize)
                .collect();
            for key in &gone {
                rows.remove(key);
            }
            let mut revoked = self.revoked.lock().unwrap();
            let before = revoked.len();
            revoked.retain(|_, entry| now < entry.expires);
            (gone.len() + before - revoked.len()) as u64
        })
    }

    fn revoke(&self, entry: Revoked, now: Timestamp) -> StoreFuture<'_, Option<Revoked>> {
        self.answer(|| {
            self.log.lock().unwrap().push(entry.id);
            let mut revoked = self.revoked.lock().unwrap();
            let known = revoked.get(&entry.id).copied();
            let before = known.filter(|known| now < known.expires);
            let mut holds = entry.after(before);
            if let Some(before) = before
                && self.stands_still.load(Ordering::SeqCst)
            {
                holds.not_before = entry.not_before.max(before.not_before);
            }
            revoked.insert(entry.id, holds);
            before
        })
    }

    fn revoked<'a>(
        &'a self,
        ids: &'a [RevocationId],
        now: Timestamp,
    ) -> StoreFuture<'a, Vec<Revoked>> {
        self.answer(|| {
            let revoked = self.revoked.lock().unwrap();
            let found = ids.iter().filter_map(|id| revoked.get(id));
            found.filter(|entry| now < entry.expires).copied().collect()
        })
    }

    fn revoked_since(
        &self,
        cursor: Option<SyncCursor>,
        now: Timestamp,
    ) -> StoreFuture<'_, RevocationDelta> {
        self.answer(|| {
            let log = self.log.lock().unwrap();
            let from = cursor.map_or(0, |cursor| usize::try_from(cursor.0).unwrap());
            let news: BTreeSet<RevocationId> = log.iter().skip(from).copied().collect();
            let revoked = self.revoked.lock().unwrap();
            let news = news.iter().filter_map(|id| revoked.get(id));
            RevocationDelta {
                entries: news.filter(|entry| now < entry.expires).copied().collect(),
                cursor: SyncCursor(log.len() as u64),
            }
        })
    }
}
