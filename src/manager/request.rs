//! What of a request concerns its session.

use std::sync::Arc;

use super::{Inner, ManagerError};
use crate::{
    cookie::{MAX_CANDIDATES, candidates},
    session::{Carrier, Request},
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
                values: text
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
    from_cookies(inner, || headers.values("cookie"), dest)
}

/// From the values of its `Cookie` headers, which `cookies` begins anew with every call.
pub(super) fn from_cookies<'h, T, I>(
    inner: &Inner<T>,
    cookies: impl Fn() -> I,
    sec_fetch_dest: Option<&[u8]>,
) -> Request
where
    I: IntoIterator<Item = &'h [u8]>,
{
    let mut request = Request {
        // A browser that does not say is one that has always navigated.
        navigation: sec_fetch_dest.is_none_or(|dest| dest == b"document"),
        ..Request::default()
    };
    for name in inner.codec.accepted_names(inner.now()) {
        let found = candidates(cookies(), name);
        // Only this host can have set a `__Host-` cookie; any other may be planted.
        let host_bound = name.starts_with("__Host-");
        request.may_be_planted |= !host_bound && !found.is_empty();
        request.too_many |= found.dropped() > 0;
        let values = found.filter(|value| !value.is_empty());
        request.values.extend(values.map(str::to_owned));
    }
    request
}

/// A header's name in lower case (RFC 9110, section 5.1), that means nothing else to what
/// lies between client and server.
pub(super) fn checked_name(name: &str) -> Result<Arc<str>, ManagerError> {
    const TAKEN: [&str; 8] = [
        "authorization",
        "connection",
        "content-length",
        "cookie",
        "host",
        "set-cookie",
        "transfer-encoding",
        "vary",
    ];
    let name = name.to_ascii_lowercase();
    let is_token = !name.is_empty()
        && name
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&it));
    if !is_token || TAKEN.contains(&name.as_str()) {
        return Err(ManagerError::TokenHeader);
    }
    Ok(name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_needs_a_header_of_its_own() {
        for refused in [
            "",
            "x session",
            "x:session",
            "Cookie",
            "set-cookie",
            "x-sess\u{f6}n",
        ] {
            let error = checked_name(refused).unwrap_err();
            assert_eq!(error, ManagerError::TokenHeader, "{refused}");
        }
        assert_eq!(&*checked_name("X-Session").unwrap(), "x-session");
    }
}
