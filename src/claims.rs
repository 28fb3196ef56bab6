//! What every token says about its session (SPEC section 4).

use core::fmt;

use crate::time::Timestamp;

mod extensions;
mod id;

pub use id::{SessionId, Subject};

pub(crate) use extensions::Extensions;
pub(crate) use id::Sid;

/// Length of claims without a subject and extensions.
pub(crate) const MIN_LEN: usize = 33;

/// The authenticated facts that travel with every session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Claims {
    pub(crate) kind: Kind,
    pub(crate) deflated: bool,
    pub(crate) padded: bool,
    pub(crate) class: LifetimeClass,
    pub(crate) created: Timestamp,
    pub(crate) issued: Timestamp,
    pub(crate) expires: Timestamp,
    pub(crate) sid: Sid,
    pub(crate) schema: u16,
    pub(crate) shape: u16,
    pub(crate) subject: Option<Subject>,
    pub(crate) extensions: Extensions,
}

impl Claims {
    /// What the body is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether the body is compressed.
    #[must_use]
    pub const fn is_deflated(&self) -> bool {
        self.deflated
    }

    /// Whether the body is padded to a size class.
    #[must_use]
    pub const fn is_padded(&self) -> bool {
        self.padded
    }

    /// The lifetime class, such as remember-me.
    #[must_use]
    pub const fn class(&self) -> LifetimeClass {
        self.class
    }

    /// When the session began: the anchor of its absolute timeout.
    #[must_use]
    pub const fn created(&self) -> Timestamp {
        self.created
    }

    /// When this token was issued: the anchor of its idle timeout.
    #[must_use]
    pub const fn issued(&self) -> Timestamp {
        self.issued
    }

    /// When this token expires at the latest, as decided when it was issued.
    #[must_use]
    pub const fn expires(&self) -> Timestamp {
        self.expires
    }

    /// The session's public id.
    #[must_use]
    pub fn session_id(&self) -> SessionId {
        self.sid.public()
    }

    /// The application's version of its session type.
    #[must_use]
    pub const fn schema(&self) -> u16 {
        self.schema
    }

    /// The hash of the session type's shape; 0 where it is unknown, and in references.
    #[must_use]
    pub const fn shape(&self) -> u16 {
        self.shape
    }

    /// Whose session it is, after a login.
    #[must_use]
    pub const fn subject(&self) -> Option<Subject> {
        self.subject
    }

    /// The fields preserved when the session is re-issued.
    #[must_use]
    pub const fn identity(&self) -> Identity {
        Identity {
            sid: self.sid,
            created: self.created,
            class: self.class,
            subject: self.subject,
            extensions: self.extensions,
        }
    }

