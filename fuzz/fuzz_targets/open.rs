//! Any text as a cookie's value. The library's verdict is that of the second reader, which
//! has the key: nothing else opens, and every refusal has the category of SPEC section 7.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealed_session::{
    codec::{Codec, Suite},
    token::{SuiteId, UntrustedToken},
};
use sealed_session_fuzz::{reader, world};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    check(1, &world::ENCRYPTED, &text);
    check(2, &world::SIGNED, &text);
    parse(&text);
});

fn check<S: Suite>(suite: u8, codec: &Codec<S>, text: &str) {
    let verdict = reader::open(&world::FORGE, suite, b"", text);
    if let Some(((claims, plain), opened)) = reader::agree(verdict, codec.open_token(text)) {
        reader::same_claims(&claims, opened.claims());
        assert_eq!(plain, opened.bytes());
        assert!(!format!("{opened:?}").contains(text));
    }
}

/// Taking apart without a key: one text for each token.
fn parse(text: &str) {
    let Ok(token) = UntrustedToken::parse(text) else {
        return;
    };
    let bytes = reader::from_base64(text.as_bytes()).expect("not strict base64");
    assert_eq!(reader::to_base64(&bytes), text);
    assert_eq!((token.len(), token.suite() as u8), (bytes.len(), bytes[0]));
    assert_eq!(token.key_id().as_bytes()[..], bytes[1..17]);
    let (overhead, least) = match token.suite() {
        SuiteId::Signed => (49, 33),
        SuiteId::Auxiliary => (57, 9),
        _ => (57, 33),
    };
    assert_eq!(token.content_len(), bytes.len() - overhead);
    assert!(token.content_len() >= least);
}
