//! The two ways to protect a token, and the one for records (SPEC section 1).

use core::ops::Range;

use crate::{
    crypto::{AeadProvider, HASH_LEN, NONCE_LEN, NotAuthentic, Prf, TAG_LEN, Xaes},
    keys::KeyId,
    random::{Random, RandomError},
    token::{KEYED_LEN, SuiteId},
};

/// Encrypted and authenticated: the client sees neither content nor claims.
#[derive(Clone, Copy, Debug)]
pub enum Encrypted {}

/// Authenticated only: **whoever holds the token reads all of it**.
#[derive(Clone, Copy, Debug)]
pub enum Signed {}

/// How a codec protects its tokens: [`Encrypted`] or [`Signed`].
///
/// A type, not a setting, so that no token can choose it (ASVS 9.1.2).
#[expect(
    private_bounds,
    reason = "sealed: there are two suites, and they live here"
)]
pub trait Suite: Protect + Send + Sync + 'static {}

impl Suite for Encrypted {}
impl Suite for Signed {}

/// What a suite does to a token's bytes.
pub(crate) trait Protect {
    const ID: SuiteId;
    /// `"SSC1/" p 0x00` in `K_p`.
    const PURPOSE: &'static [u8];
    /// A sub-key, prepared.
    type Key: Send + Sync + 'static;

    /// Prepares a sub-key. Signing needs no AEAD.
    fn prepare(provider: AeadProvider, key: &[u8; 32]) -> Self::Key;

    /// Completes `token`, which is `prefix_len` bytes of any content, then the claims and
    /// the body.
    fn protect(
        keyed: &Self::Key,
        key_id: KeyId,
        caller_aad: &[u8],
        random: &dyn Random,
        token: &mut Vec<u8>,
    ) -> Result<(), RandomError>;

    /// Verifies `token`, and tells where claims and body now stand in the clear. On failure
    /// `token` is as it was if the provider [keeps](AeadProvider::keeps_refused) it.
    fn verify(
        keyed: &Self::Key,
        caller_aad: &[u8],
        token: &mut [u8],
    ) -> Result<Range<usize>, NotAuthentic>;
}

impl Protect for Encrypted {
    const ID: SuiteId = SuiteId::Encrypted;
    const PURPOSE: &'static [u8] = b"SSC1/seal\0";
    type Key = Xaes;

    fn prepare(provider: AeadProvider, key: &[u8; 32]) -> Xaes {
        Xaes::new(provider, key)
    }

    fn protect(
        keyed: &Xaes,
        key_id: KeyId,
        caller_aad: &[u8],
        random: &dyn Random,
        token: &mut Vec<u8>,
    ) -> Result<(), RandomError> {
        encrypt(Self::ID, keyed, key_id, caller_aad, random, token)
    }

    fn verify(
        keyed: &Xaes,
        caller_aad: &[u8],
        token: &mut [u8],
    ) -> Result<Range<usize>, NotAuthentic> {
        decrypt(keyed, caller_aad, token)
    }
}

impl Protect for Signed {
    const ID: SuiteId = SuiteId::Signed;
    const PURPOSE: &'static [u8] = b"SSC1/sign\0";
    type Key = Prf;

    fn prepare(_: AeadProvider, key: &[u8; 32]) -> Prf {
        Prf::new(key)
    }

    fn protect(
        keyed: &Prf,
        key_id: KeyId,
        caller_aad: &[u8],
        _: &dyn Random,
        token: &mut Vec<u8>,
    ) -> Result<(), RandomError> {
        let mut header = [Self::ID as u8; KEYED_LEN];
        write(&mut header, 1, &key_id.0);
        write(token, 0, &header);
        let tag = keyed.mac(&[&length_of(caller_aad), caller_aad, token]);
        token.extend_from_slice(&tag);
        Ok(())
    }

    /// `HMAC-SHA-256(K_sign, u64(len caller_aad) || caller_aad || bytes 0..17+m)`
    fn verify(
        keyed: &Prf,
        caller_aad: &[u8],
        token: &mut [u8],
    ) -> Result<Range<usize>, NotAuthentic> {
        let (signed, tag) = token
            .split_last_chunk::<HASH_LEN>()
            .filter(|(signed, _)| signed.len() >= KEYED_LEN)
            .ok_or(NotAuthentic)?;
        keyed.verify(&[&length_of(caller_aad), caller_aad, signed], tag)?;
        Ok(KEYED_LEN..signed.len())
    }
}

/// Length of the header of the encrypted layout: suite, key id, nonce.
const HEADER_LEN: usize = SuiteId::Encrypted.prefix_len();

/// Seals in the encrypted layout: XAES-256-GCM, with `hdr || aad` authenticated beside the
/// content.
pub(crate) fn encrypt(
    suite: SuiteId,
    keyed: &Xaes,
    key_id: KeyId,
    aad: &[u8],
    random: &dyn Random,
    token: &mut Vec<u8>,
) -> Result<(), RandomError> {
    let mut header = [suite as u8; HEADER_LEN];
    write(&mut header, 1, &key_id.0);
    let nonce: [u8; NONCE_LEN] = crate::random::array(random)?;
    write(&mut header, KEYED_LEN, &nonce);
    write(token, 0, &header);

    let content = token.get_mut(HEADER_LEN..).unwrap_or_default();
    // Refused only where memory does not suffice; treated as a failure to seal.
    let tag = with_aad(&header, aad, |aad| keyed.seal(&nonce, aad, content)).ok_or(RandomError)?;
    token.extend_from_slice(&tag);
    Ok(())
}