    /// The bytes that these claims take in a token: 33 without a subject and extensions.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let subject = if self.subject.is_some() { 16 } else { 0 };
        MIN_LEN
            .saturating_add(subject)
            .saturating_add(self.extensions.len())
    }

    /// The first byte.
    pub(crate) fn flags(&self) -> u8 {
        self.kind as u8
            | u8::from(self.deflated) << 2
            | u8::from(self.padded) << 3
            | u8::from(self.subject.is_some()) << 4
            | self.class.0 << 5
            | u8::from(self.extensions != Extensions::default()) << 7
    }

    /// Appends the claims, which take [`encoded_len`](Self::encoded_len) bytes.
    pub(crate) fn append(&self, out: &mut Vec<u8>) {
        out.reserve(self.encoded_len());
        out.push(self.flags());
        for time in [self.created, self.issued, self.expires] {
            out.extend_from_slice(&time.unix_seconds().to_be_bytes());
        }
        out.extend_from_slice(&self.sid.0);
        for number in [self.schema, self.shape] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        if let Some(subject) = &self.subject {
            out.extend_from_slice(&subject.0);
        }
        self.extensions.append(out);
    }

    /// Reads claims from the start of `bytes`.
    ///
    /// # Errors
    /// The rule that is broken.
    pub(crate) fn read(bytes: &[u8]) -> Result<Read<'_>, &'static str> {
        const SHORT: &str = "claims are cut short";
        let ([flags], rest) = take::<1>(bytes).ok_or(SHORT)?;
        let (created, rest) = take::<4>(rest).ok_or(SHORT)?;
        let (issued, rest) = take::<4>(rest).ok_or(SHORT)?;
        let (expires, rest) = take::<4>(rest).ok_or(SHORT)?;
        let (sid, rest) = take::<16>(rest).ok_or(SHORT)?;
        let (schema, rest) = take::<2>(rest).ok_or(SHORT)?;
        let (shape, rest) = take::<2>(rest).ok_or(SHORT)?;
        let (subject, rest) = if flags & 0x10 == 0 {
            (None, rest)
        } else {
            let (subject, rest) = take::<16>(rest).ok_or(SHORT)?;
            (Some(Subject(subject)), rest)
        };
        let time = |bytes| Timestamp::from_unix_seconds(u32::from_be_bytes(bytes));
        let (created, issued, expires) = (time(created), time(issued), time(expires));
        if created > issued || issued > expires {
            return Err("created, issued and expires are not in order");
        }
        let (extensions, unknown_extension, body) = if flags & 0x80 == 0 {
            (Extensions::default(), false, rest)
        } else {
            Extensions::read(rest)?
        };
        let (kind, unknown_kind) = match flags & 0x03 {
            0 => (Kind::Inline, false),
            1 => (Kind::Reference, false),
            2 => (Kind::Record, false),
            _ => (Kind::Inline, true),
        };
        if extensions.stay.is_some() && kind != Kind::Inline {
            return Err("only an inline token says which stay it left");
        }
        if extensions.authenticated.is_some_and(|at| at <= created) {
            return Err("the last authentication is not after the beginning");
        }
        Ok(Read {
            claims: Self {
                kind,
                deflated: flags & 0x04 != 0,
                padded: flags & 0x08 != 0,
                class: LifetimeClass(flags >> 5 & 0x03),
                created,
                issued,
                expires,
                sid: Sid(sid),
                schema: u16::from_be_bytes(schema),
                shape: u16::from_be_bytes(shape),
                subject,
                extensions,
            },
            body,
            is_newer: unknown_kind || unknown_extension,
        })
    }
}

/// Claims that keep the rules of this version.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Read<'b> {
    pub(crate) claims: Claims,
    /// What follows them.
    pub(crate) body: &'b [u8],
    /// Whether a newer version wrote a kind or an extension that this one does not know. Of
    /// such a token only the times may be believed.
    pub(crate) is_newer: bool,
}

/// Times and flags; the session id only as its [`log_id`](SessionId::log_id).
impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims")
            .field("kind", &self.kind)
            .field("deflated", &self.deflated)
            .field("padded", &self.padded)
            .field("class", &self.class)
            .field("created", &self.created)
            .field("issued", &self.issued)
            .field("expires", &self.expires)
            .field("sid", &self.sid)
            .field("schema", &self.schema)
            .field("shape", &self.shape)
            .field("subject", &self.subject)
            .field("extensions", &self.extensions)
            .finish()
    }
}

/// What a token's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The session itself.
    Inline = 0,
    /// A handle to the session in a store.
    Reference = 1,
    /// The session as a store keeps it.
    Record = 2,
}

/// The fields preserved when a session is re-issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pub(crate) sid: Sid,
    pub(crate) created: Timestamp,
    pub(crate) class: LifetimeClass,
    pub(crate) subject: Option<Subject>,
    pub(crate) extensions: Extensions,
}

impl Identity {
    /// The session's public id.
    #[must_use]
    pub fn session_id(&self) -> SessionId {
        self.sid.public()
    }

    /// When the session began.
    #[must_use]
    pub const fn created(&self) -> Timestamp {
        self.created
    }

    /// The lifetime class.
    #[must_use]
    pub const fn class(&self) -> LifetimeClass {
        self.class
    }

    /// Whose session it is.
    #[must_use]
    pub const fn subject(&self) -> Option<Subject> {
        self.subject
    }

    /// With another lifetime class, such as remember-me.
    #[must_use]
    pub const fn with_class(mut self, class: LifetimeClass) -> Self {
        self.class = class;
        self
    }

    /// With a subject: the session of a user.
    #[must_use]
    pub const fn with_subject(mut self, subject: Subject) -> Self {
        self.subject = Some(subject);
        self
    }
}

/// Which of the policy's up to four lifetimes a session has; see
/// [`Policy::class`](crate::expiry::Policy::class).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LifetimeClass(pub(crate) u8);

impl LifetimeClass {
    /// The policy's first class, which every policy has.
    pub const DEFAULT: Self = Self(0);

