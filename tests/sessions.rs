//! Sessions as a request sees them: in the cookie, in the store, and between the two.
#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a failure fails the test"
)]

#[path = "support/client.rs"]
mod client;
#[path = "support/model_store.rs"]
mod model_store;

use core::time::Duration;
use std::sync::{Arc, Mutex};

use client::{Client, Dest, block_on};
use model_store::ModelStore;
use sealed_session::{
    CookieConfig, EncryptedCodec, OpenErrorKind, Policy, SealError, SessionData, SessionManager,
    codec::{CodecBuilder, Encrypted},
    expiry::Lifetimes,
    keys::{Key, KeyRing, SharedKeyRing},
    manager::{
        EventKind, InvalidKind, ManagerError, OnInvalid, OnUnavailable, Place, Presented,
        ResponseHeaders, Revocation, SessionError, SessionManagerBuilder, Strategy,
    },
    payload::Compression,
    session::Session,
    time::{Clock, TestClock, Timestamp},
};
use serde::{Deserialize, Serialize};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_348_800);
const MINUTE: Duration = Duration::from_mins(1);
const IDLE: Duration = Duration::from_mins(30);
const DAY: Duration = Duration::from_hours(24);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Shop {
    visits: u32,
    cart: Vec<String>,
}

impl SessionData for Shop {}

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

    fn codec(&self) -> CodecBuilder<Encrypted> {
        let policy = Policy::new(IDLE, DAY).unwrap();
        let month = Lifetimes::new(30 * DAY, 60 * DAY).unwrap().persistent();
        let policy = policy.with_class("remember-me", month).unwrap();
        EncryptedCodec::builder("example.com", self.keys.clone(), policy)
            .clock(self.clock.clone())
            // So that a session of so many bytes is as large as it seems.
            .compression(Compression::NEVER)
    }

    fn builder(&self) -> SessionManagerBuilder<Shop> {
        SessionManager::builder(self.codec()).store(self.store.clone())
    }

    fn manager(&self) -> SessionManager<Shop> {
        self.builder().build().unwrap()
    }

    /// A user with so many items in the cart, and a manager.
    fn user(&self, items: usize) -> (SessionManager<Shop>, Client) {
        let manager = self.manager();
        let mut client = Client::default();
        fill(&manager, &mut client, items);
        (manager, client)
    }
}

fn item(n: usize) -> String {
    format!("{n:0100}")
}

/// Puts so many items into the cart; 30 of them do not fit a cookie.
fn fill(manager: &SessionManager<Shop>, client: &mut Client, items: usize) {
    client
        .visit(manager, async |session| {
            session
                .change(|shop| shop.cart = (0..items).map(item).collect())
                .await
        })
        .unwrap();
}

async fn add(session: &Session<Shop>, name: &str) -> Result<(), SessionError> {
    session.change(|shop| shop.cart.push(name.to_owned())).await
}

fn cart(manager: &SessionManager<Shop>, client: &Client) -> Vec<String> {
    let session = client.send(manager, Dest::Empty);
    block_on(session.read(|shop| shop.cart.clone())).unwrap()
}

fn place(manager: &SessionManager<Shop>, client: &Client) -> Place {
    block_on(client.send(manager, Dest::Empty).place()).unwrap()
}

fn presented(manager: &SessionManager<Shop>, client: &Client) -> Presented {
    block_on(client.send(manager, Dest::Empty).presented()).unwrap()
}

const GONE: Presented = Presented::Invalid(InvalidKind::Gone);
const REVOKED: Presented = Presented::Invalid(InvalidKind::Revoked);

// --- The ordinary life of a session.

#[test]
fn a_request_that_never_looks_costs_nothing() {
    let world = World::new();
    let (manager, mut client) = world.user(30);
    let calls = world.store.calls();
    let ((), headers) = client.visit(&manager, async |_| Ok(())).unwrap();
    assert!(headers.is_empty());
    assert_eq!(world.store.calls(), calls);
}

/// CVE-2015-5143: every anonymous visit stored an empty session.
#[test]
fn an_untouched_session_writes_nothing() {
    let world = World::new();
    let manager = world.manager();
    let mut client = Client::default();
    let (visits, headers) = client
        .visit(&manager, async |session| {
            session.change(|_| ()).await?;
            session.read(|shop| shop.visits).await
        })
        .unwrap();
    assert_eq!(visits, 0);
    assert_eq!(headers.set_cookie, [""; 0]);
    assert!(headers.touched);
    assert_eq!(world.store.rows(), 0);
}

#[test]
fn the_first_write_sets_one_cookie_and_reading_sets_none() {
    let world = World::new();
    let (manager, mut client) = world.user(1);
    assert_eq!(place(&manager, &client), Place::Cookie);
    let (_, headers) = client.visit(&manager, async |s| s.get().await).unwrap();
    assert_eq!(headers.set_cookie, [""; 0]);
    assert_eq!(world.store.rows(), 0);
}

#[test]
fn a_change_that_changes_nothing_is_not_written() {
    let world = World::new();
    let (manager, mut client) = world.user(1);
    let (dirty, headers) = client
        .visit(&manager, async |session| {
            add(session, "x").await?;
            session.change(|shop| shop.cart.pop()).await?;
            session.is_dirty().await
        })
        .unwrap();
    assert!(!dirty);
    assert_eq!(headers.set_cookie, [""; 0]);
}

#[test]
fn a_session_is_refreshed_on_navigations_after_a_tenth_of_its_idle_time() {
    let world = World::new();
    for items in [1, 30] {
        let (manager, mut client) = world.user(items);
        let mut refreshed = |after: Duration, dest| {
            world.clock.advance(after);
            let (_, headers) = client
                .visit_as(&manager, dest, 200, async |s| s.get().await)
                .unwrap();
            !headers.set_cookie.is_empty()
        };
        assert!(!refreshed(2 * MINUTE, Dest::Document));
        assert!(!refreshed(MINUTE, Dest::Empty), "a script's call");
        assert!(refreshed(Duration::ZERO, Dest::Document));
        assert!(!refreshed(Duration::ZERO, Dest::Document));
    }
}

/// A stored session's idle time lives in its cookie: refreshing it writes no row.
#[test]
fn refreshing_a_stored_session_does_not_write_to_the_store() {
    let world = World::new();
    let (manager, mut client) = world.user(30);
    // The first use of a reference is noted in its row, once.
    client.visit(&manager, async |s| s.get().await).unwrap();
    let before = world.store.dump();
    for _ in 0..10 {
        world.clock.advance(20 * MINUTE);
        client.visit(&manager, async |s| s.get().await).unwrap();
    }
    assert_eq!(world.store.dump(), before);
    assert_eq!(presented(&manager, &client), Presented::Valid);
    world.clock.advance(IDLE);
    assert_eq!(
        presented(&manager, &client),
        Presented::Invalid(InvalidKind::Token(OpenErrorKind::ExpiredIdle))
    );
}

/// CVE-2024-35220: loading moved the deadline.
#[test]
fn the_absolute_timeout_never_moves() {
    let world = World::new();
    for items in [1, 30] {
        let (manager, mut client) = world.user(items);
        let mut lived = Duration::ZERO;
        while presented(&manager, &client) == Presented::Valid {
            let n = lived.as_secs();
            client
                .visit(&manager, async |session| add(session, &n.to_string()).await)
                .unwrap();
            world.clock.advance(20 * MINUTE);
            lived += 20 * MINUTE;
        }
        assert_eq!(lived, DAY);
    }
}

#[test]
fn f1_failed_response_saves_neither_data_nor_a_login() {
    let world = World::new();
    for items in [1, 30] {
        let (manager, mut client) = world.user(items);
        let before = cart(&manager, &client);
        let ((), headers) = client
            .visit_as(&manager, Dest::Document, 500, async |s| add(s, "x").await)
            .unwrap();
        assert_eq!(headers.set_cookie, [""; 0]);
        let old = client.clone();
        client
            .visit_as(&manager, Dest::Document, 503, async |session| {
                add(session, "x").await?;
                session.log_in("42").await
            })
            .unwrap();
        assert_eq!(presented(&manager, &old), Presented::Valid);
        assert_eq!(client.cookie, old.cookie);
        assert_eq!(cart(&manager, &client), before);
        client
            .visit_as(&manager, Dest::Document, 404, async |s| add(s, "x").await)
            .unwrap();
        assert_eq!(cart(&manager, &client).len(), items + 1);
    }
}

#[test]
fn panic_that_is_caught_still_saves_nothing() {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    let world = World::new();
    for items in [1, 30] {
        let (manager, mut client) = world.user(items);
        client
            .visit(&manager, async |session| {
                let half = AssertUnwindSafe(|| {
                    block_on(session.change(|shop| {
                        shop.cart.push("half".into());
                        panic!("half-way");
                    }))
                });
                assert!(catch_unwind(half).is_err());
                add(session, "later").await
            })
            .unwrap();
        assert_eq!(cart(&manager, &client).len(), items);
    }
}

/// The data of one user never stands under another.
#[test]
fn f1_login_of_another_user_begins_with_default_data() {
    let world = World::new();
    for items in [1, 30] {
        for status in [200, 500, 408] {
            let manager = world.manager();
            let mut client = Client::default();
            fill(&manager, &mut client, items);
            client
                .visit(&manager, async |s| s.log_in("ada").await)
                .unwrap();
            assert_eq!(cart(&manager, &client).len(), items);
            let of_ada = client.clone();
            client
                .visit_as(&manager, Dest::Document, status, async |session| {
                    session.log_in("mallory").await?;
                    add(session, "mine").await
                })
                .unwrap();
            let subject = client
                .visit(&manager, async |s| s.subject().await)
                .unwrap()
                .0;
            if status == 200 {
                assert_eq!(subject, Some(manager.codec().subject("mallory")));
                assert_eq!(cart(&manager, &client), ["mine"]);
                assert_eq!(presented(&manager, &of_ada), REVOKED);
            } else {
                assert_eq!(subject, Some(manager.codec().subject("ada")));
                assert_eq!(cart(&manager, &client).len(), items);
            }
        }
    }
}

