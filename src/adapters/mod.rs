//! Translations between web frameworks and [`SessionManager`](crate::SessionManager): a
//! module per framework and major version, each behind the feature of that name.
//!
//! All of them do the same. A request gets a [`Session`](crate::Session) that nothing is
//! spent on until a handler uses it; the response gets what
//! [`finish`](crate::SessionManager::finish) says. Where they differ, each says so.
//!
//! # Rules
//! 1. The session is saved when the response's head is ready, before its body: a redirect's
//!    target sees what was written, and what a streaming body or an upgraded connection
//!    does later is [`TooLate`](crate::manager::SessionError::TooLate). Take what they need
//!    out of the session first.
//! 2. A session that cannot be saved replaces the response: with the status that fits, or
//!    with what the application makes of the error.
//! 3. A handler that panics saves nothing. Where the panic is caught within the layer, as
//!    Rocket does, it is a response of status 500.
//! 4. Two sessions in one application are two types, each with its own manager and its own
//!    cookie name. A page in the place of a response whose session cannot be saved still
//!    hands out what the other session has saved.

#[cfg(feature = "actix-web-4")]
pub mod actix_web_4;
#[cfg(feature = "axum-0-8")]
pub mod axum_0_8;
#[cfg(feature = "http-1")]
pub mod http_1;
#[cfg(feature = "poem-3")]
pub mod poem_3;
#[cfg(feature = "rocket-0-5")]
pub mod rocket_0_5;
#[cfg(any(
    feature = "actix-web-4",
    feature = "poem-3",
    feature = "rocket-0-5",
    feature = "salvo-1",
    feature = "tower-0-3"
))]
mod said;
#[cfg(feature = "salvo-1")]
pub mod salvo_1;
#[cfg(feature = "tower-0-3")]
pub mod tower_0_3;
