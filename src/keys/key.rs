//! One key: 32 random bytes, and the id computed from them.

use core::{fmt, str::FromStr};
use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::{
    crypto::Prf,
    random::{OsRandom, Random},
};

/// What a key's text form begins with, so that secret scanners can find a leaked one.
const PREFIX: &str = "ssc1_key_";

/// Bytes that stand in documentation or vectors and must never protect anything: each is
/// the byte string that counts up from the first byte (SPEC section 3).
const PUBLISHED_STARTS: [u8; 8] = [0x00, 0x20, 0x40, 0x60, 0x80, 0xa0, 0xc0, 0xe0];

/// A root key: exactly 32 bytes from a cryptographically secure generator.
///
/// Its text form is `ssc1_key_` and 43 characters of base64url. There is no way to make
/// a key from a passphrase. Clones share one copy in memory, which is wiped when the last
/// is dropped; equality takes constant time; `Debug` shows the [`KeyId`] only.
///
/// ```
/// use sealed_session::keys::Key;
///
/// let key = Key::generate()?;
/// let text = key.to_secret_text();
/// assert_eq!(text.parse::<Key>().unwrap(), key);
/// # Ok::<(), sealed_session::random::RandomError>(())
/// ```
#[derive(Clone)]
pub struct Key(Arc<Inner>);

struct Inner {
    root: Box<Zeroizing<[u8; 32]>>,
    id: KeyId,
}

impl Key {
    /// A fresh key from the operating system's generator.
    ///
    /// # Errors
    /// [`RandomError`](crate::random::RandomError) when the generator does not deliver.
    pub fn generate() -> Result<Self, crate::random::RandomError> {
        Self::generate_from(&OsRandom)
    }

    /// A fresh key from the given generator.
    ///
    /// # Errors
    /// [`RandomError`](crate::random::RandomError) when the generator does not deliver.
    pub fn generate_from(random: &dyn Random) -> Result<Self, crate::random::RandomError> {
        let mut root = Box::new(Zeroizing::new([0; 32]));
        random.fill(&mut **root)?;
        Ok(Self::from_root(root))
    }

    /// The key with these 32 bytes.
    ///
    /// # Errors
    /// [`KeyError`] for any other length and for 32 equal bytes, such as all zeros.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let mut root = Box::new(Zeroizing::new([0; 32]));
        if bytes.len() != root.len() {
            return Err(KeyError::Length(bytes.len()));
        }
        root.copy_from_slice(bytes);
        Self::checked(root)
    }

    /// The name under which tokens refer to this key. Not secret.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.0.id
    }

    /// The text form, for a ring file or a secrets manager. Whoever holds it can read and
    /// make every session.
    #[must_use]
    pub fn to_secret_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len().saturating_add(44)));
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(self.0.root.as_slice(), &mut text);
        text
    }

    /// The pseudo-random function keyed with the root, from which all else is derived.
    pub(crate) fn prf(&self) -> Prf {
        Prf::new(&self.0.root)
    }

    /// Whether these bytes stand in this project's documentation or vectors.
    pub(crate) fn is_published(&self) -> bool {
        self.0.root.first().is_some_and(|&first| {
            PUBLISHED_STARTS.contains(&first)
                && (first..=first.saturating_add(31)).eq(self.0.root.iter().copied())
        })
    }

    fn checked(root: Box<Zeroizing<[u8; 32]>>) -> Result<Self, KeyError> {
        let [first, rest @ ..] = &**root;
        if rest.iter().all(|byte| byte == first) {
            return Err(KeyError::NotRandom);
        }
        Ok(Self::from_root(root))
    }

    fn from_root(root: Box<Zeroizing<[u8; 32]>>) -> Self {
        let id = KeyId::of(&root);
        Self(Arc::new(Inner { root, id }))
    }
}

/// Reads the text form.
impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let encoded = text.strip_prefix(PREFIX).ok_or(KeyError::Prefix)?;
        if encoded.len() != 43 {
            return Err(KeyError::Encoding);
        }
        let mut root = Box::new(Zeroizing::new([0; 32]));
        match URL_SAFE_NO_PAD.decode_slice(encoded, root.as_mut_slice()) {
            Ok(32) => Self::checked(root),
            _ => Err(KeyError::Encoding),
        }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0.root.as_slice().ct_eq(other.0.root.as_slice()).into()
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.0.id)
    }
}

/// The public name of a key: `EXPAND(root, "SSC1/kid")[0..16]`.
///
/// It is computed from the key and never configured, so two keys never share it by
/// mistake; and since it stands in every token, it commits the token to one key
/// (SPEC section 3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub(crate) [u8; 16]);

impl KeyId {
    /// The 16 bytes as they stand in a token.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    fn of(root: &[u8; 32]) -> Self {
        let derived = Prf::new(root).expand(&[b"SSC1/kid"]);
        let mut id = [0; 16];
        for (to, from) in id.iter_mut().zip(derived.iter()) {
            *to = *from;
        }
        Self(id)
    }
}

/// Hexadecimal, 32 characters.
impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// Bytes or text that are not a usable key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not 32 bytes long.
    #[error("a key is exactly 32 bytes, these are {0}")]
    Length(usize),
    /// All bytes equal, as in an unset or zeroed buffer.
    #[error("a key is 32 random bytes, these are all the same")]
    NotRandom,
    /// The text does not begin as keys do.
    #[error("a key's text begins with ssc1_key_")]
    Prefix,
    /// The text after the prefix is not 43 characters of base64url.
    #[error("a key's text is ssc1_key_ and 43 characters of base64url")]
    Encoding,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting_from(start: u8) -> Key {
        Key::from_bytes(&(start..start + 32).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn the_id_is_the_one_of_the_specification() {
        assert_eq!(
            counting_from(0).id().to_string(),
            "abece2b67da5b36945a892523ff6f9ec"
        );
    }

    #[test]
    fn debug_does_not_leak_key() {
        let key = counting_from(7);
        let shown = format!("{key:?}");
        assert_eq!(shown, format!("Key({})", key.id()));
        assert!(!shown.contains(&key.to_secret_text()[9..]));
    }

    #[test]
    fn text_round_trips_and_nothing_else_is_read() {
        let key = counting_from(9);
        let text = key.to_secret_text();
        assert_eq!(text.len(), 52);
        assert_eq!(text.parse::<Key>().unwrap(), key);
        assert_eq!(text[1..].parse::<Key>(), Err(KeyError::Prefix));
        for bad in [
            format!("{}=", *text),
            text[..51].to_owned(),
            format!("{} ", &text[..51]),
            format!("{}+", &text[..51]),
        ] {
            assert_eq!(bad.parse::<Key>(), Err(KeyError::Encoding), "{bad}");
        }
    }

    #[test]
    fn unset_and_short_keys_are_refused() {
        assert_eq!(Key::from_bytes(&[0; 32]), Err(KeyError::NotRandom));
        assert_eq!(Key::from_bytes(&[0xff; 32]), Err(KeyError::NotRandom));
        assert_eq!(Key::from_bytes(b"hunter2"), Err(KeyError::Length(7)));
        assert_eq!(Key::from_bytes(&[1; 33]), Err(KeyError::Length(33)));
    }

    #[test]
    fn keys_of_the_documentation_are_recognised() {
        assert!(counting_from(0).is_published());
        assert!(counting_from(0x20).is_published());
        assert!(!counting_from(0x21).is_published());
        assert!(!Key::generate().unwrap().is_published());
    }
}
