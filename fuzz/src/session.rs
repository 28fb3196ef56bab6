//! Session types, and sessions made of the fuzzer's bytes.

use std::collections::BTreeMap;

use arbitrary::{Arbitrary, Result, Unstructured};
use sealed_session::{
    SessionData,
    payload::values::{Map, Value, Values},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::cbor;

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
        let key = key(input)?;
        // No level is too deep, but a float may be no number.
        let _ = values.set_raw(key, value(input, 8)?);
    }
    Ok(values)
}

/// Often one of few, so that maps in arrays have some in common.
fn key(input: &mut Unstructured<'_>) -> Result<String> {
    if input.ratio(1, 2)? {
        return input.arbitrary();
    }
    Ok((*input.choose(&["", "name", "user_id", "website", "sku", "line_total"])?).to_owned())
}

fn value(input: &mut Unstructured<'_>, levels: u8) -> Result<Value> {
    let kinds = if levels == 0 { 7 } else { 9 };
    Ok(match input.int_in_range(0..=kinds)? {
        0 => Value::Null,
        1 => Value::Bool(input.arbitrary()?),
        2 => Value::Int(input.arbitrary()?),
        3 => Value::UInt(input.arbitrary()?),
        4 => Value::Float(input.arbitrary()?),
        5 => Value::Text(input.arbitrary()?),
        6 => Value::Bytes(input.arbitrary()?),
        7 => Value::Text(packed(input)?),
        8 => {
            let count = input.int_in_range(0..=4)?;
            let items: Result<Vec<_>> = (0..count).map(|_| value(input, levels - 1)).collect();
            Value::Array(items?)
        }
        _ => {
            let mut map = Map::new();
            for _ in 0..input.int_in_range(0..=4)? {
                let key = key(input)?;
                map.insert(key, value(input, levels - 1)?);
            }
            Value::Map(map)
        }
    })
}

/// A text that is bytes in disguise.
fn packed(input: &mut Unstructured<'_>) -> Result<String> {
    let tag = *input.choose(&[21, 37, 47_888, 47_889])?;
    let parts: Result<Vec<Vec<u8>>> = match tag {
        37 => Ok(vec![<[u8; 16]>::arbitrary(input)?.to_vec()]),
        47_889 => (0..3).map(|_| input.arbitrary()).collect(),
        _ => Ok(vec![input.arbitrary()?]),
    };
    Ok(cbor::unpacked(tag, &parts?).unwrap_or_default())
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
