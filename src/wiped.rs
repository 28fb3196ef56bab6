//! Bytes in the clear, which do not outlive their use.

use zeroize::Zeroize as _;

/// A buffer that is wiped when dropped, its spare capacity included.
///
/// `Zeroizing<Vec<u8>>` promises the same and writes byte after byte; this wipes in bulk.
#[derive(Default, PartialEq, Eq)]
pub(crate) struct Wiped(pub(crate) Vec<u8>);

impl Drop for Wiped {
    fn drop(&mut self) {
        // Without a buffer there is nothing to wipe, and filling nothing at its dangling
        // pointer is slow: vector stores that are masked out still look the address up.
        if self.0.capacity() > 0 {
            self.0.as_mut_slice().zeroize();
            self.0.spare_capacity_mut().zeroize();
        }
    }
}

impl core::ops::Deref for Wiped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl core::ops::DerefMut for Wiped {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

/// The length only.
impl core::fmt::Debug for Wiped {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Wiped({})", self.0.len())
    }
}
