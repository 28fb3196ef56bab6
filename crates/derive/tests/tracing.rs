//! What the derive describes is what serde writes: `serde-reflection` observes samples of a
//! type, and the hash of what it saw has to be that of the type.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "each fails the test"
)]

use core::fmt::Debug;
use std::{
    borrow::Cow,
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque},
    marker::PhantomData,
    net::{IpAddr, SocketAddr},
    num::{NonZero, Saturating, Wrapping},
    path::PathBuf,
    rc::Rc,
    sync::Arc,
    time::{Duration, SystemTime},
};

use sealed_session::payload::{Shape, from_postcard, shape::describe};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_reflection::{
    ContainerFormat, Format, FormatHolder, Named, Registry, Samples, Tracer, TracerConfig,
    VariantFormat,
};

/// The hash of what serde writes of the samples, which show everything together: each variant,
/// and something in each option, sequence and map.
fn observed<T: Serialize>(samples: &[T]) -> u64 {
    let mut tracer = Tracer::new(TracerConfig::default().is_human_readable(false));
    let mut formats = samples.iter().map(|sample| {
        let seen = tracer.trace_value(&mut Samples::new(), sample);
        seen.expect("the samples are alike").0
    });
    let mut format = formats.next().expect("a sample");
    for other in formats {
        format.unify(other).expect("the samples are alike");
    }
    let registry = tracer.registry().expect("the samples show all");
    format.normalize().expect("the samples show all");
    of_format(&format, &registry)
}

fn of_format(format: &Format, registry: &Registry) -> u64 {
    let of = |format: &Format| of_format(format, registry);
    let leaf = |kind| describe(kind, &[]);
    match format {
        Format::Variable(_) | Format::Bytes => panic!("not among the tested"),
        Format::TypeName(name) => of_container(&registry[name], registry),
        Format::Unit => leaf("unit"),
        Format::Bool => leaf("bool"),
        Format::I8 => leaf("i8"),
        Format::I16 => leaf("i16"),
        Format::I32 => leaf("i32"),
        Format::I64 => leaf("i64"),
        Format::I128 => leaf("i128"),
        Format::U8 => leaf("u8"),
        Format::U16 => leaf("u16"),
        Format::U32 => leaf("u32"),
        Format::U64 => leaf("u64"),
        Format::U128 => leaf("u128"),
        Format::F32 => leaf("f32"),
        Format::F64 => leaf("f64"),
        Format::Char => leaf("char"),
        Format::Str => leaf("str"),
        Format::Option(content) => describe("option", &[("", of(content))]),
        Format::Seq(content) => describe("seq", &[("", of(content))]),
        Format::Map { key, value } => describe("map", &[("", of(key)), ("", of(value))]),
        Format::Tuple(parts) => of_tuple(parts, registry),
        Format::TupleArray { content, size } => describe("tuple", &vec![("", of(content)); *size]),
    }
}

fn of_container(format: &ContainerFormat, registry: &Registry) -> u64 {
    match format {
        ContainerFormat::UnitStruct => describe("unit", &[]),
        ContainerFormat::NewTypeStruct(content) => of_format(content, registry),
        ContainerFormat::TupleStruct(parts) => of_tuple(parts, registry),
        ContainerFormat::Struct(fields) => of_struct(fields, registry),
        ContainerFormat::Enum(variants) => {
            assert!(variants.keys().copied().eq((0..).take(variants.len())));
            let parts = variants.values().map(|Named { name, value }| {
                let content = match value {
                    VariantFormat::Variable(_) => panic!("not among the tested"),
                    VariantFormat::Unit => describe("unit", &[]),
                    VariantFormat::NewType(content) => of_format(content, registry),
                    VariantFormat::Tuple(parts) => of_tuple(parts, registry),
                    VariantFormat::Struct(fields) => of_struct(fields, registry),
                };
                (name.as_str(), content)
            });
            describe("enum", &parts.collect::<Vec<_>>())
        }
    }
}

fn of_tuple(parts: &[Format], registry: &Registry) -> u64 {
    let parts = parts.iter().map(|part| ("", of_format(part, registry)));
    describe("tuple", &parts.collect::<Vec<_>>())
}

fn of_struct(fields: &[Named<Format>], registry: &Registry) -> u64 {
    let part = |field: &Named<Format>| of_format(&field.value, registry);
    let parts = fields
        .iter()
        .map(|field| (field.name.as_str(), part(field)));
    describe("struct", &parts.collect::<Vec<_>>())
}

