//! The stories.

use core::time::Duration;
use std::thread;

use super::{App, FOR_CACHES, SORRY, Server, Visitor};

/// What starts a framework with the application.
type Serve = fn(App) -> Server;

struct Stage {
    app: App,
    server: Server,
}

impl Stage {
    fn new(serve: Serve) -> Self {
        Self::with(App::new(), serve)
    }

    fn with(app: App, serve: Serve) -> Self {
        let server = serve(app.clone());
        Self { app, server }
    }

    fn visitor(&self) -> Visitor {
        Visitor::new(self.server.address, &self.app.clock)
    }
}

/// 400 characters that cannot be compressed, and differ by `seed`.
fn item(seed: u32) -> String {
    let mut state = u64::from(seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(
            b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
                [usize::try_from(state % 64).unwrap()],
        )
    };
    (0..400).map(|_| next()).collect()
}

fn add(visitor: &mut Visitor, item: &str) {
    let reply = visitor.post(&format!("/add?item={item}"));
    assert_eq!((reply.status, reply.body.as_str()), (200, "added"));
}

fn cart(visitor: &mut Visitor) -> Vec<String> {
    let reply = visitor.get("/cart");
    assert_eq!(reply.status, 200, "{}", reply.body);
    let items = reply.body.split(',').filter(|item| !item.is_empty());
    items.map(str::to_owned).collect()
}

fn whoami(visitor: &mut Visitor) -> String {
    visitor.get("/whoami").body
}

/// Fills the cart until it lives in the store.
fn outgrow(stage: &Stage, visitor: &mut Visitor) -> Vec<String> {
    let items: Vec<String> = (0..12).map(item).collect();
    for item in &items {
        add(visitor, item);
    }
    assert_eq!(stage.app.store.rows(), 1);
    items
}

pub fn an_anonymous_visit_sets_nothing(serve: Serve) {
    let stage = Stage::new(serve);
    let mut visitor = stage.visitor();
    let reply = visitor.get("/cart");
    assert_eq!((reply.status, reply.body.as_str()), (200, ""));
    assert!(reply.cookies().is_empty());
    // It did look, so that what it saw depends on the cookie.
    assert_eq!(reply.values("vary"), ["Cookie", "x-session"]);
    assert_eq!(stage.app.store.rows(), 0);
}

pub fn routes_without_a_session_touch_nothing(serve: Serve) {
    let stage = Stage::new(serve);
    let mut visitor = stage.visitor();
    outgrow(&stage, &mut visitor);
    let calls = stage.app.store.calls();
    let reply = visitor.get("/");
    assert_eq!((reply.status, reply.body.as_str()), (200, "welcome"));
    assert!(reply.says_nothing(), "{:?}", reply.headers);
    assert_eq!(visitor.get("/no-such-route").status, 404);
    assert_eq!(stage.app.store.calls(), calls);
}

pub fn the_first_write_sets_one_cookie_with_the_right_attributes(serve: Serve) {
    let stage = Stage::new(serve);
    let mut visitor = stage.visitor();
    let reply = visitor.post("/add?item=book");
    let cookies = reply.cookies();
    let [line] = cookies.as_slice() else {
        panic!("{cookies:?}")
    };
    let (pair, attributes) = line.split_once("; ").unwrap();
    assert!(pair.starts_with("__Host-session=A"));
    let mut attributes: Vec<&str> = attributes.split("; ").collect();
    attributes.sort_unstable();
    assert_eq!(attributes, ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]);
    assert_eq!(reply.values("cache-control"), ["no-store"]);
    assert_eq!(cart(&mut visitor), ["book"]);
}

pub fn requests_that_only_read_set_nothing(serve: Serve) {
    let stage = Stage::new(serve);
    let mut visitor = stage.visitor();
    add(&mut visitor, "book");
    for _ in 0..3 {
        let reply = visitor.get("/cart");
        assert_eq!(reply.body, "book");
        assert!(reply.cookies().is_empty());
        assert_eq!(reply.values("cache-control"), ["private, no-cache"]);
    }
}

