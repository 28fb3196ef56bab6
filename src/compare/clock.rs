//! Time that only goes forward, and whatever else is injected.

use std::time::Instant;

use super::report::Allocations;

/// A clock for measuring, which only goes forward.
pub trait Monotonic: Send + Sync + 'static {
    /// Nanoseconds since some instant.
    fn nanos(&self) -> u64;
}

/// The operating system's monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemMonotonic(Instant);

impl SystemMonotonic {
    /// A clock that starts now.
    #[must_use]
    pub fn new() -> Self {
        Self(Instant::now())
    }
}

impl Default for SystemMonotonic {
    fn default() -> Self {
        Self::new()
    }
}

impl Monotonic for SystemMonotonic {
    fn nanos(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Counts allocations: a program that has a counting allocator gives one of these.
pub trait AllocationCounter: Send + Sync + 'static {
    /// Runs `work` once, and tells what it allocated on this thread.
    fn count(&self, work: &mut dyn FnMut()) -> Allocations;
}
