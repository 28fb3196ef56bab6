//! One story of sessions, told in every store: they move out of the cookie and back, grow,
//! are logged out, written by two at once, and end. Each store has two handles, as two
//! servers of a fleet have.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a failure fails the test"
)]

#[path = "support/client.rs"]
#[allow(dead_code, reason = "a part of it")]
mod client;
#[path = "servers/redis.rs"]
mod redis_server;
mod servers;

use core::time::Duration;
use std::sync::Arc;

use client::{Client, Dest};
use redis_server::{RedisCluster, RedisServer};
use sealed_session::{
    EncryptedCodec, Policy, SealError, SessionManager, Values,
    keys::{Key, KeyRing, SharedKeyRing},
    manager::{
        InvalidKind, Place, Presented, Revocation, SessionError, SessionManagerBuilder, Strategy,
    },
    payload::{Compression, values::Value},
    store::{
        SessionStore,
        memory::MemoryStore,
        postgres::PostgresStore,
        redis::{RedisOptions, RedisStore},
        sqlite::SqliteStore,
    },
    time::{TestClock, Timestamp},
};
use servers::Postgres;
use tokio::sync::Barrier;

const CART: &str = include_str!("corpus/cart400.json");
const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_348_800);
const MINUTE: Duration = Duration::from_mins(1);
const IDLE: Duration = Duration::from_mins(30);
const DAY: Duration = Duration::from_hours(24);
const MIB: usize = 1 << 20;
/// How often two writers meet.
const ROUNDS: usize = 5;

type Manager = SessionManager<Values>;

// --- The stores.

#[test]
fn sessions_in_memory() {
    run(async {
        let store = MemoryStore::new();
        let other = store.clone();
        let left = {
            let store = store.clone();
            move || store.used_bytes()
        };
        Fleet::new(store, other).story(true, &left).await;
    });
}

#[test]
fn sessions_in_sqlite() {
    run(async {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("sessions.db");
        let open = || SqliteStore::open(&path);
        let (one, two) = (open().await.unwrap(), open().await.unwrap());
        let third = open().await.unwrap();
        // Whatever has an end at all is deleted now, and counted.
        let left = move || {
            let third = third.clone();
            let count = async move { third.delete_expired(Timestamp::MAX, 1_000).await };
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(count))
                .unwrap()
        };
        Fleet::new(one, two).story(true, &left).await;
    });
}

#[test]
fn sessions_in_postgresql() {
    let Some(server) = Postgres::start() else {
        return;
    };
    run(async {
        let url = server.url();
        let connect = || PostgresStore::connect(&url);
        let (one, two) = (connect().await.unwrap(), connect().await.unwrap());
        let left = || {
            let count = "SELECT (SELECT count(*) FROM sealed_session_rows) + \
                         (SELECT count(*) FROM sealed_session_revoked)";
            server.sql(count).parse().unwrap()
        };
        Fleet::new(one, two).story(true, &left).await;
    });
}

#[test]
fn sessions_in_redis() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    run(in_redis(&server.url(), core::slice::from_ref(&server)));
}

#[test]
fn sessions_in_a_redis_cluster() {
    let Some(cluster) = RedisCluster::start() else {
        return;
    };
    run(in_redis(&cluster.url(), &cluster.nodes));
}

async fn in_redis(url: &str, nodes: &[RedisServer]) {
    let connect = || RedisStore::connect(url, RedisOptions::default());
    let (one, two) = (connect().await.unwrap(), connect().await.unwrap());
    // Rows are Redis's to remove, by its own clock: none may be without an end.
    let left = || nodes.iter().map(endless).sum();
    Fleet::new(one, two).story(false, &left).await;
}

/// The keys of a node that Redis would keep for good.
fn endless(node: &RedisServer) -> u64 {
    let keys = node.cli(&["keys", "*"]);
    let is_endless = |key: &&str| node.cli(&["pttl", key]).trim() == "-1";
    let keys = keys.lines().filter(|key| !key.is_empty());
    keys.filter(is_endless).map(|_| 1).sum()
}

fn run(story: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.unwrap().block_on(story);
}

// --- The story.

/// Two servers with the same keys and a handle each of one store.
struct Fleet {
    clock: TestClock,
    keys: SharedKeyRing,
    stores: [Arc<dyn SessionStore>; 2],
}

impl Fleet {
    fn new(one: impl SessionStore + 'static, two: impl SessionStore + 'static) -> Self {
        Self {
            clock: TestClock::at(NOW),
            keys: KeyRing::single(Key::generate().unwrap()).unwrap().into(),
            stores: [Arc::new(one), Arc::new(two)],
        }
    }

