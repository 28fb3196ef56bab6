//! What a token is taken for.

use sealed_session::{
    OpenErrorKind, Policy,
    codec::{Codec, Encrypted, Signed, Suite},
    keys::SharedKeyRing,
    manager::{InvalidKind, Place, Presented},
    time::TestClock,
    token::UntrustedToken,
};

use super::{DAY, IDLE, MINUTE, NOW, Shop, World, cart, holding, presented};

/// rack-session tried another decoder where decryption had failed, so that an attacker's own
/// plain text was a session. Here the first refusal is the last: there is no second decoder,
/// and what a former name or context may open is listed and dated.
#[test]
fn cve_2026_39324_a_failed_open_is_terminal() {
    let world = World::new();
    let (manager, client) = world.user(Place::Cookie);
    let token = client.cookie.unwrap();
    let signed = codec::<Signed>(&world.keys, "example.com", "__Host-session");
    let signed = signed
        .seal(&signed.new_identity().unwrap(), &shop())
        .unwrap();
    for value in [
        // The session itself, as other libraries write it.
        r#"{"cart":["gold"],"ballast":""}"#,
        "eyJjYXJ0IjpbImdvbGQiXSwiYmFsbGFzdCI6IiJ9",
        "AQRnb2xkAA",
        "eyJhbGciOiJub25lIn0.eyJjYXJ0IjpbImdvbGQiXX0.",
        // A token of ours that anybody can read, and one with a byte too many.
        signed.value(),
        &format!("{token}AAAA"),
    ] {
        let client = holding(value);
        // Some of these are no cookie at all.
        assert_ne!(presented(&manager, &client), Presented::Valid);
        assert_eq!(cart(&manager, &client), [""; 0], "{value}");
    }

    // What is imported is said, and ends.
    let old = codec::<Encrypted>(&world.keys, "example.com", "__Host-old");
    let old = old.seal(&old.new_identity().unwrap(), &shop()).unwrap();
    let kind = |codec: &Codec<Encrypted>| codec.open::<Shop>(old.value()).map_err(|e| e.kind());
    assert_eq!(
        kind(&world.codec().build().unwrap()).map(|_| ()),
        Err(OpenErrorKind::NotAuthentic)
    );
    let importing = world
        .codec()
        .accept_also("example.com", "__Host-old", NOW + 10 * MINUTE);
    let importing = importing.build().unwrap();
    assert_eq!(kind(&importing).unwrap().data(), &shop());
    world.clock.advance(10 * MINUTE);
    assert_eq!(
        kind(&importing).map(|_| ()),
        Err(OpenErrorKind::NotAuthentic)
    );
}

/// ASP.NET Core computed its MAC over the wrong bytes, and did not look at the outcome.
/// Here every bit counts, so does every byte's presence, and no tag is special.
#[test]
fn cve_2026_40372_nothing_but_the_sealed_bytes_opens() {
    let world = World::new();
    forge_all::<Encrypted>(&world.keys, 16);
    forge_all::<Signed>(&world.keys, 32);
}

fn forge_all<S: Suite>(keys: &SharedKeyRing, tag_len: usize) {
    let codec = codec::<S>(keys, "example.com", "__Host-session");
    let sealed = codec.seal(&codec.new_identity().unwrap(), &shop()).unwrap();
    let token = decode(sealed.value());
    assert_eq!(encode(&token), sealed.value());
    let refused = |token: &[u8]| assert!(codec.open::<Shop>(&encode(token)).is_err());
    for position in 0..token.len() {
        for bit in 0..8 {
            let mut token = token.clone();
            token[position] ^= 1 << bit;
            refused(&token);
        }
        refused(&token[..position]);
        refused(&token[position + 1..]);
    }
    for byte in [0, 0xff] {
        let mut forged = token.clone();
        forged[token.len() - tag_len..].fill(byte);
        refused(&forged);
        refused(&[&token[..], &[byte]].concat());
    }
    assert_eq!(codec.open::<Shop>(sealed.value()).unwrap().data(), &shop());
}

