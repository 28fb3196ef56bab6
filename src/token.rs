//! The bytes of a token, before any key has vouched for them (SPEC section 1).

use core::fmt;
use std::sync::LazyLock;

use base64::{
    Engine as _,
    engine::{Simd, general_purpose::NO_PAD},
};

use crate::{
    claims::{Claims, MIN_LEN as MIN_CLAIMS_LEN},
    error::{OpenError, OpenErrorKind},
    keys::KeyId,
    wiped::Wiped,
};

/// The longest cookie that browsers keep: name and value together (RFC 6265bis section
/// 5.6, ASVS 3.3.5). No token text is longer.
pub const MAX_COOKIE_LEN: usize = 4096;

/// Suite byte and key id, in this many bytes at the start of every token.
pub(crate) const KEYED_LEN: usize = 17;

/// How a token is protected: its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SuiteId {
    /// XAES-256-GCM: only the server reads it.
    Encrypted = 1,
    /// HMAC-SHA-256: everybody who holds it reads it, only the server makes it.
    Signed = 2,
    /// The encrypted layout under a key that needs the handle too: rows of a store.
    Record = 3,
    /// The encrypted layout for what accompanies a session, such as proofs.
    Auxiliary = 4,
}

impl SuiteId {
    /// Bytes in front of the claims.
    pub(crate) const fn prefix_len(self) -> usize {
        match self {
            Self::Encrypted | Self::Record | Self::Auxiliary => 41,
            Self::Signed => KEYED_LEN,
        }
    }

    /// Bytes of the tag at the end.
    pub(crate) const fn tag_len(self) -> usize {
        match self {
            Self::Encrypted | Self::Record | Self::Auxiliary => 16,
            Self::Signed => 32,
        }
    }

    /// The shortest token: one without a body.
    pub(crate) const fn min_len(self) -> usize {
        // Small constants: cannot overflow.
        let claims = match self {
            Self::Auxiliary => 9,
            _ => MIN_CLAIMS_LEN,
        };
        self.prefix_len()
            .saturating_add(claims)
            .saturating_add(self.tag_len())
    }

    fn of(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Encrypted),
            2 => Some(Self::Signed),
            3 => Some(Self::Record),
            4 => Some(Self::Auxiliary),
            _ => None,
        }
    }
}

/// What stands at the start of a token: enough to look up its key, and all that is read
/// of a token whose key is unknown.
#[derive(Clone, Copy)]
pub(crate) struct Prefix {
    pub(crate) suite: u8,
    pub(crate) key_id: KeyId,
}

impl Prefix {
    /// Decodes the first 24 characters of a token's text.
    pub(crate) fn peek(text: &str) -> Result<Self, OpenError> {
        check_text_len(text)?;
        let head = text.as_bytes().first_chunk::<24>().ok_or(NOT_BASE64)?;
        // By hand: called for so little, the crate takes half of what it costs to refuse a
        // token whose key is unknown.
        let mut bytes = [0; 18];
        let mut seen = 0;
        let (quads, (threes, _)) = (head.as_chunks().0, bytes.as_chunks_mut());
        for (three, [a, b, c, d]) in threes.iter_mut().zip(quads) {
            let bits = |c: &u8| BASE64URL.get(usize::from(*c)).copied().unwrap_or(u8::MAX);
            let (a, b, c, d) = (bits(a), bits(b), bits(c), bits(d));
            seen |= a | b | c | d;
            *three = [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d];
        }
        if seen > 63 {
            return Err(NOT_BASE64);
        }
        let [suite, key_id @ .., _] = bytes;
        Ok(Self {
            suite,
            key_id: KeyId(key_id),
        })
    }
}

/// The six bits of each character; above 63 for those that are not of the alphabet.
#[expect(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    reason = "computed by the compiler, which would notice"
)]
static BASE64URL: [u8; 256] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut values = [u8::MAX; 256];
    let mut value = 0;
    while value < 64 {
        values[alphabet[value] as usize] = value as u8;
        value += 1;
    }
    values
};

/// Decodes a token's text into a buffer that is wiped when dropped.
///
/// Strict (SPEC section 1): no padding, no white space, no other alphabet, no trailing
/// bits, so that every token has exactly one text.
pub(crate) fn decode_text(text: &str) -> Result<Wiped, OpenError> {
    check_text_len(text)?;
    let mut bytes = Wiped(vec![0; byte_len(text.len())]);
    match BASE64.decode_slice(text, &mut bytes.0) {
        Ok(len) if len == bytes.0.len() => Ok(bytes),
        _ => Err(NOT_BASE64),
    }
}

