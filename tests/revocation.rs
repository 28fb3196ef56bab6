//! What was ended stays ended: logouts beside renewals, repeated ones, and those that
//! another server, another clock or another policy has to do with.
#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a failure fails the test"
)]

#[path = "support/client.rs"]
mod client;
#[path = "support/model_store.rs"]
#[allow(dead_code, reason = "each user needs a part of it")]
mod model_store;

use core::{
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::Duration,
};
use std::sync::Arc;

use client::{Client, Dest, block_on};
use model_store::ModelStore;
use sealed_session::{
    EncryptedCodec, OpenErrorKind, Policy, SealError, SessionData, SessionManager,
    expiry::Lifetimes,
    keys::{Key, KeyRing, SharedKeyRing},
    manager::{InvalidKind, Presented, Revocation, SessionError, SessionManagerBuilder},
    payload::Compression,
    session::Session,
    store::{
        Created, NewRow, RevocationDelta, RevocationId, Revoked, Row, RowChange, RowKey, RowState,
        SessionStore, StoreFuture, SyncCursor, Updated,
    },
    time::{Clock as _, TestClock, Timestamp},
};
use serde::{Deserialize, Serialize};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_348_800);
const SECOND: Duration = Duration::from_secs(1);
const IDLE: Duration = Duration::from_mins(30);
const DAY: Duration = Duration::from_hours(24);
const REVOKED: Presented = Presented::Invalid(InvalidKind::Revoked);

/// Of so many items a session fits the cookie, and of so many it does not.
const PLACES: [usize; 2] = [1, 30];

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Shop {
    cart: Vec<String>,
}

impl SessionData for Shop {}

type Manager = SessionManager<Shop>;

/// Servers with one store and one ring.
struct World {
    clock: TestClock,
    keys: SharedKeyRing,
    store: Arc<RacyStore>,
}

impl World {
    fn new() -> Self {
        Self {
            clock: TestClock::at(NOW),
            keys: KeyRing::single(Key::generate().unwrap()).unwrap().into(),
            store: Arc::default(),
        }
    }

    fn server(&self) -> Manager {
        self.server_with(self.clock.clone(), 60 * DAY)
    }

    /// A server with that clock, and with that absolute timeout for "remember me".
    fn server_with(&self, clock: TestClock, remembered: Duration) -> Manager {
        self.builder(clock, remembered).build().unwrap()
    }

    fn builder(&self, clock: TestClock, remembered: Duration) -> SessionManagerBuilder<Shop> {
        let class = Lifetimes::new(remembered.min(30 * DAY), remembered).unwrap();
        let policy = Policy::new(IDLE, DAY).unwrap();
        let policy = policy.with_class("remember-me", class).unwrap();
        let codec = EncryptedCodec::builder("example.com", self.keys.clone(), policy)
            .clock(clock)
            // So that a session of so many bytes is as large as it seems.
            .compression(Compression::NEVER);
        SessionManager::builder(codec).store(self.store.clone())
    }

    fn wait(&self, time: Duration) {
        self.clock.advance(time);
    }

    fn rows(&self) -> usize {
        self.store.model.rows()
    }
}

fn fill(manager: &Manager, client: &mut Client, items: usize) {
    let cart: Vec<String> = (0..items).map(|n| format!("{n:0100}")).collect();
    client
        .visit(manager, async |s| s.change(|shop| shop.cart = cart).await)
        .unwrap();
}

fn log_in(manager: &Manager, user: &str) -> Client {
    let mut client = Client::default();
    client
        .visit(manager, async |s| s.log_in(user).await)
        .unwrap();
    client
}

fn presented(manager: &Manager, client: &Client) -> Presented {
    block_on(client.send(manager, Dest::Empty).presented()).unwrap()
}

fn is_gone<R>(outcome: &Result<R, SessionError>) -> bool {
    matches!(outcome, Err(SessionError::Gone))
}

/// Half of a request: what its session is to become, not yet saved.
fn begin(
    manager: &Manager,
    client: &Client,
    act: impl AsyncFnOnce(&Session<Shop>) -> Result<(), SessionError>,
) -> Session<Shop> {
    let session = client.send(manager, Dest::Document);
    block_on(act(&session)).unwrap();
    session
}

// --- Logging out everywhere, again.

