//! What can go wrong with a token, told three ways: nothing to the client, a category to
//! the application, the exact reason to the log. No error carries a secret or session data.

use core::fmt;

use crate::random::RandomError;

/// A token that was not accepted.
///
/// Its [`Display`](fmt::Display) is the same for every failure, so that it can be shown
/// to anybody (ASVS 16.5.1). Count [`kind`](Self::kind), log [`reason`](Self::reason).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OpenError {
    kind: OpenErrorKind,
    reason: &'static str,
}

impl OpenError {
    pub(crate) const fn new(kind: OpenErrorKind, reason: &'static str) -> Self {
        Self { kind, reason }
    }

    /// The category, for decisions and counters.
    #[must_use]
    pub const fn kind(&self) -> OpenErrorKind {
        self.kind
    }

    /// The exact rule that was broken, for the log only. It never contains a secret.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        self.reason
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no valid session")
    }
}

impl fmt::Debug for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenError({}: {})", self.kind, self.reason)
    }
}

impl core::error::Error for OpenError {}

/// Why a token was not accepted, in categories that an operator can count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum OpenErrorKind {
    /// There was nothing to open: an empty value.
    Absent,
    /// Not the text or the bytes of an SSC1 token.
    Malformed,
    /// A token of another suite, such as a signed one where encrypted ones are expected.
    WrongSuite,
    /// A token of another kind, such as a reference where no store is configured.
    WrongKind,
    /// Sealed under a key that the ring does not hold, or no longer opens with.
    UnknownKey,
    /// Altered, or sealed for another context, cookie name or associated data. These
    /// cannot be told apart, by design.
    NotAuthentic,
    /// Unused for longer than the idle timeout (ASVS 7.3.1).
    ExpiredIdle,
    /// Older than the absolute timeout (ASVS 7.3.2).
    ExpiredAbsolute,
    /// Issued in the future by more than the tolerance for clock skew.
    NotYetValid,
    /// Longer than any token may be, or inflating to more than is allowed.
    TooLarge,
    /// Authentic, but not the session type that was asked for, and not migrated.
    Schema,
    /// Authentic and alive, but written by a newer version of the format or of the session
    /// type. Handle it like an outage: another server can read it, so neither clear nor
    /// replace it.
    Unsupported,
}

impl OpenErrorKind {
    /// A short stable name for metrics: `expired-idle`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Malformed => "malformed",
            Self::WrongSuite => "wrong-suite",
            Self::WrongKind => "wrong-kind",
            Self::UnknownKey => "unknown-key",
            Self::NotAuthentic => "not-authentic",
            Self::ExpiredIdle => "expired-idle",
            Self::ExpiredAbsolute => "expired-absolute",
            Self::NotYetValid => "not-yet-valid",
            Self::TooLarge => "too-large",
            Self::Schema => "schema",
            Self::Unsupported => "unsupported",
        }
    }
}

impl fmt::Display for OpenErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A session that could not be sealed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The cookie would be longer than its limit. Keep less in the session, or configure
    /// a store for what does not fit.
    #[error("the session needs a cookie of {size} bytes (name and value), the limit is {limit}")]
    TooLarge {
        /// Bytes of name and value at the smallest that was tried.
        size: usize,
        /// Bytes of name and value that are allowed.
        limit: usize,
    },
    /// The session is longer than the records of its store may be.
    #[error("the session takes {size} bytes, the limit for a stored one is {limit}")]
    RecordTooLarge {
        /// Bytes of the session in postcard.
        size: usize,
        /// Bytes that are allowed.
        limit: usize,
    },
    /// The session type cannot be written in postcard: `serde(untagged)`,
    /// `serde(flatten)` and `serde_json::Value` are the usual causes.
    #[error("the session type cannot be encoded: {0}")]
    Encode(&'static str),
    /// What was written does not read back as it was (checked in debug builds):
    /// `serde(skip_serializing_if)` is the usual cause.
    #[error(
        "the session type does not survive a round trip; look for serde(untagged), serde(flatten), serde(skip_serializing_if)"
    )]
    NotRoundTrip,
    /// No key of the ring may seal at this instant.
    #[error("no key of the ring may seal now")]
    NoSealingKey,
    /// The policy has no such lifetime class.
    #[error("the policy has no lifetime class {0}")]
    UnknownClass(u8),
    /// The session has reached its absolute timeout.
    #[error("the session is past its absolute timeout")]
    Expired,
    /// The session begins further in the future than clocks may disagree.
    #[error("the session begins in the future")]
    NotYetValid,
    /// No fresh randomness, no token.
    #[error(transparent)]
    Random(#[from] RandomError),
}
