//! What a response has to say about its session.

use core::fmt;
use std::sync::Arc;

use super::{Inner, SessionError, request::left_behind, save::Saved};
use crate::{
    codec::Sealed,
    error::SealError,
    session::{Carrier, Request},
};

/// For a response that depends on a session: not for others, and not without asking.
pub(crate) const PRIVATE: &str = "private, no-cache";
/// For a response that hands out a token, or takes it back.
pub(crate) const NO_STORE: &str = "no-store";

/// Headers by which an application tells a shared cache in front of it what to keep, in
/// place of `Cache-Control` (RFC 9213, Edge Architecture, LiteSpeed, nginx), and the value
/// of each that stores nothing.
pub(crate) const TARGETED: [(&str, &str); 10] = [
    ("cdn-cache-control", NO_STORE),
    ("akamai-cache-control", NO_STORE),
    ("cloudflare-cdn-cache-control", NO_STORE),
    ("netlify-cdn-cache-control", NO_STORE),
    ("vercel-cdn-cache-control", NO_STORE),
    ("surrogate-control", NO_STORE),
    ("fastly-surrogate-control", NO_STORE),
    ("edge-control", NO_STORE),
    ("x-litespeed-cache-control", NO_STORE),
    ("x-accel-expires", "0"),
];

/// The header values that a response needs.
///
/// Adapters put them into the response; without one, do as [`apply`](Self::apply) says.
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use = "the session is lost unless these headers are sent"]
#[non_exhaustive]
pub struct ResponseHeaders {
    /// Values for `Set-Cookie` headers, to be appended.
    pub set_cookie: Vec<String>,
    /// Name and value of the [token's own header](super::SessionManagerBuilder::token_header)
    /// for a client that uses it. An empty value tells it to forget its token.
    pub token: Option<(Arc<str>, String)>,
    /// Whether the session was looked at, so that the response depends on the request's
    /// token.
    pub touched: bool,
    /// The token's own header, whether this request used it or not.
    token_header: Option<Arc<str>>,
}

impl ResponseHeaders {
    pub(super) fn new<T>(
        inner: &Inner<T>,
        saved: Saved,
        request: &Request,
    ) -> Result<Self, SessionError> {
        let mut headers = Self::of_failure(inner);
        let header = headers.token_header.clone();
        let header = header.filter(|_| request.carrier == Carrier::Header);
        match (saved, header) {
            (Saved::Unchanged, _) => {}
            (Saved::Set(sealed), None) => {
                headers.set_cookie.push(set_cookie(inner, &sealed)?);
                headers.set_cookie.extend(left_behind(inner, request));
            }
            (Saved::Set(sealed), Some(name)) => headers.token = Some((name, sealed.into_value())),
            (Saved::Ended, None) => headers.set_cookie = inner.cookie.removals(),
            (Saved::Ended, Some(name)) => headers.token = Some((name, String::new())),
        }
        Ok(headers)
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.touched
    }

    /// What a response says that takes the place of one whose session could not be saved:
    /// that it depends on the request's token, too.
    pub(super) fn of_failure<T>(inner: &Inner<T>) -> Self {
        Self {
            touched: true,
            // Each response has its own, so that threads do not share its count.
            token_header: inner.token_header.as_deref().map(Arc::from),
            ..Self::default()
        }
    }

    /// Whether a token goes out, or an end of one.
    pub(crate) fn hands_out(&self) -> bool {
        !self.set_cookie.is_empty() || self.token.is_some()
    }

    /// Tells what to do to the response's headers, in calls of `append` (add another line
    /// of that name) and `replace` (be the only line of that name); `has` tells whether the
    /// application has set a header of that name itself. All names are in lower case.
    ///
    /// A response that depends on the session says `Vary: Cookie` and must not be shared, unless
    /// the application says so in `Cache-Control`. A browser may store it, as for its back button:
    /// a page that must not stay on the device sets `Cache-Control: no-store` itself (ASVS
    /// 14.3.2).
    ///
    /// A response that sets the cookie must not be stored, whatever the application says
    /// (CVE-2023-30861, CVE-2025-48947), also in headers that shared caches heed instead:
    /// `CDN-Cache-Control` (RFC 9213) and `Surrogate-Control` with their vendors' forms,
    /// `Edge-Control`, `X-LiteSpeed-Cache-Control`, and nginx's `X-Accel-Expires`.
    pub fn apply(
        &self,
        has: impl Fn(&str) -> bool,
        mut append: impl FnMut(&str, &str),
        mut replace: impl FnMut(&str, &str),
    ) {
        if self.is_empty() {
            return;
        }
        append("vary", "Cookie");
        if let Some(name) = &self.token_header {
            append("vary", name);
        }
        for value in &self.set_cookie {
            append("set-cookie", value);
        }
        if let Some((name, value)) = &self.token {
            replace(name, value);
        }
        if self.hands_out() {
            replace("cache-control", NO_STORE);
            for (name, value) in TARGETED {
                if has(name) {
                    replace(name, value);
                }
            }
        } else if !has("cache-control") {
            replace("cache-control", PRIVATE);
        }
    }
}

