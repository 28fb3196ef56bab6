//! A clock that a visitor can put forward.

use core::time::Duration;
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use sealed_session::time::{Clock, SystemClock, Timestamp};

/// The system's clock, and how many seconds it was put forward. Clones share their hands.
#[derive(Clone, Debug, Default)]
pub(crate) struct DemoClock(Arc<AtomicU32>);

impl DemoClock {
    pub(crate) fn put_forward(&self, seconds: u32) {
        let later = |ahead: u32| Some(ahead.saturating_add(seconds));
        let _ = self
            .0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, later);
    }

    pub(crate) fn ahead(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Clock for DemoClock {
    fn now(&self) -> Timestamp {
        SystemClock.now() + Duration::from_secs(self.ahead().into())
    }
}
