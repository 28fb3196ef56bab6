//! Users who know what their session must hold.

use core::{
    fmt,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};
use std::{net::SocketAddr, sync::Arc};

use tokio::task::JoinHandle;

use crate::{browser::Browser, shop::Shop};

/// Writes until a user logs out and in again; it crosses to the store and back twice.
const WRITES: u64 = 45;

#[derive(Default)]
struct Counters {
    stop: AtomicBool,
    answered: AtomicU64,
    refused: AtomicU64,
    conflicts: AtomicU64,
    logins: AtomicU64,
    logouts: AtomicU64,
    lost: AtomicU64,
    returned: AtomicU64,
    unexpected: AtomicU64,
}

pub(crate) struct Users {
    counters: Arc<Counters>,
    tasks: Vec<JoinHandle<()>>,
}

impl Users {
    pub(crate) fn start(shop: &Shop, number: usize) -> Self {
        let counters = Arc::new(Counters::default());
        let tasks = (0..number).map(|number| {
            let user = User {
                name: format!("user{number}"),
                counters: Arc::clone(&counters),
                browser: Browser::new(shop.address),
                address: shop.address,
            };
            tokio::spawn(user.live())
        });
        Self {
            tasks: tasks.collect(),
            counters,
        }
    }

    pub(crate) async fn wait_for_refusals(&self, more: u64) {
        wait(&self.counters.refused, more).await;
    }

    pub(crate) async fn wait_for_answers(&self, more: u64) {
        wait(&self.counters.answered, more).await;
    }

    pub(crate) async fn stop(self) -> Tally {
        self.counters.stop.store(true, Ordering::SeqCst);
        for task in self.tasks {
            task.await.unwrap();
        }
        Tally(self.counters)
    }
}

async fn wait(counter: &AtomicU64, more: u64) {
    let goal = counter.load(Ordering::SeqCst) + more;
    while counter.load(Ordering::SeqCst) < goal {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

struct User {
    name: String,
    counters: Arc<Counters>,
    browser: Browser,
    address: SocketAddr,
}

impl User {
    async fn live(mut self) {
        while !self.counters.stop.load(Ordering::SeqCst) {
            self.log_in().await;
            let mut known = 0;
            for count in 1..=WRITES {
                // A write that was refused may have been done all the same.
                let possible = count;
                if self.answered("POST", &format!("/write?{count}")).await {
                    known = count;
                }
                self.read(known, possible).await;
            }
            self.log_out().await;
        }
    }

    async fn log_in(&mut self) {
        self.browser.cookie = None;
        let path = format!("/login?{}", self.name);
        while !self.answered("POST", &path).await {}
        self.counters.logins.fetch_add(1, Ordering::SeqCst);
    }

    /// Reads until it is answered: with what was acknowledged last, or tried since.
    async fn read(&mut self, known: u64, possible: u64) {
        loop {
            let reply = self.browser.send("GET", "/read").await;
            if !self.count(reply.status) {
                continue;
            }
            let expected = [known, possible].map(|count| format!("{} {count}", self.name));
            if !expected.contains(&reply.body) {
                self.counters.lost.fetch_add(1, Ordering::SeqCst);
            }
            return;
        }
    }

    async fn log_out(&mut self) {
        let before = self.browser.cookie.clone();
        while !self.answered("POST", "/logout").await {}
        assert_eq!(self.browser.cookie, None);
        self.counters.logouts.fetch_add(1, Ordering::SeqCst);
        let mut thief = Browser::new(self.address);
        thief.cookie = before;
        let replayed = thief.send("GET", "/read").await;
        if replayed.status == 200 && replayed.body != " 0" {
            self.counters.returned.fetch_add(1, Ordering::SeqCst);
        }
    }

    async fn answered(&mut self, method: &str, path: &str) -> bool {
        let reply = self.browser.send(method, path).await;
        self.count(reply.status)
    }

    /// Counts a response by its kind, and tells whether it is an answer.
    fn count(&self, status: u16) -> bool {
        let counters = &self.counters;
        let counter = match status {
            200 => &counters.answered,
            503 => &counters.refused,
            409 => &counters.conflicts,
            _ => &counters.unexpected,
        };
        counter.fetch_add(1, Ordering::SeqCst);
        status == 200
    }
}

pub(crate) struct Tally(Arc<Counters>);

impl Tally {
    pub(crate) fn assert_sound(&self) {
        let [lost, returned, unexpected] = self.wrongs();
        assert_eq!((lost, returned, unexpected), (0, 0, 0), "{self}");
        assert!(self.0.answered.load(Ordering::SeqCst) > 100, "{self}");
    }

    fn wrongs(&self) -> [u64; 3] {
        let counters = &self.0;
        [&counters.lost, &counters.returned, &counters.unexpected]
            .map(|counter| counter.load(Ordering::SeqCst))
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        let counters = &self.0;
        let [lost, returned, unexpected] = self.wrongs();
        write!(
            f,
            "{} requests answered, {} refused as unavailable, {} conflicts, {unexpected} other; \
             {} logins, {} logouts; {lost} lost sessions, {returned} that came back after a logout",
            of(&counters.answered),
            of(&counters.refused),
            of(&counters.conflicts),
            of(&counters.logins),
            of(&counters.logouts),
        )
    }
}