pub fn login_changes_the_session_id_and_keeps_the_cart(serve: Serve) {
    let stage = Stage::new(serve);
    let mut visitor = stage.visitor();
    add(&mut visitor, "book");
    let anonymous = whoami(&mut visitor);
    let mut thief = visitor.clone();
    assert_eq!(visitor.post("/login?user=ada").body, "hello");
    let known = whoami(&mut visitor);
    assert!(anonymous.ends_with(" false") && known.ends_with(" true"));
    assert_ne!(anonymous.split(' ').next(), known.split(' ').next());
    assert_eq!(cart(&mut visitor), ["book"]);
    assert_eq!(whoami(&mut thief), "-", "the old id is dead");
}

pub fn growth_crosses_to_the_store_and_back_without_losing_an_item(serve: Serve) {
    let stage = Stage::new(serve);
    let mut visitor = stage.visitor();
    let mut items = Vec::new();
    let mut longest = 0;
    for seed in 0..20 {
        items.push(item(seed));
        add(&mut visitor, items.last().unwrap());
        longest = longest.max(visitor.cookie().unwrap().len());
        assert_eq!(cart(&mut visitor), items);
    }
    assert_eq!(stage.app.store.rows(), 1);
    assert!(longest > 1000 && longest + "__Host-session".len() <= 3_300);
    assert!(visitor.cookie().unwrap().len() <= 171, "a reference");
    assert_eq!(visitor.post("/clear").status, 200);
    add(&mut visitor, "pen");
    assert_eq!(cart(&mut visitor), ["pen"]);
    let calls = stage.app.store.calls();
    assert_eq!(visitor.get("/").status, 200);
    assert_eq!(stage.app.store.calls(), calls);
    assert!(visitor.cookie().unwrap().len() > 100);
}

pub fn two_tabs_see_each_others_changes(serve: Serve) {
    let stage = Stage::new(serve);
    let mut first = stage.visitor();
    add(&mut first, "book");
    let mut second = first.clone();
    add(&mut second, "pen");
    // Tabs share their cookies.
    first.browser = second.browser.clone();
    add(&mut first, "ink");
    assert_eq!(cart(&mut first), ["book", "pen", "ink"]);
    // Of stored sessions the reference stays, and no tab needs the other's response.
    let items = outgrow(&stage, &mut first);
    second.browser = first.browser.clone();
    add(&mut second, "paper");
    add(&mut first, "glue");
    assert_eq!(cart(&mut first).len(), 3 + items.len() + 2);
    assert_eq!(cart(&mut second), cart(&mut first));
}

/// Sends the same browser's slow requests at once; when all have read the session, they
/// go on.
fn at_once(stage: &Stage, visitor: &Visitor, items: &[&str]) -> Vec<Visitor> {
    let requests: Vec<_> = items
        .iter()
        .map(|item| {
            let (mut visitor, path) = (visitor.clone(), format!("/slow?item={item}"));
            thread::spawn(move || {
                assert_eq!(visitor.post(&path).status, 200);
                visitor
            })
        })
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let all = u32::try_from(items.len()).unwrap();
    runtime.unwrap().block_on(stage.app.wait_for_slow(all));
    stage.app.open_gate(items.len());
    let visitors = requests.into_iter().map(|it| it.join().unwrap());
    visitors.collect()
}

pub fn parallel_writes_to_a_stored_session_lose_nothing(serve: Serve) {
    let stage = Stage::new(serve);
    let mut visitor = stage.visitor();
    let items = outgrow(&stage, &mut visitor);
    at_once(&stage, &visitor, &["pen", "ink", "paper"]);
    let mut added = cart(&mut visitor).split_off(items.len());
    added.sort_unstable();
    assert_eq!(added, ["ink", "paper", "pen"]);
}

