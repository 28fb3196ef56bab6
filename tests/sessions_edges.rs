//! The far edges of what sessions promise: the last second, the second call, the request
//! that comes in between. Most of them were found by mutation testing.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a failure fails the test"
)]

#[path = "support/client.rs"]
#[allow(dead_code, reason = "a part of it")]
mod client;
#[path = "support/model_store.rs"]
#[allow(dead_code, reason = "a part of it")]
mod model_store;

use core::time::Duration;
use std::sync::Arc;

use client::{Client, Dest, block_on};
use model_store::ModelStore;
use sealed_session::{
    CookieConfig, EncryptedCodec, Policy, SessionData, SessionManager,
    codec::{CodecBuilder, Encrypted},
    expiry::Lifetimes,
    keys::{Key, KeyRing, RingKey, SharedKeyRing},
    manager::{
        InvalidKind, OnUnavailable, Place, Presented, RequestHeaders, SessionError,
        SessionManagerBuilder, Strategy,
    },
    payload::{Compression, from_postcard},
    time::{Clock, TestClock, Timestamp},
};
use serde::{Deserialize, Serialize};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_348_800);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const IDLE: Duration = Duration::from_mins(30);
const DAY: Duration = Duration::from_hours(24);
const REVOKED: Presented = Presented::Invalid(InvalidKind::Revoked);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Notes(Vec<String>);

impl SessionData for Notes {}

struct World {
    clock: TestClock,
    keys: SharedKeyRing,
    store: Arc<ModelStore>,
}

impl World {
    fn new() -> Self {
        Self {
            clock: TestClock::at(NOW),
            keys: KeyRing::single(Key::generate().unwrap()).unwrap().into(),
            store: Arc::default(),
        }
    }

    fn codec(&self, absolute: Duration) -> CodecBuilder<Encrypted> {
        let month = Lifetimes::new(30 * DAY, 60 * DAY).unwrap().persistent();
        let policy = Policy::new(IDLE, absolute).unwrap();
        let policy = policy.with_class("remember-me", month).unwrap();
        EncryptedCodec::builder("example.com", self.keys.clone(), policy)
            .clock(self.clock.clone())
            .compression(Compression::NEVER)
    }

    fn builder(&self) -> SessionManagerBuilder<Notes> {
        SessionManager::builder(self.codec(DAY)).store(self.store.clone())
    }

    fn manager(&self) -> SessionManager<Notes> {
        self.builder().build().unwrap()
    }

    /// When the only row expires.
    fn row_expires(&self) -> Timestamp {
        let rows = self.store.dump();
        let [(_, row)] = &*rows else {
            panic!("{} rows", rows.len());
        };
        row.expires
    }
}

/// A new client with so many notes; 30 of them do not fit a cookie.
fn client(manager: &SessionManager<Notes>, notes: usize) -> Client {
    let mut client = Client::default();
    write(manager, &mut client, notes);
    client
}

fn write(manager: &SessionManager<Notes>, client: &mut Client, notes: usize) {
    client
        .visit(manager, async |session| {
            let change = |data: &mut Notes| data.0 = vec!["n".repeat(100); notes];
            session.change(change).await
        })
        .unwrap();
}

fn presented(manager: &SessionManager<Notes>, client: &Client) -> Presented {
    block_on(client.send(manager, Dest::Empty).presented()).unwrap()
}

fn set_class(
    manager: &SessionManager<Notes>,
    client: &mut Client,
    name: &str,
) -> Result<(), SessionError> {
    let policy = manager.codec().policy();
    let class = policy.class(name).unwrap_or_default();
    let visit = client.visit(manager, async |session| session.set_class(class).await);
    visit.map(|_| ())
}

#[test]
fn requests_purge_what_expired_an_hour_ago_and_once_a_minute() {
    let world = World::new();
    let manager = world.manager();
    let arrive = |at: Duration| {
        world.clock.set(NOW + at);
        client(&manager, 30);
        world.store.rows()
    };
    assert_eq!(arrive(Duration::ZERO), 1);
    assert_eq!(arrive(30 * SECOND), 2);
    // The first two have expired, but not for an hour.
    let first = DAY + HOUR + SECOND;
    assert_eq!(arrive(DAY + 59 * MINUTE), 3);
    assert_eq!(arrive(first), 3, "the first went");
    assert_eq!(arrive(first + 59 * SECOND), 4, "not yet due");
    assert_eq!(arrive(first + 60 * SECOND), 4, "the second went");
}