/// A guest's cart, and what the same user had, go on.
#[test]
fn f1_login_of_a_guest_or_the_same_user_keeps_the_data() {
    let world = World::new();
    for items in [1, 30] {
        let manager = world.manager();
        let mut client = Client::default();
        fill(&manager, &mut client, items);
        for _ in 0..2 {
            client
                .visit(&manager, async |s| s.log_in("ada").await)
                .unwrap();
            assert_eq!(cart(&manager, &client).len(), items);
        }
    }
}

#[test]
fn f4_login_has_the_default_class_unless_it_names_one() {
    let world = World::new();
    let manager = world.manager();
    let remember = manager.codec().policy().class("remember-me").unwrap();
    let class = |client: &Client| {
        let session = client.send(&manager, Dest::Document);
        block_on(session.claims()).unwrap().unwrap().class()
    };
    let mut client = Client::default();
    client
        .visit(&manager, async |session| {
            session.log_in("ada").await?;
            session.set_class(remember).await
        })
        .unwrap();
    assert_eq!(class(&client), remember);
    let mut same = client.clone();
    for user in ["mallory", "ada"] {
        client
            .visit(&manager, async |s| s.log_in(user).await)
            .unwrap();
        assert_eq!(class(&client).index(), 0, "{user}");
    }
    same.cookie = client.cookie;
    same.visit(&manager, async |session| {
        session.set_class(remember).await?;
        session.log_in("ada").await
    })
    .unwrap();
    assert_eq!(class(&same), remember);
}

#[test]
fn a_handler_that_is_cut_off_by_a_timeout_saves_nothing() {
    let world = World::new();
    for items in [1, 30] {
        let (manager, mut client) = world.user(items);
        client
            .visit_as(&manager, Dest::Document, 408, async |s| add(s, "x").await)
            .unwrap();
        assert_eq!(cart(&manager, &client).len(), items);
    }
}

#[test]
fn the_id_that_a_login_decides_is_the_one_that_is_issued() {
    let world = World::new();
    for items in [0, 1, 30] {
        let manager = world.manager();
        let mut client = Client::default();
        fill(&manager, &mut client, items);
        for log_in in [true, false] {
            let (decided, _) = client
                .visit(&manager, async |session| {
                    if log_in {
                        session.log_in("42").await?;
                    } else {
                        session.renew().await?;
                    }
                    session.id().await
                })
                .unwrap();
            let issued = block_on(client.send(&manager, Dest::Empty).id()).unwrap();
            assert_eq!(decided, issued);
            assert!(decided.is_some());
        }
        // What an application remembers of a login ends that session.
        block_on(
            manager.revoke(
                block_on(client.send(&manager, Dest::Empty).id())
                    .unwrap()
                    .unwrap(),
            ),
        )
        .unwrap();
        assert_eq!(presented(&manager, &client), REVOKED);
    }
}

#[test]
fn a_look_that_failed_is_a_look() {
    let world = World::new();
    let (manager, client) = world.user(30);
    world.store.set_down(true);
    let session = client.send(&manager, Dest::Document);
    block_on(session.get()).unwrap_err();
    let headers = block_on(manager.finish(session, 200)).unwrap();
    assert!(headers.touched, "the response depends on the cookie");
    let session = client.send(&manager, Dest::Document);
    assert!(!block_on(manager.finish(session, 200)).unwrap().touched);
}

#[test]
fn remember_me_outlives_the_browser_and_its_class_survives() {
    let world = World::new();
    for items in [1, 30] {
        let (manager, mut client) = world.user(items);
        let class = manager.codec().policy().class("remember-me").unwrap();
        let ((), headers) = client
            .visit(&manager, async |session| session.set_class(class).await)
            .unwrap();
        assert!(
            headers.set_cookie[0].contains("Max-Age=2592000"),
            "{}",
            headers.set_cookie[0].len()
        );
        world.clock.advance(20 * DAY);
        let (_, headers) = client.visit(&manager, async |s| s.get().await).unwrap();
        assert!(headers.set_cookie[0].contains("Max-Age=2592000"));
        world.clock.advance(29 * DAY);
        let (_, headers) = client.visit(&manager, async |s| s.get().await).unwrap();
        assert!(headers.set_cookie[0].contains("Max-Age=950400"), "11 days");
        assert_eq!(cart(&manager, &client).len(), items);
    }
}

#[test]
fn a_session_used_after_its_headers_were_made_is_told_so() {
    let world = World::new();
    let (manager, client) = world.user(1);
    let session = client.send(&manager, Dest::Document);
    block_on(session.read(|_| ())).unwrap();
    let streaming = session.clone();
    let _ = block_on(manager.finish(session, 200)).unwrap();
    assert!(matches!(
        block_on(add(&streaming, "x")),
        Err(SessionError::TooLate)
    ));
}

#[test]
fn a_change_that_panics_half_way_is_not_saved() {
    let world = World::new();
    let (manager, mut client) = world.user(1);
    let session = client.send(&manager, Dest::Document);
    let panicking = session.clone();
    let panicked = std::thread::spawn(move || {
        block_on(panicking.change(|shop| {
            shop.cart.clear();
            panic!("half-way");
        }))
    });
    assert!(panicked.join().is_err());
    client.receive(&block_on(manager.finish(session, 200)).unwrap());
    assert_eq!(cart(&manager, &client).len(), 1);
}

/// The encodings of a hash map differ from one read to the next.
#[test]
fn reading_a_hash_map_does_not_write_it() {
    use std::collections::HashMap;
    #[derive(Default, Serialize, Deserialize)]
    struct Prefs(HashMap<String, u32>);
    impl SessionData for Prefs {}

    let world = World::new();
    let manager: SessionManager<Prefs> = SessionManager::builder(world.codec()).build().unwrap();
    let mut client = Client::default();
    client
        .visit(&manager, async |session| {
            let many = (0..50).map(|n| (n.to_string(), n)).collect();
            session.change(|prefs| prefs.0 = many).await
        })
        .unwrap();
    for _ in 0..10 {
        let (len, headers) = client
            .visit(&manager, async |s| s.read(|prefs| prefs.0.len()).await)
            .unwrap();
        assert_eq!((len, headers.set_cookie.len()), (50, 0));
    }
}

// --- Between cookie and store.

#[test]
fn a_session_grows_into_the_store_and_shrinks_back_without_losing_anything() {
    let world = World::new();
    let manager = world.manager();
    let mut client = Client::default();
    let mut places = Vec::new();
    for n in 0..40 {
        client
            .visit(&manager, async |session| add(session, &item(n)).await)
            .unwrap();
        assert_eq!(cart(&manager, &client).len(), n + 1);
        places.push(place(&manager, &client));
        if places[n] == Place::Store {
            assert_eq!(client.cookie.as_ref().unwrap().len(), 163);
        }
    }
    let crossing = places.iter().position(|&place| place == Place::Store);
    assert_eq!(crossing, Some(23), "3,300 bytes of cookie");
    for n in (0..40).rev() {
        client
            .visit(&manager, async |session| {
                session.change(|shop| shop.cart.pop()).await
            })
            .unwrap();
        let expected: Vec<String> = (0..n).map(item).collect();
        assert_eq!(cart(&manager, &client), expected);
        if place(&manager, &client) == Place::Cookie {
            assert_eq!(n, 17, "three quarters of it");
            return;
        }
    }
    panic!("it never moved back");
}

#[test]
fn a_data_change_in_the_store_needs_no_cookie() {
    let world = World::new();
    let (manager, mut client) = world.user(30);
    let ((), headers) = client.visit(&manager, async |s| add(s, "x").await).unwrap();
    assert_eq!(headers.set_cookie, [""; 0]);
    assert_eq!(cart(&manager, &client).len(), 31);
}

#[test]
fn replaying_a_reference_after_the_session_moved_back_does_not_bring_old_data_back() {
    let world = World::new();
    let (manager, mut client) = world.user(30);
    let replayed = client.clone();
    fill(&manager, &mut client, 2);
    client
        .visit(&manager, async |s| add(s, "new").await)
        .unwrap();
    assert_eq!(place(&manager, &client), Place::Cookie);

    // A change through it is refused, and sends no cookie.
    let mut attacker = replayed.clone();
    let error = attacker.visit(&manager, async |s| add(s, "old").await);
    assert!(matches!(error, Err(SessionError::Conflict)), "{error:?}");
    // Reading finds what the move left, and never a reference.
    assert_eq!(cart(&manager, &replayed).len(), 2);
    let (_, headers) = attacker
        .visit_as(&manager, Dest::Empty, 200, async |s| s.get().await)
        .unwrap();
    assert_eq!(headers.set_cookie, [""; 0]);
    // After the time of requests under way there is nothing.
    for _ in 0..3 {
        world.clock.advance(20 * MINUTE);
        client.visit(&manager, async |s| s.get().await).unwrap();
    }
    assert_eq!(
        presented(&manager, &replayed),
        Presented::Invalid(InvalidKind::Token(OpenErrorKind::ExpiredIdle))
    );
    assert_eq!(cart(&manager, &client).len(), 3);
}

