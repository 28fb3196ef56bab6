//! The list of what was revoked, as one server sees it.

use core::time::Duration;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use arc_swap::ArcSwap;

use super::{
    lock,
    purge::{self, Purge},
    turns::{Next, Turns},
};
use crate::{
    claims::{Claims, SessionId, Subject},
    crypto::sha256,
    store::{RevocationDelta, RevocationId, Revoked, SessionStore, StoreError, SyncCursor},
    time::{CLOCK_TOLERANCE, Timestamp},
};

/// A copy older than this many intervals is no longer believed.
const STALE_AFTER: u32 = 3;

/// How far after the present instant a user's sessions are ended, so that none survives
/// that a server with a fast clock has just begun. The clocks of the servers must agree
/// within this time.
const SUBJECT_MARGIN: Duration = Duration::from_mins(1);

/// How a server learns what was revoked.
///
/// ```
/// use core::time::Duration;
/// use sealed_session::manager::Revocation;
///
/// // The default with a store: no round trip per request, 5 seconds' delay at most.
/// assert_eq!(Revocation::default(), Revocation::Synced(Duration::from_secs(5)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Revocation {
    /// No list: a copied cookie lives until it expires, also after a logout.
    None,
    /// Each server keeps a copy of the list, at most that old. What this server revokes
    /// holds at once, what others revoke after that time, or after three times as long
    /// where the store cannot be reached. A copy that is older still makes sessions
    /// unavailable.
    Synced(Duration),
    /// As [`Synced`](Self::Synced), but a copy of any age is believed while the store is
    /// down: a revocation on another server may go unnoticed for as long.
    DangerousSyncedFailOpen(Duration),
    /// The store is asked for every session: one round trip, no delay.
    Strict,
}

impl Default for Revocation {
    fn default() -> Self {
        Self::Synced(Duration::from_secs(5))
    }
}

/// The list, and this server's copy of it.
#[derive(Debug)]
pub(crate) struct Revocations {
    mode: Revocation,
    store: Arc<dyn SessionStore>,
    copy: ArcSwap<Copy>,
    /// Held while the copy is replaced. Readers do without it.
    replacing: Mutex<()>,
    readings: Turns,
    purge: Arc<Purge>,
}

/// The list as it was at one instant. A change makes another copy, which shares with it the
/// shards that stay the same.
#[derive(Clone, Debug)]
struct Copy {
    /// By the first byte of an id, which is that of a hash.
    shards: Vec<Arc<HashMap<RevocationId, Revoked>>>,
    /// How many entries there are in all.
    len: usize,
    cursor: Option<SyncCursor>,
    synced_at: Option<Timestamp>,
}

impl Revocations {
    /// `None` where there is to be no list.
    pub(super) fn new(
        mode: Revocation,
        store: Arc<dyn SessionStore>,
        purge: Arc<Purge>,
    ) -> Option<Self> {
        (mode != Revocation::None).then(|| Self {
            mode,
            store,
            copy: ArcSwap::default(),
            replacing: Mutex::default(),
            readings: Turns::default(),
            purge,
        })
    }

    /// Whether the session has been revoked, as far as this server knows.
    pub(super) async fn is_revoked(
        &self,
        claims: &Claims,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if self.mode == Revocation::Strict {
            return self.is_revoked_now(claims, now).await;
        }
        self.sync(now).await?;
        Ok(self.copy.load().revokes(claims, now))
    }

    /// As [`is_revoked`](Self::is_revoked), where the copy is new enough to tell without
    /// asking the store.
    pub(super) fn known(&self, claims: &Claims, now: Timestamp) -> Option<bool> {
        let (interval, _) = self.interval()?;
        let copy = self.copy.load();
        let is_new = copy.synced_at.is_some_and(|at| age(at, now) < interval);
        is_new.then(|| copy.revokes(claims, now))
    }

    /// As [`is_revoked`](Self::is_revoked), but as the store has it now, for what would
    /// outlive a revocation that this server has not heard of.
    pub(super) async fn is_revoked_now(
        &self,
        claims: &Claims,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let not_before = self.ask(&ids_of(claims).collect::<Vec<_>>(), now).await?;
        Ok(not_before.is_some_and(|not_before| claims.created() <= not_before))
    }

