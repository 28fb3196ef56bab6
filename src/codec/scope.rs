//! Sealing and opening, at one instant.

use core::{fmt, ops::Range};

use super::{Codec, Opened, OpenedToken, Plan, Sealed, suite::Suite, table::SubKeys};
use crate::{
    claims::{Claims, Identity, Kind, MAX_LEN as MAX_CLAIMS_LEN, SessionId},
    crypto::NotAuthentic,
    error::{OpenError, OpenErrorKind, SealError},
    expiry::Lapse,
    payload::{SessionData, body, encoded},
    time::Timestamp,
    token::{self, Prefix},
    wiped::Wiped,
};

/// A [`Codec`] at one instant, and possibly bound to data of the caller's.
#[derive(Clone, Copy)]
pub struct Scope<'c, S: Suite> {
    pub(super) codec: &'c Codec<S>,
    pub(super) now: Timestamp,
    caller_aad: &'c [u8],
}

impl<'c, S: Suite> Scope<'c, S> {
    pub(super) fn new(codec: &'c Codec<S>, now: Timestamp) -> Self {
        Self {
            codec,
            now,
            caller_aad: &[],
        }
    }

    /// Binds to data that must be the same when sealing and when opening.
    #[must_use]
    pub fn bound_to(mut self, caller_aad: &'c [u8]) -> Self {
        self.caller_aad = caller_aad;
        self
    }

    /// As [`Codec::new_identity`].
    ///
    /// # Errors
    /// [`SealError::Random`].
    pub fn new_identity(&self) -> Result<Identity, SealError> {
        Ok(Identity {
            sid: SessionId(crate::random::array(&*self.codec.random)?),
            created: self.now,
            class: crate::claims::LifetimeClass::DEFAULT,
            subject: None,
        })
    }

    /// As [`Codec::seal`].
    ///
    /// # Errors
    /// As for [`Codec::seal`].
    pub fn seal<T: SessionData>(&self, identity: &Identity, data: &T) -> Result<Sealed, SealError> {
        let mut claims = self.claims(identity, T::SCHEMA)?;
        match self.content(&mut claims, data)? {
            Content::Fits(token) => self.protect(&claims, token),
            Content::TooLarge(size) => Err(SealError::TooLarge {
                size,
                limit: self.codec.limit,
            }),
        }
    }

    /// As [`Codec::plan`].
    ///
    /// # Errors
    /// As for [`Codec::plan`].
    pub fn plan<T: SessionData>(&self, identity: &Identity, data: &T) -> Result<Plan, SealError> {
        let mut claims = self.claims(identity, T::SCHEMA)?;
        let size = match self.content(&mut claims, data)? {
            Content::Fits(token) => {
                let token = Wiped(token);
                self.cookie_len(token.len().saturating_add(S::ID.tag_len()))
            }
            Content::TooLarge(size) => size,
        };
        Ok(Plan::new(size, self.codec.limit, claims.deflated))
    }

    /// As [`Codec::open`].
    ///
    /// # Errors
    /// As for [`Codec::open`].
    pub fn open<T: SessionData>(&self, value: &str) -> Result<Opened<T>, OpenError> {
        self.open_token(value)?.into_opened()
    }

    /// As [`Codec::open_token`].
    ///
    /// # Errors
    /// As for [`Codec::open_token`].
    pub fn open_token(&self, value: &str) -> Result<OpenedToken, OpenError> {
        let opened = self.open_unread(value)?;
        if opened.claims().kind() != Kind::Inline {
            return Err(OpenError::new(
                OpenErrorKind::WrongKind,
                "not an inline session",
            ));
        }
        opened.expanded()
    }