/// A second "log out everywhere", on a server whose clock is behind that of the first, did
/// not reach a login that began between the two.
#[test]
fn logging_out_everywhere_again_ends_what_began_after_the_last_time_on_any_clock() {
    let world = World::new();
    let clock_ahead = TestClock::at(NOW + 50 * SECOND);
    let ahead = world.server_with(clock_ahead.clone(), 60 * DAY);
    let exact = world.server();
    let wait = |time| {
        world.wait(time);
        clock_ahead.advance(time);
    };
    let user = log_in(&exact, "42");
    block_on(ahead.revoke_subject("42")).unwrap();
    wait(5 * SECOND);
    assert_eq!(presented(&exact, &user), REVOKED);
    let thief = log_in(&exact, "42");
    wait(20 * SECOND);
    assert_eq!(presented(&exact, &thief), Presented::Valid);

    block_on(exact.revoke_subject("42")).unwrap();
    assert_eq!(presented(&exact, &thief), REVOKED);
    wait(5 * SECOND);
    assert_eq!(presented(&ahead, &thief), REVOKED);
    let user = log_in(&ahead, "42");
    assert_eq!(presented(&exact, &user), Presented::Valid);
}

#[test]
fn logging_out_everywhere_twice_within_a_second_ends_the_login_in_between() {
    let world = World::new();
    let servers = [world.server(), world.server()];
    for [first, second] in [[0, 0], [0, 1], [1, 0]] {
        let [first, second] = [&servers[first], &servers[second]];
        block_on(first.revoke_subject("42")).unwrap();
        let between = log_in(second, "42");
        assert_eq!(presented(second, &between), Presented::Valid);
        block_on(second.revoke_subject("42")).unwrap();
        assert_eq!(presented(second, &between), REVOKED);
        world.wait(5 * SECOND);
        assert_eq!(presented(first, &between), REVOKED);
    }
}

/// Each time pushes the earliest beginning on by a second. What would begin too far ahead
/// is refused, not let past a revocation.
#[test]
fn logging_out_everywhere_too_often_delays_the_next_login_and_lets_none_live_on() {
    let world = World::new();
    let manager = world.server();
    for _ in 0..60 {
        block_on(manager.revoke_subject("42")).unwrap();
        let user = log_in(&manager, "42");
        assert_eq!(presented(&manager, &user), Presented::Valid);
        block_on(manager.revoke_subject("42")).unwrap();
        assert_eq!(presented(&manager, &user), REVOKED);
        world.wait(SECOND);
    }
    block_on(manager.revoke_subject("42")).unwrap();
    let refused = Client::default().visit(&manager, async |s| s.log_in("42").await);
    let refused = refused.map(drop);
    assert!(
        matches!(refused, Err(SessionError::Seal(SealError::NotYetValid))),
        "{refused:?}"
    );
    world.wait(5 * SECOND);
    let user = log_in(&manager, "42");
    assert_eq!(presented(&manager, &user), Presented::Valid);
    world.wait(DAY + 125 * SECOND);
    assert_eq!(
        presented(&manager, &user),
        Presented::Invalid(InvalidKind::Token(OpenErrorKind::ExpiredAbsolute))
    );
}

/// Whoever may do so keeps a user out for minutes, and not for hours.
#[test]
fn logging_out_everywhere_a_thousand_times_delays_the_next_login_by_two_minutes_at_most() {
    let world = World::new();
    let manager = world.server();
    let user = log_in(&manager, "42");
    for _ in 0..1_000 {
        block_on(manager.revoke_subject("42")).unwrap();
    }
    assert_eq!(presented(&manager, &user), REVOKED);
    let refused = Client::default().visit(&manager, async |s| s.log_in("42").await);
    assert!(refused.is_err());
    world.wait(61 * SECOND);
    let user = log_in(&manager, "42");
    assert_eq!(presented(&manager, &user), Presented::Valid);
    block_on(manager.revoke_subject("42")).unwrap();
    assert_eq!(presented(&manager, &user), REVOKED);
}

// --- Beside a logout.

/// The renewal had asked whether its session was revoked, and did not ask again.
#[test]
fn a_renewal_does_not_outlive_a_logout_at_the_last_moment() {
    let world = World::new();
    for items in PLACES {
        let manager = world.server();
        for login in [false, true] {
            let mut client = Client::default();
            fill(&manager, &mut client, items);
            let slow = begin(&manager, &client, async |s| {
                if login {
                    s.log_in("42").await
                } else {
                    s.renew().await
                }
            });
            world.store.log_out_after_next_answer();
            let outcome = block_on(manager.finish(slow, 200));
            assert!(!world.store.armed.load(Ordering::SeqCst), "it was asked");
            assert!(is_gone(&outcome), "{items} items: {outcome:?}");
            assert_eq!(presented(&manager, &client), REVOKED);
            assert_eq!(world.rows(), 0);
        }
    }
}

