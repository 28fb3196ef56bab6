//! How long a request takes with its session in a store, and how many times as long as
//! with it in the cookie. Servers run on this machine: a network comes on top.
//!
//! All cells take turns in every round, so that whatever else the machine does meets all
//! of them alike; the ratios are of medians of the same run.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark"
)]

#[path = "../tests/servers/redis.rs"]
mod redis_server;
#[path = "../tests/servers/mod.rs"]
mod servers;
#[path = "../tests/support/mod.rs"]
mod support;

use core::time::Duration;
use std::{hint::black_box, sync::Arc, time::Instant};

use redis_server::{RedisCluster, RedisServer};
use sealed_session::{
    EncryptedCodec, Policy, SessionManager, Values,
    keys::{Key, KeyRing},
    manager::{Place, Strategy},
    store::{
        SessionStore,
        memory::MemoryStore,
        postgres::PostgresStore,
        redis::{RedisOptions, RedisStore},
        sqlite::SqliteStore,
    },
};
use servers::Postgres;

const ROUNDS: usize = 200;
/// Requests of a cell in a round; what is kept is their mean.
const REQUESTS: u32 = 5;
/// Rounds before the measured ones.
const WARM_UP: usize = 5;

const COOKIE: &str = "cookie";

fn main() {
    // Without `cargo bench`, only whether it runs.
    let rounds = if std::env::args().any(|argument| argument == "--bench") {
        ROUNDS
    } else {
        1
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    // As a server handles requests: on a worker.
    let bench = runtime.spawn(bench(rounds));
    runtime.block_on(bench).unwrap();
}

async fn bench(rounds: usize) {
    let folder = tempfile::TempDir::new().unwrap();
    let memory = Arc::new(MemoryStore::new());
    let sqlite = SqliteStore::open(folder.path().join("sessions.db")).await;
    let mut stores: Vec<(&str, Arc<dyn SessionStore>)> = vec![
        ("memory", memory.clone()),
        ("SQLite", Arc::new(sqlite.unwrap())),
    ];
    let postgres = Postgres::start();
    if let Some(server) = &postgres {
        let store = PostgresStore::connect(&server.url()).await.unwrap();
        stores.push(("PostgreSQL", Arc::new(store)));
    }
    let redis = RedisServer::start();
    if let Some(server) = &redis {
        stores.push(("Redis", connect(&server.url()).await));
    }
    let cluster = RedisCluster::start();
    if let Some(cluster) = &cluster {
        stores.push(("Redis Cluster", connect(&cluster.url()).await));
    }

    let mut cells = vec![Cell::new(COOKIE, "login", support::LOGIN, memory, Strategy::Auto).await];
    let in_store = Strategy::StoreOnly {
        accept_inline_until: None,
    };
    let sessions = [
        ("login", support::LOGIN),
        ("cart40", support::CART_40),
        ("cart400", support::CART_400),
    ];
    for (name, store) in stores {
        for (session, json) in sessions {
            cells.push(Cell::new(name, session, json, Arc::clone(&store), in_store).await);
        }
    }
    for round in 0..WARM_UP + rounds {
        for cell in &mut cells {
            let read = cell.timed(async |cell| cell.read().await).await;
            let change = cell.timed(async |cell| cell.change().await).await;
            if round >= WARM_UP {
                cell.reads.push(read);
                cell.changes.push(change);
            }
        }
    }
    print(&cells, rounds);
}

async fn connect(url: &str) -> Arc<dyn SessionStore> {
    let store = RedisStore::connect(url, RedisOptions::default()).await;
    Arc::new(store.unwrap())
}

/// One session in one place.
struct Cell {
    place: &'static str,
    session: &'static str,
    manager: SessionManager<Values>,
    cookie: String,
    counter: u32,
    reads: Vec<Duration>,
    changes: Vec<Duration>,
}

impl Cell {
    async fn new(
        place: &'static str,
        session: &'static str,
        json: &str,
        store: Arc<dyn SessionStore>,
        strategy: Strategy,
    ) -> Self {
        let keys = KeyRing::single(Key::generate().unwrap()).unwrap();
        let day = Duration::from_hours(24);
        let policy = Policy::new(day, 7 * day).unwrap();
        let manager = SessionManager::builder(EncryptedCodec::builder("bench", keys, policy))
            .store(store)
            .strategy(strategy)
            .max_guest_record_bytes(usize::MAX)
            .build()
            .unwrap();
        let mut cell = Self {
            place,
            session,
            manager,
            cookie: String::new(),
            counter: 0,
            reads: Vec::new(),
            changes: Vec::new(),
        };
        let data: Values = support::read(json);
        let begun = cell.manager.session([], None);
        begun.change(|values| *values = data).await.unwrap();
        cell.finish(begun).await;
        cell.change().await;
        let back = cell.request();
        let expected = if place == COOKIE {
            Place::Cookie
        } else {
            Place::Store
        };
        assert_eq!(back.place().await.unwrap(), expected);
        cell
    }

    fn request(&self) -> sealed_session::Session<Values> {
        self.manager.session([self.cookie.as_bytes()], None)
    }

    async fn finish(&mut self, session: sealed_session::Session<Values>) {
        let headers = self.manager.finish(session, 200).await.unwrap();
        if let Some(set) = headers.set_cookie.first() {
            set.split(';').next().unwrap().clone_into(&mut self.cookie);
        }
    }

    /// A request that reads.
    async fn read(&mut self) {
        let session = self.request();
        let len = session.read(Values::len).await.unwrap();
        black_box(len);
        self.finish(session).await;
    }

    /// A request that changes something: it loads and saves.
    async fn change(&mut self) {
        self.counter += 1;
        let counter = self.counter;
        let session = self.request();
        let changed = session.change(|values| values.insert("counter", &counter));
        changed.await.unwrap().unwrap();
        self.finish(session).await;
    }

    async fn timed(&mut self, request: impl AsyncFn(&mut Self)) -> Duration {
        let began = Instant::now();
        for _ in 0..REQUESTS {
            request(self).await;
        }
        began.elapsed() / REQUESTS
    }
}

fn print(cells: &[Cell], rounds: usize) {
    println!(
        "Microseconds per request: median (p10..p90) of {rounds} rounds of {REQUESTS} requests \
         each, and how many times the median of the session in the cookie. A request that \
         changes loads first."
    );
    println!();
    println!("| session in | session | read | × cookie | change | × cookie |");
    println!("|---|---|---:|---:|---:|---:|");
    let cookie = &cells[0];
    for cell in cells {
        let column = |of: fn(&Cell) -> &Vec<Duration>| {
            let [low, median, high] = percentiles(of(cell));
            let [_, base, _] = percentiles(of(cookie));
            let ratio = median / base;
            format!("{median:.1} ({low:.1}..{high:.1}) | {ratio:.1}")
        };
        let (reads, changes) = (column(|cell| &cell.reads), column(|cell| &cell.changes));
        let Cell { place, session, .. } = cell;
        println!("| {place} | {session} | {reads} | {changes} |");
    }
}

/// The 10th, the 50th and the 90th, in microseconds.
fn percentiles(times: &[Duration]) -> [f64; 3] {
    let mut times = times.to_vec();
    times.sort_unstable();
    [10, 50, 90].map(|percent| {
        let time = times[(times.len() - 1) * percent / 100];
        time.as_secs_f64() * 1e6
    })
}
