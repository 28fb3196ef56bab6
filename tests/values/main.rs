//! `Values`: their binary form byte by byte (SPEC 8.2), JSON, and what goes in and comes out.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test"
)]

mod api;
mod into;
mod json;
mod out;
#[cfg(feature = "_proptest")]
mod properties;
mod reading;
mod writing;

use sealed_session::{Values, payload::from_postcard};

/// The CBOR of these values, which in postcard has its length before it.
fn write(values: &Values) -> Option<Vec<u8>> {
    let bytes = postcard::to_allocvec(values).ok()?;
    let (cbor, rest) = postcard::take_from_bytes::<&[u8]>(&bytes).unwrap();
    assert!(rest.is_empty());
    Some(cbor.to_vec())
}

/// The values whose CBOR is this.
fn read(cbor: &[u8]) -> Option<Values> {
    let mut bytes = postcard::to_allocvec(&cbor.len()).unwrap();
    bytes.extend(cbor);
    from_postcard(&bytes)
}

fn from_hex(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().filter(|digit| !digit.is_whitespace()).collect();
    let byte = |pair: &[char]| u8::from_str_radix(&String::from_iter(pair), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn to_hex(bytes: &[u8]) -> String {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles
        .map(|nibble| char::from_digit(nibble.into(), 16).unwrap())
        .collect()
}
