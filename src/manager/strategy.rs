//! Where sessions may live, and what happens when they cannot be had.

use crate::time::Timestamp;

/// Where sessions live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Strategy {
    /// In the cookie while they fit, in the store while they do not: the default with a
    /// store.
    Auto,
    /// In the cookie; what does not fit is an error: the default without a store.
    CookieOnly,
    /// In the store, from the first byte.
    StoreOnly {
        /// Until when sessions in the cookie are still accepted, for the time after a
        /// change from another strategy.
        accept_inline_until: Option<Timestamp>,
    },
}

/// Where a session lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Place {
    /// It has not begun.
    Nowhere,
    /// In the cookie.
    Cookie,
    /// In the store.
    Store,
}

/// What to do with a cookie that is not accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnInvalid {
    /// Go on without a session, as if there were no cookie.
    #[default]
    Anonymous,
    /// Fail with [`SessionError::Invalid`](super::SessionError::Invalid).
    Refuse,
}

/// What to do when the store does not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnUnavailable {
    /// Fail with [`SessionError::Unavailable`](super::SessionError::Unavailable).
    #[default]
    Refuse,
    /// Show the page as to somebody without a session, for pages that anybody may see. The
    /// cookie is left as it is, and a change of the session fails.
    AnonymousReadOnly,
}