#[test]
fn of_two_renewals_of_one_cookie_exactly_one_wins() {
    let world = World::new();
    let servers = [world.server(), world.server()];
    for items in PLACES {
        for second in [0, 1] {
            let [a, b] = [&servers[0], &servers[second]];
            let mut client = Client::default();
            fill(a, &mut client, items);
            let slow = begin(a, &client, async |s| s.renew().await);
            let other = begin(b, &client, async |s| s.log_in("42").await);
            // Both have read the session; the other one is saved in full before the first.
            let meanwhile = client.clone();
            let headers = block_on(b.finish(other, 200)).unwrap();
            let outcome = block_on(a.finish(slow, 200));
            assert!(is_gone(&outcome), "{outcome:?}");
            client.receive(&headers);
            assert_eq!(presented(b, &client), Presented::Valid);
            assert_eq!(presented(b, &meanwhile), REVOKED);
            assert_eq!(world.rows(), usize::from(items == 30));
            client.visit(b, async |s| s.log_out().await).unwrap();
        }
    }
}

/// Polled in turns, so that each has asked the list before the other writes to it.
#[test]
fn of_renewals_of_one_cookie_that_run_abreast_exactly_one_wins() {
    let world = World::new();
    for items in PLACES {
        let manager = world.server();
        let mut client = Client::default();
        fill(&manager, &mut client, items);
        // A reference is settled once, which would tell the requests apart.
        client.visit(&manager, async |s| s.get().await).unwrap();
        world.store.take_turns(true);
        let sessions = [(); 5].map(|()| begin(&manager, &client, async |s| s.renew().await));
        let outcomes = abreast(sessions.map(|session| manager.finish(session, 200)));
        world.store.take_turns(false);
        let won: Vec<_> = outcomes.iter().flatten().collect();
        assert_eq!(won.len(), 1, "{items} items: {outcomes:?}");
        client.receive(won[0]);
        assert_eq!(presented(&manager, &client), Presented::Valid);
        assert_eq!(world.rows(), usize::from(items == 30));
        client.visit(&manager, async |s| s.log_out().await).unwrap();
    }
}

#[test]
fn a_login_with_a_cookie_that_is_known_to_be_revoked_begins_a_fresh_session() {
    let world = World::new();
    let manager = world.server();
    for items in PLACES {
        let mut client = Client::default();
        fill(&manager, &mut client, items);
        let mut old = client.clone();
        client.visit(&manager, async |s| s.log_out().await).unwrap();
        old.visit(&manager, async |s| s.log_in("42").await).unwrap();
        assert_eq!(presented(&manager, &old), Presented::Valid);
        let session = old.send(&manager, Dest::Empty);
        assert!(block_on(session.get()).unwrap().cart.is_empty());
        old.visit(&manager, async |s| s.log_out().await).unwrap();
    }
}

// --- How long it is kept, and how late it is known.

/// An entry was kept by the policy of the logout alone: tightened and loosened again, it
/// revived the session.
#[test]
fn a_logout_holds_for_as_long_as_the_cookie_it_ends_whatever_the_policy_is_meanwhile() {
    let world = World::new();
    let loose = world.server();
    let tight = world.server_with(world.clock.clone(), DAY);
    for items in PLACES {
        let mut client = Client::default();
        fill(&loose, &mut client, items);
        let class = loose.codec().policy().class("remember-me").unwrap();
        client
            .visit(&loose, async |s| s.set_class(class).await)
            .unwrap();
        let copy = client.clone();
        client.visit(&tight, async |s| s.log_out().await).unwrap();
        world.wait(5 * SECOND);
        let mut days = 0;
        while presented(&loose, &copy) == REVOKED {
            // With nobody to keep what could be deleted.
            block_on(tight.purge_expired()).unwrap();
            world.wait(DAY);
            days += 1;
        }
        assert_eq!(days, 30, "the idle timeout of that class");
        let expired = InvalidKind::Token(OpenErrorKind::ExpiredIdle);
        assert_eq!(presented(&loose, &copy), Presented::Invalid(expired));
    }
}

