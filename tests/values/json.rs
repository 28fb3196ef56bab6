//! `Values` in JSON and in postcard.

use sealed_session::{
    Values,
    payload::values::{Map, Value},
};

fn nested(levels: usize) -> Value {
    (0..levels).fold(Value::Null, |inner, _| Value::Array(vec![inner]))
}

#[test]
fn values_are_a_byte_string_in_postcard() {
    let values: Values = serde_json::from_str(r#"{"user_id":7}"#).unwrap();
    let bytes = postcard::to_allocvec(&("a", &values, 1_u8)).unwrap();
    assert_eq!(bytes, b"\x01a\x03\xa1\x16\x07\x01");
    let back: (String, Values, u8) = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(back, ("a".to_owned(), values, 1));
    for bad in [
        &b""[..],
        b"\x00",
        b"\x01\x80",
        b"\x02\xa0\x00",
        b"\x04\xa1\x16\x07",
    ] {
        assert!(postcard::from_bytes::<Values>(bad).is_err());
    }
}

#[test]
fn a_value_or_map_by_itself_has_no_binary_form() {
    assert!(postcard::to_allocvec(&Value::Null).is_err());
    assert!(postcard::to_allocvec(&Map::new()).is_err());
    assert!(postcard::from_bytes::<Value>(&[0]).is_err());
    assert!(postcard::from_bytes::<Map>(&[1, 0xa0]).is_err());
}

#[test]
fn compact_sorted_json_comes_back_byte_for_byte() {
    let text = concat!(
        r#"{"":{"k":"\"\\\n ü 😀"},"a":[true,false,[],{}],"n":[0,-1,18446744073709551615,"#,
        r#"-9223372036854775808,1.5,-0.0,1.0,5e-324,0.1,1.7976931348623157e+308],"z":null}"#
    );
    let values: Values = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&values).unwrap(), text);
    let bytes = postcard::to_allocvec(&values).unwrap();
    let values: Values = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(serde_json::to_string(&values).unwrap(), text);
}

#[test]
fn json_has_neither_bytes_nor_wide_integers() {
    let bytes = Value::Bytes(vec![1, 255]);
    assert_eq!(serde_json::to_string(&bytes).unwrap(), "[1,255]");
    assert_eq!(
        serde_json::from_str::<Value>("18446744073709551616").unwrap(),
        Value::Float(18_446_744_073_709_551_616.0)
    );
    assert!(serde_json::from_str::<Value>("1e400").is_err());
}

#[test]
fn values_are_a_map_without_duplicates_and_nothing_else() {
    for text in ["null", "1", "[]", "\"x\"", r#"{"key":1,"key":1}"#] {
        assert!(serde_json::from_str::<Values>(text).is_err());
    }
}

#[test]
fn the_depth_of_json_is_limited() {
    let text = serde_json::to_string(&nested(64)).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), nested(64));
    assert!(serde_json::from_str::<Value>(&format!("[{text}]")).is_err());
    assert!(serde_json::from_str::<Values>(&format!("{{\"k\":{text}}}")).is_err());
    let inside = text.strip_prefix('[').unwrap().strip_suffix(']').unwrap();
    assert!(serde_json::from_str::<Values>(&format!("{{\"k\":{inside}}}")).is_ok());
}