/// What a reference still gives once its session has gone on in the cookie is the session
/// as of the move: no more than a copy of the cookie of that moment would.
#[test]
fn a_navigation_with_a_reference_of_before_the_move_is_given_the_session_as_of_the_move() {
    let world = World::new();
    let (manager, mut client) = world.user(30);
    let replayed = client.clone();
    fill(&manager, &mut client, 2);
    let copied = client.clone();
    client
        .visit(&manager, async |s| add(s, "new").await)
        .unwrap();
    world.clock.advance(29 * MINUTE);
    for older in [replayed.clone(), copied] {
        let mut older = older;
        let (_, headers) = older.visit(&manager, async |s| s.get().await).unwrap();
        assert_eq!(headers.set_cookie.len(), 1);
        assert_eq!(place(&manager, &older), Place::Cookie);
        assert_eq!(cart(&manager, &older).len(), 2);
    }
    // The session that went on has not heard of it, and ends what they are given, too.
    assert_eq!(cart(&manager, &client).len(), 3);
    client.visit(&manager, async |s| s.log_out().await).unwrap();
    assert_eq!(presented(&manager, &replayed), REVOKED);
    world.clock.advance(2 * MINUTE);
    assert_eq!(
        presented(&manager, &replayed),
        Presented::Invalid(InvalidKind::Token(OpenErrorKind::ExpiredIdle))
    );
}

#[test]
fn a_login_through_a_reference_of_before_the_move_takes_no_change_along() {
    let world = World::new();
    let (manager, mut client) = world.user(30);
    let replayed = client.clone();
    fill(&manager, &mut client, 2);
    let error = replayed.clone().visit(&manager, async |session| {
        add(session, "on old data").await?;
        session.log_in("42").await
    });
    assert!(matches!(error, Err(SessionError::Conflict)), "{error:?}");
    let error = replayed.clone().visit(&manager, async |session| {
        session.renew().await?;
        add(session, "on old data").await
    });
    assert!(matches!(error, Err(SessionError::Conflict)), "{error:?}");
    // The session that went on has not been touched.
    assert_eq!(cart(&manager, &client).len(), 2);

    // Somebody whom the response of the move did not reach can still log in.
    let mut missed = replayed.clone();
    missed
        .visit(&manager, async |s| s.log_in("42").await)
        .unwrap();
    assert_eq!(cart(&manager, &missed).len(), 2);
    missed.visit(&manager, async |s| add(s, "x").await).unwrap();
    // And it was a login: whoever holds the old id has nothing.
    assert_eq!(presented(&manager, &client), REVOKED);
    assert_eq!(presented(&manager, &replayed), REVOKED);
}

/// A login whose end of the old id failed has marked its row as moved, though the session
/// never left it: it can be tried again. What it would have added is not under the old id.
#[test]
fn a_login_that_was_broken_off_can_be_tried_again() {
    let world = World::new();
    let manager = world.builder().revocation(Revocation::None);
    let manager = manager.build().unwrap();
    let mut client = Client::default();
    fill(&manager, &mut client, 30);
    client.visit(&manager, async |s| s.get().await).unwrap();
    let session = client.send(&manager, Dest::Document);
    block_on(add(&session, "x")).unwrap();
    block_on(session.log_in("42")).unwrap();
    world.store.fail_deletes(true);
    let error = block_on(manager.finish(session, 200));
    assert!(
        matches!(error, Err(SessionError::Unavailable(_))),
        "{error:?}"
    );
    world.store.fail_deletes(false);
    client
        .visit(&manager, async |session| {
            add(session, "y").await?;
            session.log_in("42").await
        })
        .unwrap();
    assert_eq!(cart(&manager, &client)[30..], ["y"]);
}

/// As above, by a login that empties the cart.
#[test]
fn a_login_that_was_broken_off_can_be_tried_again_though_its_data_would_fit_the_cookie() {
    let world = World::new();
    let manager = world.builder().revocation(Revocation::None);
    let manager = manager.build().unwrap();
    let mut client = Client::default();
    fill(&manager, &mut client, 30);
    client.visit(&manager, async |s| s.get().await).unwrap();
    let empty_and_log_in = async |session: &Session<Shop>| {
        session.change(|shop| *shop = Shop::default()).await?;
        session.log_in("42").await
    };
    let session = client.send(&manager, Dest::Document);
    block_on(empty_and_log_in(&session)).unwrap();
    world.store.fail_deletes(true);
    let error = block_on(manager.finish(session, 200));
    assert!(
        matches!(error, Err(SessionError::Unavailable(_))),
        "{error:?}"
    );
    world.store.fail_deletes(false);
    assert_eq!(cart(&manager, &client).len(), 30);
    client.visit(&manager, empty_and_log_in).unwrap();
    assert_eq!(cart(&manager, &client).len(), 0);
    assert_eq!(place(&manager, &client), Place::Cookie);
}

#[test]
fn a_client_that_missed_the_move_back_gets_the_cookie_at_its_next_navigation() {
    let world = World::new();
    let (manager, mut client) = world.user(30);
    let mut lost = client.clone();
    fill(&manager, &mut client, 2);
    let (_, headers) = lost.visit(&manager, async |s| s.get().await).unwrap();
    assert_eq!(headers.set_cookie.len(), 1);
    assert_eq!(place(&manager, &lost), Place::Cookie);
    assert_eq!(cart(&manager, &lost), cart(&manager, &client));
}

#[test]
fn a_session_that_grows_again_replaces_its_moved_row_under_a_new_handle() {
    let world = World::new();
    let (manager, mut client) = world.user(30);
    let old = client.clone();
    fill(&manager, &mut client, 2);
    fill(&manager, &mut client, 31);
    assert_eq!(place(&manager, &client), Place::Store);
    assert_eq!(world.store.rows(), 1);
    assert_eq!(cart(&manager, &client).len(), 31);
    assert_eq!(presented(&manager, &old), GONE);
}

#[test]
fn replaying_one_cookie_cannot_flood_the_store() {
    let world = World::new();
    let (manager, client) = world.user(20);
    let mut conflicts = 0;
    for _ in 0..50 {
        let mut replayed = client.clone();
        let grown = replayed.visit(&manager, async |session| {
            session
                .change(|shop| shop.cart = (0..30).map(item).collect())
                .await
        });
        conflicts += usize::from(matches!(grown, Err(SessionError::Conflict)));
    }
    assert_eq!(world.store.rows(), 1);
    assert_eq!(conflicts, 49);
}

/// A response that is lost after its record was written must not lock the session out of
/// the store.
#[test]
fn a_crash_between_record_and_cookie_leaves_only_a_row_that_expires() {
    let world = World::new();
    let (manager, mut client) = world.user(20);
    let grow = |client: &mut Client| {
        client.visit(&manager, async |session| {
            session
                .change(|shop| shop.cart = (0..30).map(item).collect())
                .await
        })
    };
    grow(&mut client.clone()).unwrap();
    assert_eq!(cart(&manager, &client).len(), 20, "as before");
    // For as long as the lost request might still be under way, the row stays.
    assert!(matches!(grow(&mut client), Err(SessionError::Conflict)));
    world.clock.advance(Duration::from_secs(30));
    grow(&mut client).unwrap();
    assert_eq!(cart(&manager, &client).len(), 30);
    assert_eq!(world.store.rows(), 1);
    // And the same again: a response that is lost twice.
    let lost = grow_lost(&world, &manager);
    assert_eq!(lost, Some(30));
    world.clock.advance(DAY);
    assert_eq!(block_on(manager.purge_expired()).unwrap(), 0, "not at once");
    world.clock.advance(60 * MINUTE);
    assert_eq!(block_on(manager.purge_expired()).unwrap(), 2);
}

/// A session whose responses are lost twice when it crosses, and how large it gets then.
fn grow_lost(world: &World, manager: &SessionManager<Shop>) -> Option<usize> {
    let mut client = Client::default();
    fill(manager, &mut client, 20);
    let grow = |client: &mut Client| {
        client.visit(manager, async |session| {
            session
                .change(|shop| shop.cart = (0..30).map(item).collect())
                .await
        })
    };
    for _ in 0..2 {
        grow(&mut client.clone()).ok()?;
        world.clock.advance(Duration::from_secs(30));
    }
    grow(&mut client).ok()?;
    Some(cart(manager, &client).len())
}

/// Once a reference has been used, its row is never taken for an abandoned one.
#[test]
fn an_older_cookie_cannot_replace_a_session_that_goes_on_in_the_store() {
    let world = World::new();
    let (manager, mut client) = world.user(20);
    let old = client.clone();
    fill(&manager, &mut client, 30);
    // Reading is use enough.
    client.visit(&manager, async |s| s.get().await).unwrap();
    world.clock.advance(MINUTE);
    let replay = old.clone().visit(&manager, async |session| {
        session
            .change(|shop| shop.cart = (0..40).map(item).collect())
            .await
    });
    assert!(matches!(replay, Err(SessionError::Conflict)));
    assert_eq!(cart(&manager, &client).len(), 30);
}

#[test]
fn two_requests_that_cross_at_once_do_not_overwrite_each_other() {
    let world = World::new();
    let (manager, mut client) = world.user(22);
    let (one, two) = (
        client.send(&manager, Dest::Document),
        client.send(&manager, Dest::Document),
    );
    for (session, name) in [(&one, item(100)), (&two, item(200))] {
        block_on(add(session, &name)).unwrap();
        block_on(add(session, &name)).unwrap();
    }
    let headers = block_on(manager.finish(one, 200)).unwrap();
    client.receive(&headers);
    assert!(matches!(
        block_on(manager.finish(two, 200)),
        Err(SessionError::Conflict)
    ));
    assert_eq!(cart(&manager, &client).last(), Some(&item(100)));
}

