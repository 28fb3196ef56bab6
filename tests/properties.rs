//! What holds for all sessions, tokens, times and headers.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a test"
)]

mod support;

use core::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use proptest::{collection::vec, prelude::*};
use sealed_session::{
    EncryptedCodec, OpenErrorKind, Policy, SealError, SessionData, SignedCodec, Values,
    codec::{Codec, Encrypted, Signed, Suite},
    cookie::{self, MAX_CANDIDATES},
    expiry::Lifetimes,
    keys::{Key, KeyId, KeyRing, SharedKeyRing},
    payload::{
        Compression, Plain,
        values::{Map, Value},
    },
    time::Timestamp,
    token::UntrustedToken,
};
use support::{Flash, Login, Message, Minimal, codec, read};
use uuid::Uuid;

const HOUR: Duration = Duration::from_hours(1);

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix_seconds(u32::try_from(second).unwrap())
}

fn few(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

// Round trips.

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("equal to itself", |n| !n.is_nan())
            .prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        vec(any::<u8>(), 0..20).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((".{0,8}", inner), 0..6).prop_map(|entries| {
                let mut map = Map::new();
                for (key, value) in entries {
                    map.insert(key, value);
                }
                Value::from(map)
            }),
        ]
    })
}

fn values() -> impl Strategy<Value = Values> {
    vec((".{0,8}", value()), 0..6).prop_map(|entries| {
        let mut values = Values::new();
        for (key, value) in entries {
            values.set_raw(key, value).unwrap();
        }
        values
    })
}

fn flash() -> impl Strategy<Value = Flash> {
    let text = || ".{0,30}";
    let message = (text(), text()).prop_map(|(level, text)| Message { level, text });
    let login = (
        any::<u128>(),
        text(),
        vec(text(), 0..4),
        any::<u64>(),
        any::<bool>(),
    );
    (login, text(), vec(message, 0..4)).prop_map(
        |((id, name, roles, auth_time, mfa), theme, flash)| Flash {
            user_id: Uuid::from_u128(id),
            email: name.clone(),
            display_name: name.clone(),
            roles,
            csrf_token: theme.clone(),
            auth_time,
            mfa,
            locale: name,
            return_to: theme.clone(),
            theme,
            flash,
        },
    )
}

/// What may go along with a session's data.
#[derive(Debug, Clone)]
struct Along {
    subject: Option<Vec<u8>>,
    remembered: bool,
    caller_aad: Vec<u8>,
    other_aad: Vec<u8>,
    compression: u8,
}

fn along() -> impl Strategy<Value = Along> {
    (
        proptest::option::of(vec(any::<u8>(), 0..40)),
        any::<bool>(),
        vec(any::<u8>(), 0..80),
        vec(any::<u8>(), 0..80),
        0..3_u8,
    )
        .prop_map(
            |(subject, remembered, caller_aad, other_aad, compression)| Along {
                subject,
                remembered,
                caller_aad,
                other_aad,
                compression,
            },
        )
}

fn check_round_trip<S: Suite, T: SessionData + PartialEq + core::fmt::Debug>(
    data: &T,
    along: &Along,
) -> Result<(), TestCaseError> {
    let policy = Policy::new(HOUR, HOUR)
        .unwrap()
        .with_class(
            "remember-me",
            Lifetimes::new(24 * HOUR, 24 * HOUR).unwrap().persistent(),
        )
        .unwrap();
    let class = policy.class("remember-me").unwrap();
    let compression = [
        Compression::dangerous_when_needed(),
        Compression::NEVER,
        Compression::dangerous_always(),
    ][usize::from(along.compression)];
    let keys = KeyRing::single(Key::generate().unwrap()).unwrap();
    let codec: Codec<S> = Codec::builder("example.com", keys, policy)
        .compression(compression)
        .build()
        .unwrap();

    let mut identity = codec.new_identity().unwrap();
    if let Some(user) = &along.subject {
        identity = identity.with_subject(codec.subject(user));
    }
    if along.remembered {
        identity = identity.with_class(class);
    }
    let bound = codec.bound_to(&along.caller_aad);
    let plan = bound.plan(&identity, data).unwrap();
    let sealed = match bound.seal(&identity, data) {
        Ok(sealed) => sealed,
        Err(SealError::TooLarge { size, .. }) => {
            prop_assert!(!plan.fits());
            prop_assert_eq!(size, plan.cookie_len());
            return Ok(());
        }
        Err(error) => return Err(TestCaseError::fail(error.to_string())),
    };
    prop_assert_eq!(sealed.value().len() + codec.name().len(), plan.cookie_len());
    let opened = bound.open::<T>(sealed.value()).unwrap();
    prop_assert_eq!(opened.data(), data);
    prop_assert_eq!(opened.identity(), identity);
    prop_assert_eq!(opened.claims(), sealed.claims());
    prop_assert!(!opened.needs_rekey() && !opened.needs_refresh());

    let others = codec.bound_to(&along.other_aad).open::<T>(sealed.value());
    prop_assert_eq!(others.is_ok(), along.other_aad == along.caller_aad);
    Ok(())
}

