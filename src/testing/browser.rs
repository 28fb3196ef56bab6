//! A client that keeps cookies as browsers do.

use core::fmt;
use std::sync::Arc;

use cookie::Cookie;

use crate::{
    cookie::{MAX_ATTRIBUTE_LEN, MAX_MAX_AGE, MAX_NAME_VALUE_LEN, SameSite},
    time::{Clock, SystemClock, Timestamp},
};

/// The cookies of one browser, under the rules of RFC 6265bis ("Storage Model",
/// "Retrieval") and with the limits that Chromium and Firefox have in practice.
///
/// What a browser would drop in silence is dropped in silence here too: a cookie of more
/// than 4096 bytes, one that breaks the rules of its prefix, a removal with other attributes
/// than the cookie's.
///
/// ```
/// use sealed_session::testing::{Browser, Site};
///
/// let mut browser = Browser::new();
/// let url = "https://shop.example/cart";
/// browser.receive(url, "__Host-session=abc; Path=/; Secure; HttpOnly; SameSite=Lax");
/// browser.receive(url, &format!("__Host-session={}; Path=/; Secure", "x".repeat(4096)));
/// assert_eq!(browser.cookie_header(url, Site::Same).as_deref(), Some("__Host-session=abc"));
/// assert_eq!(browser.script_cookies(url), ""); // HttpOnly
/// browser.restart();
/// assert_eq!(browser.cookie_header(url, Site::Same), None); // it had no Max-Age
/// ```
#[derive(Clone)]
pub struct Browser {
    cookies: Vec<Kept>,
    clock: Arc<dyn Clock>,
}

/// Where a request comes from, which `SameSite` asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// The site itself, or the user's own typing.
    Same,
    /// A link on another site.
    CrossNavigation,
    /// A form, image or script of another site.
    Cross,
}

#[derive(Clone)]
struct Kept {
    name: String,
    value: String,
    host: String,
    /// Sent to this host alone, not to those under it.
    host_only: bool,
    path: String,
    secure: bool,
    http_only: bool,
    same_site: Option<SameSite>,
    /// `None` until the browser closes.
    expires: Option<Timestamp>,
}

impl Browser {
    /// A browser without cookies.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(SystemClock)
    }

    /// A browser without cookies that goes by that clock.
    #[must_use]
    pub fn with_clock(clock: impl Clock) -> Self {
        Self {
            cookies: Vec::new(),
            clock: Arc::new(clock),
        }
    }

    /// Receives the value of a `Set-Cookie` header from that address, and tells whether a
    /// cookie was kept or removed.
    pub fn receive(&mut self, url: &str, set_cookie: &str) -> bool {
        let Some(address) = Address::parse(url) else {
            return false;
        };
        let Some(kept) = self.accept(&address, set_cookie) else {
            return false;
        };
        let now = self.clock.now();
        let same = |old: &Kept| {
            (&old.name, &old.host, old.host_only, &old.path)
                == (&kept.name, &kept.host, kept.host_only, &kept.path)
        };
        // It stays where it is in the order (RFC 6265bis, "Storage Model": creation-time).
        let place = self.cookies.iter().position(same);
        let alive = kept.expires.is_none_or(|expires| now < expires);
        match (place.and_then(|at| self.cookies.get_mut(at)), alive) {
            (Some(old), true) => *old = kept,
            (None, true) => self.cookies.push(kept),
            (Some(_), false) => self.cookies.retain(|old| !same(old)),
            (None, false) => {}
        }
        true
    }

    /// The value of the `Cookie` header of a request to that address; `None` if there is
    /// nothing to send.
    #[must_use]
    pub fn cookie_header(&self, url: &str, from: Site) -> Option<String> {
        let address = Address::parse(url)?;
        let sent = |kept: &&Kept| match from {
            Site::Same => true,
            Site::CrossNavigation => kept.same_site != Some(SameSite::Strict),
            Site::Cross => kept.same_site == Some(SameSite::None),
        };
        let sent = pairs(self.matching(&address).filter(sent));
        (!sent.is_empty()).then_some(sent)
    }

    /// What `document.cookie` shows to scripts on that page.
    #[must_use]
    pub fn script_cookies(&self, url: &str) -> String {
        let Some(address) = Address::parse(url) else {
            return String::new();
        };
        pairs(self.matching(&address).filter(|kept| !kept.http_only))
    }

    /// The value of the cookie of that name, wherever it would be sent.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        let now = self.clock.now();
        let mut cookies = self.cookies.iter().filter(|kept| kept.is_alive(now));
        let found = cookies.find(|kept| kept.name == name);
        found.map(|kept| kept.value.as_str())
    }

    /// Closes the browser and opens it again: cookies without a lifetime are gone.
    pub fn restart(&mut self) {
        self.cookies.retain(|kept| kept.expires.is_some());
    }

    /// What is kept of a header; `None` if the browser ignores it.
    fn accept(&self, address: &Address<'_>, set_cookie: &str) -> Option<Kept> {
        let cookie = Cookie::parse(set_cookie).ok()?;
        let size = cookie.name().len().saturating_add(cookie.value().len());
        if size > MAX_NAME_VALUE_LEN || set_cookie.bytes().any(|it| it == 0 || it == b'\n') {
            return None;
        }
        let usable = |value: &&str| value.len() <= MAX_ATTRIBUTE_LEN;
        let domain = cookie.domain().filter(usable);
        let path = cookie
            .path()
            .filter(usable)
            .filter(|it| it.starts_with('/'));
        let secure = cookie.secure() == Some(true);
        let http_only = cookie.http_only() == Some(true);
        let same_site = cookie.same_site().map(|it| match it {
            cookie::SameSite::Strict => SameSite::Strict,
            cookie::SameSite::Lax => SameSite::Lax,
            cookie::SameSite::None => SameSite::None,
        });
        let covered = domain.is_none_or(|it| is_under(address.host, it));
        let needs_secure = same_site == Some(SameSite::None) || cookie.partitioned() == Some(true);
        let prefix = Prefix::of(cookie.name())?;
        let allowed = covered
            && (secure || !(needs_secure || prefix.secure))
            && (address.trustworthy || !secure)
            && (http_only || !prefix.http_only)
            && (!prefix.host || (domain.is_none() && path == Some("/")));
        let now = self.clock.now();
        let kept = Kept {
            name: cookie.name().to_owned(),
            value: cookie.value().to_owned(),
            host: domain.unwrap_or(address.host).to_owned(),
            host_only: domain.is_none(),
            path: path.unwrap_or(address.default_path()).to_owned(),
            secure,
            http_only,
            same_site,
            expires: expires(&cookie, now),
        };
        // "Leave Secure Cookies Alone".
        let shadows = |old: &Kept| {
            old.secure && old.name == kept.name && !address.trustworthy && old.host == kept.host
        };
        (allowed && !self.cookies.iter().any(shadows)).then_some(kept)
    }

    fn matching(&self, address: &Address<'_>) -> impl Iterator<Item = &Kept> {
        let now = self.clock.now();
        let mut cookies: Vec<&Kept> = self.cookies.iter().collect();
        cookies.retain(|kept| kept.is_alive(now) && kept.is_sent_to(address));
        // Stable: of two paths as long as each other, the older cookie first.
        cookies.sort_by_key(|kept| core::cmp::Reverse(kept.path.len()));
        cookies.into_iter()
    }
}