/// Opens the encrypted layout in place. On failure `token` is as it was if the provider
/// [keeps](AeadProvider::keeps_refused) it; a caller with another key to try looks at that.
pub(crate) fn decrypt(
    keyed: &Xaes,
    aad: &[u8],
    token: &mut [u8],
) -> Result<Range<usize>, NotAuthentic> {
    let (header, rest) = token
        .split_first_chunk_mut::<HEADER_LEN>()
        .ok_or(NotAuthentic)?;
    let nonce = header.last_chunk::<NONCE_LEN>().ok_or(NotAuthentic)?;
    let (content, tag) = rest.split_last_chunk_mut::<TAG_LEN>().ok_or(NotAuthentic)?;
    with_aad(header, aad, |aad| keyed.open(nonce, aad, content, tag))?;
    Ok(HEADER_LEN..HEADER_LEN.saturating_add(content.len()))
}

/// Calls `then` with `hdr || aad`, copying only where there is an `aad`.
fn with_aad<T>(header: &[u8], aad: &[u8], then: impl FnOnce(&[u8]) -> T) -> T {
    if aad.is_empty() {
        then(header)
    } else {
        then(&[header, aad].concat())
    }
}

fn length_of(bytes: &[u8]) -> [u8; 8] {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes()
}

/// Copies `from` to `to`, from position `at`; not at all where there is no room for it.
fn write(to: &mut [u8], at: usize, from: &[u8]) {
    let place = to.get_mut(at..).and_then(|to| to.get_mut(..from.len()));
    if let Some(place) = place {
        place.copy_from_slice(from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{codec::table::sub_key, keys::Key, token::encode_text};

    /// Gives 40, 41, 42, ….
    struct Counting;

    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
            for (byte, value) in bytes.iter_mut().zip(0x40..) {
                *byte = value;
            }
            Ok(())
        }
    }

    fn key() -> Key {
        Key::from_bytes(&(0..32).collect::<Vec<_>>()).unwrap()
    }

    fn keyed<S: Suite>(provider: AeadProvider) -> S::Key {
        let key = sub_key(&key(), S::PURPOSE, "example.com", "__Host-session");
        S::prepare(provider, &key)
    }

    fn signing() -> Prf {
        keyed::<Signed>(AeadProvider::RustCrypto)
    }

    /// The first vector of SPEC section 9, which was computed outside Rust.
    #[test]
    fn the_bytes_are_those_of_an_independent_computation() {
        for &provider in AeadProvider::EACH {
            let keyed = keyed::<Encrypted>(provider);
            let mut token = [&[0; HEADER_LEN][..], b"hello session"].concat();
            Encrypted::protect(&keyed, key().id(), b"", &Counting, &mut token).unwrap();
            assert_eq!(
                encode_text(&token),
                "Aavs4rZ9pbNpRaiSUj_2-exAQUJDREVGR0hJSktMTU5PUFFSU1RVVlenH5f7j7oVQnoRrvJ0mOhTZXS8XlPLyhYxcG0gTg"
            );
            let content = Encrypted::verify(&keyed, b"", &mut token).unwrap();
            assert_eq!(&token[content], b"hello session");
        }
    }

    #[test]
    fn caller_data_and_content_cannot_be_shifted_into_each_other() {
        for (aad, body) in [(&b"ab"[..], &b"c"[..]), (b"a", b"bc"), (b"", b"abc")] {
            let keyed = signing();
            let mut token = [&[0; KEYED_LEN][..], body].concat();
            Signed::protect(&keyed, key().id(), aad, &Counting, &mut token).unwrap();
            assert_eq!(
                Signed::verify(&keyed, aad, &mut token),
                Ok(17..17 + body.len())
            );
            for other in [&b""[..], b"a", b"ab", b"abc"] {
                let accepted = Signed::verify(&keyed, other, &mut token).is_ok();
                assert_eq!(accepted, other == aad);
            }
        }
        // Nor bytes of the token into the caller's data: the length stands before both.
        let keyed = signing();
        let mut token = vec![0; 2 * KEYED_LEN];
        Signed::protect(&keyed, key().id(), b"", &Counting, &mut token).unwrap();
        let (aad, rest) = token.split_at_mut(KEYED_LEN);
        assert!(Signed::verify(&keyed, aad, rest).is_err());
        assert!(Signed::verify(&keyed, b"", &mut token).is_ok());
    }

    #[test]
    fn tokens_shorter_than_their_frame_are_refused() {
        for len in 0..HEADER_LEN + TAG_LEN {
            let mut token = vec![0; len];
            for &provider in AeadProvider::EACH {
                let keyed = keyed::<Encrypted>(provider);
                assert!(Encrypted::verify(&keyed, b"", &mut token).is_err());
            }
            assert!(Signed::verify(&signing(), b"", &mut token).is_err());
        }
    }
}
