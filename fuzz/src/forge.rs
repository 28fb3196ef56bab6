//! Makes and opens tokens around any content, as a holder of the key can: the layouts, keys
//! and records of SPEC and SPEC-STORE once more, with the primitives alone.
//!
//! So the targets reach what lies behind the tag without a door in the library.

use aes_gcm::{
    Aes256Gcm,
    aead::{AeadInOut as _, KeyInit as _},
    aes::{Aes256, cipher::BlockCipherEncrypt as _},
};
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::reader;

const HEADER_LEN: usize = 41;
const TAG_LEN: usize = 16;

/// The keys of one root, context and name.
pub struct Forge {
    kid: [u8; 16],
    seal: [u8; 32],
    sign: [u8; 32],
    store: [u8; 32],
}

impl Forge {
    #[must_use]
    pub fn new(root: &[u8; 32], context: &str, name: &str) -> Self {
        let sub_key = |purpose: &str| {
            let len = |text: &str| u16::try_from(text.len()).unwrap().to_be_bytes();
            expand(
                root,
                &[
                    b"SSC1/",
                    purpose.as_bytes(),
                    b"\0",
                    &len(context),
                    context.as_bytes(),
                    &len(name),
                    name.as_bytes(),
                ],
            )
        };
        Self {
            kid: expand(root, &[b"SSC1/kid"])[..16].try_into().unwrap(),
            seal: sub_key("seal"),
            sign: sub_key("sign"),
            store: sub_key("store"),
        }
    }

    /// An encrypted token around `content`, which is CLAIMS || BODY if it is anything.
    #[must_use]
    pub fn encrypted(&self, nonce: &[u8; 24], aad: &[u8], content: &[u8]) -> String {
        reader::to_base64(&self.encrypt(1, &self.seal, nonce, aad, content))
    }

    /// A signed token around `content`.
    #[must_use]
    pub fn signed(&self, aad: &[u8], content: &[u8]) -> String {
        let mut token = [&[2], &self.kid[..], content].concat();
        let tag = self.signature(aad, &token);
        token.extend(tag);
        reader::to_base64(&token)
    }

    /// The record around `content`, as the row of that session and version.
    #[must_use]
    pub fn record(
        &self,
        handle: &[u8; 32],
        sid: &[u8; 16],
        version: u64,
        nonce: &[u8; 24],
        content: &[u8],
    ) -> Vec<u8> {
        let aad = [&row_key(sid)[..], &version.to_be_bytes()].concat();
        let record_key = expand(&self.store, &[handle]);
        self.encrypt(3, &record_key, nonce, &aad, content)
    }

    /// The content of the record in the row of that session and version, if it is authentic.
    #[must_use]
    pub fn record_content(
        &self,
        handle: &[u8; 32],
        sid: &[u8; 16],
        version: u64,
        record: &[u8],
    ) -> Option<Vec<u8>> {
        let aad = [&row_key(sid)[..], &version.to_be_bytes()].concat();
        let record_key = expand(&self.store, &[handle]);
        self.decrypt(3, &record_key, &aad, record)
    }

    /// The content of a token of suite 1 or 2, if it is authentic.
    #[must_use]
    pub fn content(&self, suite: u8, aad: &[u8], token: &[u8]) -> Option<Vec<u8>> {
        if suite == 1 {
            return self.decrypt(1, &self.seal, aad, token);
        }
        let content = token.strip_prefix(&[suite])?.strip_prefix(&self.kid)?;
        let (content, tag) = content.split_last_chunk::<32>()?;
        let signed = &token[..token.len() - tag.len()];
        (self.signature(aad, signed) == *tag).then(|| content.to_vec())
    }

    #[must_use]
    pub fn kid(&self) -> &[u8; 16] {
        &self.kid
    }

    fn signature(&self, aad: &[u8], signed: &[u8]) -> [u8; 32] {
        hmac(
            &self.sign,
            &[&(aad.len() as u64).to_be_bytes(), aad, signed],
        )
    }

    fn encrypt(
        &self,
        suite: u8,
        key: &[u8; 32],
        nonce: &[u8; 24],
        aad: &[u8],
        content: &[u8],
    ) -> Vec<u8> {
        let header = [&[suite], &self.kid[..], nonce].concat();
        let (cipher, iv) = xaes(key, nonce);
        let mut content = content.to_vec();
        let tag = cipher
            .encrypt_inout_detached(
                &iv.into(),
                &[&header, aad].concat(),
                content.as_mut_slice().into(),
            )
            .unwrap();
        [&header[..], &content, &tag].concat()
    }

    fn decrypt(&self, suite: u8, key: &[u8; 32], aad: &[u8], token: &[u8]) -> Option<Vec<u8>> {
        let rest = token.strip_prefix(&[suite])?.strip_prefix(&self.kid)?;
        let (nonce, rest) = rest.split_first_chunk()?;
        let (content, tag) = rest.split_last_chunk::<TAG_LEN>()?;
        let (cipher, iv) = xaes(key, nonce);
        let mut content = content.to_vec();
        cipher
            .decrypt_inout_detached(
                &iv.into(),
                &[&token[..HEADER_LEN], aad].concat(),
                content.as_mut_slice().into(),
                tag.into(),
            )
            .ok()?;
        Some(content)
    }
}

/// `SHA-256("SSC1/store-id" 0x00 || sid)`
#[must_use]
pub fn row_key(sid: &[u8; 16]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"SSC1/store-id\0");
    hash.update(sid);
    hash.finalize().into()
}

/// XAES-256-GCM of one message: AES-256-GCM under the message's key, and its nonce.
fn xaes(key: &[u8; 32], nonce: &[u8; 24]) -> (Aes256Gcm, [u8; 12]) {
    let aes = Aes256::new(key.into());
    let encrypt = |block: u128| {
        let mut block = block.to_be_bytes().into();
        aes.encrypt_block(&mut block);
        u128::from_be_bytes(block.into())
    };
    let l = encrypt(0);
    let k1 = (l << 1) ^ ((l >> 127) * 0x87);
    let half = |number: u8| {
        let message = [&[0, number, b'X', 0], &nonce[..12]].concat();
        encrypt(u128::from_be_bytes(message.try_into().unwrap()) ^ k1).to_be_bytes()
    };
    let message_key: [u8; 32] = [half(1), half(2)].concat().try_into().unwrap();
    let cipher = Aes256Gcm::new(&message_key.into());
    (cipher, nonce[12..].try_into().unwrap())
}

fn expand(key: &[u8; 32], info: &[&[u8]]) -> [u8; 32] {
    hmac(key, &[info, &[&[1][..]]].concat())
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    use hmac::KeyInit as _;
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}
