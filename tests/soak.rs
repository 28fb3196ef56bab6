//! A hundred thousand sessions in each store, half of which expire: nothing of those is
//! left, the others are still there, and what all of it takes is printed.
#![cfg(target_os = "linux")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a failure fails the test"
)]

use core::{future::ready, pin::Pin, time::Duration};
use std::{collections::HashSet, fmt::Write as _, fs, path::PathBuf, sync::Arc, time::Instant};

use sealed_session::{
    EncryptedCodec, Policy, SessionManager, Values,
    keys::{Key, KeyRing},
    store::{
        Created, NewRow, RevocationId, Revoked, RowKey, SessionStore,
        memory::MemoryStore,
        postgres::PostgresStore,
        redis::{RedisOptions, RedisStore},
        sqlite::SqliteStore,
    },
    time::{TestClock, Timestamp},
};
use sqlx::{Connection as _, SqliteConnection};

#[path = "servers/redis.rs"]
mod redis_server;
#[path = "servers/mod.rs"]
mod servers;

use redis_server::{RedisCluster, RedisServer};
use servers::Postgres;

/// In each store, unless that takes longer than [`PATIENCE`]; then fewer, and it is said.
const SESSIONS: u32 = 100_000;
/// Another number of them, at least 10,000.
const VARIABLE: &str = "SOAK_SESSIONS";
/// What creating the sessions of one store may take, as the first of them foretell.
const PATIENCE: Duration = Duration::from_mins(5);
/// By these is foretold how long the others take.
const FIRST: u32 = 2_000;
/// Somewhat more than the record of a login takes, sealed.
const RECORD: usize = 600;
/// Expired rows that one call deletes.
const BATCH: u32 = 1_000;
/// How long Redis may take to remove what has expired.
const REMOVAL: Duration = Duration::from_secs(30);

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const WEEK: Duration = Duration::from_hours(7 * 24);

type Measured<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a store is from outside.
trait Outside: Sync {
    /// Rows that it holds, expired ones included; `None` where nobody but the store knows.
    fn rows(&self) -> Measured<'_, Option<u64>>;
    /// Bytes that these rows and the list of revocations take, as far as it can be known.
    fn bytes(&self) -> Measured<'_, u64>;
}

/// How a store is used.
struct Plan {
    name: &'static str,
    /// Calls at once.
    width: u32,
    /// How long the sessions live that expire. A server's own clock has to wait for it.
    soon: Duration,
    /// The store leaves it to its server to remove them.
    by_itself: bool,
}

/// The tables that are printed.
#[derive(Default)]
struct Tables {
    sessions: String,
    revocations: String,
}

#[test]
fn what_expires_is_deleted_and_what_lives_is_kept() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let tables = runtime.block_on(async {
        let mut tables = Tables::default();
        in_memory(&mut tables).await;
        in_sqlite(&mut tables).await;
        in_postgres(&mut tables).await;
        in_redis(&mut tables).await;
        in_a_cluster(&mut tables).await;
        tables
    });
    println!(
        "\nSessions of {RECORD} bytes, half of which expire\n\
         {:<14} {:>8} {:>9} {:>16} {:>8} {:>9} {:>9}",
        "store", "sessions", "create/s", "bytes at rest", "deleted", "delete s", "load/s"
    );
    print!("{}", tables.sessions);
    println!(
        "\nRevocations\n{:<14} {:>8} {:>9} {:>14} {:>12} {:>12} {:>14}",
        "store", "entries", "revoke/s", "bytes at rest", "read all ms", "sync ms", "RSS per entry"
    );
    print!("{}", tables.revocations);
}

async fn in_memory(tables: &mut Tables) {
    let store = MemoryStore::with_limit(1 << 30);
    let plan = Plan {
        name: "memory",
        width: 2,
        soon: Duration::from_hours(1),
        by_itself: false,
    };
    soak(&plan, Arc::new(store.clone()), &store, tables).await;
}

impl Outside for MemoryStore {
    fn rows(&self) -> Measured<'_, Option<u64>> {
        Box::pin(ready(None))
    }

    fn bytes(&self) -> Measured<'_, u64> {
        Box::pin(ready(self.used_bytes()))
    }
}