pub fn parallel_writes_to_a_cookie_leave_one_whole_session(serve: Serve) {
    let stage = Stage::new(serve);
    let mut visitor = stage.visitor();
    add(&mut visitor, "book");
    for mut visitor in at_once(&stage, &visitor, &["pen", "ink"]) {
        let cart = cart(&mut visitor);
        assert!(
            cart == ["book", "pen"] || cart == ["book", "ink"],
            "{cart:?}"
        );
    }
}

pub fn logout_clears_the_cookie_and_a_replayed_one_is_refused(serve: Serve) {
    let stage = Stage::new(serve);
    for large in [false, true] {
        let mut visitor = stage.visitor();
        visitor.post("/login?user=ada");
        add(&mut visitor, "book");
        if large {
            outgrow(&stage, &mut visitor);
        }
        let mut thief = visitor.clone();
        let reply = visitor.post("/logout");
        let cookies = reply.cookies();
        let [line] = cookies.as_slice() else {
            panic!("{cookies:?}")
        };
        for part in [
            "__Host-session=;",
            "Max-Age=0",
            "Path=/",
            "Secure",
            "HttpOnly",
            "SameSite=Lax",
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
        assert_eq!(visitor.cookie(), None);
        assert_eq!(whoami(&mut thief), "-");
        assert_eq!(cart(&mut thief), [""; 0]);
        assert_eq!(stage.app.store.rows(), 0);
    }
}

pub fn logging_out_everywhere_ends_the_other_browser_too(serve: Serve) {
    let stage = Stage::new(serve);
    let mut phone = stage.visitor();
    let mut laptop = stage.visitor();
    let mut stranger = stage.visitor();
    for (visitor, user) in [
        (&mut phone, "ada"),
        (&mut laptop, "ada"),
        (&mut stranger, "bob"),
    ] {
        visitor.post(&format!("/login?user={user}"));
        add(visitor, "book");
    }
    stage.app.clock.advance(Duration::from_secs(1));
    assert_eq!(phone.post("/everywhere?user=ada").body, "bye, all");
    assert_eq!(whoami(&mut phone), "-");
    assert_eq!(whoami(&mut laptop), "-");
    assert_eq!(cart(&mut stranger), ["book"]);
    stage.app.clock.advance(Duration::from_mins(3));
    laptop.post("/login?user=ada");
    assert!(whoami(&mut laptop).ends_with(" true"));
}

pub fn a_logout_during_a_slow_request_stays_a_logout(serve: Serve) {
    let stage = Stage::new(serve);
    for large in [false, true] {
        let mut visitor = stage.visitor();
        visitor.post("/login?user=ada");
        add(&mut visitor, "book");
        if large {
            outgrow(&stage, &mut visitor);
        }
        let mut slow = visitor.clone();
        let under_way = thread::spawn(move || {
            slow.post("/slow?item=pen");
            slow
        });
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(stage.app.wait_for_slow(1));
        assert_eq!(visitor.post("/logout").body, "bye");
        stage.app.open_gate(1);
        let mut slow = under_way.join().unwrap();
        // Whatever that response set.
        assert_eq!(whoami(&mut slow), "-");
        assert_eq!(stage.app.store.rows(), 0);
    }
}

pub fn a_handler_that_panics_saves_nothing(serve: Serve) {
    let stage = Stage::new(serve);
    let mut visitor = stage.visitor();
    add(&mut visitor, "book");
    if let Some(reply) = visitor.try_send("POST", "/panic?item=pen", &[]) {
        assert_eq!(reply.status, 500);
        assert!(reply.cookies().is_empty());
    }
    assert_eq!(cart(&mut visitor), ["book"]);
}

pub fn a_client_error_saves_and_a_server_error_does_not(serve: Serve) {
    let stage = Stage::new(serve);
    let mut visitor = stage.visitor();
    for (status, kept) in [(404, 1), (422, 2), (500, 2), (503, 2)] {
        let reply = visitor.post(&format!("/answer/{status}?item=book"));
        assert_eq!(reply.status, status);
        assert_eq!(cart(&mut visitor).len(), kept, "after {status}");
    }
}

pub fn f1_login_of_a_failed_response_does_not_hold(serve: Serve) {
    let stage = Stage::new(serve);
    let mut visitor = stage.visitor();
    assert_eq!(visitor.post("/enter/500?user=ada").status, 500);
    assert!(!whoami(&mut visitor).ends_with(" true"));
    assert_eq!(visitor.post("/enter/404?user=ada").status, 404);
    assert!(whoami(&mut visitor).ends_with(" true"));
}

pub fn a_streaming_response_carries_its_session(serve: Serve) {
    let stage = Stage::new(serve);
    let mut visitor = stage.visitor();
    let reply = visitor.get("/stream?item=book");
    assert_eq!(reply.body, "one two three");
    assert_eq!(reply.cookies().len(), 1);
    assert_eq!(cart(&mut visitor), ["book"]);
}

pub fn an_upgrade_carries_its_session(serve: Serve) {
    let stage = Stage::new(serve);
    let mut visitor = stage.visitor();
    let (reply, echo) = visitor.upgrade("/ws?item=book");
    assert_eq!(reply.status, 101);
    assert_eq!(reply.cookies().len(), 1);
    assert!(echo.ends_with(b"hi"), "{echo:?}");
    assert_eq!(cart(&mut visitor), ["book"]);
}

pub fn head_and_options_behave_like_their_get(serve: Serve) {
    let stage = Stage::new(serve);
    let mut visitor = stage.visitor();
    add(&mut visitor, "book");
    let before = visitor.cookie();
    let reply = visitor.send("HEAD", "/cart", &[]);
    assert_eq!((reply.status, reply.body.as_str()), (200, ""));
    assert!(reply.cookies().is_empty());
    assert_eq!(reply.values("vary"), ["Cookie", "x-session"]);
    let reply = visitor.send("OPTIONS", "/cart", &[]);
    assert!(reply.says_nothing(), "{:?}", reply.headers);
    assert_eq!(visitor.cookie(), before);
}

pub fn two_sessions_of_different_names_do_not_meet(serve: Serve) {
    let stage = Stage::new(serve);
    let mut visitor = stage.visitor();
    let reply = visitor.post("/both?item=book&theme=light");
    let mut names: Vec<&str> = reply
        .cookies()
        .iter()
        .filter_map(|line| Some(line.split_once('=')?.0))
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["__Host-prefs", "__Host-session"]);
    assert_eq!(visitor.post("/theme?value=dark").cookies().len(), 1);
    assert_eq!(visitor.post("/logout").cookies().len(), 1);
    assert_eq!(visitor.get("/theme").body, "dark");
    // A value under the other's name is no session.
    let prefs = visitor.browser.value("__Host-prefs").unwrap();
    let moved = format!("__Host-session={prefs}");
    let reply = visitor.send("GET", "/whoami", &[("cookie", &moved)]);
    assert_eq!(reply.body, "-");
}

