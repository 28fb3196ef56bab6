//! Any postcard as `Values`: no key twice, at most 64 levels, every integer in one form; what
//! is read is written, read and written the same, in postcard and in JSON.
#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use sealed_session::payload::values::{Map, Value, Values};
use sealed_session_fuzz::session::{depth, postcard, read_and_write};

fuzz_target!(|data: &[u8]| {
    if let Some(value) = read_and_write::<Value>(data) {
        check(&value, 64);
    }
    let Some(values) = read_and_write::<Values>(data) else {
        return;
    };
    // As a value, the map has a kind in front.
    let value: Value = sealed_session::payload::from_postcard(&[&[8][..], data].concat()).unwrap();
    check(&value, 64);
    // Compared as bytes: NaN is not equal to itself.
    let written = postcard(&values);
    assert_eq!([&[8][..], &written].concat(), postcard(&value));
    let _ = format!("{values:?}");

    let json = serde_json::to_string(&values).unwrap();
    let again: Values = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), json);
    for key in values.keys() {
        assert!(values.contains_key(key) && values.raw(key).is_some());
    }
});

fn check(value: &Value, levels: usize) {
    assert!(depth(value) <= levels);
    match value {
        Value::Int(n) => assert!(*n < 0),
        Value::Array(items) => items.iter().for_each(|item| check(item, levels - 1)),
        Value::Map(map) => {
            unique(map);
            map.iter().for_each(|(_, value)| check(value, levels - 1));
        }
        _ => {}
    }
}

fn unique(map: &Map) {
    let keys: HashSet<&str> = map.keys().collect();
    assert_eq!(keys.len(), map.len());
}
