//! Texts that are bytes in disguise: base64url, base16, UUIDs and JWTs (SPEC 8.2).

use std::sync::LazyLock;

use base64::{
    Engine as _,
    engine::{Simd, general_purpose::NO_PAD},
};
use minicbor::{Decoder, data::Tag};

use super::{
    ValueError,
    read::Reader,
    write::{Output, head_len, length},
};

/// RFC 8949, section 3.4.5.2; RFC 9562; and two of this format's own.
const BASE64URL: u64 = 21;
const UUID: u64 = 37;
const BASE16: u64 = 47_888;
const JWT: u64 = 47_889;

/// The shortest texts that are packed in these forms.
const LEAST: usize = 16;
const LEAST_BASE64URL: usize = 22;

static BASE64: LazyLock<Simd> = LazyLock::new(|| Simd::url_safe(NO_PAD));

/// Writes a text in the shortest of its forms.
#[inline]
pub(super) fn write(out: &mut Output, text: &str) -> Result<(), ValueError> {
    let first = text.as_bytes().first_chunk::<LEAST>();
    if !first.is_some_and(|first| first.iter().all(|&byte| may_be_packed(byte)) && pack(out, text))
    {
        out.str(text)?;
    }
    Ok(())
}

/// Writes a text as bytes, if that is shorter and exact.
fn pack(out: &mut Output, text: &str) -> bool {
    let start = out.writer().len();
    // A text is in one of these forms at most, but for UUIDs: they may be base64url too.
    [uuid, base16, base64url, jwt].into_iter().any(|form| {
        let done = form(out, text).is_some();
        if !done {
            out.writer_mut().truncate(start);
        }
        done
    })
}

/// Whether a packed text may have this byte. Most texts have another among their first.
const fn may_be_packed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

fn uuid(out: &mut Output, text: &str) -> Option<()> {
    let text: &[u8; 36] = text.as_bytes().try_into().ok()?;
    if [text[8], text[13], text[18], text[23]] != *b"----" {
        return None;
    }
    let mut id = [0; 16];
    decode_base16(&text[..8], &mut id[..4])?;
    decode_base16(&text[9..13], &mut id[4..6])?;
    decode_base16(&text[14..18], &mut id[6..8])?;
    decode_base16(&text[19..23], &mut id[8..10])?;
    decode_base16(&text[24..], &mut id[10..])?;
    out.tag(Tag::new(UUID)).ok()?.bytes(&id).ok().map(drop)
}

fn base16(out: &mut Output, text: &str) -> Option<()> {
    let text = text.as_bytes();
    // Most texts stop here.
    decode_base16(text.get(..4)?, &mut [0; 2])?;
    let len = text.len() / 2;
    out.tag(Tag::new(BASE16)).ok()?;
    out.bytes_len(length(len)).ok()?;
    decode_base16(text, out.writer_mut().space(len))
}

fn base64url(out: &mut Output, text: &str) -> Option<()> {
    if text.len() < LEAST_BASE64URL {
        return None;
    }
    out.tag(Tag::new(BASE64URL)).ok()?;
    decode_base64url(out, text)
}

/// Three parts of base64url. Short ones are longer than their text.
fn jwt(out: &mut Output, text: &str) -> Option<()> {
    let bytes = text.as_bytes();
    let (first, rest) = text.split_at_checked(bytes.iter().position(|&byte| byte == b'.')?)?;
    let (second, third) = rest.strip_prefix('.')?.split_once('.')?;
    let three = [first, second, third];
    let lens = three.map(|part| decoded_len(part.len()));
    let whole = |len: usize| head_len(length(len)).saturating_add(len);
    let packed = lens.into_iter().map(whole).fold(4, usize::saturating_add);
    if lens.contains(&0) || packed >= whole(text.len()) {
        return None;
    }
    out.tag(Tag::new(JWT)).ok()?.array(3).ok()?;
    three
        .into_iter()
        .try_for_each(|part| decode_base64url(out, part))
}

/// Writes the byte string whose base64url is `text`.
fn decode_base64url(out: &mut Output, text: &str) -> Option<()> {
    let len = decoded_len(text.len());
    out.bytes_len(length(len)).ok()?;
    let decoded = BASE64.decode_slice(text, out.writer_mut().space(len));
    (decoded == Ok(len)).then_some(())
}

const fn decoded_len(text: usize) -> usize {
    text.saturating_mul(3) / 4
}

/// Decodes pairs of lower-case digits into as many bytes.
fn decode_base16(text: &[u8], bytes: &mut [u8]) -> Option<()> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(byte.wrapping_sub(b'a' - 10)),
        _ => None,
    };
    let (pairs, []) = text.as_chunks() else {
        return None;
    };
    for ([high, low], byte) in pairs.iter().zip(bytes) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(())
}

/// Reads a tag, and the text under it.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<String> {
    let tag = reader.tag()?;
    if tag == JWT {
        let 3 = reader.count(Decoder::array, 2)? else {
            return None;
        };
        let mut text = BASE64.encode(bytes(reader, 1)?);
        for _ in 0..2 {
            text.push('.');
            BASE64.encode_string(bytes(reader, 1)?, &mut text);
        }
        return Some(text);
    }
    Some(match tag {
        BASE64URL => BASE64.encode(bytes(reader, decoded_len(LEAST_BASE64URL))?),
        BASE16 => encode_base16(bytes(reader, LEAST / 2)?, &[]),
        UUID => {
            let id: &[u8; 16] = bytes(reader, 16)?.try_into().ok()?;
            encode_base16(id, &[4, 6, 8, 10])
        }
        _ => return None,
    })
}

/// Reads a byte string of at least this length.
fn bytes<'a>(reader: &mut Reader<'a>, least: usize) -> Option<&'a [u8]> {
    reader.bytes().filter(|bytes| bytes.len() >= least)
}

/// Lower-case digits, with a dash before the bytes at these places.
fn encode_base16(bytes: &[u8], dashes: &[usize]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or_default();
    let mut text =
        String::with_capacity(bytes.len().saturating_mul(2).saturating_add(dashes.len()));
    for (place, byte) in bytes.iter().enumerate() {
        if dashes.contains(&place) {
            text.push('-');
        }
        text.push(digit(byte >> 4));
        text.push(digit(byte & 0xf));
    }
    text
}