    /// `purges` says whether the store leaves expired rows to the manager, and `left` how
    /// many there are that nothing would remove.
    async fn story(&self, purges: bool, left: &dyn Fn() -> u64) {
        self.out_of_the_cookie_and_back().await;
        self.ten_mebibytes().await;
        self.a_logout_holds_on_the_other_server().await;
        self.two_writers_lose_nothing_with_a_merge_hook().await;
        self.one_of_two_writers_conflicts_without().await;
        self.nothing_expired_is_left(purges, left).await;
    }

    fn builder(&self, server: usize) -> SessionManagerBuilder<Values> {
        let policy = Policy::new(IDLE, DAY).unwrap();
        let codec = EncryptedCodec::builder("example.com", self.keys.clone(), policy);
        // Deflate is slow without optimisation, and the sizes are then what they seem.
        let codec = codec
            .clock(self.clock.clone())
            .compression(Compression::NEVER);
        SessionManager::builder(codec)
            .store(Arc::clone(&self.stores[server]))
            .strategy(Strategy::Auto)
            .revocation(Revocation::Strict)
            .max_guest_record_bytes(usize::MAX)
    }

    fn servers(&self) -> [Manager; 2] {
        [0, 1].map(|server| self.builder(server).build().unwrap())
    }

    async fn out_of_the_cookie_and_back(&self) {
        let [here, there] = self.servers();
        let mut client = Client::default();
        set(&here, &mut client, &cart()).await.unwrap();
        assert_eq!(client.cookie.as_ref().unwrap().len(), 163);
        for server in [&here, &there] {
            assert_eq!(place(server, &client).await, Place::Store);
            assert_eq!(get(server, &client).await, cart());
        }

        let mut small = cart();
        small.remove("cart").unwrap();
        set(&there, &mut client, &small).await.unwrap();
        for server in [&here, &there] {
            assert_eq!(place(server, &client).await, Place::Cookie);
            assert!(get(server, &client).await == small);
        }
        // And out again, on the other server.
        set(&here, &mut client, &cart()).await.unwrap();
        assert_eq!(place(&there, &client).await, Place::Store);
        assert!(get(&there, &client).await == cart());
    }

    async fn ten_mebibytes(&self) {
        let mut large = Values::new();
        large
            .set_raw("upload", Value::Bytes(random(10 * MIB)))
            .unwrap();
        let [one, two] = [0, 1].map(|server| {
            self.builder(server)
                .max_record_bytes(16 * MIB)
                .build()
                .unwrap()
        });
        let mut client = Client::default();
        set(&one, &mut client, &large).await.unwrap();
        // Loaded once, as that takes its time without optimisation.
        let session = client.send(&two, Dest::Empty);
        assert_eq!(session.place().await.unwrap(), Place::Store);
        assert!(session.read(|values| *values == large).await.unwrap());

        let [default, _] = self.servers();
        let error = set(&default, &mut Client::default(), &large).await;
        let Err(SessionError::Seal(SealError::RecordTooLarge { size, limit })) = error else {
            panic!("{error:?}");
        };
        assert_eq!(limit, MIB);
        assert!((10 * MIB..10 * MIB + 200).contains(&size), "{size}");
    }

    async fn a_logout_holds_on_the_other_server(&self) {
        let [here, there] = self.servers();
        let mut client = Client::default();
        let session = client.send(&here, Dest::Document);
        session.log_in("42").await.unwrap();
        session
            .change(|values| values.insert("a", "b"))
            .await
            .unwrap()
            .unwrap();
        client.receive(&here.finish(session, 200).await.unwrap());
        let inline = client.clone();
        set(&there, &mut client, &cart()).await.unwrap();
        let reference = client.clone();
        assert_eq!(place(&there, &inline).await, Place::Cookie);
        assert_eq!(place(&there, &reference).await, Place::Store);

        let session = client.send(&here, Dest::Document);
        session.log_out().await.unwrap();
        client.receive(&here.finish(session, 200).await.unwrap());
        assert_eq!(client.cookie, None);
        for copy in [&inline, &reference] {
            for server in [&there, &here] {
                let presented = copy.send(server, Dest::Empty).presented().await.unwrap();
                assert_eq!(presented, Presented::Invalid(InvalidKind::Revoked));
                assert!(get(server, copy).await.is_empty());
            }
        }
    }

