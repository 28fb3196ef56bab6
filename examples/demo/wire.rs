//! What each request costs, told in its response.

use std::time::Instant;

use axum::{
    extract::{Request, State},
    http::{
        HeaderName, HeaderValue,
        header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS},
    },
    middleware::Next,
    response::Response,
};

use crate::world::Demo;

/// No script and no style but the page's own, and nothing from elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Measures the whole of a request, with what it does to its session: the time, how often
/// the store was asked, and the bytes of `Set-Cookie`. Requests of other tabs at the same
/// moment count among the store's calls.
pub(crate) async fn measure(State(demo): State<Demo>, request: Request, next: Next) -> Response {
    let calls = demo.store.calls();
    let began = Instant::now();
    let mut response = next.run(request).await;
    let milliseconds = began.elapsed().as_secs_f64() * 1e3;
    let calls = demo.store.calls().saturating_sub(calls);

    let headers = response.headers_mut();
    let lines = headers.get_all(SET_COOKIE).iter();
    // The line's name, colon, space and end of line.
    let set_cookie: usize = lines.map(|value| value.len().saturating_add(14)).sum();
    for (name, value) in [
        ("server-timing", format!("app;dur={milliseconds:.3}")),
        ("x-demo-store-calls", calls.to_string()),
        ("x-demo-set-cookie-bytes", set_cookie.to_string()),
    ] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
