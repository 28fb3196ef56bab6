//! A fleet, its users and its thieves, one event after the other.

use core::fmt;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use sealed_session::{
    EncryptedCodec,
    keys::{Key, KeyRing, RingKey},
    manager::Revocation,
    store::SessionStore,
    time::Timestamp,
};

use crate::{
    dice::Dice,
    model_store::ModelStore,
    oracle::{Oracle, SKEW, Token},
    server::{CLASSES, SYNC, Server, policy},
    users::{Loot, User},
};

/// Servers behind one load balancer that knows nothing of sessions; and in a short run,
/// where each of so many would hardly be asked.
const SERVERS: [usize; 2] = [250, 40];
/// From so many requests on a run is long.
const LONG: u64 = 500_000;
/// The true time at the beginning.
const START: u32 = 1_795_348_800;
/// Requests of one user in about five days.
const REQUESTS_PER_USER: u64 = 900;

/// What is done wrong on purpose, to see that it is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    Nothing,
    /// A rotation replaces the old key instead of adding the new one.
    OldKeyDropped,
    /// A new key seals before every server has it.
    NoActivation,
    /// One server's clock is five minutes ahead.
    ClockAhead,
    /// One server's clock is ten minutes late.
    ClockBehind,
    /// One server has no list of revocations.
    NoRevocations,
    /// One server has a store of its own.
    AnotherStore,
    /// The store only keeps the latest instant of repeated revocations.
    StandingStill,
}

pub(crate) enum Event {
    Visit(usize, Option<usize>),
    Steal(Box<Loot>),
    EverywhereAgain(usize),
    Rotate,
    Arrive(usize),
    ArriveBroken(usize),
    Reload(usize),
    ReloadBroken(usize, u32),
    RolledOut,
    Restart(usize),
    SetClock(usize),
}

/// How often what happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) requests: u64,
    pub(crate) accepted: u64,
    pub(crate) expired: u64,
    pub(crate) revoked: u64,
    /// Refused within the delay of a revocation, and references that had been replaced.
    pub(crate) either: u64,
    /// Refused since the user was logged out everywhere too often just before.
    pub(crate) early: u64,
    pub(crate) without_cookie: u64,
    pub(crate) forged: u64,
    pub(crate) stolen: u64,
    /// Within a second of the deadline.
    pub(crate) at_the_deadline: u64,
    pub(crate) cookies: u64,
    pub(crate) logins: u64,
    pub(crate) logouts: u64,
    pub(crate) renewals: u64,
    pub(crate) everywhere: u64,
    pub(crate) to_store: u64,
    pub(crate) to_cookie: u64,
    pub(crate) rotations: u64,
    pub(crate) reloads: u64,
    pub(crate) refused_files: u64,
    pub(crate) restarts: u64,
    pub(crate) failed_starts: u64,
    pub(crate) clocks_set: u64,
}

pub(crate) struct World {
    pub(crate) now: u32,
    pub(crate) dice: Dice,
    pub(crate) sabotage: Sabotage,
    pub(crate) servers: Vec<Server>,
    /// The operators' newest ring.
    pub(crate) ring: KeyRing,
    pub(crate) oracle: Oracle,
    pub(crate) users: Vec<User>,
    /// Of another fleet.
    pub(crate) foreign: EncryptedCodec,
    pub(crate) tally: Tally,
    /// Which servers were asked when, lately.
    recent: VecDeque<(u32, usize)>,
    events: BTreeMap<(u32, u64), Event>,
    planned: u64,
    _folder: tempfile::TempDir,
}

/// What became of a run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) tally: Tally,
    pub(crate) violations: Vec<String>,
    pub(crate) servers: usize,
    pub(crate) longest_delay: u32,
    pub(crate) sessions: usize,
    pub(crate) seconds: u32,
}

/// Runs a fleet of that seed for so many requests, or until there is a violation of which
/// `enough` holds.
pub(crate) fn run(
    seed: u64,
    requests: u64,
    sabotage: Sabotage,
    enough: impl Fn(&str) -> bool,
) -> Report {
    let mut world = World::new(seed, requests, sabotage);
    let mut read = 0;
    while world.tally.requests < requests {
        let news = &world.oracle.violations[read..];
        if news.iter().any(|violation| enough(violation)) {
            break;
        }
        read = world.oracle.violations.len();
        let ((now, _), event) = world.events.pop_first().unwrap();
        world.now = now;
        match event {
            Event::Visit(user, server) => world.visit(user, server),
            Event::Steal(loot) => world.replay(*loot),
            Event::EverywhereAgain(user) => world.log_out_everywhere_again(user),
            Event::Rotate => world.rotate(),
            Event::Arrive(server) => world.arrive(server),
            Event::ArriveBroken(server) => world.arrive_broken(server),
            Event::Reload(server) => world.reload(server, None),
            Event::ReloadBroken(server, kind) => world.reload(server, Some(kind)),
            Event::RolledOut => world.rolled_out(),
            Event::Restart(server) => world.restart(server),
            Event::SetClock(server) => world.set_clock(server),
        }
    }
    Report {
        tally: world.tally,
        servers: world.servers.len(),
        longest_delay: world.oracle.longest_delay,
        sessions: world.oracle.lives(),
        violations: world.oracle.violations,
        seconds: world.now - START,
    }
}

