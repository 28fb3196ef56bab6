//! The primitives of SSC1 (SPEC section 2): HKDF-Expand, SHA-256, XAES-256-GCM.
//!
//! The one place that calls them: hashes of `RustCrypto` here, its AES in
//! `crypto_rust_crypto.rs`, AWS-LC's in `crypto_aws_lc.rs`. It knows bytes and keys, not tokens.

#[cfg(feature = "aws-lc")]
#[path = "crypto_aws_lc.rs"]
mod aws_lc;
#[path = "crypto_rust_crypto.rs"]
mod rust_crypto;
#[path = "crypto_xaes.rs"]
mod xaes;

use hmac::{
    KeyInit as _,
    block_api::HmacCore,
    digest::{
        Output,
        block_api::{Buffer, FixedOutputCore as _, UpdateCore as _},
    },
};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

pub(crate) use xaes::{NONCE_LEN, Xaes};

/// Length of the AES-GCM tag.
pub(crate) const TAG_LEN: usize = 16;
/// Length of an HMAC-SHA-256 tag, of a derived key and of a SHA-256 digest.
pub(crate) const HASH_LEN: usize = 32;

/// The ciphertext, its header or its associated data is not what was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAuthentic;

/// HMAC-SHA-256 under one key, the key already absorbed: using it costs two hash blocks
/// fewer than preparing it anew.
#[derive(Clone)]
pub(crate) struct Prf(HmacCore<Sha256>);

impl Prf {
    pub(crate) fn new(key: &[u8; HASH_LEN]) -> Self {
        // HMAC fills a key up to its block with zeros; done here, no length can be wrong.
        let mut block = Zeroizing::new([0; 64]);
        for (to, from) in block.iter_mut().zip(key) {
            *to = *from;
        }
        Self(HmacCore::new((&*block).into()))
    }

    /// `EXPAND(k, info) = HMAC-SHA-256(k, info || 0x01)`: HKDF-Expand-SHA-256 with
    /// L = 32 (RFC 5869 section 2.3). `info` is the concatenation of the parts.
    pub(crate) fn expand(&self, info: &[&[u8]]) -> Zeroizing<[u8; HASH_LEN]> {
        Zeroizing::new(self.tag_of(info, &[0x01]))
    }

    /// HMAC-SHA-256 of the concatenated parts.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> [u8; HASH_LEN] {
        self.tag_of(parts, &[])
    }

    /// Compares `tag` with the HMAC of the parts in constant time.
    pub(crate) fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> Result<(), NotAuthentic> {
        let same = self.tag_of(parts, &[]).as_slice().ct_eq(tag);
        if same.into() {
            Ok(())
        } else {
            Err(NotAuthentic)
        }
    }

    /// HMAC-SHA-256 of the parts and of what is last. Its state stays in its place, where it
    /// is wiped: `finalize` of `Hmac` takes it by value, and leaves a copy on the stack.
    fn tag_of(&self, parts: &[&[u8]], last: &[u8]) -> [u8; HASH_LEN] {
        count_operations(1);
        let mut mac = self.0.clone();
        let mut buffer = Buffer::<HmacCore<Sha256>>::default();
        for part in parts {
            buffer.digest_blocks(part, |blocks| mac.update_blocks(blocks));
        }
        buffer.digest_blocks(last, |blocks| mac.update_blocks(blocks));
        let mut tag = Output::<HmacCore<Sha256>>::default();
        mac.finalize_fixed_core(&mut buffer, &mut tag);
        tag.into()
    }
}

/// SHA-256 of the concatenated parts.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; HASH_LEN] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// The library whose AES-256 and AES-256-GCM a codec calls.
///
/// Tokens and records are the same bytes under each: what was sealed with one, the other
/// opens, so that servers can be changed one after the other, and back. Everything else,
/// HMAC-SHA-256 and SHA-256, is `RustCrypto`'s in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AeadProvider {
    /// The crates `aes` and `aes-gcm` of `RustCrypto`: Rust alone, with the processor's AES
    /// instructions where it has them.
    #[default]
    RustCrypto,
    /// AWS-LC, through the crate `aws-lc-rs`: C and assembly, which need a C compiler to
    /// build. Preparing a key, of which each message has its own, costs it less. This is no
    /// FIPS-validated path: `SECURITY.md` says why.
    #[cfg(feature = "aws-lc")]
    AwsLc,
}

