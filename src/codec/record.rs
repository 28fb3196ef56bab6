//! Sessions in a store: the reference in the cookie, and the record that only it opens
//! (SPEC-STORE).
//!
//! The record's key needs the server's key *and* the handle, which only the browser's
//! cookie carries: a stolen store opens nothing, not even together with the keys.

use core::fmt;

use zeroize::Zeroizing;

use super::{
    OpenedToken, Scope, Sealed,
    scope::NEWER_FORMAT,
    suite::{Encrypted, decrypt, encrypt},
    table::SubKeys,
};
use crate::{
    claims::{Claims, Identity, Kind, Read, Sid},
    crypto::Xaes,
    error::{OpenError, OpenErrorKind, SealError},
    keys::KeyId,
    payload::{SessionData, body},
    random::RandomError,
    token::{self, KEYED_LEN, SuiteId},
    wiped::Wiped,
};

/// Where a session stands that a token named.
pub(crate) enum AnyToken {
    /// In the token.
    Inline(OpenedToken),
    /// In a store, under this handle.
    Reference(Reference),
}

impl AnyToken {
    pub(crate) fn claims(&self) -> &Claims {
        match self {
            Self::Inline(token) => token.claims(),
            Self::Reference(reference) => &reference.claims,
        }
    }
}

/// An opened reference.
pub(crate) struct Reference {
    pub(crate) claims: Claims,
    pub(crate) handle: Handle,
    pub(crate) needs_rekey: bool,
    pub(crate) needs_refresh: bool,
}

/// What finds and opens one session's record.
#[derive(Clone)]
pub(crate) struct Handle {
    /// 32 random bytes that only the browser's cookie carries. Wiped when dropped.
    secret: Zeroizing<[u8; 32]>,
    row: [u8; 32],
}

impl Handle {
    fn new(secret: Zeroizing<[u8; 32]>, sid: Sid) -> Self {
        let row = *sid.public().as_bytes();
        Self { secret, row }
    }

    /// The key of the session's row: its public id.
    pub(crate) fn row(&self) -> [u8; 32] {
        self.row
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handle(…)")
    }
}

impl Scope<'_, Encrypted> {
    pub(crate) fn new_handle(&self, sid: Sid) -> Result<Handle, RandomError> {
        let mut secret = Zeroizing::new([0; 32]);
        self.codec.random.fill(&mut *secret)?;
        Ok(Handle::new(secret, sid))
    }

    /// Opens a token of either kind.
    pub(crate) fn open_any(&self, value: &str) -> Result<AnyToken, OpenError> {
        let mut opened = self.open_unread(value)?;
        if opened.claims().kind() == Kind::Inline {
            opened.expand()?;
            return Ok(AnyToken::Inline(opened));
        }
        let secret = <[u8; 32]>::try_from(opened.bytes()).map(Zeroizing::new);
        let secret = secret.ok().filter(|_| {
            let claims = opened.claims();
            claims.kind() == Kind::Reference && !claims.deflated && !claims.padded
        });
        let secret = secret.ok_or(OpenError::new(
            OpenErrorKind::WrongKind,
            "neither an inline session nor a reference",
        ))?;
        Ok(AnyToken::Reference(Reference {
            claims: *opened.claims(),
            handle: Handle::new(secret, opened.claims().sid),
            needs_rekey: opened.needs_rekey(),
            needs_refresh: opened.needs_refresh(),
        }))
    }

    /// Seals the reference to a session that a store keeps.
    pub(crate) fn seal_reference(
        &self,
        identity: &Identity,
        handle: &Handle,
    ) -> Result<Sealed, SealError> {
        let claims = for_store(self.untyped_claims(identity)?, Kind::Reference);
        let mut token = frame(&claims, SuiteId::Encrypted);
        token.extend_from_slice(&*handle.secret);
        self.protect(&claims, token)
    }

    /// Seals a session's data as the record of that version, in a row of its own.
    ///
    /// `max` is the most that the data may take in postcard; [`SealError::RecordTooLarge`]
    /// names
    /// its size otherwise.
    pub(crate) fn seal_record<T: SessionData>(
        &self,
        identity: &Identity,
        handle: &Handle,
        version: u64,
        data: &T,
        max: usize,
    ) -> Result<Vec<u8>, SealError> {
        let mut claims = for_store(self.claims::<T>(identity)?, Kind::Record);
        // Until it is encrypted, it is wiped wherever this ends.
        let mut token = Wiped(frame(&claims, SuiteId::Record));
        match body::append_record(&mut token.0, data, max, self.codec.compression)? {
            body::Appended::Body(shape) => {
                claims.deflated = shape.deflated;
                claims.padded = shape.padded;
            }
            body::Appended::TooLarge(size) => {
                return Err(SealError::RecordTooLarge { size, limit: max });
            }
        }
        if let Some(flags) = token.get_mut(SuiteId::Record.prefix_len()) {
            *flags = claims.flags();
        }
        let table = self.codec.table();
        let (key_id, keyed) = table.sealing(self.now).ok_or(SealError::NoSealingKey)?;
        encrypt(
            SuiteId::Record,
            &self.record_key(keyed, handle),
            key_id,
            &record_aad(handle, version),
            &*self.codec.random,
            &mut token.0,
        )?;
        Ok(core::mem::take(&mut token.0))
    }

    /// Opens the record that `reference` names. The data is inflated to at most `max`.
    pub(crate) fn open_record(
        &self,
        reference: &Claims,
        handle: &Handle,
        version: u64,
        record: Vec<u8>,
        max: usize,
    ) -> Result<OpenedToken, OpenError> {
        let malformed = |reason| OpenError::new(OpenErrorKind::Malformed, reason);
        let mut bytes = Wiped(record);
        let key_id = match bytes.first_chunk::<KEYED_LEN>() {
            Some([suite, id @ ..]) if *suite == SuiteId::Record as u8 => KeyId(*id),
            Some(_) => return Err(token::WRONG_SUITE),
            None => return Err(token::TOO_SHORT),
        };
        let table = self.codec.table_for(key_id, self.now);
        let keyed = table.opening(key_id, self.now).ok_or(OpenError::new(
            OpenErrorKind::UnknownKey,
            "the record's key is not in the ring, or is closed",
        ))?;
        let aad = record_aad(handle, version);
        let (content, from_former_domain) = self
            .first_domain(keyed, &mut bytes.0, |keyed, bytes| {
                decrypt(&self.record_key(keyed, handle), &aad, bytes)
            })
            .ok_or(OpenError::new(
                OpenErrorKind::NotAuthentic,
                "the record is not the one that this reference names",
            ))?;
        let Read {
            claims,
            body,
            is_newer,
        } = Claims::read(bytes.get(content.clone()).unwrap_or_default()).map_err(malformed)?;
        if is_newer {
            return Err(NEWER_FORMAT);
        }
        if claims.kind != Kind::Record {
            return Err(OpenError::new(OpenErrorKind::WrongKind, "not a record"));
        }
        if (claims.sid, claims.created, claims.subject)
            != (reference.sid, reference.created, reference.subject)
        {
            return Err(OpenError::new(
                OpenErrorKind::NotAuthentic,
                "the record is of another session",
            ));
        }
        let shape = body::Shape {
            deflated: claims.deflated,
            padded: claims.padded,
        };
        let body = content.end.saturating_sub(body.len())..content.end;
        let body = body::expand(&mut bytes, body, shape, max)?;
        let needs_rekey = from_former_domain || table.is_superseded(key_id, self.now);
        Ok(OpenedToken::new(claims, bytes, body, needs_rekey, false))
    }

    /// `EXPAND(K_store, h)`, in place of `K_seal`.
    fn record_key(&self, keyed: &SubKeys<Encrypted>, handle: &Handle) -> Xaes {
        let key = keyed.store.expand(&[&*handle.secret]);
        Xaes::new(self.codec.provider, &key)
    }
}

