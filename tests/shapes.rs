//! A session type that changed under the same version: never read as another value than the
//! old one, always either migrated or refused with the reason.

#![allow(unreachable_pub, reason = "the types of both versions")]
#![allow(clippy::unwrap_used, reason = "a failure fails the test")]

mod support;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    fmt::Debug,
    marker::PhantomData,
    sync::Arc,
};

use sealed_session::{
    EncryptedCodec, OpenError, OpenErrorKind, SessionData,
    codec::Opened,
    payload::{Shape, from_postcard, read_as},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use support::codec;

fn reopened<O: SessionData, N: SessionData>(old: &O) -> Result<N, OpenError> {
    let codec: EncryptedCodec = codec();
    let sealed = codec.seal(&codec.new_identity().unwrap(), old).unwrap();
    codec.open(sealed.value()).map(Opened::into_data)
}

/// The type `N`, which migrates what `O` wrote by keeping it.
struct Migrating<O, N>(Result<O, N>);

impl<O, N: Serialize> Serialize for Migrating<O, N> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.as_ref().err().serialize(to)
    }
}

impl<'de, O, N: Deserialize<'de>> Deserialize<'de> for Migrating<O, N> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        N::deserialize(from).map(|new| Self(Err(new)))
    }
}

impl<O: SessionData, N: SessionData> SessionData for Migrating<O, N> {
    const SCHEMA: u16 = N::SCHEMA;
    const SHAPE: u16 = N::SHAPE;

    fn migrate(schema: u16, shape: u16, bytes: &[u8]) -> Option<Self> {
        read_as(schema, shape, bytes).map(|old| Self(Ok(old)))
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, SessionData)]
struct Nested<T> {
    id: u64,
    inner: T,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, SessionData)]
struct Listed<T> {
    list: Vec<T>,
}

/// Those of `Old` do not open as `New`, wherever in a session it stands.
fn is_noticed<Old, New>(old: Old)
where
    Old: SessionData + Shape + Clone + PartialEq + Debug,
    New: SessionData + Shape + Debug,
{
    fn refused_or_migrated<O: SessionData + PartialEq + Debug, N: SessionData + Debug>(old: &O) {
        assert_eq!(reopened::<O, O>(old).as_ref(), Ok(old));
        let error = reopened::<O, N>(old).unwrap_err();
        assert_eq!(error.kind(), OpenErrorKind::Schema);
        assert_eq!(error.reason(), "the type changed without a new version");
        let Migrating(migrated) = reopened::<O, Migrating<O, N>>(old).unwrap();
        assert_eq!(migrated.as_ref().ok(), Some(old));
    }
    let nested = Nested {
        id: 1,
        inner: old.clone(),
    };
    let list = vec![old.clone(), old.clone()];
    refused_or_migrated::<Old, New>(&old);
    refused_or_migrated::<Nested<Old>, Nested<New>>(&nested);
    refused_or_migrated::<Listed<Old>, Listed<New>>(&Listed { list });
    refused_or_migrated::<Option<Old>, Option<New>>(&Some(old));
}

macro_rules! noticed {
    ($($test:ident: $old:item => $new:item $sample:expr;)+) => {$(
        #[test]
        fn $test() {
            mod v1 {
                use super::*;
                #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, SessionData)]
                $old
            }
            mod v2 {
                use super::*;
                #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, SessionData)]
                $new
            }
            is_noticed::<v1::Data, v2::Data>($sample);
        }
    )+};
}

