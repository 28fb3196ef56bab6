//! An instant, then any content of a token that is authentic: claims are read, and times
//! checked, by the rules of SPEC sections 4 and 5. What opens is sealed again, with all that
//! belongs to the session.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealed_session::{
    SealError,
    codec::{Codec, Encrypted, OpenedToken, Signed, Suite},
    time::Timestamp,
    token::UntrustedToken,
};
use sealed_session_fuzz::{
    reader::{self, Claims},
    session::Octets,
    world,
};

fuzz_target!(|data: &[u8]| {
    let Some((now, content)) = data.split_first_chunk::<4>() else {
        return;
    };
    // A token of 82 or 90 bytes at least, and of 4096 characters at most.
    if !(33..=3_000).contains(&content.len()) {
        return;
    }
    let now = u32::from_be_bytes(*now);
    let encrypted = world::FORGE.encrypted(&[7; 24], b"", content);
    check::<Encrypted>(1, &encrypted, content, now);
    let signed = world::FORGE.signed(b"", content);
    check::<Signed>(2, &signed, content, now);

    let claims = Claims::read(content).map(|(claims, _)| claims);
    if let Some(claims) = &claims {
        let bytes = claims.to_bytes();
        assert_eq!(bytes, content[..bytes.len()]);
    }
    let claims = claims.filter(|claims| !claims.is_newer());
    let unverified = UntrustedToken::parse(&signed).unwrap().unverified_claims();
    assert_eq!(claims.is_some(), unverified.is_some());
    if let (Some(claims), Some(unverified)) = (claims, unverified) {
        reader::same_claims(&claims, &unverified);
    }
});

fn check<S: Suite>(suite: u8, token: &str, content: &[u8], now: u32) {
    // Its own, because it seals.
    let codec: Codec<S> = world::codec();
    let opened = codec
        .at(Timestamp::from_unix_seconds(now))
        .open_token(token);
    let verdict = reader::open_content(content, now);
    if let Some(((claims, plain), opened)) = reader::agree(verdict, opened) {
        reader::same_claims(&claims, opened.claims());
        assert_eq!(plain, opened.bytes());
        assert_eq!(opened.needs_refresh(), reader::needs_refresh(&claims, now));
        assert!(!opened.needs_rekey());
        reseal(suite, &codec, claims, &opened, now);
    }
}

fn reseal<S: Suite>(suite: u8, codec: &Codec<S>, claims: Claims, opened: &OpenedToken, now: u32) {
    let identity = opened.claims().identity();
    let scope = codec.at(Timestamp::from_unix_seconds(now));
    let issued = now.max(claims.created);
    let expires = claims.expires(issued).unwrap();
    let sealed = match scope.seal(&identity, &Octets(vec![5])) {
        Ok(sealed) if issued < expires => sealed,
        // Begun by a clock that is ahead, and ended by its own end before that.
        Err(SealError::Expired) if issued >= expires => return,
        other => panic!("{issued} {expires}: {other:?}"),
    };
    let token = reader::from_base64(sealed.value().as_bytes()).unwrap();
    let content = world::FORGE.content(suite, b"", &token).unwrap();
    let expected = Claims {
        deflated: false,
        padded: false,
        issued,
        expires,
        schema: 0,
        shape: 0,
        ..claims
    };
    assert_eq!(Claims::read(&content), Some((expected, &[1, 5][..])));
}