impl World {
    fn new(seed: u64, requests: u64, sabotage: Sabotage) -> Self {
        let dice = Dice::new(seed);
        let folder = tempfile::tempdir().unwrap();
        let long_ago = Timestamp::from_unix_seconds(START - CLASSES[1].1);
        let fresh = || Key::generate_from(&dice).unwrap();
        let ring = KeyRing::new([RingKey::new(fresh(), long_ago)]).unwrap();
        let foreign = KeyRing::single(fresh()).unwrap();
        let store = ModelStore::default();
        store.stand_still(sabotage == Sabotage::StandingStill);
        let store: Arc<dyn SessionStore> = Arc::new(store);
        let servers = (0..SERVERS[usize::from(requests < LONG)]).map(|number| {
            let mut skew = i64::from(dice.below(2 * SKEW + 1)) - i64::from(SKEW);
            let mut revocation = Revocation::default();
            let mut store = Arc::clone(&store);
            if number == 0 {
                match sabotage {
                    Sabotage::ClockAhead => skew = 300,
                    Sabotage::ClockBehind => skew = -600,
                    Sabotage::NoRevocations => revocation = Revocation::None,
                    Sabotage::AnotherStore => store = Arc::new(ModelStore::default()),
                    _ => {}
                }
            }
            let file = folder.path().join(format!("{number}.toml"));
            std::fs::write(&file, &*ring.to_secret_toml()).unwrap();
            let mut server = Server::new(skew, dice.clone(), store, revocation, file);
            assert!(server.restart(START));
            server
        });
        let servers = servers.collect();
        let mut world = Self {
            now: START,
            sabotage,
            servers,
            ring,
            oracle: Oracle::default(),
            users: Vec::new(),
            foreign: EncryptedCodec::builder("fleet.example", foreign, policy())
                .dangerous_random(dice.clone())
                .build()
                .unwrap(),
            tally: Tally::default(),
            recent: VecDeque::new(),
            events: BTreeMap::new(),
            planned: 0,
            _folder: folder,
            dice,
        };
        world.plan_operations();
        let users = usize::try_from(requests / REQUESTS_PER_USER)
            .unwrap()
            .max(20);
        for user in 0..users {
            world.users.push(User::default());
            let first = world.dice.below(600);
            world.at(first, Event::Visit(user, None));
        }
        world
    }

    /// Plans an event so many seconds from now.
    pub(crate) fn at(&mut self, delay: u32, event: Event) {
        self.planned += 1;
        self.events.insert((self.now + delay, self.planned), event);
    }

    /// A server that runs: that one, if it does.
    pub(crate) fn balance(&self, wanted: Option<usize>) -> usize {
        let servers = u32::try_from(self.servers.len()).unwrap();
        let runs = |server: &usize| self.servers[*server].manager().is_some();
        wanted.filter(runs).unwrap_or_else(|| {
            loop {
                let server = self.dice.below(servers) as usize;
                if runs(&server) {
                    return server;
                }
            }
        })
    }

    /// Notes that a server was asked.
    pub(crate) fn asked(&mut self, server: usize) {
        self.recent.push_back((self.now, server));
        while self
            .recent
            .front()
            .is_some_and(|(at, _)| at + SYNC <= self.now)
        {
            self.recent.pop_front();
        }
    }

    /// A server that was asked just now, so that its copy of the list of revocations is new
    /// and goes on without what follows.
    pub(crate) fn just_asked(&self) -> Option<usize> {
        let place = self.dice.below(u32::try_from(self.recent.len()).unwrap());
        self.recent.get(place as usize).map(|(_, server)| *server)
    }

    pub(crate) fn describe(&self, token: &Token, server: usize, local: u32) -> String {
        format!(
            "true time {}, server {server} shows {local}, token issued {} ends {}, {}",
            self.now,
            token.issued,
            self.oracle.expires(token),
            if token.reference.is_some() {
                "stored"
            } else {
                "in the cookie"
            },
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tally = &self.tally;
        writeln!(
            f,
            "{} requests to {} servers in {:.1} simulated days, {} sessions: {} accepted; \
             refused {} expired, {} revoked, {} early, {} either, {} forged; {} without a cookie; of all, \
             {} stolen cookies and {} within a second of the deadline",
            tally.requests,
            self.servers,
            f64::from(self.seconds) / 86_400.0,
            self.sessions,
            tally.accepted,
            tally.expired,
            tally.revoked,
            tally.early,
            tally.either,
            tally.forged,
            tally.without_cookie,
            tally.stolen,
            tally.at_the_deadline,
        )?;
        writeln!(
            f,
            "{} cookies set, {} logins, {} logouts, {} renewals, {} users logged out everywhere, \
             {} moves to the store and {} back",
            tally.cookies,
            tally.logins,
            tally.logouts,
            tally.renewals,
            tally.everywhere,
            tally.to_store,
            tally.to_cookie,
        )?;
        writeln!(
            f,
            "{} rotations, {} reloads, {} broken ring files refused, {} restarts, {} starts \
             refused, {} clocks set; a revoked session was accepted for {} s at most",
            tally.rotations,
            tally.reloads,
            tally.refused_files,
            tally.restarts,
            tally.failed_starts,
            tally.clocks_set,
            self.longest_delay,
        )?;
        write!(f, "{} violations", self.violations.len())?;
        let mut first = self.violations.iter().take(10);
        first.try_for_each(|violation| write!(f, "\n  {violation}"))
    }
}
