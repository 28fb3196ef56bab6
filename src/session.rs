//! One request's session.

use core::fmt;
use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicBool, Ordering},
};

use crate::{
    claims::{Claims, Identity, LifetimeClass, SessionId, Subject},
    codec::{Plan, record::Handle},
    error::SealError,
    manager::{
        EventKind, Lease, OnInvalid, Place, Presented, SessionError, load, lock, save_there,
    },
    payload::{
        SessionData,
        encoded::{is_postcard_of, to_postcard},
        from_postcard,
    },
    store::RowState,
    time::Timestamp,
    wiped::Wiped,
};

/// The session of one request, read when it is first used and saved with the response.
///
/// Clones are the same session. A request without a valid session has `T::default()`, and
/// nothing is written unless that changes.
///
/// | other libraries say | here |
/// |---|---|
/// | `get`, `insert` | [`read`](Self::read), [`change`](Self::change) |
/// | `regenerate`, `cycle_id` | [`renew`](Self::renew), [`log_in`](Self::log_in) |
/// | `destroy`, `flush`, `purge`, `invalidate` | [`log_out`](Self::log_out) |
pub struct Session<T>(Arc<Shared<T>>);

struct Shared<T> {
    manager: Lease<T>,
    request: Request,
    /// Somebody has looked, whether there was anything to see or not.
    looked: AtomicBool,
    state: Mutex<State<T>>,
}

/// What of a request concerns its session.
#[derive(Default)]
pub(crate) struct Request {
    /// Its `Cookie` lines as they came, joined by semicolons, in which nobody has looked
    /// yet: a request that does not use its session pays for a copy, and not for a search.
    pub(crate) cookies: Vec<u8>,
    /// The values of the token's own header; its cookies then do not count.
    pub(crate) tokens: Vec<String>,
    /// Where the token was found, and where its successor goes.
    pub(crate) carrier: Carrier,
    /// The user goes to a page.
    pub(crate) navigation: bool,
}

/// What carries a token between client and server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Carrier {
    #[default]
    Cookie,
    /// The header that the manager was told.
    Header,
}

enum State<T> {
    /// Nobody has looked.
    Unread,
    Live(Box<Live<T>>),
    /// The response's headers have been made.
    Finished,
}

/// A session that has been looked at.
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that occur in every combination"
)]
pub(crate) struct Live<T> {
    pub(crate) presented: Presented,
    /// What the client holds, if it is valid.
    pub(crate) held: Option<Held>,
    /// As what it is to be sealed, if that is decided.
    pub(crate) identity: Option<Identity>,
    pub(crate) class: LifetimeClass,
    /// Whether its id has changed, so that what the client holds must end.
    pub(crate) renewed: bool,
    /// Whether another user has logged in, so that nothing of the former one goes on.
    pub(crate) replaced: bool,
    pub(crate) logged_out: bool,
    /// Whether the data was lent to be changed. Reading does not write, also where the
    /// same data may have several encodings.
    pub(crate) touched: bool,
    /// Whether a change of the data panicked half-way.
    pub(crate) torn: bool,
    pub(crate) data: T,
    /// The data as it was, in postcard.
    pub(crate) original: Wiped,
    /// Why it must not be changed.
    pub(crate) read_only: Option<SessionError>,
}

/// A valid session as the client holds it.
pub(crate) struct Held {
    pub(crate) claims: Claims,
    pub(crate) place: HeldPlace,
    pub(crate) needs_rekey: bool,
    pub(crate) needs_refresh: bool,
}

pub(crate) enum HeldPlace {
    Cookie,
    Store {
        handle: Handle,
        state: RowState,
        expires: Timestamp,
        /// The record is sealed under a key that no longer seals.
        needs_rekey: bool,
    },
}

