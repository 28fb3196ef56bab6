//! What a session holds, and its bytes: postcard, compressed only when it must be.
//!
//! Knows nothing of keys, tokens or time.
//!
//! # Changing the session type
//! The bytes are [postcard](https://postcard.jamesmunns.com/), which writes fields in order
//! and without names. Read as a type whose fields were swapped, they are other values without
//! an error: `is_admin: false, is_new: true` becomes `is_admin: true`. So every token carries
//! the version of its type ([`SCHEMA`](SessionData::SCHEMA)) and a hash of its fields and
//! variants ([`SHAPE`](SessionData::SHAPE), which the derive macro computes):
//!
//! | the token's data are | what the server does |
//! |---|---|
//! | of its own version and shape | reads them |
//! | of an older version | migrates them, or ends the session |
//! | of its own version and another shape | the same; the log's reason is "the type changed without a new version" |
//! | of a newer version | answers as in an outage, and keeps the cookie: a newer release wrote it |
//!
//! A session ends as one of category [`Schema`](crate::OpenErrorKind::Schema), a newer one is
//! [`Unsupported`](crate::OpenErrorKind::Unsupported). Shape 0, of an implementation by hand,
//! goes with every other but that of [`Values`](values::Values): then only the versions are
//! compared.
//!
//! For a new version:
//!
//! 1. Keep the old type under a new name.
//! 2. Change the type. Count its version up, name the old type as `previous`, and convert.
//! 3. Remove the old type when the longest absolute timeout has passed since the last server
//!    of the old release stopped.
//!
//! ```
//! # use sealed_session::SessionData;
//! # use serde::{Deserialize, Serialize};
//! #[derive(Serialize, Deserialize, SessionData)]
//! struct LoginV0 {
//!     user: u64,
//! }
//!
//! #[derive(Serialize, Deserialize, SessionData)]
//! #[session(version = 1, previous = LoginV0)]
//! struct Login {
//!     user: u64,
//!     theme: Option<String>,
//! }
//!
//! impl From<LoginV0> for Login {
//!     fn from(old: LoginV0) -> Self {
//!         Self { user: old.user, theme: None }
//!     }
//! }
//! ```
//!
//! While servers of both releases run, the old ones answer 503 to sessions that the new ones
//! changed.
//!
//! A change of a nested type is a change of the session type: keep both old types.
//!
//! What the shape does not show: a change of meaning that leaves names and types alone, such
//! as seconds that become milliseconds; swapped elements of equal types in a tuple or tuple
//! struct; what `#[session(opaque = "…")]` hides. Count the version up for these.

pub(crate) mod body;
mod compress;
pub(crate) mod encoded;
#[doc(hidden)]
pub mod shape;
pub mod values;

use serde::{Serialize, de::DeserializeOwned};

pub use compress::Compression;
#[cfg(feature = "derive")]
#[doc(inline)]
pub use sealed_session_derive::{SessionData, Shape};
#[doc(inline)]
pub use shape::Shape;

/// The data of a session: any type that serde can carry, with its version and shape.
///
/// ```
/// use sealed_session::SessionData;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, SessionData)]
/// struct Login {
///     user: u64,
///     roles: Vec<String>,
/// }
/// ```
///
/// The derive macro needs the feature `derive`. An implementation by hand does without it; of
/// its data only [the version](Self::SCHEMA) is compared:
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
/// Each change of the type needs a new version: see
/// [Changing the session type](self#changing-the-session-type).
///
/// # What postcard cannot carry
/// Its format does not describe itself, so `#[serde(untagged)]`, `#[serde(flatten)]`,
/// `#[serde(tag = …)]`, `#[serde(skip_serializing_if = …)]` and `serde_json::Value` do
/// not survive. Debug builds check each sealed session and answer
/// [`SealError::NotRoundTrip`](crate::SealError::NotRoundTrip); use
/// [`Values`](values::Values) for data without a fixed shape.
///
/// # Types that contain themselves
/// postcard reads them to any depth, and a deep value exhausts the stack, which ends the
/// process. The derive macro refuses such a type. An implementation by hand, or a field that
/// is opaque, bounds the depth where the value is built.
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

/// Whether data of that schema and shape was written by this version of `T` (SPEC section
/// 6.4).
pub(crate) fn is_of<T: SessionData>(schema: u16, shape: u16) -> bool {
    let is_unknown = shape == 0 || T::SHAPE == 0;
    let is_values = shape == values::SHAPE || T::SHAPE == values::SHAPE;
    schema == T::SCHEMA && (shape == T::SHAPE || (is_unknown && !is_values))
}

/// Reads data of that schema and shape as `T`, migrated where another version of it wrote
/// them; for [`SessionData::migrate`].
#[must_use]
pub fn read_as<T: SessionData>(schema: u16, shape: u16, bytes: &[u8]) -> Option<T> {
    if is_of::<T>(schema, shape) {
        from_postcard(bytes)
    } else {
        T::migrate(schema, shape, bytes)
    }
}

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
