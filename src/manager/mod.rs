//! One session per request, wherever it lives: in the cookie while it fits, in a store
//! while it does not.
//!
//! [`SessionManager`] knows no framework. It takes the values of `Cookie` headers and
//! gives a [`Session`]; it takes the session back and gives the headers of the response.
//! Adapters only translate.
//!
//! # Rules
//! 1. A session that no request looks at costs nothing: no cryptography, no store, no
//!    header.
//! 2. A session in the cookie that no longer fits moves to the store: the record first,
//!    then the reference. One that fits again, with a quarter of the limit to spare,
//!    moves back, and leaves a row that may only be read, for those requests that were
//!    under way and for a client that the response did not reach.
//! 3. Sessions are written when their data changed. What is refreshed only to stay alive
//!    is refreshed on navigations, so that it does not race with data.
//! 4. Two requests that change a stored session at once: the second is merged
//!    ([`merge_with`](SessionManagerBuilder::merge_with)), or fails as a conflict.
//! 5. Nothing that ended comes back: an update never inserts, and what was logged out is
//!    on the list of revocations until its last copy has expired.
//! 6. A store that does not answer is [`SessionError::Unavailable`]: never a logout, never
//!    a cleared cookie. Failing to save fails the response.
//! 7. A response of status 5xx or 408 (a handler that was cut off) saves nothing: no data,
//!    no class, no new id. `log_out` has been done when its call returned.

mod builder;
mod error;
mod headers;
mod lease;
pub(crate) mod load;
mod purge;
mod request;
mod revocation;
mod save;
pub(crate) mod save_there;
mod strategy;
mod turns;

use core::fmt;
use std::sync::{Arc, Mutex, PoisonError};

pub use builder::{ManagerError, SessionManagerBuilder};
pub use error::{InvalidKind, Presented, SessionError};
pub use headers::ResponseHeaders;
#[cfg(feature = "rocket-0-5")]
pub(crate) use headers::TARGETED;
#[cfg(feature = "http-1")]
pub(crate) use headers::{NO_STORE, PRIVATE};
pub(crate) use lease::Lease;
pub use request::RequestHeaders;
pub use revocation::Revocation;
pub use strategy::{OnInvalid, OnUnavailable, Place, Strategy};

use crate::{
    claims::{SessionId, Sid},
    codec::{CodecBuilder, Encrypted, EncryptedCodec},
    cookie::CookieConfig,
    payload::SessionData,
    session::Session,
    store::{RowKey, SessionStore},
    time::Timestamp,
};
use lease::Leases;
use purge::Purge;
use revocation::Revocations;
use save::{Saved, Step, Unsaved};

/// The default budget for the cookie where there is a store: leaves room for the other
/// headers of a response behind a proxy that buffers 4 KiB of them.
pub const DEFAULT_BUDGET: usize = 3_300;

/// The default for the most bytes that a stored session may take in postcard: 1 MiB.
pub const DEFAULT_MAX_RECORD_BYTES: usize = 1 << 20;

/// The default for the most bytes that a guest's stored session may take in postcard:
/// 16 KiB, as much as four cookies. 3,183 such guests fill a store in memory of 64 MiB.
pub const DEFAULT_MAX_GUEST_RECORD_BYTES: usize = 1 << 14;

