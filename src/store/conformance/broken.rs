//! Proof that the suite can fail: a store that keeps every rule passes, and stores that
//! break one each are caught by the case that names it.

use core::{
    pin::pin,
    task::{Context, Poll, Waker},
};
use std::collections::HashMap;

use super::*;
use crate::store::{
    Created, RevocationDelta, Revoked, RowChange, RowState, StoreErrorKind, SyncCursor, Updated,
};

/// What a store may get wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    CreateOverwrites,
    ExpiredRowsBlockCreate,
    ExpiredRowsAreShown,
    ZeroBytesCutOff,
    UpdateInserts,
    VersionIsNotChecked,
    PlaceIsNotChecked,
    VersionsAreFloats,
    ChecksAndWritesApart,
    UpdateForgetsExpiry,
    UpdateRevivesExpired,
    ExpireAtInserts,
    ExpireAtCountsAsWrite,
    DeleteKeepsUpdatable,
    PurgeIgnoresBatch,
    PurgeTakesLiveRows,
    PurgeNeverEnds,
    LatestRevocationWins,
    RevocationsStandStill,
    RevokingTellsNothing,
    RevokingTellsExpired,
    RevokesInTwoSteps,
    ExpiredRevocationsTold,
    NoOverlap,
    ChangesKeepTheirPlace,
    FirstReadIsEmpty,
    Unreachable,
    HandlesDoNotShare,
}

#[test]
fn a_store_that_keeps_every_rule_passes() {
    let store = Model::new(Flaw::None);
    let report = run_check(&store).unwrap();
    assert!(report.cases().len() > 30, "{report}");
    let large = check_large(&store, now(), 10 << 20);
    assert_eq!(block_on(large).unwrap().cases().len(), 1);
    let both = block_on(check_two(&store, &store, now())).unwrap();
    assert_eq!(both.cases().len(), report.cases().len() * 2);
    assert!(store.state.lock().unwrap().rows.is_empty());
}

#[test]
fn a_store_that_breaks_a_rule_is_caught_by_the_case_that_names_it() {
    for (flaw, case) in [
        (Flaw::CreateOverwrites, "creating where a live row is"),
        (Flaw::ExpiredRowsBlockCreate, "a row can be created where"),
        (Flaw::ExpiredRowsAreShown, "a row lives until its expiry"),
        (Flaw::ZeroBytesCutOff, "bytes come back as they were"),
        (Flaw::UpdateInserts, "an update where no row is never"),
        (Flaw::VersionIsNotChecked, "an update that expects another"),
        (Flaw::PlaceIsNotChecked, "an update that expects another"),
        (Flaw::VersionsAreFloats, "an update that expects another"),
        (Flaw::ChecksAndWritesApart, "of many updates that expect"),
        (Flaw::UpdateForgetsExpiry, "an update keeps the expiry or"),
        (Flaw::UpdateRevivesExpired, "an update never brings an exp"),
        (Flaw::ExpireAtInserts, "setting an expiry neither makes"),
        (Flaw::ExpireAtCountsAsWrite, "expiry can be brought forward"),
        (Flaw::DeleteKeepsUpdatable, "an update never brings a del"),
        (Flaw::PurgeIgnoresBatch, "a purge deletes nothing that is"),
        (Flaw::PurgeTakesLiveRows, "a purge deletes nothing that is"),
        (Flaw::PurgeNeverEnds, "a purge deletes nothing that is"),
        (Flaw::LatestRevocationWins, "each revocation of an id mov"),
        (Flaw::RevocationsStandStill, "each revocation of an id mo"),
        (Flaw::RevokingTellsNothing, "revoking tells what was there"),
        (Flaw::RevokingTellsExpired, "an expired revocation is as i"),
        (Flaw::RevokesInTwoSteps, "of many revocations at once each"),
        (Flaw::ExpiredRevocationsTold, "an expired revocation is not"),
        (Flaw::NoOverlap, "reading on goes back before the cursor"),
        (Flaw::ChangesKeepTheirPlace, "reading on from a cursor fin"),
        (Flaw::FirstReadIsEmpty, "reading all revocations finds all"),
        (Flaw::Unreachable, "bytes come back as they were"),
    ] {
        let failure = run_check(&Model::new(flaw)).unwrap_err();
        assert!(failure.case().starts_with(case), "{flaw:?}: {failure}");
    }
}

#[test]
fn two_handles_that_do_not_share_are_caught() {
    let (a, b) = (
        Model::new(Flaw::HandlesDoNotShare),
        Model::new(Flaw::HandlesDoNotShare),
    );
    let failure = block_on(check_two(&a, &b, now())).unwrap_err();
    assert!(failure.case().starts_with("bytes come back"), "{failure}");
}

