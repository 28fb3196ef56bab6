//! A session's data in postcard: how long it is, its bytes, and whether it is still what it
//! was (SPEC section 8.1).

use serde::{Serialize, de::DeserializeOwned};

use super::from_postcard;
use crate::{error::SealError, wiped::Wiped};

/// The whole of `data` in postcard, in a buffer of exactly its size.
pub(crate) fn to_postcard<T: Serialize>(data: &T) -> Result<Wiped, SealError> {
    let size = size_in_postcard(data)?;
    let mut plain = Wiped(Vec::with_capacity(size));
    write_postcard(data, &mut plain.0, size)?;
    Ok(plain)
}

/// The length of [`to_postcard`], without writing it.
pub(crate) fn size_in_postcard<T: Serialize>(data: &T) -> Result<usize, SealError> {
    postcard::serialize_with_flavor(data, postcard::ser_flavors::Size::default())
        .map_err(|error| unsupported(&error))
}

/// Whether the whole of `data` in postcard is `bytes`, without writing it.
pub(crate) fn is_postcard_of<T: Serialize>(data: &T, bytes: &[u8]) -> Result<bool, SealError> {
    postcard::serialize_with_flavor(data, Compared { rest: Some(bytes) })
        .map_err(|error| unsupported(&error))
}

/// Appends postcard of that size to `buffer`, which is as it was on errors.
pub(super) fn write_postcard<T: Serialize>(
    data: &T,
    buffer: &mut Vec<u8>,
    size: usize,
) -> Result<(), SealError> {
    let start = buffer.len();
    buffer.resize(start.saturating_add(size), 0);
    let rest = buffer.get_mut(start..).unwrap_or_default();
    match postcard::serialize_with_flavor(data, Bounded { rest }) {
        Ok(0) => Ok(()),
        Ok(_) | Err(postcard::Error::SerializeBufferFull) => {
            wipe_from(buffer, start);
            Err(SealError::Encode("its size changes while it is written"))
        }
        Err(error) => {
            wipe_from(buffer, start);
            Err(unsupported(&error))
        }
    }
}

/// Postcard output into what is left of a buffer; tells how much remains.
struct Bounded<'b> {
    rest: &'b mut [u8],
}

impl postcard::ser_flavors::Flavor for Bounded<'_> {
    type Output = usize;

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        match core::mem::take(&mut self.rest) {
            [place, rest @ ..] => {
                *place = byte;
                self.rest = rest;
                Ok(())
            }
            [] => Err(postcard::Error::SerializeBufferFull),
        }
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        let (place, rest) = core::mem::take(&mut self.rest)
            .split_at_mut_checked(bytes.len())
            .ok_or(postcard::Error::SerializeBufferFull)?;
        place.copy_from_slice(bytes);
        self.rest = rest;
        Ok(())
    }

    fn finalize(self) -> postcard::Result<usize> {
        Ok(self.rest.len())
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

fn wipe_from(buffer: &mut Vec<u8>, start: usize) {
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
