//! XAES-256-GCM (<https://c2sp.org/XAES-256-GCM>): AES-256-GCM under a key that each message
//! derives from its nonce.

use core::mem::MaybeUninit;

use zeroize::{Zeroizing, optimization_barrier};

#[cfg(feature = "aws-lc")]
use super::aws_lc;
use super::{AeadProvider, NotAuthentic, TAG_LEN, count_operations, rust_crypto};

/// Length of a nonce. It may be random for every message.
pub(crate) const NONCE_LEN: usize = 24;

/// XAES-256-GCM under one key, prepared: the AES-256 schedule of the key, and CMAC's K1.
///
/// Both stand on the heap, where they are wiped when dropped. Each message's key is wiped after
/// its use, and with it the stack on which it has been.
pub(crate) struct Xaes {
    provider: AeadProvider,
    /// `None` only where AWS-LC refuses a key of the right length.
    prepared: Option<Box<Prepared>>,
}

struct Prepared {
    aes: Aes,
    k1: Zeroizing<u128>,
}

/// AES-256 under the key, for single blocks.
#[cfg_attr(
    feature = "aws-lc",
    expect(clippy::large_enum_variant, reason = "boxed with what is around it")
)]
enum Aes {
    RustCrypto(rust_crypto::Blocks),
    #[cfg(feature = "aws-lc")]
    AwsLc(aws_lc::Blocks),
}

impl Xaes {
    /// Prepares a key.
    pub(crate) fn new(provider: AeadProvider, key: &[u8; 32]) -> Self {
        let prepared = Prepared::new(provider, key);
        wipe_stack::<PREPARE_STACK>();
        Self { provider, prepared }
    }

    /// Encrypts `buffer` in place and returns the tag.
    ///
    /// `None` only where [`AeadProvider::seal`] returns it.
    pub(crate) fn seal(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        buffer: &mut [u8],
    ) -> Option<[u8; TAG_LEN]> {
        let tag = self.seal_unwiped(nonce, aad, buffer);
        wipe_stack::<MESSAGE_STACK>();
        tag
    }

    /// Decrypts `buffer` in place, as [`AeadProvider::open`].
    pub(crate) fn open(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        buffer: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), NotAuthentic> {
        let opened = self.open_unwiped(nonce, aad, buffer, tag);
        wipe_stack::<MESSAGE_STACK>();
        opened
    }

    #[inline(never)]
    fn seal_unwiped(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        buffer: &mut [u8],
    ) -> Option<[u8; TAG_LEN]> {
        let (key, iv) = self.message_key(nonce)?;
        self.provider.seal(&key, iv, aad, buffer)
    }

    #[inline(never)]
    fn open_unwiped(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        buffer: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), NotAuthentic> {
        let (key, iv) = self.message_key(nonce).ok_or(NotAuthentic)?;
        self.provider.open(&key, iv, aad, buffer, tag)
    }

    /// `Kx = AES_K(M_1 xor K1) || AES_K(M_2 xor K1)` and `Nx = N[12..24]`, where
    /// `M_i = 00 i 58 00 || N[0..12]`.
    fn message_key<'n>(
        &self,
        nonce: &'n [u8; NONCE_LEN],
    ) -> Option<(Zeroizing<[u8; 32]>, &'n [u8; 12])> {
        let Prepared { aes, k1 } = self.prepared.as_deref()?;
        let (context, iv) = nonce.split_first_chunk::<12>()?;
        let mut key = Zeroizing::new([0; 32]);
        let (blocks, _) = key.as_chunks_mut();
        for (block, number) in blocks.iter_mut().zip(1..) {
            let mut message = [0; 16];
            let [_, counter, label, _, rest @ ..] = &mut message;
            (*counter, *label, *rest) = (number, b'X', *context);
            *block = (u128::from_be_bytes(message) ^ **k1).to_be_bytes();
        }
        aes.encrypt(blocks)?;
        Some((key, iv.first_chunk()?))
    }
}

impl Prepared {
    #[inline(never)]
    fn new(provider: AeadProvider, key: &[u8; 32]) -> Option<Box<Self>> {
        let aes = match provider {
            AeadProvider::RustCrypto => Aes::RustCrypto(rust_crypto::Blocks::new(key)),
            #[cfg(feature = "aws-lc")]
            AeadProvider::AwsLc => Aes::AwsLc(aws_lc::Blocks::new(key)?),
        };
        let mut prepared = Box::new(Self {
            aes,
            k1: Zeroizing::new(0),
        });
        let mut l = Zeroizing::new([0; 16]);
        prepared.aes.encrypt(core::slice::from_mut(&mut *l))?;
        let l = Zeroizing::new(u128::from_be_bytes(*l));
        // Without a branch on a secret bit.
        *prepared.k1 = (*l << 1) ^ (0x87 & (*l >> 127).wrapping_neg());
        Some(prepared)
    }
}

impl Aes {
    /// Encrypts each block in place.
    #[cfg_attr(
        not(feature = "aws-lc"),
        expect(clippy::unnecessary_wraps, reason = "AWS-LC can fail")
    )]
    fn encrypt(&self, blocks: &mut [[u8; 16]]) -> Option<()> {
        count_operations(blocks.len());
        match self {
            Self::RustCrypto(aes) => aes.encrypt(blocks),
            #[cfg(feature = "aws-lc")]
            Self::AwsLc(aes) => aes.encrypt(blocks.as_flattened_mut())?,
        }
        Some(())
    }
}

/// Kilobytes of stack that the sealing key and a message's key can have come to.
///
/// By what stood there afterwards these are 4.1 at most, of all levels of optimisation, and
/// 10.3 unoptimised; for preparing a key 5.3 and 12.2. `scripts/memory.sh` finds what is left.
const MESSAGE_STACK: usize = if cfg!(debug_assertions) { 16 } else { 5 };
const PREPARE_STACK: usize = 2 * MESSAGE_STACK;

/// Wipes that many kilobytes of the stack below its caller's frame.
///
/// `aes` returns a key schedule by value and copies round keys. They stay in frames that have
/// returned, out of reach of any `Drop`.
#[inline(never)]
fn wipe_stack<const KILOBYTES: usize>() {
    // Piece by piece: `memset` begins slowly from 2 KB on.
    let mut stack = [const { MaybeUninit::<[u8; 1024]>::uninit() }; KILOBYTES];
    for piece in &mut stack {
        optimization_barrier(piece.write([0; 1024]));
    }
}

#[cfg(test)]
#[path = "crypto_xaes_tests.rs"]
mod tests;
