//! What every token says about its session (SPEC section 4).

use core::fmt;

use crate::{crypto::sha256, time::Timestamp};

/// Length of claims without a subject.
pub(crate) const MIN_LEN: usize = 31;
/// Length of claims with a subject.
pub(crate) const MAX_LEN: usize = MIN_LEN + 8;

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
    pub(crate) sid: SessionId,
    pub(crate) schema: u16,
    pub(crate) subject: Option<Subject>,
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

    /// The session's id.
    #[must_use]
    pub const fn session_id(&self) -> SessionId {
        self.sid
    }

    /// The application's version of its session type.
    #[must_use]
    pub const fn schema(&self) -> u16 {
        self.schema
    }

    /// Whose session it is, if somebody logged in.
    #[must_use]
    pub const fn subject(&self) -> Option<Subject> {
        self.subject
    }

    /// What stays the same when the session is issued anew.
    #[must_use]
    pub const fn identity(&self) -> Identity {
        Identity {
            sid: self.sid,
            created: self.created,
            class: self.class,
            subject: self.subject,
        }
    }

    /// The length of these claims in a token.
    pub(crate) const fn len(&self) -> usize {
        match self.subject {
            Some(_) => MAX_LEN,
            None => MIN_LEN,
        }
    }

    /// Writes the claims into the first [`len`](Self::len) bytes of `out`.
    pub(crate) fn write(&self, out: &mut [u8; MAX_LEN]) {
        let flags = self.kind as u8
            | u8::from(self.deflated) << 2
            | u8::from(self.padded) << 3
            | u8::from(self.subject.is_some()) << 4
            | self.class.0 << 5;
        let subject = self.subject.unwrap_or(Subject([0; 8]));
        let fields: [&[u8]; 7] = [
            &[flags],
            &self.created.unix_seconds().to_be_bytes(),
            &self.issued.unix_seconds().to_be_bytes(),
            &self.expires.unix_seconds().to_be_bytes(),
            &self.sid.0,
            &self.schema.to_be_bytes(),
            &subject.0,
        ];
        for (to, from) in out.iter_mut().zip(fields.iter().copied().flatten()) {
            *to = *from;
        }
    }

    /// Reads claims from the start of `bytes` and returns the rest; the rule that is
    /// broken otherwise.
    pub(crate) fn read(bytes: &[u8]) -> Result<(Self, &[u8]), &'static str> {
        const SHORT: &str = "claims are cut short";
        let ([flags], rest) = take::<1>(bytes).ok_or(SHORT)?;
        let (created, rest) = take::<4>(rest).ok_or(SHORT)?;
        let (issued, rest) = take::<4>(rest).ok_or(SHORT)?;
        let (expires, rest) = take::<4>(rest).ok_or(SHORT)?;
        let (sid, rest) = take::<16>(rest).ok_or(SHORT)?;
        let (schema, rest) = take::<2>(rest).ok_or(SHORT)?;
        let (subject, rest) = if flags & 0x10 == 0 {
            (None, rest)
        } else {
            let (subject, rest) = take::<8>(rest).ok_or(SHORT)?;
            (Some(Subject(subject)), rest)
        };
        let time = |bytes| Timestamp::from_unix_seconds(u32::from_be_bytes(bytes));
        let claims = Self {
            kind: match flags & 0x03 {
                0 => Kind::Inline,
                1 => Kind::Reference,
                2 => Kind::Record,
                _ => return Err("kind 3 is reserved"),
            },
            deflated: flags & 0x04 != 0,
            padded: flags & 0x08 != 0,
            class: LifetimeClass(flags >> 5 & 0x03),
            created: time(created),
            issued: time(issued),
            expires: time(expires),
            sid: SessionId(sid),
            schema: u16::from_be_bytes(schema),
            subject,
        };
        if flags & 0x80 != 0 {
            return Err("flag bit 7 is reserved");
        }
        if claims.created > claims.issued || claims.issued > claims.expires {
            return Err("created, issued and expires are not in order");
        }
        Ok((claims, rest))
    }
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
            .field("subject", &self.subject)
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

/// What stays the same when a session is issued anew: who it is and when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pub(crate) sid: SessionId,
    pub(crate) created: Timestamp,
    pub(crate) class: LifetimeClass,
    pub(crate) subject: Option<Subject>,
}

