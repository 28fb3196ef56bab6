//! What comes out of a value.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::Hash;
use std::num::NonZeroU8;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error, IgnoredAny, Visitor},
};

use sealed_session::payload::values::{Map, Value, ValueError, from_value, to_value};

#[derive(Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord, Debug, Clone)]
enum Shape {
    Unit,
    Newtype(u8),
    Tuple(u8, i8),
    Struct { a: Option<u8>, b: char },
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(tag = "t")]
enum Tagged {
    A { n: u32 },
    B,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(untagged)]
enum Untagged {
    Number(i64),
    Text(String),
    Real(f64),
}

#[derive(Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Id(u32);

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Everything {
    unit: (),
    id: Id,
    shapes: Vec<Shape>,
    by_id: BTreeMap<Id, bool>,
    by_flag: BTreeMap<bool, char>,
    by_shape: BTreeMap<Shape, i16>,
    by_wide: BTreeMap<i128, u128>,
    tagged: (Tagged, Tagged),
    untagged: [Untagged; 3],
    ratio: f32,
    #[serde(flatten)]
    rest: BTreeMap<String, u64>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Wrapped(Option<Box<Wrapped>>);

/// Asks for bytes and takes all forms of them.
#[derive(PartialEq, Debug)]
struct Blob(Vec<u8>);

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BlobVisitor;

        impl Visitor<'_> for BlobVisitor {
            type Value = Blob;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a blob")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Blob, E> {
                Ok(Blob(bytes.to_vec()))
            }
        }

        assert!(deserializer.is_human_readable());
        deserializer.deserialize_byte_buf(BlobVisitor)
    }
}

fn read<T: DeserializeOwned>(value: impl Into<Value>) -> Result<T, ValueError> {
    from_value(&value.into())
}

#[test]
fn everything_round_trips() {
    let everything = Everything {
        unit: (),
        id: Id(7),
        shapes: vec![
            Shape::Unit,
            Shape::Newtype(1),
            Shape::Tuple(2, -3),
            Shape::Struct {
                a: Some(4), b: 'ß'
            },
            Shape::Struct { a: None, b: 'x' },
        ],
        by_id: BTreeMap::from([(Id(1), true), (Id(2), false)]),
        by_flag: BTreeMap::from([(true, 't')]),
        by_shape: BTreeMap::from([(Shape::Unit, -9)]),
        by_wide: BTreeMap::from([(i64::MIN.into(), 5), (u64::MAX.into(), 6)]),
        tagged: (Tagged::A { n: 1 }, Tagged::B),
        untagged: [
            Untagged::Number(-1),
            Untagged::Text("x".into()),
            Untagged::Real(0.5),
        ],
        ratio: 0.1,
        rest: BTreeMap::from([("extra".to_owned(), u64::MAX)]),
    };
    let value = to_value(&everything).unwrap();
    assert_eq!(from_value(&value), Ok(everything));
}

#[test]
fn integers_are_checked_for_their_range() {
    let out_of_range = ValueError::IntegerRange;
    assert_eq!(read::<u8>(255_u16), Ok(255));
    assert_eq!(read::<u8>(256_u16).unwrap_err(), out_of_range);
    assert_eq!(read::<u64>(-1).unwrap_err(), out_of_range);
    assert_eq!(read::<i64>(u64::MAX).unwrap_err(), out_of_range);
    assert_eq!(read::<i128>(u64::MAX), Ok(i128::from(u64::MAX)));
    assert_eq!(read::<NonZeroU8>(0_u8).unwrap_err(), out_of_range);
}

#[test]
fn an_integer_is_a_float_but_a_float_is_no_integer() {
    assert_eq!(read::<f64>(3_u8), Ok(3.0));
    assert_eq!(read::<f32>(-3), Ok(-3.0));
    assert!(matches!(read::<u8>(3.0), Err(ValueError::WrongType { .. })));
}