    /// The earliest instant at which a session of this subject may begin, as the store has
    /// it now: what another server has just revoked must not reach what begins here.
    pub(crate) async fn earliest_start(
        &self,
        subject: Subject,
        now: Timestamp,
    ) -> Result<Timestamp, StoreError> {
        let revoked = self.ask(&[subject_id(subject)], now).await?;
        Ok(revoked.map_or(now, |not_before| {
            now.max(not_before + Duration::from_secs(1))
        }))
    }

    /// Ends one session for good; whether it had been ended before. Of what it claims,
    /// `held` is one copy, if there is one at hand.
    ///
    /// Each copy dies at its own `expires`, which is at most `longest_absolute` after the
    /// session began, by the policy of whoever issued it. So the entry is kept for as long
    /// as this policy allows any copy, and this copy itself (SPEC-STORE section 5).
    pub(super) async fn revoke_session(
        &self,
        session: SessionId,
        held: Option<&Claims>,
        longest_absolute: Duration,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let last = held.map_or(now + longest_absolute, |held| {
            held.expires()
                .max(now.max(held.created()) + longest_absolute)
        });
        let entry = Revoked {
            id: session_id(session),
            not_before: Timestamp::MAX,
            expires: last + CLOCK_TOLERANCE,
        };
        Ok(self.add(entry, now).await?.is_some())
    }

    /// Ends all sessions of a user that have begun by now: also those that began just after
    /// the last time, which the store sees to ([`Revoked::after`]).
    pub(super) async fn revoke_subject(
        &self,
        subject: Subject,
        longest_absolute: Duration,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let not_before = now + SUBJECT_MARGIN;
        let entry = Revoked {
            id: subject_id(subject),
            not_before,
            expires: not_before + longest_absolute + CLOCK_TOLERANCE,
        };
        self.add(entry, now).await.map(drop)
    }

    /// Renews the copy if it is older than its interval.
    ///
    /// One request reads the list. The others go on with the copy while it may be believed,
    /// and wait for that reading otherwise; its error is theirs.
    pub(super) async fn sync(&self, now: Timestamp) -> Result<(), StoreError> {
        let Some((interval, fail_open)) = self.interval() else {
            return Ok(());
        };
        loop {
            let synced_at = self.copy.load().synced_at;
            let age = synced_at.map(|at| age(at, now));
            if age.is_some_and(|age| age < interval) {
                return Ok(());
            }
            let believed =
                age.is_some_and(|age| fail_open || age <= interval.saturating_mul(STALE_AFTER));
            let turn = if believed {
                let Some(turn) = self.readings.take() else {
                    return Ok(());
                };
                turn
            } else {
                match self.readings.next().await {
                    Next::Turn(turn) => turn,
                    Next::Outcome(outcome) => {
                        outcome?;
                        continue;
                    }
                }
            };
            if self.copy.load().synced_at != synced_at {
                // Another request has read it since this one looked.
                turn.end(Ok(()));
                continue;
            }
            let pulled = self.pull(now).await;
            turn.end(pulled.clone());
            // Not at the start, which has enough to do, and not in others' way. An
            // application whose sessions always fit the cookie has no other occasion.
            if pulled.is_ok() && age.is_some() {
                self.purge.if_due(&*self.store, now).await;
            }
            return if believed { Ok(()) } else { pulled };
        }
    }

    /// How many entries the copy holds.
    pub(super) fn len(&self) -> usize {
        self.copy.load().len
    }

    async fn pull(&self, now: Timestamp) -> Result<(), StoreError> {
        let cursor = {
            let copy = self.copy.load();
            // A clock that was ahead may have hidden entries: read all of them again.
            let set_back = copy.synced_at.is_some_and(|at| is_set_back(at, now));
            copy.cursor.filter(|_| !set_back)
        };
        let delta = self.store.revoked_since(cursor, now).await?;
        self.take(delta, now);
        Ok(())
    }

