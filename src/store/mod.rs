//! Where sessions live that do not fit the cookie.
//!
//! A [`SessionStore`] keeps rows of sealed bytes under hashed keys, compares and swaps
//! them, and keeps the list of what was revoked. It never sees a session, a key or a
//! cookie: whoever steals its data opens nothing, not even with the server's keys.
//!
//! Anybody's store can be used; the conformance suite (feature `conformance`, module
//! `store::conformance`) says whether it does what is asked.

use core::{fmt, pin::Pin, time::Duration};
use std::sync::Arc;

use crate::time::{CLOCK_TOLERANCE, Timestamp};

#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "store-memory")]
pub mod memory;
#[cfg(feature = "store-postgres")]
pub mod postgres;
#[cfg(feature = "store-redis")]
pub mod redis;
#[cfg(any(feature = "store-postgres", feature = "store-sqlite"))]
mod sql;
#[cfg(feature = "store-sqlite")]
pub mod sqlite;
#[cfg(any(
    feature = "store-postgres",
    feature = "store-redis",
    feature = "store-sqlite"
))]
mod url;

#[cfg(any(
    feature = "store-postgres",
    feature = "store-redis",
    feature = "store-sqlite"
))]
pub use url::connect;

/// What a store's methods return: any runtime can await it.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Rows of sealed bytes, and a list of revocations.
///
/// # What every store must do
/// 1. [`create`](Self::create) never overwrites a live row, and
///    [`update`](Self::update) never inserts one: a deleted session stays deleted,
///    whatever was in flight.
/// 2. Each call is atomic: of two updates that expect the same [`RowState`], one wins.
/// 3. What a successful call wrote, every later call sees, also through another
///    connection or another server.
/// 4. A row whose `expires` is not after `now` does not exist.
/// 5. A call ends within a bounded time; a store that cannot answer says so with an
///    error, and is asked again at the next request.
/// 6. Bytes come back as they were given, up to the size that the application allows.
///
/// `now` is the application's clock. A store may purge by its own clock as well, as long
/// as it counts from the difference between `expires` and `now`.
pub trait SessionStore: Send + Sync + fmt::Debug + 'static {
    /// Inserts a row with version 1 in the phase [`RowPhase::Fresh`], unless a live one has
    /// that key. A row that expires at
    /// `now` or before is [`Created`] and does not exist.
    ///
    /// [`Created`]: Created::Created
    fn create<'a>(
        &'a self,
        key: &'a RowKey,
        row: NewRow<'a>,
        now: Timestamp,
    ) -> StoreFuture<'a, Created>;

    /// The live row of that key.
    fn load<'a>(&'a self, key: &'a RowKey, now: Timestamp) -> StoreFuture<'a, Option<Row>>;

    /// Changes the live row of that key, if it is in the state `expected`. An expiry at
    /// `now` or before ends the row for good.
    fn update<'a>(
        &'a self,
        key: &'a RowKey,
        expected: RowState,
        change: RowChange<'a>,
        now: Timestamp,
    ) -> StoreFuture<'a, Updated>;

    /// Sets when the live row of that key expires, and nothing else; does nothing if there
    /// is none. An expiry at `now` or before ends the row for good.
    fn expire_at<'a>(
        &'a self,
        key: &'a RowKey,
        expires: Timestamp,
        now: Timestamp,
    ) -> StoreFuture<'a, ()>;

    /// Deletes the row of that key, if there is one.
    fn delete<'a>(&'a self, key: &'a RowKey) -> StoreFuture<'a, ()>;

    /// Deletes up to `batch` expired rows and up to `batch` expired revocations, and tells
    /// how many it deleted. Call it again until that is 0. Stores that purge by themselves
    /// may find nothing to do.
    fn delete_expired(&self, now: Timestamp, batch: u32) -> StoreFuture<'_, u64>;

    /// Adds to the list of revocations, and tells what was there before, if that has not
    /// expired. What then holds is [`Revoked::after`] it; all of that is one step. A store
    /// that sends a call again because its answer was lost may tell of the call's own entry.
    fn revoke(&self, revoked: Revoked, now: Timestamp) -> StoreFuture<'_, Option<Revoked>>;

    /// The revocations of these ids that have not expired.
    fn revoked<'a>(
        &'a self,
        ids: &'a [RevocationId],
        now: Timestamp,
    ) -> StoreFuture<'a, Vec<Revoked>>;

    /// All revocations that have not expired and were added or changed since `cursor`, or
    /// all there are; and where to go on from. Since writes become visible out of order,
    /// a store goes back at least [`SYNC_OVERLAP_SECONDS`] before `cursor`: the same entry
    /// may come twice. Of all calls this one may take as long as the list is: a store that
    /// is asked over a network reads it in pages, each within the time of a call.
    fn revoked_since(
        &self,
        cursor: Option<SyncCursor>,
        now: Timestamp,
    ) -> StoreFuture<'_, RevocationDelta>;
}

/// How far [`SessionStore::revoked_since`] reads back before its cursor.
pub const SYNC_OVERLAP_SECONDS: u32 = 60;

/// The name of a row: a hash of the session's id, so that neither a store nor its
/// operators learn an id (CVE-2019-16782).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey(pub [u8; 32]);

/// The name of a revocation: a hash of a session's id or of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RevocationId(pub [u8; 32]);

/// A row as it is created, with version 1 and [fresh](RowPhase::Fresh).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NewRow<'a> {
    /// The sealed record.
    pub bytes: &'a [u8],
    /// From when on the row does not exist.
    pub expires: Timestamp,
}

