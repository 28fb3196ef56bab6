//! The least that a sealed cookie can cost: postcard, an AEAD of AWS-LC under a key that is
//! prepared, a nonce from the kernel, SIMD base64. No expiry, no key id, no rotation, no claims,
//! no wiping.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    cipher::{AES_256, EncryptingKey, UnboundCipherKey},
};
use sealed_session::SessionData;

use crate::NAME;

/// With AES-256-GCM: the key schedule is kept, which random nonces forbid beyond 2^32 messages.
pub struct Gcm(LessSafeKey);

/// With XAES-256-GCM: two blocks, and a key schedule for each message.
pub struct Xaes {
    aes: EncryptingKey,
    k1: u128,
}

pub trait Floor {
    const NONCE_LEN: usize;

    fn new() -> Self;

    /// The key and the nonce of GCM.
    fn gcm<T>(&self, nonce: &[u8], then: impl FnOnce(&LessSafeKey, Nonce) -> T) -> T;

    fn seal<T: SessionData>(&self, data: &T) -> String {
        let mut buffer = vec![0; 3_072];
        let (nonce, rest) = buffer.split_at_mut(Self::NONCE_LEN);
        getrandom::fill(nonce).unwrap();
        let content = postcard::to_slice(data, rest).unwrap();
        let tag = self.gcm(nonce, |key, iv| {
            key.seal_in_place_separate_tag(iv, Aad::from(NAME), content)
                .unwrap()
        });
        let end = Self::NONCE_LEN + content.len();
        buffer.truncate(end);
        buffer.extend_from_slice(tag.as_ref());
        base64_simd::URL_SAFE_NO_PAD.encode_to_string(&buffer)
    }

    fn open<T: SessionData>(&self, value: &str) -> Option<T> {
        let mut bytes = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(value).ok()?;
        let (nonce, content) = bytes.split_at_mut_checked(Self::NONCE_LEN)?;
        let plain = self.gcm(nonce, |key, iv| {
            key.open_in_place(iv, Aad::from(NAME), content).ok()
        })?;
        postcard::from_bytes(plain).ok()
    }
}

impl Floor for Gcm {
    const NONCE_LEN: usize = 12;

    fn new() -> Self {
        Self(prepare(&random()))
    }

    fn gcm<T>(&self, nonce: &[u8], then: impl FnOnce(&LessSafeKey, Nonce) -> T) -> T {
        then(&self.0, iv(nonce))
    }
}

impl Floor for Xaes {
    const NONCE_LEN: usize = 24;

    fn new() -> Self {
        let key = UnboundCipherKey::new(&AES_256, &random()).unwrap();
        let aes = EncryptingKey::ecb(key).unwrap();
        let mut l = [0; 16];
        aes.encrypt(&mut l).unwrap();
        let l = u128::from_be_bytes(l);
        let k1 = (l << 1) ^ (0x87 & (l >> 127).wrapping_neg());
        Self { aes, k1 }
    }

    fn gcm<T>(&self, nonce: &[u8], then: impl FnOnce(&LessSafeKey, Nonce) -> T) -> T {
        let (context, nonce) = nonce.split_at(12);
        let mut key = [0; 32];
        for (block, number) in key.chunks_exact_mut(16).zip(1..) {
            let mut message = [0, number, b'X', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            message[4..].copy_from_slice(context);
            block.copy_from_slice(&(u128::from_be_bytes(message) ^ self.k1).to_be_bytes());
        }
        self.aes.encrypt(&mut key).unwrap();
        then(&prepare(&key), iv(nonce))
    }
}

fn random() -> [u8; 32] {
    let mut key = [0; 32];
    getrandom::fill(&mut key).unwrap();
    key
}

fn prepare(key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap())
}

fn iv(nonce: &[u8]) -> Nonce {
    Nonce::try_assume_unique_for_key(nonce).unwrap()
}
