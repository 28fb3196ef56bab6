//! Flags, then any body of a token that is authentic: padding and deflate are undone as zlib
//! undoes them, and to 65,536 bytes at most.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealed_session_fuzz::{reader, world};

fuzz_target!(|data: &[u8]| {
    let Some((flags, body)) = data.split_first() else {
        return;
    };
    if body.len() > 2_900 {
        return;
    }
    let claims = reader::Claims {
        // Deflated in most inputs.
        deflated: flags & 4 == 0,
        padded: flags & 8 != 0,
        ..reader::Claims::live()
    };
    let content = [&claims.to_bytes()[..], body].concat();
    let token = world::FORGE.signed(b"", &content);
    let opened = world::SIGNED.open_token(&token);
    let verdict = reader::open_content(&content, world::NOW);
    if let Some(((_, plain), opened)) = reader::agree(verdict, opened) {
        assert_eq!(plain, opened.bytes());
        assert!(plain.len() <= reader::MAX_INFLATED);
    }
});
