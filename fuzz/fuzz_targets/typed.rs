//! Any postcard as a struct of every type that postcard has: what is read is written, read
//! and written the same; a token around it opens where it is read, and only under its schema.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealed_session::OpenErrorKind;
use sealed_session_fuzz::{
    reader,
    session::{Example, postcard, read_and_write},
    world,
};

fuzz_target!(|data: &[u8]| {
    if data.len() > 2_900 {
        return;
    }
    let read: Option<Example> = read_and_write(data);
    for schema in [0, 1] {
        let claims = reader::Claims {
            kind: 0,
            deflated: false,
            padded: false,
            class: 0,
            created: world::NOW,
            issued: world::NOW,
            expires: world::NOW + 1,
            sid: [7; 16],
            schema,
            subject: None,
        };
        let content = [&claims.to_bytes()[..], data].concat();
        let token = world::FORGE.encrypted(&[7; 24], b"", &content);
        match (world::ENCRYPTED.open::<Example>(&token), &read) {
            (Ok(opened), Some(read)) if schema == 0 => {
                assert_eq!(postcard(opened.data()), postcard(read));
            }
            (Err(error), read) if schema == 1 || read.is_none() => {
                assert_eq!(error.kind(), OpenErrorKind::Schema);
            }
            (outcome, _) => panic!("schema {schema}: {:?}", outcome.map(|_| ())),
        }
    }
});
