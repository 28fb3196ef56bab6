//! Load on real sessions while something happens to their store, and what became of them.
//!
//! Every user writes what they have never written before, so whatever a session holds
//! tells which write it is; changes to a new session and logs out of the old one now and
//! then; and is a client that keeps its cookie as a browser does.

use core::{
    fmt,
    sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    time::Duration,
};
use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use sealed_session::{
    EncryptedCodec, Policy, SessionData, SessionManager,
    keys::{Key, KeyRing},
    manager::{InvalidKind, Presented, Revocation, SessionError},
    session::Session,
    store::{SessionStore, StoreErrorKind},
};
use serde::{Deserialize, Serialize};

/// How many users make requests at once.
const USERS: usize = 8;
/// The part of a session that does not fit a cookie.
const BALLAST: usize = 5_000;
/// Writes to a session until its user logs in anew.
const WRITES: usize = 16;
/// Between two requests of a user.
const PAUSE: Duration = Duration::from_millis(2);
/// Requests that are answered before anything happens, and then of each user after it.
const CALM: u64 = 50;
const ANSWERS_AFTER: u64 = 3;
/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(40);

/// The calls to the store that a request here makes at most: it asks for revocations,
/// loads, asks for revocations again since it is about to write, and updates. A login asks,
/// creates and purges; a logout asks, revokes and deletes.
pub(crate) const CALLS: u32 = 4;
/// What a slow and busy machine may add to a request.
pub(crate) const SLACK: Duration = Duration::from_secs(2);

/// Redis replicates at once but not before it confirms: what it confirmed within this
/// time before a primary died may be gone, and that only. (Redis itself promises no limit;
/// a replica that follows over the loopback is not that far behind.)
const UNREPLICATED: Duration = Duration::from_secs(1);
/// For a reply that had left before the primary died.
const IN_FLIGHT: Duration = Duration::from_millis(500);

#[derive(Clone, Default, Serialize, Deserialize)]
struct Account {
    user: usize,
    count: u64,
    ballast: Vec<u8>,
}

impl SessionData for Account {}

/// What became of all requests.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Requests that were made.
    pub(crate) made: u64,
    /// Those that were answered: begun before the disturbance, during it, and after.
    pub(crate) answered: [u64; 3],
    /// Those that were refused as unavailable, because the store did not answer.
    pub(crate) unreachable: u64,
    /// Those that were refused as unavailable, because the store was full.
    pub(crate) full: u64,
    /// Those that were refused as unavailable, because the store answered with an error.
    pub(crate) failed: u64,
    /// Those that were refused because of a change whose reply was lost.
    pub(crate) conflicts: u64,
    /// Requests that found another session's data, a count that nobody wrote, or an error
    /// that no store's trouble explains.
    pub(crate) wrong: u64,
    /// Requests that found no session, though nobody had logged out.
    pub(crate) logged_out: u64,
    /// Responses that cleared the cookie of a session that nobody had ended.
    pub(crate) cleared: u64,
    /// Sessions whose last acknowledged write was gone, those that were logged out included.
    pub(crate) lost: u64,
    /// Sessions that were there again after an acknowledged logout.
    pub(crate) returned: u64,
    /// Of what was lost or returned: what asynchronous replication does not explain.
    pub(crate) unexplained: u64,
    /// The longest that a request took.
    pub(crate) slowest: Duration,
    /// From the end of the disturbance until every user had been answered again.
    pub(crate) recovery: Duration,
    /// The longest that a request may take.
    limit: Duration,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [before, during, after] = self.answered;
        write!(
            f,
            "{} requests; answered {before} before, {during} during, {after} after; refused {} \
             ({} unreachable, {} full, {} failed); {} conflicts; {} lost; {} wrong, {} logged \
             out, {} cleared, {} returned; slowest {:.1?} of {:.1?}; recovery {:.1?}",
            self.made,
            self.refused(),
            self.unreachable,
            self.full,
            self.failed,
            self.conflicts,
            self.lost,
            self.wrong,
            self.logged_out,
            self.cleared,
            self.returned,
            self.slowest,
            self.limit,
            self.recovery,
        )
    }
}