// --- Two writers.

fn merging(world: &World) -> SessionManager<Shop> {
    let merge = |base: &Shop, ours: &Shop, mut theirs: Shop| {
        theirs.visits += ours.visits - base.visits;
        let news = ours.cart.iter().skip(base.cart.len());
        theirs.cart.extend(news.cloned());
        Some(theirs)
    };
    world.builder().merge_with(merge).build().unwrap()
}

#[test]
fn two_writers_to_a_stored_session_conflict_without_a_merge_hook() {
    let world = World::new();
    let (manager, client) = world.user(30);
    let (one, two) = (
        client.send(&manager, Dest::Empty),
        client.send(&manager, Dest::Empty),
    );
    block_on(add(&one, "one")).unwrap();
    block_on(add(&two, "two")).unwrap();
    let _ = block_on(manager.finish(one, 200)).unwrap();
    let error = block_on(manager.finish(two, 200));
    assert!(matches!(error, Err(SessionError::Conflict)));
    assert_eq!(cart(&manager, &client)[30..], ["one"]);
}

#[test]
fn two_writers_to_a_stored_session_lose_nothing_with_a_merge_hook() {
    let world = World::new();
    let (_, client) = world.user(30);
    let manager = merging(&world);
    let sessions: Vec<_> = (0..4).map(|_| client.send(&manager, Dest::Empty)).collect();
    for (n, session) in sessions.iter().enumerate() {
        block_on(add(session, &n.to_string())).unwrap();
    }
    for session in sessions {
        let _ = block_on(manager.finish(session, 200)).unwrap();
    }
    assert_eq!(cart(&manager, &client)[30..], ["0", "1", "2", "3"]);
}

#[test]
fn one_writer_shrinks_the_session_while_another_adds_to_it() {
    let world = World::new();
    let (_, mut client) = world.user(30);
    let manager = merging(&world);
    let (shrinks, adds) = (
        client.send(&manager, Dest::Document),
        client.send(&manager, Dest::Document),
    );
    block_on(shrinks.change(|shop| shop.cart.clear())).unwrap();
    block_on(add(&adds, "late")).unwrap();
    let headers = block_on(manager.finish(shrinks, 200)).unwrap();
    client.receive(&headers);
    assert_eq!(place(&manager, &client), Place::Cookie);
    // The other one's change is refused, not lost in silence, and sends no cookie.
    assert!(matches!(
        block_on(manager.finish(adds, 200)),
        Err(SessionError::Conflict)
    ));
    assert!(cart(&manager, &client).is_empty());
}

// --- The end of a session.

/// CVE-2025-46336, express-session#632: a save under way re-created a deleted session.
#[test]
fn a_logout_during_a_slow_request_stays_a_logout() {
    let world = World::new();
    for items in [1, 30] {
        let (manager, mut client) = world.user(items);
        let slow = client.send(&manager, Dest::Document);
        block_on(add(&slow, "late")).unwrap();
        let copy = client.clone();
        let ((), headers) = client
            .visit(&manager, async |session| session.log_out().await)
            .unwrap();
        assert!(headers.set_cookie[0].contains("Max-Age=0"));
        assert_eq!(client.cookie, None);
        assert!(matches!(
            block_on(manager.finish(slow, 200)),
            Err(SessionError::Gone)
        ));
        assert_eq!(presented(&manager, &copy), REVOKED);
        assert_eq!(world.store.rows(), 0);
    }
}

/// CVE-2026-34454: a logout that stopped clearing the cookie.
#[test]
fn a_logout_removes_the_cookie_with_its_attributes_whatever_was_presented() {
    let world = World::new();
    let manager = world.manager();
    for cookie in [None, Some("garbage".to_owned())] {
        let mut client = Client { cookie };
        let ((), headers) = client
            .visit_as(&manager, Dest::Empty, 500, async |session| {
                session.log_out().await
            })
            .unwrap();
        let line = &headers.set_cookie[0];
        for part in [
            "__Host-session=;",
            "Path=/",
            "Secure",
            "HttpOnly",
            "Max-Age=0",
        ] {
            assert!(line.contains(part), "{line}");
        }
    }
}

#[test]
fn a_logout_holds_where_the_response_then_fails() {
    let world = World::new();
    for items in [1, 30] {
        let (manager, mut client) = world.user(items);
        let copy = client.clone();
        let ((), headers) = client
            .visit_as(&manager, Dest::Empty, 500, async |session| {
                add(session, "x").await?;
                session.log_out().await
            })
            .unwrap();
        assert!(headers.set_cookie[0].contains("Max-Age=0"));
        assert_eq!(presented(&manager, &copy), REVOKED);
    }
}

/// A session that has been in both places leaves copies of its older form behind.
#[test]
fn a_logout_ends_the_copies_of_both_forms_and_they_stay_ended() {
    let world = World::new();
    for (before, after) in [(1, 30), (30, 1)] {
        let (manager, mut client) = world.user(before);
        let older = client.clone();
        fill(&manager, &mut client, after);
        let newer = client.clone();
        client.visit(&manager, async |s| s.log_out().await).unwrap();
        for copy in [&older, &newer] {
            assert_eq!(presented(&manager, copy), REVOKED);
            // Nor does a change through it bring anything back.
            let mut copy = copy.clone();
            copy.visit(&manager, async |s| add(s, "x").await).unwrap();
            assert_eq!(cart(&manager, &copy), ["x"], "another session");
        }
        assert_eq!(world.store.rows(), 0);
        // For as long as any copy could live, and then it has expired.
        world.clock.advance(29 * MINUTE);
        assert_eq!(presented(&manager, &older), REVOKED);
        world.clock.advance(MINUTE);
        assert_eq!(
            presented(&manager, &older),
            Presented::Invalid(InvalidKind::Token(OpenErrorKind::ExpiredIdle))
        );
    }
}

#[test]
fn a_copied_cookie_is_refused_elsewhere_after_the_interval_or_at_once() {
    let world = World::new();
    for items in [1, 30] {
        let (manager, mut client) = world.user(items);
        let copy = client.clone();
        let synced = world.manager();
        let strict = world
            .builder()
            .revocation(Revocation::Strict)
            .build()
            .unwrap();
        assert_eq!(presented(&synced, &copy), Presented::Valid);
        client.visit(&manager, async |s| s.log_out().await).unwrap();
        assert_eq!(presented(&strict, &copy), REVOKED, "at once");
        // A stored session has lost its row, whatever the list says.
        let meanwhile = [Presented::Valid, GONE][usize::from(items == 30)];
        assert_eq!(presented(&synced, &copy), meanwhile);
        world.clock.advance(Duration::from_secs(5));
        assert_eq!(presented(&synced, &copy), REVOKED);
    }
}

#[test]
fn a_logout_needs_no_row() {
    let world = World::new();
    let (manager, client) = world.user(30);
    let reads = |session: &Session<Shop>| block_on(session.log_out());
    block_on(manager.sync_revocations()).unwrap();
    let calls = world.store.calls();
    reads(&client.send(&manager, Dest::Document)).unwrap();
    assert_eq!(world.store.calls() - calls, 2, "revoke and delete");
}

/// CVE-2022-25896: the id stayed the same across a login.
#[test]
fn a_login_changes_the_session_id_and_ends_the_old_one_in_both_places() {
    let world = World::new();
    for items in [1, 30] {
        let (manager, mut client) = world.user(items);
        let old = client.clone();
        let id = |client: &Client| block_on(client.send(&manager, Dest::Empty).id()).unwrap();
        world.clock.advance(20 * MINUTE);
        let ((), headers) = client
            .visit_as(&manager, Dest::Empty, 303, async |session| {
                session.log_in("42").await
            })
            .unwrap();
        assert_eq!(headers.set_cookie.len(), 1);
        assert_ne!(id(&client), id(&old));
        assert_eq!(cart(&manager, &client).len(), items);
        assert_eq!(presented(&manager, &old), REVOKED);
        // The absolute timeout begins anew with the login, and not with a renewal.
        let session = client.send(&manager, Dest::Empty);
        let subject = block_on(session.subject()).unwrap();
        assert_eq!(subject, Some(manager.codec().subject("42")));
        let created = |client: &Client| {
            let value = client.cookie.as_ref().unwrap();
            let opened = manager.codec().open_token(value);
            opened.map(|token| token.claims().created()).ok()
        };
        let began = created(&client);
        world.clock.advance(MINUTE);
        let before = client.clone();
        client.visit(&manager, async |s| s.renew().await).unwrap();
        assert_eq!(created(&client), began);
        assert_ne!(id(&client), id(&before));
        assert_eq!(presented(&manager, &before), REVOKED);
        assert_eq!(world.store.rows(), usize::from(items == 30));
        client.visit(&manager, async |s| s.log_out().await).unwrap();
    }
}

#[test]
fn logging_out_everywhere_ends_every_session_that_has_begun_and_none_that_follows() {
    let world = World::new();
    let manager = world.manager();
    let other_server = world.manager();
    block_on(other_server.sync_revocations()).unwrap();
    let log_in = |user: &str| {
        let mut client = Client::default();
        client
            .visit(&manager, async |session| session.log_in(user).await)
            .unwrap();
        client
    };
    let (one, two, bystander) = (log_in("42"), log_in("42"), log_in("43"));
    block_on(manager.revoke_subject("42")).unwrap();
    assert_eq!(presented(&manager, &one), REVOKED);
    assert_eq!(presented(&manager, &two), REVOKED);
    assert_eq!(presented(&manager, &bystander), Presented::Valid);
    // Another server hears of it within the interval.
    assert_eq!(presented(&other_server, &one), Presented::Valid);
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(presented(&other_server, &one), REVOKED);
    // Whoever logs in afterwards stays in, on both.
    let again = log_in("42");
    assert_eq!(presented(&manager, &again), Presented::Valid);
    assert_eq!(presented(&other_server, &again), Presented::Valid);
}