    fn take(&self, delta: RevocationDelta, now: Timestamp) {
        self.replace(|copy| {
            copy.retain(|entry| now < entry.expires + purge::DELAY);
            for entry in delta.entries {
                copy.insert(entry);
            }
            copy.cursor = Some(delta.cursor);
            copy.synced_at = Some(now);
        });
    }

    fn replace(&self, change: impl FnOnce(&mut Copy)) {
        let _replacing = lock(&self.replacing);
        let mut copy = Copy::clone(&self.copy.load());
        change(&mut copy);
        self.copy.store(Arc::new(copy));
    }

    /// The latest `not_before` of any of these ids, as the store has it now.
    async fn ask(
        &self,
        ids: &[RevocationId],
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let found = self.store.revoked(ids, now).await?;
        Ok(found.iter().map(|entry| entry.not_before).max())
    }

    /// Adds to the list, and to the copy, if there is one, what then stands in the list;
    /// what stood there before.
    async fn add(&self, entry: Revoked, now: Timestamp) -> Result<Option<Revoked>, StoreError> {
        let before = self.store.revoke(entry, now).await?;
        if self.interval().is_some() {
            self.replace(|copy| copy.insert(entry.after(before)));
        }
        Ok(before)
    }

    /// How old the copy may be, and whether it is believed while the store is down; `None`
    /// where there is no copy.
    fn interval(&self) -> Option<(Duration, bool)> {
        match self.mode {
            Revocation::None | Revocation::Strict => None,
            Revocation::Synced(interval) => Some((interval, false)),
            Revocation::DangerousSyncedFailOpen(interval) => Some((interval, true)),
        }
    }
}

/// How many parts a copy has: of a list of 10,000, an own revocation copies 39 entries.
const SHARDS: usize = 256;

impl Default for Copy {
    fn default() -> Self {
        Self {
            shards: vec![Arc::default(); SHARDS],
            len: 0,
            cursor: None,
            synced_at: None,
        }
    }
}

impl Copy {
    fn revokes(&self, claims: &Claims, now: Timestamp) -> bool {
        // Without an entry, no hash is needed to know.
        self.len > 0
            && ids_of(claims)
                .filter_map(|id| self.shards.get(shard_of(id))?.get(&id))
                .any(|entry| now < entry.expires && claims.created() <= entry.not_before)
    }

    fn insert(&mut self, entry: Revoked) {
        let Some(shard) = self.shards.get_mut(shard_of(entry.id)) else {
            return;
        };
        let known = Arc::make_mut(shard).entry(entry.id).or_insert_with(|| {
            self.len = self.len.saturating_add(1);
            entry
        });
        known.not_before = known.not_before.max(entry.not_before);
        known.expires = known.expires.max(entry.expires);
    }

    fn retain(&mut self, keep: impl Fn(&Revoked) -> bool) {
        for shard in &mut self.shards {
            if !shard.values().all(&keep) {
                Arc::make_mut(shard).retain(|_, entry| keep(entry));
            }
        }
        self.len = self.shards.iter().map(|shard| shard.len()).sum();
    }
}

fn shard_of(id: RevocationId) -> usize {
    let [first, ..] = id.0;
    first.into()
}

fn age(at: Timestamp, now: Timestamp) -> Duration {
    // A clock that was set back makes a copy old, not eternally young.
    if is_set_back(at, now) {
        Duration::MAX
    } else {
        now.since(at)
    }
}

/// Whether the clock stood at `at` and is behind that now. Instants are whole seconds, and
/// a request may have asked for its own just before another asked, and renewed the copy.
fn is_set_back(at: Timestamp, now: Timestamp) -> bool {
    now + Duration::from_secs(2) < at
}

/// Under which names a session may have been revoked.
fn ids_of(claims: &Claims) -> impl Iterator<Item = RevocationId> {
    let session = core::iter::once(session_id(claims.session_id()));
    session.chain(claims.subject().map(subject_id))
}

fn session_id(session: SessionId) -> RevocationId {
    RevocationId(*session.as_bytes())
}

