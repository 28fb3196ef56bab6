//! When a session ends.

use core::time::Duration;

use sealed_session::{
    OpenErrorKind,
    manager::{InvalidKind, Place, Presented},
    time::Clock as _,
};

use super::{Client, DAY, Dest, IDLE, MINUTE, NOW, PLACES, World, add, presented};

const SECOND: Duration = Duration::from_secs(1);
const IDLE_FOR_TOO_LONG: Presented =
    Presented::Invalid(InvalidKind::Token(OpenErrorKind::ExpiredIdle));
const TOO_OLD: Presented = Presented::Invalid(InvalidKind::Token(OpenErrorKind::ExpiredAbsolute));

/// In fastify-secure-session the deadline was an attribute of the cookie, which only a browser
/// respects. Here it is inside what is authenticated: a copy that is sent without a browser
/// ends at the same second.
#[test]
fn cve_2024_31999_a_copied_cookie_ends_at_its_deadline() {
    for place in PLACES {
        let world = World::new();
        let (manager, client) = world.user(place);
        let copy = client.clone();
        world.clock.set(NOW + IDLE - SECOND);
        assert_eq!(presented(&manager, &copy), Presented::Valid);
        world.clock.advance(SECOND);
        assert_eq!(presented(&manager, &copy), IDLE_FOR_TOO_LONG);
        world.clock.advance(400 * DAY);
        assert_eq!(presented(&manager, &copy), TOO_OLD);
    }
    // Not even a client that goes on for ever keeps a session beyond the absolute timeout.
    let world = World::new();
    let (manager, mut client) = world.user(Place::Cookie);
    let mut latest = Client::default();
    for _ in 0..72 {
        latest.clone_from(&client);
        world.clock.advance(20 * MINUTE);
        let _ = client.visit(&manager, async |session| add(session, "x").await);
    }
    assert_eq!(presented(&manager, &latest), TOO_OLD);
}

/// In fastify-session every load gave the session a new deadline. Here a load gives none: what
/// the token says is what it was sealed with, however often it is opened.
#[test]
fn cve_2024_35220_loading_moves_no_deadline() {
    for place in PLACES {
        let world = World::new();
        let (manager, client) = world.user(place);
        let claims = |client: &Client| {
            let session = client.send(&manager, Dest::Empty);
            super::block_on(session.claims()).unwrap().unwrap()
        };
        let sealed = claims(&client);
        assert_eq!(sealed.expires(), world.clock.now() + IDLE);
        let rows = || world.store.dump().into_iter().map(|(_, row)| row.expires);
        let row_expires: Vec<_> = rows().collect();
        for _ in 0..29 {
            world.clock.advance(MINUTE);
            assert_eq!(claims(&client), sealed);
        }
        assert!(rows().eq(row_expires));
        world.clock.advance(MINUTE);
        assert_eq!(presented(&manager, &client), IDLE_FOR_TOO_LONG);
    }
    // Issued anew, a session has a new idle timeout and its old beginning.
    let world = World::new();
    let (manager, mut client) = world.user(Place::Cookie);
    let began = world.clock.now();
    for _ in 0..71 {
        world.clock.advance(20 * MINUTE);
        client
            .visit(&manager, async |session| session.read(|_| ()).await)
            .unwrap();
        let opened = manager.codec().open_token(client.cookie.as_ref().unwrap());
        let claims = *opened.unwrap().claims();
        assert_eq!(claims.created(), began);
        assert!(claims.expires() <= began + DAY);
    }
    world.clock.advance(20 * MINUTE);
    assert_eq!(presented(&manager, &client), TOO_OLD);
}