pub fn of_two_sessions_one_that_is_saved_reaches_the_client_though_the_other_is_not(serve: Serve) {
    let stage = Stage::new(serve);
    let large: String = (0..15).map(item).collect();
    // Of these two, one is inside of the other; which, is the framework's affair.
    let mut visitor = stage.visitor();
    let reply = visitor.post(&format!("/both?item=book&theme={large}"));
    assert_eq!(reply.status, 413);
    assert_eq!(reply.cookies().len(), 1, "{:?}", reply.headers);
    assert_eq!(reply.values("cache-control"), ["no-store"]);
    assert_eq!(cart(&mut visitor), ["book"]);

    let stage = Stage::with(App::without_store(), serve);
    let mut visitor = stage.visitor();
    let reply = visitor.post(&format!("/both?item={large}&theme=light"));
    assert_eq!(reply.status, 413);
    assert_eq!(reply.cookies().len(), 1, "{:?}", reply.headers);
    assert_eq!(reply.values("cache-control"), ["no-store"]);
    assert_eq!(visitor.get("/theme").body, "light");
}

pub fn a_store_that_is_down_gives_the_applications_own_page(serve: Serve) {
    let stage = Stage::new(serve);
    let mut visitor = stage.visitor();
    let items = outgrow(&stage, &mut visitor);
    let before = visitor.cookie();
    stage.app.store.set_down(true);
    let reply = visitor.get("/cart");
    assert_eq!((reply.status, reply.body.as_str()), (503, SORRY));
    assert!(reply.cookies().is_empty());
    assert_eq!(visitor.get("/").status, 200);
    stage.app.store.set_down(false);
    assert_eq!(visitor.cookie(), before);
    assert_eq!(cart(&mut visitor), items);
}