    /// 0 to 3, as it stands in a token.
    #[must_use]
    pub const fn index(self) -> u8 {
        self.0
    }
}

fn take<const N: usize>(bytes: &[u8]) -> Option<([u8; N], &[u8])> {
    bytes
        .split_first_chunk::<N>()
        .map(|(head, rest)| (*head, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Claims {
        Claims {
            kind: Kind::Reference,
            deflated: true,
            padded: false,
            class: LifetimeClass(3),
            created: Timestamp::from_unix_seconds(1),
            issued: Timestamp::from_unix_seconds(2),
            expires: Timestamp::from_unix_seconds(3),
            sid: Sid(*b"0123456789abcdef"),
            schema: 0x0102,
            shape: 0x0304,
            subject: Some(Subject(*b"subject!!tcejbus")),
            extensions: Extensions::default(),
        }
    }

    fn bytes(claims: &Claims) -> Vec<u8> {
        let mut out = Vec::new();
        claims.append(&mut out);
        assert_eq!(out.len(), claims.encoded_len());
        out
    }

    #[test]
    fn claims_are_laid_out_as_specified() {
        let expected =
            b"\x75\0\0\0\x01\0\0\0\x02\0\0\0\x030123456789abcdef\x01\x02\x03\x04subject!!tcejbus";
        assert_eq!(bytes(&claims()), expected);
        let mut bare = claims();
        bare.subject = None;
        assert_eq!(bytes(&bare).len(), MIN_LEN);
        let mut extended = claims();
        extended.extensions.end = Some(Timestamp::from_unix_seconds(9));
        let extended = bytes(&extended);
        assert_eq!(extended[0], 0xf5);
        assert_eq!(extended[49..], *b"\x06\x03\x04\0\0\0\x09");
    }

    #[test]
    fn claims_round_trip_and_leave_the_rest() {
        let mut inline = claims();
        inline.kind = Kind::Inline;
        inline.subject = None;
        inline.extensions.stay = Some(7);
        for claims in [claims(), inline] {
            let mut bytes = bytes(&claims);
            bytes.extend(b"rest");
            let read = Read {
                claims,
                body: b"rest",
                is_newer: false,
            };
            assert_eq!(Claims::read(&bytes), Ok(read));
        }
    }

    #[test]
    fn claims_cut_anywhere_are_refused() {
        let mut claims = claims();
        claims.extensions.end = Some(Timestamp::MAX);
        let bytes = bytes(&claims);
        for len in 0..bytes.len() {
            assert!(Claims::read(&bytes[..len]).is_err(), "{len}");
        }
    }

    #[test]
    fn disordered_times_are_refused() {
        let good = bytes(&claims());
        let with = |position: usize, value: u8| {
            let mut bytes = good.clone();
            bytes[position] = value;
            Claims::read(&bytes).map(|_| ())
        };
        let disordered = Err("created, issued and expires are not in order");
        assert_eq!(with(4, 3), disordered);
        assert_eq!(with(8, 4), disordered);
        assert_eq!(with(8, 3), Ok(()));
    }

    #[test]
    fn a_kind_or_extension_of_a_newer_version_is_noticed() {
        let mut bytes = bytes(&claims());
        bytes[0] |= 0x03;
        assert!(Claims::read(&bytes).unwrap().is_newer);
        bytes[0] = bytes[0] & !0x03 | 0x80;
        bytes.extend([2, 5, 0]);
        assert!(Claims::read(&bytes).unwrap().is_newer);
    }

    #[test]
    fn extensions_that_contradict_the_claims_are_refused() {
        let refused = |change: &dyn Fn(&mut Claims)| {
            let mut claims = claims();
            change(&mut claims);
            Claims::read(&bytes(&claims)).is_err()
        };
        assert!(refused(&|claims| claims.extensions.stay = Some(1)));
        let at = |seconds| Some(Timestamp::from_unix_seconds(seconds));
        assert!(refused(&|claims| claims.extensions.authenticated = at(1)));
        assert!(!refused(&|claims| claims.extensions.authenticated = at(2)));
    }

    #[test]
    fn debug_shows_no_raw_session_id() {
        let shown = format!("{:?}", claims());
        assert!(shown.contains(&claims().session_id().log_id()), "{shown}");
        assert!(!shown.contains("0123"), "{shown}");
        assert!(!shown.contains("30313233"), "{shown}");
    }
}