    async fn two_writers_lose_nothing_with_a_merge_hook(&self) {
        let servers = [0, 1].map(|server| {
            let merge = |base: &Values, ours: &Values, mut theirs: Values| {
                let news = ours
                    .iter()
                    .filter(|(key, value)| base.raw(key) != Some(value));
                for (key, value) in news {
                    theirs.set_raw(key, value.clone()).ok()?;
                }
                Some(theirs)
            };
            self.builder(server).merge_with(merge).build().unwrap()
        });
        let mut client = Client::default();
        set(&servers[0], &mut client, &cart()).await.unwrap();
        let mut expected = cart().len();
        for round in 0..ROUNDS {
            for outcome in write_at_once(&servers, &client, round).await {
                outcome.unwrap();
            }
            expected += 2;
            for server in &servers {
                let values = get(server, &client).await;
                assert_eq!(values.len(), expected, "round {round}");
                assert_eq!(values.raw("cart"), cart().raw("cart"));
            }
        }
    }

    async fn one_of_two_writers_conflicts_without(&self) {
        let servers = self.servers();
        let mut client = Client::default();
        set(&servers[0], &mut client, &cart()).await.unwrap();
        for round in 0..ROUNDS {
            let outcomes = write_at_once(&servers, &client, round).await;
            let values = get(&servers[0], &client).await;
            let mut refused = 0;
            for (writer, outcome) in outcomes.iter().enumerate() {
                let written = values.contains_key(&name(round, writer));
                assert_eq!(written, outcome.is_ok(), "round {round}");
                match outcome {
                    Ok(()) => {}
                    Err(SessionError::Conflict) => refused += 1,
                    Err(error) => panic!("{error:?}"),
                }
            }
            assert_eq!(refused, 1, "round {round}");
        }
    }

    async fn nothing_expired_is_left(&self, purges: bool, left: &dyn Fn() -> u64) {
        let [here, there] = self.servers();
        self.clock.advance(DAY + 4 * MINUTE);
        assert_eq!(there.purge_expired().await.unwrap(), 0, "not at once");
        let mut client = Client::default();
        set(&here, &mut client, &cart()).await.unwrap();
        // Used now and then, this one lives on.
        for _ in 0..3 {
            self.clock.advance(20 * MINUTE);
            client.receive(&use_it(&here, &client).await);
        }
        let deleted = there.purge_expired().await.unwrap();
        // The carts of four, and the logout.
        assert!(deleted >= if purges { 4 } else { 1 }, "{deleted}");
        assert_eq!(here.purge_expired().await.unwrap(), 0);
        assert!(get(&there, &client).await == cart());

        self.clock.advance(DAY + 60 * MINUTE);
        let deleted = here.purge_expired().await.unwrap();
        assert_eq!(deleted, u64::from(purges));
        assert_eq!(left(), 0);
        let presented = client.send(&there, Dest::Empty).presented().await.unwrap();
        assert!(matches!(
            presented,
            Presented::Invalid(InvalidKind::Token(_))
        ));
    }
}

// --- What happens in it.

fn cart() -> Values {
    serde_json::from_str(CART).unwrap()
}

async fn set(server: &Manager, client: &mut Client, to: &Values) -> Result<(), SessionError> {
    let session = client.send(server, Dest::Document);
    session.change(|values| values.clone_from(to)).await?;
    client.receive(&server.finish(session, 200).await?);
    Ok(())
}

async fn get(server: &Manager, client: &Client) -> Values {
    client.send(server, Dest::Empty).get().await.unwrap()
}

async fn place(server: &Manager, client: &Client) -> Place {
    client.send(server, Dest::Empty).place().await.unwrap()
}

/// Goes to a page that only reads.
async fn use_it(server: &Manager, client: &Client) -> sealed_session::manager::ResponseHeaders {
    let session = client.send(server, Dest::Document);
    assert!(session.get().await.unwrap() == cart());
    server.finish(session, 200).await.unwrap()
}

/// Two requests, a task and a server each, that have both read before either writes.
async fn write_at_once(
    servers: &[Manager; 2],
    client: &Client,
    round: usize,
) -> Vec<Result<(), SessionError>> {
    let both = Arc::new(Barrier::new(2));
    let mut running = Vec::new();
    for (writer, server) in servers.iter().enumerate() {
        let (server, client, both) = (server.clone(), client.clone(), Arc::clone(&both));
        running.push(tokio::spawn(async move {
            let session = client.send(&server, Dest::Empty);
            let add = |values: &mut Values| values.insert(name(round, writer), "x");
            session.change(add).await?.unwrap();
            both.wait().await;
            server.finish(session, 200).await.map(drop)
        }));
    }
    let mut outcomes = Vec::new();
    for task in running {
        outcomes.push(task.await.unwrap());
    }
    outcomes
}

fn name(round: usize, writer: usize) -> String {
    format!("round {round} writer {writer}")
}

/// Bytes that do not compress.
fn random(len: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let words = core::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(len).collect()
}
