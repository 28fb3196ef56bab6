//! How a manager is configured.

use core::{fmt, marker::PhantomData};
use std::sync::Arc;

use super::{
    DEFAULT_BUDGET, DEFAULT_MAX_GUEST_RECORD_BYTES, DEFAULT_MAX_RECORD_BYTES, Inner, Listener,
    Merge, OnInvalid, OnUnavailable, Revocation, SessionEvent, SessionManager, Strategy,
    lease::Leases, purge::Purge, request, revocation::Revocations,
};
use crate::{
    codec::{CodecBuilder, ConfigError, Encrypted},
    cookie::{CookieConfig, CookieConfigError},
    payload::SessionData,
    store::SessionStore,
    token::MAX_COOKIE_LEN,
};

/// Configures a [`SessionManager`]; see [`SessionManager::builder`].
#[must_use = "a builder does nothing until it is built"]
pub struct SessionManagerBuilder<T> {
    codec: CodecBuilder<Encrypted>,
    cookie: CookieConfig,
    strategy: Option<Strategy>,
    store: Option<Arc<dyn SessionStore>>,
    revocation: Option<Revocation>,
    merge: Option<Merge<T>>,
    budget: Option<usize>,
    max_record_bytes: usize,
    max_guest_record_bytes: usize,
    on_invalid: OnInvalid,
    on_unavailable: OnUnavailable,
    listener: Option<Listener>,
    token_header: Option<String>,
    data: PhantomData<fn() -> T>,
}

