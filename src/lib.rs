//! Web sessions that live in a sealed cookie: encrypted or signed, with expiry inside the
//! token, keys that rotate without logging anybody out, and never a byte more than
//! browsers keep.
//!
//! ```
//! use core::time::Duration;
//! use sealed_session::{
//!     CookieConfig, EncryptedCodec, Policy, SessionData, cookie,
//!     keys::{Key, KeyRing},
//! };
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize, Debug, PartialEq, SessionData)]
//! struct Login {
//!     user: u64,
//!     cart: Vec<String>,
//! }
//!
//! # fn main() -> Result<(), Box<dyn core::error::Error>> {
//! // Once, at start. In production: KeyRing::from_file or KeyRing::from_env.
//! let keys = KeyRing::single(Key::generate()?)?;
//! let policy = Policy::new(Duration::from_secs(30 * 60), Duration::from_secs(24 * 60 * 60))?;
//! let codec = EncryptedCodec::builder("example.com", keys, policy).build()?;
//! let config = CookieConfig::default(); // __Host-session; Secure; HttpOnly; SameSite=Lax
//!
//! // A response: seal the session into a Set-Cookie header.
//! let login = Login { user: 42, cart: vec!["book".into()] };
//! let sealed = codec.seal(&codec.new_identity()?, &login)?;
//! let header = config.set_cookie(sealed.value(), None)?;
//! assert!(header.starts_with("__Host-session=A"));
//!
//! // The next request: find the cookie in the Cookie header and open it.
//! let request = format!("theme=dark; __Host-session={}", sealed.value());
//! let value = cookie::candidates([request.as_bytes()], config.name()).next();
//! let opened = codec.open::<Login>(value.unwrap_or_default())?;
//! assert_eq!(opened.data(), &login);
//!
//! // Anything that was touched is refused; the client learns no more than that.
//! let touched = sealed.value().replace('A', "B");
//! let error = codec.open::<Login>(&touched).unwrap_err();
//! assert_eq!(error.to_string(), "no valid session");
//! # Ok(())
//! # }
//! ```
//!
//! # Where to read on
//! * [`codec`]: sealing and opening, and with the feature `aws-lc` another AES to do
//!   it with: [`codec::AeadProvider`]. [`keys`]: rings, files, rotation.
//! * [`payload`]: typed sessions, their versions, and the feature `derive`, which notices a
//!   changed type; [`Values`] for sessions without a fixed shape.
//! * [`expiry`]: idle and absolute timeouts, remember-me. [`mod@cookie`]: names,
//!   attributes, the strict reader.
//! * The token's bytes stand in `docs/SPEC.md`, what is and is not promised in
//!   `SECURITY.md`.
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(clippy::arithmetic_side_effects, reason = "an overflow fails the test")
)]

// The reader of the vectors is shared with `tests/vectors.rs`.
#[cfg(test)]
extern crate self as sealed_session;

pub mod adapters;
pub mod claims;
pub mod codec;
#[cfg(feature = "compare")]
pub mod compare;
pub mod cookie;
mod crypto;
pub mod error;
pub mod expiry;
pub mod keys;
pub mod manager;
pub mod payload;
pub mod random;
pub mod session;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
pub mod time;
pub mod token;
mod wiped;

// The public interface: what everybody needs stands here, the rest under its module.
#[doc(inline)]
pub use crate::{
    codec::{EncryptedCodec, SignedCodec},
    cookie::CookieConfig,
    error::{OpenError, OpenErrorKind, SealError},
    expiry::Policy,
    manager::SessionManager,
    payload::{SessionData, values::Values},
    session::Session,
};

/// The examples of README are tests too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// As are those of the page on stores.
#[cfg(doctest)]
#[doc = include_str!("../docs/STORES.md")]
struct Stores;

/// As are those of the pages on frameworks.
#[cfg(all(doctest, feature = "actix-web-4", feature = "testing"))]
#[doc = include_str!("../docs/frameworks/actix-web-4.md")]
struct ActixWeb4;

#[cfg(all(doctest, feature = "example-axum", feature = "testing"))]
#[doc = include_str!("../docs/frameworks/axum-0-8.md")]
struct Axum08;

#[cfg(all(doctest, feature = "example-poem", feature = "testing"))]
#[doc = include_str!("../docs/frameworks/poem-3.md")]
struct Poem3;

#[cfg(all(doctest, feature = "rocket-0-5", feature = "testing"))]
#[doc = include_str!("../docs/frameworks/rocket-0-5.md")]
struct Rocket05;

#[cfg(all(doctest, feature = "example-salvo", feature = "testing"))]
#[doc = include_str!("../docs/frameworks/salvo-1.md")]
struct Salvo1;
