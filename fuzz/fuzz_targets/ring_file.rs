//! Any bytes as a ring file: a ring that is accepted keeps the rules of SPEC section 3 and is
//! written and read the same; an error shows nothing of what stands in the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealed_session::{
    keys::{Key, KeyRing, MAX_KEYS, RingError},
    time::Timestamp,
};

fuzz_target!(|data: &[u8]| {
    match KeyRing::from_toml(data) {
        Ok(ring) => check(&ring),
        Err(error) => {
            let shown = format!("{error} {error:?}");
            let text = String::from_utf8_lossy(data);
            for (at, _) in text.match_indices("ssc1_key_") {
                // Only what can be a key: the file may hold the words of the error.
                let is_base64 = |it: &char| it.is_ascii_alphanumeric() || "-_".contains(*it);
                let secret = text[at + 9..].chars().take_while(is_base64).take(20);
                let secret: String = secret.collect();
                assert!(secret.len() < 20 || !shown.contains(&secret), "{shown}");
            }
            if let RingError::Syntax(line) | RingError::Key { line, .. } = error {
                assert!(line <= data.iter().filter(|&&byte| byte == b'\n').count() + 1);
            }
        }
    }
    if let Ok(text) = core::str::from_utf8(data)
        && let Ok(key) = text.parse::<Key>()
    {
        // A key has one text.
        assert_eq!(*key.to_secret_text(), *text);
    }
});

fn check(ring: &KeyRing) {
    let keys = ring.keys();
    assert!((1..=MAX_KEYS).contains(&keys.len()));
    for (n, entry) in keys.iter().enumerate() {
        let later = &keys[n + 1..];
        assert!(later.iter().all(|other| other.key() != entry.key()
            && other.key().id() != entry.key().id()
            && other.seals_from() > entry.seals_from()));
        let from = entry.seals_from();
        assert_eq!(ring.sealing_key(from).map(|it| it.key()), Some(entry.key()));
        if let Some(until) = entry.opens_until() {
            assert!(from < until && !entry.opens_at(until));
            assert!(ring.opening_key(entry.key().id(), until).is_none());
            // From the first instant on, some key seals.
            assert!(ring.sealing_key(until).is_some());
        }
    }
    assert!(ring.sealing_key(Timestamp::MAX).is_some());
    let text = ring.to_secret_toml();
    assert_eq!(KeyRing::from_toml(text.as_bytes()).as_ref(), Ok(ring));
    assert!(!format!("{ring:?}").contains("ssc1_key_"));
}