/// How much there is to say; tokens are secrets (ASVS 16.2.5).
impl fmt::Debug for ResponseHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseHeaders")
            .field("touched", &self.touched)
            .field("cookies", &self.set_cookie.len())
            .field("token", &self.token.is_some())
            .finish_non_exhaustive()
    }
}

fn set_cookie<T>(inner: &Inner<T>, sealed: &Sealed) -> Result<String, SessionError> {
    let claims = sealed.claims();
    let lifetimes = inner.codec.policy().lifetimes(claims.class());
    let max_age = lifetimes
        .filter(|lifetimes| lifetimes.is_persistent())
        .map(|_| claims.expires().since(inner.now()));
    let header = inner.cookie.set_cookie(sealed.value(), max_age);
    // The codec's limit is not over the cookie's, and base64url is legal in it.
    let too_large = |_| SealError::TooLarge {
        size: sealed.value().len(),
        limit: inner.codec.limit(),
    };
    Ok(header.map_err(too_large)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is done to a response in which the application has set these.
    fn lines(headers: &ResponseHeaders, own: &[&str]) -> Vec<String> {
        let lines = std::cell::RefCell::new(Vec::new());
        headers.apply(
            |name| own.contains(&name),
            |name, value| lines.borrow_mut().push(format!("+{name}: {value}")),
            |name, value| lines.borrow_mut().push(format!("={name}: {value}")),
        );
        lines.into_inner()
    }

    #[test]
    fn caches_are_told_what_they_may_keep() {
        let mut headers = ResponseHeaders::default();
        assert_eq!(lines(&headers, &[]), [""; 0]);
        headers.touched = true;
        assert_eq!(lines(&headers, &["cache-control"]), ["+vary: Cookie"]);
        assert_eq!(
            lines(&headers, &[]),
            ["+vary: Cookie", "=cache-control: private, no-cache"]
        );
        headers.set_cookie.push("a=b".to_owned());
        assert_eq!(
            lines(&headers, &["cache-control"]),
            [
                "+vary: Cookie",
                "+set-cookie: a=b",
                "=cache-control: no-store"
            ]
        );
    }

    #[test]
    fn caches_with_a_header_of_their_own_keep_no_token_either() {
        let own = TARGETED.map(|(name, _)| name);
        let mut headers = ResponseHeaders {
            touched: true,
            ..ResponseHeaders::default()
        };
        // Without a token it is the application's to say what may be kept.
        let touched = ["+vary: Cookie", "=cache-control: private, no-cache"];
        assert_eq!(lines(&headers, &own), touched);
        for token in [false, true] {
            if token {
                headers.set_cookie.clear();
                headers.token = Some(("x-session".into(), String::new()));
            } else {
                headers.set_cookie.push("a=b".to_owned());
            }
            assert_eq!(
                lines(&headers, &own)[2..],
                [
                    "=cache-control: no-store",
                    "=cdn-cache-control: no-store",
                    "=akamai-cache-control: no-store",
                    "=cloudflare-cdn-cache-control: no-store",
                    "=netlify-cdn-cache-control: no-store",
                    "=vercel-cdn-cache-control: no-store",
                    "=surrogate-control: no-store",
                    "=fastly-surrogate-control: no-store",
                    "=edge-control: no-store",
                    "=x-litespeed-cache-control: no-store",
                    "=x-accel-expires: 0",
                ]
            );
            // What the response does not carry is not added.
            assert_eq!(lines(&headers, &[])[2..], ["=cache-control: no-store"]);
        }
    }

    #[test]
    fn a_token_in_a_header_of_its_own_is_no_less_private() {
        let name: Arc<str> = "x-session".into();
        let headers = ResponseHeaders {
            token: Some((name.clone(), "secret".to_owned())),
            touched: true,
            token_header: Some(name),
            ..ResponseHeaders::default()
        };
        assert_eq!(
            lines(&headers, &["cache-control"]),
            [
                "+vary: Cookie",
                "+vary: x-session",
                "=x-session: secret",
                "=cache-control: no-store"
            ]
        );
        assert!(!format!("{headers:?}").contains("secret"));
    }
}
