//! What was recorded elsewhere: in a browser, and with Express.
//!
//! Some claims are about browsers or about another server. They are run by the project's
//! own checks, and what came out is kept in files (`tests/evidence/`) with the version and
//! the command, so that anybody can run them again. These are the shapes of the files.

use serde::{Deserialize, Serialize};

/// What is known from elsewhere.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Recorded {
    /// What browsers do.
    pub browser: Option<Browser>,
    /// What Express does.
    pub express: Option<Express>,
}

impl Recorded {
    /// Nothing: the rows that need a record say that there is none.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// With what a browser did.
    #[must_use]
    pub fn with_browser(mut self, browser: Browser) -> Self {
        self.browser = Some(browser);
        self
    }

    /// With what Express did.
    #[must_use]
    pub fn with_express(mut self, express: Express) -> Self {
        self.express = Some(express);
        self
    }

    /// What a browser did about that claim.
    pub(super) fn in_browser(&self, claim: &str) -> Option<(&Browser, &BrowserClaim)> {
        let browser = self.browser.as_ref()?;
        let found = browser.claims.iter().find(|known| known.claim == claim)?;
        Some((browser, found))
    }

    /// What Express did about that claim.
    pub(super) fn in_express(&self, claim: &str) -> Option<(&Express, &ExpressClaim)> {
        let express = self.express.as_ref()?;
        let found = express.claims.iter().find(|known| known.claim == claim)?;
        Some((express, found))
    }
}

/// `tests/evidence/browser.json`: what a browser did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Browser {
    /// The version of this shape: 1.
    pub schema: u32,
    /// The browser and its whole version: `Chromium 156.0.…`.
    pub browser: String,
    /// The command that records this file again, from the project's folder.
    pub command: String,
    /// The day of the record: `2026-11-22`.
    pub recorded: String,
    /// One entry per row of the table that a browser has to answer.
    pub claims: Vec<BrowserClaim>,
}

/// What a browser did about one claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrowserClaim {
    /// The id of the row: `size-limit`, `browser-close`.
    pub claim: String,
    /// What was run, in a sentence.
    pub run: String,
    /// What was seen with a session in the cookie.
    pub cookie: String,
    /// What was seen with a session in a store.
    pub store: String,
    /// What was seen with the automatic strategy.
    pub automatic: String,
    /// Whether the claim was found to hold as it is made.
    pub verdict: RecordedVerdict,
    /// Why the verdict is what it is, in a sentence.
    pub because: String,
}

/// `tests/evidence/express.json`: what Express did with the same sessions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Express {
    /// The version of this shape: 1.
    pub schema: u32,
    /// Node.js and its version.
    pub node: String,
    /// The packages with their versions: `express-session 1.…`.
    pub packages: Vec<String>,
    /// The command that records this file again, from the project's folder.
    pub command: String,
    /// The day of the record: `2026-11-22`.
    pub recorded: String,
    /// The processor's name and the number of cores that it ran on.
    pub machine: String,
    /// Sizes and speed, one row per sample and package.
    pub measured: Vec<ExpressMeasured>,
    /// What it did, one entry per row of the table that it has an answer to.
    pub claims: Vec<ExpressClaim>,
}

/// One sample kept by one package of Express.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpressMeasured {
    /// The sample's name.
    pub sample: String,
    /// The package, and where it keeps sessions: `express-session, Redis`.
    pub package: String,
    /// Bytes of name and value, in the `Set-Cookie` that it sent.
    pub cookie_bytes: usize,
    /// Whether a browser keeps it: name and value at most 4096 bytes.
    pub fits: bool,
    /// Bytes that its store was given; `None` for a session in the cookie.
    pub stored_bytes: Option<usize>,
    /// Requests per second that read the session, the median of the rounds.
    pub reads_per_second: f64,
    /// Requests per second that change the session, the median of the rounds.
    pub changes_per_second: f64,
}

/// What Express did about one claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpressClaim {
    /// The id of the row: `middleware`, `readable`, `restart`, `logout`, `size-limit`.
    pub claim: String,
    /// What was run, in a sentence.
    pub run: String,
    /// What cookie-session did: the session in the cookie.
    pub cookie: String,
    /// What express-session did with its store in memory.
    pub memory: String,
    /// What express-session did with Redis.
    pub redis: String,
    /// Whether the claim was found to hold as it is made.
    pub verdict: RecordedVerdict,
    /// Why the verdict is what it is, in a sentence.
    pub because: String,
}

/// Whether a claim held, as recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordedVerdict {
    /// As it is made.
    Holds,
    /// With conditions that it does not name.
    HoldsInPart,
    /// Not.
    DoesNotHold,
}
