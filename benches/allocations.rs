//! How often sealing and opening allocate, and how much: not a matter of time, so each
//! operation runs once. A binary of its own, because its allocator counts and so slows.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

#[path = "../tests/support/mod.rs"]
mod support;

use allocation_counter::{AllocationInfo, measure};
use sealed_session::{EncryptedCodec, SessionData, SignedCodec};
use support::{Case, codec, for_each_file};

struct Table {
    encrypted: EncryptedCodec,
    signed: SignedCodec,
}

impl Case for Table {
    fn run<T: SessionData + Clone + 'static>(&mut self, file: &str, form: &str, data: &T) {
        let identity = self.encrypted.new_identity().unwrap();
        let Ok(sealed) = self.encrypted.seal(&identity, data) else {
            return;
        };
        let seal = measure(|| drop(self.encrypted.seal(&identity, data)));
        let sign = measure(|| drop(self.signed.seal(&identity, data)));
        let token = measure(|| drop(self.encrypted.open_token(sealed.value())));
        let open = measure(|| drop(self.encrypted.open::<T>(sealed.value())));
        let copy = measure(|| drop(data.clone()));
        println!(
            "{file:<8} {form:<6} {:>13} {:>13} {:>13} {:>13} {:>13}",
            shown(seal),
            shown(sign),
            shown(token),
            shown(open),
            shown(copy),
        );
    }
}

fn shown(info: AllocationInfo) -> String {
    format!("{} / {}", info.count_total, info.bytes_total)
}

fn main() {
    println!("allocations / bytes allocated per operation; copy: of the data itself");
    println!(
        "{:<15} {:>13} {:>13} {:>13} {:>13} {:>13}",
        "", "seal", "seal signed", "open_token", "open", "copy"
    );
    let (encrypted, signed) = (codec(), codec());
    for_each_file(&mut Table { encrypted, signed });
}
