//! The tables, and how they come to be.
//!
//! A version table counts the migrations that were run. They run in one transaction under
//! a lock, so that of two servers that start at once one waits for the other.

use super::{Dialect, Tables};

/// Every migration so far; the schema's version is how many of them were run. What is
/// released is not changed any more, only added to.
pub(in crate::store) fn migrations(tables: &Tables, dialect: Dialect) -> Vec<Vec<String>> {
    vec![first(tables, dialect)]
}

/// The version table itself.
pub(in crate::store) fn version_table(tables: &Tables) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {} (version BIGINT NOT NULL)",
        tables.schema
    )
}

pub(in crate::store) fn read_version(tables: &Tables) -> String {
    format!("SELECT CAST(max(version) AS BIGINT) FROM {}", tables.schema)
}

pub(in crate::store) fn write_version(tables: &Tables) -> String {
    format!("INSERT INTO {} (version) VALUES ($1)", tables.schema)
}

/// A database that a newer program has changed is left alone.
pub(in crate::store) const TOO_NEW: &str =
    "the tables were made by a newer version of sealed-session";

fn first(tables: &Tables, dialect: Dialect) -> Vec<String> {
    let Tables {
        rows,
        revoked,
        prefix,
        ..
    } = tables;
    let bytes = match dialect {
        #[cfg(feature = "store-postgres")]
        Dialect::Postgres => "BYTEA",
        #[cfg(feature = "store-sqlite")]
        Dialect::Sqlite => "BLOB",
    };
    let index = |table: &str, name: &str, column: &str| {
        // SQLite wants an index without the schema that its table has.
        format!("CREATE INDEX IF NOT EXISTS \"{prefix}_{name}_{column}\" ON {table} ({column})")
    };
    let mut statements = vec![
        format!(
            "CREATE TABLE IF NOT EXISTS {rows} (key {bytes} PRIMARY KEY NOT NULL, \
             version BIGINT NOT NULL, phase BIGINT NOT NULL, written BIGINT NOT NULL, \
             expires BIGINT NOT NULL, bytes {bytes} NOT NULL)"
        ),
        index(rows, "rows", "expires"),
        format!(
            "CREATE TABLE IF NOT EXISTS {revoked} (id {bytes} PRIMARY KEY NOT NULL, \
             not_before BIGINT NOT NULL, expires BIGINT NOT NULL, changed BIGINT NOT NULL, \
             was_not_before BIGINT, was_expires BIGINT)"
        ),
        index(revoked, "revoked", "expires"),
        index(revoked, "revoked", "changed"),
    ];
    statements.extend(match dialect {
        // Sealed bytes do not compress; trying costs time on every write.
        #[cfg(feature = "store-postgres")]
        Dialect::Postgres => Some(format!(
            "ALTER TABLE {rows} ALTER COLUMN bytes SET STORAGE EXTERNAL"
        )),
        #[cfg(feature = "store-sqlite")]
        Dialect::Sqlite => None,
    });
    statements
}
