//! actix-web 4: [`SessionMiddleware`], and [`Session<T>`](Session) as an extractor.
//!
//! ```
//! use actix_web::{App, web};
//! use sealed_session::{Session, SessionData, SessionManager};
//! use sealed_session::{adapters::actix_web_4::SessionMiddleware, manager::SessionError};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize, Default, SessionData)]
//! struct Shop { cart: Vec<String> }
//!
//! async fn cart(session: Session<Shop>) -> Result<String, SessionError> {
//!     session.read(|shop| shop.cart.join("\n")).await
//! }
//!
//! async fn add(session: Session<Shop>, item: String) -> Result<&'static str, SessionError> {
//!     session.change(|shop| shop.cart.push(item)).await?;
//!     Ok("added")
//! }
//!
//! # fn app(manager: SessionManager<Shop>) {
//! let app = App::new()
//!     .wrap(SessionMiddleware::new(manager))
//!     .route("/cart", web::get().to(cart))
//!     .route("/cart", web::post().to(add));
//! # let _ = app;
//! # }
//! ```
//!
//! * `Session<T>` is the request's session, read when it is first used. It fails only
//!   where the route has no middleware for `T`.
//! * [`OptionalSession<T>`](OptionalSession) holds the session if the client has a valid
//!   one. It fails where that cannot be known. `Option<Session<T>>` is something else:
//!   actix-web's own, `None` only where the middleware is missing.
//! * [`SessionError`] is a response: the status that fits, and a line that tells the client
//!   no more. Say once for all routes what it shall be instead with
//!   [`on_error`](SessionMiddleware::on_error).
//!
//! # Rules
//! 1. What fails is answered, too: a handler's error, and that of a middleware further
//!    inside, are responses of their status, which save or do not save as that status
//!    says. A request that is dropped, as actix-web does where a handler panics, saves
//!    nothing.
//! 2. A session that cannot be saved replaces the response.
//! 3. A session that is saved without a store takes no future of its own for that.

mod extract;
mod middleware;
mod response;

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{ContentType, HeaderMap, HeaderName, HeaderValue},
    },
};

pub use extract::{MissingMiddleware, OptionalSession};
pub use middleware::{SessionMiddleware, SessionService};
pub use response::ResponseFuture;

use crate::manager::{RequestHeaders, ResponseHeaders, SessionError};
#[cfg(doc)]
use crate::session::Session;

impl RequestHeaders for HeaderMap {
    fn values<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h [u8]> {
        self.get_all(name).map(HeaderValue::as_bytes)
    }
}

/// The status that fits, and a line that tells the client no more.
impl ResponseError for SessionError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::build(self.status_code())
            .content_type(ContentType::plaintext())
            .body(self.client_message())
    }
}

/// Does to a response's headers what [`ResponseHeaders::apply`] says.
fn insert_into(said: &ResponseHeaders, headers: &mut HeaderMap) {
    if said.is_empty() {
        return;
    }
    let headers = core::cell::RefCell::new(headers);
    said.apply(
        |name| headers.borrow().contains_key(name),
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

/// `None` never occurs: names are checked when a manager is built, and values are base64url
/// and attributes that the cookie's configuration has checked.
fn line(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    let mut line = HeaderValue::from_str(value).ok()?;
    // Not for HPACK's dynamic table (RFC 7541, section 7.1.3), nor for a debugger's output.
    line.set_sensitive(name != "cache-control" && name != "vary");
    Some((HeaderName::from_bytes(name.as_bytes()).ok()?, line))
}