/// Makes sessions out of requests, and headers out of sessions.
///
/// ```
/// use core::time::Duration;
/// use sealed_session::{
///     EncryptedCodec, Policy, SessionData,
///     keys::{Key, KeyRing},
///     manager::SessionManager,
/// };
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, Default, SessionData)]
/// struct Shop { cart: Vec<String> }
///
/// # async fn run() -> Result<(), Box<dyn core::error::Error>> {
/// let keys = KeyRing::single(Key::generate()?)?;
/// let policy = Policy::new(Duration::from_secs(30 * 60), Duration::from_secs(24 * 3600))?;
/// let codec = EncryptedCodec::builder("example.com", keys, policy);
/// let manager = SessionManager::<Shop>::builder(codec).build()?; // `.store(…)` for Auto
///
/// // For each request: its Cookie headers, and its Sec-Fetch-Dest header if it has one.
/// let session = manager.session([&b"theme=dark"[..]], None);
/// session.change(|shop| shop.cart.push("book".into())).await?;
///
/// // For its response: the status it will have.
/// let headers = manager.finish(session, 200).await?;
/// assert!(headers.set_cookie[0].starts_with("__Host-session="));
/// # Ok(())
/// # }
/// # let mut run = Box::pin(run());
/// # let waker = core::task::Waker::noop();
/// # assert!(matches!(run.as_mut().poll(&mut core::task::Context::from_waker(waker)), core::task::Poll::Ready(Ok(()))));
/// ```
pub struct SessionManager<T>(pub(crate) Arc<Leases<T>>);

