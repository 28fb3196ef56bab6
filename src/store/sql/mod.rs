//! What the two SQL stores share: tables, statements, and the operations on a connection.
//!
//! Both dialects know `$1`, `ON CONFLICT ... DO UPDATE ... WHERE` and `RETURNING`; what
//! differs is in [`Dialect`]. The names in the statements are checked, everything else
//! is bound.

use core::time::Duration;
use std::sync::Arc;

use super::{StoreError, StoreErrorKind};

pub(super) mod operations;
pub(super) mod schema;
pub(super) mod statements;

/// Checked names of the tables.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    pub(super) rows: String,
    pub(super) revoked: String,
    pub(super) schema: String,
    /// What indexes are named after, since they live in the schema of their table.
    pub(super) prefix: String,
}

/// What the names of the tables begin with, unless the application says otherwise.
pub(super) const DEFAULT_PREFIX: &str = "sealed_session";

/// PostgreSQL cuts names off at 63 bytes; this leaves room for `_revoked_expires`.
const MAX_PREFIX: usize = 40;

impl Tables {
    /// The tables of that prefix, in that schema or in the connection's own.
    pub(super) fn new(schema: Option<&str>, prefix: &str) -> Result<Self, StoreError> {
        for name in schema.into_iter().chain([prefix]) {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            let begins = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
            if !begins || !name.chars().all(plain) || name.len() > MAX_PREFIX {
                return Err(configuration(
                    "a prefix or schema has a-z, 0-9 and _, begins with no digit, and has at most 40 letters",
                ));
            }
        }
        let place = schema.map_or_else(String::new, |schema| format!("\"{schema}\"."));
        Ok(Self {
            rows: format!("{place}\"{prefix}_rows\""),
            revoked: format!("{place}\"{prefix}_revoked\""),
            schema: format!("{place}\"{prefix}_schema\""),
            prefix: prefix.to_owned(),
        })
    }
}

/// What differs between the databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    #[cfg(feature = "store-postgres")]
    Postgres,
    #[cfg(feature = "store-sqlite")]
    Sqlite,
}

/// A statement's text, shared by every call.
pub(super) type Sql = Arc<str>;

/// An option that cannot be meant.
pub(super) fn configuration(what: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Failed, what)
}

/// What the caller is told of a failure. `by_code` knows the database's own codes.
pub(super) fn failure(
    error: sqlx::Error,
    by_code: impl FnOnce(&str) -> StoreErrorKind,
) -> StoreError {
    let kind = kind_of(&error, by_code);
    StoreError::new(kind, error)
}

pub(super) fn kind_of(
    error: &sqlx::Error,
    by_code: impl FnOnce(&str) -> StoreErrorKind,
) -> StoreErrorKind {
    match error {
        sqlx::Error::Database(error) => error
            .code()
            .map_or(StoreErrorKind::Failed, |code| by_code(&code)),
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => StoreErrorKind::Unreachable,
        _ => StoreErrorKind::Failed,
    }
}

/// Ends with an error when `call` has no end in time.
pub(super) async fn limited<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(limit, call).await {
        Ok(result) => result,
        Err(_) => Err(StoreError::new(
            StoreErrorKind::Unreachable,
            format!("no answer within {limit:?}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_need_quoting_are_refused() {
        for bad in ["", "1a", "A", "a-b", "a\"b", "a b", "ä", &"a".repeat(41)] {
            assert!(Tables::new(None, bad).is_err(), "{bad}");
            assert!(Tables::new(Some(bad), "a").is_err(), "{bad}");
        }
        let tables = Tables::new(Some("web"), "s_1").unwrap();
        assert_eq!(tables.rows, "\"web\".\"s_1_rows\"");
    }
}
