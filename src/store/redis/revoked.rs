//! The list of revocations: a hash of entries, and two orders of their ids.
//!
//! The three keys share a hash tag, so that a cluster keeps them in one slot, where a
//! script may touch them together.

use ::redis::cmd;

use super::{
    RedisStore,
    script::{MAX_BATCH, PAGE},
    seconds,
};
use crate::{
    store::{
        RevocationDelta, RevocationId, Revoked, SYNC_OVERLAP_SECONDS, StoreError, StoreErrorKind,
        SyncCursor,
    },
    time::Timestamp,
};

/// The names of the keys: entries, ids by the time of writing, ids by expiry.
pub(super) struct RevokedKeys([String; 3]);

impl RevokedKeys {
    pub(super) fn new(prefix: &str) -> Self {
        Self(["entries", "times", "expiries"].map(|key| format!("{{{prefix}:revoked}}:{key}")))
    }

    fn entries(&self) -> &str {
        let [entries, ..] = &self.0;
        entries
    }
}

impl RedisStore {
    pub(super) async fn add_revocation(
        &self,
        revoked: Revoked,
        now: Timestamp,
    ) -> Result<Option<Revoked>, StoreError> {
        let args: [&[u8]; 4] = [
            &revoked.id.0,
            &seconds(revoked.not_before),
            &seconds(revoked.expires),
            &seconds(now),
        ];
        let before: Option<Vec<u8>> = self
            .run(&self.scripts.revoke, &self.revoked.0, &args)
            .await?;
        let before = before.map(|value| entry(revoked.id, &value)).transpose()?;
        Ok(before.filter(|before| before.expires > now))
    }

    pub(super) async fn revocations(
        &self,
        ids: &[RevocationId],
        now: Timestamp,
    ) -> Result<Vec<Revoked>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut get = cmd("HMGET");
        get.arg(self.revoked.entries());
        for id in ids {
            get.arg(id.0.as_slice());
        }
        let values: Vec<Option<Vec<u8>>> = self.send(&get).await?;
        ids.iter()
            .zip(values)
            .filter_map(|(id, value)| Some(entry(*id, &value?)))
            .filter(|entry| !entry.as_ref().is_ok_and(|entry| entry.expires <= now))
            .collect()
    }

    pub(super) async fn revocations_since(
        &self,
        cursor: Option<SyncCursor>,
        now: Timestamp,
    ) -> Result<RevocationDelta, StoreError> {
        let mut delta = RevocationDelta {
            entries: Vec::new(),
            cursor: SyncCursor(0),
        };
        let (mut limit, mut from) = (PAGE, Vec::new());
        loop {
            let page = self.page(cursor, limit, &from).await?;
            if from.is_empty() {
                delta.cursor = page.clock;
            }
            let whole = u32::try_from(page.entries.len()).unwrap_or(u32::MAX) < limit;
            let live = page.entries.into_iter().filter(|it| it.expires > now);
            delta.entries.extend(live);
            if whole {
                return Ok(delta);
            }
            // The next page begins with the last millisecond of this one, of which there
            // may be more: those come twice. All of one millisecond are one page.
            limit = if page.last == from {
                limit.saturating_mul(2)
            } else {
                PAGE
            };
            from = page.last;
        }
    }

    async fn page(
        &self,
        cursor: Option<SyncCursor>,
        limit: u32,
        from: &[u8],
    ) -> Result<Page, StoreError> {
        let cursor = cursor
            .map(|cursor| cursor.0.to_string())
            .unwrap_or_default();
        let overlap = u64::from(SYNC_OVERLAP_SECONDS)
            .saturating_mul(1000)
            .to_string();
        let limit = limit.to_string();
        let args: [&[u8]; 4] = [
            cursor.as_bytes(),
            overlap.as_bytes(),
            limit.as_bytes(),
            from,
        ];
        let (clock, last, flat): (u64, Vec<u8>, Vec<Vec<u8>>) = self
            .run(&self.scripts.revoked_since, &self.revoked.0, &args)
            .await?;
        let (pairs, _) = flat.as_chunks();
        let entries = pairs.iter().map(|[id, value]| {
            let id = <[u8; 32]>::try_from(id.as_slice()).map_err(|_| broken())?;
            entry(RevocationId(id), value)
        });
        Ok(Page {
            clock: SyncCursor(clock),
            last,
            entries: entries.collect::<Result<_, _>>()?,
        })
    }

    pub(super) async fn delete_expired_revocations(
        &self,
        now: Timestamp,
        batch: u32,
    ) -> Result<u64, StoreError> {
        let batch = batch.min(MAX_BATCH).to_string();
        let args: [&[u8]; 2] = [&seconds(now), batch.as_bytes()];
        self.run(&self.scripts.delete_expired, &self.revoked.0, &args)
            .await
    }
}

/// Some of the list, expired entries included.
struct Page {
    clock: SyncCursor,
    /// When the last of them was written, as the server says it.
    last: Vec<u8>,
    entries: Vec<Revoked>,
}

/// The entry whose value is `not_before:expires`.
fn entry(id: RevocationId, value: &[u8]) -> Result<Revoked, StoreError> {
    core::str::from_utf8(value)
        .ok()
        .and_then(|text| text.split_once(':'))
        .and_then(|(not_before, expires)| {
            Some(Revoked {
                id,
                not_before: Timestamp::from_unix_seconds(not_before.parse().ok()?),
                expires: Timestamp::from_unix_seconds(expires.parse().ok()?),
            })
        })
        .ok_or_else(broken)
}

/// An entry that this store did not write. It is not skipped: it may have been a
/// revocation.
fn broken() -> StoreError {
    StoreError::new(
        StoreErrorKind::Failed,
        "the list of revocations holds what is not a revocation",
    )
}
