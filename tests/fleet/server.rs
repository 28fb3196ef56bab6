//! One server: its clock, its ring file, its manager, as an operator would run them.

use core::time::Duration;
use std::{path::PathBuf, sync::Arc};

use sealed_session::{
    EncryptedCodec, Policy, SessionData, SessionManager,
    expiry::Lifetimes,
    keys::{KeyRing, SharedKeyRing},
    manager::Revocation,
    store::SessionStore,
    time::{TestClock, Timestamp},
};
use serde::{Deserialize, Serialize};

use crate::dice::Dice;

/// The idle and absolute timeouts of the two lifetime classes, in seconds.
pub(crate) const CLASSES: [(u32, u32); 2] = [(1_800, 2 * 3_600), (4 * 3_600, 12 * 3_600)];
/// How old a server's copy of the list of revocations may be, in seconds.
pub(crate) const SYNC: u32 = 5;

/// What the sessions hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) owner: u32,
    pub(crate) count: u64,
    /// Random, so that it does not compress: long enough, and the session is stored.
    pub(crate) ballast: Vec<u8>,
}

impl SessionData for Account {}

pub(crate) fn policy() -> Policy {
    let [first, second] =
        CLASSES.map(|(idle, absolute)| Lifetimes::new(seconds(idle), seconds(absolute)).unwrap());
    Policy::from(first)
        .with_class("remember-me", second.persistent())
        .unwrap()
}

pub(crate) struct Server {
    /// Its clock shows the true time and this.
    pub(crate) skew: i64,
    clock: TestClock,
    dice: Dice,
    store: Arc<dyn SessionStore>,
    revocation: Revocation,
    pub(crate) file: PathBuf,
    /// `None` while it does not start: its ring file is not usable.
    running: Option<Running>,
}

struct Running {
    keys: SharedKeyRing,
    manager: SessionManager<Account>,
}

impl Server {
    pub(crate) fn new(
        skew: i64,
        dice: Dice,
        store: Arc<dyn SessionStore>,
        revocation: Revocation,
        file: PathBuf,
    ) -> Self {
        Self {
            skew,
            clock: TestClock::at(Timestamp::MIN),
            dice,
            store,
            revocation,
            file,
            running: None,
        }
    }

    /// Sets its clock, and tells what it shows.
    pub(crate) fn tick(&self, now: u32) -> u32 {
        let local = u32::try_from(i64::from(now) + self.skew).unwrap();
        self.clock.set(Timestamp::from_unix_seconds(local));
        local
    }

    pub(crate) fn manager(&self) -> Option<&SessionManager<Account>> {
        self.running.as_ref().map(|running| &running.manager)
    }

    /// Ends the process, and starts it with the file as it is; `false` if it does not start.
    pub(crate) fn restart(&mut self, now: u32) -> bool {
        self.tick(now);
        self.running = None;
        let Ok(keys) = SharedKeyRing::from_file(&self.file) else {
            return false;
        };
        let codec = EncryptedCodec::builder("fleet.example", keys.clone(), policy())
            .clock(self.clock.clone())
            .dangerous_random(self.dice.clone());
        let built = SessionManager::builder(codec)
            .store(Arc::clone(&self.store))
            .revocation(self.revocation)
            .build();
        let Ok(manager) = built else {
            return false;
        };
        self.running = Some(Running { keys, manager });
        true
    }

    /// Reads the ring file again, as `watch` does; `false` if it was refused.
    pub(crate) fn reload(&mut self, now: u32) -> bool {
        let local = Timestamp::from_unix_seconds(self.tick(now));
        match &self.running {
            Some(running) => running.keys.reload(local).is_ok(),
            None => self.restart(now),
        }
    }

    /// Whether the ring in force is that one.
    pub(crate) fn runs_with(&self, ring: &KeyRing) -> bool {
        let running = self.running.as_ref();
        running.is_some_and(|running| *running.keys.current() == *ring)
    }
}

pub(crate) fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}