noticed! {
    added_field_is_noticed:
        pub struct Data { pub user: u64 }
        => pub struct Data { pub user: u64, pub note: () }
        v1::Data { user: 1 };
    removed_field_is_noticed:
        pub struct Data { pub user: u64, pub note: () }
        => pub struct Data { pub user: u64 }
        v1::Data { user: 1, note: () };
    swapped_fields_are_noticed:
        pub struct Data { pub is_admin: bool, pub is_new: bool }
        => pub struct Data { pub is_new: bool, pub is_admin: bool }
        v1::Data { is_admin: false, is_new: true };
    renamed_field_is_noticed:
        pub struct Data { pub is_new: bool }
        => pub struct Data { pub is_admin: bool }
        v1::Data { is_new: true };
    type_of_a_field_is_noticed:
        pub struct Data { pub user: u64 }
        => pub struct Data { pub user: i64 }
        v1::Data { user: 1 };
    type_of_a_newtype_is_noticed:
        pub struct Data(pub u64);
        => pub struct Data(pub u32);
        v1::Data(1);
    optional_field_is_noticed:
        pub struct Data { pub user: bool }
        => pub struct Data { pub user: Option<()> }
        v1::Data { user: true };
    length_of_an_array_is_noticed:
        pub struct Data { pub id: [(); 2] }
        => pub struct Data { pub id: [(); 3] }
        v1::Data { id: [(); 2] };
    added_variant_is_noticed:
        pub enum Data { Guest, User(u64) }
        => pub enum Data { Guest, User(u64), Admin(u64) }
        v1::Data::User(1);
    variant_added_in_front_is_noticed:
        pub enum Data { Guest, User }
        => pub enum Data { Admin, Guest, User }
        v1::Data::Guest;
    removed_variant_is_noticed:
        pub enum Data { Guest, User, Admin }
        => pub enum Data { User, Admin }
        v1::Data::User;
    reordered_variants_are_noticed:
        pub enum Data { User(u64), Admin(u64) }
        => pub enum Data { Admin(u64), User(u64) }
        v1::Data::User(1);
    renamed_variant_is_noticed:
        pub enum Data { Guest, User }
        => pub enum Data { Guest, Admin }
        v1::Data::User;
    content_of_a_variant_is_noticed:
        pub enum Data { User { id: u8, level: u8 } }
        => pub enum Data { User { level: u8, id: u8 } }
        v1::Data::User { id: 1, level: 2 };
    text_of_an_opaque_field_is_noticed:
        pub struct Data { #[session(opaque = "seconds")] pub at: u64 }
        => pub struct Data { #[session(opaque = "milliseconds")] pub at: u64 }
        v1::Data { at: 1 };
    rename_attribute_is_noticed:
        pub struct Data { pub is_new: bool }
        => pub struct Data { #[serde(rename = "new")] pub is_new: bool }
        v1::Data { is_new: true };
}

/// What is noticed above is worth noticing: postcard alone reads another value.
#[test]
fn postcard_alone_misreads_swapped_fields() {
    #[derive(Serialize, Deserialize)]
    struct Before {
        is_admin: bool,
        is_new: bool,
    }
    #[derive(Serialize, Deserialize)]
    struct After {
        is_new: bool,
        is_admin: bool,
    }
    let before = Before {
        is_admin: false,
        is_new: true,
    };
    let bytes = postcard::to_allocvec(&before).unwrap();
    let after: After = from_postcard(&bytes).unwrap();
    assert!(after.is_admin && !after.is_new);
}

/// As the types of `noticed!` show, neither does the name of a type count.
#[test]
fn types_that_are_written_alike_have_one_shape() {
    #[derive(Serialize, Deserialize, Shape)]
    struct Id(u64);

    #[derive(Serialize, Deserialize, Shape)]
    #[serde(transparent)]
    struct Name {
        name: String,
        marker: PhantomData<Id>,
    }

    #[derive(Serialize, Deserialize, Shape)]
    struct Pair(u8, Id);

    let text = [
        Box::<str>::HASH,
        Cow::<str>::HASH,
        Arc::<str>::HASH,
        Name::HASH,
    ];
    assert_eq!(text, [str::HASH; 4]);
    assert_eq!(Id::HASH, usize::HASH);
    assert_eq!(Pair::HASH, <(u8, Box<u64>)>::HASH);
    assert_eq!(<[u8; 2]>::HASH, <(u8, u8)>::HASH);
    let lists = [
        VecDeque::<Id>::HASH,
        BTreeSet::<Id>::HASH,
        Box::<[Id]>::HASH,
    ];
    assert_eq!(lists, [Vec::<u64>::HASH; 3]);
    assert_eq!(HashMap::<Name, Id>::HASH, BTreeMap::<String, u64>::HASH);
}

#[test]
fn a_field_under_its_former_name_is_read() {
    #[derive(Serialize, Deserialize, SessionData)]
    struct Before {
        darkmode: bool,
        choice: Choice,
    }
    #[derive(Serialize, Deserialize, Shape)]
    enum Choice {
        Yes,
    }
    #[derive(Serialize, Deserialize, SessionData)]
    struct After {
        #[session(was = "darkmode")]
        dark_mode: bool,
        #[serde(rename = "choice")]
        consent: Consent,
        #[serde(skip)]
        cache: Vec<After>,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize, Shape)]
    enum Consent {
        #[session(was = "Yes")]
        Given,
    }
    let before = Before {
        darkmode: true,
        choice: Choice::Yes,
    };
    let after: After = reopened(&before).unwrap();
    assert!(after.dark_mode && after.cache.is_empty());
    assert_eq!(after.consent, Consent::Given);
}

/// What SECURITY.md says of `opaque`.
#[test]
fn a_change_behind_an_opaque_text_is_not_noticed() {
    #[derive(Serialize, Deserialize, SessionData)]
    struct Before {
        #[session(opaque = "id")]
        id: (u8, u8),
    }
    #[derive(Serialize, Deserialize, SessionData)]
    struct After {
        #[session(opaque = "id")]
        id: [bool; 2],
    }
    let after: After = reopened(&Before { id: (0, 1) }).unwrap();
    assert_eq!(after.id, [false, true]);
}

#[derive(Serialize, Deserialize, SessionData)]
struct V0 {
    user: u64,
}

#[derive(Serialize, Deserialize, SessionData)]
#[session(version = 1, previous = V0)]
struct V1 {
    user: u64,
    admin: bool,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, SessionData)]
#[session(version = 7, previous = V1)]
struct V7 {
    admin: bool,
    user: u64,
}

impl From<V0> for V1 {
    fn from(V0 { user }: V0) -> Self {
        Self { user, admin: false }
    }
}

impl From<V1> for V7 {
    fn from(V1 { user, admin }: V1) -> Self {
        Self { admin, user }
    }
}

#[test]
fn previous_types_migrate_one_after_the_other() {
    let user = 1;
    let guest = V7 { admin: false, user };
    assert_eq!(reopened(&V0 { user }).as_ref(), Ok(&guest));
    let admin = V7 { admin: true, user };
    assert_eq!(reopened(&V1 { user, admin: true }).as_ref(), Ok(&admin));
    assert_eq!(reopened(&admin).as_ref(), Ok(&admin));
    let newer = reopened::<_, V1>(&admin).map(drop).unwrap_err();
    assert_eq!(newer.kind(), OpenErrorKind::Unsupported);
}

/// A version in the chain changed without a new number: none of its types misreads it.
#[test]
fn changed_previous_type_is_not_migrated() {
    #[derive(Serialize, Deserialize, SessionData)]
    struct Other {
        id: u64,
    }
    let error = reopened::<_, V7>(&Other { id: 1 }).unwrap_err();
    assert_eq!(error.kind(), OpenErrorKind::Schema);
}

/// Of an implementation by hand only the version is compared.
#[test]
fn unknown_shapes_are_read_by_their_version() {
    #[derive(Debug, Serialize, Deserialize)]
    struct ByHand {
        id: u64,
    }
    impl SessionData for ByHand {}
    assert_eq!(reopened::<_, ByHand>(&V0 { user: 1 }).unwrap().id, 1);
    assert_eq!(reopened::<_, V0>(&ByHand { id: 1 }).unwrap().user, 1);
}