#[test]
fn bytes_and_arrays_of_integers_are_read_as_each_other() {
    let bytes = Value::from(vec![1_u8, 2, 255]);
    let array = to_value(&[1, 2, 255]).unwrap();
    for value in [&bytes, &array] {
        assert_eq!(from_value::<Vec<u8>>(value), Ok(vec![1, 2, 255]));
        assert_eq!(from_value::<[u8; 3]>(value), Ok([1, 2, 255]));
        assert_eq!(from_value::<Blob>(value), Ok(Blob(vec![1, 2, 255])));
        assert_eq!(from_value::<[u8; 2]>(value), Err(ValueError::WrongLength));
        assert_eq!(from_value::<[u8; 4]>(value), Err(ValueError::WrongLength));
    }
    assert!(from_value::<Blob>(&to_value(&[256]).unwrap()).is_err());
    assert!(from_value::<Blob>(&to_value(&[-1]).unwrap()).is_err());
}

#[test]
fn enums_need_exactly_one_entry_and_a_known_variant() {
    let mut map = Map::new();
    assert_eq!(read::<Shape>(map.clone()), Err(ValueError::WrongLength));
    map.insert("Newtype", 1_u8);
    assert_eq!(read::<Shape>(map.clone()), Ok(Shape::Newtype(1)));
    map.insert("Unit", ());
    assert_eq!(read::<Shape>(map), Err(ValueError::WrongLength));
    assert_eq!(read::<Shape>("Secret"), Err(ValueError::Rejected));
    assert!(read::<Shape>("Newtype").is_err());
    assert!(read::<Shape>("Struct").is_err());
    assert!(read::<Shape>(1).is_err());
}

#[test]
fn a_type_of_wrappers_only_does_not_recurse_without_end() {
    assert_eq!(read::<Wrapped>(1), Err(ValueError::TooDeep));
    let mut map = Map::new();
    map.insert("1", ());
    assert!(read::<HashMap<String, Wrapped>>(map).is_ok());
}

#[test]
fn a_key_is_read_back_from_its_one_text() {
    fn key<K: DeserializeOwned + Eq + Hash>(key: &str) -> Result<K, ValueError> {
        let mut map = Map::new();
        map.insert(key, 1_u8);
        let read: HashMap<K, u8> = read(map)?;
        Ok(read.into_keys().next().unwrap())
    }
    assert_eq!(key::<i8>("-5"), Ok(-5));
    for text in ["05", "+5", "5 ", "", "-0", "5.0"] {
        assert_eq!(key::<i8>(text), Err(ValueError::KeyKind));
    }
    assert_eq!(key::<i8>("128"), Err(ValueError::IntegerRange));
    assert_eq!(key::<bool>("true"), Ok(true));
    assert_eq!(key::<bool>("1"), Err(ValueError::KeyKind));
    assert_eq!(key::<Option<char>>("x"), Ok(Some('x')));
    assert!(key::<()>("x").is_err());
}

#[test]
fn anything_can_be_ignored() {
    assert!(read::<IgnoredAny>(vec![Value::Null]).is_ok());
}
/// Quotes the text it refuses.
#[derive(Debug)]
struct Chatty;

impl<'de> Deserialize<'de> for Chatty {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Err(Error::custom(format!("bad {text}")))
    }
}

#[test]
fn errors_do_not_quote_the_value() {
    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Strict {
        #[serde(rename = "field")]
        _field: u8,
    }

    let mut unknown = Map::new();
    unknown.insert("secret", "secret");
    let errors = [
        read::<Chatty>("secret").unwrap_err(),
        read::<bool>("secret").unwrap_err(),
        read::<char>("secret").unwrap_err(),
        read::<Shape>("secret").unwrap_err(),
        read::<std::net::IpAddr>("secret").unwrap_err(),
        read::<Untagged>(vec![Value::from("secret")]).unwrap_err(),
        read::<Tagged>("secret").unwrap_err(),
        read::<Strict>(unknown.clone()).unwrap_err(),
        read::<HashMap<u8, String>>(unknown.clone()).unwrap_err(),
        read::<String>(unknown).unwrap_err(),
    ];
    for error in errors {
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
    assert_eq!(
        read::<bool>("secret").unwrap_err().to_string(),
        "expected a boolean"
    );
    assert_eq!(
        read::<Strict>(Map::new()).unwrap_err().to_string(),
        "the field `field` is missing"
    );
}
