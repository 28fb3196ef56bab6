//! AES-256 and AES-256-GCM of AWS-LC.
//!
//! It keeps a GCM key in memory of its own, which `OPENSSL_free` wipes before it gives it back.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    cipher::{AES_256, EncryptingKey, UnboundCipherKey},
    error::Unspecified,
};

use super::{NotAuthentic, TAG_LEN};

/// As [`AeadProvider::seal`](super::AeadProvider::seal).
pub(super) fn seal(
    key: &[u8; 32],
    iv: &[u8; 12],
    aad: &[u8],
    buffer: &mut [u8],
) -> Option<[u8; TAG_LEN]> {
    let nonce = Nonce::assume_unique_for_key(*iv);
    let tag = prepare(key)
        .and_then(|key| key.seal_in_place_separate_tag(nonce, Aad::from(aad), buffer))
        .ok()?;
    tag.as_ref().try_into().ok()
}

/// As [`AeadProvider::open`](super::AeadProvider::open). What is refused is overwritten with
/// zeros.
pub(super) fn open(
    key: &[u8; 32],
    iv: &[u8; 12],
    aad: &[u8],
    buffer: &mut [u8],
    tag: &[u8; TAG_LEN],
) -> Result<(), NotAuthentic> {
    let nonce = Nonce::assume_unique_for_key(*iv);
    prepare(key)
        .and_then(|key| {
            key.open_in_place_separate_tag(nonce, Aad::from(aad), tag, buffer)
                .map(|_| ())
        })
        .map_err(|Unspecified| NotAuthentic)
}

fn prepare(key: &[u8; 32]) -> Result<LessSafeKey, Unspecified> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new)
}

/// AES-256 for single blocks: its ECB mode, which is nothing else. Wiped when dropped.
pub(super) struct Blocks(EncryptingKey);

impl Blocks {
    pub(super) fn new(key: &[u8; 32]) -> Option<Self> {
        let key = UnboundCipherKey::new(&AES_256, key).and_then(EncryptingKey::ecb);
        key.ok().map(Self)
    }

    /// Encrypts whole blocks in place.
    pub(super) fn encrypt(&self, blocks: &mut [u8]) -> Option<()> {
        self.0.encrypt(blocks).ok().map(|_| ())
    }
}
