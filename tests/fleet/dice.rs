//! Chance that can be repeated: everything in a run follows from its seed.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use sealed_session::random::{Random, RandomError};

/// `SplitMix64`: a permutation of a counter, so that no nonce comes twice. Clones go on
/// with the same sequence.
#[derive(Clone)]
pub(crate) struct Dice(Arc<AtomicU64>);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seed)))
    }

    pub(crate) fn next(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut word = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// One of `0..sides`.
    pub(crate) fn below(&self, sides: u32) -> u32 {
        u32::try_from(self.next() % u64::from(sides.max(1))).unwrap()
    }

    /// One of `from..to`.
    pub(crate) fn between(&self, from: u32, to: u32) -> u32 {
        from + self.below(to - from)
    }

    /// True that many times in a thousand.
    pub(crate) fn per_mille(&self, times: u32) -> bool {
        self.below(1_000) < times
    }
}

impl Random for Dice {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        for chunk in bytes.chunks_mut(8) {
            let word = self.next().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}
