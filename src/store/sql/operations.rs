//! What the store does on one connection, for either database.
//!
//! sqlx's databases share no trait that would carry these without a page of bounds on
//! each function; so the text is written once, and compiled for each connection type.

use super::Sql;
use crate::{
    store::{
        RevocationDelta, RevocationId, Revoked, Row, RowPhase, RowState, SYNC_OVERLAP_SECONDS,
        StoreError, SyncCursor,
    },
    time::Timestamp,
};

/// Makes the operations on `$connection`.
macro_rules! operations {
    ($connection:ty) => {
        use sqlx::{Row as _, query};

        use crate::store::{
            Created, NewRow, RevocationDelta, RevocationId, Revoked, Row, RowChange, RowKey,
            RowState, SyncCursor, Updated,
            sql::{
                operations::{Page, Place, id_array, revocation, row, seconds, text, version},
                statements::{IDS, PAGE, Statements},
            },
        };
        use crate::time::Timestamp;

        type Answer<T> = Result<T, sqlx::Error>;

        pub(super) async fn create(
            connection: &mut $connection,
            sql: &Statements,
            key: &RowKey,
            row: &NewRow<'_>,
            now: Timestamp,
        ) -> Answer<Created> {
            let done = query(text(&sql.create))
                .bind(key.0.as_slice())
                .bind(seconds(now))
                .bind(seconds(row.expires))
                .bind(row.bytes)
                .execute(connection)
                .await?;
            Ok(match done.rows_affected() {
                0 => Created::Exists,
                _ => Created::Created,
            })
        }

        pub(super) async fn load(
            connection: &mut $connection,
            sql: &Statements,
            key: &RowKey,
            now: Timestamp,
        ) -> Answer<Option<Row>> {
            let found = query(text(&sql.load))
                .bind(key.0.as_slice())
                .bind(seconds(now))
                .fetch_optional(connection)
                .await?;
            let Some(found) = found else {
                return Ok(None);
            };
            let state = (found.try_get(0)?, found.try_get(1)?);
            row(
                state,
                found.try_get(2)?,
                found.try_get(3)?,
                found.try_get(4)?,
            )
            .map(Some)
        }

        /// One statement that writes or does not; only where it did not is asked why.
        pub(super) async fn update(
            connection: &mut $connection,
            sql: &Statements,
            key: &RowKey,
            expected: RowState,
            change: &RowChange<'_>,
            now: Timestamp,
        ) -> Answer<Updated> {
            let done = query(text(&sql.update))
                .bind(key.0.as_slice())
                .bind(seconds(now))
                .bind(version(expected))
                .bind(i64::from(expected.phase.code()))
                .bind(i64::from(change.phase.code()))
                .bind(change.expires.map(seconds))
                .bind(change.bytes)
                .execute(&mut *connection)
                .await?;
            if done.rows_affected() > 0 {
                return Ok(Updated::Updated);
            }
            let exists = query(text(&sql.exists))
                .bind(key.0.as_slice())
                .bind(seconds(now))
                .fetch_optional(connection)
                .await?;
            Ok(exists.map_or(Updated::Missing, |_| Updated::Conflict))
        }

        pub(super) async fn expire_at(
            connection: &mut $connection,
            sql: &Statements,
            key: &RowKey,
            expires: Timestamp,
            now: Timestamp,
        ) -> Answer<()> {
            query(text(&sql.expire_at))
                .bind(key.0.as_slice())
                .bind(seconds(now))
                .bind(seconds(expires))
                .execute(connection)
                .await
                .map(drop)
        }

        pub(super) async fn delete(
            connection: &mut $connection,
            sql: &Statements,
            key: &RowKey,
        ) -> Answer<()> {
            query(text(&sql.delete))
                .bind(key.0.as_slice())
                .execute(connection)
                .await
                .map(drop)
        }

        pub(super) async fn delete_expired(
            connection: &mut $connection,
            sql: &Statements,
            now: Timestamp,
            batch: u32,
        ) -> Answer<u64> {
            let mut deleted = 0_u64;
            for purge in [&sql.purge_rows, &sql.purge_revoked] {
                let done = query(text(purge))
                    .bind(seconds(now))
                    .bind(i64::from(batch))
                    .execute(&mut *connection)
                    .await?;
                deleted = deleted.saturating_add(done.rows_affected());
            }
            Ok(deleted)
        }

        /// The row keeps what was there before, so that one statement writes and tells it.
        pub(super) async fn revoke(
            connection: &mut $connection,
            sql: &Statements,
            revoked: Revoked,
            now: Timestamp,
        ) -> Answer<Option<Revoked>> {
            // All rows, though there is one: what fails at the end of the statement is told.
            let told = query(text(&sql.revoke))
                .bind(revoked.id.0.as_slice())
                .bind(seconds(revoked.not_before))
                .bind(seconds(revoked.expires))
                .bind(seconds(now))
                .fetch_all(connection)
                .await?;
            let told = told.first().ok_or(sqlx::Error::RowNotFound)?;
            let (Some(not_before), Some(expires)) = (told.try_get(0)?, told.try_get(1)?) else {
                return Ok(None);
            };
            let before = revocation(revoked.id, not_before, expires)?;
            Ok(Some(before).filter(|before| before.expires > now))
        }

        pub(super) async fn revoked(
            connection: &mut $connection,
            sql: &Statements,
            ids: &[RevocationId],
            now: Timestamp,
        ) -> Answer<Vec<Revoked>> {
            let mut entries = Vec::new();
            for some in ids.chunks(IDS) {
                let mut query = query(text(&sql.revoked)).bind(seconds(now));
                for id in some.iter().cycle().take(IDS) {
                    query = query.bind(id.0.as_slice());
                }
                for found in query.fetch_all(&mut *connection).await? {
                    let id = id_array(found.try_get(0)?)?;
                    entries.push(revocation(id, found.try_get(1)?, found.try_get(2)?)?);
                }
            }
            Ok(entries)
        }

        /// The clock is read before the entries: what is written in between comes twice.
        pub(super) async fn revoked_page(
            connection: &mut $connection,
            sql: &Statements,
            place: &Place,
            now: Timestamp,
        ) -> Answer<Page> {
            let clock = match place.clock {
                Some(clock) => clock,
                None => {
                    let clock = query(text(&sql.clock)).fetch_one(&mut *connection).await?;
                    clock.try_get(0)?
                }
            };
            let found = query(text(&sql.revoked_since))
                .bind(place.changed)
                .bind(place.id.as_slice())
                .bind(seconds(now))
                .fetch_all(connection)
                .await?;
            let last = found.last().filter(|_| found.len() >= PAGE);
            let next = match last {
                Some(last) => Some(Place {
                    clock: Some(clock),
                    changed: last.try_get(3)?,
                    id: last.try_get(0)?,
                }),
                None => None,
            };
            let mut entries = Vec::with_capacity(found.len());
            for found in found {
                let id = id_array(found.try_get(0)?)?;
                entries.push(revocation(id, found.try_get(1)?, found.try_get(2)?)?);
            }
            let cursor = SyncCursor(u64::try_from(clock).unwrap_or(0));
            let delta = RevocationDelta { entries, cursor };
            Ok(Page { delta, next })
        }
    };
}

