//! An instant, then any content of a token that is authentic: claims are read, and times
//! checked, by the rules of SPEC sections 4 and 5.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealed_session::{
    codec::{Codec, Suite},
    time::Timestamp,
    token::UntrustedToken,
};
use sealed_session_fuzz::{reader, world};

fuzz_target!(|data: &[u8]| {
    let Some((now, content)) = data.split_first_chunk::<4>() else {
        return;
    };
    // A token of 80 or 88 bytes at least, and of 4096 characters at most.
    if !(31..=3_000).contains(&content.len()) {
        return;
    }
    let now = u32::from_be_bytes(*now);
    let encrypted = world::FORGE.encrypted(&[7; 24], b"", content);
    check(&world::ENCRYPTED, &encrypted, content, now);
    let signed = world::FORGE.signed(b"", content);
    check(&world::SIGNED, &signed, content, now);

    let claims = reader::Claims::read(content).map(|(claims, _)| claims);
    let unverified = UntrustedToken::parse(&signed).unwrap().unverified_claims();
    assert_eq!(claims.is_some(), unverified.is_some());
    if let (Some(claims), Some(unverified)) = (claims, unverified) {
        reader::same_claims(&claims, &unverified);
        let len = if claims.subject.is_some() { 39 } else { 31 };
        assert_eq!(claims.to_bytes(), content[..len]);
    }
});

fn check<S: Suite>(codec: &Codec<S>, token: &str, content: &[u8], now: u32) {
    let opened = codec
        .at(Timestamp::from_unix_seconds(now))
        .open_token(token);
    let verdict = reader::open_content(content, now);
    if let Some(((claims, plain), opened)) = reader::agree(verdict, opened) {
        reader::same_claims(&claims, opened.claims());
        assert_eq!(plain, opened.bytes());
        assert_eq!(opened.needs_reissue(), reader::needs_reissue(&claims, now));
        assert!(!opened.needs_reseal());
    }
}