proptest! {
    #![proptest_config(few(200))]

    #[test]
    fn what_is_sealed_opens_as_it_was(values in values(), flash in flash(), along in along()) {
        check_round_trip::<Encrypted, _>(&Plain(values.clone()), &along)?;
        check_round_trip::<Signed, _>(&Plain(values), &along)?;
        check_round_trip::<Encrypted, _>(&flash, &along)?;
        check_round_trip::<Signed, _>(&flash, &along)?;
    }
}

// Tampering.

fn sealed<S: Suite, T: SessionData>(codec: &Codec<S>, data: &T) -> String {
    let identity = codec.new_identity().unwrap();
    codec.seal(&identity, data).unwrap().into_value()
}

/// Opens bytes as a token; the kind of the failure.
fn refused<S: Suite>(codec: &Codec<S>, token: &[u8]) -> Option<OpenErrorKind> {
    let text = BASE64.encode(token);
    codec.open_token(&text).err().map(|error| error.kind())
}

fn check_every_change<S: Suite>(codec: &Codec<S>) {
    let value = sealed(codec, &read::<Minimal>(support::MINIMAL));
    let token = BASE64.decode(&value).unwrap();
    assert_eq!(refused(codec, &token), None);

    for bit in 0..token.len() * 8 {
        let mut changed = token.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let expected = match bit / 8 {
            0 => OpenErrorKind::WrongSuite,
            1..17 => OpenErrorKind::UnknownKey,
            _ => OpenErrorKind::NotAuthentic,
        };
        assert_eq!(refused(codec, &changed), Some(expected), "bit {bit}");
    }
    for len in 0..token.len() {
        assert!(refused(codec, &token[..len]).is_some(), "{len} bytes");
    }
    for len in 0..value.len() {
        assert!(codec.open_token(&value[..len]).is_err(), "{len} characters");
    }
    for more in 0..=u8::MAX {
        assert!(refused(codec, &[&token[..], &[more]].concat()).is_some());
    }
    let tag_len = if token[0] == 1 { 16 } else { 32 };
    let mut zeroed = token.clone();
    zeroed[token.len() - tag_len..].fill(0);
    assert_eq!(refused(codec, &zeroed), Some(OpenErrorKind::NotAuthentic));
}

#[test]
fn every_bit_and_every_byte_of_an_encrypted_token_counts() {
    check_every_change::<Encrypted>(&codec());
    #[cfg(feature = "aws-lc")]
    check_every_change(&with_aws_lc(&codec()));
}

#[test]
fn every_bit_and_every_byte_of_a_signed_token_counts() {
    check_every_change::<Signed>(&codec());
}

/// The fields that a signed token shows cannot be made up, nor taken from an encrypted one.
#[test]
fn the_suites_do_not_open_each_others_tokens() {
    let encrypted: EncryptedCodec = codec();
    let keys = encrypted.keys().clone();
    let signed: SignedCodec = Codec::builder("example.com", keys, encrypted.policy().clone())
        .build()
        .unwrap();
    let (a, b) = (sealed(&encrypted, &Plain(1)), sealed(&signed, &Plain(1)));
    for suite in [1, 2, 3] {
        let with = |value: &str| {
            let mut token = BASE64.decode(value).unwrap();
            token[0] = suite;
            token
        };
        assert!(refused(&signed, &with(&a)).is_some());
        assert!(refused(&encrypted, &with(&b)).is_some());
    }
}

