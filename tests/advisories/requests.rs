//! Whose session it is, and when it has ended.

use sealed_session::manager::{InvalidKind, Presented, SessionError};

use super::{DAY, Dest, PLACES, REVOKED, World, add, block_on, cart, hex, holding, id, presented};

/// In rack's pool a request that was under way wrote back the session that another had
/// deleted (express-session#632 is the same). Here a save changes what is there and never
/// makes it: the logout stays, and the late request is told.
#[test]
fn cve_2025_46336_a_save_under_way_does_not_bring_a_session_back() {
    for place in PLACES {
        let world = World::new();
        let (manager, mut client) = world.user(place);
        let (copy, late) = (client.clone(), client.send(&manager, Dest::Document));
        block_on(add(&late, "late")).unwrap();
        client.visit(&manager, async |s| s.log_out().await).unwrap();
        let saved = block_on(manager.finish(late, 200));
        assert!(matches!(saved, Err(SessionError::Gone)), "{saved:?}");
        assert_eq!(presented(&manager, &copy), REVOKED);
        assert_eq!(world.store.rows(), 0);
        // Nor later, nor on another server.
        let other = world.manager();
        let again = copy.clone().visit(&other, async |s| add(s, "again").await);
        assert!(again.is_ok(), "a session of its own");
        assert_eq!(presented(&other, &copy), REVOKED);
        assert_eq!(world.store.rows(), 0);
    }
}

/// Fiber began a session under whatever id the request named. Here an id comes from a random
/// generator, and only what this server sealed names one.
#[test]
fn cve_2024_38513_an_id_that_a_client_names_is_never_adopted() {
    let world = World::new();
    let stranger = World::new();
    for place in PLACES {
        let manager = world.manager();
        let (theirs, client) = stranger.user(place);
        let value = client.cookie.clone().unwrap();
        let foreign = id(&theirs, &client);
        let hex = hex(foreign.as_bytes());
        for value in [&value[..], &hex, "00000000-0000-0000-0000-000000000000"] {
            let mut client = holding(value);
            client.visit(&manager, async |s| add(s, "x").await).unwrap();
            assert_ne!(client.cookie.as_deref(), Some(value));
            let ours = id(&manager, &client);
            assert_ne!(ours, foreign);
            assert_ne!(hex.as_bytes()[..16], ours.as_bytes()[..]);
            assert_eq!(cart(&manager, &client), ["x"]);
            // The same value does not lead anybody else to that session.
            assert!(matches!(
                presented(&manager, &holding(value)),
                Presented::Invalid(InvalidKind::Token(_))
            ));
        }
    }
}

/// In passport the id stayed the same when a user logged in, so that whoever had planted it
/// was logged in too. Here a login and a renewal change it, and the old one is dead.
#[test]
fn cve_2022_25896_a_login_changes_the_id_and_the_old_one_is_dead() {
    for place in PLACES {
        let world = World::new();
        let (manager, planted) = world.user(place);
        let mut victim = planted.clone();
        let mut ids = vec![id(&manager, &victim)];
        for renew in [false, true] {
            let before = victim.clone();
            victim
                .visit(&manager, async |session| {
                    if renew {
                        session.renew().await
                    } else {
                        session.log_in("42").await
                    }
                })
                .unwrap();
            ids.push(id(&manager, &victim));
            for old in [&planted, &before] {
                assert_eq!(presented(&manager, old), REVOKED);
                let mut old = old.clone();
                old.visit(&manager, async |s| add(s, "y").await).unwrap();
                assert_ne!(id(&manager, &old), id(&manager, &victim));
            }
            assert_eq!(cart(&manager, &victim), ["book"]);
        }
        ids.sort_by_key(|id| *id.as_bytes());
        ids.dedup();
        assert_eq!(ids.len(), 3);
    }
}

/// In oauth2-proxy a logout stopped clearing the cookie. Here a logout is what a browser sees:
/// the removal names the cookie by all that tells it from others, and the browser is left
/// with nothing to send.
#[test]
fn cve_2026_34454_after_a_logout_the_browser_holds_nothing() {
    use sealed_session::cookie::CookieConfig;
    let old = CookieConfig::named("sid")
        .domain("example.com")
        .path("/app");
    let configs = [
        CookieConfig::default(),
        CookieConfig::insecure_dev(),
        CookieConfig::builder().partitioned(true).build().unwrap(),
        CookieConfig::named("__Http-s")
            .path("/app")
            .build()
            .unwrap(),
        old.clone().build().unwrap(),
        CookieConfig::builder()
            .formerly(old.build().unwrap())
            .build()
            .unwrap(),
    ];
    for place in PLACES {
        for config in &configs {
            let world = World::new();
            let manager = world.builder().cookie(config.clone()).build().unwrap();
            let mut browser = Browser::default();
            let len = if place == PLACES[1] { 4_000 } else { 0 };
            let request = |browser: &mut Browser, log_out: bool, status| {
                let header = browser.header();
                let session = manager.session([header.as_bytes()], None);
                let done = block_on(async {
                    if log_out {
                        session.log_out().await
                    } else {
                        session
                            .change(|shop| shop.ballast = "x".repeat(len))
                            .await?;
                        add(&session, "book").await
                    }
                });
                done.unwrap();
                let headers = block_on(manager.finish(session, status)).unwrap();
                headers
                    .set_cookie
                    .iter()
                    .for_each(|line| browser.receive(line));
            };
            request(&mut browser, false, 200);
            assert_eq!(browser.0.len(), 1, "{config:?}");
            let copy = browser.header();
            // Also where the response then fails.
            request(&mut browser, true, 500);
            assert_eq!(browser.header(), "", "{config:?}");
            let session = manager.session([copy.as_bytes()], None);
            assert_eq!(block_on(session.presented()).unwrap(), REVOKED);
            world.clock.advance(DAY);
            assert_eq!(browser.header(), "");
        }
    }
}

/// Cookies as a browser keeps them: by name, domain, path and partition, and by the rules of
/// the prefixes (RFC 6265bis).
#[derive(Default)]
struct Browser(std::collections::BTreeMap<[String; 4], String>);

impl Browser {
    fn header(&self) -> String {
        let pairs = self
            .0
            .iter()
            .map(|(key, value)| format!("{}={value}", key[0]));
        pairs.collect::<Vec<_>>().join("; ")
    }

    fn receive(&mut self, line: &str) {
        let mut parts = line.split("; ");
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let attributes: Vec<&str> = parts.collect();
        let has = |flag: &str| attributes.contains(&flag);
        let get = |name: &str| {
            let named = attributes.iter().filter_map(|part| part.split_once('='));
            let mut values = named
                .filter(|(key, _)| *key == name)
                .map(|(_, value)| value);
            values.next().unwrap_or_default().to_owned()
        };
        let prefixed = |prefix| name.starts_with(prefix);
        let refused = prefixed("__") && !has("Secure")
            || prefixed("__Host-") && (get("Path") != "/" || !get("Domain").is_empty())
            || prefixed("__Http-") && !has("HttpOnly")
            || has("Partitioned") && !has("Secure");
        if refused {
            return;
        }
        let partition = has("Partitioned").to_string();
        let key = [name.to_owned(), get("Domain"), get("Path"), partition];
        if get("Max-Age") == "0" {
            self.0.remove(&key);
        } else {
            self.0.insert(key, value.to_owned());
        }
    }
}
