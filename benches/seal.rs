//! Sealing each file of the corpus that fits a cookie.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sealed_session::{
    SessionData,
    codec::{Codec, Encrypted, Signed, Suite, encoded_len},
};
use support::{Case, codec, for_each_file};

struct Seal<'c> {
    criterion: &'c mut Criterion,
}

impl Case for Seal<'_> {
    fn run<T: SessionData + Clone + 'static>(&mut self, file: &str, form: &str, data: &T) {
        self.with::<Encrypted, T>(&format!("{file}/{form}/encrypted"), data);
        self.with::<Signed, T>(&format!("{file}/{form}/signed"), data);
    }
}

impl Seal<'_> {
    fn with<S: Suite, T: SessionData>(&mut self, name: &str, data: &T) {
        let codec: Codec<S> = codec();
        let identity = codec.new_identity().unwrap();
        if codec.seal(&identity, data).is_err() {
            return;
        }
        let body = u64::try_from(encoded_len(data).unwrap()).unwrap();
        let mut group = self.criterion.benchmark_group("seal");
        group.throughput(Throughput::Bytes(body));
        group.bench_function(name, |bencher| {
            bencher.iter(|| codec.seal(&identity, black_box(data)));
        });
        group.finish();
    }
}

fn seal(criterion: &mut Criterion) {
    for_each_file(&mut Seal { criterion });
}

criterion_group!(benches, seal);
criterion_main!(benches);
