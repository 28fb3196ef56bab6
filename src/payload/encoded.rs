//! A session's data in postcard: how long it is, its bytes, and whether it is still what it
//! was (SPEC section 8.1).

use serde::{Serialize, de::DeserializeOwned};

use super::from_postcard;
use crate::{error::SealError, wiped::Wiped};

/// The whole of `data` in postcard.
pub(crate) fn to_postcard<T: Serialize>(data: &T) -> Result<Wiped, SealError> {
    postcard::serialize_with_flavor(data, Growing::default()).map_err(|error| unsupported(&error))
}

/// Whether the whole of `data` in postcard is `bytes`, without writing it.
pub(crate) fn is_postcard_of<T: Serialize>(data: &T, bytes: &[u8]) -> Result<bool, SealError> {
    postcard::serialize_with_flavor(data, Compared { rest: Some(bytes) })
        .map_err(|error| unsupported(&error))
}

/// Appends postcard to `buffer`, if it takes at most `room` bytes. Returns how many it takes; the
/// buffer is as it was if they are more. It moves only before anything of `data` stands in it.
pub(super) fn append_postcard<T: Serialize>(
    data: &T,
    buffer: &mut Vec<u8>,
    room: usize,
) -> Result<usize, SealError> {
    let start = buffer.len();
    buffer.reserve_exact(room);
    let output = Bounded {
        buffer,
        room,
        len: 0,
    };
    let written = postcard::serialize_with_flavor(data, output);
    if !written.as_ref().is_ok_and(|len| *len <= room) {
        wipe_from(buffer, start);
    }
    written.map_err(|error| unsupported(&error))
}

/// Postcard output into what is left of a buffer. What does not fit is counted only.
struct Bounded<'b> {
    buffer: &'b mut Vec<u8>,
    room: usize,
    len: usize,
}

impl postcard::ser_flavors::Flavor for Bounded<'_> {
    type Output = usize;

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.try_extend(&[byte])
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.len = self.len.saturating_add(bytes.len());
        if self.len <= self.room {
            self.buffer.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn finalize(self) -> postcard::Result<usize> {
        Ok(self.len)
    }
}

/// Bytes in the clear that outgrow their buffer: they move to a larger one, and the old one is
/// wiped.
pub(crate) struct Growing(pub(crate) Wiped);

impl Growing {
    /// Appends these bytes.
    #[inline]
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.0.0.extend_from_slice(bytes);
    }

    /// Appends this many zeros, to be overwritten.
    pub(crate) fn space(&mut self, len: usize) -> &mut [u8] {
        self.reserve(len);
        let start = self.0.len();
        self.0.0.resize(start.saturating_add(len), 0);
        self.0.get_mut(start..).unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes back what was appended since then.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.0.0.truncate(len);
    }

    #[inline]
    fn reserve(&mut self, more: usize) {
        let buffer = &self.0.0;
        if more > buffer.capacity().saturating_sub(buffer.len()) {
            self.grow(more);
        }
    }

    #[cold]
    fn grow(&mut self, more: usize) {
        let needed = self.0.len().saturating_add(more);
        let larger = needed.max(self.0.0.capacity().saturating_mul(2));
        let mut larger = Wiped(Vec::with_capacity(larger));
        larger.0.extend_from_slice(&self.0);
        self.0 = larger;
    }
}

impl postcard::ser_flavors::Flavor for Growing {
    type Output = Wiped;

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.try_extend(&[byte])
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.extend(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Wiped> {
        Ok(self.0)
    }
}

impl Default for Growing {
    fn default() -> Self {
        Self(Wiped(Vec::with_capacity(512)))
    }
}

/// Postcard output that is compared with what is expected; tells whether it is all of that.
struct Compared<'b> {
    /// What is still expected; `None` after a difference. That is no error: a `Serialize`
    /// would make another one of it.
    rest: Option<&'b [u8]>,
}

impl postcard::ser_flavors::Flavor for Compared<'_> {
    type Output = bool;

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.try_extend(&[byte])
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.rest = self.rest.and_then(|rest| rest.strip_prefix(bytes));
        Ok(())
    }

    fn finalize(self) -> postcard::Result<bool> {
        Ok(self.rest.is_some_and(<[u8]>::is_empty))
    }
}

fn unsupported(error: &postcard::Error) -> SealError {
    SealError::Encode(match error {
        postcard::Error::WontImplement | postcard::Error::NotYetImplemented => {
            "postcard does not support this type"
        }
        postcard::Error::SerializeSeqLengthUnknown => {
            "a sequence or map of unknown length; look for serde(flatten)"
        }
        _ => "its Serialize implementation failed",
    })
}

pub(super) fn wipe_from(buffer: &mut Vec<u8>, start: usize) {
    use zeroize::Zeroize as _;
    if let Some(tail) = buffer.get_mut(start..) {
        tail.zeroize();
    }
    buffer.truncate(start);
}

/// In debug builds, whether what was written reads back and writes the same again, in
/// whatever order: hash maps have none.
pub(super) fn check_round_trip<T: Serialize + DeserializeOwned>(
    bytes: &[u8],
) -> Result<(), SealError> {
    if cfg!(debug_assertions) {
        let again: Option<T> = from_postcard(bytes);
        let same = again
            .and_then(|data| to_postcard(&data).ok())
            .is_some_and(|again| histogram(&again) == histogram(bytes));
        if !same {
            return Err(SealError::NotRoundTrip);
        }
    }
    Ok(())
}

fn histogram(bytes: &[u8]) -> [u32; 256] {
    let mut counts = [0_u32; 256];
    for &byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count = count.saturating_add(1);
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written as text, by way of `Display`.
    struct Shown(u32);

    impl Serialize for Shown {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(&self.0)
        }
    }

    #[test]
    fn postcard_that_outgrows_its_first_buffer_is_whole() {
        for len in [0, 511, 512, 513, 5_000] {
            let data = ("x".repeat(len), 7_u8);
            let expected = postcard::to_allocvec(&data).unwrap();
            assert_eq!(*to_postcard(&data).unwrap(), *expected);
        }
    }

    #[test]
    fn what_is_not_appended_leaves_the_buffer_as_it_was() {
        /// Fails after a text.
        struct Failing;
        impl Serialize for Failing {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("no"))
            }
        }
        let mut buffer = b"head".to_vec();
        assert!(append_postcard(&("text", Failing), &mut buffer, 100).is_err());
        assert_eq!(append_postcard(&"text", &mut buffer, 4), Ok(5));
        assert_eq!(buffer, b"head");
        assert_eq!(append_postcard(&"text", &mut buffer, 5), Ok(5));
        assert_eq!(buffer, b"head\x04text");
    }

    #[test]
    fn a_difference_is_no_error_however_the_data_is_written() {
        let bytes = to_postcard(&("a", Shown(41), 7_u8)).unwrap();
        for (data, same) in [
            (("a", Shown(41), 7_u8), true),
            (("a", Shown(42), 7), false),
            (("a", Shown(410), 7), false),
            (("b", Shown(41), 7), false),
            (("a", Shown(41), 8), false),
        ] {
            assert_eq!(is_postcard_of(&data, &bytes), Ok(same));
        }
        assert_eq!(is_postcard_of(&("a", Shown(41)), &bytes), Ok(false));
        assert_eq!(
            is_postcard_of(&("a", Shown(41), 7_u8, 1_u8), &bytes),
            Ok(false)
        );
    }
}
