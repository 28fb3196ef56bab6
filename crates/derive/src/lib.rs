//! Derive macros of [`sealed-session`](https://docs.rs/sealed-session), which re-exports
//! them under its feature `derive`. Not meant to be named directly.
#![forbid(unsafe_code)]

mod attributes;
mod case;
mod expand;

use proc_macro::TokenStream;

/// Implements `SessionData` and `Shape`: a changed session type is noticed.
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
/// assert_eq!(Login::SCHEMA, 0);
/// assert_eq!(Login::SHAPE, 0xf0ff);
/// ```
///
/// `SHAPE` is a hash of what serde writes: the kind of each type, the names of its fields
/// and variants, their order, and the same of every type inside. The names of types are not
/// part of it. `Box`, `Rc`, `Arc`, `Cow`, references and newtypes count as their content, all
/// strings alike, sequences and sets alike, maps alike.
///
/// Fields are of types that implement `Shape`: those of `std` that serde carries, and those
/// of the application with `#[derive(Shape)]`.
///
/// # Versions
/// `#[session(version = 1)]` is `SCHEMA`. Count it up with every change of the type, and
/// keep the sessions of the version before with either of these.
///
/// `previous` names the former type, which is a `SessionData` of a lower version and converts
/// by [`From`]. Former types make a chain: each names the one before it.
///
/// ```
/// use sealed_session::{SessionData, payload::from_postcard};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, SessionData)]
/// struct LoginV0 {
///     user: u64,
/// }
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize, SessionData)]
/// #[session(version = 1, previous = LoginV0)]
/// struct Login {
///     user: u64,
///     theme: Option<String>,
/// }
///
/// impl From<LoginV0> for Login {
///     fn from(LoginV0 { user }: LoginV0) -> Self {
///         Self { user, theme: None }
///     }
/// }
///
/// let migrated = Login::migrate(LoginV0::SCHEMA, LoginV0::SHAPE, &[42]);
/// assert_eq!(migrated, Some(Login { user: 42, theme: None }));
/// ```
///
/// `migrate` names a function that does what `SessionData::migrate` does:
///
/// ```
/// # use sealed_session::{SessionData, payload::from_postcard};
/// # use serde::{Deserialize, Serialize};
/// #[derive(Debug, PartialEq, Serialize, Deserialize, SessionData)]
/// #[session(version = 1, migrate = Login::of_a_number)]
/// struct Login {
///     user: u64,
///     theme: Option<String>,
/// }
///
/// impl Login {
///     fn of_a_number(schema: u16, _shape: u16, bytes: &[u8]) -> Option<Self> {
///         let user = (schema == 0).then(|| from_postcard(bytes))??;
///         Some(Self { user, theme: None })
///     }
/// }
///
/// assert_eq!(Login::migrate(0, 0, &[42]), Some(Login { user: 42, theme: None }));
/// ```
///
/// # Attributes of serde
/// * `rename`, `rename_all`, `rename_all_fields`: the name that serde uses counts, of two the
///   one it serializes under.
/// * `skip`: the field or variant is left out. Skipped variants stand last, since serde counts
///   them when it writes and not when it reads. Skipping in one direction is an error.
/// * `default`, `alias`, `bound`, `borrow`, `crate`, `deny_unknown_fields`, `expecting`,
///   `other`: change nothing in the bytes.
/// * `transparent`: the type counts as its field.
/// * `with`, `serialize_with`, `deserialize_with`, `from`, `try_from`, `into`, `remote`: hide
///   what is written, and need `#[session(opaque = "…")]`.
/// * `flatten`, `untagged`, `tag`, `content`, `skip_serializing_if`: errors, since postcard
///   cannot carry them. So is every attribute that this macro does not know.
///
/// # Names and types that the derive cannot see
/// The shape describes what serde's own derives write. A type that implements `Serialize` by
/// hand, or by another macro that writes discriminants, must not derive `Shape`: implement
/// it by hand, or use `opaque`. Otherwise a changed discriminant is not noticed.
///
/// `#[session(was = "…")]` on a field or variant hashes that name in place of its own: after a
/// renaming that means the same. It stays there until the next version.
///
/// `#[session(opaque = "…")]` on a field, variant or type hashes that text in place of the
/// type: for types of other crates, and for what serde writes through a function. **A change
/// behind it is not noticed**: change the text, or the version, with it.
///
/// ```
/// # mod foreign {
/// #     #[derive(serde::Serialize, serde::Deserialize)]
/// #     pub struct Uuid([u8; 16]);
/// # }
/// use foreign::Uuid;
/// use sealed_session::SessionData;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, SessionData)]
/// struct Login {
///     #[session(opaque = "uuid 1")]
///     user: Uuid,
///     #[session(was = "darkmode")]
///     dark_mode: bool,
/// }
/// # #[derive(Serialize, Deserialize, SessionData)]
/// # struct Before {
/// #     #[session(opaque = "uuid 1")]
/// #     user: Uuid,
/// #     darkmode: bool,
/// # }
/// # assert_eq!(Login::SHAPE, Before::SHAPE);
/// ```
///
/// # Errors of the compiler
/// A field of an unknown type has no shape:
///
/// ```compile_fail,E0277
/// # use sealed_session::SessionData;
/// # use serde::{Deserialize, Serialize};
/// # mod foreign {
/// #     #[derive(serde::Serialize, serde::Deserialize)]
/// #     pub struct Uuid([u8; 16]);
/// # }
/// #[derive(Serialize, Deserialize, SessionData)]
/// struct Login {
///     user: foreign::Uuid,
/// }
/// ```
///
/// A type that contains itself has none either. The compiler names the cycle. Make the inner
/// one opaque if its depth is bounded: postcard reads it to any depth.
///
/// ```compile_fail,E0391
/// # use sealed_session::SessionData;
/// # use serde::{Deserialize, Serialize};
/// #[derive(Serialize, Deserialize, SessionData)]
/// struct Comment {
///     text: String,
///     answers: Vec<Comment>,
/// }
/// ```
///
/// The type before is of a lower version:
///
/// ```compile_fail,E0080
/// # use sealed_session::SessionData;
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Serialize, Deserialize, SessionData)]
/// # struct LoginV0(u64);
/// #[derive(Serialize, Deserialize, SessionData)]
/// #[session(previous = LoginV0)]
/// struct Login(u32);
/// # impl From<LoginV0> for Login {
/// #     fn from(LoginV0(user): LoginV0) -> Self {
/// #         Self(user as u32)
/// #     }
/// # }
/// ```
#[proc_macro_derive(SessionData, attributes(session))]
pub fn session_data(input: TokenStream) -> TokenStream {
    expanded(input, expand::session_data)
}

/// Implements `Shape` for a type inside a session: its kind, names and order are hashed.
///
/// ```
/// use sealed_session::payload::Shape;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, Shape)]
/// enum Payment {
///     Card { last4: [u8; 4] },
///     Invoice,
/// }
///
/// // A newtype counts as its content.
/// #[derive(Serialize, Deserialize, Shape)]
/// struct Cents(u64);
/// assert_eq!(Cents::HASH, u64::HASH);
/// ```
///
/// Attributes as with the derive macro `SessionData`, which implements this trait too, except
/// `version`, `previous` and `migrate`. A type parameter has to have a shape.
#[proc_macro_derive(Shape, attributes(session))]
pub fn shape(input: TokenStream) -> TokenStream {
    expanded(input, expand::shape)
}

fn expanded(
    input: TokenStream,
    expand: fn(&syn::DeriveInput) -> syn::Result<proc_macro2::TokenStream>,
) -> TokenStream {
    syn::parse(input)
        .and_then(|input| expand(&input))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
