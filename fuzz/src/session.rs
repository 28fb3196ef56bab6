//! Session types, and sessions made of the fuzzer's bytes.

use std::collections::BTreeMap;

use arbitrary::{Arbitrary, Result, Unstructured};
use sealed_session::{
    SessionData,
    payload::values::{Map, Value, Values},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Every type that postcard has, in the order of the vectors.
#[derive(Clone, Debug, PartialEq, Arbitrary, Serialize, Deserialize)]
pub struct Example {
    flag: bool,
    u8: u8,
    i8: i8,
    u16: u16,
    u32: u32,
    u64: u64,
    u128: u128,
    i16: i16,
    i32: i32,
    i64: i64,
    i128: i128,
    f32: f32,
    f64: f64,
    char: char,
    string: String,
    sequence: Vec<u32>,
    some: Option<u32>,
    none: Option<u32>,
    tuple: (u8, String),
    map: BTreeMap<String, u32>,
    shapes: Vec<Shape>,
}

impl SessionData for Example {}

/// The struct as it is in that schema and shape; it converts from every second other.
#[derive(Debug, Serialize, Deserialize)]
pub struct Version<const SCHEMA: u16, const SHAPE: u16>(pub Example);

impl<const SCHEMA: u16, const SHAPE: u16> SessionData for Version<SCHEMA, SHAPE> {
    const SCHEMA: u16 = SCHEMA;
    const SHAPE: u16 = SHAPE;

    fn migrate(schema: u16, shape: u16, bytes: &[u8]) -> Option<Self> {
        let example = || sealed_session::payload::from_postcard(bytes);
        converts(schema, shape).then(example)?.map(Self)
    }
}

/// Whether [`Version`] converts from that one.
#[must_use]
pub fn converts(schema: u16, shape: u16) -> bool {
    (schema ^ shape) & 1 == 0
}

#[derive(Clone, Debug, PartialEq, Arbitrary, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(u32),
    Pair(u32, u32),
    Named { name: String },
}

/// Bytes that serde treats as a sequence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Octets(pub Vec<u8>);

impl SessionData for Octets {}

/// Any `Values`, at most eight levels deep.
///
/// # Errors
/// When the bytes are used up.
pub fn values(input: &mut Unstructured<'_>) -> Result<Values> {
    let mut values = Values::new();
    for _ in 0..input.int_in_range(0..=8)? {
        let key: String = input.arbitrary()?;
        // No level is too deep, so this cannot fail.
        let _ = values.set_raw(key, value(input, 8)?);
    }
    Ok(values)
}

fn value(input: &mut Unstructured<'_>, levels: u8) -> Result<Value> {
    let kinds = if levels == 0 { 6 } else { 8 };
    Ok(match input.int_in_range(0..=kinds)? {
        0 => Value::Null,
        1 => Value::Bool(input.arbitrary()?),
        2 => Value::Int(input.arbitrary()?),
        3 => Value::UInt(input.arbitrary()?),
        4 => Value::Float(input.arbitrary()?),
        5 => Value::Text(input.arbitrary()?),
        6 => Value::Bytes(input.arbitrary()?),
        7 => {
            let count = input.int_in_range(0..=4)?;
            let items: Result<Vec<_>> = (0..count).map(|_| value(input, levels - 1)).collect();
            Value::Array(items?)
        }
        _ => {
            let mut map = Map::new();
            for _ in 0..input.int_in_range(0..=4)? {
                let key: String = input.arbitrary()?;
                map.insert(key, value(input, levels - 1)?);
            }
            Value::Map(map)
        }
    })
}

/// How many arrays and maps are inside each other, this one included.
#[must_use]
pub fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Map(map) => 1 + map.iter().map(|(_, value)| depth(value)).max().unwrap_or(0),
        _ => 0,
    }
}

/// The postcard of a session: equal also where NaN is not.
#[must_use]
pub fn postcard<T: Serialize>(data: &T) -> Vec<u8> {
    postcard::to_allocvec(data).unwrap()
}

/// Reads postcard, and checks that what was read is written, read and written the same, and
/// in no more bytes.
///
/// # Panics
/// When it is not.
#[must_use]
pub fn read_and_write<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    // Nothing may be left over.
    let whole = postcard::take_from_bytes::<T>(bytes).is_ok_and(|(_, rest)| rest.is_empty());
    let read = sealed_session::payload::from_postcard::<T>(bytes);
    assert_eq!(read.is_some(), whole);
    let data = read?;
    let written = postcard(&data);
    assert!(written.len() <= bytes.len());
    let again: T = sealed_session::payload::from_postcard(&written).unwrap();
    assert_eq!(postcard(&again), written);
    Some(data)
}
