//! Sessions in PostgreSQL.

use core::{fmt, time::Duration};
use std::sync::Arc;

use sqlx::{PgConnection, PgPool};

pub use self::connect::PostgresBuilder;
use self::lease::{Lease, is_broken};
use super::{
    RowPhase, SessionStore, StoreError, StoreErrorKind, StoreFuture,
    sql::{
        failure, kind_of, limited,
        operations::{all_pages, operations},
    },
};

mod connect;
mod lease;

operations!(PgConnection);

/// A store in PostgreSQL, for any number of servers. Clones share their connections.
///
/// The tables are made when they are missing; a role that may only read and write rows
/// suffices once they are there. TLS follows the URL: `sslmode=verify-full` is what to use
/// over a network, since `require` encrypts without asking who the server is.
///
/// # What happens when the server does not answer
/// Every call ends within its [`timeout`](PostgresBuilder::timeout), with
/// [`StoreErrorKind::Unreachable`]; later calls connect anew, so that the store recovers
/// without a restart. A call whose connection breaks is tried again on another connection,
/// [once](PostgresBuilder::retries) unless told otherwise. That is safe: a broken
/// connection may have lost the answer to a write that was done, so a repeated
/// [`create`](SessionStore::create) or [`update`](SessionStore::update) that finds the row
/// in its way reads it, and has succeeded if these are the bytes that it wrote.
///
/// What is acknowledged is as durable as the server's `synchronous_commit` makes it; with
/// `off`, a crash can lose a revocation. The server's clock orders the revocations.
///
/// It needs the runtime of tokio.
///
/// ```no_run
/// use sealed_session::store::postgres::PostgresStore;
///
/// # async fn example() -> Result<(), sealed_session::store::StoreError> {
/// let url = "postgres://shop@db.example.com/shop?sslmode=verify-full";
/// let store = PostgresStore::connect(url).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PostgresStore {
    pool: PgPool,
    sql: Arc<Statements>,
    limit: Duration,
    retries: u32,
}

impl PostgresStore {
    /// Connects with the builder's defaults.
    ///
    /// # Errors
    /// As [`PostgresBuilder::connect`].
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::builder(url).connect().await
    }

    /// The options for the server at that URL.
    #[must_use]
    pub fn builder(url: &str) -> PostgresBuilder {
        PostgresBuilder::new(url)
    }

    /// Closes all connections, once what is in flight has ended. Later calls fail with
    /// [`StoreErrorKind::Unreachable`].
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn call<T, F: Future<Output = (Lease, Answer<T>)>>(
        &self,
        operation: impl Fn(Lease) -> F,
    ) -> Result<T, StoreError> {
        let tried = self.tried(operation);
        limited(self.limit, async { Ok(tried.await?.0) }).await
    }

    /// The answer, and whether an earlier try may have been done too.
    async fn tried<T, F: Future<Output = (Lease, Answer<T>)>>(
        &self,
        operation: impl Fn(Lease) -> F,
    ) -> Result<(T, bool), StoreError> {
        let mut tries = 0..self.retries;
        let mut again = false;
        loop {
            let connection = self.pool.acquire().await.map_err(told)?;
            let (mut lease, answer) = operation(Lease::new(connection, self.limit)).await;
            match answer {
                Ok(answer) => return Ok((answer, again)),
                Err(error) if is_broken(&error) => {
                    lease.discard();
                    if tries.next().is_none() {
                        return Err(told(error));
                    }
                    again = true;
                }
                Err(error) => return Err(told(error)),
            }
        }
    }

    /// Whether the row is what an earlier try would have made of it. Sealed bytes are never
    /// the same twice, so nobody else has written them.
    async fn is_ours(
        &self,
        key: &RowKey,
        state: RowState,
        bytes: &[u8],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let read = |mut c: Lease| async move {
            let answer = load(&mut c, &self.sql, key, now).await;
            (c, answer)
        };
        let (row, _) = self.tried(read).await?;
        Ok(row.is_some_and(|row| row.state == state && row.bytes == bytes && row.written == now))
    }

    async fn create_once(
        &self,
        key: &RowKey,
        row: &NewRow<'_>,
        now: Timestamp,
    ) -> Result<Created, StoreError> {
        let write = |mut c: Lease| async move {
            let answer = create(&mut c, &self.sql, key, row, now).await;
            (c, answer)
        };
        let (created, again) = self.tried(write).await?;
        let state = RowState {
            version: 1,
            phase: RowPhase::Fresh,
        };
        if again && created == Created::Exists && self.is_ours(key, state, row.bytes, now).await? {
            return Ok(Created::Created);
        }
        Ok(created)
    }

    async fn update_once(
        &self,
        key: &RowKey,
        expected: RowState,
        change: &RowChange<'_>,
        now: Timestamp,
    ) -> Result<Updated, StoreError> {
        let write = |mut c: Lease| async move {
            let answer = update(&mut c, &self.sql, key, expected, change, now).await;
            (c, answer)
        };
        let (updated, again) = self.tried(write).await?;
        let state = RowState {
            version: expected.version.saturating_add(1),
            phase: change.phase,
        };
        if again
            && updated == Updated::Conflict
            && self.is_ours(key, state, change.bytes, now).await?
        {
            return Ok(Updated::Updated);
        }
        Ok(updated)
    }
}

