//! From the session to what the client is to hold.
//!
//! Most responses need no store for that: their session is as it was, or fits the cookie.
//! They are saved at once, without a future. The others go on in `save_there`.

use super::{Inner, SessionError, Strategy};
use crate::{
    claims::Identity,
    codec::Sealed,
    error::SealError,
    payload::SessionData,
    session::{Held, HeldPlace, Live},
    store::RowPhase,
    time::Timestamp,
};

/// What the client is to hold from now on.
pub(super) enum Saved {
    /// What it holds.
    Unchanged,
    Set(Box<Sealed>),
    /// Nothing.
    Ended,
}

/// How far saving comes without a store.
pub(super) enum Step<T> {
    Saved(Saved),
    Unsaved(Unsaved<T>),
}

/// A session that cannot be saved without asking the store, or the list of revocations.
pub(crate) struct Unsaved<T> {
    pub(super) live: Box<Live<T>>,
    pub(super) changed: bool,
    pub(super) response: Response,
}

/// What saving has to know of the response.
#[derive(Clone, Copy)]
pub(super) struct Response {
    /// It may refresh what is due.
    pub(super) navigation: bool,
}

/// What layers answer that drop a handler half-way (RFC 9110, section 15.5.9).
const REQUEST_TIMEOUT: u16 = 408;

/// Saves what changed as far as that needs no store.
pub(super) fn save_here<T: SessionData + Default>(
    inner: &Inner<T>,
    mut live: Box<Live<T>>,
    navigation: bool,
    status: u16,
) -> Result<Step<T>, SessionError> {
    // What a handler left half-changed when it panicked is as good as nothing.
    let failed = status >= 500 || status == REQUEST_TIMEOUT || live.torn;
    if failed {
        live.forget_changes();
    }
    let changed = live.is_changed()?;
    if let Some(error) = live.read_only.take() {
        let wanted = changed || live.renewed || live.class_changed();
        return if wanted {
            Err(error)
        } else {
            Ok(Step::Saved(Saved::Unchanged))
        };
    }
    let response = Response {
        navigation: navigation && !failed,
    };
    let saved = match &live.held {
        Some(_) if live.renewed => None,
        Some(held) => {
            let change = Change::of(&live, held, changed, response);
            if change.is_written() {
                Save::new(inner, response).write_here(&live, held, &change)?
            } else {
                stays_as_it_is(held).then_some(Saved::Unchanged)
            }
        }
        None if changed || live.renewed => {
            let save = Save::new(inner, response);
            let identity = save.identity(&live)?;
            live.identity = Some(identity);
            save.in_cookie(&identity, &live.data)?
        }
        None if live.logged_out => Some(Saved::Ended),
        None => Some(Saved::Unchanged),
    };
    Ok(match saved {
        Some(saved) => Step::Saved(saved),
        None => Step::Unsaved(Unsaved {
            live,
            changed,
            response,
        }),
    })
}

/// Whether nothing is due to a session that is not written.
fn stays_as_it_is(held: &Held) -> bool {
    match &held.place {
        HeldPlace::Store {
            state, needs_rekey, ..
        } => !*needs_rekey && state.phase != RowPhase::Moved,
        HeldPlace::Cookie => true,
    }
}

/// One response's saving.
pub(super) struct Save<'a, T> {
    pub(super) inner: &'a Inner<T>,
    pub(super) now: Timestamp,
    pub(super) response: Response,
}

impl<'a, T: SessionData + Default> Save<'a, T> {
    pub(super) fn new(inner: &'a Inner<T>, response: Response) -> Self {
        Self {
            inner,
            now: inner.now(),
            response,
        }
    }

    /// As what the session is to be sealed: under its id if that is decided, under one that
    /// has never been seen otherwise.
    pub(super) fn identity(&self, live: &Live<T>) -> Result<Identity, SealError> {
        let identity = match live.identity {
            Some(identity) => identity,
            None => self.inner.codec.at(self.now).new_identity()?,
        };
        Ok(identity.with_class(live.class))
    }

    /// What is written of a session that the client holds and keeps, if no store has to be
    /// asked.
    fn write_here(
        &self,
        live: &Live<T>,
        held: &Held,
        change: &Change,
    ) -> Result<Option<Saved>, SessionError> {
        if let HeldPlace::Store { .. } = &held.place {
            return Ok(None);
        }
        if let Some(revocations) = &self.inner.revocations {
            match revocations.known(&held.claims, self.now) {
                Some(false) => {}
                Some(true) => return Err(SessionError::Gone),
                None => return Ok(None),
            }
        }
        self.in_cookie(&change.identity, &live.data)
    }

    /// The session in the cookie, if it is to live there; `None` where it does not fit and
    /// there is a store for it.
    pub(super) fn in_cookie(
        &self,
        identity: &Identity,
        data: &T,
    ) -> Result<Option<Saved>, SessionError> {
        if let Strategy::StoreOnly { .. } = self.inner.strategy {
            return Ok(None);
        }
        match self.inner.codec.at(self.now).seal(identity, data) {
            Ok(sealed) => Ok(Some(Saved::Set(sealed.into()))),
            Err(SealError::TooLarge { .. }) if self.inner.strategy == Strategy::Auto => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// What a response does to a session that goes on.
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that occur in every combination"
)]
pub(super) struct Change {
    pub(super) identity: Identity,
    pub(super) changed: bool,
    pub(super) class_changed: bool,
    /// It should be issued anew at the next occasion.
    pub(super) due: bool,
    /// And this is one.
    pub(super) refresh: bool,
}

impl Change {
    /// What the response does to a session that the client holds and keeps.
    pub(super) fn of<T>(live: &Live<T>, held: &Held, changed: bool, response: Response) -> Self {
        let identity = held.claims.identity().with_class(live.class);
        let due = held.needs_refresh || held.needs_rekey;
        Self {
            identity,
            changed,
            class_changed: identity.class() != held.claims.class(),
            due,
            refresh: due && response.navigation,
        }
    }

    pub(super) fn is_written(&self) -> bool {
        self.changed || self.class_changed || self.refresh
    }
}
