//! Saving what the store, or the list of revocations, has a say in.

use core::time::Duration;
use std::sync::Arc;

use super::{
    EventKind, Inner, SessionError, Strategy,
    load::load_record,
    save::{Change, Save, Saved, Unsaved},
};
use crate::{
    claims::{Claims, Identity},
    codec::record::Handle,
    error::SealError,
    expiry::Lifetimes,
    payload::{SessionData, from_postcard},
    session::{Held, HeldPlace, Live},
    store::{Created, NewRow, RowChange, RowKey, RowPhase, RowState, SessionStore, Updated},
    time::Timestamp,
};

/// How often two changes of one session are merged before it is a conflict.
const MERGE_ATTEMPTS: u32 = 4;

/// How long requests may be under way that still hold what another has just replaced.
const IN_FLIGHT: Duration = Duration::from_secs(30);

/// Saves what changed, and gives what the client is to hold from now on.
pub(super) async fn save_there<T: SessionData + Default>(
    inner: &Inner<T>,
    unsaved: Unsaved<T>,
) -> Result<Saved, SessionError> {
    let Unsaved {
        mut live,
        changed,
        response,
    } = unsaved;
    let save = Save::new(inner, response);
    match live.held.take() {
        Some(held)
            if live.renewed
                && changed
                && !live.replaced
                && save.has_moved_away(&live, &held)? =>
        {
            save.conflict(&held.claims.identity())
        }
        // What is rare is put aside, so that the future of what is not stays small.
        Some(held) if live.renewed => Box::pin(save.renew(live, held)).await,
        Some(held) => save.go_on(live, held, changed).await,
        None => Box::pin(save.begin(&live)).await,
    }
}

/// Revokes a session and deletes its row; whether it had been revoked before, by whomever.
pub(crate) async fn end<T>(inner: &Inner<T>, claims: &Claims) -> Result<bool, SessionError> {
    let session = claims.session_id();
    let mut before = false;
    if let Some(revocations) = &inner.revocations {
        let longest = inner.codec.policy().longest_absolute();
        before = revocations
            .revoke_session(session, Some(claims), longest, inner.now())
            .await?;
    }
    if let Some(store) = &inner.store {
        let deleted = store.delete(&RowKey(*session.as_bytes())).await;
        // What is revoked has ended, also if its row goes by expiring.
        if inner.revocations.is_none() {
            deleted?;
        }
        // Whoever lets the list grow keeps it short.
        inner.purge_if_due(&**store).await;
    }
    Ok(before)
}