proptest! {
    #![proptest_config(few(300))]

    #[test]
    fn no_change_of_any_token_is_accepted(
        text in ".{0,300}",
        mask in 1..=u8::MAX,
        place in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
    ) {
        fn check<S: Suite>(codec: &Codec<S>, data: &Plain<String>, mask: u8, place: usize, cut: usize)
        -> Result<(), TestCaseError> {
            let token = BASE64.decode(sealed(codec, data)).unwrap();
            let mut changed = token.clone();
            let place = place % token.len();
            changed[place] ^= mask;
            prop_assert!(refused(codec, &changed).is_some());
            prop_assert!(refused(codec, &token[..cut % token.len()]).is_some());
            prop_assert!(refused(codec, &token[cut % token.len() + 1..]).is_some());
            Ok(())
        }
        let (place, cut) = (place.index(usize::MAX), cut.index(usize::MAX));
        check::<Encrypted>(&codec(), &Plain(text.clone()), mask, place, cut)?;
        #[cfg(feature = "aws-lc")]
        check(&with_aws_lc(&codec()), &Plain(text.clone()), mask, place, cut)?;
        check::<Signed>(&codec(), &Plain(text), mask, place, cut)?;
    }
}

// Providers of the AEAD.

/// The same codec, which calls AWS-LC.
#[cfg(feature = "aws-lc")]
fn with_aws_lc(codec: &EncryptedCodec) -> EncryptedCodec {
    let (keys, policy) = (codec.keys().clone(), codec.policy().clone());
    EncryptedCodec::builder(codec.context(), keys, policy)
        .aead_provider(sealed_session::codec::AeadProvider::AwsLc)
        .build()
        .unwrap()
}

#[cfg(feature = "aws-lc")]
proptest! {
    #![proptest_config(few(300))]

    #[test]
    fn what_one_provider_seals_the_other_opens(
        text in ".{0,900}",
        caller_aad in vec(any::<u8>(), 0..80),
        mask in 1..=u8::MAX,
        place in any::<prop::sample::Index>(),
    ) {
        let data = Plain(text);
        let rust_crypto: EncryptedCodec = codec();
        let aws_lc = with_aws_lc(&rust_crypto);
        for (one, other) in [(&rust_crypto, &aws_lc), (&aws_lc, &rust_crypto)] {
            let identity = one.new_identity().unwrap();
            let Ok(sealed) = one.bound_to(&caller_aad).seal(&identity, &data) else {
                continue;
            };
            let other = other.bound_to(&caller_aad);
            let opened = other.open::<Plain<String>>(sealed.value()).unwrap();
            prop_assert_eq!((opened.data(), opened.identity()), (&data, identity));
            let mut token = BASE64.decode(sealed.value()).unwrap();
            let place = place.index(token.len());
            token[place] ^= mask;
            prop_assert!(other.open_token(&BASE64.encode(&token)).is_err());
        }
    }
}

// Schemas and nonces.

/// A login as an earlier release wrote it, and as this one reads it.
#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Former {
    user: u64,
}

impl SessionData for Former {}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Present {
    user: u64,
    theme: Option<String>,
}

impl SessionData for Present {
    const SCHEMA: u16 = 2;

    fn migrate(from: u16, _: u16, bytes: &[u8]) -> Option<Self> {
        let former: Former =
            (from == 0).then(|| sealed_session::payload::from_postcard(bytes))??;
        let theme = Some("before".to_owned());
        Some(Self {
            user: former.user,
            theme,
        })
    }
}

