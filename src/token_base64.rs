//! The text of tokens against RFC 4648: its own vectors, and everything that a lenient
//! decoder would let pass.

use super::*;
use crate::{
    codec::{Codec, Encrypted, Signed, Suite},
    expiry::Policy,
    keys::{Key, KeyRing},
    payload::Plain,
};

/// Section 10, in the alphabet of section 5, in which these have the same letters.
const RFC_4648: [(&str, &str); 7] = [
    ("", ""),
    ("f", "Zg=="),
    ("fo", "Zm8="),
    ("foo", "Zm9v"),
    ("foob", "Zm9vYg=="),
    ("fooba", "Zm9vYmE="),
    ("foobar", "Zm9vYmFy"),
];

/// What stands in for something else somewhere: instead of a character of a token, or beside.
const INTRUDERS: [&str; 24] = [
    "=", "==", "+", "/", " ", "\t", "\r", "\n", "\r\n", "\0", ".", ",", "~", "*", "%2D", "%", "\"",
    "\\", "\u{7f}", "\u{80}", "é", "Ａ", "\u{200b}", "\u{feff}",
];

#[test]
fn the_vectors_of_rfc_4648_decode_without_their_padding_and_not_with_it() {
    for (bytes, text) in RFC_4648 {
        let bare = text.trim_end_matches('=');
        assert_eq!(encode_text(bytes.as_bytes()), bare);
        let decoded = decode_text(bare);
        if bare.is_empty() {
            assert_eq!(decoded.err().unwrap().kind(), OpenErrorKind::Absent);
        } else {
            assert_eq!(*decoded.ok().unwrap(), *bytes.as_bytes());
        }
        assert_eq!(decode_text(text).is_ok(), text == bare && !text.is_empty());
    }
    report("RFC 4648 section 10", RFC_4648.len());
}

#[test]
fn a_token_whose_text_is_not_strict_base64_is_malformed() {
    let count = strict::<Encrypted>() + strict::<Signed>();
    report("strict base64", count);
}

/// Every case is refused, both by the codec that made the token and without a key; how many
/// there were.
fn strict<S: Suite>() -> usize {
    let hour = core::time::Duration::from_hours(1);
    let keys = KeyRing::single(Key::generate().unwrap()).unwrap();
    let policy = Policy::new(hour, hour).unwrap();
    let codec: Codec<S> = Codec::builder("example.com", keys, policy).build().unwrap();
    let mut count = 0;
    // Bodies of three lengths, so that the last character has 0, 2 and 4 bits unused.
    for len in 0..3 {
        let data = Plain(vec![7_u8; len]);
        let sealed = codec.seal(&codec.new_identity().unwrap(), &data).unwrap();
        let token = sealed.value();
        assert_eq!(codec.open::<Plain<Vec<u8>>>(token).unwrap().data(), &data);
        for text in spoiled(token) {
            assert_ne!(text, token);
            for kind in [
                codec.open_token(&text).unwrap_err().kind(),
                UntrustedToken::parse(&text).unwrap_err().kind(),
            ] {
                assert_eq!(kind, OpenErrorKind::Malformed, "{text:?}");
            }
            count += 1;
        }
    }
    count
}

/// The token's text, spoiled in every way.
fn spoiled(token: &str) -> Vec<String> {
    // In the first 24 characters, after them, in the middle of a block of vectorised code,
    // and at the end. Not in the suite or the key id, where it would be another token.
    let places = [1, 22, 23, 24, 40, token.len() / 2, token.len() - 1];
    let mut texts = Vec::new();
    for intruder in INTRUDERS {
        texts.push(format!("{intruder}{token}"));
        texts.push(format!("{token}{intruder}"));
        for place in places {
            let (head, rest) = token.split_at(place);
            texts.push(format!("{head}{intruder}{rest}"));
            texts.push(format!("{head}{intruder}{}", &rest[1..]));
        }
    }
    // A character more than a multiple of four holds no byte.
    let (head, last) = token.split_at(token.len() - 1);
    let more = (1..=4).find(|more| (token.len() + more) % 4 == 1).unwrap();
    texts.push(format!("{token}{}", "A".repeat(more)));
    // Unused bits that are not zero.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let step = match token.len() % 4 {
        2 => 16,
        3 => 4,
        _ => 1,
    };
    for (value, character) in alphabet.chars().enumerate() {
        if value % step != 0 {
            texts.push(format!("{head}{character}"));
        }
    }
    assert!(alphabet.find(last).unwrap() % step == 0);
    texts
}

fn report(what: &str, cases: usize) {
    println!("{what}: {cases} cases run");
}