#[test]
fn a_session_that_began_ahead_of_the_clock_is_revoked_for_as_long_as_it_could_live() {
    let world = World::new();
    let manager = world.server();
    for _ in 0..50 {
        block_on(manager.revoke_subject("42")).unwrap();
    }
    let mut client = log_in(&manager, "42");
    let class = manager.codec().policy().class("remember-me").unwrap();
    client
        .visit(&manager, async |s| s.set_class(class).await)
        .unwrap();
    let session = client.send(&manager, Dest::Empty);
    let claims = block_on(session.claims()).unwrap().unwrap();
    assert_eq!(claims.created(), NOW + 110 * SECOND);
    block_on(manager.revoke_subject("42")).unwrap();
    // The entry of the user, and that of the session.
    client.visit(&manager, async |s| s.log_out().await).unwrap();
    let list = block_on(world.store.model.revoked_since(None, NOW)).unwrap();
    assert_eq!(list.entries.len(), 2);
    for entry in list.entries {
        assert!(entry.not_before >= claims.created());
        assert!(entry.expires >= claims.created() + 60 * DAY + 120 * SECOND);
    }
}

/// Purging was the business of sessions that move to the store.
#[test]
fn an_application_whose_sessions_always_fit_the_cookie_deletes_expired_revocations_by_itself() {
    let world = World::new();
    let entries = || {
        let all = world.store.model.revoked_since(None, Timestamp::MIN);
        block_on(all).unwrap().entries.len()
    };
    let strict = world.builder(world.clock.clone(), 60 * DAY);
    let strict = strict.revocation(Revocation::Strict).build().unwrap();
    let log_out = |manager: &Manager| {
        let mut guest = Client::default();
        fill(manager, &mut guest, 1);
        guest.visit(manager, async |s| s.log_out().await).unwrap();
    };
    let (servers, looker) = ([world.server(), strict], world.server());
    block_on(looker.sync_revocations()).unwrap();
    for manager in &servers {
        (0..20).for_each(|_| log_out(manager));
        assert_eq!(entries(), 20);
        world.wait(60 * DAY + Duration::from_mins(63));
        assert_eq!(entries(), 20, "nobody has come");
        log_out(manager);
        assert_eq!(entries(), 1, "whoever revokes purges");
        world.wait(61 * DAY);
        let known = log_in(&looker, "42");
        assert_eq!(presented(&looker, &known), Presented::Valid);
        assert_eq!(entries(), 0, "and whoever reads the list");
    }
}

/// A purge believes the clock of the server that does it, less an hour.
#[test]
fn f19_clock_over_an_hour_ahead_purges_live_revocations() {
    let world = World::new();
    let server = |ahead| world.server_with(TestClock::at(world.clock.now() + ahead), DAY);
    let manager = server(Duration::ZERO);
    let hour = Duration::from_hours(1);
    let class = manager.codec().policy().class("remember-me").unwrap();
    let mut client = log_in(&manager, "42");
    client
        .visit(&manager, async |s| s.set_class(class).await)
        .unwrap();
    let copy = client.clone();
    client.visit(&manager, async |s| s.log_out().await).unwrap();
    world.wait(23 * hour);
    block_on(server(hour).purge_expired()).unwrap();
    assert_eq!(presented(&server(Duration::ZERO), &copy), REVOKED);
    let running = server(Duration::ZERO);
    block_on(running.sync_revocations()).unwrap();
    block_on(server(3 * hour).purge_expired()).unwrap();
    assert_eq!(presented(&running, &copy), REVOKED);
    assert_eq!(presented(&server(Duration::ZERO), &copy), Presented::Valid);
}

/// What docs/STORES.md sizes the list by.
#[test]
fn f18_each_end_of_a_session_id_adds_one_entry() {
    let world = World::new();
    let manager = world.server();
    let mut client = log_in(&manager, "42");
    assert_eq!(manager.known_revocations(), 0, "no session ended");
    client.visit(&manager, async |s| s.renew().await).unwrap();
    assert_eq!(manager.known_revocations(), 1, "a renewal");
    client
        .visit(&manager, async |s| s.log_in("42").await)
        .unwrap();
    assert_eq!(manager.known_revocations(), 2, "a login over a session");
    client.visit(&manager, async |s| s.log_out().await).unwrap();
    assert_eq!(manager.known_revocations(), 3, "a logout");
    fill(&manager, &mut client, 1);
    client
        .visit(&manager, async |s| s.log_in("42").await)
        .unwrap();
    assert_eq!(
        manager.known_revocations(),
        4,
        "a login over a guest's session"
    );
    for _ in 0..2 {
        block_on(manager.revoke_subject("42")).unwrap();
        assert_eq!(manager.known_revocations(), 5, "a user, however often");
    }
}