#[test]
fn a_session_is_revoked_by_its_id_from_outside() {
    let world = World::new();
    for items in [1, 30] {
        let (manager, client) = world.user(items);
        let id = block_on(client.send(&manager, Dest::Empty).id()).unwrap();
        block_on(manager.revoke(id.unwrap())).unwrap();
        assert_eq!(presented(&manager, &client), REVOKED);
        assert_eq!(world.store.rows(), 0);
    }
}

#[test]
fn revocations_leave_when_they_can_no_longer_matter() {
    let world = World::new();
    let (manager, client) = world.user(1);
    let id = block_on(client.send(&manager, Dest::Empty).id()).unwrap();
    block_on(manager.revoke(id.unwrap())).unwrap();
    block_on(manager.revoke_subject("42")).unwrap();
    assert_eq!(manager.known_revocations(), 2);
    assert_eq!(block_on(manager.purge_expired()).unwrap(), 0);
    world.clock.advance(60 * DAY);
    assert_eq!(block_on(manager.purge_expired()).unwrap(), 0);
    world.clock.advance(63 * MINUTE);
    assert_eq!(block_on(manager.purge_expired()).unwrap(), 2);
    block_on(manager.sync_revocations()).unwrap();
    assert_eq!(manager.known_revocations(), 0, "the copy is bounded too");
}

#[test]
fn what_is_changed_after_a_logout_begins_a_new_session() {
    let world = World::new();
    let (manager, mut client) = world.user(3);
    let old = client.clone();
    let ((), headers) = client
        .visit(&manager, async |session| {
            session.log_out().await?;
            add(session, "first").await
        })
        .unwrap();
    assert_eq!(headers.set_cookie.len(), 1, "one cookie per response");
    assert_eq!(cart(&manager, &client), ["first"]);
    assert_eq!(presented(&manager, &old), REVOKED);
}

/// A renewal that was under way during the logout, on any server, must not carry the
/// session over into a new id.
#[test]
fn a_renewal_does_not_outlive_a_logout() {
    let world = World::new();
    for items in [1, 30] {
        let (manager, mut client) = world.user(items);
        let other_server = world.manager();
        block_on(other_server.sync_revocations()).unwrap();
        let slow = client.send(&manager, Dest::Document);
        let elsewhere = client.send(&other_server, Dest::Document);
        block_on(slow.renew()).unwrap();
        block_on(elsewhere.log_in("42")).unwrap();
        client.visit(&manager, async |s| s.log_out().await).unwrap();
        for (manager, session) in [(&manager, slow), (&other_server, elsewhere)] {
            assert!(matches!(
                block_on(manager.finish(session, 200)),
                Err(SessionError::Gone)
            ));
        }
        assert_eq!(world.store.rows(), 0);
    }
}

#[test]
fn a_login_does_not_lose_what_another_request_has_just_written() {
    let world = World::new();
    let (_, client) = world.user(30);
    for (manager, merged) in [(world.manager(), false), (merging(&world), true)] {
        let mut client = client.clone();
        let before = cart(&manager, &client).len();
        let login = client.send(&manager, Dest::Document);
        let other = client.send(&manager, Dest::Empty);
        block_on(login.log_in("42")).unwrap();
        block_on(add(&login, "with the login")).unwrap();
        block_on(add(&other, "meanwhile")).unwrap();
        let _ = block_on(manager.finish(other, 200)).unwrap();
        match block_on(manager.finish(login, 200)) {
            Ok(headers) if merged => {
                client.receive(&headers);
                assert_eq!(
                    cart(&manager, &client)[before..],
                    ["meanwhile", "with the login"]
                );
            }
            Err(SessionError::Conflict) if !merged => {
                assert_eq!(cart(&manager, &client)[before..], ["meanwhile"]);
            }
            outcome => panic!("{outcome:?}"),
        }
        assert_eq!(world.store.rows(), 1, "nothing is left over");
    }
}

/// Without a change of its own, a login takes what the other request wrote.
#[test]
fn a_login_without_changes_needs_no_merge_hook() {
    let world = World::new();
    let (manager, mut client) = world.user(30);
    let login = client.send(&manager, Dest::Document);
    block_on(login.log_in("42")).unwrap();
    client.visit(&manager, async |s| add(s, "x").await).unwrap();
    let headers = block_on(manager.finish(login, 200)).unwrap();
    client.receive(&headers);
    assert_eq!(cart(&manager, &client).len(), 31);
}

/// Sent before the login was answered, and answered after it: the id that it names has
/// ended. SECURITY.md says so, under what is not promised.
#[test]
fn a_late_write_with_the_cookie_of_before_a_login_is_a_guests_unless_such_are_refused() {
    let world = World::new();
    for (on_invalid, goes_on) in [(OnInvalid::Anonymous, false), (OnInvalid::Refuse, true)] {
        let manager = world.builder().on_invalid(on_invalid).build().unwrap();
        let mut client = Client::default();
        fill(&manager, &mut client, 1);
        let late = client.send(&manager, Dest::Empty);
        client
            .visit(&manager, async |s| s.log_in("42").await)
            .unwrap();
        match block_on(add(&late, "x")) {
            Ok(()) => client.receive(&block_on(manager.finish(late, 200)).unwrap()),
            Err(error) => {
                assert_eq!(error.status(), 401);
                let headers = block_on(manager.finish(late, 401)).unwrap();
                assert_eq!(headers.set_cookie, [""; 0]);
            }
        }
        let subject = block_on(client.send(&manager, Dest::Empty).subject()).unwrap();
        assert_eq!(subject.is_some(), goes_on);
    }
}

#[test]
fn a_logout_that_is_cancelled_or_repeated_leaves_the_session_whole() {
    let world = World::new();
    let (manager, mut client) = world.user(30);
    let session = client.send(&manager, Dest::Document);
    block_on(session.read(|_| ())).unwrap();
    drop(session.log_out());
    let headers = block_on(manager.finish(session, 200)).unwrap();
    assert_eq!(headers.set_cookie, [""; 0]);
    assert_eq!(presented(&manager, &client), Presented::Valid);
    let session = client.send(&manager, Dest::Document);
    block_on(session.log_out()).unwrap();
    block_on(session.log_out()).unwrap();
    client.receive(&block_on(manager.finish(session.clone(), 200)).unwrap());
    assert_eq!(client.cookie, None);
    assert!(matches!(
        block_on(session.log_out()),
        Err(SessionError::TooLate)
    ));
}

#[test]
fn a_revocation_that_another_server_has_not_heard_of_does_not_reach_a_new_login() {
    let world = World::new();
    let (here, there) = (world.manager(), world.manager());
    block_on(there.sync_revocations()).unwrap();
    block_on(here.revoke_subject("42")).unwrap();
    let mut client = Client::default();
    client
        .visit(&there, async |s| s.log_in("42").await)
        .unwrap();
    world.clock.advance(MINUTE);
    assert_eq!(presented(&there, &client), Presented::Valid);
    assert_eq!(presented(&here, &client), Presented::Valid);
}

#[test]
fn a_clock_that_was_ahead_for_a_while_forgets_no_revocation() {
    let world = World::new();
    let (manager, mut client) = world.user(1);
    let copy = client.clone();
    client.visit(&manager, async |s| s.log_out().await).unwrap();
    world.clock.advance(400 * DAY);
    block_on(manager.sync_revocations()).unwrap();
    world.clock.set(NOW + MINUTE);
    assert_eq!(presented(&manager, &copy), REVOKED);
    // And the copy is believed again for its time.
    world.store.set_down(true);
    world.clock.advance(Duration::from_secs(14));
    assert_eq!(presented(&manager, &copy), REVOKED);
}

#[test]
fn a_delete_that_fails_after_the_revocation_is_no_failed_logout() {
    let world = World::new();
    let (manager, mut client) = world.user(30);
    world.store.fail_deletes(true);
    let copy = client.clone();
    client.visit(&manager, async |s| s.log_out().await).unwrap();
    assert_eq!(client.cookie, None);
    assert_eq!(presented(&manager, &copy), REVOKED);
}

// --- What is not accepted.

/// CVE-2024-38513: ids that clients made up were adopted.
#[test]
fn an_id_that_the_server_did_not_make_is_never_adopted() {
    let world = World::new();
    let (manager, mut client) = world.user(1);
    let stranger = World::new();
    let (_, theirs) = stranger.user(1);
    let theirs_id = block_on(theirs.send(&stranger.manager(), Dest::Empty).id()).unwrap();
    client.cookie = theirs.cookie;
    client.visit(&manager, async |s| add(s, "x").await).unwrap();
    let id = block_on(client.send(&manager, Dest::Empty).id()).unwrap();
    assert!(id.is_some());
    assert_ne!(id, theirs_id);
    assert_eq!(cart(&manager, &client), ["x"]);
}

