//! Rocket 0.5: [`SessionFairing`], and [`Session<T>`](Session) as a request guard.
//!
//! ```
//! use rocket::{Build, Rocket, get, post, routes};
//! use sealed_session::{Session, SessionData, SessionManager};
//! use sealed_session::{adapters::rocket_0_5::SessionFairing, manager::SessionError};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize, Default, SessionData)]
//! struct Shop { cart: Vec<String> }
//!
//! #[get("/cart")]
//! async fn cart(session: Session<Shop>) -> Result<String, SessionError> {
//!     session.read(|shop| shop.cart.join("\n")).await
//! }
//!
//! #[post("/cart", data = "<item>")]
//! async fn add(session: Session<Shop>, item: String) -> Result<(), SessionError> {
//!     session.change(|shop| shop.cart.push(item)).await
//! }
//!
//! fn app(manager: SessionManager<Shop>) -> Rocket<Build> {
//!     rocket::build()
//!         .attach(SessionFairing::new(manager))
//!         .mount("/", routes![cart, add])
//! }
//! ```
//!
//! * `Session<T>` is the request's session, read when it is first used. It fails only where
//!   there is no fairing for `T`, and then the application does not launch.
//! * [`OptionalSession<T>`](OptionalSession) holds the session if the client has a valid
//!   one. It fails where that cannot be known. `Option<Session<T>>` is something else:
//!   Rocket's own, which is never `None` here.
//! * [`SessionError`] is a response: the status that fits, and a line that tells the client
//!   no more. Say once for all routes what it shall be instead with
//!   [`on_error`](SessionFairing::on_error).
//!
//! # Rules
//! 1. The session is saved when the response's head is ready, by the fairing: attach
//!    fairings that change the status of responses before this one.
//! 2. A session that cannot be saved replaces the response. Of its headers those stay that
//!    say nothing of its content, such as those of Rocket's shield.
//! 3. Rocket answers with 500 where a handler panics. As with every 5xx, nothing is saved
//!    then, and a [`log_in`](Session::log_in) does not hold.
//! 4. Rocket drops header lines that are not UTF-8. A client whose `Cookie` header has such
//!    bytes in any cookie has no session.
//! 5. A request without a session guard costs one small entry in Rocket's request-local
//!    cache.

mod fairing;
mod guard;
mod respond;

pub use fairing::SessionFairing;
pub use guard::{OptionalSession, SessionRejection};

use rocket::http::HeaderMap;

use crate::manager::RequestHeaders;
#[cfg(doc)]
use crate::{manager::SessionError, session::Session};

impl RequestHeaders for HeaderMap<'_> {
    fn values<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h [u8]> {
        self.get(name).map(str::as_bytes)
    }
}
