//! Whether a store does what [`SessionStore`] asks, tried on the living store.
//!
//! Every rule is a case with a sentence for a name. Rows and revocations get fresh random
//! keys and are removed afterwards or expire within hours, and nothing that is live at
//! `now` is ever deleted: the suite may run against a server that others use, and many
//! times at once. It needs no runtime and no test framework; await it in whatever runtime
//! the store needs.
//!
//! ```
//! # async fn example(store: &dyn sealed_session::store::SessionStore)
//! # -> Result<(), sealed_session::store::conformance::Failure> {
//! use sealed_session::{store::conformance, time::{Clock as _, SystemClock}};
//!
//! let report = conformance::check(store, SystemClock.now()).await?;
//! println!("{report}");
//! # Ok(())
//! # }
//! ```

use core::{fmt, future::poll_fn, pin::Pin, task::Poll, time::Duration};
use std::sync::{Mutex, PoisonError};

use super::{NewRow, RevocationId, Row, RowKey, SessionStore, StoreError, StoreFuture};
use crate::{
    random::{OsRandom, array},
    time::Timestamp,
};

#[cfg(test)]
mod broken;
mod revocations;
mod rows;
mod state;

/// Runs every case against `store`. `now` is the present instant: a store may purge by its
/// own clock as well.
///
/// # Errors
/// [`Failure`] at the first case that does not hold.
pub async fn check(store: &dyn SessionStore, now: Timestamp) -> Result<Report, Failure> {
    run(store, store, now).await
}

/// Runs every case with two handles on the same data: what one writes the other has to
/// see, first in this direction and then in the other. The handles may stand for two
/// connections or for two servers.
///
/// # Errors
/// [`Failure`] at the first case that does not hold.
pub async fn check_two(
    a: &dyn SessionStore,
    b: &dyn SessionStore,
    now: Timestamp,
) -> Result<Report, Failure> {
    let mut report = run(a, b, now).await?;
    report.cases.extend(run(b, a, now).await?.cases);
    Ok(report)
}

/// Writes, changes and reads a row of that many bytes.
///
/// # Errors
/// [`Failure`] when it does not come back as it was.
pub async fn check_large(
    store: &dyn SessionStore,
    now: Timestamp,
    bytes: usize,
) -> Result<Report, Failure> {
    let bench = Bench::new(store, store, now);
    let mut report = Report::default();
    let case = "a large row comes back as it was, also after an update";
    let outcome = rows::round_trip(&bench, bytes).await;
    bench.clean_up().await;
    report.add(case, outcome)?;
    Ok(report)
}

/// What was checked, all of it successfully.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    cases: Vec<&'static str>,
}

impl Report {
    /// The cases that were run, each name a sentence.
    #[must_use]
    pub fn cases(&self) -> &[&'static str] {
        &self.cases
    }

    fn add(&mut self, case: &'static str, outcome: Outcome) -> Result<(), Failure> {
        outcome.map_err(|wrong| Failure { case, wrong })?;
        self.cases.push(case);
        Ok(())
    }
}

/// One line for each case.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cases.iter().try_for_each(|case| writeln!(f, "{case}"))
    }
}

/// A case that did not hold.
#[derive(Clone, Debug)]
pub struct Failure {
    case: &'static str,
    wrong: Wrong,
}

impl Failure {
    /// The sentence that is not true of this store.
    #[must_use]
    pub fn case(&self) -> &'static str {
        self.case
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not so: {}; ", self.case)?;
        match &self.wrong {
            Wrong::Rule(what) => f.write_str(what),
            Wrong::Store(error) => write!(f, "an answer was expected, but {error}"),
        }
    }
}

impl core::error::Error for Failure {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match &self.wrong {
            Wrong::Rule(_) => None,
            Wrong::Store(error) => error.source(),
        }
    }
}

/// Why a case did not hold.
#[derive(Clone, Debug)]
enum Wrong {
    Rule(String),
    Store(StoreError),
}