impl AeadProvider {
    /// Encrypts `buffer` in place with AES-256-GCM and returns the tag.
    ///
    /// `None` only where `buffer` or `aad` exceed GCM's limit of 2^36 bytes, or where
    /// AWS-LC has no memory for a key.
    fn seal(
        self,
        key: &[u8; 32],
        iv: &[u8; 12],
        aad: &[u8],
        buffer: &mut [u8],
    ) -> Option<[u8; TAG_LEN]> {
        count_operations(1);
        match self {
            Self::RustCrypto => rust_crypto::seal(key, iv, aad, buffer),
            #[cfg(feature = "aws-lc")]
            Self::AwsLc => aws_lc::seal(key, iv, aad, buffer),
        }
    }

    /// Decrypts `buffer` in place. On failure it holds no plaintext, and is still the
    /// ciphertext only if [`keeps_refused`](Self::keeps_refused).
    fn open(
        self,
        key: &[u8; 32],
        iv: &[u8; 12],
        aad: &[u8],
        buffer: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), NotAuthentic> {
        count_operations(1);
        match self {
            Self::RustCrypto => rust_crypto::open(key, iv, aad, buffer, tag),
            #[cfg(feature = "aws-lc")]
            Self::AwsLc => aws_lc::open(key, iv, aad, buffer, tag),
        }
    }

    /// Whether a ciphertext that [`open`](Self::open) refused is as it was. `RustCrypto`
    /// verifies before it decrypts; AWS-LC does both at once, and then overwrites.
    pub(crate) const fn keeps_refused(self) -> bool {
        match self {
            Self::RustCrypto => true,
            #[cfg(feature = "aws-lc")]
            Self::AwsLc => false,
        }
    }

    /// Each that there is, for tests.
    #[cfg(test)]
    pub(crate) const EACH: &[Self] = &[
        Self::RustCrypto,
        #[cfg(feature = "aws-lc")]
        Self::AwsLc,
    ];
}

#[cfg(test)]
std::thread_local! {
    /// How many HMACs, single AES blocks and AES-GCM messages this thread has begun.
    pub(crate) static OPERATIONS: core::cell::Cell<usize> = const { core::cell::Cell::new(0) };
}

#[cfg(test)]
fn count_operations(more: usize) {
    OPERATIONS.with(|count| count.set(count.get() + more));
}

#[cfg(not(test))]
#[inline(always)]
fn count_operations(_: usize) {}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len() / 2)
            .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
            .collect()
    }

    /// RFC 5869 appendix A.1: its OKM's first 32 bytes are one `EXPAND`.
    #[test]
    fn expand_is_the_first_block_of_hkdf_expand() {
        let prk: [u8; 32] = hex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")
            .try_into()
            .unwrap();
        let okm = Prf::new(&prk).expand(&[&hex("f0f1f2f3f4f5"), &hex("f6f7f8f9")]);
        assert_eq!(
            okm.to_vec(),
            hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf")
        );
    }

    /// RFC 4231 test case 1, its key padded with zeros to the block as HMAC does.
    #[test]
    fn mac_is_hmac_sha_256() {
        let mut key = [0; 32];
        key[..20].fill(0x0b);
        let prf = Prf::new(&key);
        let tag = prf.mac(&[b"Hi ", b"There"]);
        assert_eq!(
            tag.to_vec(),
            hex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
        );
        assert_eq!(prf.verify(&[b"Hi There"], &tag), Ok(()));
        assert_eq!(prf.verify(&[b"Hi There"], &tag[..31]), Err(NotAuthentic));
        assert_eq!(prf.verify(&[b"Hi there"], &tag), Err(NotAuthentic));
    }

    /// Test case 16 of the GCM specification (`McGrew` and Viega).
    #[test]
    fn the_aead_is_aes_256_gcm() {
        let key: [u8; 32] = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308")
            .try_into()
            .unwrap();
        let iv: [u8; 12] = hex("cafebabefacedbaddecaf888").try_into().unwrap();
        let aad = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let plain = hex(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
             1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        );
        for provider in AeadProvider::EACH {
            let mut buffer = plain.clone();
            let tag = provider.seal(&key, &iv, &aad, &mut buffer).unwrap();
            assert_eq!(tag.to_vec(), hex("76fc6ece0f4e1768cddf8853bb2d551b"));
            assert_eq!(provider.open(&key, &iv, &aad, &mut buffer, &tag), Ok(()));
            assert_eq!(buffer, plain);
            let refused = provider.open(&key, &iv, &aad, &mut buffer, &[0; 16]);
            assert_eq!(refused, Err(NotAuthentic), "{provider:?}");
        }
    }
}

#[cfg(test)]
#[path = "crypto_wycheproof.rs"]
mod wycheproof;
