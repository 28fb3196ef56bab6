//! The one configuration that all targets share. It is that of most vectors, so that their
//! tokens are seeds that open.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sealed_session::{
    EncryptedCodec, Policy, SignedCodec,
    codec::{Codec, CodecBuilder, Suite},
    expiry::Lifetimes,
    keys::{Key, KeyRing, RingKey},
    random::{Random, RandomError},
    time::{TestClock, Timestamp},
};
use sha2::{Digest as _, Sha256};

use crate::forge::Forge;

/// The instant at which tokens are opened.
pub const NOW: u32 = 1_800_000_000;
pub const CONTEXT: &str = "example.com";
pub const NAME: &str = "__Host-session";

/// Idle and absolute timeouts of the policy's classes.
pub const CLASSES: [(u32, u32); 2] = [(1_800, 86_400), (2_592_000, 5_184_000)];

/// The first of the published roots.
#[must_use]
pub fn root() -> [u8; 32] {
    std::array::from_fn(|n| n as u8)
}

/// A root that no ring here holds.
#[must_use]
pub fn other_root() -> [u8; 32] {
    std::array::from_fn(|n| 0x20 + n as u8)
}

#[must_use]
pub fn now() -> Timestamp {
    Timestamp::from_unix_seconds(NOW)
}

pub static FORGE: LazyLock<Forge> = LazyLock::new(|| Forge::new(&root(), CONTEXT, NAME));

/// For targets that only open: what they seal would depend on what came before.
pub static ENCRYPTED: LazyLock<EncryptedCodec> = LazyLock::new(codec);
/// Likewise.
pub static SIGNED: LazyLock<SignedCodec> = LazyLock::new(codec);

#[must_use]
pub fn policy() -> Policy {
    let seconds = |n: u32| Duration::from_secs(n.into());
    let [(idle, absolute), (long_idle, long_absolute)] = CLASSES;
    let long = Lifetimes::new(seconds(long_idle), seconds(long_absolute)).unwrap();
    Policy::new(seconds(idle), seconds(absolute))
        .and_then(|policy| policy.with_class("remember-me", long))
        .unwrap()
}

#[must_use]
pub fn ring(root: &[u8; 32]) -> KeyRing {
    let key = RingKey::new(Key::from_bytes(root).unwrap(), Timestamp::MIN);
    KeyRing::dangerous_with_published_keys([key]).unwrap()
}

/// A codec that is still to be given a name or a limit.
pub fn builder<S: Suite>(root: &[u8; 32], context: &str) -> CodecBuilder<S> {
    Codec::builder(context, ring(root), policy())
        .clock(TestClock::at(now()))
        .dangerous_random(Counter::default())
}

#[must_use]
pub fn codec<S: Suite>() -> Codec<S> {
    builder(&root(), CONTEXT).build().unwrap()
}

/// Never the same bytes twice, and the same in every run, so that a finding can be repeated.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Random for Counter {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        for chunk in bytes.chunks_mut(32) {
            let hash = Sha256::digest(self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes());
            chunk.copy_from_slice(&hash[..chunk.len()]);
        }
        Ok(())
    }
}
