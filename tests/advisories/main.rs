//! What went wrong elsewhere, and must not go wrong here: a test for each advisory, named
//! after it, against the public interface.
//!
//! Each stands on its own, also where another test holds the same: whoever looks for an
//! advisory finds it, and what it asks, in one place.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a failure fails the test"
)]

mod headers;
mod keys;
mod limits;
mod requests;
mod store;
mod time;
mod tokens;

#[path = "../support/client.rs"]
#[allow(dead_code, reason = "a part of it")]
mod client;
#[path = "../support/model_store.rs"]
#[allow(dead_code, reason = "a part of it")]
mod model_store;

#[path = "../vectors/reading.rs"]
mod reading;

use core::time::Duration;
use std::sync::Arc;

use client::{Client, Dest, block_on};
use model_store::ModelStore;
use sealed_session::{
    EncryptedCodec, Policy, SessionData, SessionManager,
    claims::SessionId,
    codec::{CodecBuilder, Encrypted},
    keys::{Key, KeyRing, SharedKeyRing},
    manager::{InvalidKind, Place, Presented, SessionError, SessionManagerBuilder},
    payload::Compression,
    session::Session,
    time::{TestClock, Timestamp},
};
use serde::{Deserialize, Serialize};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_348_800);
const MINUTE: Duration = Duration::from_mins(1);
const IDLE: Duration = Duration::from_mins(30);
const DAY: Duration = Duration::from_hours(24);
const REVOKED: Presented = Presented::Invalid(InvalidKind::Revoked);

/// Some session; 4,000 bytes of it do not fit a cookie.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Shop {
    cart: Vec<String>,
    ballast: String,
}

impl SessionData for Shop {}

/// A clock, keys and a store, of which any number of servers can be made.
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

    /// A user whose session lives there, and a manager.
    fn user(&self, place: Place) -> (SessionManager<Shop>, Client) {
        let manager = self.manager();
        let mut client = Client::default();
        let len = if place == Place::Store { 4_000 } else { 0 };
        client
            .visit(&manager, async |session| {
                add(session, "book").await?;
                session.change(|shop| shop.ballast = "x".repeat(len)).await
            })
            .unwrap();
        assert_eq!(
            block_on(client.send(&manager, Dest::Empty).place()).unwrap(),
            place
        );
        (manager, client)
    }
}

/// Both places where a session lives.
const PLACES: [Place; 2] = [Place::Cookie, Place::Store];

async fn add(session: &Session<Shop>, item: &str) -> Result<(), SessionError> {
    session.change(|shop| shop.cart.push(item.to_owned())).await
}

fn cart(manager: &SessionManager<Shop>, client: &Client) -> Vec<String> {
    let session = client.send(manager, Dest::Empty);
    block_on(session.read(|shop| shop.cart.clone())).unwrap()
}

fn presented(manager: &SessionManager<Shop>, client: &Client) -> Presented {
    block_on(client.send(manager, Dest::Empty).presented()).unwrap()
}

fn id(manager: &SessionManager<Shop>, client: &Client) -> SessionId {
    let session = client.send(manager, Dest::Empty);
    block_on(session.id()).unwrap().unwrap()
}

fn hex(bytes: &[u8]) -> String {
    use core::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// A browser that holds this value.
fn holding(value: &str) -> Client {
    Client {
        cookie: Some(value.to_owned()),
    }
}