impl Default for Browser {
    fn default() -> Self {
        Self::new()
    }
}

/// How many cookies there are; tokens are secrets.
impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Browser")
            .field("cookies", &self.cookies.len())
            .finish_non_exhaustive()
    }
}

impl Kept {
    fn is_alive(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }

    fn is_sent_to(&self, address: &Address<'_>) -> bool {
        let host = if self.host_only {
            self.host == address.host
        } else {
            is_under(address.host, &self.host)
        };
        host && (address.trustworthy || !self.secure) && is_below(address.path, &self.path)
    }
}

#[expect(single_use_lifetimes, reason = "cannot be left out here")]
fn pairs<'k>(cookies: impl Iterator<Item = &'k Kept>) -> String {
    let pairs = cookies.map(|kept| format!("{}={}", kept.name, kept.value));
    pairs.collect::<Vec<_>>().join("; ")
}

/// `Max-Age` before `Expires`, and 400 days at most.
fn expires(cookie: &Cookie<'_>, now: Timestamp) -> Option<Timestamp> {
    if let Some(max_age) = cookie.max_age() {
        let longest = MAX_MAX_AGE.as_secs();
        let seconds = u64::try_from(max_age.whole_seconds()).unwrap_or(0);
        return Some(now + core::time::Duration::from_secs(seconds.min(longest)));
    }
    let expires = cookie.expires_datetime()?;
    let seconds = u32::try_from(expires.unix_timestamp().max(0)).unwrap_or(u32::MAX);
    Some(Timestamp::from_unix_seconds(seconds).min(now + MAX_MAX_AGE))
}

/// What the prefix of a cookie's name asks for (RFC 6265bis, "Cookie Name Prefixes"; as
/// Chromium, also `__Http-` and `__Host-Http-`).
#[derive(Default)]
struct Prefix {
    secure: bool,
    http_only: bool,
    host: bool,
}

impl Prefix {
    /// `None` for a prefix that is not spelled as it must be.
    fn of(name: &str) -> Option<Self> {
        // The longest that fits comes first.
        let known = [
            ("__Host-Http-", true, true),
            ("__Host-", false, true),
            ("__Secure-", false, false),
            ("__Http-", true, false),
        ];
        for (prefix, http_only, host) in known {
            let start = name.get(..prefix.len()).unwrap_or_default();
            if start.eq_ignore_ascii_case(prefix) {
                return (start == prefix).then_some(Self {
                    secure: true,
                    http_only,
                    host,
                });
            }
        }
        Some(Self::default())
    }
}

/// As much of an address as cookies ask for.
struct Address<'u> {
    host: &'u str,
    path: &'u str,
    /// Whether secure cookies go there: https, and this machine.
    trustworthy: bool,
}