async fn in_sqlite(tables: &mut Tables) {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("sessions.db");
    let store = SqliteStore::open(&path).await.unwrap();
    let plan = Plan {
        name: "SQLite",
        width: 2,
        soon: Duration::from_hours(1),
        by_itself: false,
    };
    soak(&plan, Arc::new(store), &SqliteFile(path), tables).await;
}

struct SqliteFile(PathBuf);

impl SqliteFile {
    async fn connect(&self) -> SqliteConnection {
        let url = format!("sqlite:{}", self.0.display());
        SqliteConnection::connect(&url).await.unwrap()
    }
}

impl Outside for SqliteFile {
    fn rows(&self) -> Measured<'_, Option<u64>> {
        Box::pin(async move {
            let count = sqlx::query_scalar("SELECT count(*) FROM sealed_session_rows");
            let rows: i64 = count.fetch_one(&mut self.connect().await).await.unwrap();
            Some(rows.unsigned_abs())
        })
    }

    fn bytes(&self) -> Measured<'_, u64> {
        Box::pin(async move {
            let flush = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)");
            flush.execute(&mut self.connect().await).await.unwrap();
            let used = "SELECT (page_count - freelist_count) * page_size \
                 FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
            let used = sqlx::query_scalar(used);
            let used: i64 = used.fetch_one(&mut self.connect().await).await.unwrap();
            used.unsigned_abs()
        })
    }
}

async fn in_postgres(tables: &mut Tables) {
    let Some(server) = Postgres::start() else {
        return;
    };
    let store = PostgresStore::connect(&server.url()).await.unwrap();
    let plan = Plan {
        name: "PostgreSQL",
        width: 10,
        soon: Duration::from_hours(1),
        by_itself: false,
    };
    soak(&plan, Arc::new(store), &server, tables).await;
}

impl Outside for Postgres {
    fn rows(&self) -> Measured<'_, Option<u64>> {
        let count = self.sql("SELECT count(*) FROM sealed_session_rows");
        Box::pin(ready(count.parse().ok()))
    }

    fn bytes(&self) -> Measured<'_, u64> {
        let size = self.sql(
            "SELECT pg_total_relation_size('sealed_session_rows') \
             + pg_total_relation_size('sealed_session_revoked')",
        );
        Box::pin(ready(size.parse().unwrap()))
    }
}

async fn in_redis(tables: &mut Tables) {
    let Some(server) = RedisServer::start() else {
        return;
    };
    let store = RedisStore::connect(&server.url(), patient()).await;
    let servers = Primaries(vec![&server]);
    soak(&redis("Redis"), Arc::new(store.unwrap()), &servers, tables).await;
}

async fn in_a_cluster(tables: &mut Tables) {
    let Some(cluster) = RedisCluster::start() else {
        return;
    };
    let [a, b, c, ..] = cluster.nodes.as_slice() else {
        unreachable!("a cluster has six nodes");
    };
    for node in &cluster.nodes {
        // Load on a slow machine is no reason for a failover.
        node.cli(&["config", "set", "cluster-node-timeout", "20000"]);
    }
    let store = RedisStore::connect(&cluster.url(), patient()).await;
    let servers = Primaries(vec![a, b, c]);
    let plan = redis("Redis Cluster");
    soak(&plan, Arc::new(store.unwrap()), &servers, tables).await;
}

fn redis(name: &'static str) -> Plan {
    Plan {
        name,
        width: 64,
        soon: Duration::from_secs(2),
        by_itself: true,
    }
}

/// The time that a whole list takes is measured here, however long it is.
fn patient() -> RedisOptions {
    RedisOptions::default().response_timeout(Duration::from_secs(30))
}

struct Primaries<'a>(Vec<&'a RedisServer>);

impl Outside for Primaries<'_> {
    fn rows(&self) -> Measured<'_, Option<u64>> {
        let rows = |server: &&RedisServer| -> u64 {
            let keys: u64 = server.cli(&["dbsize"]).trim().parse().unwrap();
            let lists = server.cli(&["keys", "*:revoked}:*"]);
            keys - lists.split_whitespace().count() as u64
        };
        Box::pin(ready(Some(self.0.iter().map(rows).sum())))
    }

    fn bytes(&self) -> Measured<'_, u64> {
        let bytes = |server: &&RedisServer| {
            let info = server.cli(&["info", "memory"]);
            let field = |name| -> u64 {
                let mut fields = info.lines().filter_map(|line| line.split_once(':'));
                let found = fields.find(|(key, _)| *key == name);
                found.map_or(0, |(_, value)| value.trim().parse().unwrap())
            };
            field("used_memory")
                - field("mem_clients_normal")
                - field("mem_total_replication_buffers")
        };
        Box::pin(ready(self.0.iter().map(bytes).sum()))
    }
}

