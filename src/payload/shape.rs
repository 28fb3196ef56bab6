//! What serde writes of a type, as a number: kinds, names and order.

use core::{
    cmp::Reverse,
    marker::PhantomData,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    num::{NonZero, Saturating, Wrapping},
    time::Duration,
};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque},
    path::{Path, PathBuf},
    rc::Rc,
    sync::Arc,
    time::SystemTime,
};

/// For the code that the derive macros write.
#[doc(hidden)]
pub use serde;

use super::values::Values;

/// A hash of what serde writes of a type: kinds, names and order.
///
/// `#[derive(SessionData)]` needs it of every part of a session type. It is implemented for
/// the types of `std` that serde carries; for those of the application, derive it:
///
/// ```
/// use sealed_session::{SessionData, payload::Shape};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, Shape)]
/// struct Item {
///     name: String,
///     count: u32,
/// }
///
/// #[derive(Serialize, Deserialize, SessionData)]
/// struct Shop {
///     cart: Vec<Item>,
/// }
/// ```
///
/// A type that implements `Serialize` and `Deserialize` by hand has the shape of what these
/// carry:
///
/// ```
/// # use serde::{Deserialize, Deserializer, Serialize, Serializer};
/// use sealed_session::payload::Shape;
///
/// struct Even(u32);
///
/// impl Serialize for Even {
///     fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
///         (self.0 / 2).serialize(to)
///     }
/// }
/// # impl<'de> Deserialize<'de> for Even {
/// #     fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
/// #         u32::deserialize(from).map(|half| Self(half * 2))
/// #     }
/// # }
///
/// impl Shape for Even {
///     const HASH: u64 = u32::HASH;
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "the shape of `{Self}` is not known",
    note = "for a type of yours: `#[derive(Shape)]`, of `sealed_session::payload`",
    note = "for a type of another crate: `#[session(opaque = \"its name and version\")]` on the field"
)]
pub trait Shape {
    /// The hash. Types that serde writes alike have the same.
    const HASH: u64;
}

/// Hashes a kind with the names and hashes of its parts: FNV-1a-64, lengths before texts.
#[doc(hidden)]
#[must_use]
pub const fn describe(kind: &str, mut parts: &[(&str, u64)]) -> u64 {
    let mut hash = text(0xcbf2_9ce4_8422_2325, kind);
    while let [(name, part), rest @ ..] = parts {
        hash = bytes(text(hash, name), &part.to_le_bytes());
        parts = rest;
    }
    hash
}

const fn text(hash: u64, text: &str) -> u64 {
    let hash = bytes(hash, &(text.len() as u64).to_le_bytes());
    bytes(hash, text.as_bytes())
}

const fn bytes(mut hash: u64, mut bytes: &[u8]) -> u64 {
    while let [byte, rest @ ..] = bytes {
        hash = (hash ^ *byte as u64).wrapping_mul(0x0100_0000_01b3);
        bytes = rest;
    }
    hash
}

/// A hash in the 16 bits of [`SessionData::SHAPE`](super::SessionData::SHAPE), where 0 and
/// 0xffff are taken.
#[doc(hidden)]
#[must_use]
pub const fn fold(hash: u64) -> u16 {
    let [a, b, c, d, ..] = (hash ^ (hash >> 32)).to_le_bytes();
    match u16::from_le_bytes([a ^ c, b ^ d]) {
        0 => 1,
        super::values::SHAPE => super::values::SHAPE - 1,
        shape => shape,
    }
}

macro_rules! shapes {
    ($([$($generics:tt)*] $type:ty = $kind:literal $parts:expr;)+) => {$(
        impl<$($generics)*> Shape for $type {
            const HASH: u64 = describe($kind, &$parts);
        }
    )+};
    ($([$($generics:tt)*] $type:ty as $content:ty;)+) => {$(
        impl<$($generics)*> Shape for $type {
            const HASH: u64 = <$content>::HASH;
        }
    )+};
}

macro_rules! numbers {
    ($($number:ident)+) => {
        $(impl Shape for $number {
            const HASH: u64 = describe(stringify!($number), &[]);
        })+
        shapes! {$([] NonZero<$number> as $number;)+}
    };
}

