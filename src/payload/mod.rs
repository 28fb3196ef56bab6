//! What a session holds, and its bytes: postcard, compressed only when it must be.
//!
//! Knows nothing of keys, tokens or time.

pub(crate) mod body;
mod compress;
pub(crate) mod encoded;
pub mod values;

use serde::{Serialize, de::DeserializeOwned};

pub use compress::Compression;

/// The data of a session: any type that serde can carry, and the version of its shape.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use sealed_session::payload::SessionData;
///
/// #[derive(Serialize, Deserialize)]
/// struct Login {
///     user: u64,
///     roles: Vec<String>,
/// }
///
/// impl SessionData for Login {}
/// ```
///
/// The bytes are [postcard](https://postcard.jamesmunns.com/), which writes fields in
/// order and without names. So count [`SCHEMA`](Self::SCHEMA) up with every change of the
/// type, and [`migrate`](Self::migrate) what the last releases wrote:
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use sealed_session::payload::{SessionData, from_postcard};
/// #[derive(Serialize, Deserialize)]
/// struct LoginV0 { user: u64 }
///
/// #[derive(Serialize, Deserialize)]
/// struct Login { user: u64, theme: Option<String> }
///
/// impl SessionData for Login {
///     const SCHEMA: u16 = 1;
///
///     fn migrate(from: u16, bytes: &[u8]) -> Option<Self> {
///         match from {
///             0 => from_postcard::<LoginV0>(bytes).map(|old| Login { user: old.user, theme: None }),
///             _ => None,
///         }
///     }
/// }
/// ```
///
/// # What postcard cannot carry
/// Its format does not describe itself, so `#[serde(untagged)]`, `#[serde(flatten)]`,
/// `#[serde(tag = …)]`, `#[serde(skip_serializing_if = …)]` and `serde_json::Value` do
/// not survive. Debug builds check each sealed session and answer
/// [`SealError::NotRoundTrip`](crate::SealError::NotRoundTrip); use
/// [`Values`](values::Values) for data without a fixed shape.
pub trait SessionData: Serialize + DeserializeOwned {
    /// The version of the type's shape. It stands in every token.
    const SCHEMA: u16 = 0;

    /// A hash of the type's shape.
    const SHAPE: u16 = 0;

    /// Reads what an earlier version of the type wrote; `None` ends the session.
    ///
    /// `bytes` are authentic and inflated, as the version `from` wrote them.
    #[must_use]
    fn migrate(schema: u16, shape: u16, bytes: &[u8]) -> Option<Self> {
        let _ = (schema, shape, bytes);
        None
    }
}

/// For session types that have no sensible default: nobody's session is `None`.
impl<T: SessionData> SessionData for Option<T> {
    const SCHEMA: u16 = T::SCHEMA;

    fn migrate(from: u16, shape: u16, bytes: &[u8]) -> Option<Self> {
        match bytes.split_first()? {
            (0, []) => Some(None),
            (1, inner) => T::migrate(from, shape, inner).map(Some),
            _ => None,
        }
    }
}

/// Makes session data of a type from another crate, with [`SessionData::SCHEMA`] 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Plain<T>(pub T);

impl<T: Serialize + DeserializeOwned> SessionData for Plain<T> {}

/// Reads a value from postcard bytes of which nothing may be left over; for
/// [`SessionData::migrate`].
#[must_use]
pub fn from_postcard<'de, T: serde::Deserialize<'de>>(bytes: &'de [u8]) -> Option<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Login {
        user: u64,
        theme: u8,
    }

    impl SessionData for Login {
        const SCHEMA: u16 = 1;

        fn migrate(from: u16, _: u16, bytes: &[u8]) -> Option<Self> {
            let user = (from == 0).then(|| from_postcard(bytes))??;
            Some(Self { user, theme: 0 })
        }
    }

    #[test]
    fn an_optional_session_migrates_as_its_content_does() {
        type Data = Option<Login>;
        assert_eq!(Data::SCHEMA, 1);
        let login = Some(Login { user: 42, theme: 0 });
        assert_eq!(Data::migrate(0, 0, &[1, 42]), Some(login));
        assert_eq!(Data::migrate(0, 0, &[0]), Some(None));
        for bad in [&[][..], &[0, 0], &[1], &[1, 42, 0], &[2, 42]] {
            assert_eq!(Data::migrate(0, 0, bad), None, "{bad:?}");
        }
        assert_eq!(Data::migrate(7, 0, &[1, 42]), None);
    }
}