#[test]
fn data_of_another_schema_is_migrated_or_refused_and_never_misread() {
    let codec: EncryptedCodec = codec();
    let former = sealed(&codec, &Former { user: 42 });
    let migrated = codec.open::<Present>(&former).unwrap().into_data();
    let theme = Some("before".to_owned());
    assert_eq!(migrated, Present { user: 42, theme });
    // A release that is rolled back does not know what a later one wrote.
    let present = sealed(
        &codec,
        &Present {
            user: 42,
            theme: None,
        },
    );
    let error = codec.open::<Former>(&present).unwrap_err();
    assert_eq!(error.kind(), OpenErrorKind::Unsupported);
    // Schema 0, and not what a former release wrote.
    let text = sealed(&codec, &Plain("42".to_owned()));
    assert!(codec.open::<Plain<String>>(&text).is_ok());
    let error = codec.open::<Present>(&text).unwrap_err();
    assert_eq!(error.kind(), OpenErrorKind::Schema);
}

#[test]
fn every_seal_has_a_nonce_of_192_bits_of_its_own() {
    let codec: EncryptedCodec = codec();
    let identity = codec.new_identity().unwrap();
    let tokens: std::collections::BTreeSet<Vec<u8>> = (0..1_000)
        .map(|_| {
            let sealed = codec.seal(&identity, &Plain(7_u8)).unwrap();
            let token = UntrustedToken::parse(sealed.value()).unwrap();
            token.nonce().unwrap().to_vec()
        })
        .collect();
    assert_eq!(tokens.len(), 1_000);
    assert!(tokens.iter().all(|nonce| nonce.len() == 24));
}

// Sizes.

