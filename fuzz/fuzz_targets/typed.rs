//! A choice of versions, then any postcard as a struct of every type that postcard has: what is
//! read is written, read and written the same. A token around it opens as a session of its
//! schema and shape, converts where the type does, and opens as nothing else.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealed_session::{OpenErrorKind, codec::OpenedToken};
use sealed_session_fuzz::{
    reader::{self, Claims, Verdict},
    session::{Example, Version, converts, postcard, read_and_write},
    world,
};

/// Those that the token may have, and the readers below.
const SHAPES: [u16; 4] = [0, 0x1234, 0x1235, 0xffff];

fuzz_target!(|data: &[u8]| {
    let Some((choice, data)) = data.split_first() else {
        return;
    };
    if data.len() > 2_900 {
        return;
    }
    let read: Option<Example> = read_and_write(data);
    let claims = Claims {
        schema: u16::from(choice & 3),
        shape: SHAPES[usize::from(choice >> 2 & 3)],
        ..Claims::live()
    };
    let content = [&claims.to_bytes()[..], data].concat();
    let token = world::FORGE.encrypted(&[7; 24], b"", &content);
    let token = world::ENCRYPTED.open_token(&token).unwrap();
    let read = read.as_ref();
    check::<0, 0>(&claims, &token, read);
    check::<1, 0>(&claims, &token, read);
    check::<1, 0x1234>(&claims, &token, read);
    check::<2, 0x1235>(&claims, &token, read);
    check::<1, 0xffff>(&claims, &token, read);
});

fn check<const SCHEMA: u16, const SHAPE: u16>(
    claims: &Claims,
    token: &OpenedToken,
    read: Option<&Example>,
) {
    let is_own = reader::is_own(claims, SCHEMA, SHAPE);
    let expected = |converts: bool| -> Verdict<&Example> {
        let read = read.filter(|_| is_own == Ok(true) || converts);
        is_own.and(read.ok_or(&[OpenErrorKind::Schema]))
    };
    let borrowed = token.borrow::<Version<SCHEMA, SHAPE>, Example>();
    if let Some((read, borrowed)) = reader::agree(expected(false), borrowed) {
        assert_eq!(postcard(&borrowed), postcard(read));
    }
    let data = token.data::<Version<SCHEMA, SHAPE>>();
    let converts = converts(claims.schema, claims.shape);
    if let Some((read, data)) = reader::agree(expected(converts), data) {
        assert_eq!(postcard(&data), postcard(read));
    }
}