/// The same for what a store holds: whoever can write to it makes no session.
#[test]
fn cve_2026_40372_nothing_but_the_sealed_record_opens() {
    let world = World::new();
    let (manager, client) = world.user(Place::Store);
    let (key, row) = world.store.dump().pop().unwrap();
    let mut forged = Vec::new();
    for position in 0..row.bytes.len() {
        let mut bytes = row.bytes.clone();
        bytes[position] ^= 1;
        forged.push(bytes);
    }
    for len in (0..row.bytes.len()).step_by(97) {
        forged.push(row.bytes[..len].to_vec());
    }
    let mut zero_tag = row.bytes.clone();
    let tag = zero_tag.len() - 16;
    zero_tag[tag..].fill(0);
    forged.push(zero_tag);
    for bytes in forged {
        let row = sealed_session::store::Row {
            bytes,
            ..row.clone()
        };
        world.store.plant(key, row);
        assert!(matches!(
            presented(&manager, &client),
            Presented::Invalid(_)
        ));
    }
    world.store.plant(key, row);
    assert_eq!(presented(&manager, &client), Presented::Valid);
}

/// next-auth had one key for every purpose, so that a token from another step of the login
/// was a session. Here name, context, suite, kind and the caller's own data are each enough
/// to refuse a token under the same key.
#[test]
fn cve_2023_48309_a_token_for_another_purpose_is_refused() {
    let world = World::new();
    let ours = codec::<Encrypted>(&world.keys, "example.com", "__Host-session");
    let identity = ours.new_identity().unwrap();
    let kind = |value: &str| ours.open::<Shop>(value).unwrap_err().kind();

    for (context, name) in [
        ("example.com", "__Host-reset"),
        ("example.org", "__Host-session"),
        // Nothing moves from one to the other.
        ("example.com_", "_Host-session"),
    ] {
        let other = codec::<Encrypted>(&world.keys, context, name);
        let sealed = other.seal(&identity, &shop()).unwrap();
        assert_eq!(kind(sealed.value()), OpenErrorKind::NotAuthentic);
        assert_eq!(other.open::<Shop>(sealed.value()).unwrap().data(), &shop());
    }
    let signed = codec::<Signed>(&world.keys, "example.com", "__Host-session");
    let sealed = signed.seal(&identity, &shop()).unwrap();
    assert_eq!(kind(sealed.value()), OpenErrorKind::WrongSuite);
    // Nor does it help to rename its suite.
    let mut renamed = decode(sealed.value());
    renamed[0] = 1;
    assert_eq!(kind(&encode(&renamed)), OpenErrorKind::NotAuthentic);

    let bound = ours.bound_to(b"device 1").seal(&identity, &shop()).unwrap();
    assert_eq!(kind(bound.value()), OpenErrorKind::NotAuthentic);
    let other = ours.bound_to(b"device 2").open::<Shop>(bound.value());
    assert_eq!(other.unwrap_err().kind(), OpenErrorKind::NotAuthentic);

    // A reference to a store is no session, and a record is no token.
    let (manager, client) = world.user(Place::Store);
    let reference = client.cookie.as_ref().unwrap();
    assert_eq!(kind(reference), OpenErrorKind::WrongKind);
    let (_, row) = world.store.dump().pop().unwrap();
    // The whole of it is longer than any cookie; its beginning is enough to refuse it.
    let suite = InvalidKind::Token(OpenErrorKind::WrongSuite);
    let record = encode(&row.bytes[..3_000]);
    assert_eq!(
        presented(&manager, &holding(&record)),
        Presented::Invalid(suite)
    );
}

fn shop() -> Shop {
    Shop {
        cart: vec!["gold".to_owned()],
        // So that a signed token is as long as an encrypted one has to be.
        ballast: "x".repeat(20),
    }
}

fn codec<S: Suite>(keys: &SharedKeyRing, context: &str, name: &str) -> Codec<S> {
    let policy = Policy::new(IDLE, DAY).unwrap();
    Codec::builder(context, keys.clone(), policy)
        .name(name)
        .clock(TestClock::at(NOW))
        .build()
        .unwrap()
}

/// The bytes of a token, without the library.
fn decode(token: &str) -> Vec<u8> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let bytes = URL_SAFE_NO_PAD.decode(token).unwrap();
    assert_eq!(UntrustedToken::parse(token).unwrap().len(), bytes.len());
    bytes
}

fn encode(token: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(token)
}
