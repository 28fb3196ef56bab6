//! A session's data as the body of a token, and back (SPEC section 6).

use core::ops::Range;

use serde::{Serialize, de::DeserializeOwned};

use super::{
    compress::{Compression, Mode, padded_len},
    encoded::{append_postcard, check_round_trip, to_postcard, wipe_from},
};
use crate::{
    error::{OpenError, OpenErrorKind, SealError},
    wiped::Wiped,
};

/// How hard deflate tries in a cookie, where every byte counts: its usual level.
const COOKIE_LEVEL: u8 = 6;

/// In a record, where the time counts.
const RECORD_LEVEL: u8 = 1;

/// Smaller records are not deflated: it takes many times as long as all the rest, and saves a
/// few classes of padding at most.
const DEFLATED_FROM: usize = 4_096;

/// A body appended to a buffer, and the flags that say how it is to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) deflated: bool,
    pub(crate) padded: bool,
}

/// The most that the body of a token may inflate to.
pub(crate) const MAX_INFLATED: usize = 64 * 1024;

/// The outcome of [`append`].
pub(crate) enum Appended {
    /// The body stands in the buffer.
    Body(Shape),
    /// It would not fit: the bytes it would take at the smallest that was tried. The
    /// buffer is as it was.
    TooLarge(usize),
}

/// Appends the body of `data` to `buffer`, in at most `room` bytes.
///
/// `data` is written once, into room for the largest body: `buffer` moves in memory only before
/// anything of `data` stands in it, so that no copy of the plaintext stays behind.
pub(crate) fn append<T: Serialize + DeserializeOwned>(
    buffer: &mut Vec<u8>,
    data: &T,
    room: usize,
    compression: Compression,
) -> Result<Appended, SealError> {
    let start = buffer.len();
    let size = append_postcard(data, buffer, room)?;
    if size <= room && compression.0 != Mode::Always {
        check_round_trip::<T>(buffer.get(start..).unwrap_or_default())?;
        return Ok(Appended::Body(Shape::default()));
    }
    wipe_from(buffer, start);
    // What would not be inflated again is not deflated either.
    if matches!(compression.0, Mode::InStore | Mode::Never) || size > MAX_INFLATED {
        return Ok(Appended::TooLarge(size));
    }

    let plain = to_postcard(data)?;
    check_round_trip::<T>(&plain)?;
    let deflated = Wiped(miniz_oxide::deflate::compress_to_vec(&plain, COOKIE_LEVEL));
    if compression.0 == Mode::Always {
        return Ok(if deflated.len() < plain.len() && deflated.len() <= room {
            buffer.extend_from_slice(&deflated);
            Appended::Body(Shape {
                deflated: true,
                padded: false,
            })
        } else if plain.len() <= room {
            buffer.extend_from_slice(&plain);
            Appended::Body(Shape::default())
        } else {
            Appended::TooLarge(deflated.len().min(plain.len()))
        });
    }
    let Some(padded) = padded_len(deflated.len(), room) else {
        let smallest = deflated.len().saturating_add(4).min(plain.len());
        return Ok(Appended::TooLarge(smallest));
    };
    // A deflated body longer than 4 GiB does not fit any room that memory allows.
    let length = u32::try_from(deflated.len()).unwrap_or(u32::MAX);
    buffer.extend_from_slice(&length.to_be_bytes());
    buffer.extend_from_slice(&deflated);
    buffer.resize(start.saturating_add(padded), 0);
    Ok(Appended::Body(Shape {
        deflated: true,
        padded: true,
    }))
}

/// Appends the body of `data` as a record: of at most `max` bytes in postcard, compressed from
/// 4,096 bytes on where that helps, and always padded.
pub(crate) fn append_record<T: Serialize + DeserializeOwned>(
    buffer: &mut Vec<u8>,
    data: &T,
    max: usize,
    compression: Compression,
) -> Result<Appended, SealError> {
    let plain = to_postcard(data)?;
    if plain.len() > max {
        return Ok(Appended::TooLarge(plain.len()));
    }
    check_round_trip::<T>(&plain)?;
    let deflated = (compression.0 != Mode::Never && plain.len() >= DEFLATED_FROM)
        .then(|| Wiped(miniz_oxide::deflate::compress_to_vec(&plain, RECORD_LEVEL)));
    let deflated = deflated.filter(|deflated| deflated.len() < plain.len());
    let content = deflated.as_ref().unwrap_or(&plain);
    let (Some(padded), Ok(length)) = (
        padded_len(content.len(), usize::MAX),
        u32::try_from(content.len()),
    ) else {
        return Ok(Appended::TooLarge(plain.len()));
    };
    let start = buffer.len();
    // Room for the tag too: the record does not move in memory while it is plain.
    buffer.reserve_exact(padded.saturating_add(16));
    buffer.extend_from_slice(&length.to_be_bytes());
    buffer.extend_from_slice(content);
    buffer.resize(start.saturating_add(padded), 0);
    Ok(Appended::Body(Shape {
        deflated: deflated.is_some(),
        padded: true,
    }))
}

