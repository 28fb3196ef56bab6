//! What a comparison found: plain data, for programs and for pages.
//!
//! Its JSON is described by `docs/compare.schema.json`, and a test holds the two together.
//! Sizes are in bytes, times in nanoseconds unless a name says otherwise; a value that
//! was not measured is absent, never zero.

use serde::{Deserialize, Serialize};

use super::{
    cost::{Costs, Load},
    evidence::Express,
    properties::Property,
    recommend::Recommendation,
};

/// The version of the report's shape: [`Report::schema`].
pub const REPORT_SCHEMA: u32 = 1;

/// Everything that a comparison found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// [`REPORT_SCHEMA`].
    pub schema: u32,
    /// Why something is missing; `None` where the comparison ran to its end.
    pub partial: Option<String>,
    /// Where it was measured.
    pub machine: Machine,
    /// How it was measured.
    pub method: Method,
    /// The load that the costs are computed for.
    pub load: Load,
    /// Each sample, by each strategy.
    pub samples: Vec<SampleReport>,
    /// Payloads from 64 bytes to 64 KiB, and where the strategies cross.
    pub sweep: Sweep,
    /// What the load costs, and what breaks first as it grows.
    pub costs: Option<Costs>,
    /// What is claimed of cookies and of server sessions, beside what was found.
    pub properties: Vec<Property>,
    /// Which strategy these samples and this load ask for, and by which rule.
    pub recommendation: Option<Recommendation>,
    /// The same for Express, where it was recorded.
    pub express: Option<Express>,
    /// What could not be measured, and why.
    pub troubles: Vec<Trouble>,
}

/// Where a comparison ran.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// The processor's name, where the operating system tells it.
    pub cpu: Option<String>,
    /// Processors that this process may use.
    pub cores: usize,
    /// The operating system.
    pub os: String,
    /// The processor's architecture.
    pub arch: String,
    /// Whether the compiler optimized: times of a debug build say nothing.
    pub optimized: bool,
}

/// How a comparison measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Method {
    /// In words.
    pub text: String,
    /// The most rounds of a cell.
    pub rounds: u32,
    /// Rounds before the measured ones.
    pub warm_up: u32,
    /// The cookie's name, which counts towards its size.
    pub cookie_name: String,
    /// The most bytes of a cookie's name and value.
    pub cookie_limit: usize,
    /// The same before the automatic strategy moves a session to the store.
    pub budget: usize,
    /// The idle timeout, in seconds.
    pub idle_seconds: u64,
    /// The absolute timeout, in seconds.
    pub absolute_seconds: u64,
    /// What reading the clock takes. It is in every time, and not subtracted.
    pub clock_nanos: f64,
    /// The stores, in the order in which they were given.
    pub stores: Vec<String>,
}

/// A strategy that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// The session in the cookie: `Strategy::CookieOnly`.
    Cookie,
    /// The session in a store, a reference in the cookie: `Strategy::StoreOnly`.
    Store,
    /// In the cookie while it fits, in the store while it does not: `Strategy::Auto`.
    Automatic,
}

impl Way {
    /// As the report spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cookie => "cookie",
            Self::Store => "store",
            Self::Automatic => "automatic",
        }
    }
}

/// Where a session was found to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lives {
    /// In the cookie.
    Cookie,
    /// In the store.
    Store,
}

/// One sample by every strategy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleReport {
    /// Its name.
    pub name: String,
    /// Its size as JSON, if it came as JSON.
    pub json_bytes: Option<usize>,
    /// Its size in postcard, which is what is sealed.
    pub encoded_bytes: usize,
    /// What its cookie comes to, whether it fits or not.
    pub cookie: CookieFit,
    /// One entry for the cookie, and one for each store by each of the other strategies.
    pub ways: Vec<WayReport>,
}

/// Whether a session fits its cookie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CookieFit {
    /// Bytes of name and value, at the smallest that was tried.
    pub cookie_bytes: usize,
    /// The most that browsers keep.
    pub limit: usize,
    /// Whether it fits.
    pub fits: bool,
    /// Bytes that are left.
    pub spare: usize,
    /// Whether it fits only because it is compressed.
    pub compressed: bool,
}

