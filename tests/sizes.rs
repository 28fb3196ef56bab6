//! What a session costs in bytes of its cookie.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    reason = "a test"
)]

mod support;

use sealed_session::{
    EncryptedCodec, SealError, SessionData, SignedCodec, Values,
    codec::{Codec, Suite, encoded_len},
    cookie::MAX_NAME_VALUE_LEN,
    payload::{Compression, Plain},
    token::UntrustedToken,
};
use support::{Cart, Case, Login, Minimal, codec, for_each_file, read};

/// The bytes of the token that `data` is sealed into.
fn token_len<S: Suite, T: SessionData>(codec: &Codec<S>, data: &T) -> usize {
    let identity = codec.new_identity().unwrap();
    let sealed = codec.seal(&identity, data).unwrap();
    UntrustedToken::parse(sealed.value()).unwrap().len()
}

fn value_len<T: SessionData>(data: &T) -> usize {
    let codec: EncryptedCodec = codec();
    let identity = codec.new_identity().unwrap();
    codec.seal(&identity, data).unwrap().value().len()
}

#[test]
fn a_token_takes_90_bytes_beside_its_body_or_82_if_signed() {
    let (encrypted, signed): (EncryptedCodec, SignedCodec) = (codec(), codec());
    for len in [0, 1, 100, 2_900] {
        let data = Plain("x".repeat(len));
        let body = encoded_len(&data).unwrap();
        assert_eq!(token_len(&encrypted, &data), body + 90);
        assert_eq!(token_len(&signed, &data), body + 82);
    }
}

#[test]
fn a_subject_takes_16_bytes() {
    let codec: EncryptedCodec = codec();
    let anonymous = codec.new_identity().unwrap();
    let known = anonymous.with_subject(codec.subject("42"));
    let len = |identity| {
        let sealed = codec.seal(&identity, &Plain(7_u8)).unwrap();
        UntrustedToken::parse(sealed.value()).unwrap().len()
    };
    assert_eq!(len(known), len(anonymous) + 16);
}

#[test]
fn a_login_fits_275_characters() {
    let login: Login = read(support::LOGIN);
    assert_eq!(encoded_len(&login).unwrap(), 115);
    assert!(value_len(&login) <= 275, "{}", value_len(&login));
}

#[test]
fn a_user_id_alone_takes_143_characters() {
    let minimal: Minimal = read(support::MINIMAL);
    assert_eq!(encoded_len(&minimal).unwrap(), 17);
    assert_eq!(value_len(&minimal), 143);
}

/// The frame is 90 bytes, and the CBOR of a session of 128 bytes or more has two of length before
/// it.
#[test]
fn values_fit_these_characters_and_come_back_as_equal_json() {
    for (json, characters) in [
        (support::MINIMAL, 150),
        (support::LOGIN, 283),
        (support::FLASH, 647),
        (support::CART_10, 1_022),
        (support::OAUTH, 1_295),
        (support::CART_40, 3_151),
    ] {
        let codec: EncryptedCodec = codec();
        let identity = codec.new_identity().unwrap();
        let sealed = codec.seal(&identity, &read::<Values>(json)).unwrap();
        assert_eq!(sealed.value().len(), characters, "{json}");
        let opened = codec.open::<Values>(sealed.value()).unwrap();
        let opened = serde_json::to_string(opened.data()).unwrap();
        let [before, after]: [serde_json::Value; 2] = [read(json), read(&opened)];
        assert_eq!(before, after);
    }
}

#[test]
fn a_typed_cart_of_40_fits_uncompressed() {
    let codec: EncryptedCodec = codec();
    let cart: Cart = read(support::CART_40);
    let plan = codec.plan(&codec.new_identity().unwrap(), &cart).unwrap();
    assert!(plan.fits() && !plan.is_deflated(), "{plan:?}");
}

#[test]
fn the_largest_body_under_the_default_name_has_2971_bytes() {
    let codec: EncryptedCodec = codec();
    let codec =
        EncryptedCodec::builder("example.com", codec.keys().clone(), codec.policy().clone())
            .compression(Compression::NEVER)
            .build()
            .unwrap();
    let identity = codec.new_identity().unwrap();
    let seal = |len: usize| {
        // Two bytes tell the length of the text.
        let data = Plain("x".repeat(len - 2));
        assert_eq!(encoded_len(&data).unwrap(), len);
        codec
            .seal(&identity, &data)
            .map(|sealed| sealed.value().len())
    };
    assert_eq!(codec.name(), "__Host-session");
    // 3,061 bytes in base64: 4,096 less the name's 14 characters.
    assert_eq!(seal(2_971), Ok(4_082));
    assert_eq!(
        seal(2_972),
        Err(SealError::TooLarge {
            size: 4_097,
            limit: MAX_NAME_VALUE_LEN
        })
    );
}

/// Run with `--nocapture` to see the table.
#[test]
fn every_file_of_the_corpus_has_its_size() {
    struct Table(Vec<(String, usize, usize, bool)>);
    impl Case for Table {
        fn run<T: SessionData + Clone + 'static>(&mut self, file: &str, form: &str, data: &T) {
            let codec: EncryptedCodec = codec();
            let signed: SignedCodec = support::codec();
            let identity = codec.new_identity().unwrap();
            let body = encoded_len(data).unwrap();
            let plan = codec.plan(&identity, data).unwrap();
            let of_signed = signed.plan(&identity, data).unwrap();
            println!(
                "{file:<8} {form:<6} {body:>7} {:>7} {:>7} {}",
                plan.cookie_len(),
                of_signed.cookie_len(),
                match (plan.fits(), plan.is_deflated()) {
                    (true, false) => "fits",
                    (true, true) => "fits deflated",
                    (false, _) => "too large",
                }
            );
            let name = format!("{file} {form}");
            self.0.push((name, body, plan.cookie_len(), plan.fits()));
        }
    }
    println!("file     form      body  cookie  signed");
    let mut table = Table(Vec::new());
    for_each_file(&mut table);
    assert_eq!(table.0.len(), 14);
    for (name, body, cookie, fits) in table.0 {
        assert_eq!(fits, cookie <= MAX_NAME_VALUE_LEN, "{name}");
        let large = name.starts_with("cart400");
        assert_eq!(fits, !large, "{name}");
        assert!(fits || cookie > body.min(MAX_NAME_VALUE_LEN), "{name}");
    }
}