impl<T: SessionData + Default + Send + Sync + 'static> Session<T> {
    /// Reads the session's data.
    ///
    /// # Errors
    /// [`SessionError::Unavailable`], and [`SessionError::Invalid`] where the manager
    /// refuses those.
    #[doc(alias = "get")]
    pub async fn read<R>(&self, read: impl FnOnce(&T) -> R) -> Result<R, SessionError> {
        self.with(|live| read(&live.data)).await
    }

    /// The session's data, cloned.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub async fn get(&self) -> Result<T, SessionError>
    where
        T: Clone,
    {
        self.read(T::clone).await
    }

    /// Changes the session's data. It is written with the response, if it is then another
    /// than it was.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    #[doc(alias = "insert")]
    #[doc(alias = "set")]
    pub async fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> Result<R, SessionError> {
        self.with(|live| {
            live.touched = true;
            // It stays so if another change panicked before, and was caught.
            let torn = core::mem::replace(&mut live.torn, true);
            let result = change(&mut live.data);
            live.torn = torn;
            result
        })
        .await
    }

    /// Makes the session that of a user who has just authenticated (ASVS 7.2.4): a new
    /// session id, a new absolute timeout, and the user's id as its subject, so that
    /// [`revoke_subject`](crate::manager::SessionManager::revoke_subject) ends it. The
    /// data of a guest, or of the same user, stays. Where the session is another user's, the
    /// new one begins with `T::default()`. It has the first lifetime class unless this
    /// request names one. The old session is revoked with the response; a response of 5xx
    /// or 408 saves nothing, so the login does not hold either.
    ///
    /// # Errors
    /// As for [`read`](Self::read), and [`SessionError::Seal`] without randomness.
    #[doc(alias = "regenerate")]
    #[doc(alias = "cycle_id")]
    #[doc(alias = "login")]
    pub async fn log_in(&self, user_id: impl AsRef<[u8]>) -> Result<(), SessionError> {
        let manager = &self.0.manager;
        let mut identity = manager.codec.new_identity()?;
        let subject = manager.codec.subject(&user_id);
        if let Some(revocations) = manager.revocations() {
            identity.created = revocations
                .earliest_start(subject, identity.created)
                .await?;
        }
        // Whatever the cookie is worth, a user may log in.
        drop(self.load(OnInvalid::Anonymous).await?);
        let user_id = user_id.as_ref();
        self.with(|live| {
            let former = live.current_identity().and_then(|it| it.subject());
            // Also if that is a hash under a former context.
            let is_another =
                former.is_some_and(|former| manager.codec.subjects(user_id).all(|it| it != former));
            if is_another {
                live.data = T::default();
                live.touched = true;
                live.replaced = true;
            }
            if is_another || !live.class_changed() {
                live.class = LifetimeClass::DEFAULT;
            }
            live.identity = Some(identity.with_subject(subject));
            live.renewed = true;
        })
        .await?;
        manager.tell(EventKind::LoggedIn, Some(identity.sid));
        Ok(())
    }

    /// Changes the session's id and keeps everything else: for a change of privilege
    /// (OWASP: renew the session id after any privilege level change). The old id is
    /// revoked with the response.
    ///
    /// # Errors
    /// As for [`log_in`](Self::log_in).
    #[doc(alias = "regenerate")]
    #[doc(alias = "cycle_id")]
    pub async fn renew(&self) -> Result<(), SessionError> {
        let fresh = self.0.manager.codec.new_identity()?;
        self.with(|live| {
            if let Some(mut identity) = live.current_identity() {
                identity.sid = fresh.sid;
                live.identity = Some(identity);
                live.renewed = true;
            }
        })
        .await
    }

    /// Ends the session, at once and for good: revokes its id, deletes its row, and removes
    /// the cookie with the response. One call, wherever the session lives.
    ///
    /// It ends each session that the request presents: at most four under the cookie's name
    /// and four under each of at most four former names, with one entry in the list of
    /// revocations for each.
    ///
    /// A cookie that this server cannot open ends nothing: one of an unknown key or another
    /// suite, or one that has expired by this server's clock and policy. The call succeeds,
    /// the cookie is removed, and the listener hears
    /// [`Refused`](crate::manager::EventKind::Refused). Where another server accepts such a
    /// cookie, copies of it live on: a server with an old ring file hears of `unknown-key`.
    /// An error would let a planted cookie keep its user from logging out.
    ///
    /// What is changed afterwards begins a new session.
    ///
    /// # Errors
    /// [`SessionError::Unavailable`] when it cannot be revoked, and
    /// [`SessionError::Unsupported`] when a newer version sealed it: the user is then still
    /// logged in, and must be told so.
    #[doc(alias = "destroy")]
    #[doc(alias = "flush")]
    #[doc(alias = "purge")]
    #[doc(alias = "invalidate")]
    #[doc(alias = "logout")]
    pub async fn log_out(&self) -> Result<(), SessionError> {
        let manager = &self.0.manager;
        self.assert_open()?;
        self.0.looked.store(true, Ordering::Relaxed);
        // The row is not needed: the cookie alone tells which session it is. All of them
        // are ended that the client presents, whatever this request has made of them.
        let opened = load::open_all(manager, &self.0.request);
        for claims in opened.claims {
            save_there::end(manager, &claims).await?;
            manager.tell(EventKind::LoggedOut, Some(claims.sid));
        }
        if opened.unsupported {
            return Err(SessionError::Unsupported);
        }
        let mut live = Live::empty(Presented::Nothing)?;
        live.logged_out = true;
        // Nothing has changed until here, so that a logout that fails or is cancelled
        // leaves the session as it was.
        let mut state = lock(&self.0.state);
        if matches!(*state, State::Finished) {
            return Err(SessionError::TooLate);
        }
        *state = State::Live(live);
        Ok(())
    }

    /// Gives the session another lifetime class, such as remember-me; see
    /// [`Policy::class`](crate::expiry::Policy::class).
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    #[doc(alias = "remember_me")]
    #[doc(alias = "set_expiry")]
    pub async fn set_class(&self, class: LifetimeClass) -> Result<(), SessionError> {
        self.with(|live| live.class = class).await
    }

    /// What the request presented.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub async fn presented(&self) -> Result<Presented, SessionError> {
        self.with(|live| live.presented).await
    }

    /// The session's id, if it has begun or its id is decided.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub async fn id(&self) -> Result<Option<SessionId>, SessionError> {
        self.with(|live| live.current_identity().map(|it| it.session_id()))
            .await
    }

    /// What the client's token says: `None` without a valid one.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub async fn claims(&self) -> Result<Option<Claims>, SessionError> {
        self.with(|live| live.held.as_ref().map(|held| held.claims))
            .await
    }

    /// Whose session it is.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub async fn subject(&self) -> Result<Option<Subject>, SessionError> {
        self.with(|live| live.current_identity().and_then(|it| it.subject()))
            .await
    }

    /// Whether the session would be written if the response were made now.
    ///
    /// # Errors
    /// As for [`read`](Self::read), and [`SessionError::Seal`].
    pub async fn is_dirty(&self) -> Result<bool, SessionError> {
        self.with(|live| Ok(live.is_changed()? || live.renewed || live.class_changed()))
            .await?
    }

    /// Where the session lives now.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub async fn place(&self) -> Result<Place, SessionError> {
        self.with(|live| match live.held.as_ref().map(|held| &held.place) {
            None => Place::Nowhere,
            Some(HeldPlace::Cookie) => Place::Cookie,
            Some(HeldPlace::Store { .. }) => Place::Store,
        })
        .await
    }

    /// What the session would come to in the cookie, and how many bytes are spare.
    ///
    /// # Errors
    /// As for [`read`](Self::read), and [`SessionError::Seal`].
    pub async fn plan(&self) -> Result<Plan, SessionError> {
        let codec = &self.0.manager.codec;
        let fresh = codec.new_identity()?;
        self.with(|live| {
            let identity = live.current_identity().unwrap_or(fresh);
            codec.plan(&identity.with_class(live.class), &live.data)
        })
        .await?
        .map_err(Into::into)
    }

    pub(crate) fn new(manager: Lease<T>, request: Request) -> Self {
        Self(Arc::new(Shared {
            manager,
            request,
            looked: AtomicBool::new(false),
            state: Mutex::new(State::Unread),
        }))
    }

    /// What is to be saved; `None` if nobody looked at the session.
    pub(crate) fn take_live(&self) -> Option<Box<Live<T>>> {
        let state = core::mem::replace(&mut *lock(&self.0.state), State::Finished);
        match state {
            State::Live(live) => Some(live),
            State::Unread | State::Finished => None,
        }
    }

    /// A session as if a client had presented it in its cookie.
    #[cfg(feature = "testing")]
    pub(crate) fn by_hand(
        manager: Lease<T>,
        identity: &Identity,
        data: T,
    ) -> Result<Self, SessionError> {
        let held = Held {
            claims: manager.codec.at(manager.now()).claims::<T>(identity)?,
            place: HeldPlace::Cookie,
            needs_rekey: false,
            needs_refresh: false,
        };
        let original = to_postcard(&data)?;
        let session = Self::new(manager, Request::default());
        *lock(&session.0.state) = State::Live(Live::held(held, data, original));
        Ok(session)
    }

    /// If nobody has looked at the session, makes sure that nobody does any more.
    #[cfg(any(
        feature = "actix-web-4",
        feature = "poem-3",
        feature = "salvo-1",
        feature = "tower-0-3"
    ))]
    pub(crate) fn close_if_unread(&self) -> bool {
        let mut state = lock(&self.0.state);
        let unread = matches!(*state, State::Unread) && !self.was_looked_at();
        if unread {
            *state = State::Finished;
        }
        unread
    }

    /// Also if there was nothing to see.
    pub(crate) fn was_looked_at(&self) -> bool {
        self.0.looked.load(Ordering::Relaxed)
    }

    pub(crate) fn request(&self) -> &Request {
        &self.0.request
    }

    #[cfg(any(feature = "actix-web-4", feature = "tower-0-3"))]
    pub(crate) fn manager(&self) -> &crate::manager::Inner<T> {
        &self.0.manager
    }

    /// Loads the session unless that has been done, and lends it.
    async fn with<R>(&self, then: impl FnOnce(&mut Live<T>) -> R) -> Result<R, SessionError> {
        match &mut *self.load(self.0.manager.on_invalid()).await? {
            State::Live(live) => Ok(then(live)),
            State::Unread | State::Finished => Err(SessionError::TooLate),
        }
    }

    async fn load(&self, on_invalid: OnInvalid) -> Result<MutexGuard<'_, State<T>>, SessionError> {
        if let Some(state) = self.loaded() {
            return Ok(state);
        }
        self.0.looked.store(true, Ordering::Relaxed);
        // Without the lock, since the store may take its time; two clones that load at
        // once load the same, and the first one's stays.
        let live = load::load(&self.0.manager, &self.0.request, on_invalid).await?;
        let mut state = lock(&self.0.state);
        if matches!(*state, State::Unread) {
            *state = State::Live(live);
        }
        Ok(state)
    }

    fn loaded(&self) -> Option<MutexGuard<'_, State<T>>> {
        let state = lock(&self.0.state);
        (!matches!(*state, State::Unread)).then_some(state)
    }

    fn assert_open(&self) -> Result<(), SessionError> {
        match *lock(&self.0.state) {
            State::Finished => Err(SessionError::TooLate),
            State::Unread | State::Live(_) => Ok(()),
        }
    }
}

