//! What input may cost.

use sealed_session::{
    EncryptedCodec, OpenErrorKind, Policy, SessionData, SessionManager, Values,
    codec::Encrypted,
    manager::{InvalidKind, Presented},
    payload::{Plain, from_postcard},
};
use serde::{Deserialize, Serialize};

use super::{Client, Dest, World, block_on, holding, reading};

/// In jose a token of a few bytes inflated without end, before anybody had vouched for it. Here
/// what nobody has vouched for is not inflated, and what somebody has, to 64 KiB at most.
#[test]
fn cve_2024_28176_a_token_inflates_after_its_tag_and_to_a_limit() {
    // Sealed under a published key, as all vectors are.
    let vectors = reading::vectors("body");
    let bombs = vectors.iter().filter(|vector| {
        vector["verdict"] == "reject" && vector["expect"]["category"] == "too-large"
    });
    let mut count = 0;
    for bomb in bombs {
        let open = reading::filled(bomb, "open");
        let codec = reading::opener::<Encrypted>(&open).build().unwrap();
        let token = bomb["token"].as_str().unwrap();
        assert!(token.len() < 4096);
        let kind = |token: &str| codec.open_token(token).unwrap_err().kind();
        assert_eq!(kind(token), OpenErrorKind::TooLarge, "{}", bomb["name"]);
        // One bit of the tag: nothing of the stream is looked at.
        let (head, last) = token.split_at(token.len() - 4);
        let altered = format!("{head}{}", if last == "AAAA" { "BBBB" } else { "AAAA" });
        assert_eq!(kind(&altered), OpenErrorKind::NotAuthentic);
        count += 1;
    }
    assert!(count > 0);
}

/// In go-jose it was the same. Here it holds for what is stored too, by the limit of
/// whoever opens it.
#[test]
fn cve_2024_28180_a_record_inflates_to_the_limit_of_the_reader() {
    let world = World::new();
    let policy = Policy::new(super::IDLE, super::DAY).unwrap();
    let manager = |max| -> SessionManager<Plain<String>> {
        let codec = EncryptedCodec::builder("example.com", world.keys.clone(), policy.clone());
        SessionManager::builder(codec.clock(world.clock.clone()))
            .store(world.store.clone())
            .max_record_bytes(max)
            .max_guest_record_bytes(usize::MAX)
            .build()
            .unwrap()
    };
    // A megabyte that takes next to nothing: the ratio of a bomb.
    let len = 1_000_000;
    let (large, small) = (manager(2 * len), manager(len));
    let mut client = Client::default();
    client
        .visit(&large, async |session| {
            session.change(|text| text.0 = "x".repeat(len)).await
        })
        .unwrap();
    let (_, row) = world.store.dump().pop().unwrap();
    assert!(row.bytes.len() < len / 100, "{}", row.bytes.len());
    let read = |manager: &SessionManager<Plain<String>>| {
        let session = client.send(manager, Dest::Empty);
        let presented = block_on(session.presented()).unwrap();
        (presented, block_on(session.get()).unwrap().0.len())
    };
    assert_eq!(read(&large), (Presented::Valid, len));
    let too_large = InvalidKind::Token(OpenErrorKind::TooLarge);
    assert_eq!(read(&small), (Presented::Invalid(too_large), 0));
}

/// Fiber allocated what a length in the data asked for, 85 GB of it. Here a length is only
/// believed as far as bytes follow: no address space has room for what these ask for, so a
/// reader that believed them would not come back.
#[test]
fn ghsa_2mr3_m5q5_wgp6_a_length_alone_allocates_nothing() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Everything(
        Vec<u64>,
        String,
        Vec<String>,
        std::collections::BTreeMap<String, Vec<u8>>,
    );
    impl SessionData for Everything {}

    for bits in 20..64 {
        let length = varint(1 << bits);
        let mut long = length.clone();
        long.extend([0; 64]);
        for bytes in [&length, &long] {
            assert!(from_postcard::<Vec<u64>>(bytes).is_none());
            assert!(from_postcard::<Vec<[u64; 32]>>(bytes).is_none());
            assert!(from_postcard::<String>(bytes).is_none());
            assert!(from_postcard::<Everything>(bytes).is_none());
            assert!(from_postcard::<Values>(bytes).is_none());
            // A text, bytes, an array and a map inside of `Values`.
            for kind in 5..=8 {
                let inside = [&[1, 1, b'k', kind], &bytes[..]].concat();
                assert!(from_postcard::<Values>(&inside).is_none());
            }
        }
    }
    // A token that says nothing of its length is as long as it is.
    let world = World::new();
    let (manager, _) = world.user(sealed_session::manager::Place::Cookie);
    let longest = "A".repeat(4097);
    let session = holding(&longest).send(&manager, Dest::Empty);
    let too_large = InvalidKind::Token(OpenErrorKind::TooLarge);
    let presented = block_on(session.presented()).unwrap();
    assert_eq!(presented, Presented::Invalid(too_large));
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap());
    bytes
}
