//! What it costs to turn a token away, from the cheapest to the dearest.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a benchmark"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use sealed_session::{EncryptedCodec, OpenErrorKind};
use support::{Login, codec, read};

fn reject(criterion: &mut Criterion) {
    let (ours, theirs): (EncryptedCodec, EncryptedCodec) = (codec(), codec());
    let login: Login = read(support::LOGIN);
    let seal = |codec: &EncryptedCodec| {
        let identity = codec.new_identity().unwrap();
        codec.seal(&identity, &login).unwrap().into_value()
    };
    let value = seal(&ours);
    // In the ciphertext, where only the tag can tell.
    let flipped = {
        let (head, rest) = value.split_at(value.len() / 2);
        let other = if rest.starts_with('A') { "B" } else { "A" };
        format!("{head}{other}{}", &rest[1..])
    };
    let cases = [
        ("too long", "x".repeat(4_097), OpenErrorKind::TooLarge),
        (
            "4 KB of garbage",
            "x".repeat(4_096),
            OpenErrorKind::WrongSuite,
        ),
        (
            "4 KB of no base64",
            ".".repeat(4_096),
            OpenErrorKind::Malformed,
        ),
        ("unknown key", seal(&theirs), OpenErrorKind::UnknownKey),
        (
            "truncated",
            value[..200].to_owned(),
            OpenErrorKind::NotAuthentic,
        ),
        ("flipped bit", flipped, OpenErrorKind::NotAuthentic),
    ];
    let mut group = criterion.benchmark_group("reject");
    for (name, value, kind) in &cases {
        let error = ours.open::<Login>(value).unwrap_err();
        assert_eq!(error.kind(), *kind, "{name}");
        group.bench_function(*name, |bencher| {
            bencher.iter(|| ours.open::<Login>(black_box(value)));
        });
    }
    group.finish();
}

criterion_group!(benches, reject);
criterion_main!(benches);
