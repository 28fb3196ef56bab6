//! Texts that are bytes in disguise: base64url, base16, UUIDs and JWTs (SPEC 8.2).

use std::sync::LazyLock;

use base64::{
    Engine as _,
    engine::{Simd, general_purpose::NO_PAD},
};
use minicbor::data::Tag;

use super::{
    ValueError,
    read::{ARRAY, BYTES, Reader},
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

/// Most texts are told from packed ones by their first characters.
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

/// Reads the text under this tag.
pub(super) fn read(reader: &mut Reader<'_>, tag: u64) -> Option<String> {
    if tag == JWT {
        let (ARRAY, 3) = reader.head()? else {
            return None;
        };
        let mut text = BASE64.encode(part(reader, 1)?);
        for _ in 0..2 {
            text.push('.');
            BASE64.encode_string(part(reader, 1)?, &mut text);
        }
        return Some(text);
    }
    Some(match tag {
        BASE64URL => BASE64.encode(part(reader, decoded_len(LEAST_BASE64URL))?),
        BASE16 => encode_base16(part(reader, LEAST / 2)?, &[]),
        UUID => {
            let id: &[u8; 16] = part(reader, 16)?.try_into().ok()?;
            encode_base16(id, &[4, 6, 8, 10])
        }
        _ => return None,
    })
}

/// Reads a byte string of at least this length.
fn part<'a>(reader: &mut Reader<'a>, least: usize) -> Option<&'a [u8]> {
    let (BYTES, len) = reader.head()? else {
        return None;
    };
    reader.bytes(len).filter(|bytes| bytes.len() >= least)
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

#[cfg(test)]
mod tests {
    use super::super::{Map, read::read, write::write};
    use super::*;

    /// The bytes of a text, in hex; they are read as the same.
    fn packed(text: &str) -> String {
        let mut map = Map::new();
        map.insert("x", text);
        let bytes = write(&map).unwrap();
        assert_eq!(read(&bytes), Some(map), "{text}");
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        hex.strip_prefix("a16178").unwrap().to_owned()
    }

    fn is_text(text: &str) -> bool {
        let head = if text.len() < 24 { 2 } else { 4 };
        packed(text).len() == head + 2 * text.len()
    }

    #[test]
    fn texts_that_are_bytes_are_written_as_bytes() {
        for (text, hex) in [
            // 16 digits and 22 characters are the least.
            ("0123456789abcdef", "d9bb10480123456789abcdef"),
            ("0011223344556677889aab", "d9bb104b0011223344556677889aab"),
            (
                "AAECAwQFBgcICQoLDA0ODw",
                "d550000102030405060708090a0b0c0d0e0f",
            ),
            (
                "________-----________w",
                "d550fffffffffffffbefbefbffffffffffff",
            ),
            // Digits in upper case, or an odd number of them.
            (
                "000102030405060708090A",
                "d550d34d35d36d37d38d39d3ad3bd3cd3dd0",
            ),
            (
                "00010203040506070809000",
                "d551d34d35d36d37d38d39d3ad3bd3cd3dd34d",
            ),
            (
                "00112233-4455-6677-8899-aabbccddeeff",
                "d8255000112233445566778899aabbccddeeff",
            ),
            (
                "00112233-4455-6677-8899-AABBCCDDEEFF",
                "d5581bd34d75db6df7fb8e39e7eebaefbfbcf3df7e0000410820c3104145",
            ),
            ("AA.AAAAAA.AAAAAA", "d9bb1183410044000000004400000000"),
        ] {
            assert_eq!(packed(text), hex, "{text}");
        }
    }

    #[test]
    fn texts_that_are_no_bytes_or_no_shorter_stay_texts() {
        for text in [
            "",
            "0123456789abcde",
            "0123456789abcdeg",
            "0123456789ABCDEF",
            "AAECAwQFBgcICQoLDA0OD",
            // Bits that are not zero behind the last byte, a length that no bytes have, padding.
            "AAECAwQFBgcICQoLDA0ODx",
            "AAECAwQFBgcICQoLDA0ODwAA0",
            "AAECAwQFBgcICQoLDA0ODw==",
            "AAECAwQFBgcICQoLDA0OD+",
            "AAECAwQFBgcICQoLDA0OD/",
            "AAECAwQFBgcICQoLDA0O DA",
            "morgan.riley@example.com",
            "Your order has been placed.",
            "ABCDEFGHIJKLMNOPQRSTUVWXYé",
            // Three parts that are as long as their text; two, four, and an empty one.
            "AAAA.AAAA.AAAAAA",
            "AAAAAAAAAAAA.AAAAAAAAAAAA",
            "AAAAAAAA.AAAAAAAA.AAAAAAAA.AAAAAAAA",
            "AAAAAAAAAAAA..AAAAAAAAAAAA",
            ".AAAAAAAAAAAA.AAAAAAAAAAAA",
            "AAAAAAAAAAAA.AAAAAAAAAAAA.",
            "AAAAAAAAAAAA.AAAAAAAAAAAAx.AAAA",
            "AAAAAAAAAAAA.AAAAAA!AAAAA.AAAA",
        ] {
            assert!(is_text(text), "{text}");
        }
    }

    #[test]
    fn every_length_of_packed_text_comes_back() {
        for len in 0..200 {
            let bytes: Vec<u8> = (0..len).map(|n: u8| n.wrapping_mul(37)).collect();
            let base64url = BASE64.encode(&bytes);
            let base16 = encode_base16(&bytes, &[]);
            assert_eq!(is_text(&base64url), base64url.len() < 22, "{base64url}");
            assert_eq!(is_text(&base16), base16.len() < 16, "{base16}");
            let jwt = format!("{base64url}.{base64url}.{base64url}");
            assert_eq!(is_text(&jwt), len < 4, "{jwt}");
        }
    }
}