#[test]
fn an_invalid_cookie_is_the_same_as_none_and_is_left_alone() {
    let world = World::new();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ears = Arc::clone(&heard);
    let manager = world
        .builder()
        .on_event(move |event| ears.lock().unwrap().push(event.kind))
        .build()
        .unwrap();
    let mut client = Client {
        cookie: Some("AAAA".to_owned()),
    };
    let (data, headers) = client.visit(&manager, async |s| s.get().await).unwrap();
    assert_eq!(data, Shop::default());
    assert_eq!(headers.set_cookie, [""; 0]);
    let malformed = InvalidKind::Token(OpenErrorKind::Malformed);
    assert_eq!(*heard.lock().unwrap(), [EventKind::Refused(malformed)]);

    let manager = world
        .builder()
        .on_invalid(OnInvalid::Refuse)
        .build()
        .unwrap();
    let error = client.visit(&manager, async |s| s.get().await);
    assert!(matches!(error, Err(SessionError::Invalid(kind)) if kind == malformed));
    // Whatever the cookie is worth, a user may log in.
    client
        .visit(&manager, async |s| s.log_in("42").await)
        .unwrap();
    assert_eq!(presented(&manager, &client), Presented::Valid);
}

/// As on a server with an old ring file. Anybody can make up a key id, so an error would let
/// a planted cookie keep its user from logging out.
#[test]
fn f10_logout_reports_each_cookie_it_cannot_open() {
    let world = World::new();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ears = heard.clone();
    let listening = world
        .builder()
        .on_event(move |event| ears.lock().unwrap().push(event.kind));
    let listening = listening.build().unwrap();
    let of_another_ring = World::new().user(1).1;
    let expired = world.user(1).1;
    world.clock.advance(IDLE);
    let (manager, valid) = world.user(1);
    let log_out = |clients: &[&Client]| {
        let lines = clients.iter().map(|it| it.cookie.as_ref().unwrap());
        let lines: Vec<_> = lines.map(|it| format!("__Host-session={it}")).collect();
        let session = listening.session(lines.iter().map(String::as_bytes), None);
        block_on(session.log_out()).unwrap();
        let headers = block_on(listening.finish(session, 200)).unwrap();
        assert!(headers.set_cookie[0].contains("Max-Age=0"));
        core::mem::take(&mut *heard.lock().unwrap())
    };
    let refused = |kind| EventKind::Refused(InvalidKind::Token(kind));
    let unknown = refused(OpenErrorKind::UnknownKey);
    assert_eq!(log_out(&[&of_another_ring]), [unknown]);
    assert_eq!(listening.known_revocations(), 0);
    let expired_idle = refused(OpenErrorKind::ExpiredIdle);
    let outcome = [expired_idle, unknown, EventKind::LoggedOut];
    assert_eq!(log_out(&[&expired, &of_another_ring, &valid]), outcome);
    assert_eq!(listening.known_revocations(), 1);
    world.clock.advance(6 * Duration::from_secs(1));
    let revoked = Presented::Invalid(InvalidKind::Revoked);
    assert_eq!(presented(&manager, &valid), revoked);
}

#[test]
fn of_several_cookies_the_newest_counts_unless_they_may_have_been_planted() {
    let world = World::new();
    let ask = |manager: &SessionManager<Shop>, clients: &[&Client]| {
        let name = manager.cookie().name();
        let values = clients.iter().filter_map(|client| client.cookie.as_ref());
        let header: Vec<String> = values.map(|value| format!("{name}={value}")).collect();
        let session = manager.session([header.join("; ").as_bytes()], None);
        let presented = block_on(session.presented()).unwrap();
        (
            presented,
            block_on(session.read(|shop| shop.cart.len())).unwrap(),
        )
    };
    let build = |name: &str| {
        let cookie = CookieConfig::named(name).build().unwrap();
        world.builder().cookie(cookie).build().unwrap()
    };
    for (name, planted) in [
        ("__Host-session", (Presented::Valid, 2)),
        ("session", (Presented::Invalid(InvalidKind::Ambiguous), 0)),
    ] {
        let manager = build(name);
        let (mut first, mut other) = (Client::default(), Client::default());
        fill(&manager, &mut first, 1);
        world.clock.advance(MINUTE);
        fill(&manager, &mut other, 2);
        assert_eq!(ask(&manager, &[&first, &other]), planted);
        assert_eq!(ask(&manager, &[&other, &first]), planted);
        // Two states of one session: the newer, under any name.
        let older = other.clone();
        world.clock.advance(MINUTE);
        fill(&manager, &mut other, 3);
        assert_eq!(ask(&manager, &[&older, &other]), (Presented::Valid, 3));
    }
}

#[test]
fn more_cookies_of_one_name_than_are_looked_at_may_hide_the_real_one() {
    let world = World::new();
    let cookie = CookieConfig::named("session").build().unwrap();
    let manager = world.builder().cookie(cookie).build().unwrap();
    let mut planted = Client::default();
    fill(&manager, &mut planted, 1);
    let value = planted.cookie.as_ref().unwrap();
    for (copies, expected) in [
        (4, Presented::Valid),
        (5, Presented::Invalid(InvalidKind::Ambiguous)),
    ] {
        let header = vec![format!("session={value}"); copies].join("; ");
        let session = manager.session([header.as_bytes()], None);
        assert_eq!(block_on(session.presented()).unwrap(), expected);
        // Whatever is meant, a logout ends it.
        if copies == 5 {
            block_on(session.log_out()).unwrap();
            assert_eq!(presented(&manager, &planted), REVOKED);
        }
    }
}

#[test]
fn a_renamed_cookie_logs_nobody_out_and_a_logout_removes_both() {
    let world = World::new();
    for items in [1, 30] {
        let (_, mut client) = world.user(items);
        let until = world.clock.now() + 10 * DAY;
        let codec = world
            .codec()
            .accept_also("example.com", "__Host-session", until);
        let cookie = CookieConfig::named("__Host-shop").build().unwrap();
        let manager: SessionManager<Shop> = SessionManager::builder(codec)
            .cookie(cookie)
            .store(world.store.clone())
            .build()
            .unwrap();
        let old = format!("__Host-session={}", client.cookie.take().unwrap());
        let session = manager.session([old.as_bytes()], None);
        assert_eq!(block_on(session.get()).unwrap().cart.len(), items);
        let headers = block_on(manager.finish(session, 200)).unwrap();
        let [set, removed] = set_and_removed(&headers);
        assert_eq!(
            (set, removed),
            (vec!["__Host-shop"], vec!["__Host-session"])
        );
        client.cookie = Some(first_value(&headers));
        assert_eq!(cart(&manager, &client).len(), items, "under the new name");
        // Should both be sent all the same, a logout removes both.
        let new = format!("__Host-shop={}", client.cookie.as_ref().unwrap());
        let session = manager.session([old.as_bytes(), new.as_bytes()], None);
        block_on(session.log_out()).unwrap();
        let headers = block_on(manager.finish(session, 200)).unwrap();
        let names: Vec<_> = headers
            .set_cookie
            .iter()
            .filter_map(|line| line.split('=').next())
            .collect();
        assert_eq!(names, ["__Host-shop", "__Host-session"]);
        assert_eq!(presented(&manager, &client), REVOKED);
    }
}

/// A manager whose cookie was called `session`, and the one that renames it.
fn renaming(world: &World) -> [SessionManager<Shop>; 2] {
    let former = CookieConfig::named("session").build().unwrap();
    let before = world.builder().cookie(former).build().unwrap();
    let until = world.clock.now() + 10 * DAY;
    let codec = world.codec().accept_also("example.com", "session", until);
    let after = SessionManager::builder(codec).store(world.store.clone());
    [before, after.build().unwrap()]
}

/// The names of the cookies that a response sets, and of those that it removes.
fn set_and_removed(headers: &ResponseHeaders) -> [Vec<&str>; 2] {
    let (removed, set): (Vec<&str>, Vec<&str>) = headers
        .set_cookie
        .iter()
        .map(String::as_str)
        .partition(|line| line.contains("Max-Age=0"));
    [set, removed].map(|lines| {
        let names = lines.iter().filter_map(|line| line.split('=').next());
        names.collect()
    })
}

/// The value of the first cookie that a response sets.
fn first_value(headers: &ResponseHeaders) -> String {
    let (_, line) = headers.set_cookie.first().unwrap().split_once('=').unwrap();
    line.split(';').next().unwrap().to_owned()
}

#[test]
fn a_login_after_a_rename_counts_though_the_former_cookie_is_still_sent() {
    for items in [1, 30] {
        let world = World::new();
        let [before, manager] = renaming(&world);
        let mut client = Client::default();
        fill(&before, &mut client, items);
        let old = format!("session={}", client.cookie.unwrap());

        let session = manager.session([old.as_bytes()], Some(b"document"));
        block_on(session.log_in("42")).unwrap();
        let headers = block_on(manager.finish(session, 200)).unwrap();
        let [set, removed] = set_and_removed(&headers);
        assert_eq!((set, removed), (vec!["__Host-session"], vec!["session"]));

        // A browser may keep the former cookie all the same, and send it in any order.
        let new = format!("__Host-session={}", first_value(&headers));
        for lines in [[&old, &new], [&new, &old]] {
            let session = manager.session(lines.map(String::as_bytes), Some(b"document"));
            assert_eq!(block_on(session.presented()).unwrap(), Presented::Valid);
            assert!(block_on(session.subject()).unwrap().is_some());
            assert_eq!(block_on(session.get()).unwrap().cart.len(), items);
        }
        // A logout still ends whatever is presented, and a revoked own cookie does not give
        // way to the former one.
        let session = manager.session([old.as_bytes(), new.as_bytes()], None);
        block_on(session.log_out()).unwrap();
        let session = manager.session([old.as_bytes(), new.as_bytes()], None);
        assert_eq!(block_on(session.presented()).unwrap(), REVOKED);
    }
}