impl Identity {
    /// The session's id.
    #[must_use]
    pub const fn session_id(&self) -> SessionId {
        self.sid
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

    /// With a subject: from now on somebody's session.
    #[must_use]
    pub const fn with_subject(mut self, subject: Subject) -> Self {
        self.subject = Some(subject);
        self
    }
}

/// 16 random bytes that name a session, the same in the cookie and in the store.
///
/// Never shown whole: `Debug` and [`log_id`](Self::log_id) give a short hash (ASVS
/// 16.2.5).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(pub(crate) [u8; 16]);

impl SessionId {
    /// A name for the log: 16 hexadecimal characters of a hash, the same for every token
    /// of the session, from which the id cannot be found.
    #[must_use]
    pub fn log_id(&self) -> String {
        let hash = sha256(&[b"SSC1/log-id\0", &self.0]);
        let (short, _) = hash.split_first_chunk().unwrap_or((&[0; 8], &[]));
        format!("{:016x}", u64::from_be_bytes(*short))
    }

    /// The 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({})", self.log_id())
    }
}

/// A short hash of a user id, so that all sessions of one user can be ended at once
/// without the user's id standing in every token (SPEC section 4).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subject(pub(crate) [u8; 8]);

impl Subject {
    /// `SHA-256("SSC1/subject" 0x00 || u16(len ctx) || ctx || user id)[0..8]`
    pub(crate) fn of(context: &str, user_id: &[u8]) -> Self {
        let len = u16::try_from(context.len()).unwrap_or(u16::MAX);
        let hash = sha256(&[
            b"SSC1/subject\0",
            &len.to_be_bytes(),
            context.as_bytes(),
            user_id,
        ]);
        take(&hash).map_or(Self([0; 8]), |(bytes, _)| Self(bytes))
    }

    /// The 8 bytes as they stand in a token.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 8] {
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
            sid: SessionId(*b"0123456789abcdef"),
            schema: 0x0102,
            subject: Some(Subject(*b"subject!")),
        }
    }

    fn bytes(claims: &Claims) -> Vec<u8> {
        let mut out = [0xee; MAX_LEN];
        claims.write(&mut out);
        out[..claims.len()].to_vec()
    }

    #[test]
    fn claims_are_laid_out_as_specified() {
        assert_eq!(
            bytes(&claims()),
            b"\x75\0\0\0\x01\0\0\0\x02\0\0\0\x030123456789abcdef\x01\x02subject!"
        );
        let without = Claims {
            subject: None,
            ..claims()
        };
        assert_eq!(bytes(&without).len(), MIN_LEN);
    }

    #[test]
    fn claims_round_trip_and_leave_the_rest() {
        for claims in [
            claims(),
            Claims {
                kind: Kind::Inline,
                subject: None,
                deflated: false,
                padded: true,
                class: LifetimeClass(0),
                ..claims()
            },
        ] {
            let mut bytes = bytes(&claims);
            bytes.extend(b"rest");
            assert_eq!(Claims::read(&bytes), Ok((claims, &b"rest"[..])));
        }
    }

    #[test]
    fn claims_cut_anywhere_are_refused() {
        let bytes = bytes(&claims());
        for len in 0..bytes.len() {
            assert!(Claims::read(&bytes[..len]).is_err(), "{len}");
        }
    }

    #[test]
    fn reserved_bits_and_disordered_times_are_refused() {
        let good = bytes(&claims());
        let with = |position: usize, value: u8| {
            let mut bytes = good.clone();
            bytes[position] = value;
            Claims::read(&bytes).map(|_| ())
        };
        assert_eq!(with(0, 0xf5), Err("flag bit 7 is reserved"));
        assert_eq!(with(0, 0x77), Err("kind 3 is reserved"));
        let disordered = Err("created, issued and expires are not in order");
        assert_eq!(with(4, 3), disordered);
        assert_eq!(with(8, 4), disordered);
        assert_eq!(with(8, 3), Ok(()));
    }

    #[test]
    fn the_subject_is_the_one_of_the_specification() {
        assert_eq!(
            format!("{:?}", Subject::of("example.com", b"42")),
            "Subject(9f98ab0a781e8c11)"
        );
    }

    #[test]
    fn debug_does_not_show_the_session_id() {
        let shown = format!("{:?}", claims());
        assert!(shown.contains(&claims().sid.log_id()), "{shown}");
        assert!(!shown.contains("0123"), "{shown}");
        assert!(!shown.contains("30313233"), "{shown}");
    }
}
