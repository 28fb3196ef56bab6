//! What the tests of the stores have in common.
#![allow(dead_code, reason = "each test uses what it needs")]

use core::{pin::Pin, time::Duration};

use sealed_session::{
    store::{NewRow, RowChange, RowKey, RowState},
    time::{Clock as _, SystemClock, Timestamp},
};

pub(crate) type Call<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Runs them all at the same time.
pub(crate) async fn together<T: Send + 'static, const N: usize>(calls: [Call<T>; N]) -> [T; N] {
    let mut results = Vec::new();
    for task in calls.map(tokio::spawn) {
        results.push(task.await.unwrap());
    }
    results.try_into().unwrap_or_else(|_| unreachable!())
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(future)
}

pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

pub(crate) fn key(n: u8) -> RowKey {
    RowKey([n; 32])
}

pub(crate) fn state(version: u64) -> RowState {
    RowState {
        version,
        moved: false,
    }
}

pub(crate) fn row(bytes: &[u8]) -> NewRow<'_> {
    NewRow {
        bytes,
        expires: now() + Duration::from_hours(1),
    }
}

pub(crate) fn change(bytes: &[u8]) -> RowChange<'_> {
    RowChange {
        bytes,
        moved: false,
        expires: None,
    }
}
