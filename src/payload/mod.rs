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
///     fn migrate(schema: u16, _shape: u16, bytes: &[u8]) -> Option<Self> {
///         match schema {
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
    /// The version of the type. Every token carries it.
    const SCHEMA: u16 = 0;

    /// A hash of the type's fields and variants, or 0 where it is not known.
    ///
    /// Every token carries it, so that a changed type under an unchanged
    /// [`SCHEMA`](Self::SCHEMA) is noticed. 0 and 0xffff (of [`Values`](values::Values)) are
    /// no hashes.
    const SHAPE: u16 = 0;

    /// Reads the bytes of an earlier version of the type; `None` ends the session.
    ///
    /// `bytes` are authentic and inflated, `schema` and `shape` those of the type that
    /// wrote them.
    #[must_use]
    fn migrate(schema: u16, shape: u16, bytes: &[u8]) -> Option<Self> {
        let _ = (schema, shape, bytes);
        None
    }
}

/// For session types that have no sensible default: nobody's session is `None`.
impl<T: SessionData> SessionData for Option<T> {
    const SCHEMA: u16 = T::SCHEMA;

    /// `T`'s rotated left by one bit: never that of `T`, and `migrate` can undo it.
    const SHAPE: u16 = match T::SHAPE {
        values::SHAPE => values::SHAPE - 1,
        shape => shape.rotate_left(1),
    };

    fn migrate(schema: u16, shape: u16, bytes: &[u8]) -> Option<Self> {
        match bytes.split_first()? {
            // In a forgotten version it could be another type's zero.
            (0, []) => (schema != T::SCHEMA).then_some(None),
            (1, inner) => T::migrate(schema, shape.rotate_right(1), inner).map(Some),
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

        const SHAPE: u16 = 0x8002;

        fn migrate(schema: u16, shape: u16, bytes: &[u8]) -> Option<Self> {
            let user = ((schema, shape) == (0, 0x8001)).then(|| from_postcard(bytes))??;
            Some(Self { user, theme: 0 })
        }
    }

    #[test]
    fn an_optional_session_migrates_as_its_content_does() {
        type Data = Option<Login>;
        assert_eq!((Data::SCHEMA, Data::SHAPE), (1, 0x0005));
        let login = Some(Login { user: 42, theme: 0 });
        assert_eq!(Data::migrate(0, 0x0003, &[1, 42]), Some(login));
        assert_eq!(Data::migrate(0, 0x0003, &[0]), Some(None));
        for bad in [&[][..], &[0, 0], &[1], &[1, 42, 0], &[2, 42]] {
            assert_eq!(Data::migrate(0, 0x0003, bad), None, "{bad:?}");
        }
        assert_eq!(Data::migrate(7, 0x0003, &[1, 42]), None);
        assert_eq!(Data::migrate(0, 0x8001, &[1, 42]), None);
        assert_eq!(Data::migrate(1, 0x0003, &[0]), None);
    }

    #[test]
    fn option_of_a_type_never_has_its_shape() {
        assert_eq!(Option::<Plain<u8>>::SHAPE, 0);
        assert_eq!(Plain::<values::Values>::SHAPE, 0);
        assert_eq!(values::Values::SHAPE, 0xffff);
        assert_eq!(Option::<values::Values>::SHAPE, 0xfffe);
    }
}
