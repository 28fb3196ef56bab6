//! For the tests of applications: sessions built by hand, and a client that keeps cookies
//! as a browser does. Clocks that stand still are in [`time`](crate::time::TestClock).
//!
//! ```
//! use sealed_session::{Session, SessionData, manager::SessionError, testing};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize, Default, SessionData)]
//! struct Shop { cart: Vec<String> }
//!
//! // A handler…
//! async fn add(session: &Session<Shop>, item: &str) -> Result<usize, SessionError> {
//!     session.change(|shop| shop.cart.push(item.into())).await?;
//!     session.read(|shop| shop.cart.len()).await
//! }
//!
//! // …and its test, without a server.
//! # fn main() -> Result<(), SessionError> {
//! let session = testing::session(&testing::manager(), Shop { cart: vec!["book".into()] })?;
//! let count = testing::block_on(add(&session, "pen"))?;
//! assert_eq!(count, 2);
//! # Ok(())
//! # }
//! ```

mod browser;

use core::{
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

pub use browser::{Browser, Site};

use crate::{
    claims::Identity,
    codec::{CodecBuilder, Encrypted, EncryptedCodec},
    expiry::Policy,
    keys::{Key, KeyRing},
    manager::{SessionError, SessionManager},
    payload::SessionData,
    session::Session,
};

/// A manager with a key of its own and no store: half an hour idle, a day in all.
///
/// # Panics
/// Without the operating system's randomness.
#[must_use]
#[expect(clippy::expect_used, reason = "a test has nobody to report to")]
pub fn manager<T: SessionData + Default + Send + Sync + 'static>() -> SessionManager<T> {
    let manager = SessionManager::builder(codec()).build();
    manager.expect("a sound configuration")
}

#[expect(clippy::expect_used, reason = "a test has nobody to report to")]
pub(crate) fn codec() -> CodecBuilder<Encrypted> {
    let key = Key::generate().expect("randomness");
    let keys = KeyRing::single(key).expect("a ring of one key");
    let policy = Policy::new(Duration::from_mins(30), Duration::from_hours(24));
    EncryptedCodec::builder("testing", keys, policy.expect("a sound policy"))
}

/// The session of a request whose client holds `data`, of nobody in particular.
///
/// # Errors
/// [`SessionError::Seal`] for data that postcard cannot carry.
pub fn session<T: SessionData + Default + Send + Sync + 'static>(
    manager: &SessionManager<T>,
    data: T,
) -> Result<Session<T>, SessionError> {
    let identity = manager.codec().new_identity()?;
    Session::by_hand(manager.0.lease(), &identity, data)
}

/// The session of a request of that user, whose client holds `data`.
///
/// # Errors
/// As for [`session`].
pub fn logged_in<T: SessionData + Default + Send + Sync + 'static>(
    manager: &SessionManager<T>,
    user_id: impl AsRef<[u8]>,
    data: T,
) -> Result<Session<T>, SessionError> {
    let identity: Identity = manager.codec().new_identity()?;
    let identity = identity.with_subject(manager.codec().subject(user_id));
    Session::by_hand(manager.0.lease(), &identity, data)
}

/// Runs a future that waits for nothing outside this thread, as sessions without a store
/// do. With a store, use its runtime.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::yield_now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{manager::Presented, payload::values::Values};

    #[test]
    fn a_session_built_by_hand_is_like_one_that_a_client_presents() {
        let manager = manager::<Values>();
        let session = logged_in(&manager, "ada", Values::default()).unwrap();
        let seen = block_on(async {
            assert_eq!(session.presented().await.unwrap(), Presented::Valid);
            assert!(!session.is_dirty().await.unwrap());
            session.subject().await.unwrap()
        });
        assert_eq!(seen, Some(manager.codec().subject("ada")));
        let headers = block_on(manager.finish(session, 200)).unwrap();
        assert!(headers.touched && headers.set_cookie.is_empty());
    }
}
