//! Cookie or server session? The comparison, measured on the application's own sessions.
//!
//! [`Comparison`] takes samples of sessions and the stores that they could live in. It
//! runs each sample by each strategy, in turns; finds the sizes at which the strategies
//! cross; computes what a load costs; runs what is claimed of cookies and of server
//! sessions; and gives a [`Report`] of plain data.
//!
//! Everything runs on the thread that polls it, under keys that are thrown away, at an
//! instant that stands still. Rows that it writes to a store are deleted at the end, and
//! expire with their session in any case; it revokes nothing in the stores that it is
//! given.
//!
//! ```
//! use sealed_session::{SessionData, compare::{Comparison, Effort, Sample, Target, report::Way}};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize, Clone, Default, SessionData)]
//! struct Shop { user: u64, cart: Vec<String> }
//!
//! # async fn compare() -> Result<(), Box<dyn core::error::Error>> {
//! let report = Comparison::new()
//!     .sample(Sample::new("a visitor", Shop { user: 7, cart: vec!["book".into()] }))
//!     .target(Target::memory())
//! #   .effort(Effort { rounds: 3, phase_millis: 1 })
//!     .run()
//!     .await?;
//! assert!(report.samples[0].cookie.fits);
//! assert_eq!(report.recommendation.unwrap().way, Way::Automatic);
//! # Ok(())
//! # }
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(compare()).unwrap();
//! ```
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "statistics: of times and sizes far below 2^52"
)]

mod clock;
pub mod cost;
pub mod evidence;
mod kit;
mod measure;
pub mod properties;
pub mod recommend;
pub mod report;
mod run;
mod sample;
mod sweep;
mod target;
mod watched;

use core::{fmt, ops::ControlFlow};
use std::sync::Arc;

pub use clock::{AllocationCounter, Monotonic, SystemMonotonic};
pub use measure::Effort;
pub use report::Report;
pub use sample::Sample;
pub use target::Target;

use crate::{
    CookieConfig, Policy, SealError,
    codec::ConfigError,
    expiry::PolicyError,
    keys::{KeyError, RingError},
    manager::{DEFAULT_BUDGET, DEFAULT_MAX_RECORD_BYTES, ManagerError},
    payload::Compression,
    random::RandomError,
    time::{Clock, SystemClock},
};
use cost::{Assumptions, Load};
use evidence::Recorded;
use report::Machine;

/// A comparison to be run; see the [module](self).
#[must_use = "a comparison does nothing until it is run"]
pub struct Comparison {
    samples: Vec<Sample>,
    targets: Vec<Target>,
    policy: Option<Policy>,
    cookie: CookieConfig,
    budget: usize,
    compression: Compression,
    max_record_bytes: usize,
    logout_must_hold: bool,
    claims: bool,
    load: Load,
    assumptions: Assumptions,
    effort: Effort,
    machine: Option<Machine>,
    recorded: Recorded,
    clock: Arc<dyn Clock>,
    monotonic: Arc<dyn Monotonic>,
    allocations: Option<Arc<dyn AllocationCounter>>,
    stop: Stop,
}

impl Comparison {
    /// A comparison of nothing yet: give it at least one [`sample`](Self::sample).
    pub fn new() -> Self {
        Self {
            samples: Vec::new(),
            targets: Vec::new(),
            policy: None,
            cookie: CookieConfig::default(),
            budget: DEFAULT_BUDGET,
            compression: Compression::default(),
            max_record_bytes: DEFAULT_MAX_RECORD_BYTES,
            logout_must_hold: true,
            claims: true,
            load: Load::default(),
            assumptions: Assumptions::default(),
            effort: Effort::default(),
            machine: None,
            recorded: Recorded::none(),
            clock: Arc::new(SystemClock),
            monotonic: Arc::new(SystemMonotonic::new()),
            allocations: None,
            stop: Stop(Box::new(|_| ControlFlow::Continue(()))),
        }
    }

    /// Adds a session to compare with. For costs, every sample counts the same.
    pub fn sample(mut self, sample: Sample) -> Self {
        self.samples.push(sample);
        self
    }

    /// Adds a store to compare with.
    pub fn target(mut self, target: Target) -> Self {
        self.targets.push(target);
        self
    }

    /// The lifetimes: 30 minutes of idle time and 24 hours in all by default.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// The cookie: `__Host-session` by default. Its name counts towards its size.
    pub fn cookie(mut self, cookie: CookieConfig) -> Self {
        self.cookie = cookie;
        self
    }

