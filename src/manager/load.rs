//! From the request's cookies to its session.

use super::{
    EventKind, Inner, InvalidKind, OnInvalid, OnUnavailable, Presented, SessionError, Strategy,
    request::Presentation,
};
use crate::{
    claims::Claims,
    codec::{
        OpenedToken,
        record::{AnyToken, Handle, Reference},
    },
    error::{OpenError, OpenErrorKind},
    payload::{SessionData, encoded::to_postcard},
    session::{Held, HeldPlace, Live, Request},
    store::{RowChange, RowKey, RowPhase, RowState, Updated},
    time::Timestamp,
    wiped::Wiped,
};

/// The one session that the request's cookies name, if there is one.
enum Chosen {
    Nothing,
    Invalid(InvalidKind),
    Session(Box<AnyToken>),
}

/// Opens the cookies and chooses among them; asks the list of revocations, but not the
/// store for data.
async fn choose<T: SessionData>(
    inner: &Inner<T>,
    request: &Request,
    now: Timestamp,
) -> Result<Chosen, SessionError> {
    let scope = inner.codec.at(now);
    let mut presented = Presentation::default();
    let mut seen = Seen::default();
    presented.own(inner, request, |value, _| {
        seen.add(scope.open_any(value), true);
    });
    // A cookie of the own name is the answer to those of former names: they stay with the
    // browser until they are removed, and a neighbouring host may plant them.
    if seen.newest.is_none() && !seen.unsupported {
        presented.former(inner, request, now, |value, host_bound| {
            seen.add(scope.open_any(value), host_bound);
        });
    }
    let Some(newest) = seen.newest else {
        if seen.unsupported {
            return Err(SessionError::Unsupported);
        }
        return Ok(seen.refused.map_or(Chosen::Nothing, Chosen::Invalid));
    };
    if presented.may_be_planted && (seen.differ || presented.too_many) {
        return Ok(Chosen::Invalid(InvalidKind::Ambiguous));
    }
    if !place_is_accepted(inner, &newest, now) {
        return match *newest {
            AnyToken::Reference(_) => Err(SessionError::NoStore),
            AnyToken::Inline(_) => Ok(Chosen::Invalid(InvalidKind::Token(
                OpenErrorKind::WrongKind,
            ))),
        };
    }
    if let Some(revocations) = &inner.revocations {
        // Most often the copy is new enough: without a future.
        let revoked = match revocations.known(newest.claims(), now) {
            Some(revoked) => revoked,
            None => Box::pin(revocations.is_revoked(newest.claims(), now)).await?,
        };
        if revoked {
            return Ok(Chosen::Invalid(InvalidKind::Revoked));
        }
    }
    Ok(Chosen::Session(newest))
}

/// What the tokens of a request open to.
#[derive(Default)]
struct Seen {
    newest: Option<Box<AnyToken>>,
    /// They are of different sessions.
    differ: bool,
    /// One is of a newer version.
    unsupported: bool,
    /// Why the first was not accepted that was not.
    refused: Option<InvalidKind>,
}

impl Seen {
    /// `heeded`: a token of a newer version makes the session unavailable.
    fn add(&mut self, opened: Result<AnyToken, OpenError>, heeded: bool) {
        match (opened, &self.newest) {
            (Ok(token), Some(other)) => {
                self.differ |= other.claims().sid != token.claims().sid;
                if token.claims().issued() > other.claims().issued() {
                    self.newest = Some(Box::new(token));
                }
            }
            (Ok(token), None) => self.newest = Some(Box::new(token)),
            (Err(error), _) => {
                self.unsupported |= heeded && error.kind() == OpenErrorKind::Unsupported;
                let kind = InvalidKind::Token(error.kind());
                self.refused = self.refused.or(Some(kind));
            }
        }
    }
}

/// What a logout has to end.
pub(crate) struct Opened {
    /// The claims of each cookie of the request that opens.
    pub(crate) claims: Vec<Claims>,
    /// Whether another one, of a newer version, may be the user's session. Another host can
    /// plant one under a name without `__Host-`, so it counts there only if no other opens.
    pub(crate) unsupported: bool,
}