pub fn a_store_that_is_down_while_saving_replaces_the_response(serve: Serve) {
    let stage = Stage::new(serve);
    let mut visitor = stage.visitor();
    let items = outgrow(&stage, &mut visitor);
    let mut slow = visitor.clone();
    let under_way = thread::spawn(move || slow.post("/slow?item=pen"));
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(stage.app.wait_for_slow(1));
    stage.app.store.set_down(true);
    stage.app.open_gate(1);
    let reply = under_way.join().unwrap();
    assert_eq!((reply.status, reply.body.as_str()), (503, SORRY));
    assert!(reply.cookies().is_empty());
    // It depends on the cookie as much as the response that it replaces.
    assert_eq!(reply.values("vary"), ["Cookie", "x-session"]);
    assert_eq!(reply.values("cache-control"), ["private, no-cache"]);
    stage.app.store.set_down(false);
    assert_eq!(cart(&mut visitor), items);
}

pub fn a_client_of_the_header_gets_no_cookie(serve: Serve) {
    let stage = Stage::new(serve);
    let mut phone = stage.visitor();
    let token = |reply: &super::visitor::Reply| {
        assert!(reply.cookies().is_empty());
        let tokens = reply.values("x-session");
        assert_eq!(tokens.len(), 1);
        tokens.first().unwrap().to_string()
    };
    let first = token(&phone.send("POST", "/add?item=book", &[("x-session", "")]));
    let reply = phone.send("GET", "/cart", &[("x-session", &first)]);
    assert_eq!(reply.body, "book");
    assert!(reply.values("x-session").is_empty(), "nothing changed");
    assert_eq!(reply.values("vary"), ["Cookie", "x-session"]);
    let second = token(&phone.send("POST", "/add?item=pen", &[("x-session", &first)]));
    // Its cookies are not looked at.
    let both = [
        ("x-session", ""),
        ("cookie", &*format!("__Host-session={second}")),
    ];
    assert_eq!(phone.send("GET", "/cart", &both).body, "");
    let ended = token(&phone.send("POST", "/logout", &[("x-session", &second)]));
    assert_eq!(ended, "");
    assert_eq!(
        phone.send("GET", "/cart", &[("x-session", &second)]).body,
        ""
    );
}

pub fn the_target_of_a_redirect_sees_the_write(serve: Serve) {
    let stage = Stage::new(serve);
    let mut visitor = stage.visitor();
    let reply = visitor.post("/redirect?item=book");
    assert_eq!(reply.status, 303);
    assert_eq!(reply.values("location"), ["/cart"]);
    assert_eq!(cart(&mut visitor), ["book"]);
    outgrow(&stage, &mut visitor);
    visitor.post("/redirect?item=pen");
    assert_eq!(cart(&mut visitor).last().unwrap(), "pen");
}