/// Its last copy dies with its absolute timeout, by the clock of the slowest server.
#[test]
fn a_revocation_lasts_as_long_as_the_session_could_have() {
    let world = World::new();
    let manager = world.manager();
    for everywhere in [false, true] {
        world.clock.set(NOW);
        let mut user = client(&manager, 1);
        user.visit(&manager, async |session| session.log_in("42").await)
            .unwrap();
        set_class(&manager, &mut user, "remember-me").unwrap();
        if everywhere {
            block_on(manager.revoke_subject("42")).unwrap();
        } else {
            let id = block_on(user.send(&manager, Dest::Empty).id()).unwrap();
            block_on(manager.revoke(id.unwrap())).unwrap();
        }
        // Another server's clock is late: the copy goes on in the meantime.
        let unaware = SessionManager::<Notes>::builder(world.codec(DAY))
            .build()
            .unwrap();
        for days in [29, 58] {
            world.clock.set(NOW + days * DAY);
            user.visit(&unaware, async |session| session.get().await)
                .unwrap();
        }
        for left in [30 * MINUTE, SECOND] {
            world.clock.set(NOW + 60 * DAY - left);
            assert_eq!(presented(&unaware, &user), Presented::Valid);
            assert_eq!(presented(&manager, &user), REVOKED, "{left:?} {everywhere}");
        }
    }
}

/// The copy of the list is as old as its interval when the response is made.
#[test]
fn what_another_server_revoked_during_a_long_request_is_not_saved() {
    let world = World::new();
    for long in [5 * SECOND, 6 * SECOND] {
        let (here, there) = (world.manager(), world.manager());
        let user = client(&here, 1);
        let session = user.send(&here, Dest::Document);
        block_on(session.change(|notes| notes.0.push("late".to_owned()))).unwrap();
        let id = block_on(session.id()).unwrap().unwrap();
        block_on(there.revoke(id)).unwrap();
        world.clock.advance(long);
        let saved = block_on(here.finish(session, 200));
        assert!(matches!(saved, Err(SessionError::Gone)), "{long:?}");
    }
}

#[test]
fn of_two_sessions_issued_at_once_the_first_cookie_counts() {
    let world = World::new();
    let manager = world.manager();
    let values = [1, 2].map(|notes| client(&manager, notes).cookie.unwrap());
    for (first, second, expected) in [(0, 1, 1), (1, 0, 2)] {
        let line = [first, second].map(|n| format!("__Host-session={}", values[n]));
        let session = manager.session([line.join("; ").as_bytes()], None);
        assert_eq!(block_on(session.get()).unwrap().0.len(), expected);
    }
}

/// What an older release wrote, with a number in place of the notes.
#[derive(Default, Serialize, Deserialize)]
struct Count(u32);

impl SessionData for Count {}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Migrated(Vec<u32>);

impl SessionData for Migrated {
    const SCHEMA: u16 = 1;

    fn migrate(from: u16, _: u16, bytes: &[u8]) -> Option<Self> {
        let Count(count) = (from == 0).then(|| from_postcard(bytes)).flatten()?;
        Some(Self(vec![count]))
    }
}

#[test]
fn a_migrated_session_that_is_only_touched_is_not_written() {
    let world = World::new();
    let old = SessionManager::<Count>::builder(world.codec(DAY))
        .build()
        .unwrap();
    let new = SessionManager::<Migrated>::builder(world.codec(DAY))
        .build()
        .unwrap();
    let mut user = Client::default();
    user.visit(&old, async |session| session.change(|it| it.0 = 7).await)
        .unwrap();
    let (data, headers) = user
        .visit(&new, async |session| session.change(|it| it.clone()).await)
        .unwrap();
    assert_eq!(data, Migrated(vec![7]));
    assert_eq!(headers.set_cookie, [""; 0]);
    let ((), headers) = user
        .visit(&new, async |session| {
            session.change(|it| it.0.push(8)).await
        })
        .unwrap();
    assert_eq!(headers.set_cookie.len(), 1);
}