/// Opens all cookies of the request.
pub(crate) fn open_all<T: SessionData>(inner: &Inner<T>, request: &Request) -> Opened {
    let now = inner.now();
    let scope = inner.codec.at(now);
    let mut claims = Vec::new();
    let (mut unsupported, mut is_planted) = (false, true);
    // No error in itself: a planted cookie would block the logout.
    let mut each = |value: &str, host_bound: bool| match scope.open_any(value) {
        Ok(token) => claims.push(*token.claims()),
        Err(error) => {
            if error.kind() == OpenErrorKind::Unsupported {
                unsupported = true;
                is_planted &= !host_bound;
            }
            let kind = InvalidKind::Token(error.kind());
            inner.tell(EventKind::Refused(kind), None);
        }
    };
    let mut presented = Presentation::default();
    presented.own(inner, request, &mut each);
    presented.former(inner, request, now, &mut each);
    Opened {
        unsupported: unsupported && (claims.is_empty() || !is_planted),
        claims,
    }
}

/// The session of a request, with its data.
pub(crate) async fn load<T: SessionData + Default>(
    inner: &Inner<T>,
    request: &Request,
    on_invalid: OnInvalid,
) -> Result<Box<Live<T>>, SessionError> {
    // What the request finds, it finds as of now, however long a store takes.
    let now = inner.now();
    let outcome = match choose(inner, request, now).await {
        Ok(Chosen::Nothing) => Ok(Loaded::Nothing),
        Ok(Chosen::Invalid(kind)) => Ok(Loaded::Invalid(kind)),
        Ok(Chosen::Session(token)) => match *token {
            AnyToken::Inline(token) => read_inline(token),
            AnyToken::Reference(reference) => Box::pin(read_stored(inner, reference, now)).await,
        },
        Err(error) => Err(error),
    };
    match outcome {
        Ok(Loaded::Nothing) => Live::empty(Presented::Nothing),
        Ok(Loaded::Session(live)) => Ok(live),
        Ok(Loaded::Invalid(kind)) => {
            inner.tell(EventKind::Refused(kind), None);
            match on_invalid {
                OnInvalid::Anonymous => Live::empty(Presented::Invalid(kind)),
                OnInvalid::Refuse => Err(SessionError::Invalid(kind)),
            }
        }
        Err(error) => {
            inner.tell(EventKind::Unavailable, None);
            match inner.on_unavailable {
                OnUnavailable::Refuse => Err(error),
                OnUnavailable::AnonymousReadOnly => {
                    let mut live = Live::empty(Presented::Unavailable)?;
                    live.read_only = Some(error);
                    Ok(live)
                }
            }
        }
    }
}

/// A stored session as another request left it.
pub(super) struct Stored<T> {
    pub(super) data: T,
    pub(super) original: Wiped,
    pub(super) place: HeldPlace,
}

/// Loads and opens the record that a reference names; why there is none, otherwise.
pub(super) async fn load_record<T: SessionData>(
    inner: &Inner<T>,
    claims: &Claims,
    handle: &Handle,
    now: Timestamp,
) -> Result<Result<Stored<T>, InvalidKind>, SessionError> {
    let store = inner.store.as_ref().ok_or(SessionError::NoStore)?;
    let key = RowKey(handle.row());
    let Some(row) = store.load(&key, now).await? else {
        return Ok(Err(InvalidKind::Gone));
    };
    let opened = inner.codec.at(now).open_record(
        claims,
        handle,
        row.state.version,
        row.bytes,
        inner.max_record_bytes,
    );
    let read = opened.and_then(|record| {
        let data = record.data()?;
        Ok(Stored {
            place: HeldPlace::Store {
                handle: handle.clone(),
                state: row.state,
                expires: row.expires,
                needs_rekey: record.needs_rekey(),
            },
            original: original(record, &data),
            data,
        })
    });
    match read.map_err(|error| error.kind()) {
        Ok(stored) => Ok(Ok(stored)),
        Err(OpenErrorKind::Unsupported) => Err(SessionError::Unsupported),
        // The session has come back to this row under another handle.
        Err(OpenErrorKind::NotAuthentic) => Ok(Err(InvalidKind::Gone)),
        Err(kind) => Ok(Err(InvalidKind::Token(kind))),
    }
}