    /// Opens a token of any kind, its body as it stands in the token.
    ///
    /// From cheap to expensive (SPEC section 7): length, the first 24 characters, suite,
    /// key id; and only then the rest of the text, and cryptography.
    pub(super) fn open_unread(&self, value: &str) -> Result<OpenedToken, OpenError> {
        let prefix = Prefix::peek(value)?;
        if prefix.suite != S::ID as u8 {
            return Err(token::WRONG_SUITE);
        }
        let table = self.codec.table_for(prefix.key_id, self.now);
        let keyed = table.opening(prefix.key_id, self.now).ok_or(UNKNOWN_KEY)?;

        let mut bytes = token::decode_text(value)?;
        if bytes.len() < S::ID.min_len() {
            return Err(token::TOO_SHORT);
        }
        let provider = self.codec.provider;
        let (content, from_former_domain) = self
            .first_domain(keyed, &mut bytes.0, |keyed, bytes| {
                S::verify(provider, &keyed.token, self.caller_aad, bytes)
            })
            .ok_or(OpenError::new(
                OpenErrorKind::NotAuthentic,
                "altered, or of another context, name or caller data",
            ))?;

        let content = bytes.get(content).unwrap_or_default();
        let malformed = |reason| OpenError::new(OpenErrorKind::Malformed, reason);
        let (claims, body) = Claims::read(content).map_err(malformed)?;
        self.check_times(&claims)?;
        let end = bytes.len().saturating_sub(S::ID.tag_len());
        let body = end.saturating_sub(body.len())..end;
        Ok(OpenedToken::new(
            claims,
            bytes,
            body,
            from_former_domain || table.is_superseded(prefix.key_id, self.now),
            self.codec.policy.needs_reissue(&claims, self.now),
        ))
    }

    /// Opens `bytes` in the first domain in force that it is of: where its content now
    /// stands, and whether that domain is a former one.
    pub(super) fn first_domain(
        &self,
        keyed: &[SubKeys],
        bytes: &mut Vec<u8>,
        open: impl Fn(&SubKeys, &mut [u8]) -> Result<Range<usize>, NotAuthentic>,
    ) -> Option<(Range<usize>, bool)> {
        let mut domains = keyed
            .iter()
            .zip(&self.codec.domains)
            .filter(|(_, domain)| domain.until.is_none_or(|until| self.now < until))
            .peekable();
        while let Some((keyed, domain)) = domains.next() {
            // For the next, where the provider overwrites what it refuses.
            let is_kept = self.codec.provider.keeps_refused() || domains.peek().is_none();
            let copy = (!is_kept).then(|| bytes.clone());
            if let Ok(content) = open(keyed, bytes) {
                return Some((content, domain.until.is_some()));
            }
            if let Some(copy) = copy {
                *bytes = copy;
            }
        }
        None
    }

    /// Completes a token whose prefix is still empty.
    pub(super) fn protect(&self, claims: &Claims, token: Vec<u8>) -> Result<Sealed, SealError> {
        // Until it is encrypted, it is wiped wherever this ends.
        let mut token = Wiped(token);
        let table = self.codec.table();
        let (key_id, keyed) = table.sealing(self.now).ok_or(SealError::NoSealingKey)?;
        S::protect(
            self.codec.provider,
            &keyed.token,
            key_id,
            self.caller_aad,
            &*self.codec.random,
            &mut token.0,
        )?;
        let token = core::mem::take(&mut token.0);
        Ok(Sealed::new(token::encode_text(&token), *claims))
    }

    pub(crate) fn claims(&self, identity: &Identity, schema: u16) -> Result<Claims, SealError> {
        // A session that another server began a moment ago, by a clock that is ahead.
        let issued = self.now.max(identity.created);
        if issued > self.now + crate::time::CLOCK_TOLERANCE {
            return Err(SealError::NotYetValid);
        }
        let class = identity.class;
        let expires = self
            .codec
            .policy
            .expires(class, identity.created, issued)
            .ok_or(SealError::UnknownClass(class.0))?;
        if expires <= self.now {
            return Err(SealError::Expired);
        }
        Ok(Claims {
            kind: Kind::Inline,
            deflated: false,
            padded: false,
            class,
            created: identity.created,
            issued,
            expires,
            sid: identity.sid,
            schema,
            subject: identity.subject,
        })
    }