impl<T: SessionData + Default + Send + Sync + 'static> SessionManager<T> {
    /// Starts a manager whose tokens are those of `codec`. The manager sets the codec's
    /// name to the cookie's, and its limit to the budget.
    pub fn builder(codec: CodecBuilder<Encrypted>) -> SessionManagerBuilder<T> {
        SessionManagerBuilder::new(codec)
    }

    /// The session of a request: the values of its `Cookie` headers, and of its
    /// `Sec-Fetch-Dest` header if it has one. Costs next to nothing until it is used.
    #[expect(single_use_lifetimes, reason = "cannot be left out here")]
    pub fn session<'h>(
        &self,
        cookies: impl IntoIterator<Item = &'h [u8], IntoIter: Clone>,
        sec_fetch_dest: Option<&[u8]>,
    ) -> Session<T> {
        let request = request::from_cookies(cookies.into_iter(), sec_fetch_dest);
        Session::new(self.0.lease(), request)
    }

    /// The session of a request, from whichever of its headers concern sessions: what
    /// adapters call. As [`session`](Self::session), and it knows the
    /// [token's own header](SessionManagerBuilder::token_header).
    pub fn session_from(&self, headers: &(impl RequestHeaders + ?Sized)) -> Session<T> {
        Session::new(self.0.lease(), request::from_headers(&self.0, headers))
    }

    /// Saves a session that will be answered with that status, and gives the headers of
    /// the response.
    ///
    /// # Errors
    /// [`SessionError`]: the response must not go out as it is; see
    /// [`SessionError::status`] and [`failure_headers`](Self::failure_headers).
    pub async fn finish(
        &self,
        session: Session<T>,
        status: u16,
    ) -> Result<ResponseHeaders, SessionError> {
        match self.0.finish_here(&session, status)? {
            Finish::Done(headers) => Ok(headers),
            // In a box, so that the futures of all other requests are small.
            Finish::Unsaved(unsaved) => Box::pin(self.0.finish_there(&session, unsaved)).await,
        }
    }

    /// The headers of a response that takes the place of one whose session could not be
    /// saved: the error page depends on the request's cookie as well. Adapters add them.
    ///
    /// ```
    /// # use sealed_session::{EncryptedCodec, Values, codec::CodecBuilder, manager::{ManagerError, SessionManager}};
    /// # fn configure(codec: CodecBuilder<sealed_session::codec::Encrypted>) -> Result<(), ManagerError> {
    /// let manager = SessionManager::<Values>::builder(codec).build()?;
    /// assert!(manager.failure_headers().touched);
    /// # Ok(())
    /// # }
    /// ```
    pub fn failure_headers(&self) -> ResponseHeaders {
        self.0.failure_headers()
    }

    /// Ends a session for good, wherever it lives and whoever holds copies of its cookie.
    ///
    /// # Errors
    /// [`SessionError::Unavailable`]; [`SessionError::NoStore`] without a list of
    /// revocations.
    #[doc(alias = "destroy")]
    #[doc(alias = "invalidate")]
    pub async fn revoke(&self, session: SessionId) -> Result<(), SessionError> {
        let revocations = self.0.revocations.as_ref().ok_or(SessionError::NoStore)?;
        let now = self.0.now();
        let longest = self.0.codec.policy().longest_absolute();
        revocations
            .revoke_session(session, None, longest, now)
            .await?;
        if let Some(store) = &self.0.store {
            // What is revoked has ended, also if its row goes by expiring.
            let _ = store.delete(&RowKey(*session.as_bytes())).await;
        }
        Ok(())
    }

    /// Ends all sessions of a user that have begun by now: "log out everywhere" (ASVS
    /// 7.4.2). A login from now on is not affected. The servers' clocks must differ by less
    /// than a minute.
    ///
    /// # Errors
    /// As for [`revoke`](Self::revoke).
    #[doc(alias = "logout_everywhere")]
    pub async fn revoke_subject(&self, user_id: impl AsRef<[u8]>) -> Result<(), SessionError> {
        let revocations = self.0.revocations.as_ref().ok_or(SessionError::NoStore)?;
        let now = self.0.now();
        let longest = self.0.codec.policy().longest_absolute();
        for subject in self.0.codec.subjects(user_id.as_ref()) {
            revocations.revoke_subject(subject, longest, now).await?;
        }
        Ok(())
    }

    /// Renews this server's copy of the list of revocations if it is due. Requests do so
    /// by themselves; call it at start, to be ready for the first, or from a timer.
    ///
    /// # Errors
    /// [`SessionError::Unavailable`] when there is no copy that may be believed: the
    /// server is not ready.
    pub async fn sync_revocations(&self) -> Result<(), SessionError> {
        if let Some(revocations) = &self.0.revocations {
            revocations.sync(self.0.now()).await?;
        }
        Ok(())
    }

    /// How many revocations this server's copy of the list holds, for a gauge: those of the
    /// longest absolute timeout, and no more. 0 without a copy.
    #[must_use]
    pub fn known_revocations(&self) -> usize {
        let revocations = self.0.revocations.as_ref();
        revocations.map_or(0, Revocations::len)
    }

    /// Deletes what expired an hour ago or earlier from the store, in batches, and tells
    /// how much. Requests that move a session to the store, revoke something or renew the
    /// copy of the list do a batch by themselves: once a minute, or as often as there is
    /// more than a batch.
    ///
    /// # Errors
    /// [`SessionError::Unavailable`].
    #[doc(alias = "purge")]
    #[doc(alias = "cleanup")]
    pub async fn purge_expired(&self) -> Result<u64, SessionError> {
        let Some(store) = &self.0.store else {
            return Ok(0);
        };
        let mut total = 0_u64;
        loop {
            let before = self.0.now() - purge::DELAY;
            let deleted = store.delete_expired(before, purge::BATCH).await?;
            if deleted == 0 {
                return Ok(total);
            }
            total = total.saturating_add(deleted);
        }
    }

    /// The codec in use.
    #[must_use]
    pub fn codec(&self) -> &EncryptedCodec {
        &self.0.codec
    }

    /// The cookie in use.
    #[must_use]
    pub fn cookie(&self) -> &CookieConfig {
        &self.0.cookie
    }
}

impl<T> Clone for SessionManager<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for SessionManager<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionManager")
            .field("codec", &self.0.codec)
            .field("cookie", &self.0.cookie)
            .field("strategy", &self.0.strategy)
            .field("store", &self.0.store)
            .finish_non_exhaustive()
    }
}

/// How far finishing comes without a store.
pub(crate) enum Finish<T> {
    Done(ResponseHeaders),
    Unsaved(Unsaved<T>),
}

/// Joins two changes of one session: what both began with, ours, and theirs.
type Merge<T> = Arc<dyn Fn(&T, &T, T) -> Option<T> + Send + Sync>;