/// Text that deflate cannot shorten by much.
fn noise(len: usize) -> String {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let bytes: Vec<u8> = (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .collect();
    let mut text = BASE64.encode(bytes);
    text.truncate(len);
    text
}

#[test]
fn around_the_limit_nothing_larger_than_4096_bytes_is_emitted() {
    const WINDOW: core::ops::Range<usize> = 4_000..4_200;
    let mut outcomes = [0; 3];
    for name in ["s", "__Host-session", &"n".repeat(300)] {
        for compression in [Compression::NEVER, Compression::dangerous_when_needed()] {
            let keys = KeyRing::single(Key::generate().unwrap()).unwrap();
            let policy = Policy::new(HOUR, HOUR).unwrap();
            let codec = EncryptedCodec::builder("example.com", keys, policy)
                .name(name)
                .compression(compression)
                .build()
                .unwrap();
            let identity = codec.new_identity().unwrap();
            // Name, two bytes for the text's length, and the frame of 88 bytes.
            let cookie_len = |len: usize| ((len + 2 + 90) * 4).div_ceil(3) + name.len();
            for len in (2_000..3_200).filter(|&len| WINDOW.contains(&cookie_len(len))) {
                let data = Plain(noise(len));
                let plan = codec.plan(&identity, &data).unwrap();
                match codec.seal(&identity, &data) {
                    Ok(sealed) => {
                        let size = name.len() + sealed.value().len();
                        assert!(size <= 4_096);
                        assert_eq!(plan.cookie_len(), size);
                        assert!(plan.fits());
                        assert_eq!(plan.is_deflated(), sealed.claims().is_deflated());
                        assert_eq!(plan.is_deflated(), cookie_len(len) > 4_096);
                        let opened = codec.open::<Plain<String>>(sealed.value()).unwrap();
                        assert_eq!(opened.data(), &data);
                        outcomes[usize::from(plan.is_deflated())] += 1;
                    }
                    Err(error) => {
                        let size = plan.cookie_len();
                        assert_eq!(error, SealError::TooLarge { size, limit: 4_096 });
                        assert!(!plan.fits() && cookie_len(len) > 4_096);
                        assert_eq!(compression, Compression::NEVER);
                        outcomes[2] += 1;
                    }
                }
            }
        }
    }
    // As it is, deflated, too large: the window shows all three.
    assert!(outcomes.iter().all(|&count| count > 100), "{outcomes:?}");
}

// Times.

const BEGIN: i64 = 1_000_000;
/// Before and after each limit that a policy of [`LIFETIMES`] or the tolerance sets.
const OFFSETS: [i64; 22] = [
    -121, -120, -119, -1, 0, 1, 5, 6, 7, 59, 60, 61, 119, 120, 121, 599, 600, 601, 3_599, 3_600,
    3_601, 100_000,
];
const LIFETIMES: [(i64, i64); 4] = [(60, 60), (60, 600), (600, 3_600), (1, 3_601)];

/// The rules of SPEC section 5, naively, in seconds.
mod model {
    use super::{OpenErrorKind, SealError};

    pub(super) fn seal(
        (idle, absolute): (i64, i64),
        created: i64,
        now: i64,
    ) -> Result<(i64, i64), SealError> {
        let issued = if created > now { created } else { now };
        if issued - now > 120 {
            return Err(SealError::NotYetValid);
        }
        let expires = (issued + idle).min(created + absolute);
        if expires <= now {
            return Err(SealError::Expired);
        }
        Ok((issued, expires))
    }

    pub(super) fn open(
        (idle, absolute): (i64, i64),
        (created, issued, expires): (i64, i64, i64),
        now: i64,
    ) -> Result<bool, OpenErrorKind> {
        if created - now > 120 || issued - now > 120 {
            return Err(OpenErrorKind::NotYetValid);
        }
        if now - created >= absolute {
            return Err(OpenErrorKind::ExpiredAbsolute);
        }
        if now >= expires || now - issued >= idle {
            return Err(OpenErrorKind::ExpiredIdle);
        }
        let tenth = (idle + 9) / 10;
        let renewed = (now + idle).min(created + absolute);
        Ok(now.max(issued) - issued >= tenth && renewed > expires)
    }
}

#[test]
fn lifetimes_follow_the_rules_at_every_corner() {
    let keys = SharedKeyRing::from(KeyRing::single(Key::generate().unwrap()).unwrap());
    let codecs = LIFETIMES.map(|(idle, absolute)| {
        let seconds = |n: i64| Duration::from_secs(n.unsigned_abs());
        let policy = Policy::new(seconds(idle), seconds(absolute)).unwrap();
        SignedCodec::builder("example.com", keys.clone(), policy)
            .build()
            .unwrap()
    });
    let created = at(BEGIN);
    let identity = codecs[0].at(created).new_identity().unwrap();
    let mut opened = 0;
    for (sealing, lifetimes) in codecs.iter().zip(LIFETIMES) {
        for issue in OFFSETS.map(|offset| BEGIN + offset) {
            let sealed = sealing.at(at(issue)).seal(&identity, &Plain(7_u8));
            let expected = model::seal(lifetimes, BEGIN, issue);
            let (issued, expires) = match (&sealed, &expected) {
                (Err(error), Err(expected)) => {
                    assert_eq!(error, expected);
                    continue;
                }
                (Ok(_), Ok(times)) => *times,
                _ => panic!("{lifetimes:?} at {issue}: {sealed:?}, not {expected:?}"),
            };
            let sealed = sealed.unwrap();
            assert_eq!(sealed.claims().created(), created);
            assert_eq!(sealed.claims().issued(), at(issued));
            assert_eq!(sealed.claims().expires(), at(expires));

            // Policies change between sealing and opening.
            for (opening, lifetimes) in codecs.iter().zip(LIFETIMES) {
                for offset in OFFSETS {
                    for now in [BEGIN + offset, issued + offset] {
                        let outcome = opening
                            .at(at(now))
                            .open_token(sealed.value())
                            .map(|token| token.needs_refresh())
                            .map_err(|error| error.kind());
                        let times = (BEGIN, issued, expires);
                        assert_eq!(
                            outcome,
                            model::open(lifetimes, times, now),
                            "{lifetimes:?} {times:?} at {now}"
                        );
                        opened += u32::from(outcome.is_ok());
                    }
                }
            }
        }
    }
    assert!(opened > 500, "{opened}");
}

// Cookie headers.

#[test]
fn only_the_cookie_of_exactly_our_name_is_opened() {
    let codec: EncryptedCodec = codec();
    let (genuine, forged) = (
        sealed(&codec, &Plain(String::from("genuine"))),
        sealed(&codec, &Plain(String::from("forged"))),
    );
    let long = format!("x={}; ", "y".repeat(100_000));
    for other in [
        "%5F%5FHost-session",
        "__Host%2Dsession",
        "__host-session",
        "__HOST-SESSION",
        "__Host-session\u{2000}",
        "\u{2000}__Host-session",
        "\u{a0}__Host-session",
        "\u{feff}__Host-session",
        "__Host-session\0",
        "\0__Host-session",
        "\r\n__Host-session",
        "=__Host-session",
        "a,__Host-session",
        "\"__Host-session\"",
        "$Version=1,__Host-session",
    ] {
        let hostile = format!("{other}={forged}");
        for header in [
            format!("{hostile}; __Host-session={genuine}"),
            format!("__Host-session={genuine}; {hostile}"),
            format!("{long}{hostile};{long}\t__Host-session={genuine};{hostile}"),
        ] {
            let opened: Vec<String> = cookie::candidates([header.as_bytes()], codec.name())
                .filter_map(|value| codec.open::<Plain<String>>(value).ok())
                .map(|opened| opened.into_data().0)
                .collect();
            assert_eq!(opened, ["genuine"], "{other:?}");
        }
    }
}

#[test]
fn of_many_cookies_with_our_name_four_are_tried() {
    let codec: EncryptedCodec = codec();
    let value = sealed(&codec, &Plain(1_u8));
    let name = codec.name();
    let opened = |header: &str| {
        let found = cookie::candidates([header.as_bytes()], name);
        found
            .filter(|value| codec.open::<Plain<u8>>(value).is_ok())
            .count()
    };
    let tossed = |count: usize| format!("{name}=x; ").repeat(count);
    assert_eq!(opened(&format!("{}{name}={value}", tossed(3))), 1);
    assert_eq!(opened(&format!("{}{name}={value}", tossed(4))), 0);
    assert_eq!(opened(&format!("{name}={value}; ").repeat(1_000)), 4);
    assert_eq!(
        opened(&format!("{name}={}; ", "A".repeat(4_097)).repeat(50)),
        0
    );
}

proptest! {
    #![proptest_config(few(300))]

    #[test]
    fn our_cookie_is_found_among_arbitrary_bytes(
        before in vec(any::<u8>(), 0..400),
        after in vec(any::<u8>(), 0..400),
        value in "[A-Za-z0-9_-]{1,300}",
    ) {
        let ours = format!(";__Host-session={value};");
        let header = [&before[..], ours.as_bytes(), &after].concat();
        let found = cookie::candidates([&header[..]], "__Host-session");
        prop_assert!(found.len() <= MAX_CANDIDATES);
        prop_assert!(found.clone().any(|found| found == value));
    }
}

// Arbitrary input.

proptest! {
    #![proptest_config(few(400))]

    #[test]
    fn arbitrary_text_is_refused_and_nothing_panics(
        text in prop_oneof![".{0,400}", "[A-Za-z0-9_-]{0,400}", "(ssc1_key_)?[A-Za-z0-9_-]{40,46}"],
        header in 0..42_usize,
        bytes in vec(any::<u8>(), 0..400),
    ) {
        fn check<S: Suite>(codec: &Codec<S>, text: &str, header: usize, bytes: &[u8])
        -> Result<(), TestCaseError> {
            let token = BASE64.decode(sealed(codec, &Plain(7_u8))).unwrap();
            let begun = BASE64.encode([&token[..header], bytes].concat());
            for text in [text, &begun] {
                let error = codec.open::<Login>(text).unwrap_err();
                prop_assert_eq!(error.to_string(), "no valid session");
                prop_assert!(codec.bound_to(bytes).open_token(text).is_err());
                if let Ok(token) = UntrustedToken::parse(text) {
                    let _ = (token.suite(), token.key_id(), token.nonce(), token.content_len());
                    let _ = (token.unverified_claims(), format!("{token:?}"));
                }
            }
            Ok(())
        }
        check::<Encrypted>(&codec(), &text, header, &bytes)?;
        check::<Signed>(&codec(), &text, header, &bytes)?;
        let _ = text.parse::<Key>();
        let _ = Key::from_bytes(&bytes);
    }

    #[test]
    fn arbitrary_ring_files_never_panic_and_never_show_themselves(
        bytes in vec(any::<u8>(), 0..400),
        lines in vec(prop_oneof![
            Just("[[key]]".to_owned()),
            "secret = \"(ssc1_key_)?[A-Za-z0-9_-]{43}\"",
            "(seals_from|opens_until) = [0-9]{4}-[01][0-9]-[0-3][0-9](T[012][0-9]:00:00Z)?",
            ".{0,40}",
        ], 0..12),
    ) {
        let _ = KeyRing::from_toml(&bytes);
        let text = lines.join("\n");
        if let Err(error) = KeyRing::from_toml(text.as_bytes()) {
            let shown = format!("{error} {error:?}");
            for secret in lines.iter().filter_map(|line| line.strip_prefix("secret = ")) {
                let secret = secret.trim_matches('"').trim_start_matches("ssc1_key_");
                prop_assert!(!shown.contains(secret));
            }
        }
    }
}

// Keys.

fn sealing_id(codec: &EncryptedCodec, now: Timestamp) -> (KeyId, String) {
    let scope = codec.at(now);
    let identity = scope.new_identity().unwrap();
    let value = scope.seal(&identity, &Plain(7_u8)).unwrap().into_value();
    (UntrustedToken::parse(&value).unwrap().key_id(), value)
}

proptest! {
    #![proptest_config(few(150))]

    /// Whatever is rotated and whenever: a session that was used within the idle time is
    /// opened by the ring that is in force then.
    #[test]
    fn rotations_end_no_session_that_is_in_use(
        steps in vec((0..200_000_i64, 0..200_000_u64), 1..8),
        instants in vec((0..1_000_000_i64, 0..3_600_i64), 1..12),
    ) {
        let mut now = BEGIN;
        let mut ring = KeyRing::single(Key::generate().unwrap()).unwrap();
        // Since when a ring is in force, and the codec that uses it.
        let codec_of = |ring: &KeyRing| {
            let policy = Policy::new(HOUR, 24 * HOUR).unwrap();
            EncryptedCodec::builder("example.com", ring.clone(), policy)
        };
        let mut rings = vec![(now, ring.clone())];
        for (gap, activation) in steps {
            now += gap;
            let activation = Duration::from_secs(activation);
            // Overtaking a pending key is another matter: see tests/keys.rs.
            let newest = ring.keys().last().unwrap().seals_from();
            if at(now) + activation <= newest {
                continue;
            }
            let rotated = ring.rotate(at(now), activation, HOUR, Key::generate().unwrap());
            // Refused where it would fail: then the old ring stays, as it would in use.
            if let Ok(next) = rotated {
                ring = next;
                rings.push((now, ring.clone()));
            }
        }
        let in_force = |instant: i64| {
            let (_, ring) = rings.iter().rev().find(|(since, _)| *since <= instant).unwrap();
            codec_of(ring).build().unwrap()
        };
        for (seal, idle) in instants {
            let (seal, open) = (BEGIN + seal, BEGIN + seal + idle);
            let (_, value) = sealing_id(&in_force(seal), at(seal));
            let opened = in_force(open).at(at(open)).open::<Plain<u8>>(&value);
            prop_assert!(opened.is_ok(), "{opened:?} sealed at {seal}, opened at {open}");
        }
    }
}

#[test]
fn a_codec_sees_the_ring_change_at_once() {
    let now = at(BEGIN);
    let (one, two) = (Key::generate().unwrap(), Key::generate().unwrap());
    let keys = SharedKeyRing::from(KeyRing::single(one.clone()).unwrap());
    let policy = Policy::new(HOUR, HOUR).unwrap();
    let codec = EncryptedCodec::builder("example.com", keys.clone(), policy)
        .build()
        .unwrap();
    let (id, old) = sealing_id(&codec, now);
    assert_eq!(id, one.id());

    // A leak: the new key alone.
    keys.replace(KeyRing::emergency(now, two.clone()).unwrap(), now)
        .unwrap();
    let error = codec.at(now).open_token(&old).unwrap_err();
    assert_eq!(error.kind(), OpenErrorKind::UnknownKey);
    assert_eq!(sealing_id(&codec, now).0, two.id());

    // And back again: what the codec derived before is not what it uses now.
    keys.replace(KeyRing::single(one.clone()).unwrap(), now)
        .unwrap();
    assert!(codec.at(now).open_token(&old).is_ok());
    assert_eq!(sealing_id(&codec, now).0, one.id());
}
