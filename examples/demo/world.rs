//! What the demo's server is made of.

use core::time::Duration;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use sealed_session::{
    CookieConfig, EncryptedCodec, Policy, SessionData, SessionManager,
    expiry::Lifetimes,
    keys::{Key, KeyRing, SharedKeyRing},
    manager::SessionEvent,
    payload::Compression,
};
use serde::{Deserialize, Serialize};

use crate::{clock::DemoClock, store::SwitchStore};

/// The session that the page is about.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionData)]
pub(crate) struct Visit {
    pub(crate) user: Option<String>,
    /// What the slider makes longer and shorter.
    pub(crate) payload: Vec<u8>,
}

/// The session that shows the limit of a cookie.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionData)]
pub(crate) struct Edge {
    pub(crate) filler: Vec<u8>,
}

/// The class of sessions that outlive the browser.
pub(crate) const REMEMBER_ME: &str = "remember-me";

/// One server. Clones are the same.
#[derive(Clone)]
pub(crate) struct Demo {
    pub(crate) manager: SessionManager<Visit>,
    pub(crate) edge: SessionManager<Edge>,
    pub(crate) keys: SharedKeyRing,
    pub(crate) clock: DemoClock,
    pub(crate) store: SwitchStore,
    pub(crate) events: Events,
}

impl Demo {
    pub(crate) fn new() -> Result<Self, Box<dyn core::error::Error>> {
        let keys = SharedKeyRing::from(KeyRing::single(Key::generate()?)?);
        let clock = DemoClock::default();
        let store = SwitchStore::default();
        let events = Events::default();
        let remember_me =
            Lifetimes::new(Duration::from_hours(7 * 24), Duration::from_hours(30 * 24))?;
        let policy = Policy::new(Duration::from_mins(30), Duration::from_hours(24))?
            .with_class(REMEMBER_ME, remember_me.persistent())?;
        let codec = || {
            EncryptedCodec::builder("demo.example", keys.clone(), policy.clone())
                .clock(clock.clone())
        };

        let heard = events.clone();
        let manager = SessionManager::builder(codec())
            .store(Arc::new(store.clone()))
            .merge_with(|base, ours, theirs| Some(merge(base, ours, theirs)))
            .on_event(move |event| heard.push(event))
            .build()?;

        let cookie = CookieConfig::named("__Secure-edge").path("/api/edge");
        let edge = SessionManager::builder(codec().compression(Compression::NEVER))
            .cookie(cookie.build()?)
            .build()?;
        Ok(Self {
            manager,
            edge,
            keys,
            clock,
            store,
            events,
        })
    }
}

/// Two tabs that change different things keep both; of the same thing, the later one holds.
fn merge(base: &Visit, ours: &Visit, mut theirs: Visit) -> Visit {
    if ours.payload != base.payload {
        theirs.payload.clone_from(&ours.payload);
    }
    if ours.user != base.user {
        theirs.user.clone_from(&ours.user);
    }
    theirs
}

/// The last things that an operator would log and count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Events(Arc<Mutex<VecDeque<SessionEvent>>>);

impl Events {
    const KEPT: usize = 6;

    fn push(&self, event: &SessionEvent) {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.push_front(*event);
        events.truncate(Self::KEPT);
    }

    /// The newest first.
    pub(crate) fn latest(&self) -> Vec<SessionEvent> {
        let events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.iter().copied().collect()
    }
}

/// That many bytes that do not compress, the same at every call.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    // xorshift64: there is nothing to guess here.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()
    };
    let words = len.div_ceil(8);
    let mut bytes: Vec<u8> = (0..words).flat_map(|_| next()).collect();
    bytes.truncate(len);
    bytes
}
