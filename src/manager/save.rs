//! From the session to the response's cookies.

use core::time::Duration;

use super::{
    EventKind, Inner, SessionError, Strategy,
    load::{is_revoked, load_record},
};
use crate::{
    claims::Identity,
    codec::{
        Sealed,
        record::{Handle, row_key},
    },
    error::SealError,
    expiry::Lifetimes,
    payload::{SessionData, body::to_postcard, from_postcard},
    session::{Held, HeldPlace, Live},
    store::{Created, NewRow, RowChange, RowKey, RowState, SessionStore, Updated},
    time::Timestamp,
};

/// How often two changes of one session are merged before it is a conflict.
const MERGE_ATTEMPTS: u32 = 4;

/// How long requests may be under way that still hold what another has just replaced.
const IN_FLIGHT: Duration = Duration::from_secs(30);

/// Saves what changed, and gives the values of the `Set-Cookie` headers.
pub(super) async fn save<T: SessionData + Default>(
    inner: &Inner<T>,
    mut live: Live<T>,
    navigation: bool,
    status: u16,
) -> Result<Vec<String>, SessionError> {
    let failed = status >= 500;
    if failed && let Some(data) = from_postcard(&live.original) {
        live.data = data;
    }
    let changed = *to_postcard(&live.data)? != *live.original;
    if let Some(error) = live.read_only {
        let untouched = !changed && !live.renewed;
        return if untouched {
            Ok(Vec::new())
        } else {
            Err(error)
        };
    }
    let save = Save {
        inner,
        now: inner.now(),
        navigation: navigation && !failed,
    };
    match live.held.take() {
        Some(held) if live.renewed => {
            let headers = save.begin(&live).await?;
            end(inner, &held).await?;
            Ok(headers)
        }
        Some(held) => save.go_on(live, held, changed && !failed, failed).await,
        None if changed || live.renewed => save.begin(&live).await,
        None if live.logged_out => Ok(inner.cookie.removals()),
        None => Ok(Vec::new()),
    }
}

/// Revokes a session and deletes its row.
pub(crate) async fn end<T>(inner: &Inner<T>, held: &Held) -> Result<(), SessionError> {
    let sid = held.claims.session_id();
    if let Some(revocations) = &inner.revocations {
        let longest = inner.codec.policy().longest_absolute();
        revocations
            .revoke_session(sid, longest, inner.now())
            .await?;
    }
    if let Some(store) = &inner.store {
        store.delete(&RowKey(row_key(sid))).await?;
    }
    Ok(())
}

/// One response's saving.
struct Save<'a, T> {
    inner: &'a Inner<T>,
    now: Timestamp,
    navigation: bool,
}