#[test]
fn a_planted_former_cookie_does_not_push_out_the_own_one() {
    let world = World::new();
    let [before, manager] = renaming(&world);
    let (mut own, mut hostile) = (Client::default(), Client::default());
    fill(&manager, &mut own, 2);
    world.clock.advance(MINUTE);
    fill(&before, &mut hostile, 1);
    let own = format!("__Host-session={}", own.cookie.unwrap());
    let hostile = format!("session={}", hostile.cookie.unwrap());
    // One, and more than are looked at.
    for copies in [1, 5] {
        let planted = vec![hostile.clone(); copies].join("; ");
        let lines = [planted.as_bytes(), own.as_bytes()];
        let session = manager.session(lines, Some(b"document"));
        assert_eq!(block_on(session.presented()).unwrap(), Presented::Valid);
        assert_eq!(block_on(session.get()).unwrap().cart.len(), 2);
        // What a response can do against it, it does.
        block_on(add(&session, "x")).unwrap();
        let headers = block_on(manager.finish(session, 200)).unwrap();
        let [set, removed] = set_and_removed(&headers);
        assert_eq!((set, removed), (vec!["__Host-session"], vec!["session"]));
    }
}

#[test]
fn without_an_own_cookie_the_former_one_counts_until_its_date() {
    let world = World::new();
    let [before, manager] = renaming(&world);
    let mut client = Client::default();
    fill(&before, &mut client, 1);
    let class = before.codec().policy().class("remember-me").unwrap();
    client
        .visit(&before, async |session| session.set_class(class).await)
        .unwrap();
    let old = format!("session={}", client.cookie.unwrap());
    let ask = |lines: &[&str]| {
        let session = manager.session(lines.iter().map(|line| line.as_bytes()), None);
        block_on(session.presented()).unwrap()
    };
    assert_eq!(ask(&[&old]), Presented::Valid);
    // Nor is one needed that opens.
    assert_eq!(ask(&["__Host-session=x", &old]), Presented::Valid);
    // Of two under the former name nobody knows which is meant.
    let mut hostile = Client::default();
    fill(&before, &mut hostile, 1);
    let hostile = format!("session={}", hostile.cookie.unwrap());
    let ambiguous = Presented::Invalid(InvalidKind::Ambiguous);
    assert_eq!(ask(&[&old, &hostile]), ambiguous);
    world.clock.advance(9 * DAY);
    assert_eq!(ask(&[&old]), Presented::Valid);
    world.clock.advance(DAY);
    assert_eq!(ask(&[&old]), Presented::Nothing);
}

/// A former cookie of the same name, which only its `Domain` tells from the new one.
#[test]
fn a_former_cookie_of_the_same_name_is_removed_when_the_new_one_is_set() {
    let world = World::new();
    let wide = CookieConfig::named("sid").domain("example.com");
    let wide = wide.build().unwrap();
    let before = world.builder().cookie(wide.clone()).build().unwrap();
    let mut client = Client::default();
    fill(&before, &mut client, 1);
    let old = format!("sid={}", client.cookie.unwrap());
    let narrow = CookieConfig::named("sid").formerly(wide).build().unwrap();
    let manager = world.builder().cookie(narrow).build().unwrap();
    let session = manager.session([old.as_bytes()], None);
    block_on(session.log_in("42")).unwrap();
    let headers = block_on(manager.finish(session, 200)).unwrap();
    let [set, removed] = set_and_removed(&headers);
    assert_eq!((set, removed), (vec!["sid"], vec!["sid"]));
    assert!(!headers.set_cookie[0].contains("Domain="));
    assert!(headers.set_cookie[1].contains("Domain=example.com"));
}

#[test]
fn two_sessions_with_different_names_live_side_by_side() {
    let world = World::new();
    let named = |name| {
        let cookie = CookieConfig::named(name).build().unwrap();
        world.builder().cookie(cookie).build().unwrap()
    };
    let (shop, admin) = (named("__Host-shop"), named("__Host-admin"));
    let (mut in_shop, mut in_admin) = (Client::default(), Client::default());
    fill(&shop, &mut in_shop, 30);
    fill(&admin, &mut in_admin, 2);
    // One's token under the other's name is refused.
    assert_eq!(
        presented(&admin, &in_shop),
        Presented::Invalid(InvalidKind::Token(OpenErrorKind::NotAuthentic))
    );
    assert_eq!(cart(&shop, &in_shop).len(), 30);
    assert_eq!(cart(&admin, &in_admin).len(), 2);
}

// --- Strategies.

#[test]
fn without_a_store_too_large_is_an_error_that_names_size_and_limit() {
    let world = World::new();
    let manager = SessionManager::<Shop>::builder(world.codec())
        .build()
        .unwrap();
    let mut client = Client::default();
    fill(&manager, &mut client, 28);
    let error = client.visit(&manager, async |session| {
        session
            .change(|shop| shop.cart = (0..30).map(item).collect())
            .await
    });
    assert!(
        matches!(
            error,
            Err(SessionError::Seal(SealError::TooLarge {
                size: 4177,
                limit: 4096
            }))
        ),
        "{error:?}"
    );
    assert_eq!(cart(&manager, &client).len(), 28);
}

#[test]
fn a_limit_for_records_that_none_keeps_is_refused() {
    let world = World::new();
    let error = world.builder().max_record_bytes(0).build().unwrap_err();
    assert_eq!(error, ManagerError::RecordLimit);
    assert!(world.builder().max_record_bytes(1).build().is_ok());
}

#[test]
fn a_strategy_that_needs_a_store_is_not_built_without() {
    let world = World::new();
    let build = |builder: SessionManagerBuilder<Shop>| builder.build().unwrap_err();
    let without = || SessionManager::<Shop>::builder(world.codec());
    assert_eq!(
        build(without().strategy(Strategy::Auto)),
        ManagerError::NeedsStore
    );
    assert_eq!(
        build(without().revocation(Revocation::Strict)),
        ManagerError::NeedsStore
    );
    assert_eq!(
        build(world.builder().budget(197)),
        ManagerError::Budget(198)
    );
    assert!(world.builder().budget(198).build().is_ok());
}

#[test]
fn store_only_refuses_sessions_in_cookies_but_until_a_date() {
    let world = World::new();
    let (_, inline) = world.user(1);
    let store_only = |accept_inline_until| {
        world
            .builder()
            .strategy(Strategy::StoreOnly {
                accept_inline_until,
            })
            .build()
            .unwrap()
    };
    let wrong_kind = Presented::Invalid(InvalidKind::Token(OpenErrorKind::WrongKind));
    assert_eq!(presented(&store_only(None), &inline), wrong_kind);
    let manager = store_only(Some(NOW + MINUTE));
    let mut client = inline.clone();
    client.visit(&manager, async |s| add(s, "x").await).unwrap();
    assert_eq!(place(&manager, &client), Place::Store);
    assert_eq!(cart(&manager, &client).len(), 2);
    world.clock.advance(MINUTE);
    assert_eq!(presented(&manager, &inline), wrong_kind);
    assert_eq!(presented(&manager, &client), Presented::Valid);
}

#[test]
fn cookie_only_that_meets_a_reference_is_unavailable_and_no_logout() {
    let world = World::new();
    let (_, mut client) = world.user(30);
    let manager = SessionManager::<Shop>::builder(world.codec())
        .build()
        .unwrap();
    let error = client.visit(&manager, async |s| s.get().await);
    assert!(matches!(error, Err(SessionError::NoStore)));
}

// --- The store is down.

#[test]
fn an_outage_is_neither_a_logout_nor_a_cleared_cookie() {
    let world = World::new();
    for items in [1, 30] {
        let (manager, mut client) = world.user(items);
        block_on(manager.sync_revocations()).unwrap();
        world.store.set_down(true);
        // The list of revocations is believed for three intervals.
        let inline_lives = client.visit(&manager, async |s| s.get().await).is_ok();
        assert_eq!(inline_lives, items == 1);
        world.clock.advance(Duration::from_secs(16));
        let before = client.cookie.clone();
        let error = client.visit(&manager, async |s| s.get().await).unwrap_err();
        assert!(matches!(error, SessionError::Unavailable(_)));
        assert_eq!(error.status(), 503);
        let error = client.visit(&manager, async |s| s.log_out().await);
        assert!(matches!(error, Err(SessionError::Unavailable(_))));
        assert_eq!(client.cookie, before);
        world.store.set_down(false);
        assert_eq!(cart(&manager, &client).len(), items);
    }
}

#[test]
fn failing_to_save_fails_the_response() {
    let world = World::new();
    let (manager, client) = world.user(30);
    let session = client.send(&manager, Dest::Document);
    block_on(add(&session, "x")).unwrap();
    world.store.set_down(true);
    let error = block_on(manager.finish(session, 200));
    assert!(matches!(error, Err(SessionError::Unavailable(_))));
}

#[test]
fn a_logout_that_could_not_be_recorded_leaves_the_user_logged_in() {
    let world = World::new();
    let (manager, client) = world.user(30);
    let session = client.send(&manager, Dest::Document);
    block_on(session.read(|_| ())).unwrap();
    world.store.set_down(true);
    assert!(block_on(session.log_out()).is_err());
    world.store.set_down(false);
    let headers = block_on(manager.finish(session, 503)).unwrap();
    assert_eq!(headers.set_cookie, [""; 0]);
    assert_eq!(presented(&manager, &client), Presented::Valid);
}