/// The samples are written as the type's shape says, and read as what they were.
#[track_caller]
fn is_as_described<T>(samples: impl IntoIterator<Item = T>)
where
    T: Shape + Serialize + DeserializeOwned + PartialEq + Debug,
{
    let samples: Vec<T> = samples.into_iter().collect();
    assert_eq!(observed(&samples), T::HASH, "{samples:?}");
    for sample in &samples {
        let bytes = postcard::to_allocvec(sample).expect("it is carried");
        assert_eq!(from_postcard::<T>(&bytes).as_ref(), Some(sample));
    }
}

#[test]
fn types_of_std_are_as_described() {
    is_as_described([true]);
    is_as_described([1_u8]);
    is_as_described([1_u16]);
    is_as_described([1_u32]);
    is_as_described([1_u64]);
    is_as_described([1_u128]);
    is_as_described([1_usize]);
    is_as_described([-1_i8]);
    is_as_described([-1_i16]);
    is_as_described([-1_i32]);
    is_as_described([-1_i64]);
    is_as_described([-1_i128]);
    is_as_described([-1_isize]);
    is_as_described([1.5_f32]);
    is_as_described([1.5_f64]);
    is_as_described(['x']);
    is_as_described([()]);
    is_as_described(NonZero::new(1_u8));
    is_as_described(NonZero::new(-1_i128));
    is_as_described(NonZero::new(1_usize));
    is_as_described(NonZero::new(1_isize));
    is_as_described(["text".to_owned()]);
    is_as_described([PathBuf::from("/path")]);
    is_as_described([Box::<str>::from("text")]);
    is_as_described([Rc::<str>::from("text")]);
    is_as_described([Arc::<str>::from("text")]);
    is_as_described([Cow::Borrowed("text")]);
    is_as_described([Reverse(1_u8)]);
    is_as_described([Saturating(1_u8)]);
    is_as_described([Wrapping(1_u8)]);
    is_as_described([PhantomData::<String>]);
    is_as_described([Some(1_u8)]);
    is_as_described([Ok(1_u8), Err("text".to_owned())]);
    is_as_described([[1_u16, 2, 3]]);
    is_as_described([(1_u8,)]);
    is_as_described([(1_u8, "text".to_owned(), true)]);
    is_as_described([(
        0_u8, 1_u16, 2_u8, 3_u16, 4_u8, 5_u16, 6_u8, 7_u16, 8_u8, 9_u16, 10_u8, 11_u16,
    )]);
    is_as_described([vec![1_u8]]);
    is_as_described([Box::<[u8]>::from([1])]);
    is_as_described([VecDeque::from([1_u8])]);
    is_as_described([LinkedList::from([1_u8])]);
    is_as_described([BTreeSet::from([1_u8])]);
    is_as_described([HashSet::from([1_u8])]);
    is_as_described([BTreeMap::from([(1_u8, true)])]);
    is_as_described([HashMap::from([("text".to_owned(), 1_u8)])]);
    is_as_described([Duration::from_millis(1_500)]);
    is_as_described([SystemTime::UNIX_EPOCH]);
    is_as_described(["127.0.0.1", "::1"].map(|it| it.parse::<IpAddr>().unwrap()));
    is_as_described(["127.0.0.1:80", "[::1]:80"].map(|it| it.parse::<SocketAddr>().unwrap()));
    assert_eq!(
        observed(&[BinaryHeap::from([1_u8])]),
        BinaryHeap::<u8>::HASH
    );
    assert_eq!(observed(&[&1_u8]), <&u8>::HASH);
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Shape)]
struct Unit;

#[derive(Debug, PartialEq, Serialize, Deserialize, Shape)]
struct Newtype(u32);

#[derive(Debug, PartialEq, Serialize, Deserialize, Shape)]
struct Tuple(u8, #[serde(skip)] String, u16);

/// Of a tuple whose other fields are skipped, serde writes no newtype.
#[derive(Debug, PartialEq, Serialize, Deserialize, Shape)]
struct OneOfTwo(u8, #[serde(skip)] String);

#[derive(Debug, Default, PartialEq, Serialize, Deserialize, Shape)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "fields",
    bound = "",
    rename = "Other"
)]
struct Named_ {
    #[serde(alias = "ein", default, bound = "")]
    one: u8,
    #[serde(rename = "zwei")]
    two: u8,
    #[serde(rename(serialize = "drei", deserialize = "trois"))]
    three: u8,
    #[serde(rename(deserialize = "quatre"))]
    four: u8,
    #[serde(skip, default)]
    left_out: u8,
    #[serde(skip_serializing, skip_deserializing)]
    left_out_too: Option<Box<Self>>,
    r#type: u8,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Shape)]
#[serde(transparent)]
struct Transparent {
    only: u16,
    marker: PhantomData<String>,
    #[serde(skip)]
    left_out: u8,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Shape)]
