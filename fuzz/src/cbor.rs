//! The CBOR of `Values` (SPEC section 8.2) once more: a strict reader and the writer. Slow,
//! and without any of the library's code but the type of a value.

use std::{collections::HashMap, sync::LazyLock};

use sealed_session::payload::values::{Map, Value};

use crate::reader::{from_base64, to_base64};

const MAX_LEVEL: usize = 64;

/// The page's own table.
static TABLE: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let page = include_str!("../../docs/SPEC.md");
    let (_, block) = page.split_once("### 8.4").unwrap();
    let block = block.split("```").nth(1).unwrap();
    let is_name = |word: &&str| word.parse::<u8>().is_err();
    let table: Vec<_> = block.split_whitespace().filter(is_name).collect();
    assert_eq!(table.len(), 128);
    table
});

/// All halves that are numbers, by the bits of the double that each is.
static HALVES: LazyLock<HashMap<u64, u16>> = LazyLock::new(|| {
    let numbers = (0..=u16::MAX).filter(|half| half >> 10 & 31 != 31);
    numbers
        .map(|half| (of_half(half).to_bits(), half))
        .collect()
});

fn of_half(half: u16) -> f64 {
    let (exponent, mantissa) = (half >> 10 & 31, f64::from(half & 1023));
    let magnitude = match exponent {
        0 => mantissa * 2_f64.powi(-24),
        31 => f64::INFINITY,
        _ => (1024.0 + mantissa) * 2_f64.powi(i32::from(exponent) - 25),
    };
    if half >> 15 == 0 {
        magnitude
    } else {
        -magnitude
    }
}

/// The map whose encoding this is; `None` where a rule is broken.
#[must_use]
pub fn read(mut bytes: &[u8]) -> Option<Map> {
    match read_item(&mut bytes, 1, None)? {
        Value::Map(map) if bytes.is_empty() => Some(map),
        _ => None,
    }
}

/// `rows` has the keys of the earlier maps of the array that the item is an element of.
fn read_item(input: &mut &[u8], level: usize, rows: Option<&mut Vec<String>>) -> Option<Value> {
    let start = *input;
    let (major, argument) = read_head(input)?;
    if matches!(major, 4 | 5) && level > MAX_LEVEL {
        return None;
    }
    Some(match major {
        0 => Value::UInt(argument),
        1 => Value::Int(-1 - i64::try_from(argument).ok()?),
        2 => Value::Bytes(take(input, argument)?.to_vec()),
        3 => Value::Text(read_text(input, argument)?),
        4 => {
            let (mut items, mut rows) = (Vec::new(), Vec::new());
            for _ in 0..argument {
                items.push(read_item(input, level + 1, Some(&mut rows))?);
            }
            Value::Array(items)
        }
        5 => Value::Map(read_map(input, argument, level, rows)?),
        6 => {
            let mut parts = vec![Vec::new(); if argument == 47_889 { 3 } else { 1 }];
            if parts.len() == 3 && read_head(input)? != (4, 3) {
                return None;
            }
            for part in &mut parts {
                let (2, len) = read_head(input)? else {
                    return None;
                };
                *part = take(input, len)?.to_vec();
            }
            Value::Text(unpacked(argument, &parts)?)
        }
        _ => match start[0] {
            0xf4 => Value::Bool(false),
            0xf5 => Value::Bool(true),
            0xf6 => Value::Null,
            first @ 0xf9..=0xfb => {
                let float = match first {
                    0xf9 => of_half(argument as u16),
                    0xfa => f32::from_bits(argument as u32).into(),
                    _ => f64::from_bits(argument),
                };
                let read = &start[..start.len() - input.len()];
                let is_shortest = float.is_finite() && write_float(float) == read;
                is_shortest.then_some(Value::Float(float))?
            }
            _ => return None,
        },
    })
}

fn read_map(
    input: &mut &[u8],
    count: u64,
    level: usize,
    rows: Option<&mut Vec<String>>,
) -> Option<Map> {
    let (mut map, mut last) = (Map::new(), None);
    let (mut none, are_rows) = (Vec::new(), rows.is_some());
    let rows = rows.unwrap_or(&mut none);
    for _ in 0..count {
        let key = match read_head(input)? {
            (0, number) => (*TABLE.get(usize::try_from(number).ok()?)?).to_owned(),
            (1, place) if are_rows => rows.get(usize::try_from(place).ok()?)?.clone(),
            (3, len) => read_text(input, len)?,
            _ => return None,
        };
        if last.is_some_and(|last| last >= key) {
            return None;
        }
        if !rows.contains(&key) {
            rows.push(key.clone());
        }
        map.insert(key.clone(), read_item(input, level + 1, None)?);
        last = Some(key);
    }
    Some(map)
}

/// Major type and argument.
fn read_head(input: &mut &[u8]) -> Option<(u8, u64)> {
    let (first, rest) = input.split_first()?;
    let (major, short) = (first >> 5, first & 31);
    let len = match short {
        0..=23 => 0,
        24..=27 => 1 << (short - 24),
        _ => return None,
    };
    let (bytes, rest) = rest.split_at_checked(len)?;
    let number = bytes.iter().fold(0, |n, &byte| n << 8 | u64::from(byte));
    let argument = if len == 0 { short.into() } else { number };
    *input = rest;
    let is_shortest = major == 7 || head(major, argument).len() == 1 + len;
    is_shortest.then_some((major, argument))
}

