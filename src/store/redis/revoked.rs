//! The list of revocations: a hash of entries, and two orders of their ids.
//!
//! The three keys share a hash tag, so that a cluster keeps them in one slot, where a
//! script may touch them together.

use ::redis::cmd;

use super::{RedisStore, script::MAX_BATCH, seconds};
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
        let from = cursor
            .map(|cursor| cursor.0.to_string())
            .unwrap_or_default();
        let overlap = u64::from(SYNC_OVERLAP_SECONDS)
            .saturating_mul(1000)
            .to_string();
        let args: [&[u8]; 2] = [from.as_bytes(), overlap.as_bytes()];
        let (cursor, flat): (u64, Vec<Vec<u8>>) = self
            .run(&self.scripts.revoked_since, &self.revoked.0, &args)
            .await?;
        let (pairs, _) = flat.as_chunks();
        let mut entries = Vec::with_capacity(pairs.len());
        for [id, value] in pairs {
            let id = <[u8; 32]>::try_from(id.as_slice()).map_err(|_| broken())?;
            let entry = entry(RevocationId(id), value)?;
            if entry.expires > now {
                entries.push(entry);
            }
        }
        Ok(RevocationDelta {
            entries,
            cursor: SyncCursor(cursor),
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
