//! Any `Values`.

use proptest::collection::vec;
use proptest::prelude::*;

use sealed_session::{
    Values,
    payload::values::{Map, Value, from_value, to_value},
};

use super::{read, write};

fn value(json: bool) -> impl Strategy<Value = Value> {
    let bytes = vec(any::<u8>(), 0..20).prop_map(move |bytes| {
        if json {
            Value::Null
        } else {
            Value::Bytes(bytes)
        }
    });
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (0_u64..70_000).prop_map(Value::from),
        any::<f64>()
            .prop_filter("is a value", |float| float.is_finite())
            .prop_map(Value::from),
        any::<f32>()
            .prop_filter("is a value", |float| float.is_finite())
            .prop_map(Value::from),
        (-3_000_i16..3_000).prop_map(|n| Value::from(f64::from(n) / 8.0)),
        text().prop_map(Value::from),
        bytes,
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            map(inner.clone(), 6).prop_map(Value::from),
            vec(map(inner, 6).prop_map(Value::from), 0..6).prop_map(Value::from),
        ]
    })
}

fn values(json: bool) -> impl Strategy<Value = Values> {
    map(value(json), 20).prop_map(|map| {
        let mut values = Values::new();
        for (key, value) in map.iter() {
            values.set_raw(key, value.clone()).unwrap();
        }
        values
    })
}

fn map(value: impl Strategy<Value = Value>, len: usize) -> impl Strategy<Value = Map> {
    let key = prop_oneof!["[a-c]?", "(aud|id|sub|user_id|zoneinfo)", text()];
    vec((key, value), 0..len).prop_map(|entries| {
        let mut map = Map::new();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    })
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        vec(any::<char>(), 0..8).prop_map(String::from_iter),
        "[ -~]{0,40}",
        "[A-Za-z0-9_-]{14,40}",
        "([0-9a-f]{2}){6,20}",
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        "[A-Z]{0,12}\\.[a-z]{0,40}\\.[0-9]{0,12}",
    ]
}

proptest! {
    #[test]
    fn any_values_round_trip_in_postcard(values in values(false)) {
        let bytes = postcard::to_allocvec(&values).unwrap();
        let (decoded, rest) = postcard::take_from_bytes::<Values>(&bytes).unwrap();
        prop_assert!(rest.is_empty());
        prop_assert_eq!(postcard::to_allocvec(&decoded).unwrap(), &bytes[..]);
        prop_assert!(decoded == values);
        for end in 0..bytes.len().min(40) {
            prop_assert!(postcard::take_from_bytes::<Values>(&bytes[..end]).is_err());
        }
    }

    /// Another implementation reads the same bytes, and would write them in no other way.
    #[test]
    fn any_values_are_plain_cbor_for_a_stranger(values in values(false)) {
        let bytes = write(&values).unwrap();
        let mut rest = &bytes[..];
        let read: ciborium::Value = ciborium::from_reader(&mut rest).unwrap();
        prop_assert!(rest.is_empty());
        let mut again = Vec::new();
        ciborium::into_writer(&read, &mut again).unwrap();
        prop_assert_eq!(&again[..], &bytes[..]);
    }

    #[test]
    fn any_values_round_trip_in_json(values in values(true)) {
        let text = serde_json::to_string(&values).unwrap();
        let decoded: Values = serde_json::from_str(&text).unwrap();
        prop_assert!(decoded == values);
        prop_assert_eq!(serde_json::to_string(&decoded).unwrap(), text);
    }

    #[test]
    fn any_value_is_itself_in_the_data_model(value in value(false)) {
        prop_assert!(to_value(&value).unwrap() == value);
        prop_assert!(from_value::<Value>(&value).unwrap() == value);
    }

    #[test]
    fn what_is_read_from_any_bytes_is_written_in_no_more(bytes in vec(any::<u8>(), 0..200)) {
        if let Some(values) = read(&bytes) {
            prop_assert!(write(&values).unwrap().len() <= bytes.len());
        }
    }

    /// Bytes that are likely to be CBOR of this form.
    #[test]
    fn small_bytes_that_are_read_are_written_the_same(
        bytes in vec(prop_oneof![0_u8..24, 0x20_u8..0x23, 0x60_u8..0x63, 0x80_u8..0x84, 0xa0_u8..0xa4], 0..20)
    ) {
        let bytes = [&[0xa1, 0], &bytes[..]].concat();
        if let Some(values) = read(&bytes) {
            let written = write(&values).unwrap();
            prop_assert!(written.len() <= bytes.len());
            prop_assert!(read(&written) == Some(values));
        }
    }
}