/// What `SECURITY.md` says of it: 5 seconds, and 15 for a server that the store is cut off
/// from.
#[test]
fn a_server_that_is_cut_off_from_the_store_accepts_what_was_revoked_for_fifteen_seconds() {
    let world = World::new();
    let (cut_off, other) = (world.server(), world.server());
    let mut client = Client::default();
    fill(&other, &mut client, 1);
    block_on(cut_off.sync_revocations()).unwrap();
    let copy = client.clone();
    client.visit(&other, async |s| s.log_out().await).unwrap();
    world.store.model.set_down(true);
    for _ in 0..=15 {
        assert_eq!(presented(&cut_off, &copy), Presented::Valid);
        world.wait(SECOND);
    }
    for _ in 0..60 {
        let session = copy.send(&cut_off, Dest::Empty);
        let outcome = block_on(session.presented());
        assert!(matches!(outcome, Err(SessionError::Unavailable(_))));
        world.wait(SECOND);
    }
    world.store.model.set_down(false);
    assert_eq!(presented(&cut_off, &copy), REVOKED);
}

// --- One reading of the list for all who need it.

const REQUESTS: usize = 200;

impl World {
    /// How often the list is read by requests that run abreast, all with this outcome.
    fn readings_of_requests(&self, manager: &Manager, client: &Client, is_read: bool) -> u32 {
        let before = self.store.readings.load(Ordering::SeqCst);
        self.store.take_turns(true);
        let sessions = [(); REQUESTS].map(|()| client.send(manager, Dest::Empty));
        let requests = sessions.map(|session| async move { session.presented().await });
        for outcome in abreast(requests) {
            let unavailable = matches!(outcome, Err(SessionError::Unavailable(_)));
            assert!(unavailable || outcome.unwrap() == Presented::Valid);
            assert_eq!(unavailable, !is_read);
        }
        self.store.take_turns(false);
        self.store.readings.load(Ordering::SeqCst) - before
    }
}

#[test]
fn f5_requests_share_one_reading_of_the_list() {
    let world = World::new();
    let client = log_in(&world.server(), "42");
    let manager = world.server();
    assert_eq!(world.readings_of_requests(&manager, &client, true), 1);
    assert_eq!(world.readings_of_requests(&manager, &client, true), 0);
    world.clock.set(NOW - Duration::from_mins(1));
    assert_eq!(
        world.readings_of_requests(&manager, &client, true),
        1,
        "set back"
    );
    world.clock.set(NOW + Duration::from_mins(1));
    assert_eq!(
        world.readings_of_requests(&manager, &client, true),
        1,
        "too old"
    );
}

#[test]
fn f5_failed_reading_reaches_all_who_waited_for_it() {
    let world = World::new();
    let client = log_in(&world.server(), "42");
    let manager = world.server();
    world.store.model.set_down(true);
    for _ in 0..2 {
        assert_eq!(world.readings_of_requests(&manager, &client, false), 1);
    }
    world.store.model.set_down(false);
    assert_eq!(world.readings_of_requests(&manager, &client, true), 1);
}

#[test]
fn f5_cancelled_reading_is_taken_over_by_one_that_waits() {
    #[derive(Default)]
    struct Woken(AtomicBool);

    impl std::task::Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    let world = World::new();
    let client = log_in(&world.server(), "42");
    let manager = world.server();
    world.store.take_turns(true);
    let sessions = [(); 3].map(|()| client.send(&manager, Dest::Empty));
    let [reads, waits, too] = &sessions;
    let mut reads = Box::pin(reads.presented());
    let [mut waits, mut too] = [waits, too].map(|session| Box::pin(session.presented()));
    let woken = Arc::new(Woken::default());
    let waker = woken.clone().into();
    let mut context = core::task::Context::from_waker(&waker);
    for request in [&mut reads, &mut waits, &mut too] {
        assert!(request.as_mut().poll(&mut context).is_pending());
    }
    assert!(!woken.0.load(Ordering::SeqCst));
    drop(reads);
    assert!(woken.0.swap(false, Ordering::SeqCst));
    drop(waits);
    assert!(too.as_mut().poll(&mut context).is_pending(), "it reads");
    assert_eq!(block_on(too).unwrap(), Presented::Valid);
    assert_eq!(world.store.readings.load(Ordering::SeqCst), 2);
}

