//! Auxiliary tokens, suite 04: what accompanies a session, such as proofs of a device
//! (SPEC section 9).
//!
//! The bytes are frozen with the rest of the format. Device binding will give them their
//! meaning.

use super::{
    Scope,
    scope::{ISSUED_IN_THE_FUTURE, NEWER_FORMAT},
    suite::{Encrypted, decrypt, encrypt},
};
use crate::{
    error::{OpenError, OpenErrorKind, SealError},
    time::{CLOCK_TOLERANCE, Timestamp},
    token::{self, SuiteId},
    wiped::Wiped,
};

/// The content of an auxiliary token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Auxiliary {
    /// Type 1: the device held its key when it answered a challenge.
    Proof { id: [u8; 16], device: [u8; 16] },
    /// Type 2: what a new key has to sign.
    RegistrationChallenge { id: [u8; 16] },
    /// Type 3: what a known key has to sign.
    RefreshChallenge { device: [u8; 16] },
    /// Type 4: the key of a session, for requests without its cookie.
    Binding { id: [u8; 16], key: [u8; 33] },
}

/// An opened auxiliary token: authentic and alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenedAuxiliary {
    pub(crate) content: Auxiliary,
    pub(crate) issued: Timestamp,
    pub(crate) expires: Timestamp,
}

impl Scope<'_, Encrypted> {
    /// Seals an auxiliary token that expires then.
    pub(crate) fn seal_auxiliary(
        &self,
        content: &Auxiliary,
        expires: Timestamp,
    ) -> Result<String, SealError> {
        if expires <= self.now {
            return Err(SealError::Expired);
        }
        let mut token = Wiped(vec![0; SuiteId::Auxiliary.prefix_len()]);
        content.append(self.now, expires, &mut token.0);
        let table = self.codec.table();
        let (key_id, keyed) = table.sealing(self.now).ok_or(SealError::NoSealingKey)?;
        encrypt(
            SuiteId::Auxiliary,
            &keyed.auxiliary,
            key_id,
            b"",
            &*self.codec.random,
            &mut token.0,
        )?;
        Ok(token::encode_text(&token))
    }

    /// Opens an auxiliary token.
    pub(crate) fn open_auxiliary(&self, value: &str) -> Result<OpenedAuxiliary, OpenError> {
        let opened = self.authenticate(value, SuiteId::Auxiliary, |keyed, bytes| {
            decrypt(&keyed.auxiliary, b"", bytes)
        })?;
        let content = opened.bytes.get(opened.content).unwrap_or_default();
        read(content, self.now)
    }
}

impl Auxiliary {
    /// `type || u32 issued || u32 expires || body fixed by type`
    fn append(&self, issued: Timestamp, expires: Timestamp, out: &mut Vec<u8>) {
        let (kind, parts): (u8, [&[u8]; 2]) = match self {
            Self::Proof { id, device } => (1, [id, device]),
            Self::RegistrationChallenge { id } => (2, [id, &[]]),
            Self::RefreshChallenge { device } => (3, [device, &[]]),
            Self::Binding { id, key } => (4, [id, key]),
        };
        out.push(kind);
        out.extend_from_slice(&issued.unix_seconds().to_be_bytes());
        out.extend_from_slice(&expires.unix_seconds().to_be_bytes());
        for part in parts {
            out.extend_from_slice(part);
        }
    }

    fn read(kind: u8, body: &[u8]) -> Option<Self> {
        let (id, rest) = body.split_first_chunk::<16>()?;
        let (id, is_alone) = (*id, rest.is_empty());
        match kind {
            1 => {
                let device = rest.try_into().ok()?;
                Some(Self::Proof { id, device })
            }
            2 if is_alone => Some(Self::RegistrationChallenge { id }),
            3 if is_alone => Some(Self::RefreshChallenge { device: id }),
            4 => {
                let key: [u8; 33] = rest.try_into().ok()?;
                matches!(key, [2 | 3, ..]).then_some(Self::Binding { id, key })
            }
            _ => None,
        }
    }
}

