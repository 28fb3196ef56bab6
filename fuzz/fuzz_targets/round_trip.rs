//! Any session, sealed under any configuration: what is sealed fits, is what was planned, is
//! what the second reader finds, and opens to the same; what does not fit is no token.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use sealed_session::{
    CookieConfig, SealError, SessionData,
    codec::{Codec, Encrypted, Signed, Suite},
    payload::Compression,
    time::Timestamp,
};
use sealed_session_fuzz::{
    forge::Forge,
    reader,
    session::{self, Example, Octets, postcard},
    world::{self, CONTEXT, NAME, NOW},
};

#[derive(Debug, Arbitrary)]
struct Setting {
    signed: bool,
    compression: u8,
    /// Below the limit that browsers set.
    less: u16,
    /// Appended to the name.
    longer: u8,
    aad: Vec<u8>,
    user: Option<Vec<u8>>,
    long_class: bool,
    /// When it is opened, and when it began, in seconds from and before its sealing.
    later: u32,
    age: u32,
    kind: u8,
}

fuzz_target!(|data: &[u8]| {
    let _ = run(&mut Unstructured::new(data));
});

fn run(input: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let setting = Setting::arbitrary(input)?;
    match setting.kind % 3 {
        0 => either(&setting, &session::values(input)?),
        1 => either(&setting, &Example::arbitrary(input)?),
        _ => {
            // Long ones too, which the input is too short for.
            let times = usize::from(u16::arbitrary(input)?) % 1_000;
            let piece: Vec<u8> = input.arbitrary()?;
            either(&setting, &Octets(piece.repeat(times)));
        }
    }
    Ok(())
}

fn either<T: SessionData>(setting: &Setting, data: &T) {
    if setting.signed {
        check::<Signed, T>(setting, data, 2);
    } else {
        check::<Encrypted, T>(setting, data, 1);
    }
}

fn check<S: Suite, T: SessionData>(setting: &Setting, data: &T, suite: u8) {
    let name = format!("{NAME}{}", "n".repeat(setting.longer.into()));
    let compression = match setting.compression % 3 {
        0 => Compression::dangerous_when_needed(),
        1 => Compression::NEVER,
        _ => Compression::dangerous_always(),
    };
    let limit = 4096 - usize::from(setting.less % 4_500).min(4096);
    let built = world::builder::<S>(&world::root(), CONTEXT)
        .name(&name)
        .limit(limit)
        .compression(compression)
        .build();
    let shortest = (if suite == 2_u8 { 82_usize } else { 90 } * 4).div_ceil(3);
    assert_eq!(built.is_ok(), limit >= name.len() + shortest);
    let Ok(codec) = built else { return };
    seal(&codec, setting, data, suite, &name, limit);
}

fn seal<S: Suite, T: SessionData>(
    codec: &Codec<S>,
    setting: &Setting,
    data: &T,
    suite: u8,
    name: &str,
    limit: usize,
) {
    let created = Timestamp::from_unix_seconds(NOW - setting.age % 86_400);
    let mut identity = codec.at(created).new_identity().unwrap();
    if setting.long_class {
        identity = identity.with_class(codec.policy().class("remember-me").unwrap());
    }
    if let Some(user) = &setting.user {
        identity = identity.with_subject(codec.subject(user));
    }
    let scope = codec.bound_to(&setting.aad);
    let plan = scope.plan(&identity, data).unwrap();
    let sealed = match scope.seal(&identity, data) {
        Ok(sealed) => sealed,
        Err(SealError::TooLarge { size, limit: told }) => {
            assert!(size > limit && told == limit);
            assert!(!plan.fits() && plan.cookie_len() == size);
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let value = sealed.value();
    assert!(plan.fits() && plan.limit() == limit);
    assert_eq!(plan.cookie_len(), name.len() + value.len());
    assert!(plan.cookie_len() <= limit);
    let config = CookieConfig::named(name).build().unwrap();
    assert!(config.set_cookie(value, None).is_ok());

    let forge = Forge::new(&world::root(), CONTEXT, name);
    let (claims, plain) = reader::open(&forge, suite, &setting.aad, value).unwrap();
    reader::same_claims(&claims, sealed.claims());
    assert_eq!(plain, postcard(data));
    assert_eq!(claims.created, created.unix_seconds());
    assert_eq!(claims.issued, NOW);
    assert_eq!((claims.schema, claims.shape), (T::SCHEMA, T::SHAPE));

    // At another instant, it opens as long as it lives.
    let later = NOW + setting.later % 6_000_000;
    let verdict = reader::check_times(&claims, later);
    let opened = codec
        .at(Timestamp::from_unix_seconds(later))
        .bound_to(&setting.aad)
        .open::<T>(value);
    if let Some(((), opened)) = reader::agree(verdict, opened) {
        assert_eq!(postcard(opened.data()), plain);
        assert_eq!(opened.identity(), identity);
    }
    // Bound to anything else, it does not.
    let other = [&setting.aad[..], b"x"].concat();
    assert!(codec.bound_to(&other).open::<T>(value).is_err());
}
