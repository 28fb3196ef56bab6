//! The interface of `Values` and of their maps.

use core::time::Duration;

use sealed_session::{
    EncryptedCodec, Policy, Values,
    keys::{Key, KeyRing},
    payload::values::{Map, Value, ValueError, from_value, to_value},
};

fn nested(levels: usize) -> Value {
    (0..levels).fold(Value::Null, |inner, _| Value::Array(vec![inner]))
}

#[test]
fn values_come_out_as_they_went_in() {
    let mut session = Values::new();
    assert!(session.is_empty());
    session.insert("user", "alice").unwrap();
    session.insert("visits", &3_u8).unwrap();
    session.insert("last", &Some(-7_i32)).unwrap();
    session.insert("none", &None::<u8>).unwrap();
    assert_eq!(
        session.get::<String>("user").unwrap().as_deref(),
        Some("alice")
    );
    assert_eq!(session.get::<i64>("visits").unwrap(), Some(3));
    assert_eq!(session.get::<f64>("last").unwrap(), Some(-7.0));
    assert_eq!(session.get::<Option<u8>>("none").unwrap(), Some(None));
    assert!(session.get::<u8>("none").is_err());
    assert_eq!(session.get::<u8>("absent").unwrap(), None);
    assert_eq!(session.raw("visits"), Some(&Value::UInt(3)));
    assert!(session.contains_key("user"));
    assert_eq!(session.len(), 4);
    session.clear();
    assert_eq!(session, Values::new());
}

#[test]
fn values_are_sealed_and_opened_as_they_are() {
    let keys = KeyRing::single(Key::generate().unwrap()).unwrap();
    let policy = Policy::new(Duration::from_mins(1), Duration::from_mins(1)).unwrap();
    let codec = EncryptedCodec::builder("example.com", keys, policy)
        .build()
        .unwrap();
    let mut session = Values::new();
    session.insert("user", "alice").unwrap();
    let identity = codec.new_identity().unwrap();
    let sealed = codec.seal(&identity, &session).unwrap();
    let opened = codec.open::<Values>(sealed.value()).unwrap();
    assert_eq!(opened.data(), &session);
}

#[test]
fn a_failed_insert_leaves_the_session_unchanged() {
    let mut session = Values::new();
    session.insert("k", "old").unwrap();
    assert_eq!(session.insert("k", &nested(64)), Err(ValueError::TooDeep));
    assert_eq!(session.set_raw("k", nested(64)), Err(ValueError::TooDeep));
    assert_eq!(session.raw("k"), Some(&Value::from("old")));
}

#[test]
fn sixty_four_levels_fit_and_the_map_of_values_is_the_first() {
    let mut session = Values::new();
    session.insert("k", &nested(63)).unwrap();
    session.set_raw("k", nested(63)).unwrap();
    assert_eq!(session.get::<Value>("k"), Ok(Some(nested(63))));

    assert_eq!(to_value(&nested(64)), Ok(nested(64)));
    assert_eq!(from_value(&nested(64)), Ok(nested(64)));
    for levels in [65, 1000] {
        assert_eq!(to_value(&nested(levels)), Err(ValueError::TooDeep));
        let back = from_value::<Value>(&nested(levels));
        assert_eq!(back, Err(ValueError::TooDeep));
    }
}

#[test]
fn debug_shows_no_content() {
    let mut session = Values::new();
    session.insert("secret-key", "secret").unwrap();
    session.insert("pin", &98_765).unwrap();
    assert_eq!(format!("{session:?}"), "Values(len 2)");
    assert_eq!(
        format!("{:?}", session.raw("secret-key")),
        "Some(Text(len 6))"
    );
    assert_eq!(format!("{:?}", session.raw("pin")), "Some(UInt)");
    let value = to_value(&session).unwrap();
    assert_eq!(format!("{value:?}"), "Map(len 2)");
}
#[test]
fn a_map_is_sorted_whatever_is_inserted_and_removed() {
    let mut map = Map::new();
    for key in ["b", "c", "a"] {
        assert_eq!(map.insert(key, true), None);
    }
    assert_eq!(map.insert("a", 1_u8), Some(Value::Bool(true)));
    assert_eq!(map.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(map.remove("b"), Some(Value::Bool(true)));
    assert_eq!(map.remove("b"), None);
    assert_eq!(map.insert("", ()), None);
    assert_eq!(map.keys().collect::<Vec<_>>(), ["", "a", "c"]);
    assert_eq!(map.iter().next_back(), Some(("c", &Value::Bool(true))));
    assert_eq!(map.get("a"), Some(&Value::UInt(1)));
    assert_eq!((map.get("b"), map.contains_key("c")), (None, true));
}

#[test]
fn maps_are_equal_whatever_the_order_of_insertion() {
    let map = |keys: [&str; 3]| {
        let mut map = Map::new();
        for key in keys {
            map.insert(key, key);
        }
        map
    };
    assert_eq!(map(["a", "b", "c"]), map(["c", "a", "b"]));
    assert_ne!(map(["a", "b", "c"]), map(["a", "b", "d"]));
}
#[test]
fn a_non_negative_integer_has_one_variant() {
    assert_eq!(Value::from(5_i32), Value::UInt(5));
    assert_eq!(Value::from(0_i64), Value::UInt(0));
    assert_eq!(Value::from(-1_i8), Value::Int(-1));

    let nested = |n| {
        let mut map = Map::new();
        map.insert("k", n);
        Value::Array(vec![map.into()])
    };
    let mut values = Values::new();
    values.set_raw("k", nested(Value::Int(5))).unwrap();
    assert_eq!(values.raw("k"), Some(&nested(Value::UInt(5))));
}
#[test]
fn floats_that_are_not_finite_do_not_get_in() {
    let mut values = Values::new();
    for float in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(values.insert("x", &float), Err(ValueError::NotFinite));
        let raw = Value::from(vec![Value::Float(float)]);
        assert_eq!(values.set_raw("x", raw), Err(ValueError::NotFinite));
    }
    assert!(values.is_empty());
    values.set_raw("x", Value::Float(f64::MAX)).unwrap();
}
