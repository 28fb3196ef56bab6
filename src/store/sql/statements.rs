//! The statements, each a single one and so atomic by itself.

use super::{Dialect, Sql, Tables};

/// How many ids one statement asks for; fewer are filled up with repetitions.
pub(in crate::store) const IDS: usize = 16;

/// The last instant there is.
const MAX: u32 = u32::MAX;
/// Seconds: [`CLOCK_TOLERANCE`](crate::time::CLOCK_TOLERANCE).
const AHEAD: u64 = crate::time::CLOCK_TOLERANCE.as_secs();

/// How many revocations one statement reads: few enough for the time of a call.
pub(in crate::store) const PAGE: usize = 5_000;

#[derive(Debug)]
pub(in crate::store) struct Statements {
    pub(in crate::store) create: Sql,
    pub(in crate::store) load: Sql,
    pub(in crate::store) exists: Sql,
    pub(in crate::store) update: Sql,
    pub(in crate::store) expire_at: Sql,
    pub(in crate::store) delete: Sql,
    pub(in crate::store) purge_rows: Sql,
    pub(in crate::store) purge_revoked: Sql,
    pub(in crate::store) revoke: Sql,
    pub(in crate::store) revoked: Sql,
    pub(in crate::store) clock: Sql,
    pub(in crate::store) revoked_since: Sql,
}

impl Statements {
    pub(in crate::store) fn new(tables: &Tables, dialect: Dialect) -> Self {
        let Tables { rows, revoked, .. } = tables;
        let clock = dialect.clock();
        let skip_locked = dialect.skip_locked();
        let later = |column: &str| {
            let (greatest, least) = (dialect.greatest(), dialect.least());
            format!(
                "{column} = CASE WHEN r.expires <= $4 THEN excluded.{column} \
                 ELSE {least}({MAX}, {greatest}(r.{column}, excluded.{column}, \
                 {least}(r.{column} + 1, excluded.{column} + {AHEAD}))) END"
            )
        };
        let (later_not_before, later_expires) = (later("not_before"), later("expires"));
        let ids: Vec<String> = (2..).take(IDS).map(|n| format!("${n}")).collect();
        let ids = ids.join(", ");
        let purge = |table: &str, key: &str| {
            let some = format!(
                "SELECT {key} FROM {table} WHERE expires <= $1 ORDER BY expires LIMIT $2{skip_locked}"
            );
            dialect.delete_some(table, key, &some).into()
        };
        Self {
            create: format!(
                "INSERT INTO {rows} AS r (key, version, phase, written, expires, bytes) \
                 VALUES ($1, 1, 0, $2, $3, $4) \
                 ON CONFLICT (key) DO UPDATE SET version = 1, phase = 0, \
                 written = excluded.written, expires = excluded.expires, bytes = excluded.bytes \
                 WHERE r.expires <= $2"
            )
            .into(),
            load: format!(
                "SELECT version, phase, written, expires, bytes FROM {rows} \
                 WHERE key = $1 AND expires > $2"
            )
            .into(),
            exists: format!("SELECT 1 FROM {rows} WHERE key = $1 AND expires > $2").into(),
            update: format!(
                "UPDATE {rows} SET version = version + 1, phase = $5, written = $2, \
                 expires = COALESCE($6, expires), bytes = $7 \
                 WHERE key = $1 AND expires > $2 AND version = $3 AND phase = $4"
            )
            .into(),
            expire_at: format!("UPDATE {rows} SET expires = $3 WHERE key = $1 AND expires > $2")
                .into(),
            delete: format!("DELETE FROM {rows} WHERE key = $1").into(),
            purge_rows: purge(rows, "key"),
            purge_revoked: purge(revoked, "id"),
            revoke: format!(
                "INSERT INTO {revoked} AS r (id, not_before, expires, changed) \
                 VALUES ($1, $2, $3, {clock}) \
                 ON CONFLICT (id) DO UPDATE SET \
                 was_not_before = r.not_before, was_expires = r.expires, \
                 {later_not_before}, {later_expires}, changed = {clock} \
                 RETURNING was_not_before, was_expires"
            )
            .into(),
            revoked: format!(
                "SELECT id, not_before, expires FROM {revoked} \
                 WHERE expires > $1 AND id IN ({ids})"
            )
            .into(),
            clock: format!("SELECT {clock}").into(),
            revoked_since: format!(
                "SELECT id, not_before, expires, changed FROM {revoked} \
                 WHERE changed >= $1 AND (changed > $1 OR id > $2) AND expires > $3 \
                 ORDER BY changed, id LIMIT {PAGE}"
            )
            .into(),
        }
    }
}

impl Dialect {
    /// The database's clock in microseconds, as it is while the statement runs.
    fn clock(self) -> &'static str {
        match self {
            #[cfg(feature = "store-postgres")]
            Self::Postgres => {
                "CAST(floor(extract(epoch FROM clock_timestamp()) * 1000000) AS BIGINT)"
            }
            #[cfg(feature = "store-sqlite")]
            Self::Sqlite => "CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
        }
    }

    fn greatest(self) -> &'static str {
        match self {
            #[cfg(feature = "store-postgres")]
            Self::Postgres => "GREATEST",
            #[cfg(feature = "store-sqlite")]
            Self::Sqlite => "max",
        }
    }

    fn least(self) -> &'static str {
        match self {
            #[cfg(feature = "store-postgres")]
            Self::Postgres => "LEAST",
            #[cfg(feature = "store-sqlite")]
            Self::Sqlite => "min",
        }
    }

    /// Servers that purge at the same time take different rows.
    fn skip_locked(self) -> &'static str {
        match self {
            #[cfg(feature = "store-postgres")]
            Self::Postgres => " FOR UPDATE SKIP LOCKED",
            #[cfg(feature = "store-sqlite")]
            Self::Sqlite => "",
        }
    }

    /// Deletes what `some` selects. PostgreSQL may run a subquery under `IN` once for every
    /// row, with other rows each time; one that makes an array runs once.
    fn delete_some(self, table: &str, key: &str, some: &str) -> String {
        match self {
            #[cfg(feature = "store-postgres")]
            Self::Postgres => format!("DELETE FROM {table} WHERE {key} = ANY(ARRAY({some}))"),
            #[cfg(feature = "store-sqlite")]
            Self::Sqlite => format!("DELETE FROM {table} WHERE {key} IN ({some})"),
        }
    }
}
