//! Sealing and opening, at one instant.

use core::{fmt, ops::Range};

use super::{Codec, Opened, OpenedToken, Plan, Sealed, suite::Suite, table::SubKeys};
use crate::{
    claims::{Claims, Extensions, Identity, Kind, LifetimeClass, Read, Sid},
    crypto::NotAuthentic,
    error::{OpenError, OpenErrorKind, SealError},
    expiry::Lapse,
    payload::{SessionData, body, encoded},
    time::Timestamp,
    token::{self, Prefix, SuiteId},
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
            sid: Sid(crate::random::array(&*self.codec.random)?),
            created: self.now,
            class: LifetimeClass::DEFAULT,
            subject: None,
            extensions: Extensions::default(),
        })
    }

    /// As [`Codec::seal`].
    ///
    /// # Errors
    /// As for [`Codec::seal`].
    pub fn seal<T: SessionData>(&self, identity: &Identity, data: &T) -> Result<Sealed, SealError> {
        let mut claims = self.claims::<T>(identity)?;
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
        let mut claims = self.claims::<T>(identity)?;
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
        let mut opened = self.open_unread(value)?;
        if opened.claims().kind() != Kind::Inline {
            return Err(OpenError::new(
                OpenErrorKind::WrongKind,
                "not an inline session",
            ));
        }
        opened.expand()?;
        Ok(opened)
    }

    /// Opens a token of any kind, its body as it stands in the token.
    ///
    /// From cheap to expensive (SPEC section 7): length, the first 24 characters, suite,
    /// key id; and only then the rest of the text, and cryptography.
    pub(super) fn open_unread(&self, value: &str) -> Result<OpenedToken, OpenError> {
        let Authentic {
            bytes,
            content,
            needs_rekey,
        } = self.authenticate(value, S::ID, |keyed, bytes| {
            S::verify(&keyed.token, self.caller_aad, bytes)
        })?;
        let content = bytes.get(content).unwrap_or_default();
        let malformed = |reason| OpenError::new(OpenErrorKind::Malformed, reason);
        let Read {
            claims,
            body,
            is_newer,
        } = Claims::read(content).map_err(malformed)?;
        self.check_times(&claims)?;
        if is_newer {
            return Err(NEWER_FORMAT);
        }
        let end = bytes.len().saturating_sub(S::ID.tag_len());
        let body = end.saturating_sub(body.len())..end;
        Ok(OpenedToken::new(
            claims,
            bytes,
            body,
            needs_rekey,
            self.codec.policy.needs_refresh(&claims, self.now),
        ))
    }

    /// Steps 1 to 8 of opening a token of that suite.
    pub(super) fn authenticate(
        &self,
        value: &str,
        suite: SuiteId,
        open: impl Fn(&SubKeys<S>, &mut [u8]) -> Result<Range<usize>, NotAuthentic>,
    ) -> Result<Authentic, OpenError> {
        let prefix = Prefix::peek(value)?;
        if prefix.suite != suite as u8 {
            return Err(token::WRONG_SUITE);
        }
        let table = self.codec.table_for(prefix.key_id, self.now);
        let keyed = table.opening(prefix.key_id, self.now).ok_or(UNKNOWN_KEY)?;
        let mut bytes = token::decode_text(value)?;
        if bytes.len() < suite.min_len() {
            return Err(token::TOO_SHORT);
        }
        let (content, from_former_domain) =
            self.first_domain(keyed, &mut bytes.0, open)
                .ok_or(OpenError::new(
                    OpenErrorKind::NotAuthentic,
                    "altered, or of another context, name or caller data",
                ))?;
        Ok(Authentic {
            bytes,
            content,
            needs_rekey: from_former_domain || table.is_superseded(prefix.key_id, self.now),
        })
    }

    /// Opens `bytes` in the first domain in force that it is of: where its content now
    /// stands, and whether that domain is a former one.
    pub(super) fn first_domain(
        &self,
        keyed: &[SubKeys<S>],
        bytes: &mut Vec<u8>,
        open: impl Fn(&SubKeys<S>, &mut [u8]) -> Result<Range<usize>, NotAuthentic>,
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
            &keyed.token,
            key_id,
            self.caller_aad,
            &*self.codec.random,
            &mut token.0,
        )?;
        let token = core::mem::take(&mut token.0);
        Ok(Sealed::new(token::encode_text(&token), *claims))
    }

    /// The claims of an inline token of this type.
    pub(crate) fn claims<T: SessionData>(&self, identity: &Identity) -> Result<Claims, SealError> {
        Ok(Claims {
            schema: T::SCHEMA,
            shape: T::SHAPE,
            ..self.untyped_claims(identity)?
        })
    }

    pub(super) fn untyped_claims(&self, identity: &Identity) -> Result<Claims, SealError> {
        // A session that another server began a moment ago, by a clock that is ahead.
        let issued = self.now.max(identity.created);
        if issued > self.now + crate::time::CLOCK_TOLERANCE {
            return Err(SealError::NotYetValid);
        }
        let class = identity.class;
        let expires = self
            .codec
            .policy
            .expires_at(identity, issued)
            .ok_or(SealError::UnknownClass(class.0))?;
        // Its own end may come before `issued`, which may lie ahead of now.
        if expires <= issued {
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
            schema: 0,
            shape: 0,
            subject: identity.subject,
            extensions: identity.extensions,
        })
    }

    /// A token's bytes up to its tag, its prefix still empty.
    fn content<T: SessionData>(&self, claims: &mut Claims, data: &T) -> Result<Content, SealError> {
        let start = S::ID.prefix_len();
        let head = start.saturating_add(claims.encoded_len());
        let frame = head.saturating_add(S::ID.tag_len());
        let characters = self.codec.limit.saturating_sub(self.codec.name().len());
        let Some(room) = token::byte_len(characters).checked_sub(frame) else {
            let len = frame.saturating_add(encoded::to_postcard(data)?.len());
            return Ok(Content::TooLarge(self.cookie_len(len)));
        };

        // One buffer for the whole token: encrypted where it stands, so no copy of the
        // session stays behind. It never grows.
        let mut buffer = Vec::with_capacity(frame.saturating_add(room));
        buffer.resize(start, 0);
        claims.append(&mut buffer);
        let shape = match body::append(&mut buffer, data, room, self.codec.compression)? {
            body::Appended::Body(shape) => shape,
            body::Appended::TooLarge(len) => {
                return Ok(Content::TooLarge(
                    self.cookie_len(frame.saturating_add(len)),
                ));
            }
        };
        claims.deflated = shape.deflated;
        claims.padded = shape.padded;
        if let Some(flags) = buffer.get_mut(start) {
            *flags = claims.flags();
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
                Lapse::NotYetValid => ISSUED_IN_THE_FUTURE,
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

/// A token whose tag is right.
pub(super) struct Authentic {
    pub(super) bytes: Wiped,
    /// Where its plaintext stands.
    pub(super) content: Range<usize>,
    /// Whether its key is superseded, or its domain a former one.
    needs_rekey: bool,
}

pub(super) const ISSUED_IN_THE_FUTURE: OpenError =
    OpenError::new(OpenErrorKind::NotYetValid, "issued in the future");

pub(super) const NEWER_FORMAT: OpenError = OpenError::new(
    OpenErrorKind::Unsupported,
    "a newer version of the format wrote it",
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
        payload::{Plain, values::Values},
        time::CLOCK_TOLERANCE,
    };

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_000_000);
    const HOUR: Duration = Duration::from_hours(1);

    fn codec() -> EncryptedCodec {
        let keys = KeyRing::single(Key::generate().unwrap()).unwrap();
        let policy = Policy::new(HOUR, 2 * HOUR).unwrap();
        EncryptedCodec::builder("example.com", keys, policy)
            .build()
            .unwrap()
    }

    /// A token of `7_u8` whose claims' bytes another version has written.
    fn sealed_by_another(codec: &EncryptedCodec, change: impl Fn(&mut Vec<u8>)) -> String {
        let scope = codec.at(NOW);
        let claims = scope.claims::<Plain<u8>>(&scope.new_identity().unwrap());
        let (claims, mut written) = (claims.unwrap(), Vec::new());
        claims.append(&mut written);
        change(&mut written);
        let token = [
            &vec![0; SuiteId::Encrypted.prefix_len()][..],
            &written,
            &[7],
        ]
        .concat();
        scope.protect(&claims, token).unwrap().into_value()
    }

    #[test]
    fn a_live_token_of_a_newer_format_is_unsupported() {
        let codec = codec();
        let new_kind = sealed_by_another(&codec, |claims| claims[0] |= 3);
        let new_extension = sealed_by_another(&codec, |claims| {
            claims[0] |= 0x80;
            claims.extend([3, 5, 1, 0]);
        });
        let broken = sealed_by_another(&codec, |claims| {
            claims[0] |= 0x80;
            claims.extend([3, 5, 2, 0]);
        });
        for (value, kind) in [
            (new_kind, OpenErrorKind::Unsupported),
            (new_extension, OpenErrorKind::Unsupported),
            (broken, OpenErrorKind::Malformed),
        ] {
            let refusal = |now| codec.at(now).open::<Plain<u8>>(&value).unwrap_err().kind();
            assert_eq!(refusal(NOW), kind);
            if kind == OpenErrorKind::Unsupported {
                assert_eq!(refusal(NOW + HOUR), OpenErrorKind::ExpiredIdle);
            }
        }
        let same = sealed_by_another(&codec, |_| ());
        let opened = codec.at(NOW).open::<Plain<u8>>(&same).unwrap();
        assert_eq!(opened.data(), &Plain(7));
    }

    #[test]
    fn every_reseal_carries_the_extensions() {
        let codec = codec();
        let scope = codec.at(NOW);
        let mut identity = scope.new_identity().unwrap();
        identity.extensions = Extensions {
            device_key: Some([3; 33]),
            stay: Some(4),
            end: Some(NOW + HOUR / 2),
            authenticated: Some(NOW + HOUR / 4),
        };
        let sealed = scope.seal(&identity, &Plain(7_u8)).unwrap();
        assert_eq!(sealed.claims().expires(), NOW + HOUR / 2);
        let opened = scope.open::<Plain<u8>>(sealed.value()).unwrap();
        assert_eq!(opened.identity(), identity);
        let again = scope.seal(&opened.identity(), opened.data()).unwrap();
        assert_eq!(again.claims(), opened.claims());
        let ended = codec.at(NOW + HOUR / 2).open::<Plain<u8>>(sealed.value());
        assert_eq!(ended.unwrap_err().kind(), OpenErrorKind::ExpiredAbsolute);
        // What the store holds has no stay among its extensions.
        let handle = scope.new_handle(identity.sid).unwrap();
        let reference = scope.seal_reference(&identity, &handle).unwrap();
        assert_eq!(
            reference.claims().extensions,
            identity.extensions.for_store()
        );
        assert!(scope.open_any(reference.value()).is_ok());
    }

    /// Another type in the same place: schema 1, and a shape of its own.
    #[derive(serde::Serialize, serde::Deserialize, Debug, PartialEq)]
    struct Second(u8);
    impl SessionData for Second {
        const SCHEMA: u16 = 1;
        const SHAPE: u16 = 0x1111;
    }

    /// The same version with another shape.
    #[derive(serde::Serialize, serde::Deserialize, Debug, PartialEq)]
    struct Forgotten(u8);
    impl SessionData for Forgotten {
        const SCHEMA: u16 = 1;
        const SHAPE: u16 = 0x2222;
    }

    /// The same version, written by hand.
    #[derive(serde::Serialize, serde::Deserialize, Debug, PartialEq)]
    struct Unknown(u8);
    impl SessionData for Unknown {
        const SCHEMA: u16 = 1;
    }

    #[test]
    fn data_of_another_version_or_shape_is_never_decoded() {
        let codec = codec();
        let scope = codec.at(NOW);
        let identity = scope.new_identity().unwrap();
        let first = scope.seal(&identity, &Plain(7_u8)).unwrap();
        let second = scope.seal(&identity, &Second(7)).unwrap();
        assert_eq!(second.claims().shape(), 0x1111);
        let newer = scope.open::<Plain<u8>>(second.value()).unwrap_err();
        assert_eq!(newer.kind(), OpenErrorKind::Unsupported);
        let older = scope.open::<Second>(first.value()).unwrap_err();
        assert_eq!(older.kind(), OpenErrorKind::Schema);
        let forgotten = scope.open::<Forgotten>(second.value()).unwrap_err();
        assert_eq!(forgotten.kind(), OpenErrorKind::Schema);
        assert_eq!(forgotten.reason(), "the type changed without a new version");
        let unknown = scope.open::<Unknown>(second.value()).unwrap();
        assert_eq!(unknown.data(), &Unknown(7));
        let unknown = scope.seal(&identity, &Unknown(8)).unwrap();
        let known = scope.open::<Second>(unknown.value()).unwrap();
        assert_eq!(known.into_data(), Second(8));
        // `Values` describe themselves: nothing else is opened as them, or they as it.
        let plain = scope.seal(&identity, &Plain(())).unwrap();
        let values = scope.open::<Values>(plain.value()).unwrap_err();
        assert_eq!(values.kind(), OpenErrorKind::Schema);
        let values = scope.seal(&identity, &Values::new()).unwrap();
        let plain = scope.open::<Plain<u8>>(values.value()).unwrap_err();
        assert_eq!(plain.kind(), OpenErrorKind::Schema);
    }

    #[test]
    fn the_frame_takes_90_bytes_and_16_more_with_a_subject() {
        fn sizes<S: Suite>(codec: &Codec<S>) -> [usize; 2] {
            let scope = codec.at(NOW);
            let identity = scope.new_identity().unwrap();
            let user = identity.with_subject(codec.subject("42"));
            [identity, user].map(|identity| {
                let value = scope.seal(&identity, &Plain(())).unwrap().into_value();
                token::UntrustedToken::parse(&value).unwrap().len()
            })
        }
        assert_eq!(sizes(&codec()), [90, 106]);
        let keys = KeyRing::single(Key::generate().unwrap()).unwrap();
        let policy = Policy::new(HOUR, HOUR).unwrap();
        let signed = crate::codec::SignedCodec::builder("example.com", keys, policy);
        assert_eq!(sizes(&signed.build().unwrap()), [82, 98]);
    }

    /// Another server, whose clock is ahead, began it.
    #[test]
    fn a_session_of_the_future_is_sealed_within_the_tolerance_and_not_beyond_it() {
        let codec = codec();
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