impl Tally {
    /// Requests that were refused as unavailable.
    pub(crate) fn refused(&self) -> u64 {
        self.unreachable + self.full + self.failed
    }

    /// What holds for every store that keeps what it confirms: nothing is lost.
    pub(crate) fn assert_sound(&self) {
        assert_eq!(
            (self.lost, self.logged_out, self.returned),
            (0, 0, 0),
            "{self}"
        );
        self.assert_sound_but_for_replication();
    }

    /// What holds for every store: no wrong data, no cleared cookie, an answer in time, and
    /// no loss but of what a dying primary had confirmed and not yet replicated.
    pub(crate) fn assert_sound_but_for_replication(&self) {
        assert_eq!(
            (self.wrong, self.cleared, self.unexplained),
            (0, 0, 0),
            "{self}"
        );
        assert!(self.logged_out <= self.lost, "{self}");
        let [before, _, after] = self.answered;
        assert!(before > 0 && after > 0, "{self}");
        assert!(self.slowest < self.limit, "{self}");
    }

    fn add(&mut self, other: &Self) {
        self.made += other.made;
        for (sum, more) in self.answered.iter_mut().zip(other.answered) {
            *sum += more;
        }
        self.unreachable += other.unreachable;
        self.full += other.full;
        self.failed += other.failed;
        self.conflicts += other.conflicts;
        self.wrong += other.wrong;
        self.logged_out += other.logged_out;
        self.cleared += other.cleared;
        self.lost += other.lost;
        self.returned += other.returned;
        self.unexplained += other.unexplained;
        self.slowest = self.slowest.max(other.slowest);
    }
}

/// The load, as whoever disturbs it sees it.
#[derive(Default)]
pub(crate) struct Load {
    answered: AtomicU64,
    refused: AtomicU64,
    /// Answers of each user since the disturbance.
    recovered: [AtomicU64; USERS],
    phase: AtomicU8,
    over: AtomicBool,
    /// When a primary died that may not have replicated what it confirmed.
    primary_died: Mutex<Option<Instant>>,
}

impl Load {
    /// Waits until so many more requests were answered.
    pub(crate) async fn answered(&self, more: u64) {
        wait_for("answers", &self.answered, now(&self.answered) + more).await;
    }

    /// Waits until so many more requests were refused as unavailable.
    pub(crate) async fn refused(&self, more: u64) {
        wait_for("refusals", &self.refused, now(&self.refused) + more).await;
    }

    /// How many requests were refused so far.
    pub(crate) fn refusals(&self) -> u64 {
        now(&self.refused)
    }

    /// From now on, what was confirmed just before may be gone.
    pub(crate) fn primary_dies(&self) {
        *self.primary_died.lock().unwrap() = Some(Instant::now());
    }

    /// Whether the loss of what was acknowledged then is what Redis's replication allows.
    fn explains(&self, acknowledged: Instant) -> bool {
        let died = *self.primary_died.lock().unwrap();
        died.is_some_and(|died| {
            acknowledged + UNREPLICATED >= died && acknowledged <= died + IN_FLIGHT
        })
    }
}

fn now(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::SeqCst)
}