/// Hears of what an operator wants to count.
type Listener = Arc<dyn Fn(&SessionEvent) + Send + Sync>;

pub(crate) struct Inner<T> {
    pub(crate) codec: EncryptedCodec,
    cookie: CookieConfig,
    strategy: Strategy,
    store: Option<Arc<dyn SessionStore>>,
    revocations: Option<Revocations>,
    merge: Option<Merge<T>>,
    max_record_bytes: usize,
    /// At most that.
    max_guest_record_bytes: usize,
    on_invalid: OnInvalid,
    on_unavailable: OnUnavailable,
    listener: Option<Listener>,
    /// In lower case.
    token_header: Option<String>,
    purge: Arc<Purge>,
}

impl<T: SessionData + Default + Send + Sync + 'static> Inner<T> {
    /// As [`SessionManager::finish`], as far as that needs no store: without a future, which
    /// an adapter would have to put somewhere.
    pub(crate) fn finish_here(
        &self,
        session: &Session<T>,
        status: u16,
    ) -> Result<Finish<T>, SessionError> {
        let request = session.request();
        let saved = match session.take_live() {
            Some(live) => match save::save_here(self, live, request.navigation, status)? {
                Step::Saved(saved) => saved,
                Step::Unsaved(unsaved) => return Ok(Finish::Unsaved(unsaved)),
            },
            // It was not to be had, which depends on the cookie too.
            None if session.was_looked_at() => Saved::Unchanged,
            None => return Ok(Finish::Done(ResponseHeaders::default())),
        };
        ResponseHeaders::new(self, saved, request).map(Finish::Done)
    }

    /// The rest of [`finish_here`](Self::finish_here).
    pub(crate) async fn finish_there(
        &self,
        session: &Session<T>,
        unsaved: Unsaved<T>,
    ) -> Result<ResponseHeaders, SessionError> {
        let saved = save_there::save_there(self, unsaved).await?;
        ResponseHeaders::new(self, saved, session.request())
    }

    pub(crate) fn failure_headers(&self) -> ResponseHeaders {
        ResponseHeaders::of_failure(self)
    }
}

impl<T> Inner<T> {
    pub(crate) fn now(&self) -> Timestamp {
        self.codec.now()
    }

    pub(crate) fn on_invalid(&self) -> OnInvalid {
        self.on_invalid
    }

    pub(crate) fn revocations(&self) -> Option<&Revocations> {
        self.revocations.as_ref()
    }

    pub(crate) fn tell(&self, kind: EventKind, session: Option<Sid>) {
        if let Some(listener) = &self.listener {
            let session = session.map(Sid::public);
            listener(&SessionEvent { kind, session });
        }
    }

    /// Deletes a batch of what has expired, if that is due.
    async fn purge_if_due(&self, store: &dyn SessionStore) {
        self.purge.if_due(store, self.now()).await;
    }
}

/// Something that happened to a session, for logs and counters (ASVS 16.2). It contains no
/// secret: log the session by its [`log_id`](SessionId::log_id).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionEvent {
    /// What happened.
    pub kind: EventKind,
    /// To which session, where that is known.
    pub session: Option<SessionId>,
}

/// What happened to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventKind {
    /// A cookie was not accepted.
    Refused(InvalidKind),
    /// The store did not answer.
    Unavailable,
    /// A user logged in.
    LoggedIn,
    /// A session was logged out.
    LoggedOut,
    /// A session outgrew the cookie.
    MovedToStore,
    /// A session fits the cookie again.
    MovedToCookie,
    /// Another request had changed the session, and the two were merged.
    Merged,
    /// Another request had changed the session, and this one failed.
    Conflict,
}

/// Locks whatever a panicking holder left behind; a session whose change panicked says so
/// itself.
pub(crate) fn lock<V>(mutex: &Mutex<V>) -> std::sync::MutexGuard<'_, V> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