    /// A token's bytes up to its tag, its prefix still empty.
    fn content<T: SessionData>(&self, claims: &mut Claims, data: &T) -> Result<Content, SealError> {
        let start = S::ID.prefix_len();
        let head = start.saturating_add(claims.len());
        let frame = head.saturating_add(S::ID.tag_len());
        let characters = self.codec.limit.saturating_sub(self.codec.name().len());
        let Some(room) = token::byte_len(characters).checked_sub(frame) else {
            let len = frame.saturating_add(encoded::to_postcard(data)?.len());
            return Ok(Content::TooLarge(self.cookie_len(len)));
        };

        // One buffer for the whole token: encrypted where it stands, so no copy of the
        // session stays behind.
        let mut buffer = Vec::new();
        let tail = S::ID.tag_len();
        let shape = match body::append(&mut buffer, head, data, room, tail, self.codec.compression)?
        {
            body::Appended::Body(shape) => shape,
            body::Appended::TooLarge(len) => {
                return Ok(Content::TooLarge(
                    self.cookie_len(frame.saturating_add(len)),
                ));
            }
        };
        claims.deflated = shape.deflated;
        claims.padded = shape.padded;
        let mut written = [0; MAX_CLAIMS_LEN];
        claims.write(&mut written);
        let place = buffer.get_mut(start..head).unwrap_or_default();
        for (to, from) in place.iter_mut().zip(&written) {
            *to = *from;
        }
        Ok(Content::Fits(buffer))
    }

    /// Name and value of a token of that many bytes.
    fn cookie_len(&self, token_len: usize) -> usize {
        token::text_len(token_len).saturating_add(self.codec.name().len())
    }

    fn check_times(&self, claims: &Claims) -> Result<(), OpenError> {
        self.codec
            .policy
            .check(claims, self.now)
            .map_err(|lapse| match lapse {
                Lapse::Idle => OpenError::new(OpenErrorKind::ExpiredIdle, "unused for too long"),
                Lapse::Absolute => OpenError::new(OpenErrorKind::ExpiredAbsolute, "too old"),
                Lapse::NotYetValid => {
                    OpenError::new(OpenErrorKind::NotYetValid, "issued in the future")
                }
                Lapse::UnknownClass => {
                    OpenError::new(OpenErrorKind::Malformed, "unknown lifetime class")
                }
            })
    }
}

const UNKNOWN_KEY: OpenError = OpenError::new(
    OpenErrorKind::UnknownKey,
    "the ring has no such key, or it is closed",
);

enum Content {
    Fits(Vec<u8>),
    /// Bytes of name and value.
    TooLarge(usize),
}

impl<S: Suite> fmt::Debug for Scope<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("codec", self.codec)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::{
        codec::EncryptedCodec,
        expiry::Policy,
        keys::{Key, KeyRing},
        payload::Plain,
        time::CLOCK_TOLERANCE,
    };

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_000_000);

    /// Another server, whose clock is ahead, began it.
    #[test]
    fn a_session_of_the_future_is_sealed_within_the_tolerance_and_not_beyond_it() {
        let hour = Duration::from_hours(1);
        let keys = KeyRing::single(Key::generate().unwrap()).unwrap();
        let policy = Policy::new(hour, hour).unwrap();
        let codec = EncryptedCodec::builder("example.com", keys, policy)
            .build()
            .unwrap();
        let begun = |ahead| codec.at(NOW + ahead).new_identity().unwrap();
        let seal = |ahead| codec.at(NOW).seal(&begun(ahead), &Plain(7_u8));
        let sealed = seal(CLOCK_TOLERANCE).unwrap();
        assert_eq!(sealed.claims().issued(), NOW + CLOCK_TOLERANCE);
        for seconds in [1, 60] {
            let refused = seal(CLOCK_TOLERANCE + Duration::from_secs(seconds));
            assert_eq!(refused, Err(SealError::NotYetValid));
        }
    }
}