enum Choice {
    Unit,
    Newtype(u8),
    Tuple(u8, String),
    #[serde(rename_all = "UPPERCASE")]
    Struct {
        name: String,
        r#type: Newtype,
    },
    #[serde(rename = "Sonst", alias = "Else")]
    Renamed {},
    #[serde(other)]
    Other,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Shape)]
enum Shorter {
    Written,
    #[serde(skip)]
    _Skipped(u8),
    #[serde(skip_serializing, skip_deserializing)]
    _SkippedToo,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Shape)]
struct Generic<T, U: ?Sized, const N: usize>
where
    U: Debug,
{
    content: Vec<T>,
    marker: PhantomData<U>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Shape)]
struct All {
    unit: Unit,
    newtype: Newtype,
    tuple: Tuple,
    named: Vec<Named_>,
    generic: Generic<u8, (), 2>,
    map: BTreeMap<String, Option<Transparent>>,
}

#[test]
fn structs_are_as_described() {
    is_as_described([Unit]);
    is_as_described([Newtype(1)]);
    is_as_described([Tuple(1, String::new(), 2)]);
    is_as_described([OneOfTwo(1, String::new())]);
    is_as_described([Named_::default()]);
    let transparent = || Transparent {
        only: 1,
        marker: PhantomData,
        left_out: 0,
    };
    is_as_described([transparent()]);
    is_as_described([All {
        unit: Unit,
        newtype: Newtype(1),
        tuple: Tuple(1, String::new(), 2),
        named: vec![Named_::default()],
        generic: Generic {
            content: vec![1],
            marker: PhantomData,
        },
        map: BTreeMap::from([("one".into(), Some(transparent()))]),
    }]);
}

#[test]
fn enums_are_as_described() {
    is_as_described([
        Choice::Unit,
        Choice::Newtype(1),
        Choice::Tuple(1, "text".into()),
        Choice::Struct {
            name: "text".into(),
            r#type: Newtype(1),
        },
        Choice::Renamed {},
        Choice::Other,
    ]);
    is_as_described([Shorter::Written]);
}

/// Why they are to stand last: serde counts them when it writes and not when it reads.
#[test]
fn a_skipped_variant_shifts_those_that_follow() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Shifted {
        #[serde(skip)]
        _Skipped,
        One,
        Two,
    }
    let bytes = postcard::to_allocvec(&Shifted::One).unwrap();
    assert_eq!(from_postcard(&bytes), Some(Shifted::Two));
}

macro_rules! each_rule {
    ($($rule:literal)+) => {$({
        #[derive(Debug, PartialEq, Serialize, Deserialize, Shape)]
        #[serde(rename_all = $rule)]
        struct Fields {
            word: u8,
            two_words: u8,
            r#type: u8,
            _under_score_: u8,
            #[serde(rename = "as_it_is")]
            renamed: u8,
        }
        #[derive(Debug, PartialEq, Serialize, Deserialize, Shape)]
        #[serde(rename_all(serialize = $rule), rename_all_fields = $rule)]
        enum Variants {
            Word,
            TwoWords { two_words: u8 },
            HTTPServer2,
            #[serde(rename = "AsItIs", rename_all = "camelCase")]
            Renamed { two_words: u8 },
        }
        is_as_described([Fields {
            word: 1,
            two_words: 2,
            r#type: 3,
            _under_score_: 4,
            renamed: 5,
        }]);
        is_as_described([
            Variants::Word,
            Variants::TwoWords { two_words: 1 },
            Variants::HTTPServer2,
            Variants::Renamed { two_words: 1 },
        ]);
    })+};
}

#[test]
fn names_are_renamed_as_serde_does() {
    each_rule! {
        "lowercase" "UPPERCASE" "PascalCase" "camelCase" "snake_case" "SCREAMING_SNAKE_CASE"
        "kebab-case" "SCREAMING-KEBAB-CASE"
    }
}

/// The comparison can fail: what is written by hand is not what the fields show.
#[test]
fn a_type_that_serializes_otherwise_is_noticed() {
    #[derive(Shape)]
    struct Lie {
        _number: u8,
    }
    impl Serialize for Lie {
        fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            "text".serialize(to)
        }
    }
    assert_ne!(observed(&[Lie { _number: 1 }]), Lie::HASH);
    assert_eq!(observed(&[Lie { _number: 1 }]), str::HASH);
}
