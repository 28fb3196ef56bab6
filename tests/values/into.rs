//! What goes into a value.

use std::{collections::BTreeMap, fmt};

use serde::{Serialize, Serializer};

use sealed_session::payload::values::{Value, ValueError, to_value};

#[derive(Serialize)]
enum Shape {
    Unit,
    Newtype(u8),
    Tuple(u8, i8),
    Struct { a: Option<u8>, b: char },
}

#[derive(Serialize)]
struct Wrapped(Option<Box<Wrapped>>);

/// Serializes its text as bytes.
struct Raw(&'static [u8]);

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert!(serializer.is_human_readable());
        serializer.serialize_bytes(self.0)
    }
}

/// Fails to be displayed.
struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Err(fmt::Error)
    }
}

impl Serialize for Broken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A map that is serialized from its pairs.
struct Pairs<'a, K>(&'a [(K, u8)]);

impl<K: Serialize> Serialize for Pairs<'_, K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(k, v)| (k, v)))
    }
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(&to_value(value).unwrap()).unwrap()
}

#[test]
fn the_data_model_is_the_one_of_serde_json() {
    let shapes = (
        [Shape::Unit, Shape::Newtype(1), Shape::Tuple(2, -3)],
        Shape::Struct { a: None, b: 'x' },
        ((), Some(1.5), true, "text"),
        BTreeMap::from([(-1, 'a'), (1, 'b')]),
        BTreeMap::from([(true, 0)]),
        BTreeMap::from([('c', u64::MAX)]),
        i64::MIN,
    );
    assert_eq!(json(&shapes), serde_json::to_string(&shapes).unwrap());
}

#[test]
fn leaves_become_the_expected_variants() {
    assert_eq!(to_value(&-1_i8), Ok(Value::Int(-1)));
    assert_eq!(to_value(&1_i8), Ok(Value::UInt(1)));
    assert_eq!(to_value(&0.5_f32), Ok(Value::Float(0.5)));
    assert_eq!(to_value(&Raw(b"ab")), Ok(Value::Bytes(b"ab".to_vec())));
}

#[test]
fn floats_that_json_does_not_have_are_refused() {
    for float in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(to_value(&float), Err(ValueError::NotFinite));
        assert_eq!(to_value(&[Value::Float(float)]), Err(ValueError::NotFinite));
    }
    assert_eq!(to_value(&f32::INFINITY), Err(ValueError::NotFinite));
}

#[test]
fn wide_integers_must_fit() {
    assert_eq!(to_value(&u128::from(u64::MAX)), Ok(Value::UInt(u64::MAX)));
    assert_eq!(to_value(&i128::from(u64::MAX)), Ok(Value::UInt(u64::MAX)));
    assert_eq!(to_value(&i128::from(i64::MIN)), Ok(Value::Int(i64::MIN)));
    assert_eq!(to_value(&u128::MAX), Err(ValueError::IntegerRange));
    for wide in [i128::from(u64::MAX) + 1, i128::from(i64::MIN) - 1] {
        assert_eq!(to_value(&wide), Err(ValueError::IntegerRange));
    }
}

#[test]
fn a_key_that_comes_twice_is_refused() {
    assert_eq!(
        to_value(&Pairs(&[("a", 1), ("a", 2)])),
        Err(ValueError::DuplicateKey)
    );
    assert_eq!(json(&Pairs(&[("b", 1), ("a", 2)])), r#"{"a":2,"b":1}"#);
}

#[test]
fn keys_that_are_no_scalars_are_refused() {
    assert!(to_value(&Pairs(&[(Some(1), 0)])).is_ok());
    let refused = Err(ValueError::KeyKind);
    assert_eq!(to_value(&Pairs(&[((1, 2), 0)])), refused);
    assert_eq!(to_value(&Pairs(&[((), 0)])), refused);
    assert_eq!(to_value(&Pairs(&[(None::<u8>, 0)])), refused);
    assert_eq!(to_value(&Pairs(&[(1.5, 0)])), refused);
}

#[test]
fn a_type_of_wrappers_only_does_not_recurse_without_end() {
    let wrapped = (0..1000).fold(Wrapped(None), |inner, _| Wrapped(Some(Box::new(inner))));
    assert_eq!(to_value(&wrapped), Err(ValueError::TooDeep));
}

#[test]
fn a_failing_display_is_an_error_and_no_panic() {
    assert_eq!(to_value(&Broken), Err(ValueError::Unserializable));
    assert_eq!(
        to_value(&Pairs(&[(Broken, 1)])),
        Err(ValueError::Unserializable)
    );
}
