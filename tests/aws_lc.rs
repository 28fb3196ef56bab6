//! Sessions go on when a server begins to call AWS-LC, and when it goes back.
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
    EncryptedCodec, Policy, SessionData, SessionManager,
    codec::AeadProvider,
    keys::{Key, KeyRing},
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Notes(Vec<String>);

impl SessionData for Notes {}

fn server(keys: &KeyRing, store: &Arc<ModelStore>, aead: AeadProvider) -> SessionManager<Notes> {
    let hour = Duration::from_hours(1);
    let policy = Policy::new(hour, 24 * hour).unwrap();
    let codec = EncryptedCodec::builder("example.com", keys.clone(), policy).aead_provider(aead);
    let manager = SessionManager::builder(codec).store(store.clone()).build();
    let manager = manager.unwrap();
    assert_eq!(manager.codec().aead_provider(), aead);
    manager
}

/// In the cookie, in the store, and over the moves between them: what one wrote, the other
/// reads and changes.
#[test]
fn a_session_lives_on_after_a_change_of_provider_and_back() {
    let keys = KeyRing::single(Key::generate().unwrap()).unwrap();
    let store = Arc::default();
    let servers =
        [AeadProvider::RustCrypto, AeadProvider::AwsLc].map(|it| server(&keys, &store, it));
    for turn in 0..2 {
        let mut servers = servers.iter().cycle().skip(turn);
        let mut user = Client::default();
        let (mut notes, mut id) = (0, None);
        for next in [1, 2, 40, 41, 42, 3, 4, 43] {
            let server = servers.next().unwrap();
            let visit = user.visit(server, async |session| {
                let before = session.get().await?;
                let change = |data: &mut Notes| data.0 = vec!["n".repeat(100); next];
                session.change(change).await?;
                Ok((before.0, session.id().await?))
            });
            let ((before, own), _) = visit.unwrap();
            assert_eq!(before, vec!["n".repeat(100); notes]);
            assert_eq!(own, id, "none before the first response");
            // A reference has at most 184 characters.
            let is_stored = user.cookie.as_ref().is_some_and(|it| it.len() <= 184);
            assert_eq!(is_stored, next >= 40);
            let after = servers.clone().next().unwrap();
            id = block_on(user.send(after, Dest::Empty).id()).unwrap();
            assert!(id.is_some());
            notes = next;
        }
        // What ends on one is no session of the other.
        let copy = user.clone();
        let [one, other] = [servers.next().unwrap(), servers.next().unwrap()];
        user.visit(one, async |session| session.log_out().await)
            .unwrap();
        let left = block_on(copy.send(other, Dest::Empty).get()).unwrap();
        assert_eq!(left, Notes::default());
    }
}