/// A server that has been rolled back meets a session of the newer release.
#[test]
fn a_newer_session_is_unavailable_and_its_cookie_stays() {
    let world = World::new();
    let store = world.store.clone();
    let newer = SessionManager::<Migrated>::builder(world.codec(DAY)).store(store.clone());
    let older = SessionManager::<Count>::builder(world.codec(DAY)).store(store.clone());
    let (newer, older) = (newer.build().unwrap(), older.build().unwrap());
    for len in [1, 2_000] {
        let mut user = Client::default();
        let fill = async |session: &sealed_session::Session<Migrated>| {
            session
                .change(|it| it.0 = (0..len).map(|n| n << 16).collect())
                .await
        };
        user.visit(&newer, fill).unwrap();
        let before = user.clone();
        let unsupported = |outcome: Result<(), SessionError>| {
            assert!(matches!(outcome, Err(SessionError::Unsupported)));
        };
        let read = user.visit(&older, async |session| session.read(|_| ()).await);
        unsupported(read.map(|_| ()));
        let login = user.visit(&older, async |session| session.log_in("42").await);
        unsupported(login.map(|_| ()));
        assert_eq!(user.cookie, before.cookie);
        assert_eq!(SessionError::Unsupported.status(), 503);
        // Its claims are readable, so that a logout needs no data.
        user.visit(&newer, async |session| {
            session
                .read(|it| assert_eq!(it.0.len(), len as usize))
                .await
        })
        .unwrap();
        user.visit(&older, async |session| session.log_out().await)
            .unwrap();
        let mut copy = before;
        world.clock.advance(6 * SECOND);
        let gone = copy
            .visit(&newer, async |session| session.get().await)
            .unwrap()
            .0;
        assert_eq!(gone, Migrated::default());
    }
}