/// The text of a token.
pub(crate) fn encode_text(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// How many characters a token of that many bytes has.
pub(crate) const fn text_len(bytes: usize) -> usize {
    bytes.saturating_mul(4).div_ceil(3)
}

/// How many bytes fit that many characters.
pub(crate) const fn byte_len(characters: usize) -> usize {
    characters.saturating_mul(3) / 4
}

/// The strict base64url of tokens, by the instructions that the processor has.
static BASE64: LazyLock<Simd> = LazyLock::new(|| Simd::url_safe(NO_PAD));

const NOT_BASE64: OpenError = OpenError::new(
    OpenErrorKind::Malformed,
    "not strict base64url without padding",
);

fn check_text_len(text: &str) -> Result<(), OpenError> {
    match text.len() {
        0 => Err(OpenError::new(OpenErrorKind::Absent, "empty value")),
        1..=MAX_COOKIE_LEN => Ok(()),
        _ => Err(OpenError::new(
            OpenErrorKind::TooLarge,
            "longer than any cookie",
        )),
    }
}

/// A token that has been taken apart but not opened: nothing in it is to be believed, and
/// no session can be read out of it. See [`Codec::open`](crate::codec::Codec::open) for
/// the other kind.
///
/// ```
/// use sealed_session::token::UntrustedToken;
///
/// assert!(UntrustedToken::parse("not a token").is_err());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct UntrustedToken {
    suite: SuiteId,
    key_id: KeyId,
    bytes: Vec<u8>,
}

impl UntrustedToken {
    /// Takes the text of a token apart without opening it.
    ///
    /// # Errors
    /// [`OpenErrorKind::Absent`], [`OpenErrorKind::TooLarge`],
    /// [`OpenErrorKind::Malformed`] or [`OpenErrorKind::WrongSuite`].
    pub fn parse(text: &str) -> Result<Self, OpenError> {
        let bytes = decode_text(text)?.to_vec();
        let (suite, key_id) = match bytes.first_chunk::<KEYED_LEN>() {
            Some([suite, key_id @ ..]) => (*suite, KeyId(*key_id)),
            None => return Err(TOO_SHORT),
        };
        let suite = SuiteId::of(suite).ok_or(WRONG_SUITE)?;
        if bytes.len() < suite.min_len() {
            return Err(TOO_SHORT);
        }
        Ok(Self {
            suite,
            key_id,
            bytes,
        })
    }

    /// The suite the token claims to be of.
    #[must_use]
    pub const fn suite(&self) -> SuiteId {
        self.suite
    }

    /// The key the token claims to be sealed under.
    #[must_use]
    pub const fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// The token's length in bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "no token is empty")]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The nonce of an encrypted token: bytes 17 to 41.
    #[must_use]
    pub fn nonce(&self) -> Option<&[u8]> {
        match self.suite {
            SuiteId::Signed => None,
            suite => self.bytes.get(KEYED_LEN..suite.prefix_len()),
        }
    }

    /// Claims and body together: how many bytes they take.
    #[must_use]
    pub fn content_len(&self) -> usize {
        self.bytes
            .len()
            .saturating_sub(self.suite.prefix_len())
            .saturating_sub(self.suite.tag_len())
    }

    /// What a **signed** token claims, which anybody can read and nobody has verified.
    /// `None` for encrypted tokens, and for claims that break the format's rules.
    #[must_use]
    pub fn unverified_claims(&self) -> Option<Claims> {
        if self.suite != SuiteId::Signed {
            return None;
        }
        let end = self.bytes.len().checked_sub(self.suite.tag_len())?;
        let content = self.bytes.get(self.suite.prefix_len()..end)?;
        let read = Claims::read(content).ok()?;
        (!read.is_newer).then_some(read.claims)
    }
}

