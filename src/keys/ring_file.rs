//! Rings as text: the TOML file, the environment variable, the bytes.

use std::path::Path;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::{
    key::Key,
    ring::{KeyRing, RingError, RingKey},
};
use crate::time::Timestamp;

/// A ring file of eight keys is under 2 KiB; nothing longer is parsed.
const MAX_FILE_LEN: usize = 64 * 1024;

impl KeyRing {
    /// Reads a ring file's bytes.
    ///
    /// ```toml
    /// [[key]]
    /// secret = "ssc1_key_…"                      # `keys new` writes it
    /// seals_from = 2026-11-22T00:00:00Z          # when it begins to seal
    /// opens_until = 2027-02-22T00:00:00Z         # optional: when it ceases to open
    /// ```
    ///
    /// # Errors
    /// [`RingError::Syntax`] or [`RingError::Key`] with the line, never with its content;
    /// otherwise as for [`KeyRing::new`].
    pub fn from_toml(bytes: &[u8]) -> Result<Self, RingError> {
        let text = core::str::from_utf8(bytes).map_err(|_| RingError::Syntax(1))?;
        if text.len() > MAX_FILE_LEN {
            return Err(RingError::Syntax(1));
        }
        let line_of = |offset: usize| {
            let before = text.as_bytes().iter().take(offset);
            before
                .filter(|&&byte| byte == b'\n')
                .count()
                .saturating_add(1)
        };
        // The parser's own message may quote the line, and with it a secret.
        let file: RingFile = toml::from_str(text).map_err(|error| {
            RingError::Syntax(line_of(error.span().map_or(0, |span| span.start)))
        })?;
        let mut keys = Vec::with_capacity(file.key.len().min(super::MAX_KEYS));
        for entry in file.key {
            let line = line_of(entry.secret.span().start);
            let key: Key = entry
                .secret
                .get_ref()
                .0
                .parse()
                .map_err(|error| RingError::Key { line, error })?;
            let mut ring_key = RingKey::new(key, instant(&entry.seals_from, line_of)?);
            if let Some(until) = &entry.opens_until {
                ring_key = ring_key.with_opens_until(instant(until, line_of)?);
            }
            keys.push(ring_key);
        }
        Self::new(keys)
    }

    /// Reads a ring file.
    ///
    /// # Errors
    /// [`RingError::File`], otherwise as for [`from_toml`](Self::from_toml).
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, RingError> {
        let bytes = std::fs::read(path).map_err(|error| RingError::File(error.kind()))?;
        Self::from_toml(&Zeroizing::new(bytes))
    }

    /// Reads an environment variable that holds either one key's text (`ssc1_key_…`), or
    /// a whole ring file. An unset or empty variable is an error: no key is ever made up.
    ///
    /// # Errors
    /// [`RingError::Variable`], otherwise as for [`from_toml`](Self::from_toml).
    pub fn from_env(variable: &str) -> Result<Self, RingError> {
        let value = std::env::var(variable).ok().map(Zeroizing::new);
        Self::from_variable(variable, value)
    }

    /// The ring file's text. It holds the secrets.
    #[must_use]
    pub fn to_secret_toml(&self) -> Zeroizing<String> {
        // Reserved up front, so that no outgrown copy of a secret stays behind.
        let mut text = Zeroizing::new(String::with_capacity(self.keys().len().saturating_mul(256)));
        for entry in self.keys() {
            text.push_str("[[key]]\nsecret = \"");
            text.push_str(&entry.key().to_secret_text());
            text.push_str("\"\nseals_from = ");
            text.push_str(&entry.seals_from().to_string());
            if let Some(until) = entry.opens_until() {
                text.push_str("\nopens_until = ");
                text.push_str(&until.to_string());
            }
            text.push_str("\n\n");
        }
        text.pop();
        text
    }

    fn from_variable(name: &str, value: Option<Zeroizing<String>>) -> Result<Self, RingError> {
        match value {
            Some(text) if !text.trim().is_empty() => Self::from_text(&text),
            _ => Err(RingError::Variable(name.to_owned())),
        }
    }