pub fn a_session_that_outgrows_its_cookie_without_a_store_is_an_error(serve: Serve) {
    let stage = Stage::with(App::without_store(), serve);
    let mut visitor = stage.visitor();
    let mut added = Vec::new();
    let refused = loop {
        let item = item(u32::try_from(added.len()).unwrap());
        let reply = visitor.post(&format!("/add?item={item}"));
        if reply.status != 200 {
            break reply;
        }
        added.push(item);
        assert!(added.len() < 20);
    };
    assert_eq!(refused.status, 413);
    assert!(refused.cookies().is_empty());
    assert!(added.len() >= 5);
    assert_eq!(cart(&mut visitor), added);
}

pub fn a_session_that_is_optional_is_there_only_if_valid(serve: Serve) {
    let stage = Stage::new(serve);
    let mut visitor = stage.visitor();
    assert_eq!(visitor.get("/optional").body, "none");
    add(&mut visitor, "book");
    assert_eq!(visitor.get("/optional").body, "some");
    visitor.post("/logout");
    assert_eq!(visitor.get("/optional").body, "none");
    outgrow(&stage, &mut visitor);
    stage.app.store.set_down(true);
    assert_eq!(visitor.get("/optional").status, 503);
}

pub fn sessions_expire_at_their_idle_timeout(serve: Serve) {
    let stage = Stage::new(serve);
    let mut visitor = stage.visitor();
    add(&mut visitor, "book");
    stage.app.clock.advance(Duration::from_mins(29));
    // A navigation keeps it alive.
    let reply = visitor.get("/cart");
    assert_eq!((reply.body.as_str(), reply.cookies().len()), ("book", 1));
    stage.app.clock.advance(Duration::from_mins(29));
    let reply = visitor.send("GET", "/cart", &[("sec-fetch-dest", "empty")]);
    assert_eq!((reply.body.as_str(), reply.cookies().len()), ("book", 0));
    stage.app.clock.advance(Duration::from_mins(1));
    assert_eq!(cart(&mut visitor), [""; 0]);
}

pub fn tampered_cookies_are_as_good_as_none(serve: Serve) {
    let stage = Stage::new(serve);
    let mut visitor = stage.visitor();
    add(&mut visitor, "book");
    let value = visitor.cookie().unwrap();
    let flipped = value.chars().rev().collect::<String>();
    for wrong in [flipped.as_str(), "x", "", &value[..value.len() - 1]] {
        let header = format!("__Host-session={wrong}");
        let reply = visitor.send("GET", "/cart", &[("cookie", &header)]);
        assert_eq!((reply.status, reply.body.as_str()), (200, ""));
    }
    let garbage = "\u{e9}".repeat(500);
    let reply = visitor.send("GET", "/cart", &[("cookie", &garbage)]);
    assert_eq!((reply.status, reply.body.as_str()), (200, ""));
}

pub fn caches_are_told_what_they_may_keep(serve: Serve) {
    let stage = Stage::new(serve);
    let mut visitor = stage.visitor();
    let written = visitor.post("/add?item=book");
    assert_eq!(written.values("cache-control"), ["no-store"]);
    assert_eq!(written.values("vary"), ["Cookie", "x-session"]);
    for (name, _) in &FOR_CACHES[1..] {
        assert!(written.values(name).is_empty(), "{name}");
    }
    let read = visitor.get("/cart");
    assert_eq!(read.values("cache-control"), ["private, no-cache"]);
}

pub fn f8_no_shared_cache_stores_a_set_cookie(serve: Serve) {
    let stage = Stage::new(serve);
    let written = stage.visitor().post("/shared?item=book");
    assert_eq!(written.cookies().len(), 1);
    for (name, _) in FOR_CACHES {
        let nothing = if name == "x-accel-expires" {
            "0"
        } else {
            "no-store"
        };
        assert_eq!(written.values(name), [nothing], "{name}");
    }
}