fn read(content: &[u8], now: Timestamp) -> Result<OpenedAuxiliary, OpenError> {
    const MALFORMED: OpenError = OpenError::new(
        OpenErrorKind::Malformed,
        "the auxiliary token is not as specified",
    );
    let time = |bytes: &[u8; 4]| Timestamp::from_unix_seconds(u32::from_be_bytes(*bytes));
    let (&kind, rest) = content.split_first().ok_or(MALFORMED)?;
    let (issued, rest) = rest.split_first_chunk().ok_or(MALFORMED)?;
    let (expires, body) = rest.split_first_chunk().ok_or(MALFORMED)?;
    let (issued, expires) = (time(issued), time(expires));
    let is_known = matches!(kind, 1..=4);
    let read = Auxiliary::read(kind, body);
    if issued > expires || is_known && read.is_none() {
        return Err(MALFORMED);
    }
    if issued > now + CLOCK_TOLERANCE {
        return Err(ISSUED_IN_THE_FUTURE);
    }
    if now >= expires {
        return Err(OpenError::new(
            OpenErrorKind::ExpiredIdle,
            "the auxiliary token has expired",
        ));
    }
    Ok(OpenedAuxiliary {
        content: read.ok_or(NEWER_FORMAT)?,
        issued,
        expires,
    })
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
    };

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_348_800);
    const MINUTE: Duration = Duration::from_mins(1);

    fn codec() -> EncryptedCodec {
        let keys = KeyRing::single(Key::generate().unwrap()).unwrap();
        let policy = Policy::new(MINUTE, MINUTE).unwrap();
        EncryptedCodec::builder("example.com", keys, policy)
            .build()
            .unwrap()
    }

    fn each() -> [(Auxiliary, usize); 4] {
        let (id, device, mut key) = ([1; 16], [2; 16], [7; 33]);
        key[0] = 3;
        [
            (Auxiliary::Proof { id, device }, 41),
            (Auxiliary::RegistrationChallenge { id }, 25),
            (Auxiliary::RefreshChallenge { device }, 25),
            (Auxiliary::Binding { id, key }, 58),
        ]
    }

    #[test]
    fn auxiliary_tokens_open_until_they_expire() {
        let codec = codec();
        for (content, len) in each() {
            let value = codec
                .at(NOW)
                .seal_auxiliary(&content, NOW + MINUTE)
                .unwrap();
            assert_eq!(value.len(), token::text_len(57 + len));
            let open = |now| codec.at(now).open_auxiliary(&value).map_err(|it| it.kind());
            let opened = OpenedAuxiliary {
                content,
                issued: NOW,
                expires: NOW + MINUTE,
            };
            let second = Duration::from_secs(1);
            assert_eq!(open(NOW), Ok(opened));
            assert_eq!(open(NOW + MINUTE - second), Ok(opened));
            assert_eq!(open(NOW + MINUTE), Err(OpenErrorKind::ExpiredIdle));
            assert_eq!(open(NOW - 2 * MINUTE), Ok(opened));
            let early = open(NOW - 2 * MINUTE - second);
            assert_eq!(early, Err(OpenErrorKind::NotYetValid));
            let refused = codec.at(NOW).seal_auxiliary(&content, NOW);
            assert_eq!(refused, Err(SealError::Expired));
        }
    }

    #[test]
    fn auxiliary_and_session_tokens_do_not_open_as_each_other() {
        let codec = codec();
        let scope = codec.at(NOW);
        let value = scope.seal_auxiliary(&each()[0].0, NOW + MINUTE).unwrap();
        let error = scope.open::<Plain<u8>>(&value).unwrap_err();
        assert_eq!(error.kind(), OpenErrorKind::WrongSuite);
        let session = scope.seal(&scope.new_identity().unwrap(), &Plain(7_u8));
        let error = scope.open_auxiliary(session.unwrap().value()).unwrap_err();
        assert_eq!(error.kind(), OpenErrorKind::WrongSuite);
        // Nor with the suite byte of the other: each purpose has a key of its own.
        let mut bytes = token::decode_text(&value).unwrap();
        bytes[0] = SuiteId::Encrypted as u8;
        bytes.0.extend([0; 32]);
        let error = scope.open_token(&token::encode_text(&bytes)).unwrap_err();
        assert_eq!(error.kind(), OpenErrorKind::NotAuthentic);
    }

    #[test]
    fn auxiliary_content_of_another_length_is_refused() {
        let kind = |content: &[u8]| read(content, NOW).unwrap_err().kind();
        for (content, _) in each() {
            let mut bytes = Vec::new();
            content.append(NOW, NOW + MINUTE, &mut bytes);
            assert_eq!(read(&bytes, NOW).unwrap().content, content);
            for len in 0..bytes.len() {
                assert_eq!(kind(&bytes[..len]), OpenErrorKind::Malformed);
            }
            bytes.push(0);
            assert_eq!(kind(&bytes), OpenErrorKind::Malformed);
            for newer in [0, 5, 255] {
                bytes[0] = newer;
                assert_eq!(kind(&bytes), OpenErrorKind::Unsupported);
            }
        }
        let mut bytes = Vec::new();
        each()[3].0.append(NOW, NOW + MINUTE, &mut bytes);
        bytes[25] = 4;
        assert_eq!(kind(&bytes), OpenErrorKind::Malformed);
        bytes.clear();
        each()[0].0.append(NOW + MINUTE, NOW, &mut bytes);
        assert_eq!(kind(&bytes), OpenErrorKind::Malformed);
    }
}
