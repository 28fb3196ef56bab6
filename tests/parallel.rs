//! One session, many requests at the same time, on threads of their own.
#![allow(
    clippy::unwrap_used,
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
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    thread,
};

use client::{Client, Dest, block_on};
use model_store::ModelStore;
use sealed_session::{
    EncryptedCodec, Policy, SessionData, SessionManager,
    keys::{Key, KeyRing},
    manager::{InvalidKind, Place, Presented, SessionError},
    payload::Compression,
    session::Session,
};
use serde::{Deserialize, Serialize};

const THREADS: u32 = 8;
const ROUNDS: u32 = 40;

/// A set, so that joining two changes needs no order.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Items {
    ballast: Vec<u8>,
    numbers: BTreeSet<u32>,
}

impl SessionData for Items {}

fn manager(store: &Arc<ModelStore>) -> SessionManager<Items> {
    let keys = KeyRing::single(Key::generate().unwrap()).unwrap();
    let policy = Policy::new(Duration::from_hours(1), Duration::from_hours(2)).unwrap();
    let codec = EncryptedCodec::builder("example.com", keys, policy);
    SessionManager::builder(codec.compression(Compression::NEVER))
        .store(store.clone())
        .merge_with(|base: &Items, ours: &Items, mut theirs: Items| {
            theirs
                .numbers
                .extend(ours.numbers.difference(&base.numbers));
            if ours.ballast != base.ballast {
                theirs.ballast.clone_from(&ours.ballast);
            }
            Some(theirs)
        })
        .build()
        .unwrap()
}

/// A session in the store.
fn stored(manager: &SessionManager<Items>) -> Client {
    let mut client = Client::default();
    client
        .visit(manager, async |session| {
            session.change(|items| items.ballast = vec![7; 4_000]).await
        })
        .unwrap();
    client
}

fn add(
    manager: &SessionManager<Items>,
    client: &mut Client,
    number: u32,
) -> Result<(), SessionError> {
    client
        .visit_as(manager, Dest::Empty, 200, async |session| {
            session.change(|items| items.numbers.insert(number)).await
        })
        .map(drop)
}

fn numbers(manager: &SessionManager<Items>, client: &Client) -> BTreeSet<u32> {
    let session = client.send(manager, Dest::Empty);
    block_on(session.read(|items| items.numbers.clone())).unwrap()
}

/// Runs this on threads of their own, and gives what they give.
fn threads<R: Send>(run: impl Fn(u32) -> R + Sync) -> Vec<R> {
    let run = &run;
    thread::scope(|scope| {
        let running: Vec<_> = (0..THREADS).map(|n| scope.spawn(move || run(n))).collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

#[test]
fn parallel_writers_to_a_stored_session_lose_nothing_that_was_acknowledged() {
    let store = Arc::<ModelStore>::default();
    let manager = manager(&store);
    let client = stored(&manager);
    let acknowledged = threads(|thread| {
        let mut client = client.clone();
        let mut acknowledged = Vec::new();
        for round in 0..ROUNDS {
            let number = thread * ROUNDS + round;
            match add(&manager, &mut client, number) {
                Ok(()) => acknowledged.push(number),
                Err(SessionError::Conflict) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        acknowledged
    });
    let acknowledged: BTreeSet<u32> = acknowledged.into_iter().flatten().collect();
    assert!(!acknowledged.is_empty());
    assert_eq!(numbers(&manager, &client), acknowledged);
}

#[test]
fn of_parallel_crossings_with_one_cookie_one_row_comes_and_one_reference_is_right() {
    for _ in 0..20 {
        let store = Arc::<ModelStore>::default();
        let manager = manager(&store);
        let mut client = Client::default();
        add(&manager, &mut client, 1_000).unwrap();
        let crossed = threads(|thread| {
            let mut client = client.clone();
            let crossing = client.visit(&manager, async |session| {
                session
                    .change(|items| {
                        items.ballast = vec![7; 4_000];
                        items.numbers.insert(thread);
                    })
                    .await
            });
            crossing.map(|_| (thread, client))
        });
        let won: Vec<_> = crossed.into_iter().flatten().collect();
        assert_eq!((won.len(), store.rows()), (1, 1));
        let (thread, client) = &won[0];
        assert_eq!(numbers(&manager, client), BTreeSet::from([*thread, 1_000]));
    }
}

#[test]
fn a_session_that_moves_back_while_others_write_refuses_them_and_keeps_what_it_had() {
    for _ in 0..20 {
        let store = Arc::<ModelStore>::default();
        let manager = manager(&store);
        let client = stored(&manager);
        let moved = Mutex::new(None);
        let acknowledged = threads(|thread| {
            let mut client = client.clone();
            if thread > 0 {
                return add(&manager, &mut client, thread).ok().map(|()| thread);
            }
            // The others may be quicker more often than changes are merged.
            let shrink = async |session: &Session<Items>| {
                session.change(|items| items.ballast.clear()).await
            };
            while client.visit(&manager, shrink).is_err() {}
            *moved.lock().unwrap() = Some(client);
            None
        });
        let acknowledged: BTreeSet<u32> = acknowledged.into_iter().flatten().collect();
        let moved = moved.into_inner().unwrap().unwrap();
        let place = block_on(moved.send(&manager, Dest::Empty).place()).unwrap();
        assert_eq!(place, Place::Cookie);
        assert_eq!(numbers(&manager, &moved), acknowledged);
    }
}

#[test]
fn nothing_brings_a_session_back_that_was_logged_out_meanwhile() {
    for _ in 0..20 {
        let store = Arc::<ModelStore>::default();
        let manager = manager(&store);
        let client = stored(&manager);
        threads(|thread| {
            let mut client = client.clone();
            match thread {
                0 => client
                    .visit(&manager, async |session| session.log_out().await)
                    .map(drop)
                    .unwrap(),
                1 => drop(client.visit(&manager, async |session| {
                    session.change(|items| items.ballast.clear()).await
                })),
                _ => drop(add(&manager, &mut client, thread)),
            }
        });
        let presented = block_on(client.send(&manager, Dest::Empty).presented()).unwrap();
        assert_eq!(presented, Presented::Invalid(InvalidKind::Revoked));
        // What another request began under a new id fits its cookie: there is no row.
        assert_eq!(store.rows(), 0);
    }
}
