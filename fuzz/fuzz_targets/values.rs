//! Any bytes as the CBOR of `Values`: the library reads what the second reader reads, as the same
//! values, and writes them as the second writer does, in no more bytes. JSON keeps them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealed_session::{
    OpenErrorKind,
    payload::values::{Value, Values},
};
use sealed_session_fuzz::{
    cbor,
    reader::{self, Claims},
    session::{Octets, postcard, read_and_write},
    world,
};

fuzz_target!(|data: &[u8]| {
    let body = postcard(&Octets(data.to_vec()));
    let read: Option<Values> = read_and_write(&body);
    open(&body, read.as_ref());
    let map = cbor::read(data);
    assert_eq!(read.is_some(), map.is_some());
    let (Some(values), Some(map)) = (read, map) else {
        return;
    };
    assert!(values.iter().eq(map.iter()));
    // Also -0.0 is told from 0.0.
    let written = postcard(&values);
    assert_eq!(written, postcard(&Octets(cbor::write(&map))));
    let _ = format!("{values:?}");
    for key in values.keys() {
        assert!(values.contains_key(key) && values.raw(key).is_some());
    }

    let json = serde_json::to_string(&values).unwrap();
    let again: Values = serde_json::from_str(&json).unwrap();
    if values.iter().any(|(_, value)| has_bytes(value)) {
        // They come back as numbers.
        assert_eq!(serde_json::to_string(&again).unwrap(), json);
    } else {
        assert_eq!(postcard(&again), written);
    }
});

/// As a session, in tokens of `Values` and of another type.
fn open(body: &[u8], read: Option<&Values>) {
    if body.len() > 2_900 {
        return;
    }
    for shape in [0xffff, 0] {
        let claims = Claims {
            shape,
            ..Claims::live()
        };
        let content = [&claims.to_bytes()[..], body].concat();
        let opened = world::ENCRYPTED.open(&world::FORGE.encrypted(&[7; 24], b"", &content));
        let read = read.filter(|_| reader::is_own(&claims, 0, 0xffff) == Ok(true));
        let verdict = read.ok_or(&[OpenErrorKind::Schema][..]);
        if let Some((read, opened)) = reader::agree(verdict, opened) {
            assert_eq!(read, opened.data());
        }
    }
}

fn has_bytes(value: &Value) -> bool {
    match value {
        Value::Bytes(_) => true,
        Value::Array(items) => items.iter().any(has_bytes),
        Value::Map(map) => map.iter().any(|(_, value)| has_bytes(value)),
        _ => false,
    }
}