fn told(error: sqlx::Error) -> StoreError {
    failure(error, kind)
}

/// PostgreSQL's SQLSTATE codes.
fn kind(code: &str) -> StoreErrorKind {
    match code {
        // Out of disk.
        "53100" => StoreErrorKind::Full,
        // A statement or a lock that took too long; a server that starts, stops, stands by
        // or has no connection left.
        "57014" | "55P03" | "57P01" | "57P02" | "57P03" | "25006" | "53300" => {
            StoreErrorKind::Unreachable
        }
        code if code.starts_with("08") => StoreErrorKind::Unreachable,
        _ => StoreErrorKind::Failed,
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("connections", &self.pool.size())
            .field("limit", &self.limit)
            .field("retries", &self.retries)
            .finish_non_exhaustive()
    }
}

impl SessionStore for PostgresStore {
    fn create<'a>(
        &'a self,
        key: &'a RowKey,
        row: NewRow<'a>,
        now: Timestamp,
    ) -> StoreFuture<'a, Created> {
        Box::pin(async move { limited(self.limit, self.create_once(key, &row, now)).await })
    }

    fn load<'a>(&'a self, key: &'a RowKey, now: Timestamp) -> StoreFuture<'a, Option<Row>> {
        Box::pin(self.call(move |mut c| async move {
            let answer = load(&mut c, &self.sql, key, now).await;
            (c, answer)
        }))
    }

    fn update<'a>(
        &'a self,
        key: &'a RowKey,
        expected: RowState,
        change: RowChange<'a>,
        now: Timestamp,
    ) -> StoreFuture<'a, Updated> {
        Box::pin(
            async move { limited(self.limit, self.update_once(key, expected, &change, now)).await },
        )
    }

    fn expire_at<'a>(
        &'a self,
        key: &'a RowKey,
        expires: Timestamp,
        now: Timestamp,
    ) -> StoreFuture<'a, ()> {
        Box::pin(self.call(move |mut c| async move {
            let answer = expire_at(&mut c, &self.sql, key, expires, now).await;
            (c, answer)
        }))
    }

    fn delete<'a>(&'a self, key: &'a RowKey) -> StoreFuture<'a, ()> {
        Box::pin(self.call(move |mut c| async move {
            let answer = delete(&mut c, &self.sql, key).await;
            (c, answer)
        }))
    }

    fn delete_expired(&self, now: Timestamp, batch: u32) -> StoreFuture<'_, u64> {
        Box::pin(self.call(move |mut c| async move {
            let answer = delete_expired(&mut c, &self.sql, now, batch).await;
            (c, answer)
        }))
    }

    fn revoke(&self, entry: Revoked, now: Timestamp) -> StoreFuture<'_, Option<Revoked>> {
        Box::pin(self.call(move |mut c| async move {
            let answer = revoke(&mut c, &self.sql, entry, now).await;
            (c, answer)
        }))
    }

    fn revoked<'a>(
        &'a self,
        ids: &'a [RevocationId],
        now: Timestamp,
    ) -> StoreFuture<'a, Vec<Revoked>> {
        Box::pin(self.call(move |mut c| async move {
            let answer = revoked(&mut c, &self.sql, ids, now).await;
            (c, answer)
        }))
    }

    fn revoked_since(
        &self,
        cursor: Option<SyncCursor>,
        now: Timestamp,
    ) -> StoreFuture<'_, RevocationDelta> {
        let read = move |place: Place| async move {
            let place = &place;
            let call = self.call(move |mut c| async move {
                let answer = revoked_page(&mut c, &self.sql, place, now).await;
                (c, answer)
            });
            Box::pin(call).await
        };
        Box::pin(all_pages(cursor, read))
    }
}
