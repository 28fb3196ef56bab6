//! The server: axum with a layer, one store, and a ring file that rotates.

use core::time::Duration;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Router,
    extract::RawQuery,
    routing::{get, post},
};
use sealed_session::{
    EncryptedCodec, Policy, Session, SessionData, SessionManager,
    adapters::tower_0_3::SessionLayer,
    keys::{Key, KeyRing, SharedKeyRing},
    manager::{Revocation, SessionError},
    store::{
        SessionStore,
        memory::MemoryStore,
        redis::{RedisOptions, RedisStore},
    },
    time::{Clock, SystemClock},
};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

const IDLE: Duration = Duration::from_mins(30);

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Account {
    user: String,
    count: u64,
    ballast: Vec<u8>,
}

impl SessionData for Account {}

pub(crate) struct Shop {
    pub(crate) address: SocketAddr,
    manager: SessionManager<Account>,
    keys: SharedKeyRing,
    folder: TempDir,
    rotations: AtomicU64,
    revoked: AtomicU64,
    serving: tokio::task::JoinHandle<()>,
}

impl Shop {
    pub(crate) async fn open(redis: &str) -> Self {
        let options = RedisOptions::default()
            .connect_timeout(Duration::from_millis(500))
            .response_timeout(Duration::from_millis(500));
        let store = RedisStore::connect(redis, options).await.unwrap();
        Self::with(Arc::new(store)).await
    }

    pub(crate) async fn open_in_memory() -> Self {
        Self::with(Arc::new(MemoryStore::new())).await
    }

    async fn with(store: Arc<dyn SessionStore>) -> Self {
        let folder = TempDir::new().unwrap();
        let ring = KeyRing::single(Key::generate().unwrap()).unwrap();
        let file = folder.path().join("ring.toml");
        std::fs::write(&file, ring.to_secret_toml().as_bytes()).unwrap();
        let keys = SharedKeyRing::from_file(&file).unwrap();
        let policy = Policy::new(IDLE, Duration::from_hours(24)).unwrap();
        let codec = EncryptedCodec::builder("load", keys.clone(), policy);
        let manager = SessionManager::builder(codec)
            .store(store)
            .revocation(Revocation::Strict)
            .build()
            .unwrap();
        let app = Router::new()
            .route("/", get(async || "welcome"))
            .route("/read", get(read))
            .route("/login", post(log_in))
            .route("/write", post(write))
            .route("/logout", post(log_out))
            .layer(SessionLayer::new(manager.clone()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async { axum::serve(listener, app).await.unwrap() });
        Self {
            address,
            manager,
            keys,
            folder,
            rotations: AtomicU64::new(0),
            revoked: AtomicU64::new(0),
            serving,
        }
    }

    /// Writes the next ring and loads it, as `keys rotate` and a watcher do. It takes over
    /// in two seconds. Keys that no session needs any more are taken out, or the ring would
    /// be full: here the oldest, since every session is resealed within a few requests.
    pub(crate) fn rotate(&self, key: Key) {
        let now = SystemClock.now();
        let ring = self.keys.current();
        let young = KeyRing::new(ring.keys().iter().rev().take(3).rev().cloned());
        let next = young
            .unwrap()
            .rotate(now, Duration::from_secs(2), IDLE, key);
        let file = self.folder.path().join("ring.toml");
        let fresh = self.folder.path().join("fresh.toml");
        std::fs::write(&fresh, next.unwrap().to_secret_toml().as_bytes()).unwrap();
        std::fs::rename(fresh, file).unwrap();
        assert!(self.keys.reload(now).unwrap(), "a new ring");
        self.rotations.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn rotations(&self) -> u64 {
        self.rotations.load(Ordering::Relaxed)
    }

    /// Logs out everywhere a user whom the load does not use, so that the list grows.
    pub(crate) async fn revoke_somebody(&self) {
        let number = self.revoked.fetch_add(1, Ordering::Relaxed);
        // The store may be on its way back.
        while self
            .manager
            .revoke_subject(format!("somebody {number}"))
            .await
            .is_err()
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn read(session: Session<Account>) -> Result<String, SessionError> {
    session
        .read(|account| format!("{} {}", account.user, account.count))
        .await
}

async fn log_in(session: Session<Account>, RawQuery(user): RawQuery) -> Result<(), SessionError> {
    let user = user.unwrap_or_default();
    session.log_in(&user).await?;
    session.change(|account| account.user = user).await
}

/// Sets the count, and is large in every second ten.
async fn write(session: Session<Account>, RawQuery(count): RawQuery) -> Result<(), SessionError> {
    let count: u64 = count.and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut ballast = vec![0; if count / 10 % 2 == 1 { 5_000 } else { 0 }];
    if !ballast.is_empty() {
        getrandom::fill(&mut ballast).unwrap();
    }
    session
        .change(|account| {
            account.count = count;
            account.ballast = ballast;
        })
        .await
}

async fn log_out(session: Session<Account>) -> Result<(), SessionError> {
    session.log_out().await
}