/// A neighbouring host gives a visitor a token that this release does not know, under a former
/// name, as it may during a deploy.
#[test]
fn planted_newer_token_blocks_neither_login_nor_logout() {
    let vectors = include_str!("vectors/extensions.json");
    let newer = vectors
        .split("\"name\":\"an unknown type (encrypted)\"")
        .nth(1)
        .unwrap();
    let newer = newer
        .split("\"token\":\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let at = Timestamp::from_unix_seconds(1_800_000_000);
    let root: Vec<u8> = (0..32).collect();
    let ring = [RingKey::new(
        Key::from_bytes(&root).unwrap(),
        Timestamp::MIN,
    )];
    let ring = KeyRing::dangerous_with_published_keys(ring).unwrap();
    let codec = EncryptedCodec::builder("example.com", ring, Policy::new(IDLE, DAY).unwrap())
        .clock(TestClock::at(at))
        .accept_also("example.com", "sid", at + DAY);
    let manager = SessionManager::<Notes>::builder(codec)
        .store(Arc::<ModelStore>::default())
        .build()
        .unwrap();
    let visit = |cookies: &str| manager.session([cookies.as_bytes()], None);
    let planted = format!("sid={newer}");
    let session = visit(&planted);
    assert_eq!(block_on(session.get()).unwrap(), Notes::default());
    block_on(session.log_in("ada")).unwrap();
    let headers = block_on(manager.finish(session, 200)).unwrap();
    let own = headers.set_cookie[0].split(';').next().unwrap().to_owned();
    let session = visit(&format!("{own}; {planted}"));
    block_on(session.log_out()).unwrap();
    assert_eq!(block_on(visit(&own).presented()).unwrap(), REVOKED);
    // Under the own name no other host can have set it.
    let session = visit(&format!("__Host-session={newer}; {own}"));
    let blocked = block_on(session.log_out());
    assert!(matches!(blocked, Err(SessionError::Unsupported)));
}

/// The store is there for revocations alone.
#[test]
fn cookie_only_with_a_store_refuses_references_all_the_same() {
    let world = World::new();
    let mut user = client(&world.manager(), 30);
    let cookie_only = world.builder().strategy(Strategy::CookieOnly);
    let manager = cookie_only.build().unwrap();
    let read = user.visit(&manager, async |session| session.get().await);
    assert!(matches!(read, Err(SessionError::NoStore)));
}

#[test]
fn a_class_cannot_be_set_while_the_session_is_unavailable() {
    let world = World::new();
    let mut user = client(&world.manager(), 30);
    let manager = world.builder();
    let manager = manager.on_unavailable(OnUnavailable::AnonymousReadOnly);
    let manager = manager.build().unwrap();
    world.store.set_down(true);
    let set = set_class(&manager, &mut user, "remember-me");
    assert!(matches!(set, Err(SessionError::Unavailable(_))));
}

#[test]
fn a_row_lives_as_long_as_its_class_and_its_policy_let_the_session_live() {
    let world = World::new();
    let manager = world.manager();
    let mut user = client(&manager, 30);
    let read = |manager: &SessionManager<Notes>, user: &mut Client| {
        user.visit(manager, async |session| session.get().await)
            .unwrap();
    };
    // The first use of a reference is noted in its row, once.
    read(&manager, &mut user);
    assert_eq!(world.row_expires(), NOW + DAY);
    set_class(&manager, &mut user, "remember-me").unwrap();
    assert_eq!(world.row_expires(), NOW + 60 * DAY);
    set_class(&manager, &mut user, "").unwrap();
    assert_eq!(world.row_expires(), NOW + DAY);

    // A looser policy counts with the next refresh, and not before; a tighter one acts on
    // tokens, and leaves the row as it is.
    let loose = SessionManager::builder(world.codec(2 * DAY)).store(world.store.clone());
    let loose = loose.build().unwrap();
    read(&loose, &mut user);
    assert_eq!(world.row_expires(), NOW + DAY);
    world.clock.advance(10 * MINUTE);
    read(&loose, &mut user);
    assert_eq!(world.row_expires(), NOW + 2 * DAY);
    world.clock.advance(10 * MINUTE);
    read(&manager, &mut user);
    assert_eq!(world.row_expires(), NOW + 2 * DAY);
}

/// It is read once, and the list of revocations is asked for what is new; besides, a batch of
/// what has expired is deleted once a minute.
#[test]
fn refreshing_a_stored_session_takes_two_calls_of_the_store_and_the_purge() {
    let world = World::new();
    let manager = world.manager();
    let mut user = client(&manager, 30);
    let mut calls = || {
        world.clock.advance(10 * MINUTE);
        let before = world.store.calls();
        let (_, headers) = user
            .visit(&manager, async |session| session.get().await)
            .unwrap();
        assert_eq!(headers.set_cookie.len(), 1);
        world.store.calls() - before
    };
    assert_eq!(
        calls(),
        3,
        "its first use is noted, and the list was not there before"
    );
    assert_eq!(calls(), 3, "and the purge");
}

/// 30 seconds for requests under way, and the idle timeout for whoever missed the move.
#[test]
fn the_row_that_a_session_moved_away_from_stays_a_while() {
    let world = World::new();
    let manager = world.manager();
    let mut user = client(&manager, 30);
    write(&manager, &mut user, 1);
    let place = block_on(user.send(&manager, Dest::Empty).place()).unwrap();
    assert_eq!(place, Place::Cookie);
    assert_eq!(world.row_expires(), world.clock.now() + 30 * SECOND + IDLE);
}

#[test]
fn a_logout_removes_each_former_name_once() {
    let world = World::new();
    let names = |former: &[&str]| {
        let until = NOW + DAY;
        let codec = former.iter().fold(world.codec(DAY), |codec, name| {
            codec.accept_also("example.org", *name, until)
        });
        let sid = CookieConfig::named("sid").build().unwrap();
        let cookie = CookieConfig::named("__Host-session").formerly(sid);
        let manager = SessionManager::<Notes>::builder(codec)
            .cookie(cookie.build().unwrap())
            .build()
            .unwrap();
        let session = manager.session([], None);
        block_on(session.log_out()).unwrap();
        let headers = block_on(manager.finish(session, 200)).unwrap();
        let name = |line: &String| line.split('=').next().unwrap_or_default().to_owned();
        headers.set_cookie.iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(names(&[]), ["__Host-session", "sid"]);
    assert_eq!(names(&["sid", "__Host-session"]), ["__Host-session", "sid"]);
    assert_eq!(names(&["old"]), ["__Host-session", "sid", "old"]);
}

#[test]
fn f9_logout_ends_each_session_presented_at_most_20() {
    let world = World::new();
    let token = |name: &str| {
        let cookie = CookieConfig::named(name).build().unwrap();
        let manager = world.builder().cookie(cookie).build().unwrap();
        format!("{name}={}", client(&manager, 1).cookie.unwrap())
    };
    let former = ["a", "b", "c", "d"];
    let codec = former.iter().fold(world.codec(DAY), |codec, name| {
        codec.accept_also("example.com", *name, NOW + DAY)
    });
    let builder = SessionManager::<Notes>::builder(codec);
    let manager = builder.store(world.store.clone()).build().unwrap();
    let ended = |names: &[&str]| {
        let five = names.iter().flat_map(|name| [*name; 5]);
        let lines: Vec<_> = five.map(token).collect();
        let before = manager.known_revocations();
        let session = manager.session(lines.iter().map(String::as_bytes), None);
        block_on(session.log_out()).unwrap();
        manager.known_revocations() - before
    };
    assert_eq!(ended(&["__Host-session"]), 4);
    assert_eq!(ended(&["a", "b", "c", "d", "__Host-session"]), 20);
}

struct Headers(Vec<(&'static str, String)>);

impl RequestHeaders for Headers {
    fn values<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h [u8]> {
        let own = self.0.iter().filter(move |(header, _)| *header == name);
        own.map(|(_, value)| value.as_bytes())
    }
}

#[test]
fn a_token_in_a_header_of_its_own_is_read_and_answered_there_and_cookies_are_not() {
    let world = World::new();
    let manager = world.builder().token_header("X-Session").build().unwrap();
    let cookie = ("cookie", {
        let browser = client(&manager, 2);
        format!("__Host-session={}", browser.cookie.unwrap())
    });
    let script = ("sec-fetch-dest", "empty".to_owned());

    let headers = Headers(vec![("x-session", String::new()), cookie.clone()]);
    let session = manager.session_from(&headers);
    assert_eq!(block_on(session.presented()).unwrap(), Presented::Nothing);
    block_on(session.change(|notes| notes.0.push("one".to_owned()))).unwrap();
    let reply = block_on(manager.finish(session, 200)).unwrap();
    assert_eq!(reply.set_cookie, [""; 0]);
    let (name, token) = reply.token.unwrap();
    assert_eq!(&*name, "x-session");

    let headers = Headers(vec![("x-session", token), cookie.clone(), script.clone()]);
    world.clock.advance(10 * MINUTE);
    let session = manager.session_from(&headers);
    assert_eq!(block_on(session.get()).unwrap().0, ["one"]);
    let reply = block_on(manager.finish(session, 200)).unwrap();
    assert!(reply.token.is_some(), "refreshed whatever it is for");

    // Without the header, cookies count, and a script's call refreshes none.
    for (headers, refreshed) in [
        (Headers(vec![cookie.clone()]), true),
        (Headers(vec![cookie, script]), false),
    ] {
        let session = manager.session_from(&headers);
        assert_eq!(block_on(session.get()).unwrap().0.len(), 2);
        let reply = block_on(manager.finish(session, 200)).unwrap();
        assert!(reply.token.is_none());
        assert_eq!(!reply.set_cookie.is_empty(), refreshed);
    }
}

/// It takes the place of a response that would have depended on both.
#[test]
fn an_error_depends_on_the_cookie_and_on_the_tokens_own_header() {
    let world = World::new();
    let said = |builder: SessionManagerBuilder<Notes>| {
        let mut lines = Vec::new();
        builder.build().unwrap().failure_headers().apply(
            |_| false,
            |name, value| lines.push(format!("{name}: {value}")),
            |_, _| {},
        );
        lines
    };
    let plain = SessionManager::builder(world.codec(DAY));
    assert_eq!(said(plain), ["vary: Cookie"]);
    let with_header = SessionManager::builder(world.codec(DAY)).token_header("x-session");
    assert_eq!(said(with_header), ["vary: Cookie", "vary: x-session"]);
}
