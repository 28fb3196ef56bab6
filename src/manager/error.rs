//! Why a session could not be read or saved.

use core::fmt;

use crate::{
    error::{OpenErrorKind, SealError},
    store::StoreError,
};

/// A session that could not be read or saved. The response must fail with it: to go on
/// would show a logged-out page to somebody who is logged in, or lose what they did.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The store does not answer. Neither a logout nor a cleared cookie: answer with 503
    /// and let the client try again.
    #[error("the session is unavailable")]
    Unavailable(#[source] StoreError),
    /// The cookie refers to a store, and none is configured.
    #[error("the session is in a store, and none is configured")]
    NoStore,
    /// A newer version of the format or of the session type wrote the session, as during a
    /// deploy. Another server can read it, so this is answered like an outage: 503, and the
    /// cookie stays as it is.
    #[error("a newer version wrote the session")]
    Unsupported,
    /// Another request changed the session in the meantime, and no merge hook could join
    /// the two. Answer with 409, or 503, and let the client try again.
    #[error("the session was changed by another request")]
    Conflict,
    /// The session ended while the request was under way: by a logout, a revocation, or its
    /// absolute timeout.
    #[error("the session ended while the request was under way")]
    Gone,
    /// The cookie is not valid, and the manager was told to refuse such requests.
    #[error("no valid session")]
    Invalid(InvalidKind),
    /// The session was changed after its response's headers were made, from a streaming
    /// body say: too late to be saved.
    #[error("the session's headers have been sent already")]
    TooLate,
    /// The session does not fit: the error names its size and the limit.
    #[error(transparent)]
    Seal(SealError),
}

impl SessionError {
    /// The HTTP status that fits: 409 for conflicts, 413 for too large, 401 for an
    /// invalid cookie that is to be refused, 500 for what cannot be sealed, and 503
    /// otherwise.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Conflict | Self::Gone => 409,
            Self::Invalid(_) => 401,
            Self::Seal(SealError::TooLarge { .. } | SealError::RecordTooLarge { .. }) => 413,
            Self::Seal(_) | Self::TooLate => 500,
            Self::Unavailable(_) | Self::NoStore | Self::Unsupported => 503,
        }
    }

    /// A line for the client that tells no more than the status does (ASVS 16.5.1).
    #[must_use]
    pub fn client_message(&self) -> &'static str {
        match self.status() {
            401 => "no valid session",
            409 => "the session was changed by another request; please try again",
            413 => "the session is too large",
            503 => "the session is unavailable; please try again",
            _ => "internal error",
        }
    }
}

impl From<SealError> for SessionError {
    fn from(error: SealError) -> Self {
        match error {
            // It was alive when the request began.
            SealError::Expired => Self::Gone,
            error => Self::Seal(error),
        }
    }
}

impl From<StoreError> for SessionError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error)
    }
}

impl From<crate::random::RandomError> for SessionError {
    fn from(error: crate::random::RandomError) -> Self {
        Self::Seal(error.into())
    }
}

/// What was in the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented {
    /// No cookie of that name.
    Nothing,
    /// A session that is valid now.
    Valid,
    /// A cookie that was not accepted. To the client the same as none.
    Invalid(InvalidKind),
    /// A session that cannot be read now, where the manager was told to go on without.
    Unavailable,
}

/// Why a cookie was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InvalidKind {
    /// The token did not open.
    Token(OpenErrorKind),
    /// The session or its user's sessions were revoked.
    Revoked,
    /// The store has no such session any more, or not under this reference.
    Gone,
    /// Several valid cookies of different sessions, and no way to tell which is meant.
    Ambiguous,
}

impl fmt::Display for InvalidKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Token(kind) => kind.as_str(),
            Self::Revoked => "revoked",
            Self::Gone => "gone",
            Self::Ambiguous => "ambiguous",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::store::StoreErrorKind;

    #[test]
    fn a_client_is_told_the_status_and_nothing_of_the_reason() {
        let kinds = [
            OpenErrorKind::Absent,
            OpenErrorKind::Malformed,
            OpenErrorKind::TooLarge,
            OpenErrorKind::WrongSuite,
            OpenErrorKind::UnknownKey,
            OpenErrorKind::NotAuthentic,
            OpenErrorKind::NotYetValid,
            OpenErrorKind::ExpiredIdle,
            OpenErrorKind::ExpiredAbsolute,
            OpenErrorKind::WrongKind,
            OpenErrorKind::Schema,
            OpenErrorKind::Unsupported,
        ];
        let invalid = kinds.into_iter().map(InvalidKind::Token);
        let invalid = invalid.chain([
            InvalidKind::Revoked,
            InvalidKind::Gone,
            InvalidKind::Ambiguous,
        ]);
        let unavailable = [
            StoreErrorKind::Unreachable,
            StoreErrorKind::Full,
            StoreErrorKind::Failed,
        ];
        let unavailable = unavailable
            .into_iter()
            .map(|kind| StoreError::new(kind, "postgres at db7 refused the password"));
        let sealing = [
            SealError::TooLarge {
                size: 4_711,
                limit: 4_096,
            },
            SealError::RecordTooLarge {
                size: 4_711,
                limit: 4_096,
            },
            SealError::NotRoundTrip,
            SealError::NoSealingKey,
            SealError::NotYetValid,
            SealError::UnknownClass(3),
            SealError::Encode("postcard does not support this type"),
            crate::random::RandomError.into(),
        ];
        let all: Vec<SessionError> = invalid
            .map(SessionError::Invalid)
            .chain(unavailable.map(SessionError::Unavailable))
            .chain(sealing.map(SessionError::Seal))
            .chain([
                SessionError::NoStore,
                SessionError::Unsupported,
                SessionError::Conflict,
                SessionError::Gone,
                SessionError::TooLate,
            ])
            .collect();

        let mut told: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
        for error in &all {
            let messages = told.entry(error.status()).or_default();
            messages.push(error.client_message());
        }
        let counts: Vec<_> = told
            .iter()
            .map(|(status, all)| (*status, all.len()))
            .collect();
        assert_eq!(counts, [(401, 15), (409, 2), (413, 2), (500, 7), (503, 5)]);
        for messages in told.values_mut() {
            messages.dedup();
            assert_eq!(messages.len(), 1, "{messages:?}");
        }
        let texts: Vec<_> = told.into_values().flatten().collect();
        for detail in [
            "4711", "4096", "postgres", "revoked", "expired", "key", "store",
        ] {
            assert!(texts.iter().all(|text| !text.contains(detail)), "{texts:?}");
        }
    }

    #[test]
    fn each_status_has_its_line_for_the_client_and_each_reason_its_word_for_the_log() {
        let invalid = SessionError::Invalid(InvalidKind::Gone);
        let too_large = SessionError::Seal(SealError::TooLarge { size: 2, limit: 1 });
        for (error, line) in [
            (invalid, "no valid session"),
            (
                SessionError::Conflict,
                "the session was changed by another request; please try again",
            ),
            (too_large, "the session is too large"),
            (
                SessionError::NoStore,
                "the session is unavailable; please try again",
            ),
            (SessionError::TooLate, "internal error"),
        ] {
            assert_eq!(error.client_message(), line);
        }
        let expired = InvalidKind::Token(OpenErrorKind::ExpiredIdle);
        assert_eq!(expired.to_string(), OpenErrorKind::ExpiredIdle.as_str());
        assert_eq!(InvalidKind::Revoked.to_string(), "revoked");
        assert_eq!(InvalidKind::Gone.to_string(), "gone");
        assert_eq!(InvalidKind::Ambiguous.to_string(), "ambiguous");
    }
}