impl<T: SessionData + Default> Save<'_, T> {
    /// A session under an id that has never been seen.
    async fn begin(&self, live: &Live<T>) -> Result<Saved, SessionError> {
        self.place(&self.identity(live)?, &live.data).await
    }

    /// In the cookie if it fits, in the store otherwise.
    async fn place(&self, identity: &Identity, data: &T) -> Result<Saved, SessionError> {
        if let Some(saved) = self.in_cookie(identity, data)? {
            return Ok(saved);
        }
        let max = self.max_record_bytes(identity);
        Box::pin(self.cross_to_store(identity, data, max)).await
    }

    /// How large the record of a session may become that is new or has changed.
    fn max_record_bytes(&self, identity: &Identity) -> usize {
        match identity.subject() {
            Some(_) => self.inner.max_record_bytes,
            None => self.inner.max_guest_record_bytes,
        }
    }

    /// A session that goes on under another id. The new one first, then the end of the
    /// old one: but only if that is still what it was when it was read, and if nobody has
    /// ended it by then. Of several that renew one session, one wins.
    async fn renew(&self, mut live: Box<Live<T>>, mut held: Held) -> Result<Saved, SessionError> {
        if let Some(revocations) = &self.inner.revocations
            && revocations.is_revoked_now(&held.claims, self.now).await?
        {
            return Err(SessionError::Gone);
        }
        for _ in 0..MERGE_ATTEMPTS {
            let saved = self.begin(&live).await?;
            let retired = if live.replaced {
                // Nothing goes on of what other requests change meanwhile.
                Updated::Updated
            } else {
                self.retire(&live, &held).await?
            };
            match retired {
                Updated::Updated => {
                    let ended_before = end(self.inner, &held.claims).await?;
                    if !ended_before {
                        return Ok(saved);
                    }
                    self.abandon(&live).await;
                    return Err(SessionError::Gone);
                }
                Updated::Missing => {
                    self.abandon(&live).await;
                    return Err(SessionError::Gone);
                }
                Updated::Conflict => self.abandon(&live).await,
            }
            (live, held) = self.merge(live, held).await?;
            if live.is_changed()? && self.has_moved_away(&live, &held)? {
                break;
            }
        }
        self.conflict(&held.claims.identity())
    }

    /// Ends what was begun in vain: nobody has heard of it; if it cannot be deleted, it
    /// expires.
    async fn abandon(&self, begun: &Live<T>) {
        if let Some(identity) = &begun.identity {
            let _ = self.delete(identity).await;
        }
    }

    /// Makes the row of a session that is about to end one that nobody can write to. It keeps
    /// the data as it was read: what a login adds is not for whoever holds the old id.
    async fn retire(&self, live: &Live<T>, held: &Held) -> Result<Updated, SessionError> {
        match &held.place {
            HeldPlace::Store { handle, state, .. } if state.phase != RowPhase::Moved => {
                let identity = held.claims.identity();
                let data: T = from_postcard(&live.original).unwrap_or_default();
                let change = (RowPhase::Moved, None);
                let max = self.inner.max_record_bytes;
                self.update(&identity, handle, *state, &data, change, max)
                    .await
            }
            HeldPlace::Store { .. } | HeldPlace::Cookie => Ok(Updated::Updated),
        }
    }

    /// A session that the client holds and keeps.
    async fn go_on(
        &self,
        live: Box<Live<T>>,
        held: Held,
        changed: bool,
    ) -> Result<Saved, SessionError> {
        let change = Change::of(&live, &held, changed, self.response);
        if change.is_written()
            && let Some(revocations) = &self.inner.revocations
            && revocations.is_revoked(&held.claims, self.now).await?
        {
            return Err(SessionError::Gone);
        }
        match held.place {
            HeldPlace::Cookie if change.is_written() => {
                self.place(&change.identity, &live.data).await
            }
            HeldPlace::Cookie => Ok(Saved::Unchanged),
            HeldPlace::Store { .. } => self.go_on_in_store(live, held, change).await,
        }
    }

    async fn go_on_in_store(
        &self,
        mut live: Box<Live<T>>,
        mut held: Held,
        change: Change,
    ) -> Result<Saved, SessionError> {
        let identity = &change.identity;
        let (any, own) = (self.inner.max_record_bytes, self.max_record_bytes(identity));
        for _ in 0..MERGE_ATTEMPTS {
            let HeldPlace::Store {
                handle,
                state,
                expires,
                needs_rekey,
            } = &held.place
            else {
                break;
            };
            if state.phase == RowPhase::Moved {
                return self.leave_moved_row(&live.data, &change).await;
            }
            // Another class, or a policy that has been loosened, lets the row live longer.
            let proper = self.row_expires(identity)?;
            let extend = change.class_changed || (change.is_written() && proper > *expires);
            let row_expires = extend.then_some(proper);
            if !change.changed {
                if *needs_rekey {
                    // Only so that no record outlives its key: whoever else writes does
                    // the same, and a store that is down is asked again next time.
                    let rewrite = (RowPhase::Settled, None);
                    let _ = self
                        .update(identity, handle, *state, &live.data, rewrite, any)
                        .await;
                }
                if let Some(expires) = row_expires {
                    let store = self.store()?;
                    let key = RowKey(handle.row());
                    store.expire_at(&key, expires, self.now).await?;
                }
                return if change.is_written() {
                    self.set_reference(identity, handle)
                } else {
                    Ok(Saved::Unchanged)
                };
            }

            let back = self.fits_with_room(identity, &live.data)?;
            let written = if back {
                // Whoever still holds the reference finds the newest data for a while.
                let until = self.now + IN_FLIGHT + self.lifetimes(identity)?.idle();
                (RowPhase::Moved, Some(until.min(proper)))
            } else {
                (RowPhase::Settled, row_expires)
            };
            match self
                .update(identity, handle, *state, &live.data, written, own)
                .await?
            {
                Updated::Updated if back => {
                    self.inner
                        .tell(EventKind::MovedToCookie, Some(identity.sid));
                    let sealed = self.inner.codec.at(self.now).seal(identity, &live.data)?;
                    return Ok(Saved::Set(sealed.into()));
                }
                Updated::Updated if change.class_changed || change.due => {
                    return self.set_reference(identity, handle);
                }
                Updated::Updated => return Ok(Saved::Unchanged),
                Updated::Missing => return Err(SessionError::Gone),
                Updated::Conflict => (live, held) = Box::pin(self.merge(live, held)).await?,
            }
        }
        self.conflict(identity)
    }

    /// Joins our change with the one that came before it.
    async fn merge(
        &self,
        mut live: Box<Live<T>>,
        held: Held,
    ) -> Result<(Box<Live<T>>, Held), SessionError> {
        let identity = held.claims.identity();
        let HeldPlace::Store { handle, .. } = &held.place else {
            return self.conflict(&identity);
        };
        let now = self.inner.now();
        let Ok(stored) = load_record(self.inner, &held.claims, handle, now).await? else {
            return Err(SessionError::Gone);
        };
        let merged = match &self.inner.merge {
            _ if !live.is_changed()? => Some(stored.data),
            None => None,
            Some(merge) => from_postcard::<T>(&live.original)
                .and_then(|base| merge(&base, &live.data, stored.data)),
        };
        let Some(data) = merged else {
            return self.conflict(&identity);
        };
        self.inner.tell(EventKind::Merged, Some(identity.sid));
        live.data = data;
        live.original = stored.original;
        let held = Held {
            place: stored.place,
            ..held
        };
        Ok((live, held))
    }

    /// Whether the session goes on in a cookie that this client has not presented, so that
    /// nothing can be built on the data that it was shown. Data that would not move back
    /// never left its row, which a renewal marked that was then broken off.
    fn has_moved_away(&self, live: &Live<T>, held: &Held) -> Result<bool, SealError> {
        match &held.place {
            HeldPlace::Store { state, .. } if state.phase == RowPhase::Moved => {
                let data: T = from_postcard(&live.original).unwrap_or_default();
                self.fits_with_room(&held.claims.identity(), &data)
            }
            HeldPlace::Store { .. } | HeldPlace::Cookie => Ok(false),
        }
    }

    /// The session has moved back to the cookie, and this client has not heard of it: it
    /// is told so where no data can be overtaken, and its own changes are refused.
    async fn leave_moved_row(&self, data: &T, change: &Change) -> Result<Saved, SessionError> {
        if change.changed || change.class_changed {
            return self.conflict(&change.identity);
        }
        if !self.response.navigation {
            return Ok(Saved::Unchanged);
        }
        if self.fits_with_room(&change.identity, data)? {
            return self.place(&change.identity, data).await;
        }
        // It would not have moved back, so it never left: a renewal was broken off.
        self.cross_to_store(&change.identity, data, self.inner.max_record_bytes)
            .await
    }

    /// Writes the record, then refers to it. A live row of this session is replaced only
    /// if the session had moved away from it, or if its reference never reached a client.
    async fn cross_to_store(
        &self,
        identity: &Identity,
        data: &T,
        max: usize,
    ) -> Result<Saved, SessionError> {
        let store = self.store()?;
        let scope = self.inner.codec.at(self.now);
        let handle = scope.new_handle(identity.sid)?;
        let key = RowKey(handle.row());
        let expires = self.row_expires(identity)?;
        let seal = |version| scope.seal_record(identity, &handle, version, data, max);
        let first = NewRow {
            bytes: &seal(1)?,
            expires,
        };
        let mut written = store.create(&key, first, self.now).await? == Created::Created;
        if !written && let Some(there) = store.load(&key, self.now).await? {
            let replaceable = match there.state.phase {
                RowPhase::Fresh => self.now.since(there.written) >= IN_FLIGHT,
                RowPhase::Settled => false,
                RowPhase::Moved => true,
            };
            if replaceable {
                let change = RowChange {
                    bytes: &seal(there.state.version.saturating_add(1))?,
                    phase: RowPhase::Fresh,
                    expires: Some(expires),
                };
                let updated = store.update(&key, there.state, change, self.now).await?;
                written = updated == Updated::Updated;
            }
        }
        if !written {
            return self.conflict(identity);
        }
        self.inner.tell(EventKind::MovedToStore, Some(identity.sid));
        self.inner.purge_if_due(&**store).await;
        self.set_reference(identity, &handle)
    }

    async fn update(
        &self,
        identity: &Identity,
        handle: &Handle,
        expected: RowState,
        data: &T,
        (phase, expires): (RowPhase, Option<Timestamp>),
        max: usize,
    ) -> Result<Updated, SessionError> {
        let version = expected.version.saturating_add(1);
        let scope = self.inner.codec.at(self.now);
        let change = RowChange {
            bytes: &scope.seal_record(identity, handle, version, data, max)?,
            phase,
            expires,
        };
        let updated = self
            .store()?
            .update(&RowKey(handle.row()), expected, change, self.now)
            .await?;
        Ok(updated)
    }

    async fn delete(&self, identity: &Identity) -> Result<(), SessionError> {
        if let Some(store) = &self.inner.store {
            store.delete(&row(identity)).await?;
        }
        Ok(())
    }

    /// Whether a stored session is to move back: only with a quarter of the limit to
    /// spare, so that a session at the edge does not go to and fro.
    fn fits_with_room(&self, identity: &Identity, data: &T) -> Result<bool, SealError> {
        if self.inner.strategy != Strategy::Auto {
            return Ok(false);
        }
        let plan = self.inner.codec.at(self.now).plan(identity, data)?;
        Ok(plan.cookie_len().saturating_mul(4) <= plan.limit().saturating_mul(3))
    }

    fn set_reference(&self, identity: &Identity, handle: &Handle) -> Result<Saved, SessionError> {
        let scope = self.inner.codec.at(self.now);
        let sealed = scope.seal_reference(identity, handle)?;
        Ok(Saved::Set(sealed.into()))
    }

    /// A row lives as long as its session can: the absolute timeout of its class.
    fn row_expires(&self, identity: &Identity) -> Result<Timestamp, SealError> {
        let lifetimes = self.lifetimes(identity)?;
        Ok(lifetimes.end_of(identity.created, identity.extensions.end))
    }

    fn lifetimes(&self, identity: &Identity) -> Result<&Lifetimes, SealError> {
        let lifetimes = self.inner.codec.policy().lifetimes(identity.class());
        lifetimes.ok_or(SealError::UnknownClass(identity.class().index()))
    }

    fn store(&self) -> Result<&Arc<dyn SessionStore>, SessionError> {
        self.inner.store.as_ref().ok_or(SessionError::NoStore)
    }

    fn conflict<V>(&self, identity: &Identity) -> Result<V, SessionError> {
        self.inner.tell(EventKind::Conflict, Some(identity.sid));
        Err(SessionError::Conflict)
    }
}

fn row(identity: &Identity) -> RowKey {
    RowKey(*identity.session_id().as_bytes())
}
