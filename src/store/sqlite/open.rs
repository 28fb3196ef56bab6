//! How a SQLite file is opened, and made when it is missing.

use core::time::Duration;
use std::{
    fs::OpenOptions,
    path::{Path, PathBuf},
    sync::Arc,
};

use sqlx::{
    ConnectOptions as _, Connection as _, SqliteConnection, query, query_scalar, raw_sql,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{SqliteStore, Statements, told};
use crate::store::{
    StoreError, StoreErrorKind,
    sql::{DEFAULT_PREFIX, Dialect, Tables, configuration, limited, operations::text, schema},
};

/// How a [`SqliteStore`] opens its file.
#[derive(Clone, Debug)]
pub struct SqliteBuilder {
    path: PathBuf,
    prefix: String,
    timeout: Duration,
    max_connections: u32,
    max_bytes: Option<u64>,
}

/// SQLite's own default, which the files of this store keep.
const PAGE_BYTES: u32 = 4096;

impl SqliteBuilder {
    pub(super) fn new(path: &Path) -> Self {
        let bare = path.to_str().and_then(|text| {
            let rest = text.strip_prefix("sqlite:")?;
            Some(PathBuf::from(rest.strip_prefix("//").unwrap_or(rest)))
        });
        Self {
            path: bare.unwrap_or_else(|| path.to_owned()),
            prefix: DEFAULT_PREFIX.to_owned(),
            timeout: Duration::from_secs(5),
            max_connections: 4,
            max_bytes: None,
        }
    }

    /// Within which every call ends; 5 seconds unless told otherwise.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many connections are open at most; 4 unless told otherwise. SQLite lets many
    /// read at the same time and one write.
    #[must_use]
    pub fn max_connections(mut self, connections: u32) -> Self {
        self.max_connections = connections;
        self
    }

    /// How large the file may become; unlimited unless told otherwise. Beyond that, writes
    /// fail with [`StoreErrorKind::Full`]. The log beside it (`-wal`) comes on top.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// What the names of the tables begin with; `sealed_session` unless told otherwise.
    /// Two applications with different prefixes share a file and no session.
    #[must_use]
    pub fn table_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Opens the file, and makes it and its tables when they are missing.
    ///
    /// # Errors
    /// [`StoreErrorKind::Failed`] when the file cannot be opened or is not a SQLite file,
    /// when its tables are from a newer version of this crate, or when an option cannot be
    /// meant; [`StoreErrorKind::Unreachable`] when another process holds it for too long.
    pub async fn open(self) -> Result<SqliteStore, StoreError> {
        let tables = Tables::new(None, &self.prefix)?;
        if self.path.as_os_str().is_empty() || self.path.starts_with(":memory:") {
            return Err(configuration("a SQLite store needs a file"));
        }
        if self.max_connections == 0 {
            return Err(configuration("a store needs a connection"));
        }
        make_file(&self.path).map_err(|error| StoreError::new(StoreErrorKind::Failed, error))?;
        let pool = SqlitePoolOptions::new()
            .max_connections(self.max_connections)
            .acquire_timeout(self.timeout)
            // A connection to a file does not go stale.
            .test_before_acquire(false)
            .max_lifetime(None)
            .idle_timeout(None)
            .connect_lazy_with(self.connect_options());
        limited(self.timeout, async {
            // Of several processes that make the same file, one may hold it for a moment.
            loop {
                let made = match pool.acquire().await {
                    Ok(mut connection) => migrate(&mut connection, &tables).await,
                    Err(error) => Err(told(error)),
                };
                match made {
                    Err(error) if error.kind() == StoreErrorKind::Unreachable => {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    made => break made,
                }
            }
        })
        .await?;
        Ok(SqliteStore {
            pool,
            sql: Arc::new(Statements::new(&tables, Dialect::Sqlite)),
            limit: self.timeout,
            turn: Arc::default(),
        })
    }

    fn connect_options(&self) -> SqliteConnectOptions {
        let options = SqliteConnectOptions::new()
            .filename(&self.path)
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            // Somewhat less than the call has, so that SQLite gives its own reason.
            .busy_timeout(self.timeout.mul_f32(0.8))
            .disable_statement_logging();
        match self.max_bytes {
            Some(bytes) => {
                let pages = bytes.div_ceil(u64::from(PAGE_BYTES)).max(1);
                options.pragma("max_page_count", pages.to_string())
            }
            None => options,
        }
    }
}

/// Makes the file so that only its owner reads it; SQLite gives the files beside it the
/// same rights.
fn make_file(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

async fn migrate(connection: &mut SqliteConnection, tables: &Tables) -> Result<(), StoreError> {
    let mut change = connection
        .begin_with("BEGIN IMMEDIATE")
        .await
        .map_err(told)?;
    let migrations = schema::migrations(tables, Dialect::Sqlite);
    let outcome = async {
        raw_sql(text(&schema::version_table(tables).into()))
            .execute(&mut *change)
            .await?;
        let version: Option<i64> = query_scalar(text(&schema::read_version(tables).into()))
            .fetch_one(&mut *change)
            .await?;
        let done = usize::try_from(version.unwrap_or(0)).unwrap_or(0);
        if done > migrations.len() {
            return Ok(Err(configuration(schema::TOO_NEW)));
        }
        for (statements, number) in migrations.iter().zip(1_i64..).skip(done) {
            for statement in statements {
                raw_sql(text(&statement.as_str().into()))
                    .execute(&mut *change)
                    .await?;
            }
            query(text(&schema::write_version(tables).into()))
                .bind(number)
                .execute(&mut *change)
                .await?;
        }
        change.commit().await?;
        Ok(Ok(()))
    };
    outcome.await.map_err(told)?
}
