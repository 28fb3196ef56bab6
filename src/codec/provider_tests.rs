//! Each provider's tokens and records are the others' too, and each leaves as many chances to
//! a token of a former name or context.

use core::time::Duration;

use super::{record::AnyToken, *};
use crate::{
    error::OpenErrorKind,
    keys::{Key, KeyRing},
    payload::Plain,
};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_348_800);
const HOUR: Duration = Duration::from_hours(1);
const MAX: usize = 1 << 20;

fn ring() -> KeyRing {
    KeyRing::single(Key::generate().unwrap()).unwrap()
}

fn builder(context: &str, keys: &KeyRing) -> CodecBuilder<Encrypted> {
    let policy = Policy::new(HOUR, 24 * HOUR).unwrap();
    Codec::builder(context, keys.clone(), policy)
}

fn codec(keys: &KeyRing, provider: AeadProvider) -> EncryptedCodec {
    let builder = builder("example.com", keys).aead_provider(provider);
    builder.build().unwrap()
}

/// Every two, in either order, and each with itself.
fn pairs() -> impl Iterator<Item = (AeadProvider, AeadProvider)> {
    let each = AeadProvider::EACH.iter();
    each.flat_map(|&one| AeadProvider::EACH.iter().map(move |&other| (one, other)))
}

#[test]
fn there_is_a_provider_for_each_feature_that_brings_one() {
    let extra = usize::from(cfg!(feature = "aws-lc"));
    assert_eq!(AeadProvider::EACH.len(), 1 + extra);
    assert_eq!(AeadProvider::EACH[0], AeadProvider::default());
}

#[test]
fn a_token_that_one_provider_sealed_the_other_opens() {
    let keys = ring();
    for (one, other) in pairs() {
        let (sealing, opening) = (codec(&keys, one), codec(&keys, other));
        assert_eq!(sealing.aead_provider(), one);
        let identity = sealing.at(NOW).new_identity().unwrap();
        for len in [0, 1, 15, 16, 17, 200, 2_900] {
            let data = Plain("x".repeat(len));
            let sealed = sealing.at(NOW).bound_to(b"device").seal(&identity, &data);
            let sealed = sealed.unwrap();
            let opened = opening
                .at(NOW)
                .bound_to(b"device")
                .open::<Plain<String>>(sealed.value())
                .unwrap();
            assert_eq!((opened.data(), opened.identity()), (&data, identity));
            let unbound = opening.at(NOW).open::<Plain<String>>(sealed.value());
            let error = unbound.unwrap_err();
            assert_eq!(
                error.kind(),
                OpenErrorKind::NotAuthentic,
                "{one:?} {other:?}"
            );
        }
    }
}

#[test]
fn a_record_that_one_provider_sealed_the_other_opens() {
    let keys = ring();
    for (one, other) in pairs() {
        let (sealing, opening) = (codec(&keys, one), codec(&keys, other));
        let (sealing, opening) = (sealing.at(NOW), opening.at(NOW));
        let identity = sealing.new_identity().unwrap();
        let handle = sealing.new_handle(identity.sid).unwrap();
        let data = Plain("a long session ".repeat(1_000));
        let mut record = sealing
            .seal_record(&identity, &handle, 1, &data, MAX)
            .unwrap();
        let value = sealing.seal_reference(&identity, &handle).unwrap();
        let Ok(AnyToken::Reference(reference)) = opening.open_any(value.value()) else {
            panic!("not a reference, or not opened");
        };
        let open = |record: &[u8]| {
            let record = record.to_vec();
            opening.open_record(&reference.claims, &reference.handle, 1, record, MAX)
        };
        assert_eq!(open(&record).unwrap().data(), Ok(data));
        record[60] ^= 1;
        let error = open(&record).unwrap_err();
        assert_eq!(
            error.kind(),
            OpenErrorKind::NotAuthentic,
            "{one:?} {other:?}"
        );
    }
}

/// The domains before it refuse it first, and a provider may overwrite what it refuses.
#[test]
fn what_is_of_a_later_domain_opens_after_the_earlier_ones_have_refused_it() {
    let keys = ring();
    let until = NOW + HOUR;
    for &provider in AeadProvider::EACH {
        let here = builder("example.com", &keys)
            .accept_also("example.org", "__Host-session", until)
            .accept_also("example.net", "__Host-session", until)
            .aead_provider(provider)
            .build()
            .unwrap();
        let contexts = ["example.com", "example.org", "example.net", "example.edu"];
        for (number, context) in contexts.into_iter().enumerate() {
            let there = builder(context, &keys).build().unwrap();
            let there = there.at(NOW);
            let identity = there.new_identity().unwrap();
            let handle = there.new_handle(identity.sid).unwrap();
            let data = Plain("session".repeat(20));
            let token = there.seal(&identity, &data).unwrap();
            let record = there.seal_record(&identity, &handle, 1, &data, MAX);
            let claims = there.claims::<Plain<String>>(&identity).unwrap();

            let token = here.at(NOW).open::<Plain<String>>(token.value());
            let record = here
                .at(NOW)
                .open_record(&claims, &handle, 1, record.unwrap(), MAX);
            if number == 3 {
                for error in [token.unwrap_err(), record.unwrap_err()] {
                    assert_eq!(error.kind(), OpenErrorKind::NotAuthentic);
                }
                continue;
            }
            let (token, record) = (token.unwrap(), record.unwrap());
            assert_eq!(token.data(), &data, "{provider:?} {context}");
            assert_eq!(record.data(), Ok(data), "{provider:?} {context}");
            let is_former = number > 0;
            assert_eq!(
                (token.needs_rekey(), record.needs_rekey()),
                (is_former, is_former)
            );
        }
    }
}