#[test]
fn a_failure_tells_what_was_expected_and_carries_the_cause() {
    let failure = run_check(&Model::new(Flaw::VersionIsNotChecked)).unwrap_err();
    let text = failure.to_string();
    assert!(text.contains("expected Conflict, got Updated"), "{text}");
    let failure = run_check(&Model::new(Flaw::Unreachable)).unwrap_err();
    let text = failure.to_string();
    assert!(text.contains("does not answer"), "{text}");
    let cause = core::error::Error::source(&failure).unwrap();
    assert_eq!(cause.to_string(), "pulled out");
}

fn now() -> Timestamp {
    Timestamp::from_unix_seconds(1_795_348_800)
}

fn run_check(store: &Model) -> Result<Report, Failure> {
    block_on(check(store, now()))
}

/// Polls until it is ready: the model needs nobody to wake it.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}

/// Ready when it is polled again.
async fn others_first() {
    let mut waited = false;
    poll_fn(|_| {
        if core::mem::replace(&mut waited, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

/// A store in a map that keeps the rules, but for its flaw.
#[derive(Debug)]
struct Model {
    flaw: Flaw,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    rows: HashMap<RowKey, Row>,
    revoked: HashMap<RevocationId, (u64, Revoked)>,
    changes: u64,
}

impl Model {
    fn new(flaw: Flaw) -> Self {
        Self {
            flaw,
            state: Mutex::default(),
        }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    fn answer<T: Send + 'static>(&self, of: impl FnOnce(&mut State) -> T) -> StoreFuture<'_, T> {
        if self.has(Flaw::Unreachable) {
            let error = StoreError::new(StoreErrorKind::Unreachable, "pulled out");
            return Box::pin(async { Err(error) });
        }
        let result = of(&mut self.state.lock().unwrap());
        Box::pin(async { Ok(result) })
    }

    fn judge(&self, row: Option<&Row>, expected: RowState, now: Timestamp) -> Updated {
        let same = |row: &Row| {
            let floats = self.has(Flaw::VersionsAreFloats) && expected.version > 1 << 53;
            let version = row.state.version == expected.version || floats;
            let place = row.state.phase == expected.phase;
            (version || self.has(Flaw::VersionIsNotChecked))
                && (place || self.has(Flaw::PlaceIsNotChecked))
        };
        match row {
            Some(row) if row.expires <= now && !self.has(Flaw::UpdateRevivesExpired) => {
                Updated::Missing
            }
            Some(row) if same(row) => Updated::Updated,
            Some(_) => Updated::Conflict,
            None if self.has(Flaw::UpdateInserts) => Updated::Updated,
            None => Updated::Missing,
        }
    }
}

impl SessionStore for Model {
    fn create<'a>(
        &'a self,
        key: &'a RowKey,
        row: NewRow<'a>,
        now: Timestamp,
    ) -> StoreFuture<'a, Created> {
        let bytes = match row.bytes.iter().position(|byte| *byte == 0) {
            Some(end) if self.has(Flaw::ZeroBytesCutOff) => row.bytes[..end].to_vec(),
            _ => row.bytes.to_vec(),
        };
        let new = Row {
            state: rows::FIRST,
            written: now,
            expires: row.expires,
            bytes,
        };
        let there = |row: &&Row| row.state.version > 0;
        self.answer(|state| match state.rows.get(key).filter(there) {
            Some(old)
                if self.has(Flaw::ExpiredRowsBlockCreate)
                    || (old.expires > now && !self.has(Flaw::CreateOverwrites)) =>
            {
                Created::Exists
            }
            _ => {
                state.rows.insert(*key, new);
                Created::Created
            }
        })
    }

    fn load<'a>(&'a self, key: &'a RowKey, now: Timestamp) -> StoreFuture<'a, Option<Row>> {
        let shown = |row: &&Row| row.expires > now || self.has(Flaw::ExpiredRowsAreShown);
        self.answer(|state| {
            let row = state.rows.get(key).filter(shown);
            row.filter(|row| row.state.version > 0).cloned()
        })
    }

    fn update<'a>(
        &'a self,
        key: &'a RowKey,
        expected: RowState,
        change: RowChange<'a>,
        now: Timestamp,
    ) -> StoreFuture<'a, Updated> {
        let write = move |state: &mut State, verdict| {
            let kept = state.rows.get(key).map(|row| row.expires);
            let forgets = self.has(Flaw::UpdateForgetsExpiry);
            let fallback = kept.filter(|_| !forgets).unwrap_or(Timestamp::MAX);
            let row = Row {
                state: RowState {
                    version: expected.version.saturating_add(1),
                    phase: change.phase,
                },
                written: now,
                expires: change.expires.unwrap_or(fallback),
                bytes: change.bytes.to_vec(),
            };
            if verdict == Updated::Updated {
                state.rows.insert(*key, row);
            }
            verdict
        };
        if !self.has(Flaw::ChecksAndWritesApart) {
            return self
                .answer(|state| write(state, self.judge(state.rows.get(key), expected, now)));
        }
        Box::pin(async move {
            let verdict = self.judge(self.state.lock().unwrap().rows.get(key), expected, now);
            others_first().await;
            Ok(write(&mut self.state.lock().unwrap(), verdict))
        })
    }

    fn expire_at<'a>(
        &'a self,
        key: &'a RowKey,
        expires: Timestamp,
        now: Timestamp,
    ) -> StoreFuture<'a, ()> {
        self.answer(|state| {
            let inserted = Row {
                state: rows::FIRST,
                written: now,
                expires,
                bytes: Vec::new(),
            };
            if self.has(Flaw::ExpireAtInserts) {
                state.rows.entry(*key).or_insert(inserted);
            }
            if let Some(row) = state.rows.get_mut(key).filter(|row| row.expires > now) {
                row.expires = expires;
                if self.has(Flaw::ExpireAtCountsAsWrite) {
                    row.written = now;
                }
            }
        })
    }

    fn delete<'a>(&'a self, key: &'a RowKey) -> StoreFuture<'a, ()> {
        self.answer(|state| match state.rows.get_mut(key) {
            Some(row) if self.has(Flaw::DeleteKeepsUpdatable) => {
                // A tombstone that an update takes for a row.
                row.state.version = 0;
            }
            _ => drop(state.rows.remove(key)),
        })
    }

    fn delete_expired(&self, now: Timestamp, batch: u32) -> StoreFuture<'_, u64> {
        self.answer(|state| {
            let takes_all = self.has(Flaw::PurgeTakesLiveRows);
            let dead = |row: &Row| row.expires <= now || takes_all;
            let limit = if self.has(Flaw::PurgeIgnoresBatch) {
                usize::MAX
            } else {
                batch as usize
            };
            let all = state.rows.iter().filter(|(_, row)| dead(row));
            let keys: Vec<_> = all.map(|(key, _)| *key).take(limit).collect();
            state.rows.retain(|key, _| !keys.contains(key));
            let all = state.revoked.iter().filter(|(_, e)| e.1.expires <= now);
            let ids: Vec<_> = all.map(|(id, _)| *id).take(limit).collect();
            state.revoked.retain(|id, _| !ids.contains(id));
            let more = u64::from(self.has(Flaw::PurgeNeverEnds));
            (keys.len() + ids.len()) as u64 + more
        })
    }

    fn revoke(&self, revoked: Revoked, now: Timestamp) -> StoreFuture<'_, Option<Revoked>> {
        let read = move |state: &mut State| {
            let known = state.revoked.get(&revoked.id).map(|(_, entry)| *entry);
            known.filter(|entry| entry.expires > now || self.has(Flaw::RevokingTellsExpired))
        };
        let write = move |state: &mut State, before: Option<Revoked>| {
            state.changes += 1;
            let mut holds = revoked.after(before);
            if let Some(before) = before.filter(|_| self.has(Flaw::RevocationsStandStill)) {
                holds.not_before = revoked.not_before.max(before.not_before);
            }
            if self.has(Flaw::LatestRevocationWins) {
                holds = revoked;
            }
            let known = state.revoked.get(&revoked.id).map(|(place, _)| *place);
            let kept = known.filter(|_| self.has(Flaw::ChangesKeepTheirPlace));
            let place = kept.unwrap_or(state.changes);
            state.revoked.insert(revoked.id, (place, holds));
            before.filter(|_| !self.has(Flaw::RevokingTellsNothing))
        };
        if !self.has(Flaw::RevokesInTwoSteps) {
            return self.answer(|state| {
                let before = read(state);
                write(state, before)
            });
        }
        Box::pin(async move {
            let before = read(&mut self.state.lock().unwrap());
            others_first().await;
            Ok(write(&mut self.state.lock().unwrap(), before))
        })
    }

    fn revoked<'a>(
        &'a self,
        ids: &'a [RevocationId],
        now: Timestamp,
    ) -> StoreFuture<'a, Vec<Revoked>> {
        let told = |entry: &Revoked| entry.expires > now || self.has(Flaw::ExpiredRevocationsTold);
        self.answer(|state| {
            let known = ids.iter().filter_map(|id| state.revoked.get(id));
            known.map(|(_, e)| *e).filter(told).collect()
        })
    }

    fn revoked_since(
        &self,
        cursor: Option<SyncCursor>,
        now: Timestamp,
    ) -> StoreFuture<'_, RevocationDelta> {
        let back = if self.has(Flaw::NoOverlap) || self.has(Flaw::ChangesKeepTheirPlace) {
            0
        } else {
            u64::MAX
        };
        let empty = cursor.is_none() && self.has(Flaw::FirstReadIsEmpty);
        let after = cursor.map_or(0, |cursor| cursor.0.saturating_sub(back));
        self.answer(|state| RevocationDelta {
            entries: state
                .revoked
                .values()
                .filter(|(place, entry)| *place > after && entry.expires > now && !empty)
                .map(|(_, entry)| *entry)
                .collect(),
            cursor: SyncCursor(state.changes),
        })
    }
}
