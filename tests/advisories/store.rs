//! What reaches a store.

use sealed_session::{
    manager::{InvalidKind, Place, Presented, Revocation, SessionError},
    store::{RevocationId, RowKey, SessionStore as _},
    time::Clock as _,
};

use super::{Client, Dest, World, add, block_on, cart, hex, holding, id, presented};

/// Django stored an empty session for every visitor, until the store was full. Here a session
/// that holds nothing is stored nowhere, whoever asks for it and with whatever cookie.
#[test]
fn cve_2015_5143_visitors_without_a_session_write_nothing() {
    let world = World::new();
    let manager = world.manager();
    for number in 0..1_000 {
        let mut client = match number % 3 {
            0 => Client::default(),
            1 => holding(&format!("{number:040}")),
            _ => holding(""),
        };
        let (empty, headers) = client
            .visit(&manager, async |session| {
                session.change(|_| ()).await?;
                session.read(|shop| shop.cart.is_empty()).await
            })
            .unwrap();
        assert!(empty && headers.set_cookie.is_empty());
    }
    assert_eq!(world.store.rows(), 0);
}

/// rack looked sessions up by the id that the cookie named, so that the time of the lookup
/// gave ids away, and a copy of the store was as good as its cookies. Here a row is found by
/// a hash of what stands in an authentic token. That hash is the session's public id, and
/// neither it nor the row is a cookie.
#[test]
fn cve_2019_16782_a_store_is_asked_for_hashes_only() {
    let world = World::new();
    let (manager, mut client) = world.user(Place::Store);
    let sid = id(&manager, &client);
    let (key, row) = world.store.dump().pop().unwrap();
    assert_eq!(key, RowKey(*sid.as_bytes()));
    for value in [hex(&key.0), hex(&key.0[..16]), hex(&row.bytes[..100])] {
        assert!(matches!(
            presented(&manager, &holding(&value)),
            Presented::Invalid(_)
        ));
    }
    // The list of revocations holds the hash too.
    client.visit(&manager, async |s| s.log_out().await).unwrap();
    let id = RevocationId(key.0);
    let revoked = block_on(world.store.revoked(&[id], world.clock.now())).unwrap();
    assert_eq!(revoked.len(), 1);
}

/// gorilla and React Router made a file name of the id that a cookie named, and wrote wherever
/// it led. Here a cookie names nothing: what is not an authentic token reaches no store, and
/// what a store is given is a type of 32 bytes.
#[test]
fn cve_2024_3400_an_id_is_never_a_path() {
    let world = World::new();
    let (manager, client) = world.user(Place::Store);
    assert_eq!(cart(&manager, &client), ["book"]);
    let calls = world.store.calls();
    for value in [
        "../../../../etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "/tmp/x",
        "C:\\x",
        "sess_..%00",
        ".",
        "a/../b",
        "%2e%2e/",
        "file:///etc/passwd",
    ] {
        let mut client = holding(value);
        // Some of these are no cookie at all.
        assert_ne!(presented(&manager, &client), Presented::Valid);
        client.visit(&manager, async |s| s.log_out().await).unwrap();
    }
    assert_eq!(world.store.calls(), calls, "asked for something");
    let RowKey(key) = world.store.dump()[0].0;
    let _: [u8; 32] = key;
}

/// As `cve_2025_46336_a_save_under_way_does_not_bring_a_session_back`, where no list of
/// revocations helps: a row that goes while a request is under way is not made again.
#[test]
fn cve_2025_46336_an_update_never_inserts() {
    let world = World::new();
    let (_, client) = world.user(Place::Store);
    let manager = world
        .builder()
        .revocation(Revocation::None)
        .build()
        .unwrap();
    let late = client.send(&manager, Dest::Document);
    block_on(add(&late, "late")).unwrap();
    let (key, _) = world.store.dump().pop().unwrap();
    block_on(world.store.delete(&key)).unwrap();
    let saved = block_on(manager.finish(late, 200));
    assert!(matches!(saved, Err(SessionError::Gone)), "{saved:?}");
    assert_eq!(world.store.rows(), 0);
    assert_eq!(
        presented(&manager, &client),
        Presented::Invalid(InvalidKind::Gone)
    );
}
