//! AES-256 and AES-256-GCM of `RustCrypto`.
//!
//! GCM only ever encrypts blocks: the key schedule of AES decryption is not computed.

use core::slice::from_mut;

use aes::{
    Aes256Enc,
    cipher::{
        Array, Block, BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt,
        BlockSizeUser, InOut, KeyInit as _, ParBlocksSizeUser,
        consts::{U1, U12, U16},
        typenum::Unsigned as _,
    },
};
use aes_gcm::{AesGcm, aead::AeadInOut as _};
use zeroize::Zeroize as _;

use super::{NotAuthentic, TAG_LEN};

/// As [`AeadProvider::seal`](super::AeadProvider::seal).
pub(super) fn seal(
    key: &[u8; 32],
    iv: &[u8; 12],
    aad: &[u8],
    buffer: &mut [u8],
) -> Option<[u8; TAG_LEN]> {
    let aes = Ahead::new(key, iv, buffer.len());
    let tag = AesGcm::<_, U12>::from(&aes).encrypt_inout_detached(iv.into(), aad, buffer.into());
    tag.ok().map(Into::into)
}

/// As [`AeadProvider::open`](super::AeadProvider::open).
pub(super) fn open(
    key: &[u8; 32],
    iv: &[u8; 12],
    aad: &[u8],
    buffer: &mut [u8],
    tag: &[u8; TAG_LEN],
) -> Result<(), NotAuthentic> {
    let aes = Ahead::new(key, iv, buffer.len());
    AesGcm::<_, U12>::from(&aes)
        .decrypt_inout_detached(iv.into(), aad, buffer.into(), tag.into())
        .map_err(|_| NotAuthentic)
}

/// AES-256 for single blocks. Wiped when dropped.
pub(super) struct Blocks(Aes256Enc);

impl Blocks {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self(Aes256Enc::new(key.into()))
    }

    /// Encrypts each block in place.
    pub(super) fn encrypt(&self, blocks: &mut [[u8; 16]]) {
        let blocks = aes::Block::cast_slice_from_core_mut(blocks);
        self.0.encrypt_with_backend(Each(blocks));
    }
}

/// Encrypts each block in place.
///
/// One after the other where `aes` could take 30 or 64 at once: that needs 6 KB of stack more,
/// which would have to be wiped after each message, and few messages are that long.
struct Each<'b>(&'b mut [aes::Block]);

impl BlockSizeUser for Each<'_> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for Each<'_> {
    #[inline]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        if B::ParBlocksSize::USIZE > 8 {
            for block in self.0 {
                backend.encrypt_block_inplace(block);
            }
        } else {
            let (groups, rest) = Array::slice_as_chunks_mut(self.0);
            for group in groups {
                backend.encrypt_par_blocks_inplace(group);
            }
            backend.encrypt_tail_blocks_inplace(rest);
        }
    }
}

/// AES-256 for one message of GCM, with the blocks that GCM asks for encrypted in advance.
///
/// GCM asks four times. Where the processor has AVX-512, `aes` makes four copies of all round
/// keys each time, which takes as long as ten blocks: a quarter of a short message's time.
struct Ahead {
    aes: Aes256Enc,
    iv: [u8; 12],
    /// What the zero block and then the counter blocks from 1 on become.
    blocks: Vec<aes::Block>,
}

impl Ahead {
    /// For a message of that length.
    fn new(key: &[u8; 32], iv: &[u8; 12], len: usize) -> Self {
        let count = len.div_ceil(16).saturating_add(2);
        let mut blocks = Vec::with_capacity(count);
        blocks.push(aes::Block::default());
        blocks.extend((1_u32..).take(count.saturating_sub(1)).map(|number| {
            let mut block = aes::Block::default();
            let [head @ .., a, b, c, d] = &mut block.0;
            (*head, [*a, *b, *c, *d]) = (*iv, number.to_be_bytes());
            block
        }));
        let aes = Aes256Enc::new(key.into());
        aes.encrypt_with_backend(Each(&mut blocks));
        Self {
            aes,
            iv: *iv,
            blocks,
        }
    }

    /// The block that this one was encrypted to in advance.
    fn known(&self, input: &aes::Block) -> Option<&aes::Block> {
        let [head @ .., a, b, c, d] = input.0;
        let number = u32::from_be_bytes([a, b, c, d]);
        let is_known = head == if number == 0 { [0; 12] } else { self.iv };
        let place = usize::try_from(number).ok().filter(|_| is_known)?;
        self.blocks.get(place)
    }
}

impl BlockSizeUser for Ahead {
    type BlockSize = U16;
}

impl ParBlocksSizeUser for Ahead {
    type ParBlocksSize = U1;
}

impl BlockCipherEncrypt for Ahead {
    #[inline]
    fn encrypt_with_backend(&self, then: impl BlockCipherEncClosure<BlockSize = U16>) {
        then.call(self);
    }
}

impl BlockCipherEncBackend for Ahead {
    #[inline]
    fn encrypt_block(&self, mut block: InOut<'_, '_, Block<Self>>) {
        let mut output = *block.get_in();
        match self.known(&output) {
            Some(known) => output = *known,
            None => self.aes.encrypt_with_backend(Each(from_mut(&mut output))),
        }
        *block.get_out() = output;
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        let blocks = aes::Block::cast_slice_to_core_mut(&mut self.blocks);
        blocks.as_flattened_mut().zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Also those that GCM does not ask for.
    #[test]
    fn blocks_in_advance_are_those_of_aes() {
        let (key, iv) = ([7; 32], [8; 12]);
        for (len, count) in [(0, 2), (1, 3), (16, 3), (17, 4), (3_000, 190)] {
            let ahead = Ahead::new(&key, &iv, len);
            assert_eq!(ahead.blocks.len(), count);
            for head in [iv, [0; 12], [9; 12]] {
                for number in (0..200).chain([u32::MAX]) {
                    let mut input = aes::Block::default();
                    input[..12].copy_from_slice(&head);
                    input[12..].copy_from_slice(&number.to_be_bytes());
                    let is_asked = head == if number == 0 { [0; 12] } else { iv };
                    let is_known = is_asked && usize::try_from(number).unwrap() < count;
                    assert_eq!(ahead.known(&input).is_some(), is_known);
                    let (mut made, mut expected) = (input, input);
                    BlockCipherEncrypt::encrypt_block(&ahead, &mut made);
                    Aes256Enc::new(&key.into()).encrypt_block(&mut expected);
                    assert_eq!(made, expected, "{len} {head:?} {number}");
                }
            }
        }
    }
}
