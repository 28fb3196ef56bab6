//! What a session of 10 MiB takes in memory, and that it is refused unless allowed.
//!
//! Each store is measured in a process of its own, since the peak of a process never goes
//! down again.
#![cfg(all(feature = "store-redis", feature = "store-sqlite", target_os = "linux"))]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a failure fails the test"
)]

use core::time::Duration;
use std::{env, fs, process::Command, sync::Arc};

use sealed_session::{
    EncryptedCodec, Policy, SealError, SessionData, SessionManager,
    keys::{Key, KeyRing},
    manager::{Place, SessionError, SessionManagerBuilder},
    store::{
        SessionStore,
        redis::{RedisOptions, RedisStore},
        sqlite::SqliteStore,
    },
};
use serde::{Deserialize, Serialize};

#[path = "support/model_store.rs"]
#[allow(dead_code, reason = "a part of it")]
mod model_store;
#[path = "servers/redis.rs"]
mod redis_server;

use model_store::ModelStore;
use redis_server::RedisServer;

const MIB: usize = 1 << 20;
const SIZE: usize = 10 * MIB;
/// The peak that one request may add, in sizes of its session: the data, its stored form in
/// buffers that grow by doubling, that form sealed, and what a store's client copies.
const PEAK: usize = 11;

#[derive(Default, Serialize, Deserialize)]
struct Upload {
    bytes: Vec<u8>,
}

impl SessionData for Upload {}

#[test]
fn ten_mebibytes_in_a_map() {
    alone("ten_mebibytes_in_a_map", || {
        block_on(measure("map", Arc::<ModelStore>::default()));
    });
}

#[test]
fn ten_mebibytes_in_sqlite() {
    alone("ten_mebibytes_in_sqlite", || {
        block_on(async {
            let folder = tempfile::TempDir::new().unwrap();
            let store = SqliteStore::open(folder.path().join("sessions.db")).await;
            measure("sqlite", Arc::new(store.unwrap())).await;
        });
    });
}

#[test]
fn ten_mebibytes_in_redis() {
    alone("ten_mebibytes_in_redis", || {
        let Some(server) = RedisServer::start() else {
            return;
        };
        block_on(async {
            let store = RedisStore::connect(&server.url(), RedisOptions::default()).await;
            measure("redis", Arc::new(store.unwrap())).await;
        });
    });
}

#[test]
fn ten_mebibytes_are_refused_with_size_and_limit_unless_they_are_allowed() {
    block_on(async {
        let store = Arc::<ModelStore>::default();
        let manager = manager(Arc::clone(&store) as _).build().unwrap();
        let session = manager.session([], None);
        session
            .change(|upload| upload.bytes = bytes())
            .await
            .unwrap();
        let error = manager.finish(session, 200).await.unwrap_err();
        assert_eq!(error.status(), 413);
        println!("10 MiB where 1 MiB is the limit: {error}");
        let SessionError::Seal(SealError::RecordTooLarge { size, limit }) = error else {
            unreachable!("{error:?}");
        };
        assert_eq!(limit, MIB);
        assert!((SIZE..SIZE + 100).contains(&size), "{size}");
        assert_eq!(store.rows(), 0);
    });
}

/// Saves and loads, and prints the peaks.
async fn measure(name: &str, store: Arc<dyn SessionStore>) {
    let manager = manager(store).max_record_bytes(16 * MIB).build().unwrap();
    let before = peak();

    let session = manager.session([], None);
    session
        .change(|upload| upload.bytes = bytes())
        .await
        .unwrap();
    let headers = manager.finish(session, 200).await.unwrap();
    let saved = peak();

    let cookie = headers
        .set_cookie
        .first()
        .unwrap()
        .split(';')
        .next()
        .unwrap();
    let session = manager.session([cookie.as_bytes()], None);
    assert!(
        session
            .read(|upload| upload.bytes.iter().copied().eq(random()))
            .await
            .unwrap()
    );
    assert_eq!(session.place().await.unwrap(), Place::Store);
    let loaded = peak();

    println!(
        "10 MiB in {name}: VmHWM {:.1} MiB before, {:.1} MiB after saving, {:.1} \
         MiB after loading",
        mib(before),
        mib(saved),
        mib(loaded),
    );
    assert!(loaded - before < PEAK * SIZE, "{}", mib(loaded - before));
}

fn manager(store: Arc<dyn SessionStore>) -> SessionManagerBuilder<Upload> {
    let keys = KeyRing::single(Key::generate().unwrap()).unwrap();
    let policy = Policy::new(Duration::from_hours(1), Duration::from_hours(1)).unwrap();
    SessionManager::builder(EncryptedCodec::builder("large", keys, policy))
        .store(store)
        .max_guest_record_bytes(usize::MAX)
}

/// Bytes that do not compress.
fn bytes() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(SIZE);
    bytes.extend(random());
    bytes
}

fn random() -> impl Iterator<Item = u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let words = core::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(SIZE)
}

/// The most memory that this process has had, in bytes.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.unwrap().trim().trim_end_matches(" kB");
    kib.parse::<usize>().unwrap() * 1024
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn mib(bytes: usize) -> f64 {
    bytes as f64 / MIB as f64
}

/// Runs the test of that name in a process of its own.
fn alone(test: &str, body: impl FnOnce()) {
    const CHILD: &str = "SEALED_SESSION_LARGE";
    if env::var_os(CHILD).is_some() {
        body();
        return;
    }
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--quiet"])
        .env(CHILD, "1")
        // What is freed goes back at once, so that the peak is what was in use, and not how
        // glibc happened to arrange it.
        .env("MALLOC_MMAP_THRESHOLD_", "131072")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    for line in printed.lines().filter(|line| line.contains("MiB")) {
        println!("{line}");
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}{errors}");
}

fn block_on(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(test);
}
