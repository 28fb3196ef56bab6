//! What of a request concerns its session.

use super::{Inner, ManagerError, headers::TARGETED};
use crate::{
    cookie::{CookieConfig, MAX_CANDIDATES, candidates},
    session::{Carrier, Request},
    time::Timestamp,
};

/// The headers of a request, as a framework holds them.
pub trait RequestHeaders {
    /// The values of the headers of that name, which is in lower case, in the order in
    /// which they came.
    fn values<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h [u8]>;
}

/// From its token's own header if it has one, from its cookies otherwise.
pub(super) fn from_headers<T>(
    inner: &Inner<T>,
    headers: &(impl RequestHeaders + ?Sized),
) -> Request {
    if let Some(name) = &inner.token_header {
        let mut values = headers.values(name).take(MAX_CANDIDATES).peekable();
        if values.peek().is_some() {
            let text = values.filter_map(|value| str::from_utf8(value).ok());
            return Request {
                tokens: text
                    .filter(|it| !it.is_empty())
                    .map(str::to_owned)
                    .collect(),
                carrier: Carrier::Header,
                // Such a client keeps what it is given, and goes to no pages.
                navigation: true,
                ..Request::default()
            };
        }
    }
    let dest = headers.values("sec-fetch-dest").next();
    from_cookies(headers.values("cookie"), dest)
}

/// From the values of its `Cookie` headers.
#[expect(single_use_lifetimes, reason = "cannot be left out here")]
pub(super) fn from_cookies<'h>(
    lines: impl Iterator<Item = &'h [u8]>,
    sec_fetch_dest: Option<&[u8]>,
) -> Request {
    let mut cookies = Vec::new();
    for line in lines {
        if !cookies.is_empty() {
            cookies.push(b';');
        }
        cookies.extend_from_slice(line);
    }
    Request {
        cookies,
        // A browser that does not say is one that has always navigated.
        navigation: sec_fetch_dest.is_none_or(|dest| dest == b"document"),
        ..Request::default()
    }
}

/// How a request presents its tokens.
#[derive(Default)]
pub(super) struct Presentation {
    /// Somebody other than this host may have set one of them.
    pub(super) may_be_planted: bool,
    /// There were more of one name than are looked at.
    pub(super) too_many: bool,
}

impl Presentation {
    /// Shows `each` the tokens that the request carries in its header, or under the codec's
    /// own name.
    pub(super) fn own<T>(
        &mut self,
        inner: &Inner<T>,
        request: &Request,
        mut each: impl FnMut(&str, bool),
    ) {
        match request.carrier {
            Carrier::Header => request.tokens.iter().for_each(|token| each(token, true)),
            Carrier::Cookie => self.under(inner.codec.name(), request, each),
        }
    }

    /// Shows `each` the tokens that the request carries under former names, and whether only
    /// this host can have set them.
    pub(super) fn former<T>(
        &mut self,
        inner: &Inner<T>,
        request: &Request,
        now: Timestamp,
        mut each: impl FnMut(&str, bool),
    ) {
        if request.carrier == Carrier::Cookie {
            for name in inner.codec.former_names(now) {
                self.under(name, request, &mut each);
            }
        }
    }

    fn under(&mut self, name: &str, request: &Request, mut each: impl FnMut(&str, bool)) {
        let found = candidates([request.cookies.as_slice()], name);
        // Only this host can have set a `__Host-` cookie; any other may be planted.
        let host_bound = name.starts_with("__Host-");
        self.may_be_planted |= !host_bound && !found.is_empty();
        self.too_many |= found.dropped() > 0;
        for value in found.filter(|value| !value.is_empty()) {
            each(value, host_bound);
        }
    }
}

/// The removals of former cookies that the request carries: what a browser goes on sending
/// beside the cookie that took their place.
pub(super) fn left_behind<T>(inner: &Inner<T>, request: &Request) -> impl Iterator<Item = String> {
    let former = inner.cookie.former().iter();
    let sent = former.filter(|it| !candidates([request.cookies.as_slice()], it.name()).is_empty());
    sent.map(CookieConfig::removal)
}

/// A header's name in lower case (RFC 9110, section 5.1), that means nothing else to what
/// lies between client and server.
pub(super) fn checked_name(name: &str) -> Result<String, ManagerError> {
    /// Other origins may send some of them without asking (CORS), every browser sends
    /// others, and the rest mean something to what lies between.
    const TAKEN: [&str; 22] = [
        "age",
        "authorization",
        "cache-control",
        "connection",
        "cookie",
        "date",
        "etag",
        "expect",
        "expires",
        "forwarded",
        "from",
        "host",
        "keep-alive",
        "location",
        "origin",
        "range",
        "referer",
        "set-cookie",
        "te",
        "trailer",
        "upgrade",
        "vary",
    ];
    const FAMILIES: [&str; 11] = [
        "accept",
        "access-control-",
        "content-",
        "if-",
        "proxy-",
        "sec-",
        "set-cookie",
        "transfer-",
        "upgrade-",
        "user-agent",
        "x-forwarded-",
    ];
    let name = name.to_ascii_lowercase();
    let is_token = !name.is_empty()
        && name
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&it));
    let taken = TAKEN.contains(&name.as_str())
        || FAMILIES.iter().any(|it| name.starts_with(it))
        || TARGETED.iter().any(|(it, _)| *it == name);
    if !is_token || taken {
        return Err(ManagerError::TokenHeader);
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_into_one_of_the_same_cookies() {
        let read = |lines: &[&'static [u8]]| from_cookies(lines.iter().copied(), None).cookies;
        assert_eq!(read(&[]), b"");
        assert_eq!(read(&[b"a=b"]), b"a=b");
        for lines in [
            &[b"s=1".as_slice(), b"a=b; s=2", b"s=3;"][..],
            &[b"", b"s=1", b";", b" s=2"],
            &[b"s", b"=1", b"s=\"2", b"\"; s=3", b"s=4"],
        ] {
            let apart = candidates(lines.iter().copied(), "s");
            let joined = read(lines);
            let joined = candidates([joined.as_slice()], "s");
            assert_eq!(
                joined.skipped_malformed(),
                apart.skipped_malformed(),
                "{lines:?}"
            );
            let [joined, apart] = [joined, apart].map(Iterator::collect::<Vec<_>>);
            assert_eq!(joined, apart, "{lines:?}");
        }
    }

    #[test]
    fn a_token_needs_a_header_of_its_own() {
        for refused in [
            "",
            "x session",
            "x:session",
            "Cookie",
            "set-cookie",
            "Accept-Language",
            "content-type",
            "Cache-Control",
            "Surrogate-Control",
            "user-agent",
            "sec-fetch-dest",
            "x-sess\u{f6}n",
        ] {
            let error = checked_name(refused).unwrap_err();
            assert_eq!(error, ManagerError::TokenHeader, "{refused}");
        }
        assert_eq!(checked_name("X-Session").unwrap(), "x-session");
    }
}
