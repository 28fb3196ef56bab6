//! Short words for the calls that the tests make.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use sealed_session::{
    store::{
        Created, NewRow, Row, RowChange, RowKey, RowPhase, RowState, SessionStore, StoreError,
        StoreErrorKind, Updated,
        redis::{RedisOptions, RedisStore},
    },
    time::{Clock as _, SystemClock, Timestamp},
};

pub(crate) const KEY: RowKey = RowKey([7; 32]);
pub(crate) const FIRST: RowState = RowState {
    version: 1,
    phase: RowPhase::Fresh,
};
pub(crate) const HOUR: Duration = Duration::from_hours(1);
/// Each of the two timeouts of the stores here.
pub(crate) const PATIENCE: Duration = Duration::from_millis(700);
/// What a busy machine may add to them.
pub(crate) const SLACK: Duration = Duration::from_millis(600);

pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(test);
}

pub(crate) fn impatient() -> RedisOptions {
    RedisOptions::default()
        .connect_timeout(PATIENCE)
        .response_timeout(PATIENCE)
}

pub(crate) async fn connect(url: &str) -> RedisStore {
    RedisStore::connect(url, impatient()).await.unwrap()
}

pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

pub(crate) async fn create(
    store: &RedisStore,
    key: &RowKey,
    bytes: &[u8],
) -> Result<Created, StoreError> {
    let expires = now() + HOUR;
    store.create(key, NewRow { bytes, expires }, now()).await
}

pub(crate) async fn update(
    store: &RedisStore,
    key: &RowKey,
    bytes: &[u8],
) -> Result<Updated, StoreError> {
    let change = RowChange {
        bytes,
        phase: RowPhase::Settled,
        expires: None,
    };
    store.update(key, FIRST, change, now()).await
}

pub(crate) async fn load(store: &RedisStore, key: &RowKey) -> Result<Option<Row>, StoreError> {
    store.load(key, now()).await
}

/// That the call says `Unreachable`, within the time that the options allow.
pub(crate) async fn assert_unreachable<T: std::fmt::Debug>(
    call: impl Future<Output = Result<T, StoreError>>,
) {
    let start = Instant::now();
    let error = call.await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unreachable, "{error:?}");
    assert!(
        start.elapsed() < PATIENCE * 2 + SLACK,
        "{:?}",
        start.elapsed()
    );
}

/// How long it took until the same store could load the row again.
pub(crate) async fn recovery(store: &RedisStore, key: &RowKey) -> (Duration, Option<Row>) {
    let start = Instant::now();
    loop {
        let call = Instant::now();
        match load(store, key).await {
            Ok(row) => return (start.elapsed(), row),
            Err(error) => assert_eq!(error.kind(), StoreErrorKind::Unreachable, "{error:?}"),
        }
        assert!(
            call.elapsed() < PATIENCE * 2 + SLACK,
            "{:?}",
            call.elapsed()
        );
        assert!(start.elapsed() < Duration::from_secs(40), "no recovery");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) fn row_name(key: &RowKey) -> String {
    key.0
        .iter()
        .fold("sealed-session:row:".into(), |mut name, byte| {
            write!(name, "{byte:02x}").unwrap();
            name
        })
}
