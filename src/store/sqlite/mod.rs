//! Sessions in a SQLite file.

use core::{fmt, time::Duration};
use std::{path::Path, sync::Arc};

use sqlx::{Sqlite, SqliteConnection, SqlitePool, pool::PoolConnection};
use tokio::sync::{Mutex, MutexGuard};

pub use self::open::SqliteBuilder;
use super::{
    SessionStore, StoreError, StoreErrorKind, StoreFuture,
    sql::{
        failure, limited,
        operations::{all_pages, operations},
    },
};

mod open;

operations!(SqliteConnection);

/// A store in a SQLite file, for the servers of one machine.
///
/// The file and its tables are made when they are missing; on Unix only the owner can read
/// them. Several stores and several processes may have the same file open, as long as it
/// lies on a local disk. Clones share their connections.
///
/// Every write is on the disk before its call returns (`WAL`, `synchronous=FULL`): after a
/// power cut whatever was acknowledged is there, revocations above all. A call that waits
/// for another writer or for the disk ends with [`StoreErrorKind::Unreachable`] when its
/// time is over; a full disk, or a file at [`max_bytes`](SqliteBuilder::max_bytes), is
/// [`StoreErrorKind::Full`].
///
/// It needs the runtime of tokio.
///
/// ```no_run
/// use sealed_session::store::sqlite::SqliteStore;
///
/// # async fn example() -> Result<(), sealed_session::store::StoreError> {
/// let store = SqliteStore::open("/var/lib/shop/sessions.db").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqliteStore {
    pool: SqlitePool,
    sql: Arc<Statements>,
    limit: Duration,
    /// Whose turn it is to write: SQLite lets one write at a time and is not fair to those
    /// who wait, so that one of many could wait for its whole time.
    turn: Arc<Mutex<()>>,
}

impl SqliteStore {
    /// Opens that file with the builder's defaults. `sqlite:` or `sqlite://` before the
    /// path is allowed.
    ///
    /// # Errors
    /// As [`SqliteBuilder::open`].
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::builder(path).open().await
    }

    /// The options for opening that file.
    #[must_use]
    pub fn builder(path: impl AsRef<Path>) -> SqliteBuilder {
        SqliteBuilder::new(path.as_ref())
    }

    /// Closes all connections, once what is in flight has ended. Later calls fail with
    /// [`StoreErrorKind::Unreachable`].
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn connection(&self) -> Answer<PoolConnection<Sqlite>> {
        self.pool.acquire().await
    }

    /// A connection, and the turn to write.
    async fn writer(&self) -> Answer<(MutexGuard<'_, ()>, PoolConnection<Sqlite>)> {
        let turn = self.turn.lock().await;
        Ok((turn, self.connection().await?))
    }

    fn call<'a, T: 'a>(
        &self,
        operation: impl Future<Output = Answer<T>> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        let limit = self.limit;
        Box::pin(limited(limit, async { operation.await.map_err(told) }))
    }
}

fn told(error: sqlx::Error) -> StoreError {
    failure(error, kind)
}

/// SQLite's result codes; the low byte is the primary one.
fn kind(code: &str) -> StoreErrorKind {
    match code.parse().map(|code: u32| code & 0xff) {
        // SQLITE_BUSY, SQLITE_LOCKED
        Ok(5 | 6) => StoreErrorKind::Unreachable,
        // SQLITE_FULL
        Ok(13) => StoreErrorKind::Full,
        _ => StoreErrorKind::Failed,
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("connections", &self.pool.size())
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl SessionStore for SqliteStore {
    fn create<'a>(
        &'a self,
        key: &'a RowKey,
        row: NewRow<'a>,
        now: Timestamp,
    ) -> StoreFuture<'a, Created> {
        self.call(async move {
            let (_turn, mut c) = self.writer().await?;
            create(&mut c, &self.sql, key, &row, now).await
        })
    }

    fn load<'a>(&'a self, key: &'a RowKey, now: Timestamp) -> StoreFuture<'a, Option<Row>> {
        self.call(async move {
            let c = &mut *self.connection().await?;
            load(c, &self.sql, key, now).await
        })
    }

    fn update<'a>(
        &'a self,
        key: &'a RowKey,
        expected: RowState,
        change: RowChange<'a>,
        now: Timestamp,
    ) -> StoreFuture<'a, Updated> {
        self.call(async move {
            let (_turn, mut c) = self.writer().await?;
            update(&mut c, &self.sql, key, expected, &change, now).await
        })
    }

    fn expire_at<'a>(
        &'a self,
        key: &'a RowKey,
        expires: Timestamp,
        now: Timestamp,
    ) -> StoreFuture<'a, ()> {
        self.call(async move {
            let (_turn, mut c) = self.writer().await?;
            expire_at(&mut c, &self.sql, key, expires, now).await
        })
    }

    fn delete<'a>(&'a self, key: &'a RowKey) -> StoreFuture<'a, ()> {
        self.call(async move {
            let (_turn, mut c) = self.writer().await?;
            delete(&mut c, &self.sql, key).await
        })
    }

    fn delete_expired(&self, now: Timestamp, batch: u32) -> StoreFuture<'_, u64> {
        self.call(async move {
            let (_turn, mut c) = self.writer().await?;
            delete_expired(&mut c, &self.sql, now, batch).await
        })
    }

    fn revoke(&self, entry: Revoked, now: Timestamp) -> StoreFuture<'_, Option<Revoked>> {
        self.call(async move {
            let (_turn, mut c) = self.writer().await?;
            revoke(&mut c, &self.sql, entry, now).await
        })
    }

    fn revoked<'a>(
        &'a self,
        ids: &'a [RevocationId],
        now: Timestamp,
    ) -> StoreFuture<'a, Vec<Revoked>> {
        self.call(async move {
            let c = &mut *self.connection().await?;
            revoked(c, &self.sql, ids, now).await
        })
    }

    fn revoked_since(
        &self,
        cursor: Option<SyncCursor>,
        now: Timestamp,
    ) -> StoreFuture<'_, RevocationDelta> {
        let read = move |place: Place| {
            self.call(async move {
                let c = &mut *self.connection().await?;
                revoked_page(c, &self.sql, &place, now).await
            })
        };
        Box::pin(all_pages(cursor, read))
    }
}