async fn wait_for(what: &str, counter: &AtomicU64, goal: u64) {
    let end = Instant::now() + PATIENCE;
    while now(counter) < goal {
        assert!(Instant::now() < end, "too few {what}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Makes requests on sessions in `store` before, while and after `disturb` runs, until all
/// users are answered again. A call to the store takes `call` at most, as it is configured.
///
/// Neither the store nor the manager is made anew.
pub(crate) async fn storm(
    name: &str,
    store: Arc<dyn SessionStore>,
    call: Duration,
    disturb: impl AsyncFnOnce(&Load),
) -> Tally {
    let keys = KeyRing::single(Key::generate().unwrap()).unwrap();
    let policy = Policy::new(Duration::from_hours(1), Duration::from_hours(1)).unwrap();
    let manager: SessionManager<Account> =
        SessionManager::builder(EncryptedCodec::builder("storm", keys, policy))
            .store(store)
            // Every request asks the store for revocations as well.
            .revocation(Revocation::Strict)
            .build()
            .unwrap();
    let load = Arc::new(Load::default());
    let requests: Vec<_> = (0..USERS)
        .map(|number| {
            let mut user = User {
                manager: manager.clone(),
                load: Arc::clone(&load),
                number,
                cookie: None,
                acknowledged: Vec::new(),
                sent: 0,
                leaving: None,
                left: Vec::new(),
                tally: Tally::default(),
            };
            tokio::spawn(async move {
                while !user.load.over.load(Ordering::SeqCst) {
                    user.request().await;
                    tokio::time::sleep(PAUSE).await;
                }
                user
            })
        })
        .collect();
    load.answered(CALM).await;

    load.phase.store(1, Ordering::SeqCst);
    disturb(&load).await;
    load.phase.store(2, Ordering::SeqCst);
    let disturbed = Instant::now();
    for user in &load.recovered {
        wait_for("answers after it was over", user, ANSWERS_AFTER).await;
    }
    let mut total = Tally {
        recovery: disturbed.elapsed(),
        limit: call * CALLS + SLACK,
        ..Tally::default()
    };

    load.over.store(true, Ordering::SeqCst);
    for request in requests {
        let mut user = request.await.unwrap();
        user.check_all().await;
        total.add(&user.tally);
    }
    println!("{name}: {total}");
    total
}

/// One user, and what their session must be.
struct User {
    manager: SessionManager<Account>,
    load: Arc<Load>,
    number: usize,
    cookie: Option<String>,
    /// What was acknowledged to have been written to this session, in order, and when.
    acknowledged: Vec<(u64, Instant)>,
    /// The last count that was sent, to any session.
    sent: u64,
    /// The cookie of a session that is to end.
    leaving: Option<String>,
    /// Cookies of sessions that have ended, and when that was acknowledged.
    left: Vec<(String, Instant)>,
    tally: Tally,
}

impl User {
    /// One request, and what came of it.
    async fn request(&mut self) {
        let began = Instant::now();
        let phase = self.load.phase.load(Ordering::SeqCst);
        let outcome = if self.leaving.is_some() {
            self.log_out().await
        } else if self.cookie.is_none() || self.acknowledged.len() > WRITES {
            self.log_in().await
        } else {
            self.count_up().await
        };
        self.tally.made += 1;
        self.tally.slowest = self.tally.slowest.max(began.elapsed());
        match outcome {
            Ok(()) => {
                self.tally.answered[usize::from(phase)] += 1;
                self.load.answered.fetch_add(1, Ordering::SeqCst);
                if phase == 2 {
                    self.load.recovered[self.number].fetch_add(1, Ordering::SeqCst);
                }
            }
            Err(SessionError::Unavailable(error)) => {
                match error.kind() {
                    StoreErrorKind::Unreachable => self.tally.unreachable += 1,
                    StoreErrorKind::Full => self.tally.full += 1,
                    _ => {
                        self.tally.failed += 1;
                        println!("failed: {:?}", std::error::Error::source(&error));
                    }
                }
                self.load.refused.fetch_add(1, Ordering::SeqCst);
            }
            Err(SessionError::Conflict) => self.tally.conflicts += 1,
            Err(SessionError::Gone) => self.is_gone(),
            Err(error) => {
                println!("user {}: {error:?}", self.number);
                self.tally.wrong += 1;
            }
        }
    }

    fn session(&self, cookie: Option<&String>) -> Session<Account> {
        let cookies = cookie.into_iter().map(String::as_bytes);
        self.manager.session(cookies, Some(b"empty"))
    }

    /// Begins a session, and is to end the one before.
    async fn log_in(&mut self) -> Result<(), SessionError> {
        let session = self.session(None);
        self.sent += 1;
        let (user, count) = (self.number, self.sent);
        session
            .change(|account| {
                *account = Account {
                    user,
                    count,
                    ballast: ballast(user),
                }
            })
            .await?;
        session.log_in(user.to_string()).await?;
        let headers = self.manager.finish(session, 200).await?;
        let line = headers.set_cookie.first().unwrap();
        let cookie = line.split(';').next().unwrap().to_owned();
        self.leaving = self.cookie.replace(cookie);
        self.acknowledged = vec![(count, Instant::now())];
        Ok(())
    }

    /// Ends the session before, however often that was tried in vain.
    async fn log_out(&mut self) -> Result<(), SessionError> {
        let session = self.session(self.leaving.as_ref());
        session.log_out().await?;
        let _headers = self.manager.finish(session, 200).await?;
        let cookie = self.leaving.take().unwrap();
        self.left.push((cookie, Instant::now()));
        Ok(())
    }

    async fn count_up(&mut self) -> Result<(), SessionError> {
        let session = self.session(self.cookie.as_ref());
        let account = session.get().await?;
        let presented = session.presented().await?;
        let there = self.judge(&account, presented);
        let count = self.sent + 1;
        if there {
            self.sent = count;
            session.change(|account| account.count = count).await?;
        }
        let headers = self.manager.finish(session, 200).await?;
        for line in &headers.set_cookie {
            self.tally.cleared += u64::from(line.contains("Max-Age=0"));
        }
        if there {
            self.acknowledged.push((count, Instant::now()));
        }
        Ok(())
    }

    /// Whether there is a session; counts what is wrong with it.
    fn judge(&mut self, account: &Account, presented: Presented) -> bool {
        match presented {
            Presented::Valid => {}
            Presented::Invalid(InvalidKind::Gone) => {
                self.is_gone();
                return false;
            }
            _ => {
                println!("user {}: {presented:?}", self.number);
                self.tally.wrong += 1;
                self.is_gone();
                return false;
            }
        }
        if account.user != self.number
            || account.ballast != ballast(self.number)
            || account.count > self.sent
        {
            self.tally.wrong += 1;
        }
        self.has_lost_after(account.count);
        true
    }

    /// The session is gone, though nobody has ended it.
    fn is_gone(&mut self) {
        self.tally.logged_out += 1;
        self.has_lost_after(0);
        self.cookie = None;
    }

    /// Counts a loss, if anything was acknowledged after what is there.
    fn has_lost_after(&mut self, count: u64) {
        let lost = |(acknowledged, _): &&(u64, Instant)| *acknowledged > count;
        if let Some((_, when)) = self.acknowledged.iter().find(lost) {
            self.tally.lost += 1;
            self.tally.unexplained += u64::from(!self.load.explains(*when));
        }
        self.acknowledged
            .retain(|(acknowledged, _)| *acknowledged <= count);
    }

    /// Whether the session is what it must be, and those that ended are gone, at last.
    async fn check_all(&mut self) {
        if self.cookie.is_some() {
            let (account, presented) = self.look(self.cookie.as_ref()).await;
            self.judge(&account, presented);
        }
        for (cookie, when) in core::mem::take(&mut self.left) {
            let (_, presented) = self.look(Some(&cookie)).await;
            if presented == Presented::Valid {
                self.tally.returned += 1;
                self.tally.unexplained += u64::from(!self.load.explains(when));
            }
        }
    }

    /// What is there, as soon as the store says so.
    async fn look(&self, cookie: Option<&String>) -> (Account, Presented) {
        let end = Instant::now() + PATIENCE;
        loop {
            let session = self.session(cookie);
            match session.get().await {
                Ok(account) => return (account, session.presented().await.unwrap()),
                Err(error) => assert!(Instant::now() < end, "no recovery: {error:?}"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Bytes that do not compress, different for each user.
fn ballast(user: usize) -> Vec<u8> {
    let mut state = user as u64 + 1;
    (0..BALLAST)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .collect()
}
