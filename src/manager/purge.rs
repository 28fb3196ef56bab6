//! Deleting what has expired from the store, a batch at a time, by requests that are there
//! anyway.

use core::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use crate::{store::SessionStore, time::Timestamp};

/// Expired rows, and expired revocations, that one call of a store deletes.
pub(super) const BATCH: u32 = 500;

/// How long what has expired is kept all the same, so that a server whose clock is ahead
/// takes nothing from the others.
pub(super) const DELAY: Duration = Duration::from_hours(1);

/// Seconds between two batches, unless there is more to delete than one.
const INTERVAL: u32 = 60;

/// When a batch was last deleted.
#[derive(Debug, Default)]
pub(super) struct Purge {
    at: AtomicU32,
}

impl Purge {
    /// Deletes a batch if none was deleted within the last minute, or if that was full.
    pub(super) async fn if_due(&self, store: &dyn SessionStore, now: Timestamp) {
        let second = now.unix_seconds();
        let last = self.at.load(Ordering::Relaxed);
        if second.abs_diff(last) < INTERVAL {
            return;
        }
        let turn = self
            .at
            .compare_exchange(last, second, Ordering::Relaxed, Ordering::Relaxed);
        if turn.is_err() {
            return;
        }
        // What is not deleted now is deleted next time.
        let deleted = store.delete_expired(now - DELAY, BATCH).await;
        if deleted.is_ok_and(|deleted| deleted >= u64::from(BATCH)) {
            self.at.store(0, Ordering::Relaxed);
        }
    }
}

#[cfg(all(test, feature = "store-memory"))]
mod tests {
    use core::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::*;
    use crate::store::{RevocationId, Revoked, memory::MemoryStore};

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_348_800);

    /// Memory answers at once.
    fn now<F: Future>(future: F) -> F::Output {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
        }
    }

    #[test]
    fn a_batch_a_minute_is_deleted_and_more_while_they_are_full() {
        let store = MemoryStore::new();
        let revoke = |number: u32| {
            let mut id = [0; 32];
            id[..4].copy_from_slice(&number.to_be_bytes());
            let entry = Revoked {
                id: RevocationId(id),
                not_before: NOW,
                expires: NOW + DELAY,
            };
            now(store.revoke(entry, NOW)).unwrap();
        };
        let left = || {
            let all = now(store.revoked_since(None, NOW));
            all.unwrap().entries.len()
        };
        (0..1_100).for_each(revoke);
        let purge = Purge::default();
        let expired = NOW + 2 * DELAY;
        for expected in [600, 100, 0] {
            now(purge.if_due(&store, expired));
            assert_eq!(left(), expected);
        }
        revoke(0);
        now(purge.if_due(&store, expired + Duration::from_secs(59)));
        assert_eq!(left(), 1, "the last batch was not full");
        now(purge.if_due(&store, expired + Duration::from_mins(1)));
        assert_eq!(left(), 0);
    }
}