/// `SHA-256("SSC1/subject-id" 0x00 || subject)`
fn subject_id(subject: Subject) -> RevocationId {
    RevocationId(sha256(&[b"SSC1/subject-id\0", &subject.0]))
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;
    use crate::claims::Sid;

    /// The vectors of SPEC section 4, which were computed outside Rust.
    #[test]
    fn the_names_of_revocations_are_those_of_the_vectors() {
        let file: Json =
            serde_json::from_str(include_str!("../../tests/vectors/derivations.json")).unwrap();
        let (mut sessions, mut subjects) = (0, 0);
        for vector in file.as_array().unwrap() {
            let show = |id: RevocationId| {
                id.0.iter()
                    .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
            };
            if let Some(key) = vector.get("public_id") {
                let id = session_id(Sid(bytes(&vector["sid"]).try_into().unwrap()).public());
                assert_eq!(show(id), *key);
                sessions += 1;
            }
            if let Some(revocation) = vector.get("revocation") {
                let user_id = vector["user_id"].as_str().unwrap();
                let subject = Subject::of(vector["context"].as_str().unwrap(), user_id.as_bytes());
                assert_eq!(subject.0[..], bytes(&vector["subject"]));
                assert_eq!(show(subject_id(subject)), *revocation);
                subjects += 1;
            }
        }
        assert_eq!((sessions, subjects), (4, 7));
    }

    fn bytes(json: &Json) -> Vec<u8> {
        let digits = json.as_str().unwrap().as_bytes().chunks_exact(2);
        digits
            .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    #[test]
    fn a_copy_is_young_for_a_request_that_came_just_before_it_and_old_on_a_clock_set_back() {
        let at = Timestamp::from_unix_seconds(1_000);
        let age = |now| age(at, Timestamp::from_unix_seconds(now));
        assert_eq!(age(1_007), Duration::from_secs(7));
        for now in [1_000, 999, 998] {
            assert_eq!(age(now), Duration::ZERO);
        }
        for now in [997, 1, 0] {
            assert_eq!(age(now), Duration::MAX);
        }
    }

    fn entry(shard: u8, not_before: u32) -> Revoked {
        let at = Timestamp::from_unix_seconds;
        Revoked {
            id: RevocationId([shard; 32]),
            not_before: at(not_before),
            expires: at(not_before + 100),
        }
    }

    #[test]
    fn an_insert_copies_one_shard_and_leaves_older_copies() {
        let mut old = Copy::default();
        (0..=u8::MAX).for_each(|shard| old.insert(entry(shard, 1_000)));
        let mut new = old.clone();
        new.insert(entry(7, 2_000));
        let copied = |(old, new): (&Arc<_>, &Arc<_>)| !Arc::ptr_eq(old, new);
        let pairs = || old.shards.iter().zip(&new.shards);
        assert_eq!(pairs().position(copied), Some(7));
        assert_eq!(pairs().filter(|pair| copied(*pair)).count(), 1);
        let of_seven = |copy: &Copy| copy.shards[7][&entry(7, 0).id];
        assert_eq!(of_seven(&old), entry(7, 1_000));
        assert_eq!(of_seven(&new), entry(7, 2_000));
        new.insert(entry(7, 1_500));
        assert_eq!(of_seven(&new), entry(7, 2_000), "the later end stays");
    }

    #[test]
    fn the_length_counts_entries_once_until_they_are_dropped() {
        let mut copy = Copy::default();
        for not_before in [1_000, 2_000] {
            (0..10).for_each(|shard| copy.insert(entry(shard, not_before)));
        }
        copy.insert(entry(10, 500));
        assert_eq!(copy.len, 11);
        let kept = Arc::clone(&copy.shards[0]);
        copy.retain(|entry| entry.expires > Timestamp::from_unix_seconds(600));
        assert_eq!(copy.len, 10);
        assert!(copy.shards[10].is_empty());
        assert!(Arc::ptr_eq(&kept, &copy.shards[0]), "not copied in vain");
    }
}
