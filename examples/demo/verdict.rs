//! What the server decided, and why, in words. A real application shows its visitors
//! neither: it counts the category and logs the reason.

use sealed_session::{
    OpenErrorKind,
    manager::{InvalidKind, Place, SessionError},
};
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct Verdict {
    tone: Tone,
    /// A short stable name.
    category: String,
    why: String,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum Tone {
    Good,
    Bad,
    /// Neither: nothing was presented, or the store is down.
    Open,
}

impl Verdict {
    pub(crate) fn nothing() -> Self {
        Self::new(
            Tone::Open,
            "nothing",
            "The browser sent no session cookie, so there is no session, and none is begun until something is put into it.",
        )
    }

    pub(crate) fn valid(place: Place, is_superseded: bool) -> Self {
        let mut why = match place {
            Place::Store => "The cookie holds a sealed reference. The row it names was loaded from the store and opened with the key and the handle together.",
            _ => "The cookie opened and nothing in it was touched. The session itself is in it: no store was asked for data.",
        }
        .to_owned();
        if is_superseded {
            why.push_str(" It is sealed under a key that only opens by now; the next page load or change seals it under the new one.");
        }
        Self::new(Tone::Good, "valid", &why)
    }

    /// `reason` is the rule that was broken, where there is one.
    pub(crate) fn refused(kind: InvalidKind, reason: Option<&str>) -> Self {
        let mut why = match kind {
            InvalidKind::Token(kind) => refused_token(kind),
            InvalidKind::Revoked => "The token is genuine and not expired, but its session, or all sessions of its user, stand on the list of what has ended. A copy of a cookie is worth nothing after that.",
            InvalidKind::Gone => "The reference is genuine, but the store holds no such row any more, or not under this handle.",
            InvalidKind::Ambiguous => "Several valid cookies of different sessions came, and which one is meant cannot be told.",
            _ => "It was not accepted.",
        }
        .to_owned();
        if let Some(reason) = reason {
            why.push_str(" For the log: ");
            why.push_str(reason);
            why.push('.');
        }
        why.push_str(
            " The server goes on as if there were no cookie, and leaves the cookie alone.",
        );
        Self::new(Tone::Bad, &kind.to_string(), &why)
    }

    pub(crate) fn failed(error: &SessionError) -> Self {
        let (tone, category, why) = match error {
            SessionError::Unavailable(_) => (
                Tone::Open,
                "unavailable",
                "503: the store does not answer, and without it this cannot be decided or done. That is no logout: the cookie stays, and works again when the store does.",
            ),
            SessionError::NoStore => (
                Tone::Open,
                "no-store",
                "503: this session is in a store, and none is configured.",
            ),
            SessionError::Conflict => (
                Tone::Bad,
                "conflict",
                "409: another request changed this session first, or it has moved on from the cookie that was presented. Nothing was overwritten.",
            ),
            SessionError::Gone => (
                Tone::Bad,
                "gone",
                "409: the session ended while the request was under way. What ended does not come back.",
            ),
            SessionError::Invalid(kind) => return Self::refused(*kind, None),
            SessionError::Seal(_) => (
                Tone::Bad,
                "too-large",
                "413: it does not fit, so nothing was sent, and the browser keeps the cookie that it has.",
            ),
            _ => (Tone::Bad, "error", "500: the session could not be saved."),
        };
        let mut why = why.to_owned();
        if let SessionError::Seal(error) = error {
            why.push_str(" For the log: ");
            why.push_str(&error.to_string());
            why.push('.');
        }
        Self::new(tone, category, &why)
    }

    fn new(tone: Tone, category: &str, why: &str) -> Self {
        Self {
            tone,
            category: category.to_owned(),
            why: why.to_owned(),
        }
    }
}

fn refused_token(kind: OpenErrorKind) -> &'static str {
    match kind {
        OpenErrorKind::WrongSuite => {
            "The first byte names another suite. A token does not choose how it is opened, so it was refused before any cryptography."
        }
        OpenErrorKind::UnknownKey => {
            "The key id names no key that opens. It was refused after looking at 24 characters, before any cryptography."
        }
        OpenErrorKind::NotAuthentic => {
            "The tag does not prove these bytes: they were altered, or sealed for another application or cookie."
        }
        OpenErrorKind::ExpiredIdle => {
            "It is genuine, but was not used for longer than the idle timeout, which is sealed inside it."
        }
        OpenErrorKind::ExpiredAbsolute => {
            "It is genuine, but its session began longer ago than the absolute timeout allows, however busy it was."
        }
        OpenErrorKind::NotYetValid => {
            "It is genuine, but was issued in the future, by more than clocks may disagree."
        }
        OpenErrorKind::Malformed | OpenErrorKind::Absent | OpenErrorKind::TooLarge => {
            "It is not the text of a token at all."
        }
        OpenErrorKind::WrongKind => "It is genuine, but of a kind that is not accepted here.",
        OpenErrorKind::Schema => {
            "It is genuine, but of another version of the application, and could not be migrated."
        }
        _ => "It was not accepted.",
    }
}