fn take<'a>(input: &mut &'a [u8], len: u64) -> Option<&'a [u8]> {
    let (bytes, rest) = input.split_at_checked(usize::try_from(len).ok()?)?;
    *input = rest;
    Some(bytes)
}

fn read_text(input: &mut &[u8], len: u64) -> Option<String> {
    String::from_utf8(take(input, len)?.to_vec()).ok()
}

/// The text that is packed under that tag.
#[must_use]
pub fn unpacked(tag: u64, parts: &[Vec<u8>]) -> Option<String> {
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|it| format!("{it:02x}")).collect() };
    let least = |least| parts.iter().all(|part| part.len() >= least);
    let base64 = parts.iter().map(|part| to_base64(part)).collect::<Vec<_>>();
    match (tag, parts) {
        (21, [_]) if least(16) => Some(base64.concat()),
        (37, [id]) if id.len() == 16 => {
            let parts = [&id[..4], &id[4..6], &id[6..8], &id[8..10], &id[10..]];
            Some(parts.map(hex).join("-"))
        }
        (47_888, [bytes]) if least(8) => Some(hex(bytes)),
        (47_889, [_, _, _]) if least(1) => Some(base64.join(".")),
        _ => None,
    }
}

/// The encoding of a map, by the rules for writers.
#[must_use]
pub fn write(map: &Map) -> Vec<u8> {
    let mut out = Vec::new();
    write_map(map, None, &mut out);
    out
}

fn write_item(value: &Value, rows: Option<&mut Vec<String>>, out: &mut Vec<u8>) {
    out.extend(match value {
        Value::Null => vec![0xf6],
        Value::Bool(value) => vec![0xf4 | u8::from(*value)],
        Value::UInt(n) => head(0, *n),
        Value::Int(n) => head(1, u64::try_from(-1 - n).unwrap()),
        Value::Float(float) => write_float(*float),
        Value::Bytes(bytes) => string(2, bytes),
        Value::Text(text) => write_text(text),
        Value::Array(items) => {
            out.extend(head(4, items.len() as u64));
            let mut rows = Vec::new();
            items
                .iter()
                .for_each(|item| write_item(item, Some(&mut rows), out));
            return;
        }
        Value::Map(map) => return write_map(map, rows, out),
    });
}

fn write_map(map: &Map, mut rows: Option<&mut Vec<String>>, out: &mut Vec<u8>) {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    out.extend(head(5, entries.len() as u64));
    for (key, value) in entries {
        let place = |major, place: Option<usize>| Some(head(major, place? as u64));
        let row = rows
            .as_deref()
            .and_then(|rows| rows.iter().position(|it| it == key));
        let forms = [
            place(0, TABLE.iter().position(|it| *it == key)),
            place(1, row),
            Some(string(3, key.as_bytes())),
        ];
        out.extend(forms.into_iter().flatten().min_by_key(Vec::len).unwrap());
        if let Some(rows) = rows.as_deref_mut().filter(|_| row.is_none()) {
            rows.push(key.to_owned());
        }
        write_item(value, None, out);
    }
}

fn write_text(text: &str) -> Vec<u8> {
    let from_hex = |text: &str| -> Option<Vec<u8>> {
        let pairs = text.as_bytes().chunks(2).map(core::str::from_utf8);
        pairs
            .map(|pair| u8::from_str_radix(pair.ok()?, 16).ok())
            .collect()
    };
    let from_base64 = |text: &str| from_base64(text.as_bytes());
    let packed = |tag, parts: Option<Vec<Vec<u8>>>| {
        let parts = parts.filter(|parts| unpacked(tag, parts).as_deref() == Some(text))?;
        let array = if parts.len() == 3 {
            head(4, 3)
        } else {
            Vec::new()
        };
        let parts: Vec<_> = parts.iter().map(|part| string(2, part)).collect();
        Some([head(6, tag), array, parts.concat()].concat())
    };
    let forms = [
        Some(string(3, text.as_bytes())),
        packed(21, from_base64(text).map(|bytes| vec![bytes])),
        packed(
            37,
            from_hex(&text.replace('-', "")).map(|bytes| vec![bytes]),
        ),
        packed(47_888, from_hex(text).map(|bytes| vec![bytes])),
        packed(47_889, text.split('.').map(from_base64).collect()),
    ];
    forms.into_iter().flatten().min_by_key(Vec::len).unwrap()
}

fn write_float(float: f64) -> Vec<u8> {
    let single = float as f32;
    if let Some(half) = HALVES.get(&float.to_bits()) {
        [&[0xf9][..], &half.to_be_bytes()].concat()
    } else if f64::from(single).to_bits() == float.to_bits() {
        [&[0xfa][..], &single.to_be_bytes()].concat()
    } else {
        [&[0xfb][..], &float.to_be_bytes()].concat()
    }
}

fn string(major: u8, bytes: &[u8]) -> Vec<u8> {
    [&head(major, bytes.len() as u64)[..], bytes].concat()
}

fn head(major: u8, argument: u64) -> Vec<u8> {
    let bytes = argument.to_be_bytes();
    let (short, from) = match argument {
        0..=23 => return vec![major << 5 | bytes[7]],
        24..=0xff => (24, 7),
        0x100..=0xffff => (25, 6),
        0x1_0000..=0xffff_ffff => (26, 4),
        _ => (27, 0),
    };
    [&[major << 5 | short], &bytes[from..]].concat()
}