impl<'u> Address<'u> {
    fn parse(url: &'u str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|it| it.is_ascii_digit()) => host,
            _ => authority,
        };
        let path = path.split(['?', '#']).next().filter(|it| !it.is_empty());
        let local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        Some(Self {
            host,
            path: path.unwrap_or("/"),
            trustworthy: scheme == "https" || local,
        })
    }

    fn default_path(&self) -> &'u str {
        match self.path.rsplit_once('/') {
            Some((parent, _)) if !parent.is_empty() => parent,
            _ => "/",
        }
    }
}

fn is_under(host: &str, domain: &str) -> bool {
    host == domain
        || host
            .strip_suffix(domain)
            .is_some_and(|rest| rest.ends_with('.'))
}

fn is_below(path: &str, parent: &str) -> bool {
    path.strip_prefix(parent)
        .is_some_and(|rest| rest.is_empty() || parent.ends_with('/') || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::time::TestClock;

    const SHOP: &str = "https://shop.example/";

    #[test]
    fn limits_and_prefixes_are_those_that_browsers_have() {
        let kept = |line: &str| Browser::new().receive(SHOP, line);
        for (name, value) in [("s", 4095), ("__Host-session", 4082)] {
            let line =
                |extra: usize| format!("{name}={}; Secure; Path=/", "v".repeat(value + extra));
            assert!(kept(&line(0)));
            assert!(!kept(&line(1)));
        }
        assert!(kept("__Host-a=1; Secure; Path=/"));
        assert!(!kept("__Host-a=1; Secure; Path=/; Domain=shop.example"));
        assert!(!kept("__Host-a=1; Secure"));
        assert!(!kept("__Host-a=1; Path=/"));
        assert!(!kept("__host-a=1; Secure; Path=/"));
        assert!(!kept("__Secure-a=1"));
        assert!(!kept("__Host-Http-a=1; Secure; Path=/"));
        assert!(kept("__Host-Http-a=1; Secure; Path=/; HttpOnly"));
        assert!(!kept("a=1; SameSite=None"));
        assert!(!kept("a=1; Partitioned"));
        assert!(!kept("a=1; Domain=other.example"));
        assert!(!Browser::new().receive("http://shop.example/", "a=1; Secure"));
        assert!(Browser::new().receive("http://localhost:8080/", "a=1; Secure"));
    }

    #[test]
    fn an_over_long_cookie_leaves_the_old_one() {
        let mut browser = Browser::new();
        assert!(browser.receive(SHOP, "s=old"));
        assert!(!browser.receive(SHOP, &format!("s={}", "v".repeat(4096))));
        assert_eq!(browser.value("s"), Some("old"));
    }

    #[test]
    fn a_removal_removes_the_cookie_of_the_same_attributes_only() {
        let mut browser = Browser::new();
        browser.receive(SHOP, "__Host-s=1; Secure; Path=/");
        assert!(!browser.receive(SHOP, "__Host-s=; Max-Age=0; Path=/"));
        assert_eq!(browser.value("__Host-s"), Some("1"));
        assert!(browser.receive(SHOP, "__Host-s=; Max-Age=0; Path=/; Secure"));
        assert_eq!(browser.value("__Host-s"), None);
        browser.receive(SHOP, "a=1; Path=/cart");
        browser.receive(SHOP, "a=; Max-Age=0");
        assert_eq!(browser.value("a"), Some("1"));
    }

    #[test]
    fn cookies_go_where_they_belong() {
        let mut browser = Browser::new();
        browser.receive("https://shop.example/cart/items", "deep=1");
        browser.receive(SHOP, "root=1");
        browser.receive(SHOP, "wide=1; Domain=shop.example; SameSite=Strict");
        let sent = |url, site| browser.cookie_header(url, site).unwrap_or_default();
        assert_eq!(
            sent("https://shop.example/cart/pay", Site::Same),
            "deep=1; root=1; wide=1"
        );
        assert_eq!(
            sent("https://shop.example/cartoon", Site::Same),
            "root=1; wide=1"
        );
        assert_eq!(sent("https://m.shop.example/", Site::Same), "wide=1");
        assert_eq!(sent(SHOP, Site::CrossNavigation), "root=1");
        assert_eq!(sent(SHOP, Site::Cross), "");
        assert_eq!(sent("https://notshop.example/", Site::Same), "");
    }

    #[test]
    fn lifetimes_end_and_are_capped() {
        let clock = TestClock::at(Timestamp::from_unix_seconds(1_000_000));
        let mut browser = Browser::with_clock(clock.clone());
        browser.receive(SHOP, "short=1; Max-Age=60");
        browser.receive(SHOP, "long=1; Max-Age=99999999");
        browser.receive(SHOP, "session=1");
        browser.restart();
        assert_eq!(browser.value("session"), None);
        clock.advance(Duration::from_mins(1));
        assert_eq!(browser.value("short"), None);
        clock.set(Timestamp::from_unix_seconds(999_999) + MAX_MAX_AGE);
        assert_eq!(browser.value("long"), Some("1"));
        clock.advance(Duration::from_secs(1));
        assert_eq!(browser.value("long"), None);
    }
}