impl fmt::Debug for UntrustedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UntrustedToken")
            .field("suite", &self.suite)
            .field("key_id", &self.key_id)
            .field("len", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

pub(crate) const TOO_SHORT: OpenError =
    OpenError::new(OpenErrorKind::Malformed, "shorter than any token");
pub(crate) const WRONG_SUITE: OpenError = OpenError::new(
    OpenErrorKind::WrongSuite,
    "the first byte names another suite",
);

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn kind(text: &str) -> OpenErrorKind {
        UntrustedToken::parse(text).unwrap_err().kind()
    }

    #[test]
    fn a_token_has_exactly_one_text() {
        let bytes = [&[1][..], &[0xfb; 91]].concat();
        let text = encode_text(&bytes);
        assert_eq!(text.len(), text_len(bytes.len()));
        assert_eq!(UntrustedToken::parse(&text).unwrap().bytes, bytes);
        assert_eq!(kind(&format!("{text}=")), OpenErrorKind::Malformed);
        assert_eq!(kind(&format!(" {text}")), OpenErrorKind::Malformed);
        assert_eq!(kind(&format!("{text}\n")), OpenErrorKind::Malformed);
        assert_eq!(
            kind(&text.replace('-', "+").replace('_', "/")),
            OpenErrorKind::Malformed
        );
        // 92 bytes leave 2 bits of the last character unused: they must be zero, which a
        // quarter of the alphabet satisfies.
        let (head, last) = text.split_at(text.len() - 1);
        let alphabet = ('A'..='Z')
            .chain('a'..='z')
            .chain('0'..='9')
            .chain("-_".chars());
        let accepted: String = alphabet
            .filter(|c| UntrustedToken::parse(&format!("{head}{c}")).is_ok())
            .collect();
        assert_eq!(accepted, "AEIMQUYcgkosw048");
        assert!(accepted.contains(last));
    }

    /// Vectorised code reads 32 characters at a time and has its own tables.
    #[test]
    fn vectorised_base64_accepts_exactly_what_scalar_base64_accepts() {
        for len in 0..300_usize {
            let bytes: Vec<u8> = (0..len)
                .map(|n| u8::try_from(n * 167 % 251).unwrap())
                .collect();
            let text = encode_text(&bytes);
            assert_eq!(text, URL_SAFE_NO_PAD.encode(&bytes));
            assert!(len == 0 || *decode_text(&text).unwrap() == *bytes);
        }
        let text = encode_text(&[0x5a; 100]);
        for position in 0..text.len() {
            for byte in 0..=u8::MAX {
                let mut text = text.clone().into_bytes();
                text[position] = byte;
                assert_eq!(
                    BASE64.decode(&text).ok(),
                    URL_SAFE_NO_PAD.decode(&text).ok(),
                    "{byte} at {position}"
                );
            }
        }
    }

    #[test]
    fn the_first_characters_decode_as_base64_does() {
        let text = encode_text(&[0x5a; 18]);
        for (position, byte) in (0..24).flat_map(|at| (0..0x80).map(move |byte| (at, byte))) {
            let mut text = text.clone().into_bytes();
            text[position] = byte;
            let text = String::from_utf8(text).unwrap();
            let prefix = Prefix::peek(&text).ok();
            let bytes = prefix.map(|it| [&[it.suite], &it.key_id.0[..]].concat());
            let whole = URL_SAFE_NO_PAD.decode(&text).ok();
            assert_eq!(bytes, whole.map(|it| it[..17].to_vec()), "{text}");
        }
        assert!(Prefix::peek(&"é".repeat(12)).is_err());
        assert!(Prefix::peek(&text[..23]).is_err());
    }

    #[test]
    fn too_short_too_long_and_empty_are_told_apart() {
        assert_eq!(kind(""), OpenErrorKind::Absent);
        assert_eq!(kind("AAAA"), OpenErrorKind::Malformed);
        assert_eq!(kind(&"A".repeat(4096)), OpenErrorKind::WrongSuite);
        assert_eq!(kind(&"A".repeat(4097)), OpenErrorKind::TooLarge);
        let shortest = |suite: u8, len: usize| {
            let bytes = [&[suite][..], &vec![0; len - 1]].concat();
            UntrustedToken::parse(&encode_text(&bytes)).map(|token| token.content_len())
        };
        assert_eq!(shortest(1, 90), Ok(33));
        assert_eq!(shortest(1, 89), Err(TOO_SHORT));
        assert_eq!(shortest(2, 82), Ok(33));
        assert_eq!(shortest(2, 81), Err(TOO_SHORT));
        assert_eq!(shortest(3, 90), Ok(33));
        assert_eq!(shortest(3, 89), Err(TOO_SHORT));
        assert_eq!(shortest(4, 66), Ok(9));
        assert_eq!(shortest(4, 65), Err(TOO_SHORT));
        assert_eq!(shortest(0, 90), Err(WRONG_SUITE));
        assert_eq!(shortest(5, 90), Err(WRONG_SUITE));
    }

    #[test]
    fn only_signed_claims_can_be_read_without_a_key() {
        let parse = |suite: u8| {
            UntrustedToken::parse(&encode_text(&[&[suite][..], &[0; 120]].concat())).unwrap()
        };
        assert!(parse(1).unverified_claims().is_none());
        assert!(parse(2).unverified_claims().is_some());
        assert_eq!(parse(1).nonce(), Some(&[0; 24][..]));
        assert_eq!(parse(2).nonce(), None);
    }
}

#[cfg(test)]
#[path = "token_base64.rs"]
mod strict_base64;