impl From<StoreError> for Wrong {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

type Outcome = Result<(), Wrong>;

/// A sentence, and what tries whether it is true.
struct Case {
    name: &'static str,
    run: for<'a> fn(&'a Bench<'a>) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>,
}

async fn run(
    writer: &dyn SessionStore,
    reader: &dyn SessionStore,
    now: Timestamp,
) -> Result<Report, Failure> {
    let mut report = Report::default();
    let cases = rows::CASES.iter().chain(state::CASES);
    for case in cases.chain(revocations::CASES) {
        let bench = Bench::new(writer, reader, now);
        let outcome = (case.run)(&bench).await;
        bench.clean_up().await;
        report.add(case.name, outcome)?;
    }
    Ok(report)
}

/// How long rows live unless the case says otherwise: longer than the suite runs, also by
/// a store's own clock.
const TTL: Duration = hours(1);

const fn hours(hours: u64) -> Duration {
    Duration::from_hours(hours)
}

/// The handles, the instant, and the rows to be removed.
struct Bench<'a> {
    writer: &'a dyn SessionStore,
    reader: &'a dyn SessionStore,
    now: Timestamp,
    keys: Mutex<Vec<RowKey>>,
}

impl<'a> Bench<'a> {
    fn new(writer: &'a dyn SessionStore, reader: &'a dyn SessionStore, now: Timestamp) -> Self {
        Self {
            writer,
            reader,
            now,
            keys: Mutex::default(),
        }
    }

    /// A fresh key: half of it random, half of it bytes that text, quoting and signs stumble
    /// over.
    fn key(&self) -> Result<RowKey, Wrong> {
        let key = RowKey(hostile()?);
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.push(key);
        Ok(key)
    }

    /// A key with a live row of those bytes.
    async fn row(&self, bytes: &[u8]) -> Result<RowKey, Wrong> {
        let key = self.key()?;
        let expires = self.now + TTL;
        let created = self
            .writer
            .create(&key, NewRow { bytes, expires }, self.now)
            .await?;
        same("creating a row", &created, &super::Created::Created)?;
        Ok(key)
    }

    async fn load(&self, key: &RowKey, now: Timestamp) -> Result<Option<Row>, Wrong> {
        Ok(self.reader.load(key, now).await?)
    }

    /// What the case does not need any more; that it cannot be deleted is another case.
    async fn clean_up(&self) {
        let keys = core::mem::take(&mut *self.keys.lock().unwrap_or_else(PoisonError::into_inner));
        for key in keys {
            let _ = self.writer.delete(&key).await;
        }
    }
}

/// A fresh name of a revocation.
fn revocation_id() -> Result<RevocationId, Wrong> {
    hostile().map(RevocationId)
}

fn hostile() -> Result<[u8; 32], Wrong> {
    let fresh: [u8; 16] = array(&OsRandom).map_err(|error| Wrong::Rule(error.to_string()))?;
    let mut bytes = *b"\0'\"\\%_{}\r\n:*\x7f\x80\xc3\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    for (byte, fresh) in bytes.iter_mut().skip(16).zip(fresh) {
        *byte = fresh;
    }
    Ok(bytes)
}

/// Every byte value, over and over.
fn pattern(len: usize) -> Vec<u8> {
    (0..=u8::MAX).cycle().take(len).collect()
}

fn same<T: PartialEq + fmt::Debug>(what: &str, got: &T, expected: &T) -> Outcome {
    rule(got == expected, || {
        format!("{what}: expected {expected:?}, got {got:?}")
    })
}

/// Rows are told apart byte by byte, and shown without their bytes.
fn same_row(what: &str, got: Option<&Row>, expected: Option<&Row>) -> Outcome {
    rule(got == expected, || {
        let bytes = match (got, expected) {
            (Some(got), Some(expected)) if got.bytes != expected.bytes => " with other bytes",
            _ => "",
        };
        format!("{what}: expected {expected:?}, got {got:?}{bytes}")
    })
}

fn rule(holds: bool, what: impl FnOnce() -> String) -> Outcome {
    if holds {
        Ok(())
    } else {
        Err(Wrong::Rule(what()))
    }
}

/// Awaits all of them together, whatever the runtime.
async fn join_all<T>(futures: Vec<StoreFuture<'_, T>>) -> Result<Vec<T>, Wrong> {
    let mut pending: Vec<_> = futures.into_iter().map(|future| (future, None)).collect();
    poll_fn(|context| {
        for (future, done) in &mut pending {
            if done.is_none()
                && let Poll::Ready(result) = future.as_mut().poll(context)
            {
                *done = Some(result);
            }
        }
        if pending.iter().all(|(_, done)| done.is_some()) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    let results: Result<_, StoreError> = pending.into_iter().filter_map(|(_, done)| done).collect();
    Ok(results?)
}