/// One sample by one strategy with one store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WayReport {
    /// The strategy.
    pub way: Way,
    /// The store; `None` for the cookie alone.
    pub store: Option<String>,
    /// Where the session was found to live.
    pub lives: Lives,
    /// Characters of the cookie's value.
    pub value_bytes: usize,
    /// The request's line `Cookie: name=value`, its end included.
    pub request_header_bytes: usize,
    /// The line `Set-Cookie: …` of the response that begins the session.
    pub first_response_header_bytes: usize,
    /// The same of a response that changes the session: 0 where it sets none.
    pub change_response_header_bytes: usize,
    /// Calls of the store per request, counted.
    pub round_trips: PerRequest,
    /// Bytes of the sealed record that the store was given; 0 without one.
    pub record_bytes: usize,
    /// Bytes that the store takes for it, where the store can be asked.
    pub at_rest_bytes: Option<f64>,
    /// A request that reads: open, and load.
    pub read: Option<Latency>,
    /// A request that changes something: the same, then seal, and save.
    pub change: Option<Latency>,
    /// Sealing alone, of a session in the cookie.
    pub seal: Option<Latency>,
    /// Opening alone, of a session in the cookie.
    pub open: Option<Latency>,
    /// Inside the store, of a request that reads.
    pub load: Option<Latency>,
    /// Inside the store, of a request that changes: its last call.
    pub save: Option<Latency>,
    /// Requests that one core does in a second, one after the other. Waiting for a remote
    /// store does not count as work.
    pub per_core: Option<PerRequest>,
    /// Allocations, where they were counted.
    pub allocations: Option<Allocated>,
}

/// Something of a request that reads, and of one that changes the session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerRequest {
    /// Of a request that reads.
    pub read: f64,
    /// Of a request that changes the session.
    pub change: f64,
}

/// Allocations of a request that reads, and of one that changes the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allocated {
    /// Of a request that reads.
    pub read: Allocations,
    /// Of a request that changes the session.
    pub change: Allocations,
}

/// What an operation allocated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allocations {
    /// How often.
    pub count: u64,
    /// How many bytes in all.
    pub bytes: u64,
}

/// How long something takes, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// The median of the rounds' medians.
    pub p50: f64,
    /// The 99th percentile of all requests.
    pub p99: f64,
    /// The 10th percentile of the rounds' medians: with `high`, the spread.
    pub low: f64,
    /// The 90th percentile of the rounds' medians.
    pub high: f64,
    /// Measured rounds.
    pub rounds: usize,
    /// Requests in all of them.
    pub requests: usize,
}

/// Payloads from small to large.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// What the payloads are made of.
    pub payload: String,
    /// Smallest first.
    pub points: Vec<SweepPoint>,
    /// Where the strategies cross, each found by search.
    pub crossings: Vec<Crossing>,
}

/// One size of payload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepPoint {
    /// Bytes of the payload.
    pub payload_bytes: usize,
    /// By each strategy that can carry it.
    pub ways: Vec<SweepWay>,
}

/// One size of payload by one strategy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepWay {
    /// The strategy.
    pub way: Way,
    /// The store; `None` for the cookie alone.
    pub store: Option<String>,
    /// Where the session was found to live.
    pub lives: Lives,
    /// The request's line `Cookie: name=value`, its end included.
    pub request_header_bytes: usize,
    /// A request that reads.
    pub read: Option<Latency>,
    /// A request that changes the session.
    pub change: Option<Latency>,
    /// Calls of the store per request, counted.
    pub round_trips: PerRequest,
}

/// A size of payload at which something changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crossing {
    /// What changes there.
    pub kind: CrossingKind,
    /// The store that it was found with; `None` where it does not depend on one.
    pub store: Option<String>,
    /// Bytes of the payload; `None` where the search found none.
    pub payload_bytes: Option<usize>,
    /// The same in words.
    pub text: String,
}

/// What changes at a [`Crossing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CrossingKind {
    /// The most that a cookie carries of what does not compress.
    CookieHolds,
    /// The most that a cookie carries of what repeats itself.
    CookieHoldsCompressed,
    /// The most that the automatic strategy keeps in the cookie.
    AutomaticMoves,
    /// From here on the cookie is longer than a reference to a store.
    CookieIsLonger,
    /// From here on the store answers sooner, with the load's round trip and uplink.
    StoreIsFaster,
}

/// Something that could not be measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trouble {
    /// Which sample, if it is about one.
    pub sample: Option<String>,
    /// Which strategy, if it is about one.
    pub way: Option<Way>,
    /// Which store, if it is about one.
    pub store: Option<String>,
    /// Whose doing it is.
    pub kind: TroubleKind,
    /// What happened, without session data and without passwords.
    pub text: String,
}

/// Whose doing a [`Trouble`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TroubleKind {
    /// The session cannot be kept that way: it is too large, or cannot be encoded.
    Session,
    /// The store did not answer, or failed.
    Environment,
}
