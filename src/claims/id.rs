//! Ids of sessions and users (SPEC section 4).

use core::fmt;

use crate::crypto::sha256;

/// The 16 random bytes that a session is sealed under. They never leave the token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Sid(pub(crate) [u8; 16]);

impl Sid {
    /// `SHA-256("SSC1/store-id" 0x00 || sid)`
    pub(crate) fn public(self) -> SessionId {
        SessionId(sha256(&[b"SSC1/store-id\0", &self.0]))
    }
}

/// As the public id.
impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.public().fmt(f)
    }
}

/// A session's public id: the same for every token of the session, and the key of its row.
///
/// It is a hash of what stands in the token, so that it opens nothing. Applications may
/// store it, and revoke the session by it later. `Debug` and [`log_id`](Self::log_id) show
/// its first 8 bytes (ASVS 16.2.5).
///
/// ```
/// use sealed_session::claims::SessionId;
///
/// let stored = [0xab; 32]; // for example from a table of logins
/// let id = SessionId::from_bytes(stored);
/// assert_eq!(id.log_id(), "abababababababab");
/// assert_eq!(id.as_bytes(), &stored);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId([u8; 32]);

impl SessionId {
    /// The id of these bytes, which [`as_bytes`](Self::as_bytes) gave.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes, for storing them.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A name for logs: the first 8 bytes in hexadecimal.
    #[must_use]
    pub fn log_id(&self) -> String {
        let (short, _) = self.0.split_first_chunk().unwrap_or((&[0; 8], &[]));
        format!("{:016x}", u64::from_be_bytes(*short))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({})", self.log_id())
    }
}

/// A hash of a user id, by which all sessions of one user can be ended at once (SPEC
/// section 4). The user id itself stands in no token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subject(pub(crate) [u8; 16]);

impl Subject {
    /// `SHA-256("SSC1/subject" 0x00 || u16(len ctx) || ctx || user id)[0..16]`
    pub(crate) fn of(context: &str, user_id: &[u8]) -> Self {
        let len = u16::try_from(context.len()).unwrap_or(u16::MAX);
        let hash = sha256(&[
            b"SSC1/subject\0",
            &len.to_be_bytes(),
            context.as_bytes(),
            user_id,
        ]);
        Self(*hash.first_chunk().unwrap_or(&[0; 16]))
    }

    /// The 16 bytes as they stand in a token.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subject(")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_the_specification() {
        let id = Sid(core::array::from_fn(|n| u8::try_from(n).unwrap())).public();
        assert_eq!(id.log_id(), "bb8b13f56c4da2a1");
        assert!(id.as_bytes().ends_with(&[0xba, 0xfb, 0x95, 0x05, 0x81]));
        let subject = Subject::of("example.com", b"42");
        assert!(format!("{subject:?}").starts_with("Subject(9f98ab0a781e8c11"));
        assert_eq!(SessionId::from_bytes(*id.as_bytes()), id);
    }

    #[test]
    fn debug_shows_no_raw_session_id() {
        let sid = Sid(*b"0123456789abcdef");
        assert_eq!(format!("{sid:?}"), format!("{:?}", sid.public()));
        assert_eq!(
            format!("{sid:?}"),
            format!("SessionId({})", sid.public().log_id())
        );
    }
}