    /// The most bytes of the cookie before the automatic strategy moves a session:
    /// [`DEFAULT_BUDGET`].
    pub fn budget(mut self, bytes: usize) -> Self {
        self.budget = bytes;
        self
    }

    /// Whether sessions that do not fit are compressed.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// The most bytes that a stored session may take in postcard:
    /// [`DEFAULT_MAX_RECORD_BYTES`].
    pub fn max_record_bytes(mut self, bytes: usize) -> Self {
        self.max_record_bytes = bytes;
        self
    }

    /// Says that a copied cookie may live until it expires, also after a logout: for the
    /// recommendation.
    pub fn copies_may_outlive_logout(mut self) -> Self {
        self.logout_must_hold = false;
        self
    }

    /// Leaves out the table of claims, which is the same for all samples but for its rows on
    /// speed.
    pub fn without_claims(mut self) -> Self {
        self.claims = false;
        self
    }

    /// The load that costs are computed for.
    pub fn load(mut self, load: Load) -> Self {
        self.load = load;
        self
    }

    /// What machines can do and cost.
    pub fn assumptions(mut self, assumptions: Assumptions) -> Self {
        self.assumptions = assumptions;
        self
    }

    /// How much is measured.
    pub fn effort(mut self, effort: Effort) -> Self {
        self.effort = effort;
        self
    }

    /// What the report says of the machine: the processor's name, say, which this library
    /// does not look up.
    pub fn machine(mut self, machine: Machine) -> Self {
        self.machine = Some(machine);
        self
    }

    /// What browsers and Express were found to do.
    pub fn recorded(mut self, recorded: Recorded) -> Self {
        self.recorded = recorded;
        self
    }

    /// Another clock than the system's for the sessions' lifetimes; it is read once.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Another clock than the system's for measuring.
    pub fn monotonic(mut self, clock: impl Monotonic) -> Self {
        self.monotonic = Arc::new(clock);
        self
    }

    /// Counts allocations with it. Without one the report has none.
    pub fn allocations(mut self, counter: impl AllocationCounter) -> Self {
        self.allocations = Some(Arc::new(counter));
        self
    }

    /// Is called before every turn. [`ControlFlow::Break`] ends the comparison, and the
    /// report says that it is partial.
    pub fn on_progress(
        mut self,
        listener: impl Fn(Progress) -> ControlFlow<()> + Send + Sync + 'static,
    ) -> Self {
        self.stop = Stop(Box::new(listener));
        self
    }

    /// Runs it. The future stays on the thread that made it: await it in a program's main
    /// task, or in a `block_on`.
    ///
    /// # Errors
    /// [`CompareError`] for what makes no comparison. What a sample or a store cannot do
    /// is no error, but one of the report's [`troubles`](Report::troubles), and everything
    /// else is measured.
    pub async fn run(self) -> Result<Report, CompareError> {
        run::run(self).await
    }
}

impl Default for Comparison {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Comparison")
            .field("samples", &self.samples)
            .field("targets", &self.targets)
            .field("effort", &self.effort)
            .finish_non_exhaustive()
    }
}

/// How far a comparison is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What it does: `samples`, `sweep` or `properties`.
    pub phase: &'static str,
    /// How much of it is done.
    pub done: u64,
    /// How much there is at most: a phase may end sooner.
    pub total: u64,
}

/// Asks whoever started the comparison whether to go on.
pub(crate) struct Stop(Box<dyn Fn(Progress) -> ControlFlow<()> + Send + Sync>);

impl Stop {
    pub(crate) fn asked(&self, progress: Progress) -> bool {
        (self.0)(progress).is_break()
    }
}

/// A comparison that cannot be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// There is nothing to compare.
    #[error("there is no sample to compare with")]
    NoSample,
    /// Two stores have the same name, so that the report could not tell them apart.
    #[error("two stores are called {0}")]
    SameName(String),
    /// Users, requests or an uplink that are not above zero, or a part that is not between
    /// 0 and 1.
    #[error("the load makes no sense: {0}")]
    Load(&'static str),
    /// Lifetimes that cannot be.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A cookie or budget that no session would fit.
    #[error(transparent)]
    Manager(#[from] ManagerError),
    /// A session that cannot be sealed at all.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// No key could be made.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// No key could be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No key could be made.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl From<ConfigError> for CompareError {
    fn from(error: ConfigError) -> Self {
        Self::Manager(error.into())
    }
}