enum Loaded<T> {
    Nothing,
    Invalid(InvalidKind),
    Session(Box<Live<T>>),
}

fn read_inline<T: SessionData + Default>(token: OpenedToken) -> Result<Loaded<T>, SessionError> {
    match token.data() {
        Ok(data) => {
            let held = Held {
                claims: *token.claims(),
                needs_rekey: token.needs_rekey(),
                needs_refresh: token.needs_refresh(),
                place: HeldPlace::Cookie,
            };
            let original = original(token, &data);
            Ok(Loaded::Session(Live::held(held, data, original)))
        }
        Err(error) if error.kind() == OpenErrorKind::Unsupported => Err(SessionError::Unsupported),
        Err(error) => Ok(Loaded::Invalid(InvalidKind::Token(error.kind()))),
    }
}

async fn read_stored<T: SessionData + Default>(
    inner: &Inner<T>,
    reference: Reference,
    now: Timestamp,
) -> Result<Loaded<T>, SessionError> {
    let Reference { claims, handle, .. } = &reference;
    for _ in 0..SETTLE_ATTEMPTS {
        let mut stored = match load_record(inner, claims, handle, now).await? {
            Ok(stored) => stored,
            Err(kind) => return Ok(Loaded::Invalid(kind)),
        };
        match settle(inner, &reference, &mut stored, now).await? {
            Updated::Updated => {
                let held = Held {
                    claims: *claims,
                    needs_rekey: reference.needs_rekey,
                    needs_refresh: reference.needs_refresh,
                    place: stored.place,
                };
                let live = Live::held(held, stored.data, stored.original);
                return Ok(Loaded::Session(live));
            }
            Updated::Missing => break,
            // Another request of this client was quicker.
            Updated::Conflict => {}
        }
    }
    Ok(Loaded::Invalid(InvalidKind::Gone))
}

/// How often a row that changes under our hands is read again.
const SETTLE_ATTEMPTS: u32 = 4;

/// Notes in a fresh row that its reference has reached the client: from then on nobody
/// takes it for one that was abandoned. Once in the life of a row.
async fn settle<T: SessionData>(
    inner: &Inner<T>,
    reference: &Reference,
    stored: &mut Stored<T>,
    now: Timestamp,
) -> Result<Updated, SessionError> {
    let HeldPlace::Store { state, .. } = &mut stored.place else {
        return Ok(Updated::Updated);
    };
    if state.phase != RowPhase::Fresh {
        return Ok(Updated::Updated);
    }
    let store = inner.store.as_ref().ok_or(SessionError::NoStore)?;
    let settled = RowState {
        version: state.version.saturating_add(1),
        phase: RowPhase::Settled,
    };
    let record = inner.codec.at(now).seal_record(
        &reference.claims.identity(),
        &reference.handle,
        settled.version,
        &stored.data,
        inner.max_record_bytes,
    )?;
    let change = RowChange {
        bytes: &record,
        phase: settled.phase,
        expires: None,
    };
    let key = RowKey(reference.handle.row());
    let updated = store.update(&key, *state, change, now).await?;
    *state = settled;
    Ok(updated)
}

/// The bytes that the data had, to see later whether it changed. Where a migration made
/// something else of them, what it made.
fn original<T: SessionData>(token: OpenedToken, data: &T) -> Wiped {
    if token.is_of::<T>() {
        return token.into_bytes();
    }
    to_postcard(data).unwrap_or_default()
}

fn place_is_accepted<T>(inner: &Inner<T>, token: &AnyToken, now: Timestamp) -> bool {
    match (token, inner.strategy) {
        (AnyToken::Reference(_), Strategy::CookieOnly) => false,
        (
            AnyToken::Inline(_),
            Strategy::StoreOnly {
                accept_inline_until,
            },
        ) => accept_inline_until.is_some_and(|until| now < until),
        _ => true,
    }
}