impl<T: SessionData + Default + Send + Sync + 'static> SessionManagerBuilder<T> {
    pub(super) fn new(codec: CodecBuilder<Encrypted>) -> Self {
        Self {
            codec,
            cookie: CookieConfig::default(),
            strategy: None,
            store: None,
            revocation: None,
            merge: None,
            budget: None,
            max_record_bytes: DEFAULT_MAX_RECORD_BYTES,
            max_guest_record_bytes: DEFAULT_MAX_GUEST_RECORD_BYTES,
            on_invalid: OnInvalid::default(),
            on_unavailable: OnUnavailable::default(),
            listener: None,
            token_header: None,
            data: PhantomData,
        }
    }

    /// The cookie: `__Host-session`, `Secure`, `HttpOnly`, `SameSite=Lax` by default.
    pub fn cookie(mut self, cookie: CookieConfig) -> Self {
        self.cookie = cookie;
        self
    }

    /// Where sessions live that do not fit the cookie, and where revocations are kept.
    pub fn store(mut self, store: Arc<dyn SessionStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// [`Strategy::Auto`] by default with a store, [`Strategy::CookieOnly`] without.
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = Some(strategy);
        self
    }

    /// How this server learns of revocations; by default [`Revocation::Synced`] every 5
    /// seconds where there is a store.
    pub fn revocation(mut self, revocation: Revocation) -> Self {
        self.revocation = Some(revocation);
        self
    }

    /// The most bytes of the cookie's name and value together before a session moves to
    /// the store: [`DEFAULT_BUDGET`] with a store, 4096 without.
    pub fn budget(mut self, bytes: usize) -> Self {
        self.budget = Some(bytes);
        self
    }

    /// The most bytes that a stored session may take in postcard:
    /// [`DEFAULT_MAX_RECORD_BYTES`] by default, and at least one.
    ///
    /// It counts bytes, not what they become: an element that postcard writes in one byte
    /// takes its whole size in memory. A `Vec<String>` of empty strings takes up to 32 times
    /// its bytes, 24 for each string and the vector's spare room. Applications that let users
    /// fill lists bound the number of their elements, too.
    pub fn max_record_bytes(mut self, bytes: usize) -> Self {
        self.max_record_bytes = bytes;
        self
    }

    /// The most bytes that a stored session without a user may take in postcard, so that
    /// visitors do not fill the store: [`DEFAULT_MAX_GUEST_RECORD_BYTES`] by default, and
    /// at most [`max_record_bytes`](Self::max_record_bytes). 0 keeps guests in their
    /// cookies.
    ///
    /// A guest's change over it fails as
    /// [`RecordTooLarge`](crate::SealError::RecordTooLarge). What is stored already is
    /// still read, and may become a user's by [`log_in`](crate::Session::log_in).
    ///
    /// ```
    /// # use sealed_session::{Values, codec::{CodecBuilder, Encrypted}, manager::SessionManager};
    /// # fn configure(codec: CodecBuilder<Encrypted>) {
    /// let builder = SessionManager::<Values>::builder(codec).max_guest_record_bytes(16 << 10);
    /// # }
    /// ```
    pub fn max_guest_record_bytes(mut self, bytes: usize) -> Self {
        self.max_guest_record_bytes = bytes;
        self
    }

    /// Joins the changes of two requests to one stored session. `merge` is given what both
    /// began with, what this request made of it, and what the other made of it; `None` is
    /// a conflict. Without it, every such pair is a conflict.
    ///
    /// ```
    /// # use sealed_session::{EncryptedCodec, Policy, codec::CodecBuilder, SessionData, manager::SessionManager};
    /// # #[derive(serde::Serialize, serde::Deserialize, Default, SessionData)]
    /// # struct Shop { cart: Vec<String> }
    /// # fn configure(codec: CodecBuilder<sealed_session::codec::Encrypted>) {
    /// let builder = SessionManager::<Shop>::builder(codec).merge_with(|base, ours, mut theirs| {
    ///     theirs.cart.extend(ours.cart.iter().skip(base.cart.len()).cloned());
    ///     Some(theirs)
    /// });
    /// # }
    /// ```
    pub fn merge_with(
        mut self,
        merge: impl Fn(&T, &T, T) -> Option<T> + Send + Sync + 'static,
    ) -> Self {
        self.merge = Some(Arc::new(merge));
        self
    }

    /// What to do with a cookie that is not accepted.
    pub fn on_invalid(mut self, then: OnInvalid) -> Self {
        self.on_invalid = then;
        self
    }

    /// What to do when the store does not answer.
    pub fn on_unavailable(mut self, then: OnUnavailable) -> Self {
        self.on_unavailable = then;
        self
    }

    /// Calls `listener` for what an operator wants to log and count.
    pub fn on_event(mut self, listener: impl Fn(&SessionEvent) + Send + Sync + 'static) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }

    /// Lets clients without cookies, such as mobile applications, carry the token in a
    /// header of that name, such as `x-session`, in requests and responses.
    ///
    /// A request with this header is answered in it, and its cookies are not looked at: a
    /// client that has no token yet sends the header empty. An empty header in a response
    /// tells the client to forget its token. Requests without the header use cookies.
    ///
    /// ```
    /// # use sealed_session::{EncryptedCodec, Values, codec::CodecBuilder, manager::{ManagerError, SessionManager}};
    /// # fn configure(codec: CodecBuilder<sealed_session::codec::Encrypted>) -> Result<(), ManagerError> {
    /// let manager = SessionManager::<Values>::builder(codec).token_header("x-session").build()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A script of another origin can send no such header unless the application's CORS
    /// rules let it, so this needs no token against request forgery.
    pub fn token_header(mut self, name: impl Into<String>) -> Self {
        self.token_header = Some(name.into());
        self
    }

    /// Checks the configuration.
    ///
    /// # Errors
    /// [`ManagerError`].
    pub fn build(self) -> Result<SessionManager<T>, ManagerError> {
        let strategy = self.strategy.unwrap_or(match self.store {
            Some(_) => Strategy::Auto,
            None => Strategy::CookieOnly,
        });
        let revocation = self.revocation.unwrap_or(match self.store {
            Some(_) => Revocation::default(),
            None => Revocation::None,
        });
        if self.store.is_none()
            && (strategy != Strategy::CookieOnly || revocation != Revocation::None)
        {
            return Err(ManagerError::NeedsStore);
        }
        if self.max_record_bytes == 0 {
            return Err(ManagerError::RecordLimit);
        }
        let budget = self.budget.unwrap_or(match strategy {
            Strategy::CookieOnly => MAX_COOKIE_LEN,
            _ => DEFAULT_BUDGET,
        });
        // A logout must remove what a former name left behind.
        let mut cookie = self.cookie;
        for name in self.codec.former_names() {
            let known = cookie.former().iter().any(|former| former.name() == name);
            if name != cookie.name() && !known {
                cookie = cookie.also_formerly_named(name)?;
            }
        }
        let codec = self.codec.name(cookie.name()).limit(budget).build()?;
        let reference = REFERENCE_LEN.saturating_add(cookie.name().len());
        if strategy != Strategy::CookieOnly && budget < reference {
            return Err(ManagerError::Budget(reference));
        }
        let token_header = self.token_header.as_deref();
        let token_header = token_header.map(request::checked_name).transpose()?;
        let purge = Arc::new(Purge::default());
        let revocations = self
            .store
            .clone()
            .and_then(|store| Revocations::new(revocation, store, Arc::clone(&purge)));
        Ok(SessionManager(Arc::new(Leases::new(Inner {
            codec,
            cookie,
            strategy,
            store: self.store,
            revocations,
            merge: self.merge,
            max_record_bytes: self.max_record_bytes,
            max_guest_record_bytes: self.max_guest_record_bytes.min(self.max_record_bytes),
            on_invalid: self.on_invalid,
            on_unavailable: self.on_unavailable,
            listener: self.listener,
            token_header,
            purge,
        }))))
    }
}

/// Characters of a reference with a subject.
const REFERENCE_LEN: usize = 184;

impl<T> fmt::Debug for SessionManagerBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionManagerBuilder")
            .field("codec", &self.codec)
            .field("cookie", &self.cookie)
            .field("strategy", &self.strategy)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

/// A manager that would fail in use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManagerError {
    /// The strategy or the revocations need a store.
    #[error("this strategy, or its revocations, need a store")]
    NeedsStore,
    /// A budget that no reference fits.
    #[error("the budget must be at least {0} bytes, for the reference to a stored session")]
    Budget(usize),
    /// A limit for records that none keeps.
    #[error("a stored session needs at least one byte")]
    RecordLimit,
    /// A former name cannot be removed with the attributes of the cookie: declare it with
    /// its own, as [`formerly`](crate::cookie::CookieConfigBuilder::formerly).
    #[error(transparent)]
    Cookie(#[from] CookieConfigError),
    /// The token's header is not a header's name, or one that means something else.
    #[error("the token needs a header of its own, such as x-session")]
    TokenHeader,
    /// The codec cannot be built.
    #[error(transparent)]
    Codec(#[from] ConfigError),
}
