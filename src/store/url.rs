//! A store by its URL.

use std::sync::Arc;

use super::{SessionStore, StoreError, StoreErrorKind};

type Connected = Result<Arc<dyn SessionStore>, StoreError>;

/// The store that the URL names, with its defaults: for applications that take the choice
/// of a store from their configuration.
///
/// | URL | feature | opens |
/// |---|---|---|
/// | `sqlite://PATH` | `store-sqlite` | `SqliteStore`; the file is made when it is missing |
/// | `postgres://…`, `postgresql://…` | `store-postgres` | `PostgresStore` |
/// | `redis://…`, `rediss://…` (TLS), `redis-cluster://…`, `rediss-cluster://…` | `store-redis` | `RedisStore` |
///
/// There is nothing to connect to in memory: make a `MemoryStore`. It needs the runtime of
/// tokio.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn core::error::Error>> {
/// let store = sealed_session::store::connect("sqlite:///var/lib/shop/sessions.db").await?;
/// // SessionManager::builder(codec).store(store)
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`StoreErrorKind::Failed`] for a URL that names no store, or one whose feature is off,
/// which the cause then names; otherwise as the store's own constructor. The URL's password
/// is in none of them.
pub async fn connect(url: &str) -> Result<Arc<dyn SessionStore>, StoreError> {
    let (scheme, _) = url.split_once(':').unwrap_or_default();
    let connected = match scheme {
        #[cfg(feature = "store-sqlite")]
        "sqlite" => shared(super::sqlite::SqliteStore::open(url).await),
        #[cfg(feature = "store-postgres")]
        "postgres" | "postgresql" => shared(super::postgres::PostgresStore::connect(url).await),
        #[cfg(feature = "store-redis")]
        "redis" | "rediss" | "redis-cluster" | "rediss-cluster" => {
            use super::redis::{RedisOptions, RedisStore};
            shared(RedisStore::connect(url, RedisOptions::default()).await)
        }
        _ => refused(why_not(scheme)),
    };
    connected.map_err(|error| without_password(error, url))
}

fn shared(store: Result<impl SessionStore, StoreError>) -> Connected {
    Ok(Arc::new(store?))
}

fn refused(why: &str) -> Connected {
    Err(StoreError::new(StoreErrorKind::Failed, why))
}

/// Of a scheme that was not connected to.
fn why_not(scheme: &str) -> &'static str {
    match scheme {
        "sqlite" => "this was built without the feature store-sqlite",
        "postgres" | "postgresql" => "this was built without the feature store-postgres",
        "redis" | "rediss" | "redis-cluster" | "rediss-cluster" => {
            "this was built without the feature store-redis"
        }
        "memory" => "in memory there is nothing to connect to: make a MemoryStore",
        // Not quoted: who forgets the scheme begins with the user and the password.
        _ => {
            "not the URL of a store: sqlite://, postgres://, redis://, rediss://, \
             redis-cluster:// or rediss-cluster://"
        }
    }
}

/// The error, unless a client's message quotes the password.
fn without_password(error: StoreError, url: &str) -> StoreError {
    let mut told = format!("{error:?}");
    let mut cause: Option<&dyn core::error::Error> = Some(&error);
    while let Some(error) = cause {
        told.push_str(&error.to_string());
        cause = error.source();
    }
    if passwords(url).any(|password| told.contains(&password)) {
        let hidden = "the cause is not shown, since it contains the URL's password";
        return StoreError::new(error.kind(), hidden);
    }
    error
}

/// What may be a password in the URL, as it stands there and decoded.
fn passwords(url: &str) -> impl Iterator<Item = String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let login = rest
        .rsplit_once('@')
        .and_then(|(login, _)| login.split_once(':'));
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    let parameters = query.split('&').filter_map(|pair| pair.split_once('='));
    login
        .into_iter()
        .chain(parameters.filter(|(name, _)| name.contains("pass")))
        .flat_map(|(_, password)| [password.to_owned(), decoded(password)])
        .filter(|password| !password.is_empty())
}