    fn from_text(text: &str) -> Result<Self, RingError> {
        let trimmed = text.trim();
        if trimmed.contains('\n') || trimmed.contains('=') {
            return Self::from_toml(text.as_bytes());
        }
        let key = trimmed
            .parse()
            .map_err(|error| RingError::Key { line: 1, error })?;
        Self::single(key)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RingFile {
    key: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    secret: toml::Spanned<Secret>,
    seals_from: toml::Spanned<toml::value::Datetime>,
    opens_until: Option<toml::Spanned<toml::value::Datetime>>,
}

/// Wiped when dropped, and without `Debug`.
#[derive(Deserialize)]
#[serde(transparent)]
struct Secret(Zeroizing<String>);

fn instant(
    value: &toml::Spanned<toml::value::Datetime>,
    line_of: impl Fn(usize) -> usize,
) -> Result<Timestamp, RingError> {
    let written = value.get_ref();
    let second = written.time.and_then(|time| time.second);
    // A date without a time or without an offset means another instant on each server.
    Timestamp::parse_rfc3339(&written.to_string())
        // There are no leap seconds (SPEC section 3.2).
        .filter(|_| second.is_none_or(|second| second < 60))
        .ok_or_else(|| RingError::Syntax(line_of(value.span().start)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::KeyError;

    fn file(secret: &str, rest: &str) -> String {
        format!("# our keys\n[[key]]\nsecret = \"{secret}\"\n{rest}\n")
    }

    fn secret() -> Zeroizing<String> {
        Key::from_bytes(&(5..37).collect::<Vec<_>>())
            .unwrap()
            .to_secret_text()
    }

    #[test]
    fn what_is_written_reads_back() {
        let now = Timestamp::from_unix_seconds(1_795_348_800);
        let month = core::time::Duration::from_hours(720);
        let ring = KeyRing::single(Key::generate().unwrap())
            .unwrap()
            .rotate(now, month, month, Key::generate().unwrap())
            .unwrap();
        assert_eq!(ring.keys().len(), 2);
        let text = ring.to_secret_toml();
        assert_eq!(KeyRing::from_toml(text.as_bytes()).unwrap(), ring);
        assert_eq!(KeyRing::from_text(&text).unwrap(), ring);
    }

    #[test]
    fn one_key_is_a_ring_too() {
        let ring = KeyRing::from_text(&format!("  {}\n", *secret())).unwrap();
        assert_eq!(ring.keys().len(), 1);
        assert!(ring.sealing_key(Timestamp::MIN).is_some());
    }

    #[test]
    fn a_ring_file_may_be_one_line() {
        let key = format!(
            "secret = \"{}\", seals_from = 2026-11-22T00:00:00Z",
            *secret()
        );
        let ring = KeyRing::from_text(&format!("key = [{{ {key} }}]")).unwrap();
        assert_eq!(ring.keys().len(), 1);
    }

    #[test]
    fn errors_name_the_line_and_never_the_secret() {
        let secret = secret();
        let from = "seals_from = 2026-11-22T00:00:00Z";
        for (text, line) in [
            (file(&secret, "seals_from = 2026-11-22"), 4),
            (file(&secret, "seals_from = 2026-11-22T00:00:00"), 4),
            (file(&secret, "seals_from = \"now\""), 4),
            (file(&secret, "seals_from = 1960-01-01T00:00:00Z"), 4),
            (file(&secret, "seals_from = 2026-12-31T23:59:60Z"), 4),
            (file(&secret, &format!("{from}\nopen_until = 1")), 5),
            (format!("key = \"{}\"", *secret), 1),
            (format!("[[key]]\nsecret = [\"{}\"]\n{from}", *secret), 2),
        ] {
            let error = KeyRing::from_toml(text.as_bytes()).unwrap_err();
            assert_eq!(error, RingError::Syntax(line), "{text}");
            assert!(!format!("{error} {error:?}").contains(&secret[9..]));
        }
        assert_eq!(
            KeyRing::from_toml(file("ssc1_key_AAAA", from).as_bytes()),
            Err(RingError::Key {
                line: 3,
                error: KeyError::Encoding
            })
        );
        assert_eq!(KeyRing::from_toml(&[0xff]), Err(RingError::Syntax(1)));
    }

    #[test]
    fn a_file_of_64_kib_is_read_and_a_longer_one_is_not() {
        let mut text = file(&secret(), "seals_from = 2026-11-22T00:00:00Z");
        text.push_str(&"\n".repeat(65_536 - text.len()));
        assert!(KeyRing::from_toml(text.as_bytes()).is_ok());
        for _ in 0..2 {
            text.push('\n');
            let read = KeyRing::from_toml(text.as_bytes());
            assert_eq!(read, Err(RingError::Syntax(1)), "{}", text.len());
        }
    }

    #[test]
    fn an_empty_variable_is_an_error_and_a_key_in_one_is_read() {
        let read = |value: &str| {
            let value = Some(Zeroizing::new(value.to_owned()));
            KeyRing::from_variable("KEYS", value).map(|ring| ring.keys().len())
        };
        for empty in ["", " \n"] {
            assert_eq!(read(empty), Err(RingError::Variable("KEYS".to_owned())));
        }
        assert_eq!(read(&secret()), Ok(1));
    }

    #[test]
    fn an_unset_variable_is_an_error() {
        assert_eq!(
            KeyRing::from_env("SEALED_SESSION_TEST_UNSET"),
            Err(RingError::Variable("SEALED_SESSION_TEST_UNSET".to_owned()))
        );
    }

    #[test]
    fn a_missing_file_is_an_error() {
        assert_eq!(
            KeyRing::from_file("/nonexistent/ring.toml"),
            Err(RingError::File(std::io::ErrorKind::NotFound))
        );
    }
}
