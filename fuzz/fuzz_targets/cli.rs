//! What the command line reads, by its first byte: JSON into `Values` and back by way of a
//! token (`encode`, `decode`), a value to take apart (`inspect`), an instant (`--at`).
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealed_session::{
    SealError, Values,
    codec::{Codec, Encrypted, encoded_len},
    payload::values::Value,
    time::Timestamp,
    token::UntrustedToken,
};
use sealed_session_fuzz::world;
use serde_json::Value as Json;

fuzz_target!(|data: &[u8]| {
    match data.split_first() {
        Some((b't', text)) => instant(&String::from_utf8_lossy(text)),
        Some((b'v', text)) => inspect(&String::from_utf8_lossy(text)),
        _ => encode(data),
    }
});

fn encode(json: &[u8]) {
    let Ok(values) = serde_json::from_slice::<Values>(json) else {
        return;
    };
    let text = serde_json::to_string(&values).unwrap();
    // As another reader of JSON has it, of which a name that occurs twice is one member.
    let json: Json = serde_json::from_slice(json).unwrap();
    assert_eq!(serde_json::from_str::<Json>(&text).unwrap(), json);
    let members: usize = values.iter().map(|(_, value)| 1 + count(value)).sum();
    assert_eq!(members, count_json(&json));
    let codec: Codec<Encrypted> = world::codec();
    let identity = codec.new_identity().unwrap();
    match codec.seal(&identity, &values) {
        Ok(sealed) => {
            assert!(world::NAME.len() + sealed.value().len() <= codec.limit());
            let opened = codec.open::<Values>(sealed.value()).unwrap();
            assert_eq!(serde_json::to_string(opened.data()).unwrap(), text);
        }
        Err(SealError::TooLarge { size, limit }) => {
            assert!(size > limit && encoded_len(&values).unwrap() > 2_971);
        }
        Err(error) => panic!("{error}"),
    }
}

/// All members of all maps.
fn count(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Map(map) => map.iter().map(|(_, value)| 1 + count(value)).sum(),
        _ => 0,
    }
}

fn count_json(json: &Json) -> usize {
    match json {
        Json::Array(items) => items.iter().map(count_json).sum(),
        Json::Object(map) => map.values().map(|json| 1 + count_json(json)).sum(),
        _ => 0,
    }
}

fn inspect(text: &str) {
    if let Ok(token) = UntrustedToken::parse(text) {
        let shown = format!("{token:?} {:?}", token.unverified_claims());
        assert!(!shown.contains(text));
        let nonce = token.nonce().map(<[u8]>::len);
        assert_eq!(nonce.is_none(), token.suite() as u8 == 2);
        assert!(nonce.is_none_or(|len| len == 24));
    }
}

fn instant(text: &str) {
    if let Some(instant) = Timestamp::parse_rfc3339(text) {
        let shown = instant.to_string();
        assert_eq!(Timestamp::parse_rfc3339(&shown), Some(instant));
        assert_eq!(shown.len(), "2026-11-22T00:00:00Z".len());
    }
}