/// Runs futures in turns, one poll each.
fn abreast<F: Future, const N: usize>(futures: [F; N]) -> [F::Output; N] {
    let mut futures = futures.map(Box::pin);
    let mut outcomes = [(); N].map(|()| None);
    let mut context = core::task::Context::from_waker(core::task::Waker::noop());
    while outcomes.iter().any(Option::is_none) {
        for (future, outcome) in futures.iter_mut().zip(&mut outcomes) {
            if outcome.is_none()
                && let core::task::Poll::Ready(output) = future.as_mut().poll(&mut context)
            {
                *outcome = Some(output);
            }
        }
    }
    outcomes.map(Option::unwrap)
}

/// A store in which something may happen between an answer and what is made of it.
#[derive(Debug, Default)]
struct RacyStore {
    model: ModelStore,
    armed: AtomicBool,
    turns: AtomicBool,
    /// How often the list was read.
    readings: AtomicU32,
}

impl RacyStore {
    /// Another server's logout, right after this store has next told what is revoked.
    fn log_out_after_next_answer(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    /// From now on every call lets others go first, or not any more.
    fn take_turns(&self, turns: bool) {
        self.turns.store(turns, Ordering::SeqCst);
    }

    /// Does the call when it is polled, and answers when it is polled again.
    fn in_turn<'a, T: Send + 'a>(
        &'a self,
        call: impl FnOnce() -> StoreFuture<'a, T> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        Box::pin(async move {
            let answer = call().await;
            let mut waits = self.turns.load(Ordering::SeqCst);
            core::future::poll_fn(|_| {
                if core::mem::take(&mut waits) {
                    core::task::Poll::Pending
                } else {
                    core::task::Poll::Ready(())
                }
            })
            .await;
            answer
        })
    }
}

impl SessionStore for RacyStore {
    fn create<'a>(
        &'a self,
        key: &'a RowKey,
        row: NewRow<'a>,
        now: Timestamp,
    ) -> StoreFuture<'a, Created> {
        self.in_turn(move || self.model.create(key, row, now))
    }

    fn load<'a>(&'a self, key: &'a RowKey, now: Timestamp) -> StoreFuture<'a, Option<Row>> {
        self.in_turn(move || self.model.load(key, now))
    }

    fn update<'a>(
        &'a self,
        key: &'a RowKey,
        expected: RowState,
        change: RowChange<'a>,
        now: Timestamp,
    ) -> StoreFuture<'a, Updated> {
        self.in_turn(move || self.model.update(key, expected, change, now))
    }

    fn expire_at<'a>(
        &'a self,
        key: &'a RowKey,
        expires: Timestamp,
        now: Timestamp,
    ) -> StoreFuture<'a, ()> {
        self.model.expire_at(key, expires, now)
    }

    fn delete<'a>(&'a self, key: &'a RowKey) -> StoreFuture<'a, ()> {
        self.in_turn(move || self.model.delete(key))
    }

    fn delete_expired(&self, now: Timestamp, batch: u32) -> StoreFuture<'_, u64> {
        self.model.delete_expired(now, batch)
    }

    fn revoke(&self, revoked: Revoked, now: Timestamp) -> StoreFuture<'_, Option<Revoked>> {
        self.in_turn(move || self.model.revoke(revoked, now))
    }

    fn revoked<'a>(
        &'a self,
        ids: &'a [RevocationId],
        now: Timestamp,
    ) -> StoreFuture<'a, Vec<Revoked>> {
        self.in_turn(move || {
            let answer = block_on(self.model.revoked(ids, now));
            if self.armed.swap(false, Ordering::SeqCst) {
                let entry = Revoked {
                    id: ids[0],
                    not_before: Timestamp::MAX,
                    expires: now + 2 * DAY,
                };
                block_on(self.model.revoke(entry, now)).unwrap();
            }
            Box::pin(core::future::ready(answer))
        })
    }

    fn revoked_since(
        &self,
        cursor: Option<SyncCursor>,
        now: Timestamp,
    ) -> StoreFuture<'_, RevocationDelta> {
        self.readings.fetch_add(1, Ordering::SeqCst);
        self.in_turn(move || self.model.revoked_since(cursor, now))
    }
}
