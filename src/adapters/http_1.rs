//! Header maps of `http` 1: for tower, axum, poem, salvo, and for programs on bare hyper.
//!
//! ```
//! use http::HeaderMap;
//! use sealed_session::{SessionData, SessionManager, manager::SessionError};
//!
//! # async fn answer<T: SessionData + Default + Send + Sync + 'static>(
//! #     manager: &SessionManager<T>, request: &HeaderMap, response: &mut HeaderMap,
//! # ) -> Result<(), SessionError> {
//! let session = manager.session_from(request);
//! // … the handler, with `session.clone()` …
//! manager.finish(session, 200).await?.insert_into(response);
//! # Ok(())
//! # }
//! ```

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CACHE_CONTROL, COOKIE, SET_COOKIE, VARY},
};

use crate::manager::{NO_STORE, PRIVATE, RequestHeaders, ResponseHeaders};

impl RequestHeaders for HeaderMap {
    fn values<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h [u8]> {
        // Those that every request is asked for are found without reading their names.
        let all = match name {
            "cookie" => self.get_all(COOKIE),
            "sec-fetch-dest" => self.get_all(&SEC_FETCH_DEST),
            other => self.get_all(other),
        };
        all.iter().map(HeaderValue::as_bytes)
    }
}

static SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

impl ResponseHeaders {
    /// Does to a response's headers what [`apply`](Self::apply) says.
    pub fn insert_into(&self, headers: &mut HeaderMap) {
        if self.is_empty() {
            return;
        }
        let headers = core::cell::RefCell::new(headers);
        self.apply(
            |name| match name {
                // Every response is asked for it.
                "cache-control" => headers.borrow().contains_key(CACHE_CONTROL),
                other => headers.borrow().contains_key(other),
            },
            |name, value| {
                if let Some((name, value)) = line(name, value) {
                    headers.borrow_mut().append(name, value);
                }
            },
            |name, value| {
                if let Some((name, value)) = line(name, value) {
                    headers.borrow_mut().insert(name, value);
                }
            },
        );
    }
}

/// `None` never occurs: names are checked when a manager is built, and values are base64url
/// and attributes that the cookie's configuration has checked.
fn line(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    let name = match name {
        "cache-control" => CACHE_CONTROL,
        "set-cookie" => SET_COOKIE,
        "vary" => VARY,
        other => HeaderName::from_bytes(other.as_bytes()).ok()?,
    };
    let mut value = match value {
        "Cookie" => HeaderValue::from_static("Cookie"),
        PRIVATE => HeaderValue::from_static(PRIVATE),
        NO_STORE => HeaderValue::from_static(NO_STORE),
        other => HeaderValue::from_str(other).ok()?,
    };
    // Not for HPACK's dynamic table (RFC 7541, section 7.1.3), nor for a debugger's output.
    value.set_sensitive(name != CACHE_CONTROL && name != VARY);
    Some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_response_says_already_stays_unless_a_token_goes_out() {
        let mut headers = HeaderMap::new();
        headers.insert(VARY, HeaderValue::from_static("Accept"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=60"));
        // Which a shared cache would heed instead.
        headers.append("surrogate-control", HeaderValue::from_static("max-age=60"));
        headers.append("surrogate-control", HeaderValue::from_static("max-age=6"));
        headers.append("x-accel-expires", HeaderValue::from_static("60"));
        let mut said = ResponseHeaders::default();
        said.insert_into(&mut headers);
        assert_eq!(headers.len(), 5);

        said.touched = true;
        said.insert_into(&mut headers);
        assert_eq!(headers[CACHE_CONTROL], "max-age=60");
        assert_eq!(headers["x-accel-expires"], "60");
        let vary: Vec<_> = headers.get_all(VARY).iter().collect();
        assert_eq!(vary, ["Accept", "Cookie"]);

        said.set_cookie.push("a=b; Secure".to_owned());
        said.insert_into(&mut headers);
        assert_eq!(headers[CACHE_CONTROL], "no-store");
        let surrogates: Vec<_> = headers.get_all("surrogate-control").iter().collect();
        assert_eq!(surrogates, ["no-store"]);
        assert_eq!(headers["x-accel-expires"], "0");
        assert_eq!(headers[SET_COOKIE], "a=b; Secure");
        assert!(headers[SET_COOKIE].is_sensitive());
        assert!(!headers.contains_key("cdn-cache-control"));
    }
}