/// `row key || u64 version`, after `hdr`.
fn record_aad(handle: &Handle, version: u64) -> Vec<u8> {
    [&handle.row[..], &version.to_be_bytes()].concat()
}

/// An empty header and the claims.
fn frame(claims: &Claims, suite: SuiteId) -> Vec<u8> {
    let mut token = vec![0; suite.prefix_len()];
    claims.append(&mut token);
    token
}

fn for_store(claims: Claims, kind: Kind) -> Claims {
    Claims {
        kind,
        extensions: claims.extensions.for_store(),
        ..claims
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::{
        codec::EncryptedCodec,
        expiry::Policy,
        keys::{Key, KeyRing, SharedKeyRing},
        payload::Plain,
        time::{TestClock, Timestamp},
        token::UntrustedToken,
    };

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_348_800);
    const MAX: usize = 1 << 20;

    fn codec(keys: impl Into<SharedKeyRing>) -> EncryptedCodec {
        let policy = Policy::new(Duration::from_mins(30), Duration::from_hours(24)).unwrap();
        EncryptedCodec::builder("example.com", keys, policy)
            .clock(TestClock::at(NOW))
            .build()
            .unwrap()
    }

    fn ring() -> KeyRing {
        KeyRing::single(Key::generate().unwrap()).unwrap()
    }

    fn data() -> Plain<String> {
        Plain("a long session ".repeat(1_000))
    }

    #[test]
    fn a_reference_has_122_bytes_and_138_with_a_subject() {
        let codec = codec(ring());
        let scope = codec.at(NOW);
        let identity = scope.new_identity().unwrap();
        let handle = scope.new_handle(identity.sid).unwrap();
        let sealed = scope.seal_reference(&identity, &handle).unwrap();
        assert_eq!(UntrustedToken::parse(sealed.value()).unwrap().len(), 122);
        assert_eq!(sealed.value().len(), 163);
        let identity = identity.with_subject(codec.subject("42"));
        let sealed = scope.seal_reference(&identity, &handle).unwrap();
        assert_eq!(sealed.value().len(), 184);
    }

    #[test]
    fn a_record_opens_with_its_reference_alone() {
        let keys = ring();
        let codec_a = codec(keys.clone());
        let scope = codec_a.at(NOW);
        let identity = scope.new_identity().unwrap();
        let handle = scope.new_handle(identity.sid).unwrap();
        let record = scope
            .seal_record(&identity, &handle, 1, &data(), MAX)
            .unwrap();
        let value = scope.seal_reference(&identity, &handle).unwrap();
        let AnyToken::Reference(reference) = scope.open_any(value.value()).unwrap() else {
            panic!("not a reference");
        };
        let open = |claims: &Claims, handle: &Handle, version, record: &[u8]| {
            scope
                .open_record(claims, handle, version, record.to_vec(), MAX)
                .map(|opened| opened.data::<Plain<String>>().unwrap())
                .map_err(|error| error.kind())
        };
        assert_eq!(
            open(&reference.claims, &reference.handle, 1, &record),
            Ok(data())
        );

        let refused = Err(OpenErrorKind::NotAuthentic);
        let other = scope.new_handle(identity.sid).unwrap();
        assert_eq!(open(&reference.claims, &other, 1, &record), refused);
        assert_eq!(open(&reference.claims, &handle, 2, &record), refused);
        let mut claims = reference.claims;
        claims.sid = scope.new_identity().unwrap().sid;
        assert_eq!(open(&claims, &handle, 1, &record), refused);
        let of_other = Handle::new(handle.secret.clone(), claims.sid);
        assert_eq!(open(&claims, &of_other, 1, &record), refused);
        assert_eq!(open(&reference.claims, &of_other, 1, &record), refused);
        let mut claims = reference.claims;
        claims.created = NOW - Duration::from_secs(1);
        assert_eq!(open(&claims, &handle, 1, &record), refused);
        let mut claims = reference.claims;
        claims.subject = Some(codec_a.subject("42"));
        assert_eq!(open(&claims, &handle, 1, &record), refused);
        for position in [0, 1, 20, 45, record.len() - 1] {
            let mut record = record.clone();
            record[position] ^= 1;
            assert!(open(&reference.claims, &handle, 1, &record).is_err());
        }
        for len in [0, 16, 17, 40, 60, record.len() - 1] {
            assert!(open(&reference.claims, &handle, 1, &record[..len]).is_err());
        }
    }

    /// The reference is under a key that this server knows, the record under a newer one.
    #[test]
    fn a_record_under_a_key_that_has_just_arrived_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ring.toml");
        let publish = |ring: &KeyRing| std::fs::write(&path, ring.to_secret_toml()).unwrap();
        let old = ring();
        publish(&old);
        let keys = SharedKeyRing::from_file(&path).unwrap();
        let here = codec(keys.clone());
        let new = ring();
        publish(&new);

        let there = codec(new.clone());
        let scope = there.at(NOW);
        let identity = scope.new_identity().unwrap();
        let handle = scope.new_handle(identity.sid).unwrap();
        let record = scope
            .seal_record(&identity, &handle, 1, &data(), MAX)
            .unwrap();
        let claims = scope.claims::<Plain<String>>(&identity).unwrap();
        let opened = here
            .at(NOW)
            .open_record(&claims, &handle, 1, record, MAX)
            .unwrap();
        assert_eq!(opened.data(), Ok(data()));
        assert_eq!(*keys.current(), new);
    }

    #[test]
    fn a_record_is_no_token_and_a_token_is_no_record() {
        let codec = codec(ring());
        let scope = codec.at(NOW);
        let identity = scope.new_identity().unwrap();
        let handle = scope.new_handle(identity.sid).unwrap();
        let record = scope
            .seal_record(&identity, &handle, 1, &Plain(1), MAX)
            .unwrap();
        let error = codec
            .open::<Plain<u8>>(&token::encode_text(&record))
            .unwrap_err();
        assert_eq!(error.kind(), OpenErrorKind::WrongSuite);
        let reference = scope.seal_reference(&identity, &handle).unwrap();
        let error = codec.open::<Plain<u8>>(reference.value()).unwrap_err();
        assert_eq!(error.kind(), OpenErrorKind::WrongKind);
        let token = token::decode_text(reference.value()).unwrap().to_vec();
        let error = scope
            .open_record(reference.claims(), &handle, 1, token, MAX)
            .unwrap_err();
        assert_eq!(error.kind(), OpenErrorKind::WrongSuite);
    }

    #[test]
    fn too_large_is_told_in_bytes_of_the_session() {
        let codec = codec(ring());
        let scope = codec.at(NOW);
        let identity = scope.new_identity().unwrap();
        let handle = scope.new_handle(identity.sid).unwrap();
        assert_eq!(
            scope.seal_record(&identity, &handle, 1, &data(), 15_001),
            Err(SealError::RecordTooLarge {
                size: 15_002,
                limit: 15_001
            })
        );
        assert!(
            scope
                .seal_record(&identity, &handle, 1, &data(), 15_002)
                .is_ok()
        );
    }
}

#[cfg(test)]
#[path = "vectors.rs"]
mod vectors;
