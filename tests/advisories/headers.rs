//! What a response tells caches, and which cookie a request names.

use std::cell::RefCell;

use sealed_session::{
    SessionManager,
    cookie::candidates,
    manager::{Place, Presented, ResponseHeaders},
    session::Session,
};

use super::{Client, Dest, MINUTE, PLACES, Shop, World, add, block_on};

/// Flask sent a refreshed session without `Vary: Cookie`, and a cache gave one user's cookie to
/// another. Here a response with a session cookie says so, and is not to be kept.
#[test]
fn cve_2023_30861_a_refreshed_session_is_not_for_shared_caches() {
    for place in PLACES {
        let world = World::new();
        let (manager, client) = world.user(place);
        world.clock.advance(5 * MINUTE);
        let refreshed = respond(&manager, &client, async |s| drop(s.get().await.unwrap()));
        assert_eq!(refreshed.set_cookie.len(), 1);
        let lines = lines(&refreshed, &[]);
        assert_eq!(lines[0], "+vary: Cookie");
        assert!(lines[1].starts_with("+set-cookie: __Host-session="));
        assert_eq!(lines[2..], ["=cache-control: no-store"]);
    }
}

/// In Flask some ways to look at a session did not count as looking at it, so that `Vary`
/// was missing again. Here there is one way in, and everything that asks about a session
/// goes through it.
#[test]
fn ghsa_68rp_wp8r_4726_every_way_to_look_at_a_session_counts() {
    let looks: [fn(&Session<Shop>) -> bool; 10] = [
        |s| block_on(s.read(|_| ())).is_ok(),
        |s| block_on(s.get()).is_ok(),
        |s| block_on(s.presented()).is_ok(),
        |s| block_on(s.id()).is_ok(),
        |s| block_on(s.claims()).is_ok(),
        |s| block_on(s.subject()).is_ok(),
        |s| block_on(s.is_dirty()).is_ok(),
        |s| block_on(s.place()).is_ok(),
        |s| block_on(s.plan()).is_ok(),
        |s| block_on(s.change(|_| ())).is_ok(),
    ];
    let world = World::new();
    for place in PLACES {
        let (manager, client) = world.user(place);
        // Without a cookie too: the next user may have one.
        for client in [&client, &Client::default()] {
            for look in looks {
                let session = client.send(&manager, Dest::Document);
                assert!(look(&session));
                let headers = block_on(manager.finish(session, 200)).unwrap();
                assert!(headers.touched);
                let lines = lines(&headers, &[]);
                assert_eq!(lines[0], "+vary: Cookie");
                assert_eq!(lines.last().unwrap(), "=cache-control: private, no-cache");
            }
            let unread = respond(&manager, client, async |_| ());
            assert!(unread.is_empty() && lines(&unread, &[]).is_empty());
        }
    }
}

/// In nextjs-auth0 a content delivery network kept responses together with their `Set-Cookie`.
/// Here `no-store` stands on each, whatever the application itself has said.
#[test]
fn cve_2025_48947_a_response_that_sets_a_cookie_is_never_stored() {
    let world = World::new();
    for place in PLACES {
        let (manager, client) = world.user(place);
        for set in [
            respond(&manager, &client, async |s| add(s, "x").await.unwrap()),
            respond(&manager, &client, async |s| s.log_in("42").await.unwrap()),
            respond(&manager, &client, async |s| s.log_out().await.unwrap()),
        ] {
            // A change of a stored session sets no cookie.
            if set.set_cookie.is_empty() {
                assert_eq!(place, Place::Store);
                continue;
            }
            for own in [&["cache-control"][..], &[]] {
                let lines = lines(&set, own);
                assert_eq!(lines.last().unwrap(), "=cache-control: no-store");
            }
            let targeted = ["cache-control", "cdn-cache-control", "x-accel-expires"];
            assert!(lines(&set, &targeted).ends_with(&[
                "=cache-control: no-store".to_owned(),
                "=cdn-cache-control: no-store".to_owned(),
                "=x-accel-expires: 0".to_owned(),
            ]));
        }
    }
}

/// rack decoded the names of cookies, so that `%5F%5FHost-x`, which any host may set, was read
/// as `__Host-x`, which only one may. Here names are compared as they are.
#[test]
fn cve_2020_8184_a_cookie_whose_name_only_decodes_to_ours_is_not_ours() {
    let world = World::new();
    let (manager, client) = world.user(Place::Cookie);
    let value = client.cookie.unwrap();
    for name in [
        "%5F%5FHost-session",
        "__Host%2Dsession",
        "%5f%5f%48%6f%73%74-session",
        "__host-session",
        "__HOST-SESSION",
        "\"__Host-session\"",
        "__Host-session%00",
        "__Host-session[]",
        "\u{2000}__Host-session",
        "..Host-session",
    ] {
        let line = format!("{name}={value}");
        assert!(candidates([line.as_bytes()], "__Host-session").is_empty());
        let session = manager.session([line.as_bytes()], None);
        assert_eq!(block_on(session.presented()).unwrap(), Presented::Nothing);
        // Nor does it hide the real one.
        let line = format!("{name}=x; __Host-session={value}");
        let session = manager.session([line.as_bytes()], None);
        assert_eq!(block_on(session.presented()).unwrap(), Presented::Valid);
    }
}

/// The headers of the response to a navigation.
fn respond(
    manager: &SessionManager<Shop>,
    client: &Client,
    handler: impl AsyncFnOnce(&Session<Shop>),
) -> ResponseHeaders {
    let session = client.send(manager, Dest::Document);
    block_on(handler(&session));
    block_on(manager.finish(session, 200)).unwrap()
}

/// What is to be done to the headers, in order, where the application has set these.
fn lines(headers: &ResponseHeaders, own: &[&str]) -> Vec<String> {
    let lines = RefCell::new(Vec::new());
    headers.apply(
        |name| own.contains(&name),
        |name, value| lines.borrow_mut().push(format!("+{name}: {value}")),
        |name, value| lines.borrow_mut().push(format!("={name}: {value}")),
    );
    lines.into_inner()
}