#[test]
fn pages_that_anybody_may_see_can_go_on_without_a_session() {
    let world = World::new();
    let (_, mut client) = world.user(30);
    let manager = world
        .builder()
        .on_unavailable(OnUnavailable::AnonymousReadOnly)
        .build()
        .unwrap();
    world.store.set_down(true);
    let (data, headers) = client.visit(&manager, async |s| s.get().await).unwrap();
    assert_eq!(data, Shop::default());
    assert_eq!(headers.set_cookie, [""; 0]);
    let error = client.visit(&manager, async |s| add(s, "x").await);
    assert!(matches!(error, Err(SessionError::Unavailable(_))));
    for _ in 0..2 {
        let error = client.visit(&manager, async |s| s.log_in("42").await);
        assert!(matches!(error, Err(SessionError::Unavailable(_))));
        let error = client.visit(&manager, async |session| {
            session.read(|_| ()).await?;
            session.log_out().await
        });
        assert!(matches!(error, Err(SessionError::Unavailable(_))));
        // Once more while the list of revocations can still be believed.
        world.store.set_down(false);
        block_on(manager.sync_revocations()).unwrap();
        world.store.set_down(true);
    }
    world.store.set_down(false);
    assert_eq!(cart(&manager, &client).len(), 30);
}

#[test]
fn a_server_is_not_ready_before_it_has_the_whole_list() {
    let world = World::new();
    let (_, client) = world.user(1);
    world.store.set_down(true);
    let fresh = world.manager();
    assert!(block_on(fresh.sync_revocations()).is_err());
    let session = client.send(&fresh, Dest::Document);
    assert!(matches!(
        block_on(session.read(|_| ())),
        Err(SessionError::Unavailable(_))
    ));
}

#[test]
fn strict_revocation_asks_every_time_and_none_never() {
    let world = World::new();
    let (manager, client) = world.user(1);
    let strict = world
        .builder()
        .revocation(Revocation::Strict)
        .build()
        .unwrap();
    let none = world
        .builder()
        .revocation(Revocation::None)
        .build()
        .unwrap();
    assert_eq!(presented(&strict, &client), Presented::Valid);
    let id = block_on(client.send(&manager, Dest::Empty).id()).unwrap();
    block_on(manager.revoke(id.unwrap())).unwrap();
    assert_eq!(presented(&strict, &client), REVOKED);
    assert_eq!(presented(&none, &client), Presented::Valid);
    assert!(block_on(none.revoke(id.unwrap())).is_err());
}

#[test]
fn failing_open_is_asked_for_by_name() {
    let world = World::new();
    let interval = Duration::from_secs(5);
    let open = world
        .builder()
        .revocation(Revocation::DangerousSyncedFailOpen(interval))
        .build()
        .unwrap();
    let (_, client) = world.user(1);
    block_on(open.sync_revocations()).unwrap();
    world.store.set_down(true);
    world.clock.advance(20 * MINUTE);
    assert_eq!(presented(&open, &client), Presented::Valid);
}

// --- At rest.

/// Whoever has the database and the keys, but no cookie, reads nothing.
#[test]
fn a_stolen_database_opens_nothing_not_even_with_the_keys() {
    let world = World::new();
    let (manager, client) = world.user(30);
    let (victim, mut thief) = (client, Client::default());
    fill(&manager, &mut thief, 30);
    for (_, row) in world.store.dump() {
        let text = String::from_utf8_lossy(&row.bytes);
        assert!(!text.contains("000000"), "no plain text");
    }
    // The thief has a handle of their own, and puts the victim's record under their row.
    let dump = world.store.dump();
    let id = |client: &Client| block_on(client.send(&manager, Dest::Empty).id()).unwrap();
    let (thief_id, victim_id) = (id(&thief), id(&victim));
    assert_ne!(thief_id, victim_id);
    for (key, row) in &dump {
        for (other, _) in &dump {
            if key != other {
                world.store.plant(*other, row.clone());
            }
        }
    }
    assert_eq!(presented(&manager, &thief), GONE);
    assert_eq!(presented(&manager, &victim), GONE);
}

#[test]
fn records_are_rewritten_when_their_key_retires_and_keep_their_expiry() {
    let world = World::new();
    let (manager, mut client) = world.user(30);
    let old_row = world.store.dump().remove(0).1;
    let next = Key::generate().unwrap();
    let longest = manager.codec().policy().longest_idle();
    let ring = world.keys.current();
    let ring = ring
        .rotate(world.clock.now(), MINUTE, longest, next)
        .unwrap();
    world.keys.replace(ring, world.clock.now()).unwrap();
    world.clock.advance(MINUTE);
    let (_, headers) = client.visit(&manager, async |s| s.get().await).unwrap();
    assert_eq!(headers.set_cookie.len(), 1, "the reference is sealed anew");
    let new_row = world.store.dump().remove(0).1;
    assert_ne!(old_row.bytes[1..17], new_row.bytes[1..17], "another key");
    assert_eq!(old_row.expires, new_row.expires);
    assert_eq!(cart(&manager, &client).len(), 30);
}

#[test]
fn a_session_over_the_record_limit_is_refused_with_size_and_limit() {
    let world = World::new();
    let manager = world.builder().max_record_bytes(10_000).build().unwrap();
    let mut client = Client::default();
    fill(&manager, &mut client, 90);
    let error = client.visit(&manager, async |session| {
        session
            .change(|shop| shop.cart = (0..100).map(item).collect())
            .await
    });
    assert!(matches!(
        error,
        Err(SessionError::Seal(SealError::RecordTooLarge {
            size: 10_102,
            limit: 10_000
        }))
    ));
    assert_eq!(cart(&manager, &client).len(), 90);
}

/// A guest's session over the bound, as one that was stored before there was a bound.
#[test]
fn f15_guests_have_a_smaller_bound_in_the_store_than_users() {
    let world = World::new();
    let bounded = || world.builder().max_guest_record_bytes(10_000);
    let manager = bounded().build().unwrap();
    let fill = |client: &mut Client, items: usize| {
        let visit = client.visit(&manager, async |session| {
            let change = |shop: &mut Shop| shop.cart = (0..items).map(item).collect();
            session.change(change).await
        });
        visit.map(|_| ())
    };
    let refused = |outcome: Result<(), SessionError>| {
        let error = outcome.unwrap_err();
        assert_eq!(error.status(), 413);
        assert!(matches!(
            error,
            SessionError::Seal(SealError::RecordTooLarge { limit: 10_000, .. })
        ));
    };
    let mut client = Client::default();
    refused(fill(&mut client, 100));
    fill(&mut client, 90).unwrap();
    refused(fill(&mut client, 100));
    assert_eq!(cart(&manager, &client).len(), 90);
    client
        .visit(&manager, async |s| s.log_in("42").await)
        .unwrap();
    fill(&mut client, 200).unwrap();
    assert_eq!(cart(&manager, &client).len(), 200);

    // 0 keeps guests out of the store, and the bound for all holds for guests too.
    let mut client = Client::default();
    for (most, items) in [(0, 30), (20_000, 200)] {
        let builder = world.builder().max_guest_record_bytes(most);
        let manager = builder.max_record_bytes(10_000).build().unwrap();
        let visit = client.visit(&manager, async |session| {
            let change = |shop: &mut Shop| shop.cart = (0..items).map(item).collect();
            session.change(change).await
        });
        let limit = most.min(10_000);
        assert!(matches!(
            visit,
            Err(SessionError::Seal(SealError::RecordTooLarge { limit: it, .. })) if it == limit
        ));
    }
}

#[test]
fn f15_a_guest_stored_over_the_bound_is_read_and_logs_in() {
    let world = World::new();
    let unbounded = world.builder().max_guest_record_bytes(usize::MAX);
    let mut client = Client::default();
    fill(&unbounded.build().unwrap(), &mut client, 200);
    let manager = world.manager();
    // The row is settled, and the reference is refreshed.
    assert_eq!(cart(&manager, &client).len(), 200);
    world.clock.advance(IDLE / 2);
    let (_, headers) = client.visit(&manager, async |s| s.get().await).unwrap();
    assert_eq!(headers.set_cookie.len(), 1);
    client
        .visit(&manager, async |session| {
            session.log_in("42").await?;
            add(session, "x").await
        })
        .unwrap();
    assert_eq!(cart(&manager, &client).len(), 201);
}

#[test]
#[cfg(feature = "store-memory")]
fn f15_3183_guests_fill_the_default_memory_store() {
    use sealed_session::{manager::DEFAULT_MAX_GUEST_RECORD_BYTES, store::memory::MemoryStore};
    let world = World::new();
    let store = MemoryStore::new();
    let builder = world.builder().store(Arc::new(store.clone()));
    let manager = builder.build().unwrap();
    let put = |len: usize| {
        let change = |shop: &mut Shop| shop.cart = vec!["x".repeat(len)];
        Client::default().visit(&manager, async |session| session.change(change).await)
    };
    // Two numbers and a length stand before the text.
    let most = DEFAULT_MAX_GUEST_RECORD_BYTES - 4;
    put(most).unwrap();
    let guests = (64 << 20) / store.used_bytes();
    assert_eq!(guests, 3_183);
    put(most + 1).unwrap_err();
}

/// The limit counts bytes of postcard. An empty string is one of them, and 24 in memory, in
/// a vector that has grown by doubling.
#[test]
fn f16_a_stored_byte_becomes_at_most_32_in_a_list_of_text() {
    let world = World::new();
    let manager = world.manager();
    let mut client = Client::default();
    let most = sealed_session::manager::DEFAULT_MAX_RECORD_BYTES - 5;
    let fill = async |session: &Session<Shop>| {
        session.log_in("42").await?;
        session
            .change(|shop| shop.cart = vec![String::new(); most])
            .await
    };
    client.visit(&manager, fill).unwrap();
    let session = client.send(&manager, Dest::Empty);
    let capacity = block_on(session.read(|shop| shop.cart.capacity())).unwrap();
    let factor = capacity * size_of::<String>() / most;
    assert!((24..=32).contains(&factor), "{factor}");
}