impl<T> Clone for Session<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Whether it was read; nothing of what it holds.
impl<T> fmt::Debug for Session<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *lock(&self.0.state) {
            State::Unread => "Session(unread)",
            State::Live(_) => "Session(read)",
            State::Finished => "Session(finished)",
        })
    }
}

impl<T: SessionData + Default> Live<T> {
    /// No session yet.
    pub(crate) fn empty(presented: Presented) -> Result<Box<Self>, SessionError> {
        let data = T::default();
        let original = to_postcard(&data)?;
        Ok(Self::new(presented, None, data, original))
    }

    pub(crate) fn held(held: Held, data: T, original: Wiped) -> Box<Self> {
        Self::new(Presented::Valid, Some(held), data, original)
    }

    fn new(presented: Presented, held: Option<Held>, data: T, original: Wiped) -> Box<Self> {
        let class = held.as_ref().map(|held| held.claims.class());
        Box::new(Self {
            presented,
            class: class.unwrap_or_default(),
            held,
            identity: None,
            renewed: false,
            replaced: false,
            logged_out: false,
            touched: false,
            torn: false,
            data,
            original,
            read_only: None,
        })
    }

    /// Takes back what a response that failed must not save: data, class and id.
    pub(crate) fn forget_changes(&mut self) {
        if self.touched {
            self.data = from_postcard(&self.original).unwrap_or_default();
        }
        let held = self.held.as_ref();
        self.class = held.map(|held| held.claims.class()).unwrap_or_default();
        self.identity = None;
        (self.touched, self.renewed, self.replaced) = (false, false, false);
    }

    fn current_identity(&self) -> Option<Identity> {
        self.identity
            .or(self.held.as_ref().map(|held| held.claims.identity()))
    }

    /// Whether the data is another than it was.
    pub(crate) fn is_changed(&self) -> Result<bool, SealError> {
        Ok(self.touched && !is_postcard_of(&self.data, &self.original)?)
    }

    /// Whether the class is another than the client's, or than a new session's.
    pub(crate) fn class_changed(&self) -> bool {
        let held = self.held.as_ref().map(|held| held.claims.class());
        held.unwrap_or_default() != self.class
    }
}
