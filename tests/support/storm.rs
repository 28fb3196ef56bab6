//! Load on real sessions while something happens to their store, and what became of them.

use core::{fmt, time::Duration};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use sealed_session::{
    EncryptedCodec, Policy, SessionData, SessionManager,
    keys::{Key, KeyRing},
    manager::{Presented, Revocation, SessionError},
    store::SessionStore,
};
use serde::{Deserialize, Serialize};

/// How many users make requests at once.
const USERS: usize = 8;
/// The part of a session that does not fit a cookie.
const BALLAST: usize = 20_000;

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
    /// Those that were answered with their session.
    pub(crate) answered: u64,
    /// Those that were refused because the store did not answer.
    pub(crate) refused: u64,
    /// Those that were refused because of a change whose reply was lost.
    pub(crate) conflicts: u64,
    /// Requests that found another session's data, or a count that nobody wrote.
    pub(crate) wrong: u64,
    /// Requests that found no session, though nobody had logged out.
    pub(crate) logged_out: u64,
    /// Responses that cleared a cookie.
    pub(crate) cleared: u64,
    /// Sessions whose last acknowledged state is gone after recovery.
    pub(crate) lost: u64,
    /// The longest that a refused request took.
    pub(crate) slowest_refusal: Duration,
    /// From the end of the disturbance to the first answer.
    pub(crate) recovery: Duration,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} made, {} answered, {} refused, {} conflicts, {} wrong, {} logged out, {} cleared, \
             {} of {USERS} sessions lost, slowest refusal {:.1?}, recovery {:.1?}",
            self.made,
            self.answered,
            self.refused,
            self.conflicts,
            self.wrong,
            self.logged_out,
            self.cleared,
            self.lost,
            self.slowest_refusal,
            self.recovery,
        )
    }
}

impl Tally {
    /// What holds for every store and every disturbance, except for what is lost.
    pub(crate) fn assert_sound(&self) {
        assert!(self.answered > 0, "{self}");
        assert_eq!(
            (self.wrong, self.logged_out, self.cleared),
            (0, 0, 0),
            "{self}"
        );
    }

    fn add(&mut self, other: &Self) {
        self.made += other.made;
        self.answered += other.answered;
        self.refused += other.refused;
        self.conflicts += other.conflicts;
        self.wrong += other.wrong;
        self.logged_out += other.logged_out;
        self.cleared += other.cleared;
        self.slowest_refusal = self.slowest_refusal.max(other.slowest_refusal);
    }
}

/// One user, and what their session must be.
struct User {
    number: usize,
    cookie: String,
    /// The last count that was acknowledged.
    acknowledged: u64,
    /// The highest count that was sent.
    sent: u64,
}

/// Makes requests on sessions in `store` while `disturb` runs, and for as long afterwards
/// as it takes to recover, at most `patience`.
pub(crate) async fn storm(
    name: &str,
    store: Arc<dyn SessionStore>,
    patience: Duration,
    disturb: impl AsyncFnOnce(),
) -> Tally {
    let keys = KeyRing::single(Key::generate().unwrap()).unwrap();
    let policy = Policy::new(Duration::from_secs(3_600), Duration::from_secs(3_600)).unwrap();
    let manager: SessionManager<Account> =
        SessionManager::builder(EncryptedCodec::builder("storm", keys, policy))
            .store(store)
            // Every request asks the store for revocations as well.
            .revocation(Revocation::Strict)
            .build()
            .unwrap();
    let mut users = Vec::new();
    for number in 0..USERS {
        users.push(User::log_in(&manager, number).await);
    }

    let over = Arc::new(AtomicBool::new(false));
    let requests = users.into_iter().map(|mut user| {
        let (manager, over) = (manager.clone(), Arc::clone(&over));
        tokio::spawn(async move {
            let mut tally = Tally::default();
            while !over.load(Ordering::SeqCst) {
                user.request(&manager, &mut tally).await;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            (user, tally)
        })
    });
    let requests: Vec<_> = requests.collect();
    disturb().await;
    let disturbed = Instant::now();
    over.store(true, Ordering::SeqCst);

    let mut total = Tally::default();
    let mut users = Vec::new();
    for request in requests {
        let (user, tally) = request.await.unwrap();
        total.add(&tally);
        users.push(user);
    }
    for user in &mut users {
        // Until the store answers again; no restart of anything here.
        while let Err(SessionError::Unavailable(error)) = user.check(&manager, &mut total).await {
            assert!(
                disturbed.elapsed() < patience,
                "{name}: still unavailable: {error:?}, {total}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if total.recovery.is_zero() {
            total.recovery = disturbed.elapsed();
        }
    }
    println!("{name}: {total}");
    total
}

impl User {
    async fn log_in(manager: &SessionManager<Account>, number: usize) -> Self {
        let session = manager.session([], None);
        session
            .change(|account| {
                account.user = number;
                account.ballast = ballast(number);
            })
            .await
            .unwrap();
        session.log_in(number.to_string()).await.unwrap();
        let headers = manager.finish(session, 200).await.unwrap();
        let line = headers.set_cookie.first().unwrap();
        Self {
            number,
            cookie: line.split(';').next().unwrap().to_owned(),
            acknowledged: 0,
            sent: 0,
        }
    }

    /// Counts up, and keeps account of what came of it.
    async fn request(&mut self, manager: &SessionManager<Account>, tally: &mut Tally) {
        let began = Instant::now();
        tally.made += 1;
        match self.count_up(manager, tally).await {
            Ok(count) => {
                self.acknowledged = count;
                tally.answered += 1;
            }
            Err(SessionError::Conflict) => tally.conflicts += 1,
            Err(_) => {
                tally.refused += 1;
                tally.slowest_refusal = tally.slowest_refusal.max(began.elapsed());
            }
        }
    }

    async fn count_up(
        &mut self,
        manager: &SessionManager<Account>,
        tally: &mut Tally,
    ) -> Result<u64, SessionError> {
        let session = manager.session([self.cookie.as_bytes()], Some(b"empty"));
        let account = session.get().await?;
        self.judge(&account, session.presented().await?, tally);
        let count = account.count + 1;
        session.change(|account| account.count = count).await?;
        self.sent = self.sent.max(count);
        let headers = manager.finish(session, 200).await?;
        for line in &headers.set_cookie {
            tally.cleared += u64::from(line.contains("Max-Age=0"));
        }
        Ok(count)
    }

    /// Whether the session is what it must be, after recovery.
    async fn check(
        &self,
        manager: &SessionManager<Account>,
        tally: &mut Tally,
    ) -> Result<(), SessionError> {
        let session = manager.session([self.cookie.as_bytes()], Some(b"empty"));
        let account = session.get().await?;
        let valid = session.presented().await? == Presented::Valid;
        tally.lost += u64::from(!valid || account.count < self.acknowledged);
        Ok(())
    }

    fn judge(&self, account: &Account, presented: Presented, tally: &mut Tally) {
        if presented != Presented::Valid {
            tally.logged_out += 1;
        } else if account.user != self.number
            || account.ballast != ballast(self.number)
            || account.count > self.sent
        {
            tally.wrong += 1;
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