impl<T: SessionData + Default> Save<'_, T> {
    /// A session under an id that has never been seen.
    async fn begin(&self, live: &Live<T>) -> Result<Vec<String>, SessionError> {
        let identity = match live.identity {
            Some(identity) => identity,
            None => self.inner.codec.at(self.now).new_identity()?,
        };
        let identity = identity.with_class(live.class);
        if self.fits(&identity, &live.data)? {
            return self.set_inline(&identity, &live.data);
        }
        self.cross_to_store(&identity, &live.data).await
    }

    /// A session that the client holds and keeps.
    async fn go_on(
        &self,
        live: Live<T>,
        held: Held,
        changed: bool,
        failed: bool,
    ) -> Result<Vec<String>, SessionError> {
        let identity = held.claims.identity().with_class(live.class);
        let class_changed = identity.class() != held.claims.class() && !failed;
        let due = held.needs_reissue || held.needs_reseal;
        let refresh = due && self.navigation;
        if (changed || class_changed || refresh)
            && is_revoked(self.inner, &held.claims, self.now).await?
        {
            return Err(SessionError::Gone);
        }
        let change = Change {
            identity,
            changed,
            class_changed,
            due,
            refresh,
        };
        match held.place {
            HeldPlace::Cookie => self.go_on_in_cookie(&live.data, &change).await,
            HeldPlace::Store { .. } => self.go_on_in_store(live, held, change).await,
        }
    }

    async fn go_on_in_cookie(
        &self,
        data: &T,
        change: &Change,
    ) -> Result<Vec<String>, SessionError> {
        if !(change.changed || change.class_changed || change.refresh) {
            return Ok(Vec::new());
        }
        if self.fits(&change.identity, data)? {
            return self.set_inline(&change.identity, data);
        }
        self.cross_to_store(&change.identity, data).await
    }

    async fn go_on_in_store(
        &self,
        mut live: Live<T>,
        mut held: Held,
        change: Change,
    ) -> Result<Vec<String>, SessionError> {
        let identity = &change.identity;
        for _ in 0..MERGE_ATTEMPTS {
            let HeldPlace::Store {
                handle,
                state,
                expires,
                needs_reseal,
            } = &held.place
            else {
                break;
            };
            if state.moved {
                return self.leave_moved_row(&live.data, &change);
            }
            if !change.changed {
                if *needs_reseal {
                    // Only so that no record outlives its key: whoever else writes does
                    // the same, and a store that is down is asked again next time.
                    let _ = self
                        .update(identity, handle, *state, &live.data, Written::InPlace(None))
                        .await;
                }
                if change.class_changed {
                    let expires = self.row_expires(identity)?;
                    self.store()?
                        .expire_at(&row(identity), expires, self.now)
                        .await?;
                }
                return if change.class_changed || change.refresh {
                    self.set_reference(identity, handle)
                } else {
                    Ok(Vec::new())
                };
            }

            let back = self.fits_with_room(identity, &live.data)?;
            let written = if back {
                // Whoever still holds the reference finds the newest data for a while.
                let until = self.now + IN_FLIGHT + self.lifetimes(identity)?.idle();
                Written::Moved((*expires).min(until))
            } else if change.class_changed {
                Written::InPlace(Some(self.row_expires(identity)?))
            } else {
                Written::InPlace(None)
            };
            match self
                .update(identity, handle, *state, &live.data, written)
                .await?
            {
                Updated::Updated if back => {
                    self.inner
                        .tell(EventKind::MovedToCookie, Some(identity.session_id()));
                    return self.set_inline(identity, &live.data);
                }
                Updated::Updated if change.class_changed || change.due => {
                    return self.set_reference(identity, handle);
                }
                Updated::Updated => return Ok(Vec::new()),
                Updated::Missing => return Err(SessionError::Gone),
                Updated::Conflict => (live, held) = self.merge(live, held).await?,
            }
        }
        self.conflict(identity)
    }

    /// Joins our change with the one that came before it.
    async fn merge(&self, live: Live<T>, held: Held) -> Result<(Live<T>, Held), SessionError> {
        let identity = held.claims.identity();
        let (Some(merge), HeldPlace::Store { handle, .. }) = (&self.inner.merge, &held.place)
        else {
            return self.conflict(&identity);
        };
        let Ok(stored) = load_record(self.inner, &held.claims, handle).await? else {
            return Err(SessionError::Gone);
        };
        let merged = from_postcard::<T>(&live.original)
            .and_then(|base| merge(&base, &live.data, stored.data));
        let Some(data) = merged else {
            return self.conflict(&identity);
        };
        self.inner
            .tell(EventKind::Merged, Some(identity.session_id()));
        let live = Live {
            data,
            original: stored.original,
            ..live
        };
        let held = Held {
            place: stored.place,
            ..held
        };
        Ok((live, held))
    }

    /// The session has moved back to the cookie, and this client has not heard of it: it
    /// is told so where no data can be overtaken, and its own changes are refused.
    fn leave_moved_row(&self, data: &T, change: &Change) -> Result<Vec<String>, SessionError> {
        if change.changed || change.class_changed {
            return self.conflict(&change.identity);
        }
        if self.navigation && self.fits(&change.identity, data)? {
            return self.set_inline(&change.identity, data);
        }
        Ok(Vec::new())
    }

    /// Writes the record, then refers to it. A live row of this session is replaced only
    /// if the session had moved away from it, or if its reference never reached a client.
    async fn cross_to_store(
        &self,
        identity: &Identity,
        data: &T,
    ) -> Result<Vec<String>, SessionError> {
        let store = self.store()?;
        let scope = self.inner.codec.at(self.now);
        let handle = scope.new_handle()?;
        let key = row(identity);
        let expires = self.row_expires(identity)?;
        let seal = |version| {
            let max = self.inner.max_record_bytes;
            scope.seal_record(identity, &handle, version, data, max)
        };
        let first = seal(1)?;
        let first = NewRow {
            bytes: &first,
            expires,
        };
        let mut written = store.create(&key, first, self.now).await? == Created::Created;
        if !written && let Some(there) = store.load(&key, self.now).await? {
            let abandoned = there.state.version == 1 && self.now.since(there.written) >= IN_FLIGHT;
            if there.state.moved || abandoned {
                let change = RowChange {
                    bytes: &seal(there.state.version.saturating_add(1))?,
                    moved: false,
                    expires: Some(expires),
                };
                let updated = store.update(&key, there.state, change, self.now).await?;
                written = updated == Updated::Updated;
            }
        }
        if !written {
            return self.conflict(identity);
        }
        self.inner
            .tell(EventKind::MovedToStore, Some(identity.session_id()));
        self.inner.purge_if_due(&**store).await;
        self.set_reference(identity, &handle)
    }

    async fn update(
        &self,
        identity: &Identity,
        handle: &Handle,
        expected: RowState,
        data: &T,
        written: Written,
    ) -> Result<Updated, SessionError> {
        let version = expected.version.saturating_add(1);
        let max = self.inner.max_record_bytes;
        let scope = self.inner.codec.at(self.now);
        let (moved, expires) = match written {
            Written::InPlace(expires) => (false, expires),
            Written::Moved(expires) => (true, Some(expires)),
        };
        let change = RowChange {
            bytes: &scope.seal_record(identity, handle, version, data, max)?,
            moved,
            expires,
        };
        let updated = self
            .store()?
            .update(&row(identity), expected, change, self.now)
            .await?;
        Ok(updated)
    }

    /// Whether the session is to live in the cookie.
    fn fits(&self, identity: &Identity, data: &T) -> Result<bool, SealError> {
        match self.inner.strategy {
            // Too large is then an error, which sealing gives.
            Strategy::CookieOnly => Ok(true),
            Strategy::StoreOnly { .. } => Ok(false),
            Strategy::Auto => {
                let plan = self.inner.codec.at(self.now).plan(identity, data)?;
                Ok(plan.fits())
            }
        }
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

    fn set_inline(&self, identity: &Identity, data: &T) -> Result<Vec<String>, SessionError> {
        let sealed = self.inner.codec.at(self.now).seal(identity, data)?;
        self.set_cookie(&sealed)
    }

    fn set_reference(
        &self,
        identity: &Identity,
        handle: &Handle,
    ) -> Result<Vec<String>, SessionError> {
        let scope = self.inner.codec.at(self.now);
        let sealed = scope.seal_reference::<T>(identity, handle)?;
        self.set_cookie(&sealed)
    }

    fn set_cookie(&self, sealed: &Sealed) -> Result<Vec<String>, SessionError> {
        let claims = sealed.claims();
        let lifetimes = self.inner.codec.policy().lifetimes(claims.class());
        let max_age = lifetimes
            .filter(|lifetimes| lifetimes.is_persistent())
            .map(|_| claims.expires().since(self.now));
        let header = self.inner.cookie.set_cookie(sealed.value(), max_age);
        // The codec's limit is not over the cookie's, and base64url is legal in it.
        let header = header.map_err(|_| SealError::TooLarge {
            size: sealed.value().len(),
            limit: self.inner.codec.limit(),
        })?;
        Ok(vec![header])
    }

    /// A row lives as long as its session can: the absolute timeout of its class.
    fn row_expires(&self, identity: &Identity) -> Result<Timestamp, SealError> {
        Ok(identity.created() + self.lifetimes(identity)?.absolute())
    }

    fn lifetimes(&self, identity: &Identity) -> Result<&Lifetimes, SealError> {
        let lifetimes = self.inner.codec.policy().lifetimes(identity.class());
        lifetimes.ok_or(SealError::UnknownClass(identity.class().index()))
    }

    fn store(&self) -> Result<&std::sync::Arc<dyn SessionStore>, SessionError> {
        self.inner.store.as_ref().ok_or(SessionError::NoStore)
    }

    fn conflict<V>(&self, identity: &Identity) -> Result<V, SessionError> {
        self.inner
            .tell(EventKind::Conflict, Some(identity.session_id()));
        Err(SessionError::Conflict)
    }
}

/// What a response does to a session that goes on.
struct Change {
    identity: Identity,
    changed: bool,
    class_changed: bool,
    /// It should be issued anew at the next occasion.
    due: bool,
    /// And this is one.
    refresh: bool,
}

enum Written {
    /// The session stays in the store; its row may get another expiry.
    InPlace(Option<Timestamp>),
    /// The session moves to the cookie; its row goes at that time.
    Moved(Timestamp),
}

fn row(identity: &Identity) -> RowKey {
    RowKey(row_key(identity.session_id()))
}