/// A row as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    /// What an update has to expect.
    pub state: RowState,
    /// The `now` of the last create or update.
    pub written: Timestamp,
    /// From when on the row does not exist.
    pub expires: Timestamp,
    /// The sealed record.
    pub bytes: Vec<u8>,
}

/// What must not have changed for an update to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RowState {
    /// Counts the record's changes, from 1.
    pub version: u64,
    /// Where the session is in its life in the store.
    pub phase: RowPhase,
}

/// Where a session is in its life in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowPhase {
    /// Its row was written, and nobody has come back with the reference to it.
    Fresh = 0,
    /// It lives in the store.
    Settled = 1,
    /// It has moved back to the cookie.
    Moved = 2,
}

impl RowPhase {
    /// All phases, in the order of their codes.
    pub const ALL: [Self; 3] = [Self::Fresh, Self::Settled, Self::Moved];

    /// The number that stores keep: 0, 1 or 2.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The phase of that number.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.code() == code)
    }
}

/// What an update makes of a row. Its version becomes the expected one and 1.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RowChange<'a> {
    /// The new record.
    pub bytes: &'a [u8],
    /// The new phase.
    pub phase: RowPhase,
    /// From when on the row does not exist; `None` keeps what it is.
    pub expires: Option<Timestamp>,
}

/// What became of [`SessionStore::create`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Created {
    /// The row is there, with version 1.
    Created,
    /// A live row has that key; nothing was written.
    Exists,
}

/// What became of [`SessionStore::update`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Updated {
    /// The row has the expected version and 1.
    Updated,
    /// The row is in another state; nothing was written.
    Conflict,
    /// There is no live row; nothing was written.
    Missing,
}

/// An entry of the list of revocations: whatever began at `not_before` or earlier has
/// ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Revoked {
    /// Of what.
    pub id: RevocationId,
    /// The last instant of beginning that is revoked.
    pub not_before: Timestamp,
    /// From when on the entry is not needed any more.
    pub expires: Timestamp,
}

impl Revoked {
    /// What the list holds once this entry is added to it. Where there was one of that id
    /// `before`, both instants become later than that by a second: a login that began right
    /// after the last revocation is reached by this one, whatever the clocks say. But not
    /// later than [`CLOCK_TOLERANCE`] after the new ones, since nothing begins later: so
    /// that no number of revocations keeps a user out for long.
    ///
    /// ```
    /// use core::time::Duration;
    /// use sealed_session::{store::{RevocationId, Revoked}, time::Timestamp};
    ///
    /// let second = Duration::from_secs(1);
    /// let instant = Timestamp::from_unix_seconds(1_795_348_800);
    /// let first = Revoked {
    ///     id: RevocationId([0; 32]),
    ///     not_before: instant,
    ///     expires: instant + 60 * second,
    /// };
    /// assert_eq!(first.after(None), first);
    /// let again = first.after(Some(first));
    /// assert_eq!(again.not_before, instant + second);
    /// assert_eq!(again.expires, instant + 61 * second);
    /// let often = (0..1_000).fold(first, |before, _| first.after(Some(before)));
    /// assert_eq!(often.not_before, instant + 120 * second);
    /// ```
    #[must_use]
    pub fn after(self, before: Option<Self>) -> Self {
        const SECOND: Duration = Duration::from_secs(1);
        let later = |new: Timestamp, before: Timestamp| {
            let next = (before + SECOND).min(new + CLOCK_TOLERANCE);
            new.max(before).max(next)
        };
        before.map_or(self, |before| Self {
            id: self.id,
            not_before: later(self.not_before, before.not_before),
            expires: later(self.expires, before.expires),
        })
    }
}

/// A place in a store's order of revocations. Only the store that made it can read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SyncCursor(pub u64);

/// What [`SessionStore::revoked_since`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationDelta {
    /// In any order, possibly with repetitions of what was told before.
    pub entries: Vec<Revoked>,
    /// Where to go on from.
    pub cursor: SyncCursor,
}

/// A store that could not answer. Never a logout: the session is neither there nor gone,
/// it is unavailable.
#[derive(Clone, Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    source: Arc<dyn core::error::Error + Send + Sync>,
}

impl StoreError {
    /// An error of that kind, with its cause for the log.
    pub fn new(
        kind: StoreErrorKind,
        cause: impl Into<Box<dyn core::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            kind,
            source: Arc::from(cause.into()),
        }
    }

    /// What kind of trouble it is.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StoreErrorKind::Unreachable => "the session store does not answer",
            StoreErrorKind::Full => "the session store is full",
            StoreErrorKind::Failed => "the session store failed",
        })
    }
}

impl core::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&*self.source)
    }
}

/// What kind of trouble a store has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// No answer within the time allowed, or no connection.
    Unreachable,
    /// No room for another row.
    Full,
    /// It answered, with an error.
    Failed,
}

/// Lengths and metadata; records are sealed, but nobody needs them in a log.
impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row")
            .field("state", &self.state)
            .field("written", &self.written)
            .field("expires", &self.expires)
            .field("len", &self.bytes.len())
            .finish()
    }
}

impl fmt::Debug for NewRow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewRow")
            .field("expires", &self.expires)
            .field("len", &self.bytes.len())
            .finish()
    }
}

impl fmt::Debug for RowChange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowChange")
            .field("phase", &self.phase)
            .field("expires", &self.expires)
            .field("len", &self.bytes.len())
            .finish()
    }
}
