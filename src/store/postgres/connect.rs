//! How the pool of connections is made, and the tables.

use core::{fmt, str::FromStr as _, time::Duration};
use std::sync::Arc;

use sqlx::{
    ConnectOptions as _, Connection as _, Executor as _, PgConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
    query, query_scalar, raw_sql,
};

use super::{PostgresStore, Statements, told};
use crate::store::{
    SYNC_OVERLAP_SECONDS, StoreError,
    sql::{DEFAULT_PREFIX, Dialect, Tables, configuration, limited, operations::text, schema},
};

/// How a [`PostgresStore`] connects.
#[derive(Clone)]
pub struct PostgresBuilder {
    url: String,
    schema: Option<String>,
    prefix: String,
    timeout: Duration,
    connect_timeout: Duration,
    max_connections: u32,
    retries: u32,
}

/// What making the tables may take, where another server makes them at the same time.
const SETUP: Duration = Duration::from_secs(30);

/// Idle for longer than this, a connection is tried before it is used: the server or a
/// firewall may have closed it.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);

impl PostgresBuilder {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            schema: None,
            prefix: DEFAULT_PREFIX.to_owned(),
            timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(2),
            max_connections: 10,
            retries: 1,
        }
    }

    /// Within which every call ends; 5 seconds unless told otherwise, at most 30. The
    /// server ends a statement that takes longer, too.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long a call waits for a connection, whether for a new one or for one that others
    /// use; 2 seconds unless told otherwise. A server that is just starting is waited for
    /// as long.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How many connections are open at most; 10 unless told otherwise.
    #[must_use]
    pub fn max_connections(mut self, connections: u32) -> Self {
        self.max_connections = connections;
        self
    }

    /// How often a call whose connection breaks is tried again, within its timeout; once
    /// unless told otherwise.
    #[must_use]
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// What the names of the tables begin with; `sealed_session` unless told otherwise.
    #[must_use]
    pub fn table_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The schema of the tables, which has to be there; the first of the role's
    /// `search_path` unless told otherwise.
    #[must_use]
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = Some(schema.into());
        self
    }

    /// Connects, and makes the tables when they are missing.
    ///
    /// # Errors
    /// [`StoreErrorKind::Unreachable`] when the server does not answer,
    /// [`StoreErrorKind::Failed`] when it refuses, when the tables are from a newer version
    /// of this crate, or when an option cannot be meant.
    ///
    /// [`StoreErrorKind::Unreachable`]: crate::store::StoreErrorKind::Unreachable
    /// [`StoreErrorKind::Failed`]: crate::store::StoreErrorKind::Failed
    pub async fn connect(self) -> Result<PostgresStore, StoreError> {
        let tables = Tables::new(self.schema.as_deref(), &self.prefix)?;
        if self.timeout > Duration::from_secs(u64::from(SYNC_OVERLAP_SECONDS / 2)) {
            // A write that is visible later than the overlap would be missed.
            return Err(configuration("a timeout is at most 30 seconds"));
        }
        if self.max_connections == 0 {
            return Err(configuration("a store needs a connection"));
        }
        let options = PgConnectOptions::from_str(&self.url)
            .map_err(told)?
            .disable_statement_logging();
        let patience = format!(
            "SET statement_timeout = {}",
            self.timeout.as_millis().max(1)
        );
        let patience: Arc<str> = patience.into();
        let pool = PgPoolOptions::new()
            .max_connections(self.max_connections)
            .acquire_timeout(self.connect_timeout.min(self.timeout))
            .test_before_acquire(false)
            .after_connect(move |connection, _| {
                let patience = text(&patience);
                Box::pin(async move { connection.execute(raw_sql(patience)).await.map(drop) })
            })
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for > TRUSTED_IDLE {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(options);
        limited(SETUP, async {
            let mut connection = pool.acquire().await.map_err(told)?;
            migrate(&mut connection, &tables).await
        })
        .await?;
        Ok(PostgresStore {
            pool,
            sql: Arc::new(Statements::new(&tables, Dialect::Postgres)),
            limit: self.timeout,
            retries: self.retries,
        })
    }
}

/// Without the URL, which may hold a password.
impl fmt::Debug for PostgresBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresBuilder")
            .field("schema", &self.schema)
            .field("prefix", &self.prefix)
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("max_connections", &self.max_connections)
            .field("retries", &self.retries)
            .finish_non_exhaustive()
    }
}

/// The same lock for every server: "sealedse".
const LOCK: i64 = i64::from_be_bytes(*b"sealedse");

async fn migrate(connection: &mut PgConnection, tables: &Tables) -> Result<(), StoreError> {
    let migrations = schema::migrations(tables, Dialect::Postgres);
    // A role without the right to make tables only ever comes to here.
    let done = async {
        let there: bool = query_scalar("SELECT to_regclass($1) IS NOT NULL")
            .bind(&tables.schema)
            .fetch_one(&mut *connection)
            .await?;
        Ok(if there {
            version(connection, tables).await?
        } else {
            0
        })
    };
    let done = done.await.map_err(told)?;
    if done > migrations.len() {
        return Err(configuration(schema::TOO_NEW));
    }
    if done == migrations.len() {
        return Ok(());
    }
    run(connection, tables, &migrations).await.map_err(told)
}

async fn run(
    connection: &mut PgConnection,
    tables: &Tables,
    migrations: &[Vec<String>],
) -> Result<(), sqlx::Error> {
    let mut change = connection.begin().await?;
    query("SELECT pg_advisory_xact_lock($1)")
        .bind(LOCK)
        .execute(&mut *change)
        .await?;
    raw_sql(text(&schema::version_table(tables).into()))
        .execute(&mut *change)
        .await?;
    // Another server may have been faster.
    let done = version(&mut change, tables).await?;
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
    change.commit().await
}

async fn version(connection: &mut PgConnection, tables: &Tables) -> Result<usize, sqlx::Error> {
    let version: Option<i64> = query_scalar(text(&schema::read_version(tables).into()))
        .fetch_one(connection)
        .await?;
    Ok(usize::try_from(version.unwrap_or(0)).unwrap_or(0))
}