macro_rules! tuples {
    ($first:ident $($rest:ident)*) => {
        shapes! {
            [$first: Shape, $($rest: Shape),*] ($first, $($rest,)*) =
                "tuple" [("", $first::HASH), $(("", $rest::HASH)),*];
        }
        tuples! { $($rest)* }
    };
    () => {};
}

numbers! { u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 }
tuples! { A B C D E F G H I J K L M N O P }

shapes! {
    [] bool = "bool" [];
    [] f32 = "f32" [];
    [] f64 = "f64" [];
    [] char = "char" [];
    [] str = "str" [];
    [] () = "unit" [];
    [T: Shape] Option<T> = "option" [("", T::HASH)];
    [T: Shape] [T] = "seq" [("", T::HASH)];
    [T: Shape, const N: usize] [T; N] = "tuple" [("", T::HASH); N];
    [K: Shape, V: Shape] BTreeMap<K, V> = "map" [("", K::HASH), ("", V::HASH)];
    [T: Shape, E: Shape] Result<T, E> = "enum" [("Ok", T::HASH), ("Err", E::HASH)];
    [] Duration = "struct" [("secs", u64::HASH), ("nanos", u32::HASH)];
    [] SystemTime = "struct" [
        ("secs_since_epoch", u64::HASH),
        ("nanos_since_epoch", u32::HASH),
    ];
    [] IpAddr = "enum" [("V4", Ipv4Addr::HASH), ("V6", Ipv6Addr::HASH)];
    [] SocketAddr = "enum" [("V4", SocketAddrV4::HASH), ("V6", SocketAddrV6::HASH)];
    [] Values = "values" [];
}

shapes! {
    [] usize as u64;
    [] isize as i64;
    [] NonZero<usize> as u64;
    [] NonZero<isize> as i64;
    [] String as str;
    [] Path as str;
    [] PathBuf as str;
    [] Ipv4Addr as [u8; 4];
    [] Ipv6Addr as [u8; 16];
    [] SocketAddrV4 as (Ipv4Addr, u16);
    [] SocketAddrV6 as (Ipv6Addr, u16);
    [T: Shape + ?Sized] &T as T;
    [T: Shape + ?Sized] Box<T> as T;
    [T: Shape + ?Sized] Rc<T> as T;
    [T: Shape + ?Sized] Arc<T> as T;
    [T: Shape + ToOwned + ?Sized] Cow<'_, T> as T;
    [T: Shape] Reverse<T> as T;
    [T: Shape] Saturating<T> as T;
    [T: Shape] Wrapping<T> as T;
    [T: ?Sized] PhantomData<T> as ();
    [T: Shape] Vec<T> as [T];
    [T: Shape] VecDeque<T> as [T];
    [T: Shape] LinkedList<T> as [T];
    [T: Shape] BinaryHeap<T> as [T];
    [T: Shape] BTreeSet<T> as [T];
    [T: Shape, S] HashSet<T, S> as [T];
    [K: Shape, V: Shape, S] HashMap<K, V, S> as BTreeMap<K, V>;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every token carries what comes of these: they never change.
    #[test]
    fn hashes_are_the_documented_ones() {
        let reference = |bytes: &[u8]| {
            bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
                (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
            })
        };
        assert_eq!(reference(b"foobar"), 0x8594_4171_f739_67e8, "FNV-1a");
        assert_eq!(u8::HASH, reference(b"\x02\0\0\0\0\0\0\0u8"));
        let option = [
            &b"\x06\0\0\0\0\0\0\0option\0\0\0\0\0\0\0\0"[..],
            &u8::HASH.to_le_bytes(),
        ];
        assert_eq!(Option::<u8>::HASH, reference(&option.concat()));
        assert_eq!(fold(Option::<u8>::HASH), 0x3a9d);
    }

    #[test]
    fn a_fold_is_never_a_number_that_means_something_else() {
        assert_eq!(fold(0x0001_0020_0300_4000), 0x4321);
        for taken in [0, 0x1234_1234_0000_0000] {
            assert_eq!(fold(taken), 1);
        }
        assert_eq!(fold(0xffff), 0xfffe);
    }

    #[test]
    fn a_name_and_the_next_do_not_run_together() {
        let of = |names: [&str; 2]| describe("enum", &names.map(|name| (name, 0)));
        assert_ne!(of(["ab", "c"]), of(["a", "bc"]));
        assert_ne!(describe("enum", &[("", 0)]), describe("enum", &[]));
    }
}