/// Replaces the body of a token or record, which stands at `body` in `bytes`, by its postcard
/// bytes: without its padding, inflated to at most `limit` bytes. Tells where they stand.
///
/// Only for bodies that a key has vouched for.
pub(crate) fn expand(
    bytes: &mut Wiped,
    body: Range<usize>,
    shape: Shape,
    limit: usize,
) -> Result<Range<usize>, OpenError> {
    let content = if shape.padded {
        unpad(bytes, body)?
    } else {
        body
    };
    if !shape.deflated {
        return Ok(content);
    }
    *bytes = inflate(bytes.get(content).unwrap_or_default(), limit)?;
    Ok(0..bytes.len())
}

/// Where a padded body has its content.
fn unpad(bytes: &[u8], body: Range<usize>) -> Result<Range<usize>, OpenError> {
    const BAD_PADDING: OpenError =
        OpenError::new(OpenErrorKind::Malformed, "padding is not as specified");
    let start = body.start.saturating_add(4);
    let padded = bytes.get(body).unwrap_or_default();
    let (length, rest) = padded.split_first_chunk().ok_or(BAD_PADDING)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| BAD_PADDING)?;
    let (_, padding) = rest.split_at_checked(length).ok_or(BAD_PADDING)?;
    // Without an early end, so that the compiler can look at many at once.
    if padding.iter().fold(0, |all, byte| all | byte) != 0 {
        return Err(BAD_PADDING);
    }
    Ok(start..start.saturating_add(length))
}