pub(in crate::store) use operations;

/// These texts hold checked table names and nothing else that was not written here.
pub(in crate::store) fn text(sql: &Sql) -> sqlx::AssertSqlSafe<Sql> {
    sqlx::AssertSqlSafe(Sql::clone(sql))
}

pub(in crate::store) fn seconds(instant: Timestamp) -> i64 {
    i64::from(instant.unix_seconds())
}

/// A version that no row has where the database could not hold it.
pub(in crate::store) fn version(state: RowState) -> i64 {
    i64::try_from(state.version).unwrap_or(-1)
}

/// Where the next page of the list of revocations begins: behind that one.
pub(in crate::store) struct Place {
    /// The database's clock when the first page was read.
    pub(in crate::store) clock: Option<i64>,
    pub(in crate::store) changed: i64,
    pub(in crate::store) id: Vec<u8>,
}

impl Place {
    /// The overlap before the cursor, or the beginning.
    pub(in crate::store) fn at(cursor: Option<SyncCursor>) -> Self {
        let overlap = u64::from(SYNC_OVERLAP_SECONDS).saturating_mul(1_000_000);
        let from = cursor.map(|cursor| cursor.0.saturating_sub(overlap));
        Self {
            clock: None,
            changed: from.map_or(i64::MIN, |from| i64::try_from(from).unwrap_or(i64::MAX)),
            // Before every id.
            id: vec![0],
        }
    }
}

/// Some of the list of revocations, and where there may be more. What changes while it is
/// read moves to its end, and so is read once more rather than missed.
pub(in crate::store) struct Page {
    pub(in crate::store) delta: RevocationDelta,
    pub(in crate::store) next: Option<Place>,
}

/// Reads page after page; `read` has the time of a call for each.
pub(in crate::store) async fn all_pages<F>(
    cursor: Option<SyncCursor>,
    read: impl Fn(Place) -> F,
) -> Result<RevocationDelta, StoreError>
where
    F: Future<Output = Result<Page, StoreError>>,
{
    let mut page = read(Place::at(cursor)).await?;
    let mut delta = page.delta;
    while let Some(place) = page.next {
        page = read(place).await?;
        delta.entries.append(&mut page.delta.entries);
    }
    Ok(delta)
}

pub(in crate::store) fn row(
    (version, phase): (i64, i64),
    written: i64,
    expires: i64,
    bytes: Vec<u8>,
) -> Result<Row, sqlx::Error> {
    Ok(Row {
        state: RowState {
            version: u64::try_from(version).map_err(not_ours)?,
            phase: u8::try_from(phase)
                .ok()
                .and_then(RowPhase::from_code)
                .ok_or_else(|| sqlx::Error::Decode("an unknown phase".into()))?,
        },
        written: instant(written)?,
        expires: instant(expires)?,
        bytes,
    })
}

pub(in crate::store) fn revocation(
    id: RevocationId,
    not_before: i64,
    expires: i64,
) -> Result<Revoked, sqlx::Error> {
    Ok(Revoked {
        id,
        not_before: instant(not_before)?,
        expires: instant(expires)?,
    })
}

pub(in crate::store) fn id_array(bytes: &[u8]) -> Result<RevocationId, sqlx::Error> {
    bytes.try_into().map(RevocationId).map_err(not_ours)
}

fn instant(seconds: i64) -> Result<Timestamp, sqlx::Error> {
    let seconds = u32::try_from(seconds).map_err(not_ours)?;
    Ok(Timestamp::from_unix_seconds(seconds))
}

/// A value that this crate does not write.
fn not_ours(error: impl core::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(error))
}