async fn soak(plan: &Plan, store: Arc<dyn SessionStore>, outside: &dyn Outside, to: &mut Tables) {
    let began = Instant::now();
    sessions(plan, &store, outside, &mut to.sessions).await;
    revocations(plan, &store, outside, &mut to.revocations).await;
    println!("{}: {:.1?}", plan.name, began.elapsed());
}

async fn sessions(
    plan: &Plan,
    store: &Arc<dyn SessionStore>,
    outside: &dyn Outside,
    table: &mut String,
) {
    let empty = outside.bytes().await;
    let create = |expires: Timestamp| {
        move |store: Arc<dyn SessionStore>, n: u32| async move {
            let bytes = record(n);
            let row = NewRow {
                bytes: &bytes,
                expires,
            };
            let created = store.create(&RowKey(name(n)), row, NOW).await.unwrap();
            assert_eq!(created, Created::Created);
        }
    };
    // The living ones are the first half, so that Redis has all of them when it is measured.
    let began = Instant::now();
    each(plan.width, store, 0..FIRST, create(NOW + WEEK)).await;
    let half = affordable(began.elapsed(), wanted()) / 2;
    each(plan.width, store, FIRST..half, create(NOW + WEEK)).await;
    let bytes_of_living = outside.bytes().await - empty;
    let soon = NOW + plan.soon;
    each(plan.width, store, half..2 * half, create(soon)).await;
    let took = began.elapsed();
    let bytes = if plan.by_itself {
        2 * bytes_of_living
    } else {
        let rows = outside.rows().await;
        assert!(rows.is_none_or(|rows| rows == u64::from(2 * half)));
        outside.bytes().await - empty
    };

    let began = Instant::now();
    let mut deleted = 0;
    loop {
        match store.delete_expired(soon, BATCH).await.unwrap() {
            0 => break,
            more => deleted += more,
        }
    }
    if plan.by_itself {
        // Redis looks for expired keys until one in ten of those that it looks at has
        // expired, and takes its time for the others, unless somebody asks for them.
        let few = Some(u64::from(half + half / 5));
        while outside.rows().await > few {
            assert!(began.elapsed() < REMOVAL, "{:?}", outside.rows().await);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        deleted += u64::from(half);
    }
    let purge = began.elapsed();
    assert_eq!(deleted, u64::from(half), "{}", plan.name);
    // Also as of the time when they lived.
    each(plan.width, store, half..2 * half, |store, n| async move {
        let row = store.load(&RowKey(name(n)), NOW).await.unwrap();
        assert!(row.is_none(), "expired row {n} is there");
    })
    .await;
    match outside.rows().await {
        Some(rows) => assert_eq!(rows, u64::from(half), "{}", plan.name),
        // Rows of one size: half of the bytes is half of the rows.
        None => assert_eq!(outside.bytes().await, bytes / 2, "{}", plan.name),
    }

    let began = Instant::now();
    each(plan.width, store, 0..half, move |store, n| async move {
        let row = store.load(&RowKey(name(n)), soon).await.unwrap().unwrap();
        assert_eq!(row.bytes, record(n));
    })
    .await;
    let loads = rate(half, began.elapsed());
    let sessions = 2 * half;
    let per_session = bytes as f64 / f64::from(sessions);
    writeln!(
        table,
        "{:<14} {sessions:>8} {:>9.0} {per_session:>16.0} {deleted:>8} {:>9.1} {loads:>9.0}{}",
        plan.name,
        rate(sessions, took),
        purge.as_secs_f64(),
        fewer(sessions),
    )
    .unwrap();
}

async fn revocations(
    plan: &Plan,
    store: &Arc<dyn SessionStore>,
    outside: &dyn Outside,
    table: &mut String,
) {
    let empty = outside.bytes().await;
    let revoke = |store: Arc<dyn SessionStore>, n: u32| async move {
        let revoked = Revoked {
            id: RevocationId(name(n)),
            not_before: Timestamp::MAX,
            expires: NOW + WEEK,
        };
        store.revoke(revoked, NOW).await.unwrap();
    };
    let began = Instant::now();
    each(plan.width, store, 0..FIRST, revoke).await;
    let count = affordable(began.elapsed(), wanted());
    each(plan.width, store, FIRST..count, revoke).await;
    let revokes = rate(count, began.elapsed());
    // Where the list does not count as rows do, that is 0.
    let at_rest = outside.bytes().await.saturating_sub(empty);

    let keys = KeyRing::single(Key::generate().unwrap()).unwrap();
    let policy = Policy::new(Duration::from_hours(24), WEEK).unwrap();
    let codec = EncryptedCodec::builder("example.com", keys, policy).clock(TestClock::at(NOW));
    let manager = SessionManager::<Values>::builder(codec)
        .store(Arc::clone(store))
        .build()
        .unwrap();
    let before = resident();
    let began = Instant::now();
    manager.sync_revocations().await.unwrap();
    let sync = began.elapsed();
    let copy = resident().saturating_sub(before);

    let began = Instant::now();
    let delta = store.revoked_since(None, NOW).await.unwrap();
    let read = began.elapsed();
    // Some may come twice, where a page ends and the next begins.
    let ids: HashSet<_> = delta.entries.iter().map(|entry| entry.id).collect();
    assert_eq!(ids.len(), count as usize, "{}", plan.name);
    writeln!(
        table,
        "{:<14} {count:>8} {revokes:>9.0} {:>14.0} {:>12.0} {:>12.0} {:>14.0}{}",
        plan.name,
        at_rest as f64 / f64::from(count),
        read.as_secs_f64() * 1_000.0,
        sync.as_secs_f64() * 1_000.0,
        copy as f64 / f64::from(count),
        fewer(count),
    )
    .unwrap();
}

/// Calls `call` for each number, so many at once.
async fn each<F>(
    width: u32,
    store: &Arc<dyn SessionStore>,
    numbers: core::ops::Range<u32>,
    call: impl Fn(Arc<dyn SessionStore>, u32) -> F + Copy + Send + 'static,
) where
    F: Future<Output = ()> + Send,
{
    let tasks: Vec<_> = (0..width)
        .map(|first| {
            let store = Arc::clone(store);
            let own = numbers.clone().skip(first as usize);
            tokio::spawn(async move {
                for n in own.step_by(width as usize) {
                    call(Arc::clone(&store), n).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

fn wanted() -> u32 {
    let given = std::env::var(VARIABLE).ok();
    given.map_or(SESSIONS, |text| text.parse::<u32>().unwrap().max(5 * FIRST))
}

/// How many of `wanted` fit [`PATIENCE`], in thousands, where the first took that long.
fn affordable(first: Duration, wanted: u32) -> u32 {
    let all = first.mul_f64(f64::from(wanted / FIRST));
    let part = PATIENCE.as_secs_f64() / all.as_secs_f64();
    let thousands = f64::from(wanted) * part.min(1.0) / 2_000.0;
    (thousands as u32 * 2_000).max(2 * FIRST)
}

fn fewer(count: u32) -> &'static str {
    if count < SESSIONS {
        "  (fewer: more would take too long here, or fewer were asked for)"
    } else {
        ""
    }
}

fn rate(count: u32, took: Duration) -> f64 {
    f64::from(count) / took.as_secs_f64()
}

/// As evenly spread as the hashes that name rows.
fn name(n: u32) -> [u8; 32] {
    let mut name = [0; 32];
    fill(&mut name, n);
    name
}

fn record(n: u32) -> Vec<u8> {
    let mut record = vec![0; RECORD];
    fill(&mut record, !n);
    record
}

/// `SplitMix64`.
fn fill(bytes: &mut [u8], seed: u32) {
    let mut state = u64::from(seed) << 32;
    for chunk in bytes.chunks_mut(8) {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        chunk.copy_from_slice(mixed.to_le_bytes().get(..chunk.len()).unwrap());
    }
}

/// Bytes of this process in memory.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib: u64 = line
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    kib << 10
}