fn inflate(content: &[u8], limit: usize) -> Result<Wiped, OpenError> {
    use miniz_oxide::inflate::{
        TINFLStatus,
        core::{
            DecompressorOxide, decompress, inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
        },
    };
    const BAD_DEFLATE: OpenError =
        OpenError::new(OpenErrorKind::Malformed, "not one whole deflate stream");
    const BOMB: OpenError =
        OpenError::new(OpenErrorKind::TooLarge, "inflates to more than is allowed");

    // Larger buffers only as the stream proves to need them, never on its word.
    let mut plain = Wiped(vec![0; content.len().saturating_mul(8).min(limit).max(1)]);
    loop {
        let (status, read, written) = decompress(
            &mut DecompressorOxide::new(),
            content,
            &mut plain,
            0,
            TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
        );
        match status {
            // A limit of nothing is less than the smallest buffer.
            TINFLStatus::Done if written > limit => return Err(BOMB),
            TINFLStatus::Done if read == content.len() => {
                plain.0.truncate(written);
                return Ok(plain);
            }
            TINFLStatus::HasMoreOutput if plain.len() >= limit => return Err(BOMB),
            TINFLStatus::HasMoreOutput => {
                let larger = plain.len().saturating_mul(4).min(limit);
                plain = Wiped(vec![0; larger]);
            }
            _ => return Err(BAD_DEFLATE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::from_postcard;

    const ROOM: usize = 2_973;

    fn body(data: &str, room: usize, compression: Compression) -> Result<(Vec<u8>, Shape), usize> {
        let mut buffer = b"head".to_vec();
        match append(&mut buffer, &data.to_owned(), room, compression).unwrap() {
            Appended::Body(shape) => {
                assert!(buffer.starts_with(b"head"));
                Ok((buffer.split_off(4), shape))
            }
            Appended::TooLarge(size) => {
                assert_eq!(buffer, b"head", "nothing is left behind");
                Err(size)
            }
        }
    }

    fn read(body: &[u8], shape: Shape) -> Result<String, OpenErrorKind> {
        // Where it stands among other bytes.
        let mut bytes = Wiped([b"head", body, b"tag"].concat());
        let place = 4..bytes.len() - 3;
        let plain = expand(&mut bytes, place, shape, 64 * 1024).map_err(|error| error.kind())?;
        Ok(from_postcard(&bytes[plain]).unwrap())
    }

    #[test]
    fn a_record_is_deflated_from_4096_bytes_on() {
        let record = |len: usize| {
            let mut buffer = Vec::new();
            let data = "a".repeat(len);
            let max = 1 << 20;
            match append_record(&mut buffer, &data, max, Compression::IN_STORE).unwrap() {
                Appended::Body(shape) => {
                    assert_eq!(read(&buffer, shape), Ok(data));
                    (buffer.len(), shape.deflated)
                }
                Appended::TooLarge(size) => panic!("{size}"),
            }
        };
        // Two bytes of postcard's own length, four of the padding's.
        assert_eq!(record(506), (512, false));
        assert_eq!(record(507), (1_024, false));
        assert_eq!(record(4_093), (5_120, false));
        assert_eq!(record(4_094), (512, true));
    }

    #[test]
    fn a_record_that_deflate_does_not_shorten_stays_as_it_is() {
        let mut state = 1_u32;
        let random: Vec<u8> = core::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .take(5_000)
        .collect();
        let mut buffer = Vec::new();
        let shape = append_record(&mut buffer, &random, 1 << 20, Compression::IN_STORE).unwrap();
        assert!(matches!(shape, Appended::Body(shape) if shape.padded && !shape.deflated));
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        let text = "a".repeat(ROOM - 2);
        let (bytes, shape) = body(&text, ROOM, Compression::dangerous_when_needed()).unwrap();
        assert_eq!(shape, Shape::default());
        assert_eq!(bytes.len(), ROOM);
        assert_eq!(read(&bytes, shape).unwrap(), text);
    }

    #[test]
    fn what_does_not_fit_is_deflated_and_padded_to_a_class() {
        let text = "a".repeat(ROOM - 1);
        let (bytes, shape) = body(&text, ROOM, Compression::dangerous_when_needed()).unwrap();
        assert!(shape.deflated && shape.padded);
        assert_eq!(bytes.len(), 512);
        assert_eq!(read(&bytes, shape).unwrap(), text);
    }

    #[test]
    fn never_means_never_and_always_means_whenever_it_is_shorter() {
        let long = "a".repeat(ROOM - 1);
        assert_eq!(body(&long, ROOM, Compression::NEVER), Err(ROOM + 1));
        let always = Compression::dangerous_always();
        let (bytes, shape) = body(&"a".repeat(100), ROOM, always).unwrap();
        assert!(shape.deflated && !shape.padded && bytes.len() < 20);
        assert_eq!(read(&bytes, shape).unwrap(), "a".repeat(100));
        let (_, shape) = body("q7", ROOM, always).unwrap();
        assert_eq!(shape, Shape::default());
    }

    #[test]
    fn too_large_names_the_smallest_size_that_was_tried() {
        let text: String = (0..5_000_u32).map(|n| n.to_string()).collect();
        let size = body(&text, ROOM, Compression::dangerous_when_needed()).unwrap_err();
        assert!(size > ROOM && size < text.len(), "{size}");
    }

    #[test]
    fn what_would_not_be_inflated_again_is_not_deflated() {
        // Three bytes of postcard are the text's length.
        let most = "a".repeat(MAX_INFLATED - 3);
        let (bytes, shape) = body(&most, ROOM, Compression::dangerous_when_needed()).unwrap();
        assert_eq!(read(&bytes, shape).unwrap(), most);
        for compression in [
            Compression::dangerous_when_needed(),
            Compression::dangerous_always(),
        ] {
            let more = "a".repeat(MAX_INFLATED - 2);
            assert_eq!(body(&more, ROOM, compression), Err(MAX_INFLATED + 1));
        }
    }

    #[test]
    fn padding_that_is_not_as_specified_is_refused() {
        let padded = Shape {
            padded: true,
            deflated: false,
        };
        assert_eq!(read(&[0, 0, 0, 2, 1, b'x', 0, 0], padded).unwrap(), "x");
        for bad in [
            &[0, 0, 0][..],
            &[0, 0, 0, 2, 1],
            &[0, 0, 0, 2, 1, b'x', 0, 1],
            &[0xff, 0xff, 0xff, 0xff, 1, b'x'],
        ] {
            assert_eq!(read(bad, padded), Err(OpenErrorKind::Malformed), "{bad:?}");
        }
    }

    #[test]
    fn inflating_is_capped_and_takes_one_whole_stream() {
        let deflated = Shape {
            padded: false,
            deflated: true,
        };
        let pack = |plain: &[u8]| miniz_oxide::deflate::compress_to_vec(plain, 6);
        let limit = 64 * 1024;
        let expand_to = |body: &[u8], limit| {
            let mut bytes = Wiped(body.to_vec());
            expand(&mut bytes, 0..body.len(), deflated, limit).map_err(|error| error.kind())
        };
        let expand = |body: &[u8]| expand_to(body, limit);
        assert_eq!(expand_to(&pack(&[]), 0), Ok(0..0));
        for (len, limit) in [(1, 0), (100, 0), (2, 1), (100, 99)] {
            let stream = pack(&vec![7; len]);
            assert_eq!(expand_to(&stream, limit), Err(OpenErrorKind::TooLarge));
            assert_eq!(expand_to(&stream, len), Ok(0..len));
        }
        assert_eq!(expand(&pack(&vec![7; limit])), Ok(0..limit));
        assert_eq!(
            expand(&pack(&vec![7; limit + 1])),
            Err(OpenErrorKind::TooLarge)
        );
        assert_eq!(
            expand(&pack(&vec![7; 64 << 20])),
            Err(OpenErrorKind::TooLarge)
        );
        let mut stream = pack(b"hello hello hello");
        assert!(expand(&stream).is_ok());
        stream.push(0);
        assert_eq!(expand(&stream), Err(OpenErrorKind::Malformed));
        stream.truncate(stream.len() - 2);
        assert_eq!(expand(&stream), Err(OpenErrorKind::Malformed));
        assert_eq!(expand(&[]), Err(OpenErrorKind::Malformed));
        assert_eq!(expand(&[0xff; 40]), Err(OpenErrorKind::Malformed));
    }
}