/// With `%40` as `@`, and so on.
fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.split_at_checked(2) {
            Some((hex, rest)) if let Ok(byte) = u8::from_str_radix(hex, 16) => {
                bytes.push(byte);
                bytes.extend_from_slice(rest.as_bytes());
            }
            _ => {
                bytes.push(b'%');
                bytes.extend_from_slice(part.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use core::error::Error as _;

    use super::*;

    fn block_on<T>(future: impl Future<Output = T> + Send) -> T {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build().unwrap().block_on(future)
    }

    fn refusal(url: &str) -> (StoreErrorKind, String) {
        let error = block_on(connect(url)).expect_err(url);
        (error.kind(), error.source().unwrap().to_string())
    }

    #[test]
    fn what_names_no_store_is_refused_with_the_reason_and_without_being_quoted() {
        for (url, why) in [
            ("memory:", "MemoryStore"),
            ("mysql://me:hunter2@host/db", "not the URL of a store"),
            ("me:hunter2@host", "not the URL of a store"),
            ("/var/lib/shop.db", "not the URL of a store"),
            ("", "not the URL of a store"),
        ] {
            let (kind, cause) = refusal(url);
            assert_eq!(kind, StoreErrorKind::Failed, "{url}");
            assert!(cause.contains(why), "{cause}");
            assert!(!cause.contains("hunter2"), "{cause}");
        }
    }

    #[test]
    fn a_feature_that_is_off_is_named() {
        for (scheme, feature, on) in [
            ("sqlite", "store-sqlite", cfg!(feature = "store-sqlite")),
            (
                "postgres",
                "store-postgres",
                cfg!(feature = "store-postgres"),
            ),
            (
                "postgresql",
                "store-postgres",
                cfg!(feature = "store-postgres"),
            ),
            ("redis", "store-redis", cfg!(feature = "store-redis")),
            (
                "rediss-cluster",
                "store-redis",
                cfg!(feature = "store-redis"),
            ),
        ] {
            assert!(why_not(scheme).ends_with(feature), "{scheme}");
            if !on {
                let (kind, cause) = refusal(&format!("{scheme}://host"));
                assert_eq!(
                    (kind, cause.as_str()),
                    (StoreErrorKind::Failed, why_not(scheme))
                );
            }
        }
    }

    #[cfg(feature = "store-sqlite")]
    #[test]
    fn a_sqlite_url_opens_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.db");
        let url = format!("sqlite://{}", path.display());
        block_on(connect(&url)).unwrap();
        assert!(path.exists());
        let (kind, _) = refusal(&format!(
            "sqlite://{}/missing/x.db",
            folder.path().display()
        ));
        assert_eq!(kind, StoreErrorKind::Failed);
    }

    #[cfg(feature = "store-postgres")]
    #[test]
    fn a_postgres_url_that_cannot_be_meant_does_not_show_its_password() {
        for url in [
            "postgres://me:hunter2@host:port/db",
            "postgres://me:hunter2/@host/db",
            "postgres://me@host/db?sslmode=hunter2&password=hunter2",
        ] {
            let error = block_on(connect(url)).expect_err(url);
            let cause = error.source().unwrap();
            assert!(!format!("{error:?}{cause}").contains("hunter2"), "{cause}");
        }
    }

    #[cfg(feature = "store-redis")]
    #[test]
    fn a_redis_url_that_cannot_be_meant_does_not_show_its_password() {
        for url in [
            "redis://me:hunter2@host:port",
            "rediss://me:hunter2@host/db#insecure",
            "redis-cluster://me:hunter2@host:port,host",
            "rediss-cluster://:hunter2@",
        ] {
            let error = block_on(connect(url)).expect_err(url);
            let cause = error.source().unwrap();
            assert!(!format!("{error:?}{cause}").contains("hunter2"), "{cause}");
        }
    }

    #[test]
    fn a_cause_that_quotes_the_password_is_withheld() {
        let failed = |cause: &str| StoreError::new(StoreErrorKind::Unreachable, cause);
        let cause = |error: &StoreError| error.source().unwrap().to_string();
        for (url, quoted) in [
            ("redis://:hunter2@host", "AUTH hunter2"),
            ("postgres://me:hunter%32@host/db", "no hunter2"),
            ("postgres://me:hunter%32@host/db", "no hunter%32"),
            ("postgres://me:a@hunter@host/db", "no a@hunter"),
            ("postgres://host/db?password=hunter2", "no hunter2"),
        ] {
            let error = without_password(failed(quoted), url);
            assert_eq!(error.kind(), StoreErrorKind::Unreachable);
            assert!(!cause(&error).contains("hunter"), "{}", cause(&error));
            assert!(!format!("{error:?}").contains("hunter"));
        }
        let error = without_password(failed("no route"), "redis://:hunter2@host");
        assert_eq!(cause(&error), "no route");
        let error = without_password(failed("no route"), "redis://me:@host/");
        assert_eq!(cause(&error), "no route");
        assert_eq!(decoded("a%4"), "a%4");
        assert_eq!(decoded("%C3%A4%%zz%"), "ä%%zz%");
    }
}
